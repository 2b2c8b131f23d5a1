"""Days as people live them."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from models.calendar import Calendar, CalendarSettings, HolidaySettings, instant_ms, wall_time, zone_of

BERLIN = zone_of("Europe/Berlin")
BAVARIA = CalendarSettings(time_zone="Europe/Berlin", country="DE", subdivision="BY")


def at(text: str) -> int:
    return instant_ms(datetime.fromisoformat(text), BERLIN)


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        ("2026-01-06", "holiday"),  # in Bavaria, not in Berlin
        ("2026-10-03", "holiday"),  # a Saturday, too
        ("2026-10-24", "weekend"),
        ("2026-10-28", "workday"),
        ("2026-10-30", "month_end"),  # the 31st is a Saturday
        ("2026-12-31", "month_end"),
        ("2027-04-30", "month_end"),
        ("2027-05-31", "month_end"),
    ],
)
def test_each_day_is_of_one_kind(day: str, kind: str) -> None:
    assert Calendar(BAVARIA).kind_of(date.fromisoformat(day)) == kind


def test_a_day_begins_and_ends_where_people_live() -> None:
    calendar, begin_ms, end_ms = Calendar(BAVARIA), at("2026-12-25T00:00"), at("2026-12-27T00:00")
    assert calendar.day_kind(begin_ms - 1) == "workday"
    assert calendar.is_holiday(begin_ms)
    assert calendar.is_holiday(end_ms - 1)
    assert calendar.day_kind(end_ms) == "weekend"
    assert not Calendar(CalendarSettings(country="DE")).is_holiday(begin_ms)  # 23:00 in UTC


def test_without_a_country_no_day_is_a_holiday() -> None:
    assert Calendar(CalendarSettings()).kind_of(date(2026, 12, 25)) == "workday"


def test_a_holiday_of_one_subdivision_is_none_of_another() -> None:
    epiphany = date(2026, 1, 6)
    kinds = [Calendar(CalendarSettings(country="DE", subdivision=name)).kind_of(epiphany) for name in ("BY", "BE", "")]
    assert kinds == ["holiday", "workday", "workday"]


@pytest.mark.parametrize(
    ("wall", "shown"),
    [
        ("2026-03-29T01:59", "2026-03-29T01:59"),
        ("2026-03-29T02:00", "2026-03-29T03:00"),  # skipped
        ("2026-10-25T02:00", "2026-10-25T02:00"),  # comes twice
        ("2026-10-25T03:00", "2026-10-25T03:00"),
    ],
)
def test_a_wall_time_is_an_instant_on_every_day(wall: str, shown: str) -> None:
    assert wall_time(at(wall), BERLIN) == datetime.fromisoformat(shown)


def test_of_an_hour_that_comes_twice_the_first_counts() -> None:
    assert at("2026-10-25T03:00") - at("2026-10-25T02:00") == 7_200_000
    assert at("2026-03-29T03:00") - at("2026-03-29T01:00") == 3_600_000


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"country": "XX"}, "country XX is not known"),
        ({"country": "DE", "subdivision": "ZZ"}, "subdivision ZZ is none of DE's, which are: BB, BE"),
        ({"subdivision": "BY"}, "subdivision BY needs a country"),
    ],
)
def test_whose_holidays_are_not_known_is_refused(fields: dict[str, str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        HolidaySettings.model_validate(fields)


def test_a_time_zone_that_is_none_is_refused_with_a_guess() -> None:
    with pytest.raises(ValueError, match="no time zone is called Europe/Berln; the nearest name is Europe/Berlin"):
        zone_of("Europe/Berln")
    with pytest.raises(ValueError, match=r"called \.\./x"):
        zone_of("../x")
