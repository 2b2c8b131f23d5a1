"""Days of the month: what comes twice is expected, what comes once is not, and no hour of the week is soiled."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calendar import wall_time, zone_of
from models.detect import DetectOperator, DetectSettings
from schemas.events import Anomaly
from schemas.series import Series
from streams.clocks import local_hour, month_day
from streams.layout import MONTH_PLACE, SLOT, make_slots
from streams.months import MonthDay, known_days, month_shift, note_today
from streams.seasons import USUAL, look_up
from tests.unit.models.streams import Sample, batch_of

HOUR_MS = 3_600_000
QUARTER_MS = HOUR_MS // 4
EPOCH = date(1970, 1, 1)
YEARS = [int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) // 3600 for year in (2012, 2044)]
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
QUEUE = Series("t", "queue_depth", {}, {"node": "n"})
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "America/St_Johns")
PARAMS = {zone: DetectOperator(DetectSettings(calendar={"time_zone": zone}), 0, 1)._tables[0][0] for zone in ZONES}
Load = Callable[[datetime], float]


@settings(max_examples=300, deadline=None)
@given(st.dates(date(1900, 1, 1), date(2399, 12, 31)))
def test_a_day_of_the_month_is_the_calendars(day: date) -> None:
    length = calendar.monthrange(day.year, day.month)[1]
    assert month_day((day - EPOCH).days) == (day.day, length - day.day + 1)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ZONES), st.integers(*YEARS))
def test_its_hours_are_those_of_the_clocks_whatever_they_change_to(zone: str, hour: int) -> None:
    wall = wall_time(hour * HOUR_MS, zone_of(zone))
    local = local_hour(hour, PARAMS[zone])
    assert (EPOCH + timedelta(days=local // 24), local % 24) == (wall.date(), wall.hour)


class Hours:
    """A series' record that is fed hours of 100, noise of 1 and a load."""

    def __init__(self, zone: str = "UTC", level: Callable[[int], float] = lambda _: 100.0) -> None:
        self.row: Any = make_slots(1)[0]
        self.params, self.level = PARAMS[zone], level
        self.hour = int(BEGIN.timestamp()) // 3600
        self.zone = zone_of(zone)
        self.noise = np.random.default_rng(5)

    def hour_of(self, wall: str) -> int:
        return int(datetime.fromisoformat(wall).replace(tzinfo=self.zone).timestamp()) // 3600

    def until(self, end: str, load: Load = lambda _: 0.0) -> Hours:
        while self.hour < self.hour_of(end):
            at = wall_time(self.hour * HOUR_MS, self.zone)
            usual = self.level(at.hour)
            value = usual + float(self.noise.standard_normal()) + load(at)
            note_today(self.row, self.hour, value, (usual - 2.0, usual, usual + 2.0), self.params)
            self.hour += 1
        return self

    def expected(self, wall: str) -> list[float]:
        hour = self.hour_of(wall)
        level = self.level(datetime.fromisoformat(wall).hour)
        return list(month_shift(self.row, hour, level, self.params)) if self.row["month_known"] else [0.0]

    @property
    def days(self) -> list[MonthDay]:
        return known_days(self.row)


def last_day(at: datetime) -> bool:
    return (at + timedelta(days=1)).day == 1


def on_last(size: float, first: int = 0, last: int = 24) -> Load:
    return lambda at: size if last_day(at) and first <= at.hour < last else 0.0


def test_what_came_once_moves_nothing_and_what_came_twice_does() -> None:
    hours = Hours().until("2026-02-27", on_last(50.0))
    assert hours.days == []
    assert hours.expected("2026-02-28T12") == [0.0]
    hours.until("2026-03-30", on_last(50.0))
    (day,) = hours.days
    assert (day.day, day.from_hour, day.to_hour, day.is_share, day.months) == (-1, 0, 24, False, 2)
    assert day.shift == pytest.approx(50.0, abs=1.0)
    # That it does not come is expected, too, until a third month has shown it.
    assert hours.expected("2026-03-31T12") == [day.shift, 0.0, day.shift]
    assert hours.expected("2026-03-30T12") == [0.0, 0.0, 0.0]
    hours.until("2026-04-29", on_last(50.0))
    own, least, most = hours.expected("2026-04-30T12")
    assert own == least == most == pytest.approx(50.0, abs=1.0)


def test_of_two_the_smaller_shift_and_the_hours_of_both_are_expected() -> None:
    hours = Hours().until("2026-02-01", on_last(40.0, 6, 20))
    hours.until("2026-03-02", on_last(70.0, 10, 24))
    (day,) = hours.days
    assert (day.from_hour, day.to_hour) == (10, 20)
    assert day.shift == pytest.approx(40.0, abs=1.0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (on_last(50.0), on_last(-50.0)),
        (on_last(50.0), on_last(120.0)),
        (on_last(50.0, 0, 8), on_last(50.0, 12, 20)),
        (on_last(50.0), on_last(0.0)),
    ],
    ids=["the other way", "far more of it", "at other hours", "nothing"],
)
def test_what_the_second_does_not_show_alike_is_not_known(first: Load, second: Load) -> None:
    hours = Hours().until("2026-02-01", first).until("2026-03-02", second)
    assert hours.days == []


def test_what_no_longer_comes_is_forgotten_and_what_grows_is_followed_slowly() -> None:
    hours = Hours().until("2026-03-02", on_last(50.0)).until("2026-04-02", on_last(90.0))
    assert hours.days[0].shift == pytest.approx(60.0, abs=2.0)
    assert hours.until("2026-05-02").days == []


def test_a_load_that_grows_with_the_level_is_a_share_of_it() -> None:
    def level(hour: int) -> float:
        return 100.0 + 60.0 * float(np.sin(2 * np.pi * hour / 24))

    hours = Hours(level=level).until("2026-03-02", lambda at: 0.5 * level(at.hour) * last_day(at))
    (day,) = hours.days
    assert day.is_share
    for hour in (6, 18):
        assert hours.expected(f"2026-03-31T{hour:02d}")[0] == pytest.approx(0.5 * level(hour), rel=0.05)


@pytest.mark.parametrize("number", [1, 12, 30, -2, -3])
def test_a_day_is_counted_from_the_months_start_and_from_its_end(number: int) -> None:
    def load(at: datetime) -> float:
        length = calendar.monthrange(at.year, at.month)[1]
        return 50.0 if number in {at.day, at.day - length - 1} else 0.0

    hours = Hours().until("2026-05-04", load)
    assert number in {one.day for one in hours.days}
    length = calendar.monthrange(2026, 5)[1]
    day = number if number > 0 else length + 1 + number
    assert hours.expected(f"2026-05-{day:02d}T12")[0] == pytest.approx(50.0, abs=1.0)
    assert hours.expected("2026-05-20T12") == [0.0, 0.0, 0.0]


def test_a_stretch_may_begin_and_end_an_hour_sooner_or_later() -> None:
    hours = Hours().until("2026-04-02", on_last(50.0, 8, 24))
    shift = hours.days[0].shift
    expected = {
        "2026-04-30T06": [0.0, 0.0, 0.0],
        "2026-04-30T07": [0.0, 0.0, shift],
        "2026-04-30T08": [shift, 0.0, shift],
        "2026-04-30T09": [shift, shift, shift],
        "2026-04-30T23": [shift, 0.0, shift],
        "2026-05-01T00": [0.0, 0.0, shift],
        "2026-05-01T01": [0.0, 0.0, 0.0],
    }
    assert {at: hours.expected(at) for at in expected} == expected


def test_noise_is_no_day_of_the_month() -> None:
    hours = Hours().until("2026-12-31")
    assert hours.days == []
    assert hours.row["month_error"] == pytest.approx(0.8, abs=0.1)


def test_the_day_is_that_of_the_clocks_over_their_change() -> None:
    hours = Hours("America/New_York").until("2026-04-02", on_last(50.0, 20, 24))
    assert [(one.day, one.from_hour, one.to_hour, one.months) for one in hours.days] == [(-1, 20, 24, 3)]


def test_what_a_month_end_has_taught_its_weekday_is_no_day_of_the_month() -> None:
    operator = DetectOperator(DetectSettings(), 0, 1)
    operator.step_batch(batch_of(months_of(MONTH_END, 86)))
    assert [(one.day, one.months) for one in known_days(operator.bank.slots[0])] == [(-1, 2)]


def test_days_of_the_month_have_a_record_of_their_own() -> None:
    operator = DetectOperator(DetectSettings(), 0, 1)
    operator.step_batch(batch_of([Sample(QUEUE, 1_000_000, 1.0)]))
    operator.take_blocks()
    operator.bank.slots["month_times"][0, 7] = 3
    operator.bank.slots["ring_dirty"][0, MONTH_PLACE >> 6] |= np.uint64(1 << (MONTH_PLACE & 63))
    blocks = dict(operator.take_blocks())
    assert set(blocks) == {"month/0/0", "meta"}
    other = DetectOperator(DetectSettings(), 0, 1)
    other.bank.load_block("month/0/0", blocks["month/0/0"] or b"")
    assert other.bank.slots["month_times"][0, 7] == 3


def months_of(load: Load, days: int, fault: Load = lambda _: 0.0) -> list[Sample]:
    """A value every quarter of an hour: a daily cycle, noise of 3, a load and perhaps a fault."""
    begin_ms = int(BEGIN.timestamp()) * 1000
    noise = np.random.default_rng(4).standard_normal(96 * days)
    samples = []
    for at in range(96 * days):
        clock = wall_time(begin_ms + QUARTER_MS * at, zone_of("UTC"))
        level = 100.0 + 30.0 * float(np.sin(2 * np.pi * (clock.hour + clock.minute / 60) / 24))
        samples.append(Sample(QUEUE, begin_ms + QUARTER_MS * at, level + 3 * noise[at] + load(clock) + fault(clock)))
    return samples


def starts_on(found: list[Anomaly], day: date) -> list[Anomaly]:
    """What started on a day, or within two hours after it."""
    begin_ms = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
    return [one for one in found if one.state == "start" and begin_ms <= one.started_ms < begin_ms + 26 * HOUR_MS]


MONTH_END = on_last(60.0, 8, 24)


def test_the_third_month_end_is_quiet_and_a_fault_on_it_is_told() -> None:
    operator = DetectOperator(DetectSettings(), 0, 1)
    found = operator.step_batch(batch_of(months_of(MONTH_END, 120)))
    assert starts_on(found, date(2026, 1, 31)) != []
    assert starts_on(found, date(2026, 2, 28)) != []
    assert [starts_on(found, day) for day in (date(2026, 3, 31), date(2026, 4, 30))] == [[], []]

    def fault(at: datetime) -> float:
        return 120.0 if at.date() == date(2026, 3, 31) and 13 <= at.hour < 15 else 0.0

    operator = DetectOperator(DetectSettings(), 0, 1)
    found = operator.step_batch(batch_of(months_of(MONTH_END, 88, fault)))
    (told,) = [one for one in starts_on(found, date(2026, 3, 31)) if one.detector == "windows"]
    assert datetime.fromtimestamp(told.started_ms / 1000, UTC).hour == 13
    assert told.usual is not None
    assert told.usual.month_day == -1
    assert told.usual.center == pytest.approx(100 + 30 * np.sin(2 * np.pi * 13 / 24) + 60, abs=8)
    assert "at 13 h, moved as on the last day of a month)" in told.explanation


def test_one_fault_of_a_day_of_the_month_hides_no_second_one() -> None:
    def twice(at: datetime) -> float:
        return 120.0 if at.day == 12 and at.month in {2, 3} and 13 <= at.hour < 15 else 0.0

    operator = DetectOperator(DetectSettings(), 0, 1)
    found = operator.step_batch(batch_of(months_of(twice, 75)))
    assert starts_on(found, date(2026, 2, 12)) != []
    assert starts_on(found, date(2026, 3, 12)) != []


def test_a_month_that_is_known_teaches_its_weekday_nothing() -> None:
    operator = DetectOperator(DetectSettings(), 0, 1)
    samples = months_of(MONTH_END, 87)
    operator.step_batch(batch_of([one for one in samples if one.time_ms < samples[-1].time_ms - 24 * HOUR_MS]))
    row, params, work = operator.bank.slots[0], operator._tables[0][0], operator._work[0]
    week_ms = int(datetime(2026, 4, 7, tzinfo=UTC).timestamp()) * 1000
    hours = [week_ms + hour * HOUR_MS + HOUR_MS // 2 for hour in range(9, 23)]

    def tuesday() -> list[float]:
        found = []
        for time_ms in hours:
            assert look_up(row, time_ms, params, work)
            found.append(float(row["usual"][USUAL]))
        look_up(row, int(row["newest_ms"]), params, work)
        return found

    before = tuesday()
    operator.step_batch(batch_of([one for one in samples if one.time_ms > row["newest_ms"]]))
    row = operator.bank.slots[0]
    after = tuesday()
    assert int(row["newest_ms"]) >= int(datetime(2026, 4, 1, 23, tzinfo=UTC).timestamp()) * 1000
    assert after == pytest.approx(before, abs=4.0)
    assert after != before


def test_whatever_the_cuts_and_restores_three_months_are_the_same() -> None:
    samples = months_of(MONTH_END, 88)
    whole = DetectOperator(DetectSettings(), 0, 1)
    expected = [one.to_bytes() for one in whole.step_batch(batch_of(samples))]
    assert whole.bank.slots["month_known"][0] == 1
    found: list[bytes] = []
    operator = DetectOperator(DetectSettings(), 0, 1)
    held: dict[str, bytes] = {}
    random = np.random.default_rng(1)
    at = 0
    while at < len(samples):
        until = at + int(random.integers(1, 400))
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


def test_days_of_other_clocks_are_forgotten() -> None:
    operator = DetectOperator(DetectSettings(), 0, 1)
    operator.step_batch(batch_of([Sample(QUEUE, 1_000_000, 1.0)]))
    operator.bank.slots["month_times"][0, 7] = 3
    operator.mark_all()
    for zone, times in (("UTC", 3), ("Asia/Tokyo", 0)):
        other = DetectOperator(DetectSettings(calendar={"time_zone": zone}), 0, 1)
        for key, value in operator.take_blocks():
            assert value is not None
            other.load_block(key, value)
        operator.mark_all()
        other.finish_load()
        assert other.bank.slots["month_times"][0, 7] == times
