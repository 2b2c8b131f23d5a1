"""Rules on the time left: how often they speak, what they say at the end, and what maintenance does to them."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pytest

from schemas.events import Anomaly
from schemas.series import Series
from tests.unit.models.streams import START_MS
from tests.unit.models.trends import DAY, DISK, FREE, PAGES, STEP_MS, Values, days, names, probe, told

HOUR_MS = 3_600_000
NOTICE = "disk_fills_up"


def noise(count: float, size: float, seed: int) -> Values:
    return np.random.default_rng(seed).normal(0.0, size, len(days(count)))


def of(found: list[Anomaly], rule: str) -> list[Anomaly]:
    return [one for one in found if one.detector == rule]


def window(name: str, from_days: float, hours: float, **fields: object) -> dict[str, object]:
    start = datetime.fromtimestamp(START_MS / 1000 + from_days * 86_400, UTC).isoformat()
    return {"name": name, "start": start, "duration_s": hours * 3600, **fields}


def test_a_trend_that_goes_on_as_it_was_said_is_told_each_hour() -> None:
    found = of(told(0.3 + 0.02 * days(8) + noise(8, 0.002, 1)), NOTICE)
    assert {one.state for one in found[1:]} == {"update"}
    settled = [one.at_ms for one in found if one.at_ms - START_MS > 3 * DAY * STEP_MS]
    assert {later - earlier for earlier, later in pairwise(settled)} == {HOUR_MS}


def test_a_trend_that_quickens_is_told_at_once() -> None:
    values = 0.2 + 0.02 * days(5.3) + 2.4 * np.maximum(0.0, days(5.3) - 5.02)
    found = of(told(values), NOTICE)
    assert {one.state for one in found[1:]} == {"update"}
    moved = [(later, earlier) for earlier, later in pairwise(found) if later.at_ms - earlier.at_ms < HOUR_MS]
    assert moved
    for later, earlier in moved:
        assert later.time_to_limit is not None
        assert earlier.time_to_limit is not None
        expected_s = earlier.time_to_limit.p50_s - (later.at_ms - earlier.at_ms) / 1000
        assert abs(later.time_to_limit.p50_s / expected_s - 1) > 0.2


def test_a_trend_that_quickens_goes_on() -> None:
    found = told(0.2 + 0.02 * days(7) + 0.3 * np.maximum(0.0, days(7) - 5.0))
    assert {one.state for one in of(found, NOTICE)[1:]} == {"update"}
    urgent = of(found, "disk_full_in_3_days")[0]
    assert urgent.at_ms - START_MS < 6.7 * DAY * STEP_MS


def test_an_hour_of_a_daily_cycle_moves_no_forecast_of_days() -> None:
    values = 0.6 + 0.05 * days(5) + 0.02 * np.sin(2 * np.pi * days(5)) + noise(5, 0.002, 7)
    for one in told(values):
        assert one.time_to_limit is not None
        assert one.time_to_limit.per_day == pytest.approx(0.05, rel=0.2)


@pytest.mark.parametrize(("given", "gap_ms"), [({"every_s": 7200}, 2 * HOUR_MS), ({"every_s": 1}, STEP_MS)])
def test_a_rule_says_how_often_it_speaks(given: dict[str, object], gap_ms: int) -> None:
    found = told(0.3 + 0.02 * days(4), Series("t", "m"), **probe(**given))
    assert found[-1].at_ms - found[-2].at_ms == gap_ms


def test_what_ends_says_where_the_series_stands() -> None:
    freed = np.where(days(6) < 3, 1e12 - 2.5e11 * days(6), 9e11)
    found = told(freed, FREE)
    ends = [one for one in found if one.state == "end"]
    assert {one.detector for one in ends} == {one.detector for one in found} >= {"disk_full_in_3_days_free"}
    assert {one.end_reason for one in ends} == {"recovered"}
    assert [one.observed for one in ends] == pytest.approx([9e11] * len(ends), rel=0.01)


def test_what_moves_in_maintenance_only_is_no_trend() -> None:
    night = (days(8) + START_MS / 86_400_000) % 1.0
    busy = (night > 2 / 24) & (night < 6 / 24)
    values = 0.5 + 0.4 * np.where(busy, 6 * (night - 2 / 24), 0.0) + noise(8, 0.001, 2)
    start = {"name": "backup", "start": "2023-11-01T02:00", "duration_s": 4 * 3600, "rrule": "FREQ=DAILY"}
    assert told(values, maintenance=[start]) == []


def test_a_level_that_maintenance_moved_pages_nobody() -> None:
    moved = 0.4 + 0.4 * np.clip((days(7) - 3.0) * 8, 0.0, 1.0) + noise(7, 0.001, 3)
    assert names(told(moved, maintenance=[window("move", 3.0, 3.0)])) & PAGES == set()


def test_maintenance_changes_a_slope_by_next_to_nothing() -> None:
    values = 0.3 + 0.05 * days(6) + noise(6, 0.002, 4)
    muted = values + 0.3 * ((days(6) > 4.0) & (days(6) < 4.2))
    plain = told(values, Series("t", "m"), **probe())[-1].time_to_limit
    other = told(muted, Series("t", "m"), **probe(), maintenance=[window("load", 3.99, 5.5)])[-1].time_to_limit
    assert plain is not None
    assert other is not None
    assert other.p50_s == pytest.approx(plain.p50_s, rel=0.02)
    assert other.per_day == pytest.approx(0.05, rel=0.02)


def test_maintenance_ends_what_fires_and_lets_the_safety_list_fire_on() -> None:
    values = 0.3 + 0.12 * days(5)
    found = told(values, maintenance=[window("patch", 4.0, 6.0)])
    within = [one for one in found if 4.0 <= (one.at_ms - START_MS) / 86_400_000 < 4.25]
    assert {(one.detector, one.state, one.end_reason) for one in within} == {
        ("disk_full_in_7_days", "end", "maintenance"),
        (NOTICE, "end", "maintenance"),
    }
    urgent = of(found, "disk_full_in_3_days")
    assert [one.state for one in urgent].count("start") == 1
    assert urgent[-1].state == "update"
    assert of(found, "disk_full_in_7_days")[-1].state == "update"


def test_outages_of_hours_change_a_slope_by_next_to_nothing() -> None:
    kept = np.random.default_rng(5).uniform(size=len(days(7)) // 24).repeat(24) > 0.3
    values = np.where(kept, 0.3 + 0.05 * days(7) + noise(7, 0.002, 5), np.nan)
    left = told(values, Series("t", "m"), **probe())[-1].time_to_limit
    assert left is not None
    assert left.per_day == pytest.approx(0.05, rel=0.03)


def test_a_days_steepest_hours_are_no_sure_trend() -> None:
    found = told(0.6 + 0.1 * np.sin(2 * np.pi * (days(2.5) - 0.25)) + 0.02 * days(2.5), DISK)
    assert names(found) & PAGES == set()
