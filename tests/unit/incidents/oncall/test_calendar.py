"""Shifts come out of calendars as people who wrote them see them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.oncall.calendar import RotaCalendar, Shift
from schemas.yaml_values import DefinitionError
from tests.unit.incidents.oncall.calendars import BERLIN_ZONE, GOOGLE, LEVELS, calendar, event, ms

UTC = ZoneInfo("UTC")
BERLIN = "Europe/Berlin"


def shifts(text: str, start: str, end: str, zone: str = "UTC") -> list[tuple[str, str, str]]:
    """Who is on call from when to when, as clocks of Berlin show it."""
    found = RotaCalendar(text, "rota.ics", ZoneInfo(zone)).shifts(ms(start, BERLIN), ms(end, BERLIN))
    return [(", ".join(one.people), clock(one.start_ms), clock(one.end_ms)) for one in found]


def clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(BERLIN)).strftime("%m-%d %H:%M")


def test_a_week_in_two_is_hers_and_the_other_his() -> None:
    found = shifts(GOOGLE, "2026-01-05", "2026-01-17")
    assert [one[0] for one in found] == ["ann"] * 5 + ["bob"] * 5
    assert found[0] == ("ann", "01-05 09:00", "01-05 17:00")
    assert found[5] == ("bob", "01-12 09:00", "01-12 17:00")


def test_a_day_that_is_taken_out_is_nobodys_and_a_changed_one_is_as_it_was_changed() -> None:
    assert shifts(GOOGLE, "2026-01-20", "2026-01-24") == [
        ("ann", "01-20 09:00", "01-20 17:00"),
        ("cem", "01-22 10:00", "01-22 17:00"),
        ("ann", "01-23 09:00", "01-23 17:00"),
    ]


def test_nine_stays_nine_when_the_clocks_change() -> None:
    rota = RotaCalendar(GOOGLE, "rota.ics", UTC)
    before, after = (
        rota.shifts(ms(day, BERLIN), ms(day, BERLIN) + 86_400_000)[0].start_ms for day in ("2026-03-27", "2026-03-30")
    )
    assert (before, after) == (ms("2026-03-27T08:00"), ms("2026-03-30T07:00"))


def test_a_night_through_the_change_of_clocks_is_an_hour_shorter() -> None:
    text = calendar(
        event("ann", ";TZID=Europe/Berlin:20260328T220000", ";TZID=Europe/Berlin:20260329T060000"), zones=BERLIN_ZONE
    )
    (one,) = RotaCalendar(text, "rota.ics", UTC).shifts(ms("2026-03-28"), ms("2026-03-30"))
    assert (one.end_ms - one.start_ms) / 3_600_000 == 7


def test_a_whole_day_is_one_of_the_schedules_zone() -> None:
    text = calendar(event("ann", ";VALUE=DATE:20260110", ";VALUE=DATE:20260112"))
    for zone, hour in (("UTC", "00"), ("America/New_York", "05"), ("Pacific/Auckland", None)):
        (one,) = RotaCalendar(text, "rota.ics", ZoneInfo(zone)).shifts(ms("2026-01-08"), ms("2026-01-14"))
        assert one.start_ms == ms("2026-01-10", zone)
        assert one.end_ms == ms("2026-01-12", zone)
        assert hour is None or one.start_ms == ms(f"2026-01-10T{hour}:00")


@pytest.mark.parametrize(
    ("head", "zone"),
    [
        ("", "UTC"),
        ("X-WR-TIMEZONE:Asia/Tokyo\n", "Asia/Tokyo"),
    ],
)
def test_a_whole_day_is_one_of_the_calendars_own_zone_where_nobody_says_another(head: str, zone: str) -> None:
    text = calendar(event("ann", ";VALUE=DATE:20260110", ";VALUE=DATE:20260111"), head=head)
    (one,) = RotaCalendar(text, "rota.ics").shifts(ms("2026-01-09"), ms("2026-01-13"))
    assert one.start_ms == ms("2026-01-10", zone)


def test_a_time_without_a_zone_is_one_of_the_schedules_zone() -> None:
    text = calendar(event("ann", ":20260110T230000", ":20260111T010000"))
    (one,) = RotaCalendar(text, "rota.ics", ZoneInfo("Pacific/Auckland")).shifts(ms("2026-01-10"), ms("2026-01-11"))
    assert one.start_ms == ms("2026-01-10T23:00", "Pacific/Auckland")


def test_a_zone_that_a_program_names_in_its_own_words_is_known() -> None:
    zone = "W. Europe Standard Time"
    text = calendar(event("ann", f";TZID={zone}:20260705T090000", f";TZID={zone}:20260705T170000"))
    assert shifts(text, "2026-07-05", "2026-07-06") == [("ann", "07-05 09:00", "07-05 17:00")]


def test_a_zone_that_is_defined_in_the_file_needs_no_known_name() -> None:
    zones = BERLIN_ZONE.replace("Europe/Berlin", "Office")
    text = calendar(event("ann", ";TZID=Office:20260705T090000", ";TZID=Office:20260705T170000"), zones=zones)
    assert shifts(text, "2026-07-05", "2026-07-06") == [("ann", "07-05 09:00", "07-05 17:00")]


def test_levels_and_several_people_are_read_from_the_summary() -> None:
    found = RotaCalendar(LEVELS, "rota.ics", UTC).shifts(ms("2026-01-05"), ms("2026-01-06"))
    assert [(one.level, one.people) for one in found] == [(1, ("ann", "bob")), (2, ("dora",))]


@pytest.mark.parametrize("more", ["STATUS:CANCELLED"])
def test_what_was_called_off_is_no_shift(more: str) -> None:
    assert (
        shifts(calendar(event("ann", ":20260105T090000Z", ":20260105T170000Z", more)), "2026-01-05", "2026-01-06") == []
    )


@pytest.mark.parametrize("summary", ["", "[L1]", " , "])
def test_a_shift_without_people_is_none(summary: str) -> None:
    assert shifts(calendar(event(summary, ":20260105T090000Z", ":20260105T170000Z")), "2026-01-05", "2026-01-06") == []


def test_a_shift_of_weeks_is_found_in_its_middle_and_a_span_over_weeks_has_each_once() -> None:
    text = calendar(event("ann", ":20260101T000000Z", ":20260301T000000Z"))
    rota = RotaCalendar(text, "rota.ics", UTC)
    assert len(rota.shifts(ms("2026-02-01"), ms("2026-02-01T00:01"))) == 1
    assert len(rota.shifts(ms("2026-01-01"), ms("2026-03-01"))) == 1
    assert rota.shifts(ms("2026-03-01"), ms("2026-03-02")) == []
    assert rota.shifts(ms("2025-12-30"), ms("2026-01-01")) == []


def test_an_end_is_the_next_ones_start_and_in_no_two_shifts() -> None:
    text = calendar(
        event("ann", ":20260105T000000Z", ":20260105T120000Z"), event("bob", ":20260105T120000Z", ":20260106T000000Z")
    )
    rota = RotaCalendar(text, "rota.ics", UTC)
    noon = ms("2026-01-05T12:00")
    assert [one.people for one in rota.shifts(noon, noon + 1)] == [("bob",)]
    assert [one.people for one in rota.shifts(noon - 1, noon)] == [("ann",)]


def test_shifts_are_the_same_however_they_are_asked_for() -> None:
    rota = RotaCalendar(GOOGLE, "rota.ics", UTC)
    whole = rota.shifts(ms("2026-01-01"), ms("2026-03-01"))
    days: set[Shift] = set()
    for at_ms in range(ms("2026-01-01"), ms("2026-03-01"), 86_400_000):
        days.update(rota.shifts(at_ms, at_ms + 86_400_000))
    assert sorted(days) == whole


def test_a_zone_of_one_file_is_not_that_of_another() -> None:
    shift = event("ann", ";TZID=Office:20260705T090000", ";TZID=Office:20260705T170000")
    office = BERLIN_ZONE.replace("Europe/Berlin", "Office")
    elsewhere = office.replace("+0200", "+0900").replace("+0100", "+0900")
    assert shifts(calendar(shift, zones=office), "2026-07-05", "2026-07-06")[0][1] == "07-05 09:00"
    assert shifts(calendar(shift, zones=elsewhere), "2026-07-05", "2026-07-06")[0][1] == "07-05 02:00"
    with pytest.raises(DefinitionError, match="there is no time zone 'Office'"):
        RotaCalendar(calendar(shift), "rota.ics", UTC)


def test_a_zone_may_be_defined_below_the_shift_that_names_it() -> None:
    shift = event("ann", ";TZID=Office:20260705T090000", ";TZID=Office:20260705T170000")
    text = calendar(shift, BERLIN_ZONE.replace("Europe/Berlin", "Office"))
    assert shifts(text, "2026-07-05", "2026-07-06") == [("ann", "07-05 09:00", "07-05 17:00")]


def test_a_shift_that_says_how_long_it_is_has_an_end() -> None:
    text = calendar(event("ann", ":20260105T090000Z", "").replace("DTEND", "DURATION:PT8H"))
    assert shifts(text, "2026-01-05", "2026-01-06") == [("ann", "01-05 10:00", "01-05 18:00")]


@given(st.sampled_from([GOOGLE, LEVELS]), st.data())
@settings(max_examples=60, deadline=None)
def test_a_file_that_was_torn_is_refused_in_one_line_or_read(text: str, data: st.DataObject) -> None:
    lines = text.split("\r\n")
    for _ in range(data.draw(st.integers(1, 3))):
        at, other = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        lines[at] = data.draw(st.sampled_from(["", lines[other], lines[at][:7], f"{lines[at]}{lines[other]}"]))
    problem = ""
    try:
        RotaCalendar("\r\n".join(lines), "rota.ics", UTC).shifts(ms("2026-01-05"), ms("2026-01-12"))
    except DefinitionError as error:
        problem = str(error)
    assert "\n" not in problem


BAD = {
    "what is no calendar": ("hello", "rota.ics:1: "),
    "what ends too soon": ("BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "rota.ics:1: "),
    "an event without a start": (
        calendar("BEGIN:VEVENT\nUID:1\nSUMMARY:ann\nEND:VEVENT\n"),
        "rota.ics:4: the event has no DTSTART. Say when it begins",
    ),
    "a start that is no time": (
        calendar(event("ann", ":2026-01-05", ":20260105T170000Z")),
        "rota.ics:4: DTSTART cannot be read",
    ),
    "a zone that nobody knows": (
        calendar(event("ann", ";TZID=Mars/Phobos:20260105T090000", ";TZID=Mars/Phobos:20260105T170000")),
        "rota.ics:4: there is no time zone 'Mars/Phobos'. Add its VTIMEZONE, or take a name like Europe/Berlin",
    ),
    "a shift a second": (
        calendar(
            event("bob", ":20260105T090000Z", ":20260105T170000Z"),
            event("ann", ":20260105T090000Z", ":20260105T170000Z", "RRULE:FREQ=SECONDLY"),
        ),
        "rota.ics:11: a shift that comes back SECONDLY is none. Repeat it by the day, the week or the month",
    ),
    "a calendar's own zone that nobody knows": (
        calendar(event("ann", ":20260105T090000Z", ":20260105T170000Z"), head="X-WR-TIMEZONE:Mars\n"),
        "rota.ics:1: its events cannot be computed ('No time zone found with key Mars'). Mend them",
    ),
    "a shift a minute": (
        calendar(event("ann", ":20260105T090000Z", ":20260105T170000Z", "RRULE:FREQ=DAILY;BYMINUTE=0,1,2")),
        "rota.ics:4: a shift that comes back within the hour is none",
    ),
    "a shift since the year 1": (
        calendar(event("ann", ":00010105T090000Z", ":00010105T170000Z", "RRULE:FREQ=DAILY")),
        "rota.ics:4: a shift that begins in the year 1. Let it begin from 2000 to 2200",
    ),
    "a shift that comes back before it is over by years": (
        calendar(event("ann", ":20060105T090000Z", ":20260105T170000Z", "RRULE:FREQ=DAILY")),
        "rota.ics:4: a shift that comes back and lasts 7305 days. Let it last a month at most",
    ),
    "two starts of one event": (
        calendar(event("ann", ":20260105T090000Z", ":20260105T170000Z", "DTSTART:20260105T090000Z")),
        "rota.ics:4: DTSTART stands twice in one event. Keep one of them",
    ),
    "too large a file": ("x" * 1_000_001, "rota.ics:1: 1,000,001 characters, where 1,000,000 are the most"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_computed_is_refused_with_its_line(case: str) -> None:
    text, said = BAD[case]
    with pytest.raises(DefinitionError) as found:
        RotaCalendar(text, "rota.ics", UTC)
    assert said in str(found.value)
    assert "\n" not in str(found.value)
