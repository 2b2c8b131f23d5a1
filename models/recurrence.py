"""RFC 5545 recurrence in wall time: pure, and bounded by the days that are asked for.

Libraries step a rule from its start until something matches, which for a rule that never does is the year 9999. This
looks at the periods that touch the days in question and at nothing else; ``dateutil`` is the second opinion in its
test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Final, Literal

Frequency = Literal["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]
FREQUENCIES: Final = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
WEEKDAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MAX_A_DAY: Final = 24
"""Times of a day that a rule may name."""
MAX_COUNT: Final = 10_000
SEARCH_YEARS: Final = 40
"""A rule that does not occur within so many years of its start never does."""
_CYCLE_YEARS: Final = 400  # after which the calendar repeats, weekdays included
_BOUNDS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "INTERVAL": (1, 1000),
        "COUNT": (1, MAX_COUNT),
        "BYMONTH": (1, 12),
        "BYMONTHDAY": (-31, 31),
        "BYHOUR": (0, 23),
        "BYMINUTE": (0, 59),
        "BYSETPOS": (-366, 366),
    }
)
_KNOWN: Final = ("FREQ", *_BOUNDS, "BYDAY", "UNTIL", "WKST")
_WEEKDAY: Final = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
_UNTIL: Final = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d))?")
_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Recurrence:
    """When something recurs, in one place's wall time.

    Parameters
    ----------
    start
        The first moment, wall time.
    frequency, interval
        Every so many days, weeks, months or years.
    count, until
        When it ends, if ever.
    months, month_days, weekdays
        Days that count; a weekday is ``(0, "MO")``, or ``(2, "MO")`` for the second Monday.
    hours, minutes
        Times of the day.
    positions
        Which of a period's occurrences count.
    week_start
        Position of the weekday on which weeks begin.

    Examples
    --------
    >>> first_sunday = recurrence("FREQ=MONTHLY;BYDAY=1SU", datetime(2026, 1, 1, 2))
    >>> [str(one) for one in first_sunday.between(datetime(2026, 1, 1), datetime(2026, 3, 1))]
    ['2026-01-04 02:00:00', '2026-02-01 02:00:00']
    """

    start: datetime
    frequency: Frequency
    interval: int
    count: int | None
    until: datetime | None
    months: tuple[int, ...]
    month_days: tuple[int, ...]
    weekdays: tuple[tuple[int, str], ...]
    hours: tuple[int, ...]
    minutes: tuple[int, ...]
    positions: tuple[int, ...]
    week_start: int

    def between(self, begin: datetime, end: datetime) -> list[datetime]:
        """Occurrences from ``begin`` on and before ``end``, in order."""
        last = self._last
        return [one for one in self._from(begin, end) if begin <= one < end and (last is None or one <= last)]

    def occurs(self) -> bool:
        """Whether it ever does."""
        return any(True for _ in self._until_then(SEARCH_YEARS))

    @cached_property
    def _last(self) -> datetime | None:
        """The last occurrence, if there is one: ``until``, or where the count ends."""
        if self.count is None:
            return self.until
        last = self.start
        for position, one in enumerate(self._until_then(_CYCLE_YEARS)):
            if position == self.count:
                break
            last = one
        return last

    def _until_then(self, years: int) -> Iterator[datetime]:
        end = self.start + years * 366 * _DAY
        return (one for one in self._from(self.start, end) if self.until is None or one <= self.until)

    def _from(self, begin: datetime, end: datetime) -> Iterator[datetime]:
        """Occurrences of all periods that touch a stretch of time, in order, none before the start."""
        for days in self._periods(max(begin, self.start).date(), end.date()):
            times = [datetime.combine(day, moment) for day in days if self._takes(day) for moment in self._times]
            yield from (one for one in self._picked(times) if one >= self.start)

    @cached_property
    def _times(self) -> list[time]:
        hours = self.hours or (self.start.hour,)
        minutes = self.minutes or (self.start.minute,)
        return [time(hour, minute, self.start.second) for hour in sorted(hours) for minute in sorted(minutes)]

    def _picked(self, times: list[datetime]) -> list[datetime]:
        if not self.positions:
            return times
        count = len(times)
        places = {position - 1 if position > 0 else count + position for position in self.positions}
        return [times[place] for place in sorted(places) if 0 <= place < count]

    def _periods(self, first: date, last: date) -> Iterator[Sequence[date]]:
        """The days of each period of the rule that touches these days."""
        origin = self._period_of(self.start.date())
        at = origin + max(0, -(-(self._period_of(first) - origin) // self.interval)) * self.interval
        while (days := self._days_of(at)) and days[0] <= last:
            yield days
            at += self.interval

    def _period_of(self, day: date) -> int:
        """The period that a day lies in, as a number that grows by one a period."""
        match self.frequency:
            case "DAILY":
                return day.toordinal()
            case "WEEKLY":
                return (day.toordinal() - 1 - self.week_start) // 7
            case "MONTHLY":
                return 12 * day.year + day.month - 1
            case "YEARLY":
                return day.year

    def _days_of(self, period: int) -> Sequence[date]:
        match self.frequency:
            case "DAILY":
                return [date.fromordinal(period)]
            case "WEEKLY":
                monday = period * 7 + 1 + self.week_start
                return [date.fromordinal(monday + at) for at in range(7)]
            case "MONTHLY":
                return _month(*divmod(period, 12))
            case "YEARLY":
                months = [month - 1 for month in sorted(self.months)] or range(12)
                return [day for month in months for day in _month(period, month)]

    def _takes(self, day: date) -> bool:
        """Whether the rule's conditions on days hold."""
        if self.months and day.month not in self.months:
            return False
        if self.month_days and not {day.day, day.day - 1 - _length(day.year, day.month)} & set(self.month_days):
            return False
        return not self.weekdays or any(self._is_weekday(day, *one) for one in self.weekdays)

    def _is_weekday(self, day: date, ordinal: int, name: str) -> bool:
        if WEEKDAYS[day.weekday()] != name:
            return False
        if ordinal == 0:
            return True
        if self.frequency == "YEARLY" and not self.months:
            of_year, length = day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday
            return ordinal in ((of_year - 1) // 7 + 1, -((length - of_year) // 7) - 1)
        return ordinal in ((day.day - 1) // 7 + 1, -((_length(day.year, day.month) - day.day) // 7) - 1)


@lru_cache(maxsize=4096)
def _length(year: int, month: int) -> int:
    """Days of a month, 1 to 12."""
    return (date(year + month // 12, month % 12 + 1, 1) - date(year, month, 1)).days


def _month(year: int, month: int) -> list[date]:
    """The days of a month, 0 to 11."""
    first = date(year, month + 1, 1).toordinal()
    return [date.fromordinal(first + at) for at in range(_length(year, month + 1))]


def recurrence(text: str, start: datetime) -> Recurrence:
    """Read an RRULE.

    Raises
    ------
    ValueError
        If it is none, says what is not known here, or never occurs.
    """
    parts = _parts(text)
    frequency = _frequency(parts)
    numbers = {name: _numbers(name, parts.get(name, "")) for name in _BOUNDS}
    weekdays = _weekdays(parts.get("BYDAY", ""), frequency)
    month_days, months = numbers["BYMONTHDAY"], numbers["BYMONTH"]
    if not weekdays and not month_days:
        # What the start says where the rule does not: its weekday, its day of the month, its month.
        weekdays = ((0, WEEKDAYS[start.weekday()]),) if frequency == "WEEKLY" else ()
        month_days = (start.day,) if frequency in {"MONTHLY", "YEARLY"} else ()
        months = months or ((start.month,) if frequency == "YEARLY" else ())
    found = Recurrence(
        start=start,
        frequency=frequency,
        interval=_one(numbers, "INTERVAL") or 1,
        count=_one(numbers, "COUNT"),
        until=_until(parts.get("UNTIL", "")),
        months=months,
        month_days=month_days,
        weekdays=weekdays,
        hours=numbers["BYHOUR"],
        minutes=numbers["BYMINUTE"],
        positions=numbers["BYSETPOS"],
        week_start=_weekday(parts.get("WKST", "MO")),
    )
    _check(found)
    return found


def _parts(text: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in text.removeprefix("RRULE:").strip().rstrip(";").upper().split(";"):
        name, sign, value = part.strip().partition("=")
        if not sign or not value:
            raise ValueError(f"not a recurrence rule like FREQ=WEEKLY;BYDAY=SU: {text!r}")
        if name in parts:
            raise ValueError(f"{name} stands twice in {text!r}")
        if name not in _KNOWN:
            raise ValueError(f"{name} is not known here; known are {', '.join(_KNOWN)}")
        parts[name] = value
    if "COUNT" in parts and "UNTIL" in parts:
        raise ValueError("COUNT and UNTIL exclude each other")
    return parts


def _frequency(parts: Mapping[str, str]) -> Frequency:
    given = parts.get("FREQ", "nothing")
    for known in FREQUENCIES:
        if given == known:
            return known
    more = (
        "; FREQ=DAILY with BYHOUR and BYMINUTE recurs within a day"
        if given in {"HOURLY", "MINUTELY", "SECONDLY"}
        else ""
    )
    raise ValueError(f"FREQ is one of {', '.join(FREQUENCIES)}, not {given}{more}")


def _numbers(name: str, text: str) -> tuple[int, ...]:
    if not text:
        return ()
    low, high = _BOUNDS[name]
    try:
        numbers = tuple(int(one) for one in text.split(","))
    except ValueError:
        raise ValueError(f"{name} is a list of whole numbers, not {text}") from None
    for number in numbers:
        if not low <= number <= high or (number == 0 and low < 0):
            raise ValueError(f"{name} is from {low} to {high}{' and not 0' if low < 0 else ''}, not {number}")
    return numbers


def _one(numbers: Mapping[str, tuple[int, ...]], name: str) -> int | None:
    if len(numbers[name]) > 1:
        raise ValueError(f"{name} is one number")
    return numbers[name][0] if numbers[name] else None


def _weekdays(text: str, frequency: Frequency) -> tuple[tuple[int, str], ...]:
    found: list[tuple[int, str]] = []
    for one in text.split(",") if text else ():
        read = _WEEKDAY.fullmatch(one)
        if read is None:
            raise ValueError(f"BYDAY is a list of MO, TU, WE, TH, FR, SA, SU, each with a number or without, not {one}")
        if read[1] and (int(read[1]) == 0 or frequency in {"DAILY", "WEEKLY"}):
            raise ValueError(f"BYDAY={one}: a number counts weekdays of a month or year, and begins at 1")
        found.append((int(read[1] or 0), read[2]))
    return tuple(found)


def _weekday(text: str) -> int:
    if text not in WEEKDAYS:
        raise ValueError(f"WKST is one of {', '.join(WEEKDAYS)}, not {text}")
    return WEEKDAYS.index(text)


def _until(text: str) -> datetime | None:
    """The last moment, wall time; a date is the whole of its day."""
    if not text:
        return None
    if text.endswith("Z"):
        raise ValueError(f"UNTIL is wall time here: write {text.removesuffix('Z')} in the window's time zone")
    read = _UNTIL.fullmatch(text)
    if read is None:
        raise ValueError(f"UNTIL is 20261231 or 20261231T235900, not {text}")
    try:
        day = date(int(read[1]), int(read[2]), int(read[3]))
        moment = time(int(read[4]), int(read[5]), int(read[6])) if read[4] else time.max
    except ValueError as error:
        raise ValueError(f"UNTIL={text}: {error}") from None
    return datetime.combine(day, moment)


def _check(rule: Recurrence) -> None:
    """Refuse what yields too much, and what yields nothing."""
    times = len(set(rule.hours) or {0}) * len(set(rule.minutes) or {0})
    if times > MAX_A_DAY:
        raise ValueError(f"{times} times a day, {MAX_A_DAY} are the most; a longer duration_s covers more")
    if rule.positions and rule.frequency in {"DAILY", "WEEKLY"}:
        raise ValueError("BYSETPOS goes with FREQ=MONTHLY or YEARLY")
    if not rule.occurs():
        raise ValueError(f"it never occurs within {SEARCH_YEARS} years of its start, {rule.start.isoformat(' ')}")
