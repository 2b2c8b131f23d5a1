"""Budgets: exact where arithmetic is exact, undefined where there is nothing to divide by."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from slo.budget import Counted, allowed_s, budget_of, consumed, error_ratio, remaining_of_period, time_to_exhaustion
from slo.definition import AlertPolicy, CalendarWindow, RollingWindow, ThresholdIndicator, Unknown
from slo.definition import Source as MetricSource
from slo.slices import judge
from tests.unit.slo.feeding import START_MS, Feed

DAY_S = 86_400
MakeFeed = Callable[..., Feed]


def one(bad: float, total: float) -> Counted:
    return Counted(np.array([bad]), np.array([total]))


def own(feed: Feed):
    status = feed.engine.status(feed.key)
    assert status is not None
    return status.event().budget("own")


def test_the_budget_of_99_95_percent_over_30_days_is_21_6_minutes_exactly() -> None:
    assert allowed_s(0.9995, 30 * DAY_S) == 1296.0
    assert allowed_s(0.9995, 30 * DAY_S) / 60 == 21.6


@pytest.mark.parametrize(("target", "budget"), [(0.999, 0.001), (0.9995, 0.0005), (0.99, 0.01), (0.9999, 0.0001)])
def test_the_budget_is_the_decimal_one_and_not_what_floats_leave_of_it(target: float, budget: float) -> None:
    """Sloth says 0.09999999999999432 % of 99.9."""
    assert budget_of(target) == budget
    assert (100 - 99.9) != 0.1


def test_an_hour_of_minutes_with_three_bad_ones_is_0_95_exactly(feed: MakeFeed) -> None:
    disk = ThresholdIndicator(source=MetricSource(metric="disk_used"), op="lt", value=90)
    hour = RollingWindow(duration_s=3600)
    counting = feed(method="Timeslices", indicator=disk, slice_s=60, slice_target=1.0, target=0.9, window=hour)
    for minute in range(60):
        counting.go(1, bad=1.0 if minute in {7, 8, 40} else 0.0, total=1.0)
    assert own(counting).compliance == 0.95
    assert own(counting).remaining == pytest.approx(0.5, abs=1e-12)


def test_a_window_is_weighed_by_events_and_not_by_ratios(feed: MakeFeed) -> None:
    """6/s bad of 10/s, then 1/s of 102/s: 0.0625; a mean of ratios says 0.3049."""
    counting = feed()
    counting.go(60, bad=30.0, total=50.0)
    counting.go(60, bad=5.0, total=510.0)
    burn = {window["window_s"]: window for window in counting.engine.status(counting.key).body["burn"]}
    assert burn[3600]["error_ratio"] == 0.0625
    assert np.mean([6 / 10, 1 / 102]) == pytest.approx(0.3049, abs=1e-4)


def test_what_is_left_goes_below_zero(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(100, bad=1.0, total=100.0)
    assert own(counting).remaining == pytest.approx(-9.0, abs=1e-9)
    assert own(counting).consumed == pytest.approx(10.0, abs=1e-9)


def test_a_young_slo_has_most_of_its_whole_period_left(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(720, bad=1.0, total=100.0)
    assert own(counting).remaining == pytest.approx(-9.0)
    assert own(counting).remaining_of_period == pytest.approx(1 - 10 / 720)


def test_without_events_nothing_is_defined(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(3, bad=0.0, total=0.0)
    budget = own(counting)
    assert (budget.compliance, budget.consumed, budget.remaining) == (None, None, None)
    assert np.isnan(error_ratio(one(0.0, 0.0)))
    assert np.isnan(consumed(one(0.0, 0.0), np.array([0.1])))


@pytest.mark.parametrize(
    ("policy", "compliance", "total"), [("ignore", 0.75, 4.0), ("good", 0.9, 10.0), ("bad", 0.3, 10.0)]
)
def test_slices_that_nobody_measured_count_as_the_policy_says(
    feed: MakeFeed, policy: Unknown, compliance: float, total: float
) -> None:
    counting = feed(method="Timeslices", slice_s=60, slice_target=0.5, unknown=policy)
    counting.go(3)
    counting.be_silent(6)
    counting.go(1, bad=100.0)
    assert own(counting).compliance == pytest.approx(compliance)
    assert own(counting).total == total
    assert own(counting).unknown == 6.0


@pytest.mark.parametrize(("policy", "bad", "total"), [("ignore", 1, 10), ("good", 1, 15), ("bad", 6, 15)])
def test_unknown_events_count_as_the_policy_says(feed: MakeFeed, policy: Unknown, bad: float, total: float) -> None:
    counting = feed(unknown=policy)
    counting.go(1, bad=1.0, total=10.0, unknown=5.0)
    assert (own(counting).bad, own(counting).total) == (bad, total)


@pytest.mark.parametrize(("good", "is_bad"), [(9, 0), (8, 1)])
def test_a_timeslice_is_good_from_its_target_on(good: float, is_bad: float) -> None:
    raw = np.array([[10.0 - good, 10.0, 0.0]])
    assert judge("Timeslices", raw, np.array([0.9]), np.array([True]))[0].tolist() == [is_bad, 1.0, 0.0]


def test_no_share_of_a_slice_is_below_none_or_above_all_where_scrapes_lie_on_two_sides_of_its_edge() -> None:
    raw = np.array([[-3.0, 10.0, 0.0], [13.0, 10.0, 0.0]])
    judged = judge("RatioTimeslices", raw, np.ones(2), np.ones(2, bool))
    assert judged.tolist() == [[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]
    judged = judge("Timeslices", raw, np.full(2, 0.9), np.ones(2, bool))
    assert judged.tolist() == [[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]


def test_ratio_timeslices_are_the_mean_of_the_slices_ratios(feed: MakeFeed) -> None:
    counting = feed(method="RatioTimeslices", slice_s=60)
    counting.go(1, bad=6.0, total=10.0)
    counting.go(1, bad=1.0, total=102.0)
    assert 1 - own(counting).compliance == pytest.approx((6 / 10 + 1 / 102) / 2, abs=1e-15)


def test_a_calendar_budget_begins_anew_with_its_day(feed: MakeFeed) -> None:
    day = CalendarWindow(unit="day", start="2026-01-01 00:00:00", time_zone="Asia/Kathmandu")
    counting = feed(window=day, slice_s=60)
    status = None
    totals = []
    for _ in range(8 * 60):
        counting.go(1, bad=1.0)
        status = own(counting)
        totals.append((status.start_ms, status.total))
        passed = (counting.at_ms - max(status.start_ms, START_MS)) // 60_000
        assert status.total == 100.0 * passed
    assert len({start for start, _ in totals}) == 2


def test_early_in_a_period_alerts_go_by_the_whole_of_it() -> None:
    spent = consumed(one(1.0, 100.0), np.array([0.001]))
    assert float(1 - spent[0]) == pytest.approx(-9.0)
    assert float(remaining_of_period(spent, np.array([60.0]), 86_400.0)[0]) == pytest.approx(1 - 10 / 1440)


def recent(rng: np.random.Generator, rate: float, hours: int, runs: int) -> Counted:
    return Counted(rng.poisson(rate * hours, runs).astype(float), np.full(runs, 1000.0 * hours))


@pytest.mark.parametrize("rate", [2.0, 5.0, 40.0])
def test_four_times_in_five_the_budget_ends_within_the_interval(rate: float) -> None:
    """Bad events come by chance, at a rate that stays: the last hour is within the last six, those within a day."""
    rng = np.random.default_rng(6)
    runs = 4000
    hour = rng.poisson(rate, runs).astype(float)
    six = hour + rng.poisson(5 * rate, runs)
    day = six + rng.poisson(18 * rate, runs)
    counts = [Counted(bad, np.full(runs, 1000.0 * hours)) for bad, hours in ((hour, 1), (six, 6), (day, 24))]
    length_h = 720
    allowed = np.full(runs, 1000.0 * length_h * 0.001)
    left = np.full(runs, 0.3)
    found = time_to_exhaustion(left, np.full(runs, 0.001), allowed, (length_h * 3600.0, np.inf), counts) / 3600
    true = rng.gamma(0.3 * allowed, 1 / rate)
    low = np.where(np.isnan(found[1]), np.inf, found[1])
    high = np.where(np.isnan(found[2]), np.inf, found[2])
    held = float(((low <= true) & (true <= high)).mean())
    assert held >= 0.8
    assert float((found[0] > true).mean()) == pytest.approx(0.5, abs=0.15)


def test_a_budget_that_lasts_the_period_has_no_end(feed: MakeFeed) -> None:
    counting = feed()
    counting.go(720)
    assert "exhausted_in" not in counting.engine.status(counting.key).body


def test_a_budget_that_is_spent_ends_now(feed: MakeFeed) -> None:
    counting = feed(window=RollingWindow(duration_s=3600), alerts=AlertPolicy(remaining=()))
    counting.go(720, bad=1.0)
    assert counting.engine.status(counting.key).event().exhausted_in.p50_s == 0.0


def test_a_steady_burn_ends_the_budget_when_arithmetic_says(feed: MakeFeed) -> None:
    counting = feed(window=RollingWindow(duration_s=7 * DAY_S))
    counting.go(720, bad=0.0, total=100.0)
    counting.go(720, bad=2.0, total=100.0)
    ending = counting.engine.status(counting.key).event().exhausted_in
    left = own(counting).remaining_of_period
    assert ending.low_80_s < ending.p50_s < ending.high_80_s
    assert ending.p50_s == pytest.approx(left * 7 * DAY_S / 20, rel=0.6)
