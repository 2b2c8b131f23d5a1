"""Hours of the week: what is usual is learned, what is odd is not, and what is unknown is said to be."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calendar import wall_time, zone_of
from models.detect import DetectOperator, DetectSettings
from schemas.series import Series
from streams.baselines import source_window
from streams.clocks import place_of
from streams.layout import SEASON_PATIENCE, SLOT, WEEK_HOURS, make_slots
from streams.seasons import LOWEST, USUAL, _learn, _unpack, look_up
from tests.unit.models.streams import Sample, batch_of

HOUR_MS = 3_600_000
MONDAY_MS = 1_767_571_200_000
STEP_MS = 60_000
QUEUE = Series("t", "queue_depth", {}, {"node": "n"})


def fed(values: np.ndarray, operator: DetectOperator | None = None, start_ms: int = MONDAY_MS) -> DetectOperator:
    """An operator that has seen a value a minute from a Monday on."""
    operator = operator or DetectOperator(DetectSettings(), 0, 1)
    operator.step_batch(batch_of([Sample(QUEUE, start_ms + STEP_MS * at, one) for at, one in enumerate(values)]))
    return operator


def usual_at(operator: DetectOperator, hour: float) -> list[float] | None:
    """Least, usual and most at an hour since that Monday; None where nothing is known."""
    row, params, work = operator.bank.slots[0], operator._tables[0][0], operator._work[0]
    if not look_up(row, MONDAY_MS + int(hour * HOUR_MS), params, work):
        return None
    return [float(one) for one in row["usual"]]


def minutes(days: float) -> np.ndarray:
    """Hours since Monday, a minute apart."""
    return np.arange(int(days * 1440)) / 60


def noise(count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(count)


def daily(hours: np.ndarray) -> np.ndarray:
    return 100 + 40 * np.sin(2 * np.pi * hours / 24)


def test_a_daily_cycle_is_known_on_the_second_day() -> None:
    hours = minutes(2)
    operator = fed(daily(hours) + noise(len(hours)))
    for hour in np.arange(48.0, 72.0, 0.25):
        found = usual_at(operator, hour)
        assert found is not None
        assert found[USUAL] == pytest.approx(daily(np.array([hour]))[0], abs=4.0)
        assert found[LOWEST] <= found[USUAL] <= found[2]
        assert found[2] - found[LOWEST] < 15


def test_a_weekend_is_unknown_until_one_has_been_seen() -> None:
    operator = fed(daily(minutes(5)))
    assert usual_at(operator, 5 * 24 + 12) is None
    assert usual_at(operator, 7 * 24 + 12) is not None
    operator = fed(daily(minutes(6)))
    assert usual_at(operator, 6 * 24 + 12) is not None


def test_what_comes_on_mondays_is_usual_on_the_next_and_on_no_other_day() -> None:
    hours = minutes(7)
    values = 100 + 60.0 * (np.floor(hours / 24) == 0) * ((hours % 24 >= 9) & (hours % 24 < 11))
    operator = fed(values + noise(len(hours)))
    monday, tuesday = usual_at(operator, 7 * 24 + 10), usual_at(operator, 8 * 24 + 10)
    assert monday is not None
    assert monday[USUAL] == pytest.approx(160, abs=1)
    # Until Tuesday has been seen twice, Monday speaks with it: its range, not its middle.
    assert tuesday is not None
    assert tuesday[USUAL] == pytest.approx(100, abs=1)
    operator = fed(np.concatenate([values, values]) + noise(2 * len(hours)))
    tuesday = usual_at(operator, 15 * 24 + 10.5)
    assert tuesday is not None
    assert tuesday[2] < 105


def test_an_hour_teaches_only_some_hours_later() -> None:
    hours = minutes(2.5)
    values = 100 + noise(len(hours))
    values[-int(60 * (SEASON_PATIENCE - 1)) :] += 3 * np.arange(60 * (SEASON_PATIENCE - 1)) / 60
    found = usual_at(fed(values), 2.5 * 24)
    assert found is not None
    assert found[2] < 101


def test_an_anomalous_hour_is_not_learned_and_an_accepted_level_is() -> None:
    hours = minutes(2)
    odd = 100 + noise(len(hours))
    odd[30 * 60 : 30 * 60 + 25] = 400.0
    found = usual_at(fed(odd), 48 + 6.2)
    assert found is not None
    assert found[2] < 105
    stays = 100 + noise(len(hours))
    stays[30 * 60 :] += 300.0
    found = usual_at(fed(stays), 48 + 7.5)
    assert found is not None
    assert found[2] > 395


def test_a_gap_teaches_nothing() -> None:
    operator = fed(100 + noise(1440))
    fed(100 + noise(300, 4), operator, MONDAY_MS + 40 * HOUR_MS)
    weeks = operator.bank.slots["season_weeks"][0]
    assert (weeks[24:39] == 0).all()
    assert (weeks[1:23] == 1).all()


def test_quiet_from_the_second_week_and_loud_at_the_wrong_hour() -> None:
    hours = minutes(15)
    rise = (np.floor(hours / 24) % 7 == 0) * ((hours % 24 >= 9) & (hours % 24 < 11))
    values = 100 + 60.0 * rise + 3 * noise(len(hours))
    wrong = slice(9 * 1440 + 15 * 60, 9 * 1440 + 17 * 60)
    values[wrong] += 60.0
    operator = DetectOperator(DetectSettings(), 0, 1)
    samples = [Sample(QUEUE, MONDAY_MS + STEP_MS * at, one) for at, one in enumerate(values)]
    found = [one for one in operator.step_batch(batch_of(samples)) if one.state == "start"]
    late = [one for one in found if one.started_ms >= MONDAY_MS + 7 * 24 * HOUR_MS and one.kind != "drift"]
    assert [(one.started_ms - MONDAY_MS) // HOUR_MS for one in late] == [9 * 24 + 15]


HOUR = st.tuples(st.floats(-1e9, 1e9), st.floats(0, 1e12), st.floats(0, 1e12))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, WEEK_HOURS - 1), HOUR), min_size=1, max_size=40))
def test_a_range_holds_what_the_hour_last_reached(hours: list[tuple[int, tuple[float, float, float]]]) -> None:
    operator = DetectOperator(DetectSettings(), 0, 1)
    row, work = make_slots(1)[0], operator._work[0]
    last: dict[int, tuple[float, float]] = {}
    for at, (mean, below, above) in hours:
        _learn(row, at, np.array([mean - below, mean, mean + above]), work)
        last[at] = (mean - below, mean + above)
    for at, (low, high) in last.items():
        _unpack(row, at, work["cell"])
        least, center, most = work["cell"][:3]
        slack = 1e-6 * max(abs(low), abs(high), abs(center))
        assert least <= low + slack
        assert most >= high - slack


def test_a_glitch_teaches_nothing_and_hides_no_fault() -> None:
    values = 10 + noise(21 * 1440)
    values[2 * 1440 + 700] = 1e9
    days = (3, 4, 7, 11, 19)
    for day in days:
        values[day * 1440 + 700 : day * 1440 + 720] += 50
    operator = DetectOperator(DetectSettings(), 0, 1)
    samples = [Sample(QUEUE, MONDAY_MS + STEP_MS * at, one) for at, one in enumerate(values)]
    found = [one for one in operator.step_batch(batch_of(samples)) if one.state == "start" and one.kind != "drift"]
    assert [(one.started_ms - MONDAY_MS) // (24 * HOUR_MS) for one in found] == list(days)
    assert operator.bank.slots["base"][0, 0, 2] < 10


@pytest.mark.parametrize("minutes_long", [10, 25, 45, 120])
def test_a_job_of_every_night_is_known_within_some_nights(minutes_long: int) -> None:
    hours = minutes(14)
    into = (hours % 24 - (3 + 10 / 60)) * 60
    values = 10 + noise(len(hours)) + 40.0 * ((into >= -1e-6) & (into < minutes_long - 1e-6))
    operator = DetectOperator(DetectSettings(), 0, 1)
    samples = [Sample(QUEUE, MONDAY_MS + STEP_MS * at, one) for at, one in enumerate(values)]
    found = [one for one in operator.step_batch(batch_of(samples)) if one.state == "start" and one.kind != "drift"]
    late = [one for one in found if one.started_ms > MONDAY_MS + 8 * 24 * HOUR_MS]
    assert [(one.kind, (one.started_ms - MONDAY_MS) / HOUR_MS) for one in late] == []


def test_a_fault_on_a_known_climb_is_over_when_it_is_over() -> None:
    hours = minutes(16)
    values = 100 + 60.0 * ((hours % 24 >= 8) & (hours % 24 < 18)) + 3 * noise(len(hours))
    at = 15 * 1440 + 7 * 60 + 42
    values[at : at + 15] = 400.0
    operator = DetectOperator(DetectSettings(), 0, 1)
    samples = [Sample(QUEUE, MONDAY_MS + STEP_MS * at, one) for at, one in enumerate(values)]
    ends = [one for one in operator.step_batch(batch_of(samples)) if one.state == "end" and one.detector == "windows"]
    assert ends[-1].end_reason == "recovered"
    assert ends[-1].started_ms == MONDAY_MS + STEP_MS * at


def test_maintenance_before_a_known_climb_alarms_nobody() -> None:
    hours = minutes(16)
    values = 100 + 60.0 * ((hours % 24 >= 8) & (hours % 24 < 18)) + 3 * noise(len(hours))
    window = {"name": "patch", "start": "2026-01-20T04:00", "duration_s": 6 * 3600}
    operator = DetectOperator(DetectSettings(maintenance=[window]), 0, 1)
    samples = [Sample(QUEUE, MONDAY_MS + STEP_MS * at, one) for at, one in enumerate(values)]
    found = [one for one in operator.step_batch(batch_of(samples)) if one.state == "start" and one.kind != "drift"]
    assert [one for one in found if one.started_ms > MONDAY_MS + 14 * 24 * HOUR_MS] == []
    assert operator.counts["in_maintenance"] == 360


def test_an_incident_hides_no_second_one_of_its_height() -> None:
    values = 100 + 10 * noise(4 * 5760, 8)
    first, second = 3 * 5760 + 660, 3 * 5760 + 2448
    values[first : first + 100] += 40
    values[second : second + 100] += 30
    operator = DetectOperator(DetectSettings(), 0, 1)
    samples = [Sample(QUEUE, MONDAY_MS + 15_000 * at, one) for at, one in enumerate(values)]
    found = [one for one in operator.step_batch(batch_of(samples)) if one.state == "start" and one.kind != "drift"]
    assert [
        abs(one.started_ms - MONDAY_MS - 15_000 * at) < 300_000 for one, at in zip(found, (first, second), strict=True)
    ] == [
        True,
        True,
    ]


def test_hours_of_other_clocks_are_forgotten() -> None:
    hours = minutes(3)
    operator = fed(daily(hours) + noise(len(hours)))
    operator.mark_all()
    blocks = dict(operator.take_blocks())
    for zone, known in (("UTC", True), ("Asia/Tokyo", False)):
        other = DetectOperator(DetectSettings(calendar={"time_zone": zone}), 0, 1)
        for key, value in blocks.items():
            assert value is not None
            other.load_block(key, value)
        other.finish_load()
        assert (usual_at(other, 80.0) is not None) == known


def test_whatever_the_cuts_and_restores_nine_days_are_the_same() -> None:
    hours = minutes(9)
    values = daily(hours) + 3 * noise(len(hours))
    values[4000] = 1e7
    values[5000:5020] += 90
    kept = np.ones(len(values), bool)
    kept[7000:8600] = False
    samples = [Sample(QUEUE, MONDAY_MS + STEP_MS * at, values[at]) for at in np.flatnonzero(kept).tolist()]
    whole = DetectOperator(DetectSettings(), 0, 1)
    expected = [one.to_bytes() for one in whole.step_batch(batch_of(samples))]
    found: list[bytes] = []
    operator = DetectOperator(DetectSettings(), 0, 1)
    held: dict[str, bytes] = {}
    random = np.random.default_rng(1)
    at = 0
    while at < len(samples):
        until = at + int(random.integers(1, 900))
        found += [one.to_bytes() for one in operator.step_batch(batch_of(samples[at:until]))]
        held |= {key: value for key, value in operator.take_blocks() if value is not None}
        operator = DetectOperator(DetectSettings(), 0, 1)
        for key, value in held.items():
            operator.load_block(key, value)
        operator.finish_load()
        at = until
    assert found == expected
    for name in SLOT.names or ():
        if "dirty" not in name:
            np.testing.assert_array_equal(operator.bank.slots[name][0], whole.bank.slots[name][0], name)


def test_a_day_that_does_not_cool_down_is_odd_for_the_hour_alone() -> None:
    hours = minutes(9)
    values = daily(hours)
    held = hours >= 8 * 24 + 8
    values[held] = values[np.flatnonzero(held)[0]]
    operator = DetectOperator(DetectSettings(), 0, 1)
    samples = [Sample(QUEUE, MONDAY_MS + STEP_MS * at, one) for at, one in enumerate(values + 3 * noise(len(hours)))]
    first = next(one for one in operator.step_batch(batch_of(samples)) if one.detector == "windows")
    assert (first.kind, first.direction) == ("seasonal", "up")
    assert 8 * 24 + 9 < (first.started_ms - MONDAY_MS) / HOUR_MS < 8 * 24 + 13
    assert first.usual is not None
    assert (first.usual.hour, first.usual.same_day) == ((first.at_ms - MONDAY_MS) // HOUR_MS % 168, False)
    assert first.usual.low <= first.usual.center <= first.usual.high < first.observed
    assert first.usual.ratio == first.observed / first.usual.center
    assert first.usual.percentile > 99.0
    above, usual = f"{(first.usual.ratio - 1) * 100:.0f}", f"{first.usual.center:.0f}"
    assert f"{above} % above the usual {usual} (above p99.9 of 5 days like it at" in first.explanation
    assert [one.window for one in first.windows if one.agrees] == ["7d"]


def test_what_is_usual_says_of_which_hour_it_is_and_how_often_that_was_seen() -> None:
    operator = fed(daily(minutes(3)))
    for hour, seen in ((3 * 24 + 9, -3), (2 * 24 + 9, -3), (5 * 24 + 9, 0)):
        usual_at(operator, hour)
        assert operator.bank.slots[0]["usual_of"].tolist() == [hour, seen]
    operator = fed(daily(minutes(17)))
    usual_at(operator, 16 * 24 + 9)
    assert operator.bank.slots[0]["usual_of"].tolist() == [2 * 24 + 9, 3]


def test_hours_are_those_of_the_clocks_and_holidays_are_like_sundays() -> None:
    settings = DetectSettings(calendar={"time_zone": "Europe/Berlin", "country": "DE"})
    params = DetectOperator(settings, 0, 1)._tables[0][0]

    def place(text: str) -> tuple[int, int]:
        at = place_of(int(datetime.fromisoformat(text).timestamp()) // 3600, params)
        return at // 24, at % 24

    assert place("2026-07-06T07:00+00:00") == (0, 9)
    assert place("2026-12-07T08:00+00:00") == (0, 9)
    assert place("2026-10-25T00:00+00:00") == (6, 2)
    assert place("2026-10-25T01:00+00:00") == (6, 2)
    assert place("2026-12-25T08:00+00:00") == (6, 9)
    assert place("2026-05-01T10:00+02:00") == (6, 10)
    assert place("2026-12-28T08:00+00:00") == (0, 9)
    assert place("1999-07-05T07:00+00:00") == (0, 8)
    utc = DetectOperator(DetectSettings(), 0, 1)._tables[0][0]
    assert place_of(MONDAY_MS // HOUR_MS, utc) == 0


def test_a_daily_cycle_survives_the_clocks_change() -> None:
    begin = datetime.fromisoformat("2026-10-12T00:00+02:00")
    minute_ms = int(begin.timestamp() * 1000) + STEP_MS * np.arange(20 * 1440)
    berlin = zone_of("Europe/Berlin")
    clock = np.array([(at := wall_time(int(one), berlin)).hour + at.minute / 60 for one in minute_ms])
    values = 100 + 60 * ((clock >= 8) & (clock < 18)) + 3 * noise(len(clock))
    starts = {}
    for zone in ("UTC", "Europe/Berlin"):
        operator = DetectOperator(DetectSettings(calendar={"time_zone": zone}), 0, 1)
        samples = [Sample(QUEUE, int(at), one) for at, one in zip(minute_ms, values, strict=True)]
        found = operator.step_batch(batch_of(samples))
        change_ms = int(datetime.fromisoformat("2026-10-25T03:00+01:00").timestamp() * 1000)
        starts[zone] = [one.kind for one in found if one.state == "start" and one.started_ms > change_ms]
    assert starts["Europe/Berlin"] == []
    assert starts["UTC"] != []


def test_a_sparse_series_borrows_the_window_that_its_samples_fill() -> None:
    assert [source_window(1_000.0, window) for window in range(5)] == [0, 1, 2, 3, 4]
    assert [source_window(15_000.0, window) for window in range(5)] == [1, 1, 2, 3, 4]
    assert [source_window(60_000.0, window) for window in range(5)] == [2, 2, 2, 3, 4]
    assert [source_window(300_000.0, window) for window in range(5)] == [3, 3, 3, 3, 4]
    assert source_window(86_400_000.0, 0) == 4
