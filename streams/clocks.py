"""Hours and days as people live them, for compiled code: wall clocks, days of the week, holidays, days of the month."""

from __future__ import annotations

from typing import Any, Final

from streams.jit import kernel
from streams.layout import DAY_HOURS, Number, Row

_THURSDAY: Final = 3
"""1970 began on one."""
_WEEK_DAYS: Final = 7
WEEK: Final[list[tuple[str, str] | tuple[str, str, tuple[int, ...]]]] = [
    ("from_h", "i8", (128,)),  # from which hour since 1970 on clocks differ from UTC ...
    ("offset_h", "i8", (128,)),  # ... by so many whole hours; the first holds before it, too
    ("holidays", "i4", (1024,)),  # days since 1970, sorted; the rest is too large for one
    ("free", "u1", (7,)),  # whether a day of the week, from Monday on, is one of the weekend
    ("holiday_as", "i8"),  # the day of the week that a holiday is like
]
"""Whose hours these are: fields of the settings that compiled code reads."""
# Of the Gregorian calendar, with years that begin in March, as Howard Hinnant counts them:
# https://howardhinnant.github.io/date_algorithms.html
_FROM_YEAR_0: Final = 719_468
_ERA: Final = 146_097
"""Days of 400 years."""
_JANUARY: Final = 10
"""Months since March."""


@kernel
def _last_from(values: Any, wanted: int) -> Number:
    """How many of some sorted values are at most the wanted one."""
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if values[middle] <= wanted:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def local_hour(hour: int, params: Row) -> Number:
    """What clocks show at an hour since 1970, as hours since 1970."""
    return hour + params.offset_h[max(0, _last_from(params.from_h, hour) - 1)]


@kernel
def weekday_of(day: int, params: Row) -> Number:
    """The day of the week that a day since 1970 is, 0 for Monday; a holiday is like the last day of a weekend."""
    count = _last_from(params.holidays, day)
    if count > 0 and params.holidays[count - 1] == day:
        return params.holiday_as
    return (day + _THURSDAY) % _WEEK_DAYS


@kernel
def place_of(hour: int, params: Row) -> Number:
    """The hour of the week that an hour since 1970 is."""
    local = local_hour(hour, params)
    return weekday_of(local // DAY_HOURS, params) * DAY_HOURS + local % DAY_HOURS


@kernel
def _before_month(month: int) -> Number:
    """Days from 1 March to the first of the month that comes so many later."""
    return (153 * month + 2) // 5


@kernel
def month_day(day: int) -> tuple[Number, Number]:
    """The day of the month that a day since 1970 is, counted from its start and from its end; each begins at 1."""
    shifted = day + _FROM_YEAR_0
    of_era = shifted % _ERA
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // (_ERA - 1)) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    from_start = of_year - _before_month(month) + 1
    if month <= _JANUARY:
        length = _before_month(month + 1) - _before_month(month)
    else:
        # February's year is the next one, from its January on; the era's last is one of 366 days.
        year += 1
        length = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return from_start, length - from_start + 1
