from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ConfigurationError
from slo.definition import CalendarWindow
from slo.windows import Calendar, Period

ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Africa/Casablanca",
)
HOUR_MS = 3_600_000


def ms(*parts: int) -> int:
    return round(dt.datetime(*parts, tzinfo=dt.UTC).timestamp() * 1000)


def calendar(unit: str, start: str = "2026-01-01 00:00:00", zone: str = "UTC", count: int = 1) -> Calendar:
    return Calendar(CalendarWindow(unit=unit, start=start, time_zone=zone, count=count))


calendars = st.builds(
    calendar,
    st.sampled_from(["day", "week", "month", "quarter", "year"]),
    st.builds("{} {:02}:30:00".format, st.dates(dt.date(2015, 1, 1), dt.date(2030, 1, 1)), st.integers(0, 23)),
    st.sampled_from(ZONES),
    st.integers(1, 4),
)


@given(calendars, st.integers(ms(2010, 1, 1), ms(2040, 1, 1)))
def test_windows_hold_their_times_and_leave_no_gap(one: Calendar, at_ms: int) -> None:
    window = one.at(at_ms)
    assert window.start_ms <= at_ms < window.end_ms
    assert one.at(window.end_ms).start_ms == window.end_ms
    assert one.at(window.start_ms - 1).end_ms == window.start_ms
    assert one.at(window.start_ms) == window


@given(
    st.sampled_from(ZONES),
    st.sampled_from(["day", "week", "month", "quarter", "year"]),
    st.integers(ms(2012, 1, 1), ms(2040, 1, 1)),
)
def test_a_window_begins_when_the_zones_clock_shows_noon(zone: str, unit: str, at_ms: int) -> None:
    window = calendar(unit, "2026-01-01 12:00:00", zone).at(at_ms)
    assert f"{dt.datetime.fromtimestamp(window.start_ms / 1000, ZoneInfo(zone)):%H:%M:%S}" == "12:00:00"


@pytest.mark.parametrize(
    ("zone", "at", "hours"),
    [
        ("Europe/Berlin", (2026, 3, 29, 12), 23),
        ("Europe/Berlin", (2026, 10, 25, 12), 25),
        ("Australia/Lord_Howe", (2026, 4, 5, 3), 24.5),
        ("UTC", (2026, 3, 29, 12), 24),
    ],
)
def test_a_day_is_as_long_as_its_zones_clocks_make_it(zone: str, at: tuple[int, ...], hours: float) -> None:
    assert calendar("day", zone=zone).at(ms(*at)).length_ms == hours * HOUR_MS


@pytest.mark.parametrize(
    ("unit", "start", "at", "begins", "ends"),
    [
        ("month", "2026-01-01 00:00:00", (2026, 2, 10), (2026, 2, 1), (2026, 3, 1)),
        ("month", "2026-01-31 00:00:00", (2026, 3, 1), (2026, 2, 28), (2026, 3, 31)),
        ("quarter", "2026-02-01 00:00:00", (2026, 1, 31), (2025, 11, 1), (2026, 2, 1)),
        ("year", "2024-02-29 00:00:00", (2026, 2, 27), (2025, 2, 28), (2026, 2, 28)),
        ("week", "2026-01-05 00:00:00", (2026, 1, 4), (2025, 12, 29), (2026, 1, 5)),
    ],
)
def test_windows_are_the_calendars(
    unit: str, start: str, at: tuple[int, ...], begins: tuple[int, ...], ends: tuple[int, ...]
) -> None:
    assert calendar(unit, start).at(ms(*at)) == Period(ms(*begins), ms(*ends))


def test_a_start_that_clocks_skip_is_moved_on_by_what_they_skip() -> None:
    window = calendar("day", "2026-01-01 02:30:00", "Europe/Berlin").at(ms(2026, 3, 29, 12))
    assert window.start_ms == ms(2026, 3, 29, 1, 30)  # 03:30 of the summer


@pytest.mark.parametrize("fields", [{"zone": "Mars/Olympus"}, {"start": "yesterday"}])
def test_a_zone_or_start_that_is_none_is_the_users_fault(fields: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError):
        calendar("day", **fields)
