"""Disks that fill are told of in time, with a time that holds; what only moves up and down is not."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from incidents.wording import alert_summary
from models.detect import DetectOperator, DetectSettings, ThresholdRule
from models.slopes import FREEDOM, LINE, SLOPE, SPAN, WANDER
from models.trend import EARLIEST, EARLY, LATE, LATEST, MEDIAN, crossing
from schemas.events import Anomaly
from schemas.series import Series
from tests.unit.models.streams import START_MS, Bench, batch_of, stream
from tests.unit.models.trends import DISK, FREE, PAGES, PERCENT, SETTINGS, STEP_MS, Values, days, names, probe, told


@pytest.mark.parametrize("slant", [0.1, 0.35, 1.1])
def test_after_six_hours_of_an_even_fill_the_time_left_is_right_within_a_twentieth(slant: float) -> None:
    noise = np.random.default_rng(1).normal(0, 0.0003, len(days(0.5)))
    values = 0.3 + slant * days(0.5) + noise
    left = next(
        one for one in told(values, Series("t", "m"), **probe()) if one.at_ms - START_MS >= 6 * 3_600_000 + STEP_MS
    )
    assert left.time_to_limit is not None
    actual_s = 0.7 / slant * 86_400 - (left.at_ms - START_MS) / 1000
    assert left.at_ms - START_MS < 8 * 3_600_000
    assert left.time_to_limit.p50_s == pytest.approx(actual_s, rel=0.05)


@pytest.mark.parametrize(
    ("series", "scale", "start", "form"),
    [(DISK, 1.0, 0.4, ""), (PERCENT, 100.0, 40.0, "_percent"), (FREE, -2e12, 1.2e12, "_free")],
)
def test_a_disk_that_is_full_in_two_days_pages_in_every_form(
    series: Series, scale: float, start: float, form: str
) -> None:
    noise = np.random.default_rng(2).normal(0, 0.0005, len(days(2.2)))
    found = told(start + scale * (0.15 * days(2.2) + noise), series)
    urgent = next(one for one in found if one.detector == f"disk_full_in_3_days{form}")
    assert (urgent.state, urgent.priority, urgent.safety, urgent.severity) == ("start", "P0", True, "critical")
    assert names(found) == {f"disk_full_in_{count}_days{form}" for count in (3, 7)} | {f"disk_fills_up{form}"}
    left = urgent.time_to_limit
    assert left is not None
    assert left.high_80_s is not None
    assert left.p50_s < 3 * 86_400
    assert left.high_80_s < 7 * 86_400
    actual_s = 4 * 86_400 - (urgent.at_ms - START_MS) / 1000
    assert left.p50_s == pytest.approx(actual_s, rel=0.05)
    assert urgent.direction == ("down" if scale < 0 else "up")


def quiet_paths() -> dict[str, Values]:
    random = np.random.default_rng(3)
    long = days(9)
    return {
        "a constant disk": np.full(len(long), 0.93),
        "noise": 0.8 + random.normal(0, 0.02, len(long)),
        "a daily cycle": 0.75 + 0.12 * np.sin(2 * np.pi * long),
        "a daily cycle with noise": 0.8 + 0.05 * np.sin(2 * np.pi * long) + random.normal(0, 0.01, len(long)),
        "a sawtooth that a rotation ends each day": 0.4 + 0.3 * (long % 1.0),
        "files that are copied one by one": 0.3 + 0.1 * sum(1.0 * (long > at) for at in (2.2, 2.4, 2.6)),
        "a large file that was copied": 0.3 + 0.25 * (long > 1.6),
        "a file copied and removed": 0.3 + 0.4 * ((long > 3.1) & (long < 3.4)),
        "a short burst": 0.5 + 0.15 * np.clip((long - 4.2) * 12, 0.0, 1.0),
        "a disk that was just made": np.array([0.0, 0.2, 0.4, 0.5]),
    }


@pytest.mark.parametrize("name", list(quiet_paths()))
def test_nobody_is_paged_for(name: str) -> None:
    assert names(told(quiet_paths()[name])) & PAGES == set()


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5, 0.75])
def test_a_daily_cycle_is_no_trend_whenever_it_is_first_seen(phase: float) -> None:
    assert told(0.7 + 0.1 * np.sin(2 * np.pi * (days(6) + phase))) == []


def test_a_trend_beneath_a_daily_cycle_is_found() -> None:
    values = 0.4 + 0.06 * days(5) + 0.05 * np.sin(2 * np.pi * days(5))
    found = told(values)
    assert "disk_full_in_7_days" in names(found)
    left = found[-1].time_to_limit
    assert left is not None
    assert left.per_day == pytest.approx(0.06, rel=0.05)


def test_a_drift_of_a_hundredth_a_day_is_noticed_within_36_hours() -> None:
    noise = np.random.default_rng(4).normal(0, 0.002, len(days(2)))
    found = told(0.6 + 0.01 * days(2) + noise)
    assert names(found) == {"disk_fills_up"}
    assert found[0].priority == "P3"
    assert found[0].at_ms - START_MS <= 36 * 3_600_000


def test_a_rotation_is_no_fix() -> None:
    rotated = 0.3 + 0.1 * days(6) - 0.08 * (days(6) >= 5.5)
    found = [one for one in told(rotated) if one.detector == "disk_full_in_3_days"]
    assert [one.state for one in found].count("start") == 1
    assert "end" not in {one.state for one in found}
    left = found[-1].time_to_limit
    assert left is not None
    assert left.per_day == pytest.approx(0.1, rel=0.1)


def test_a_fill_that_stopped_is_said_on_for_half_a_day_and_then_ends() -> None:
    stopped = 0.4 + 0.15 * np.minimum(days(6), 2.0)
    found = [one for one in told(stopped) if one.detector == "disk_full_in_3_days"]
    end = found[-1]
    assert [one.state for one in found].count("start") == 1
    assert (end.state, end.end_reason, end.time_to_limit) == ("end", "recovered", None)
    assert (end.at_ms - START_MS) / 86_400_000 > 2.5
    assert "back to normal" in end.explanation


def test_it_does_not_flap_where_three_days_are_left() -> None:
    noise = np.random.default_rng(5).normal(0, 0.004, len(days(8)))
    values = 0.5 + np.where(days(8) < 2.2, 0.12 * days(8), 0.264 + 0.001 * (days(8) - 2.2)) + noise
    found = [one for one in told(values) if one.detector == "disk_full_in_3_days"]
    assert [one.state for one in found].count("start") <= 1


def test_what_would_be_full_within_the_hour_pages_within_the_hour() -> None:
    seconds = np.arange(0, 5400, 15)
    values = 0.3 + 0.55 * seconds / 5400
    found = Bench(**SETTINGS).feed(stream(DISK, values.tolist(), step_ms=15_000))
    (urgent,) = [one for one in found if one.detector == "disk_full_in_3_days" and one.state == "start"]
    left = urgent.time_to_limit
    assert left is not None
    assert left.p50_s < 3600


def test_the_sentence_says_where_it_stands_and_when_it_ends() -> None:
    found = told(0.4 + 0.1 * days(4) + np.random.default_rng(6).normal(0, 0.001, len(days(4))))
    one = [one for one in found if one.detector == "disk_full_in_3_days"][-1]
    assert one.explanation == (
        "A disk will be full in less than 3 days: Disk in use (/) of node h1 will reach 1 in 2.0 days "
        "(80 %: 2.0 to 2.0 days; 95 %: 2.0 to 2.1 days), at +0.1 a day; now 0.796, limit 1"
    )
    assert alert_summary(one, one.detector) == (
        "disk_full_in_3_days: node_disk_used_ratio (/) of node h1 will reach 1 in 2.0 days "
        "(80 %: 2.0 to 2.0 days), now 0.796"
    )
    assert one.confidence == 0.8
    assert Anomaly.from_bytes(one.to_bytes()) == one


def test_a_limit_that_is_reached_keeps_what_fires_and_starts_nothing() -> None:
    full = np.minimum(0.4 + 0.2 * days(6), 1.0)
    found = [one for one in told(full) if one.detector == "disk_full_in_3_days"]
    assert [one.state for one in found].count("start") == 1
    assert found[-1].at_ms - START_MS > 3.4 * 86_400_000
    assert told(np.full(len(days(3)), 1.0)) == []


def test_other_series_pay_nothing() -> None:
    operator = DetectOperator(DetectSettings.model_validate(SETTINGS), 0, 1)
    cpu = Series("t", "node_cpu_ratio")
    operator.step_batch(batch_of(stream(cpu, (0.1 + 0.1 * days(3)).tolist(), START_MS, STEP_MS)))
    assert operator._work["line"][0].tolist() == [0.0] * LINE


@settings(max_examples=15, deadline=None)
@given(st.floats(1e-3, 1e6), st.floats(-1e6, 1e6), st.integers(0, 100))
def test_the_time_left_knows_no_units(scale: float, shift: float, seed: int) -> None:
    values = 0.2 + 0.1 * days(3) + np.random.default_rng(seed).normal(0, 0.002, len(days(3)))
    plain = told(values, Series("t", "m"), **probe())
    other = told(shift + scale * values, Series("t", "m"), **probe(limit=shift + scale))
    assert plain
    left = [(one.at_ms, one.time_to_limit.p50_s) for one in plain if one.time_to_limit]
    same = [(one.at_ms, one.time_to_limit.p50_s) for one in other if one.time_to_limit]
    assert same == [(at_ms, pytest.approx(p50_s, rel=1e-3)) for at_ms, p50_s in left]


@settings(deadline=None)
@given(st.floats(1e-9, 1e9), st.floats(-1e3, 1e3), st.floats(0, 1e6), st.floats(1, 1e6), st.floats(0.1, 13))
def test_edges_cross_in_their_order(gap: float, slope: float, wander: float, span: float, t: float) -> None:
    line = np.zeros(LINE)
    line[[SLOPE, WANDER, SPAN, FREEDOM]] = slope, wander, span, 3.0
    early, median, late = (crossing(gap, line, edge) for edge in (t, 0.0, -t))
    assert 0.0 <= early <= median * (1 + 1e-9)
    assert median <= late * (1 + 1e-9)


def test_quantiles_come_in_their_order() -> None:
    found = told(0.1 + 0.1 * days(5), Series("t", "m"), **probe())
    for one in found:
        left = one.time_to_limit
        assert left is not None
        ends = [left.low_95_s, left.low_80_s, left.p50_s, left.high_80_s, left.high_95_s]
        known = [end for end in ends if end is not None]
        assert all(one <= other * (1 + 1e-9) for one, other in pairwise(known))
    assert list(range(5)) == [EARLIEST, EARLY, MEDIAN, LATE, LATEST]


@pytest.mark.parametrize(
    "fields",
    [
        {"function": "eta", "comparison": "<"},
        {"function": "eta", "comparison": ">", "limit": 1.0},
        {"function": "last", "comparison": "<", "limit": 1.0},
    ],
)
def test_a_rule_on_the_time_left_has_a_limit_and_no_other_has(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="eta"):
        ThresholdRule.model_validate({"name": "r", "select": "m", "threshold": 1.0, **fields})
