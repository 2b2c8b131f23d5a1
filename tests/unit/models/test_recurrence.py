"""Recurrence rules: as dateutil reads them, and bounded where it is not."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from dateutil.rrule import rrulestr
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from models.recurrence import WEEKDAYS, recurrence

START = datetime.fromisoformat("2026-01-31T02:30")
FEBRUARY = datetime.fromisoformat("2026-02-01")
MARCH = datetime.fromisoformat("2026-03-01")

RULES = (
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=3;BYHOUR=2,14;BYMINUTE=0,30",
    "FREQ=WEEKLY",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=SU",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,TU;WKST=MO",
    "FREQ=MONTHLY",
    "FREQ=MONTHLY;BYMONTHDAY=-1",
    "FREQ=MONTHLY;BYDAY=1SU,-1FR",
    "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1",
    "FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13",
    "FREQ=YEARLY",
    "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU",
    "FREQ=YEARLY;BYDAY=20MO",
    "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29",
    "FREQ=DAILY;COUNT=10",
    "FREQ=MONTHLY;COUNT=7",
    "FREQ=WEEKLY;UNTIL=20260501T023000",
)


def expected(rule: str, start: datetime, begin: datetime, end: datetime) -> list[datetime]:
    return [one for one in rrulestr(rule, dtstart=start).between(begin, end, inc=True) if one < end]


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_recurs_as_dateutil_has_it_wherever_one_looks(rule: str) -> None:
    found = recurrence(rule, START)
    for days in (0, 17, 100, 800):
        begin = START - timedelta(days=10) + timedelta(days=days)
        for length in (1, 40, 400):
            end = begin + timedelta(days=length)
            assert found.between(begin, end) == expected(rule, START, begin, end), (begin, end)


@st.composite
def rules(draw: st.DrawFn) -> str:
    frequency = draw(st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]))
    parts = [f"FREQ={frequency}", f"INTERVAL={draw(st.integers(1, 4))}"]
    counts = frequency in {"MONTHLY", "YEARLY"}
    if days := draw(st.lists(st.sampled_from(WEEKDAYS), max_size=3, unique=True)):
        # dateutil takes a list of numbered and plain weekdays for what both hold of; RFC 5545 adds them up.
        numbered = counts and draw(st.booleans())
        parts.append("BYDAY=" + ",".join(draw(st.sampled_from("12")) + day if numbered else day for day in days))
    elif counts and (days_of := draw(st.lists(st.sampled_from([1, 15, 28, -1, -5]), max_size=2, unique=True))):
        parts.append("BYMONTHDAY=" + ",".join(map(str, days_of)))
    if months := draw(st.lists(st.integers(1, 12), max_size=3, unique=True)):
        parts.append("BYMONTH=" + ",".join(map(str, months)))
    if hours := draw(st.lists(st.integers(0, 23), max_size=3, unique=True)):
        parts.append("BYHOUR=" + ",".join(map(str, hours)))
    if counts and draw(st.booleans()):
        parts.append(f"BYSETPOS={draw(st.sampled_from(['1', '-1', '2,-2']))}")
    if draw(st.booleans()):
        parts.append(f"COUNT={draw(st.integers(1, 20))}")
    return ";".join(parts)


@settings(max_examples=60, deadline=None, phases=[Phase.generate])
@given(
    rules(),
    st.datetimes(START - timedelta(days=2000), START + timedelta(days=2000)),
    st.integers(0, 1500),
    st.integers(1, 500),
)
def test_any_rule_recurs_as_dateutil_has_it(rule: str, start: datetime, later: int, length: int) -> None:
    start = start.replace(second=0, microsecond=0)
    begin = start + timedelta(days=later)
    end = begin + timedelta(days=length)
    try:
        found = recurrence(rule, start)
    except ValueError as error:
        assert "never occurs" in str(error)  # noqa: PT017  # dateutil would look until the year 9999
        return
    assert found.between(begin, end) == expected(rule, start, begin, end)


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("every night", "not a recurrence rule like FREQ=WEEKLY;BYDAY=SU"),
        ("FREQ=HOURLY", "FREQ is one of DAILY.*not HOURLY; FREQ=DAILY with BYHOUR"),
        ("BYDAY=SU", "FREQ is one of DAILY"),
        ("FREQ=DAILY;BYEASTER=0", "BYEASTER is not known here; known are FREQ"),
        ("FREQ=DAILY;FREQ=DAILY", "FREQ stands twice"),
        ("FREQ=DAILY;COUNT=2;UNTIL=20270101", "COUNT and UNTIL exclude each other"),
        ("FREQ=DAILY;UNTIL=20270101T000000Z", "UNTIL is wall time here: write 20270101T000000"),
        ("FREQ=DAILY;UNTIL=20270230", "UNTIL=20270230: day"),
        ("FREQ=DAILY;COUNT=10001", "COUNT is from 1 to 10000, not 10001"),
        ("FREQ=DAILY;INTERVAL=0", "INTERVAL is from 1 to 1000, not 0"),
        ("FREQ=DAILY;INTERVAL=1,2", "INTERVAL is one number"),
        ("FREQ=MONTHLY;BYMONTHDAY=0", "BYMONTHDAY is from -31 to 31 and not 0"),
        ("FREQ=MONTHLY;BYMONTHDAY=last", "BYMONTHDAY is a list of whole numbers"),
        ("FREQ=WEEKLY;BYDAY=SUN", "BYDAY is a list of MO"),
        ("FREQ=WEEKLY;BYDAY=1SU", "a number counts weekdays of a month or year"),
        ("FREQ=WEEKLY;WKST=XX", "WKST is one of MO"),
        ("FREQ=DAILY;BYSETPOS=1", "BYSETPOS goes with"),
        ("FREQ=DAILY;BYHOUR=0,6,12,18;BYMINUTE=0,5,10,15,20,25,30", "28 times a day, 24 are the most"),
        ("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "never occurs within 40 years of its start"),
        ("FREQ=DAILY;INTERVAL=7;BYDAY=MO", "never occurs"),
        ("FREQ=DAILY;UNTIL=20250101", "never occurs"),
    ],
)
def test_what_cannot_be_is_refused_with_the_way_out(rule: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        recurrence(rule, START)


def test_numbered_and_plain_weekdays_add_up() -> None:
    found = recurrence("FREQ=MONTHLY;BYDAY=WE,1TU", FEBRUARY)
    assert [one.day for one in found.between(FEBRUARY, MARCH)] == [3, 4, 11, 18, 25]


def test_a_date_to_recur_until_is_its_whole_day() -> None:
    found = recurrence("FREQ=DAILY;UNTIL=20260202", START)
    assert [one.day for one in found.between(START, START + timedelta(days=9))] == [31, 1, 2]
