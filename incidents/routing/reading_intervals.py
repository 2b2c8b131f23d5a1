"""Reads time intervals."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from incidents.routing.findings import Findings, is_null
from incidents.routing.intervals import Entry, Range, Ranges, TimeInterval, holiday_calendar
from models.calendar import zone_of
from schemas.yaml_values import Value

_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_WEEKDAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS: Final = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_SHORTEST_MONTH: Final = 28
_DAYS: Final = 31
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}")
KNOWN: Final = (
    "times",
    "weekdays",
    "days_of_month",
    "months",
    "years",
    "location",
    "holidays",
    "exclude_holidays",
)


def read_interval(findings: Findings, value: Value) -> TimeInterval:
    """A time interval.

    Raises
    ------
    DefinitionError
        If it has no name, or one that is taken.
    """
    given = findings.fields(value, ("name", "time_intervals"), ("name",))
    name = findings.defines("time interval", given["name"]) if "name" in given else ""
    entries = findings.each(given.get("time_intervals"), lambda one: _entry(findings, one))
    return TimeInterval(name, tuple(entries))


def _entry(findings: Findings, value: Value) -> Entry:
    given = findings.fields(value, KNOWN)
    texts = {name: findings.attempt(_CHECKED[name], given[name]) for name in _CHECKED if name in given}
    return Entry(
        times=_ranges(findings, given.get("times"), lambda one: _times(findings, one)),
        weekdays=_ranges(findings, given.get("weekdays"), _weekdays),
        days_of_month=_ranges(findings, given.get("days_of_month"), _days_of_month),
        months=_ranges(findings, given.get("months"), _months),
        years=_ranges(findings, given.get("years"), _years),
        **{name: text for name, text in texts.items() if text},
    )


def _ranges(findings: Findings, value: Value | None, read: Callable[[Value], Range]) -> Ranges:
    return () if value is None or is_null(value) else tuple(findings.each(value, read))


def _times(findings: Findings, value: Value) -> Range:
    given = findings.fields(value, ("start_time", "end_time"), ("start_time", "end_time"))
    if len(given) < 2:
        return Range(0, 0)
    start, end = (_minutes(given[name]) for name in ("start_time", "end_time"))
    if start >= end:
        raise value.error("it ends before it begins", "For a night write two of them: to 24:00, and from 00:00")
    return Range(start, end)


def _minutes(value: Value) -> int:
    text = value.text()
    if not _TIME.fullmatch(text):
        raise value.error(f"{text!r} is no time of day", "Write it from '00:00' to '24:00'")
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _weekdays(value: Value) -> Range:
    def number(text: str) -> int:
        if text not in _WEEKDAYS:
            raise value.error(f"{text!r} is no day of the week", f"They are {', '.join(_WEEKDAYS)}")
        return _WEEKDAYS.index(text)

    return _in_order(value, _pair(value, number), "Sunday is the first day; write two ranges")


def _months(value: Value) -> Range:
    def number(text: str) -> int:
        if text in _MONTHS:
            return _MONTHS.index(text) + 1
        found = int(text) if _NUMBER.fullmatch(text) else 0
        if not 1 <= found <= len(_MONTHS):
            raise value.error(f"{text!r} is no month", "Write its name, or its number from 1 to 12")
        return found

    return _in_order(value, _pair(value, number), "Write two ranges")


def _years(value: Value) -> Range:
    def number(text: str) -> int:
        if not _NUMBER.fullmatch(text):
            raise value.error(f"{text!r} is no year", "Write it like 2026")
        return int(text)

    return _in_order(value, _pair(value, number), "Put the earlier year first")


def _days_of_month(value: Value) -> Range:
    def number(text: str) -> int:
        found = int(text) if _NUMBER.fullmatch(text) else 0
        if not 1 <= abs(found) <= _DAYS:
            raise value.error(f"{text!r} is no day of the month", "Write 1 to 31, or -1 to -31 from its end")
        return found

    first, last = _pair(value, number)
    if first < 0 < last:
        raise value.error("it begins from the month's end and ends from its beginning", "Count both the same way")
    # What could hold in no month at all; the shortest has 28 days.
    begin, end = (one if one > 0 else _SHORTEST_MONTH + one for one in (first, last))
    if begin > end:
        raise value.error("it ends before it begins in every month", "Put the earlier day first")
    return Range(first, last)


def _pair(value: Value, number: Callable[[str], int]) -> Range:
    first, colon, last = value.text().lower().partition(":")
    return Range(number(first), number(last if colon else first))


def _in_order(value: Value, found: Range, way_out: str) -> Range:
    if found.first > found.last:
        raise value.error("it ends before it begins", way_out)
    return found


def location_of(value: Value) -> str:
    """The IANA name of a time zone.

    Raises
    ------
    DefinitionError
        If there is none of that name.
    """
    try:
        return zone_of(value.text()).key
    except ValueError as error:
        what, _, nearest = str(error).partition("; the nearest name is ")
        raise value.error(what, f"Did you mean {nearest}?" if nearest else "Write one such as Europe/Berlin") from error


def _holidays(value: Value) -> str:
    text = value.text()
    try:
        holiday_calendar(text)
    except ValueError as error:
        # Of several lines that pydantic writes, the one that says why.
        what = next((line for line in str(error).splitlines() if "Value error" in line), str(error))
        what = what.split("Value error, ")[-1].split(" [type=")[0]
        raise value.error(what, "Write a country such as DE, or one of its parts such as US-CA") from error
    return text


_CHECKED: Final = {"location": location_of, "holidays": _holidays, "exclude_holidays": _holidays}
