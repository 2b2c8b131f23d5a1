"""Named stretches of the week and the year, as Alertmanager's ``time_intervals`` have them, and holidays beside.

https://prometheus.io/docs/alerting/latest/configuration/#time_interval
"""

from __future__ import annotations

import calendar
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple, Self

from models.calendar import CalendarSettings, calendar_of, instant_ms, wall_time, zone_of

MINUTE_MS: Final = 60_000
DAY_MINUTES: Final = 1440
SEARCHED_DAYS: Final = 1500
"""How far ahead an opening is looked for: a 29th of February is within it."""
_RANGES: Final = ("times", "weekdays", "days_of_month", "months", "years")
_DAY: Final = timedelta(days=1)
_DAY_MS: Final = DAY_MINUTES * MINUTE_MS


class Range(NamedTuple):
    """From the first to the last of them, both in it; of minutes the last one is not."""

    first: int
    last: int

    def has(self, number: int) -> bool:
        """Whether a number is in it."""
        return self.first <= number <= self.last


Ranges = tuple[Range, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a time interval: a time is in it if it is in one range of each kind that is there.

    Parameters
    ----------
    times
        Minutes of the day, the last one not in it.
    weekdays
        Sunday is 0.
    days_of_month
        Negative ones count from the month's end: -1 is its last day.
    months, years
        January is 1.
    location
        IANA name of the clocks that are meant.
    holidays
        Only on public holidays of a country, or one of its parts: ``DE``, ``US-CA``. Empty for any day.
    exclude_holidays
        Never on those.
    """

    times: Ranges = ()
    weekdays: Ranges = ()
    days_of_month: Ranges = ()
    months: Ranges = ()
    years: Ranges = ()
    location: str = "UTC"
    holidays: str = ""
    exclude_holidays: str = ""

    def contains(self, at_ms: int) -> bool:
        """Whether a time is in it."""
        wall = wall_time(at_ms, zone_of(self.location))
        minute = wall.hour * 60 + wall.minute
        in_time = not self.times or any(first <= minute < last for first, last in self.times)
        return in_time and self._has_day(wall.date())

    def _has_day(self, day: date) -> bool:
        return (
            _any(self.weekdays, day.isoweekday() % 7)
            and (not self.days_of_month or _is_day_of_month(self.days_of_month, day))
            and _any(self.months, day.month)
            and _any(self.years, day.year)
            and (not self.holidays or self._is_holiday(self.holidays, day))
            and not (self.exclude_holidays and self._is_holiday(self.exclude_holidays, day))
        )

    def _is_holiday(self, whose: str, day: date) -> bool:
        return calendar_of(holiday_calendar(whose)).kind_of(day) == "holiday"

    def turns_ms(self, day: date) -> Iterator[int]:
        """When, on a day of its clocks, a time may begin or cease to be in it."""
        zone = zone_of(self.location)
        begin, end = (instant_ms(datetime.combine(one, datetime.min.time()), zone) for one in (day, day + _DAY))
        if end - begin != _DAY_MS:
            # Clocks change: any minute may be the one that is skipped or comes twice.
            yield from range(begin, end, MINUTE_MS)
            return
        minutes = {0, *(minute for one in self.times for minute in one if minute < DAY_MINUTES)}
        yield from (begin + minute * MINUTE_MS for minute in sorted(minutes))


@dataclass(frozen=True, slots=True)
class TimeInterval:
    """A name, and the entries one of which a time has to be in.

    Examples
    --------
    >>> nine_to_five = Entry(times=(Range(540, 1020),), weekdays=(Range(1, 5),), location="Europe/Berlin")
    >>> hours = TimeInterval("business-hours", (nine_to_five,))
    >>> saturday_ms = instant_ms(datetime(2026, 3, 28, 12), zone_of("Europe/Berlin"))
    >>> hours.contains(saturday_ms)
    False
    >>> opens_ms = hours.next_opening_ms(saturday_ms)
    >>> str(wall_time(opens_ms, zone_of("UTC")))  # nine in Berlin, where summer time began the day before
    '2026-03-30 07:00:00'
    """

    name: str
    entries: tuple[Entry, ...]

    def contains(self, at_ms: int) -> bool:
        """Whether a time is in one of its entries."""
        return any(one.contains(at_ms) for one in self.entries)

    def next_opening_ms(self, at_ms: int) -> int | None:
        """The first minute from a time on that is in it; none if that is too far ahead."""
        return first_ms(self.contains, [self], at_ms)

    def next_closing_ms(self, at_ms: int) -> int | None:
        """The first minute from a time on that is not in it; none if that is too far ahead."""
        return first_ms(lambda ms: not self.contains(ms), [self], at_ms)

    def in_zone(self, location: str) -> Self:
        """The same by other clocks."""
        return replace(self, entries=tuple(replace(one, location=location) for one in self.entries))

    def public(self) -> dict[str, Any]:
        """As JSON has it."""
        kept = [
            {name: value for name in Entry.__dataclass_fields__ if (value := getattr(one, name))}
            for one in self.entries
        ]
        return {"name": self.name, "entries": kept}

    @classmethod
    def from_public(cls, body: dict[str, Any]) -> Self:
        """From what ``public`` gave."""
        return cls(str(body["name"]), tuple(_entry(one) for one in body["entries"]))


def first_ms(holds: Callable[[int], bool], intervals: Iterable[TimeInterval], at_ms: int) -> int | None:
    """The first minute from a time on at which something holds that only these intervals decide.

    Parameters
    ----------
    holds
        What is asked of a time in ms.
    intervals
        Those that it looks at.
    at_ms
        From when on.
    """
    if holds(at_ms):
        return at_ms
    entries = dict.fromkeys(entry for one in intervals for entry in one.entries)
    turns = heapq.merge(*(_turns_from(entry, at_ms) for entry in entries))
    return next((turn for turn in turns if turn > at_ms and holds(turn)), None)


def _turns_from(entry: Entry, at_ms: int) -> Iterator[int]:
    today = wall_time(at_ms, zone_of(entry.location)).date()
    for number in range(SEARCHED_DAYS):
        yield from entry.turns_ms(today + number * _DAY)


def holiday_calendar(whose: str) -> CalendarSettings:
    """The calendar of a country, or of one of its parts, as ``holidays`` names it.

    Raises
    ------
    ValueError
        If there is none.

    Examples
    --------
    >>> holiday_calendar("US-CA").subdivision
    'CA'
    """
    country, _, subdivision = whose.partition("-")
    return CalendarSettings(country=country, subdivision=subdivision)


def _any(ranges: Ranges, number: int) -> bool:
    return not ranges or any(one.has(number) for one in ranges)


def _is_day_of_month(ranges: Ranges, day: date) -> bool:
    """Whether a day is in one of the ranges; ends beyond the month's are its end, beginnings beyond it never come."""
    length = calendar.monthrange(day.year, day.month)[1]
    for one in ranges:
        first, last = (number if number > 0 else length + number + 1 for number in one)
        if first <= length and first <= day.day <= last:
            return True
    return False


def _entry(body: Mapping[str, Any]) -> Entry:
    texts = {name: str(body[name]) for name in ("location", "holidays", "exclude_holidays") if name in body}
    times, weekdays, days, months, years = (
        tuple(Range(int(first), int(last)) for first, last in body.get(name, ())) for name in _RANGES
    )
    return Entry(times, weekdays, days, months, years, **texts)
