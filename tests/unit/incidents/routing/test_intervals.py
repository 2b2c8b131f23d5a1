"""Time intervals hold when Alertmanager's do; holidays and what opens next are ours.

Vectors: https://github.com/prometheus/alertmanager/blob/main/timeinterval/timeinterval_test.go
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.routing.intervals import MINUTE_MS, Entry, Range, TimeInterval
from models.calendar import wall_time, zone_of
from tests.unit.incidents.routing.texts import problems, routing


def interval(entries: str) -> TimeInterval:
    text = f"""
route: {{receiver: a}}
receivers: [{{name: a}}]
time_intervals:
- name: t
  time_intervals: {entries}
"""
    return routing(text).intervals["t"]


def ms(text: str) -> int:
    """A time as Go's RFC 822 with a numeric zone has it."""
    return int(datetime.strptime(text, "%d %b %y %H:%M %z").timestamp() * 1000)


BUSINESS = "[{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}]}]"
SYDNEY = BUSINESS.replace("}]}]", "}], location: Australia/Sydney}]")
QUARTER = """
  - weekdays: ['monday:friday', 'sunday']
    months: ['january:march']
    days_of_month: ['-7:-1']
    years: ['2020:2025', '2030:2035']
    times: [{start_time: '09:00', end_time: '17:00'}]
"""
CONTAINED: dict[str, tuple[str, list[str], list[str]]] = {
    "any time": ("[{}]", ["02 Jan 06 15:04 +0000", "03 Jan 07 10:04 +0000"], []),
    "nine to five on weekdays": (
        BUSINESS,
        ["04 May 20 15:04 +0000", "05 May 20 10:04 +0000", "09 Jun 20 09:04 +0000", "08 Jul 20 16:59 +0000"],
        ["03 May 20 15:04 +0000", "04 May 20 08:59 +0000", "05 May 20 05:00 +0000", "08 Jul 20 17:00 +0000"],
    ),
    "easter 2020": (
        "[{days_of_month: ['4:6'], months: [april], years: ['2020']}]",
        ["04 Apr 20 15:04 +0000", "05 Apr 20 00:00 +0000", "06 Apr 20 23:05 +0000"],
        ["03 May 18 15:04 +0000", "03 Apr 20 23:59 +0000", "04 Jun 20 23:59 +0000", "07 Apr 20 00:00 +0000"],
    ),
    "the last three days of a month": (
        "[{days_of_month: ['-3:-1']}]",
        ["31 Jan 20 15:04 +0000", "29 Jan 20 15:04 +0000", "30 Jun 20 00:00 +0000", "29 Feb 20 23:05 +0000"],
        ["27 Jan 20 15:04 +0000", "03 Apr 20 23:59 +0000", "01 Mar 20 00:00 +0000"],
    ),
    "days beyond a month's ends": (
        "[{months: ['6'], days_of_month: ['-31:-1', '1:31']}]",
        ["30 Jun 20 00:00 +0000", "01 Jun 20 00:00 +0000"],
        ["31 May 20 00:00 +0000", "01 Jul 20 00:00 +0000"],
    ),
    "days that February has not": (
        "[{days_of_month: ['30:31'], months: [february]}]",
        [],
        ["28 Feb 21 13:00 +0000", "29 Feb 20 13:00 +0000"],
    ),
    "hours in Sydney": (SYDNEY, ["06 Apr 21 13:00 +1000"], ["06 Apr 21 13:00 +0000"]),
    "summer time in Sydney": (
        SYDNEY,
        ["01 Nov 21 09:00 +1100", "31 Oct 21 22:00 +0000"],
        ["31 Oct 21 21:00 +0000"],
    ),
    "the last week of a quarter": (
        QUARTER,
        ["27 Jan 21 09:00 +0000", "28 Jan 21 16:59 +0000", "31 Mar 25 13:00 +0000", "31 Jan 35 13:00 +0000"],
        ["30 Jan 21 13:00 +0000", "01 Apr 21 13:00 +0000", "30 Jan 26 13:00 +0000", "31 Jan 35 17:01 +0000"],
    ),
    "either of two": (
        "[{weekdays: [saturday]}, {times: [{start_time: '00:00', end_time: '24:00'}], weekdays: [Sunday]}]",
        ["28 Nov 26 03:00 +0000", "29 Nov 26 23:59 +0000"],
        ["30 Nov 26 00:00 +0000"],
    ),
}


@pytest.mark.parametrize("case", CONTAINED)
def test_a_time_is_in_an_interval_where_it_is_in_alertmanagers(case: str) -> None:
    entries, inside, outside = CONTAINED[case]
    found = interval(entries)
    assert [text for text in inside if not found.contains(ms(text))] == []
    assert [text for text in outside if found.contains(ms(text))] == []


REFUSED = {
    "times: [{start_time: '01:99', end_time: '23:59'}]": "'01:99' is no time of day",
    "times: [{start_time: '00:00', end_time: '99:99'}]": "'99:99' is no time of day",
    "times: [{start_time: '12:30', end_time: '24:01'}]": "'24:01' is no time of day",
    "times: [{start_time: '17:31', end_time: '17:31'}]": "it ends before it begins",
    "times: [{start_time: '09:30', end_time: '07:41'}]": "it ends before it begins",
    "times: [{start_time: '14:03'}]": "end_time is missing",
    "weekdays: ['friday:monday']": "it ends before it begins",
    "weekdays: ['blurgsday:flurgsday']": "'blurgsday' is no day of the week",
    "weekdays: ['1:3']": "'1' is no day of the week",
    "days_of_month: ['0']": "'0' is no day of the month",
    "days_of_month: ['-50:-20']": "'-50' is no day of the month",
    "days_of_month: ['1:50']": "'50' is no day of the month",
    "days_of_month: ['-15:5']": "it begins from the month's end and ends from its beginning",
    "days_of_month: ['10:-25']": "it ends before it begins in every month",
    "months: ['martius:june']": "'martius' is no month",
    "months: ['march:junius']": "'junius' is no month",
    "months: ['december:january']": "it ends before it begins",
    "years: ['2022:2020']": "it ends before it begins",
    "years: [next]": "'next' is no year",
    "location: Berlin": "no time zone is called Berlin",
    "holidays: ZZ": "country ZZ is not known",
    "exclude_holidays: US-XX": "subdivision XX is none of US's",
    "weekday: [monday]": "there is no such field. Did you mean weekdays?",
}


@pytest.mark.parametrize("entry", REFUSED)
def test_an_interval_that_cannot_hold_is_refused_with_its_line(entry: str) -> None:
    text = "route: {receiver: a}\nreceivers: [{name: a}]\ntime_intervals:\n- name: t\n  time_intervals:\n"
    (said,) = problems(f"{text}  - {entry}\n")
    assert said.startswith("a.yaml:6: time_intervals[0].time_intervals[0].")
    assert REFUSED[entry] in said


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def told(time_ms: int | None) -> str | None:
    return None if time_ms is None else datetime.fromtimestamp(time_ms / 1000, UTC).isoformat()


def test_holidays_are_left_out_of_business_hours() -> None:
    hours = interval(BUSINESS.replace("}]}]", "}], location: Europe/Berlin, exclude_holidays: DE-BY}]"))
    assert not hours.contains(at("2026-01-06T10:00+01:00"))
    assert hours.contains(at("2026-01-07T10:00+01:00"))
    assert told(hours.next_opening_ms(at("2026-12-24T18:00+01:00"))) == "2026-12-28T08:00:00+00:00"


def test_an_interval_of_holidays_is_on_them_alone() -> None:
    off = interval("[{holidays: US-CA, location: America/Los_Angeles}]")
    assert told(off.next_opening_ms(at("2026-11-26T12:00+00:00"))) == "2026-11-26T12:00:00+00:00"
    assert told(off.next_opening_ms(at("2026-11-25T12:00+00:00"))) == "2026-11-26T08:00:00+00:00"


NIGHT = "[{times: [{start_time: '02:30', end_time: '03:30'}], location: Europe/Berlin}]"


@pytest.mark.parametrize(
    ("from_", "opens"),
    [
        ("2026-03-29T00:00+01:00", "2026-03-29T01:00:00+00:00"),  # 02:00 to 03:00 does not come: 03:00 opens
        ("2026-10-25T02:59+02:00", "2026-10-25T00:59:00+00:00"),
        ("2026-10-25T02:00+01:00", "2026-10-25T01:30:00+00:00"),  # 02:30 comes again
        ("2026-10-26T00:00+01:00", "2026-10-26T01:30:00+00:00"),
    ],
)
def test_an_opening_is_found_where_clocks_change(from_: str, opens: str) -> None:
    assert told(interval(NIGHT).next_opening_ms(at(from_))) == opens


def test_an_opening_years_ahead_is_found_and_one_that_never_comes_is_none() -> None:
    leap = interval("[{days_of_month: ['29'], months: [february]}]")
    assert told(leap.next_opening_ms(at("2026-01-01T00:00+00:00"))) == "2028-02-29T00:00:00+00:00"
    assert interval("[{years: ['2020']}]").next_opening_ms(at("2026-01-01T00:00+00:00")) is None


def test_an_interval_closes_where_it_no_longer_holds() -> None:
    assert told(interval(BUSINESS).next_closing_ms(at("2026-11-27T12:34:56+00:00"))) == "2026-11-27T17:00:00+00:00"
    assert interval("[{}]").next_closing_ms(at("2026-11-27T12:00+00:00")) is None


ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Kiritimati", "Asia/Kathmandu"]


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    first = draw(st.integers(0, 1439))
    day = draw(st.integers(0, 6))
    return Entry(
        times=(Range(first, draw(st.integers(first + 1, 1440))),),
        weekdays=draw(st.sampled_from([(), (Range(day, 6),)])),
        location=draw(st.sampled_from(ZONES)),
    )


@settings(max_examples=60, deadline=None)
@given(some=st.lists(entries(), min_size=1, max_size=3), day=st.integers(0, 365), minute=st.integers(0, 1439))
def test_what_opens_next_is_what_looking_at_every_minute_finds(some: list[Entry], day: int, minute: int) -> None:
    found = TimeInterval("t", tuple(some))
    from_ms = at("2026-01-01T00:00+00:00") + (day * 1440 + minute) * MINUTE_MS
    opens_ms = found.next_opening_ms(from_ms)
    by_minute = next(
        (one for one in range(from_ms, from_ms + 9 * 1440 * MINUTE_MS, MINUTE_MS) if found.contains(one)), None
    )
    # Four o'clock may be skipped, and a weekday may be a week away; nine days have every minute of every weekday.
    assert opens_ms == by_minute


def test_the_same_hours_by_other_clocks_open_at_other_times() -> None:
    kathmandu = interval(BUSINESS).in_zone("Asia/Kathmandu")
    opens_ms = kathmandu.next_opening_ms(at("2026-11-28T00:00+00:00"))
    assert opens_ms is not None
    assert str(wall_time(opens_ms, zone_of("Asia/Kathmandu"))) == "2026-11-30 09:00:00"
