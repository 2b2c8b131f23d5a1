"""When an objective speaks: the Workbook's tiers to the slice, and what must not page."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import get_args

import pytest

from slo import burn
from slo.burn import SIGNALS, STATES, TRANSITIONS, Transition
from slo.definition import AlertPolicy, BurnTier, RollingWindow
from slo.engine import EngineSettings
from tests.unit.slo.feeding import Feed

MakeFeed = Callable[..., Feed]
DAY_S = 86_400
HOUR = 720
PAGE = BurnTier(name="page", long_s=3600, short_s=300, factor=14.4, priority="P0")
SLOW = BurnTier(name="slow", long_s=3600, short_s=300, factor=6.0, priority="P1")
QUIET = EngineSettings(status_every_s=10**9)


def only(*tiers: BurnTier, **fields: float) -> AlertPolicy:
    return AlertPolicy(profile="custom", tiers=tiers, remaining=(), **fields)


def told(turns: list[Transition]) -> list[tuple[str, str]]:
    return [(one.alert, one.state) for one in turns]


def test_the_table_is_whole_and_stands_in_the_docstring() -> None:
    assert set(TRANSITIONS) == set(itertools.product(STATES, SIGNALS))
    assert set(TRANSITIONS.values()) <= set(STATES)
    for state in STATES:
        row = "  ".join(f"{TRANSITIONS[state, signal]:8}" for signal in SIGNALS)
        assert f"{state:8}  {row}".rstrip() in (burn.__doc__ or "")
    assert get_args(burn.Signal) == SIGNALS


def test_a_full_outage_pages_with_the_slice_after_51_84_s(feed: MakeFeed) -> None:
    counting = feed(QUIET, alerts=only(PAGE))
    counting.go(HOUR)
    began_ms = counting.at_ms
    turns = counting.go(12, bad=100.0)
    assert told(turns) == [("page", "start")]
    assert turns[0].at_ms - began_ms == 55_000 <= 51_840 + 5_000
    assert turns[0].priority == "P0"
    assert turns[0].long_ratio == 11 / HOUR
    assert turns[0].burn_rate == pytest.approx(11 / HOUR / 0.001)
    assert turns[0].short_ratio == 11 / 60


def test_an_outage_trips_every_tier_when_arithmetic_says(feed: MakeFeed) -> None:
    counting = feed(QUIET, alerts=AlertPolicy(remaining=()), slice_s=60)
    counting.go(3 * 1440)
    began_ms = counting.at_ms
    turns = counting.go(6, bad=100.0)
    after = {one.alert: (one.at_ms - began_ms) / 60_000 for one in turns if one.state == "start"}
    # 14.4 of an hour is 0.864 min of outage, 6 of six hours 2.16, 3 of a day 4.32, 1 of three days 4.32.
    assert after == {"page-quick": 1, "page-slow": 3, "ticket-quick": 5, "ticket-slow": 5}


def test_a_page_ends_within_its_short_window(feed: MakeFeed) -> None:
    counting = feed(QUIET, alerts=only(PAGE))
    counting.go(HOUR)
    counting.go(20, bad=100.0)
    turns = counting.go(60)
    assert told(turns) == [("page", "end")]
    assert turns[0].at_ms <= counting.at_ms
    start = counting.alerts[0]
    assert turns[0].id == start.id
    assert turns[0].started_ms == start.at_ms


def test_a_ratio_at_the_threshold_does_not_fire_whatever_floats_say(feed: MakeFeed) -> None:
    tier = BurnTier(name="page", long_s=50, short_s=50, factor=10.0, priority="P0")
    counting = feed(QUIET, alerts=only(tier, min_events=0, min_bad=0), target=0.99)
    assert counting.go(20, bad=10.0) == []
    assert told(counting.go(1, bad=11.0)) == [("page", "start")]


def test_one_error_of_twenty_requests_never_pages(feed: MakeFeed) -> None:
    counting = feed(QUIET, alerts=AlertPolicy())
    for third in range(60):
        counting.go(1, bad=1.0 if third % 20 == 7 else 0.0, total=1.0)
        counting.go(35, total=0.0)
    assert counting.alerts == []


@pytest.mark.parametrize(("fields", "pages"), [({"min_bad": 4}, False), ({"min_events": 121}, False), ({}, True)])
def test_a_page_needs_enough_events_and_bad_ones(feed: MakeFeed, fields: dict[str, int], pages: bool) -> None:
    counting = feed(QUIET, alerts=only(PAGE, **fields))
    counting.go(60, total=1.95)
    turns = counting.go(1, bad=3.0, total=3.0)
    assert bool(turns) is pages


def test_an_alert_of_a_share_near_all_of_the_budget_ends_once_nothing_is_spent(feed: MakeFeed) -> None:
    hour = RollingWindow(duration_s=3600)
    policy = AlertPolicy(profile="custom", remaining=(0.99,), min_events=0, min_bad=0)
    counting = feed(QUIET, alerts=policy, window=hour)
    counting.go(HOUR)
    assert ("budget-0.99", "start") in told(counting.go(1, bad=10.0))
    assert ("budget-0.99", "end") in told(counting.go(HOUR))


def test_timeslices_need_no_number_of_events(feed: MakeFeed) -> None:
    counting = feed(QUIET, method="Timeslices", slice_s=60, slice_target=0.9, alerts=only(PAGE))
    counting.go(60, total=1.0)
    assert told(counting.go(1, bad=1.0, total=1.0)) == [("page", "start")]


def test_absence_is_told_after_as_long_as_an_outage_takes_to_page_and_freezes_what_is_open(feed: MakeFeed) -> None:
    counting = feed(QUIET, alerts=only(PAGE))
    counting.go(HOUR)
    counting.go(20, bad=100.0)
    silent_ms = counting.at_ms
    turns = counting.be_silent(3 * HOUR)
    assert told(turns) == [("no-data", "start"), ("page", "update")]
    assert {one.at_ms - silent_ms for one in turns} == {120_000}
    assert turns[1].frozen
    assert told(counting.go(1)) == [("no-data", "end"), ("page", "end")]


@pytest.mark.parametrize(("target", "after_s"), [(0.999, 120), (0.99, 520), (0.9, 5185)])
def test_absence_waits_longer_where_more_may_be_bad(feed: MakeFeed, target: float, after_s: int) -> None:
    counting = feed(QUIET, alerts=only(PAGE), target=target)
    counting.go(10)
    turns = counting.be_silent(2 * HOUR)
    assert [(one.alert, one.at_ms - counting.at_ms + 2 * HOUR * 5000) for one in turns] == [("no-data", after_s * 1000)]


def test_an_alert_that_froze_goes_on_if_it_is_as_bad_when_data_come_back(feed: MakeFeed) -> None:
    counting = feed(QUIET, alerts=only(PAGE))
    counting.go(HOUR)
    counting.go(20, bad=100.0)
    counting.be_silent(30)
    turns = counting.go(1, bad=100.0)
    assert told(turns) == [("no-data", "end"), ("page", "update")]
    assert not turns[1].frozen


def test_a_window_that_ran_empty_before_absence_is_told_ends_nothing(feed: MakeFeed) -> None:
    counting = feed(QUIET, alerts=only(PAGE), target=0.98)
    counting.go(HOUR)
    counting.go(300, bad=100.0)
    assert told(counting.be_silent(100)) == []


def test_no_traffic_where_it_is_measured_is_no_failure(feed: MakeFeed) -> None:
    counting = feed(QUIET, alerts=only(PAGE))
    counting.go(HOUR)
    counting.go(20, bad=100.0)
    assert told(counting.go(61, total=0.0)) == [("page", "end")]


def test_an_slo_that_was_never_heard_of_is_not_absent(feed: MakeFeed) -> None:
    counting = feed(QUIET)
    counting.be_silent(10)
    assert counting.be_silent(HOUR) == []
    assert counting.engine.status(counting.key).body["no_data"]


def test_a_slow_page_is_p0_with_little_of_the_budget_left(feed: MakeFeed) -> None:
    counting = feed(QUIET, alerts=only(SLOW), window=RollingWindow(duration_s=12 * 3600), target=0.99)
    counting.go(HOUR)
    starts = counting.go(300, bad=30.0)
    assert [(one.state, one.priority) for one in starts] == [("start", "P1"), ("update", "P0")]
    assert starts[0].budget_left >= 0.25 > starts[1].budget_left
    assert starts[0].id == starts[1].id


def test_each_share_of_the_budget_is_told_once_it_is_reached_and_taken_back_with_hysteresis(feed: MakeFeed) -> None:
    hour = RollingWindow(duration_s=3600)
    counting = feed(QUIET, window=hour, alerts=AlertPolicy(profile="custom", remaining=(0.5, 0.25, 0.0)), target=0.9)
    counting.go(HOUR)
    turns = counting.go(72, bad=100.0)
    assert told(turns) == [("budget-0.5", "start"), ("budget-0.25", "start"), ("budget-0", "start")]
    assert [one.priority for one in turns] == ["P3", "P2", "P2"]
    assert [round(one.budget_left, 9) for one in turns] == [0.5, 0.25, 0.0]
    ends = counting.go(2 * HOUR)
    assert told(ends) == [("budget-0", "end"), ("budget-0.25", "end"), ("budget-0.5", "end")]
    assert all(one.budget_left >= share + 0.02 for one, share in zip(ends, (0.0, 0.25, 0.5), strict=True))


def test_a_broken_sla_is_p1(feed: MakeFeed) -> None:
    hour = RollingWindow(duration_s=3600)
    counting = feed(QUIET, window=hour, alerts=only(), target=0.99, sla=0.95)
    counting.go(HOUR)
    turns = counting.go(40, bad=100.0)
    assert [(one.alert, one.kind, one.state, one.priority) for one in turns] == [("sla", "sla", "start", "P1")]
    event = counting.engine.status(counting.key).event()
    assert event.sla == 0.95
    assert event.sla_remaining < 0
    assert event.firing == ["sla"]
    (opened,) = event.open
    assert (opened.alert, opened.kind, opened.priority, opened.frozen) == ("sla", "sla", "P1", False)
    assert (opened.started_ms, event.slice_s) == (turns[0].started_ms, 5)


def test_the_first_bad_event_of_a_month_spends_no_budget_to_speak_of(feed: MakeFeed) -> None:
    counting = feed(QUIET, alerts=AlertPolicy(profile="custom", remaining=(0.5,)))
    assert counting.go(12, bad=1.0) == []


def test_what_comes_late_speaks_with_the_next_slice(feed: MakeFeed) -> None:
    counting = feed(QUIET, alerts=only(PAGE))
    counting.go(HOUR)
    late = [counting.record(counting.at_ms - 5000 * back, 100.0, 100.0, partition=1) for back in range(30, 0, -1)]
    for record in late:
        counting.take(counting.engine.on_slice(record))
    assert counting.alerts == []
    turns = counting.go(1)
    assert told(turns) == [("page", "start")]
    assert turns[0].at_ms == counting.at_ms
