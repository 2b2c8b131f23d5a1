"""Objectives over recordings: counters that are reset and wrap, samples that are missing, outages that are imagined."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from schemas.errors import ConfigurationError
from slo.definition import (
    AlertPolicy,
    BucketIndicator,
    DerivedIndicator,
    RatioIndicator,
    RollingWindow,
    Slo,
    Source,
    ThresholdIndicator,
)
from slo.evaluate import evaluate
from slo.recorded import Counts, Recording, Series, counts_of, growth, roles_of
from slo.simulate import Outage, simulate, steady
from tests.unit.slo.feeding import START_MS

MakeSlo = Callable[..., Slo]
DAY_S = 86_400
SOURCE = Source(metric="m")


def counter(per_step: Any, every_s: int = 15, start: float = 0.0) -> Series:
    steps = np.asarray(per_step, dtype=float)
    times = START_MS + np.arange(len(steps) + 1) * every_s * 1000
    return Series(times, start + np.concatenate([[0.0], np.cumsum(steps)]))


def samples(values: Any, every_s: int = 60) -> Series:
    return Series(START_MS + np.arange(len(values)) * every_s * 1000, np.asarray(values, dtype=float))


@pytest.mark.parametrize(
    ("values", "grown"),
    [
        ([1.0, 4.0, 4.0], [3.0, 0.0]),
        ([100.0, 130.0, 7.0, 9.0], [30.0, 7.0, 2.0]),
        ([2.0**32 - 30, 2.0**32 - 10, 12.0], [20.0, 22.0]),
        ([2.0**32 - 11, 2.0**32 - 10, 1e9], [1.0, 1e9]),
    ],
)
def test_a_counter_that_drops_was_reset_or_passed_32_bits(values: list[float], grown: list[float]) -> None:
    assert growth(Series(np.arange(len(values)) * 10_000, np.array(values))).tolist() == grown


def test_growth_over_a_gap_of_more_than_an_hour_is_in_no_slice(slo: MakeSlo) -> None:
    minutes = np.array([0, 1, 61, 122, 123])  # a gap of exactly an hour, then one of an hour and a minute
    total = Series(START_MS + minutes * 60_000, np.array([0.0, 10.0, 40.0, 1000.0, 1007.0]))
    assert growth(total)[[0, 1, 3]].tolist() == [10.0, 30.0, 7.0]
    assert np.isnan(growth(total)[2])
    bad = Series(total.times_ms, np.array([0.0, 0.0, 0.0, 900.0, 901.0]))
    counts = counts_of(slo(), {"bad": [bad], "total": [total]})
    assert np.nansum(counts.slices, axis=0).tolist() == [1.0, 47.0, 0.0]


def test_counters_that_never_grew_within_an_hour_cannot_be_evaluated(slo: MakeSlo) -> None:
    far = Series(START_MS + np.array([0, 3_600_001]), np.array([0.0, 10.0]))
    with pytest.raises(ConfigurationError):
        counts_of(slo(), {"bad": [far], "total": [far]})


def test_counters_are_weighed_by_events(slo: MakeSlo) -> None:
    bad = np.concatenate([np.full(120, 90.0), np.full(120, 15.0)])
    total = np.concatenate([np.full(120, 150.0), np.full(120, 1530.0)])
    found = evaluate(slo(), {"bad": [counter(bad)], "total": [counter(total, start=17.0)]})
    burn = {one.window_s: one for one in found.status.burn}
    assert burn[3600].error_ratio == 0.0625
    assert burn[3600].burn_rate == pytest.approx(62.5)
    assert found.compliance == 0.9375
    assert not found.met


def test_good_counters_and_buckets_count_what_is_not_good(slo: MakeSlo) -> None:
    recording: Recording = {
        "good": [counter([9.0, 8.0]), counter([5.0, 5.0])],
        "total": [counter([10.0, 10.0]), counter([5.0, 5.0])],
    }
    for indicator in (RatioIndicator(good=SOURCE, total=SOURCE), BucketIndicator(histogram=SOURCE, le=0.3)):
        own = evaluate(slo(indicator=indicator), recording).status.budget("own")
        assert (own.bad, own.total) == (3.0, 30.0)


def test_a_window_that_ends_with_a_scrape_holds_the_growth_before_it(slo: MakeSlo) -> None:
    found = counts_of(slo(), {"bad": [counter([0.0] * 4)], "total": [counter([1.0, 2.0, 4.0, 8.0])]})
    ends = found.start_ms + 5000 * (1 + np.flatnonzero(found.slices[:, 1] > 0))
    assert (ends - START_MS).tolist() == [15_000, 30_000, 45_000, 60_000]


def test_numbers_of_events_that_are_no_counters_are_taken_as_they_are(slo: MakeSlo) -> None:
    indicator = RatioIndicator(bad=SOURCE, total=SOURCE, counter=False)
    own = evaluate(slo(indicator=indicator), {"bad": [samples([1, 0, 2])], "total": [samples([5, 5, 5])]})
    assert (own.status.budget("own").bad, own.status.budget("own").total) == (3.0, 15.0)


def test_samples_that_are_known_to_be_missing_are_unknown(slo: MakeSlo) -> None:
    disk = ThresholdIndicator(source=SOURCE, op="lt", value=90)
    own = evaluate(slo(indicator=disk), {"value": [samples([50.0, np.nan, 95.0, 90.0, 89.9])]}).status.budget("own")
    assert (own.bad, own.total, own.unknown) == (2.0, 4.0, 1.0)


@pytest.mark.parametrize(("op", "bad"), [("lt", 2), ("lte", 1), ("gt", 2), ("gte", 1)])
def test_every_comparison(slo: MakeSlo, op: str, bad: float) -> None:
    indicator = ThresholdIndicator(source=SOURCE, op=op, value=5.0)
    found = evaluate(slo(indicator=indicator), {"value": [samples([4.0, 5.0, 6.0])]})
    assert found.status.budget("own").bad == bad


def test_a_quantile_is_one_sample_a_slice(slo: MakeSlo) -> None:
    wait = ThresholdIndicator(source=SOURCE, op="lt", value=30, quantile=0.95)
    values = np.concatenate([np.where(np.arange(60) < 57, 5.0, 99.0), np.where(np.arange(60) < 56, 5.0, 99.0)])
    one = slo(indicator=wait, method="Timeslices", slice_s=60, slice_target=1.0)
    own = evaluate(one, {"value": [samples(values, every_s=1)]}).status.budget("own")
    assert (own.bad, own.total) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("indicator", "roles"),
    [
        (RatioIndicator(bad=SOURCE, total=SOURCE), ["bad", "total"]),
        (RatioIndicator(good=SOURCE, total=SOURCE), ["good", "total"]),
        (BucketIndicator(histogram=SOURCE, le=1), ["good", "total"]),
        (ThresholdIndicator(source=SOURCE, op="lt", value=1), ["value"]),
        (DerivedIndicator(source="node_health"), []),
        (DerivedIndicator(source="network_utilisation", op="lt", value=0.8), ["received", "sent", "speed"]),
    ],
)
def test_what_must_be_recorded_of_an_indicator(slo: MakeSlo, indicator: Any, roles: list[str]) -> None:
    assert roles_of(slo(indicator=indicator)) == roles
    with pytest.raises(ConfigurationError):
        evaluate(slo(indicator=indicator), {})


def test_counters_with_one_sample_grew_by_nobody_knows_what(slo: MakeSlo) -> None:
    with pytest.raises(ConfigurationError):
        evaluate(slo(), {"bad": [counter([])], "total": [counter([])]})


def test_an_evaluation_tells_its_alerts_and_is_plain_values(slo: MakeSlo) -> None:
    bad = np.zeros(400)
    bad[300:304] = 150.0
    found = evaluate(slo(), {"bad": [counter(bad)], "total": [counter(np.full(400, 150.0))]})
    first = next(one for one in found.alerts if one.alert == "page-quick")
    outage_ms = START_MS + 300 * 15_000
    assert first.state == "start"
    assert 0 < first.at_ms - outage_ms <= 60_000
    body = json.loads(json.dumps(found.body()))
    assert len(body["alerts"]) == len(found.alerts)
    assert {one["period"] for one in body["budgets"]} == {"daily", "weekly", "monthly", "own"}
    assert body["burn"][0]["window_s"] == 300


def test_an_outage_now_spends_what_arithmetic_says_and_pages_in_time(slo: MakeSlo) -> None:
    one = slo(window=RollingWindow(duration_s=7 * DAY_S), slice_s=10)
    found = simulate(one, steady(one, 20.0, START_MS), Outage(length_s=60))
    assert found.before.budget("own").remaining == 1.0
    spent = 1 - found.after.budget("own").remaining
    assert spent == pytest.approx(60 / (7 * DAY_S * 0.001), abs=1e-9)
    starts = {one["alert"]: one["after_s"] for one in found.body()["alerts"] if one["state"] == "start"}
    # 3.36 of an hour at 99.9 % is 12.096 s; 1.4 of six hours 30.24 s.
    assert starts["page-quick"] == 20.0
    assert starts["page-slow"] == 40.0
    open_at_the_end = {one.alert for one in found.alerts if one.state == "start"}
    open_at_the_end -= {one.alert for one in found.alerts if one.state == "end"}
    assert open_at_the_end == set()
    json.dumps(found.body())


def test_a_small_outage_raises_nothing(slo: MakeSlo) -> None:
    one = slo(slice_s=60, alerts=AlertPolicy(remaining=()))
    found = simulate(one, steady(one, 20.0, START_MS), Outage(share=0.01, length_s=300))
    assert found.alerts == ()
    assert found.after.budget("own").bad == pytest.approx(0.01 * 300 * 20)


def test_a_history_that_knows_of_no_traffic_simulates_none(slo: MakeSlo) -> None:
    found = simulate(slo(), Counts(START_MS, np.full((3, 3), np.nan)), Outage(length_s=60))
    assert found.after.budget("own").total == 0


def test_a_recording_without_a_single_error_is_all_good(slo: MakeSlo) -> None:
    total = Series(np.arange(5) * 15_000, np.arange(5) * 100.0)
    found = evaluate(slo(indicator=RatioIndicator(bad=SOURCE, total=SOURCE)), {"total": [total]})
    assert (found.status.budget("own").bad, found.status.budget("own").total) == (0.0, 400.0)
