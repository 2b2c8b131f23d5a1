"""RFC 3339, compiled; whatever is unusual is left to ``times.to_ms``."""

from __future__ import annotations

from typing import Any, Final

from numba import njit

NOT_A_TIME: Final = -1
_ZERO, _NINE = 0x30, 0x39


@njit(cache=True)
def _two(data: Any, at: Any) -> int:
    """Two digits, or a number that no clock shows."""
    tens, ones = int(data[at]) - _ZERO, int(data[at + 1]) - _ZERO
    return 10 * tens + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else 999


@njit(cache=True)
def _days(year: Any, month: Any, day: Any) -> Any:
    """Days since 1970 of a date from 1970 on; -1 for one that no calendar has."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    length = 30 if month in (4, 6, 9, 11) else 31
    if month == 2:
        length = 29 if leap else 28
    if year < 1970 or year > 9999 or month < 1 or month > 12 or day < 1 or day > length:
        return -1
    # Counted from March on, a leap day is the year's last: Howard Hinnant's days_from_civil.
    y = year - (1 if month <= 2 else 0)
    shifted = month - 3 if month > 2 else month + 9
    return 365 * y + y // 4 - y // 100 + y // 400 + (153 * shifted + 2) // 5 + day - 1 - 719_468


@njit(cache=True)
def _fraction_ms(data: Any, at: Any, end: Any) -> Any:
    """Milliseconds of a fraction behind its dot, and where its digits end."""
    ms, scale = 0, 100
    while at < end and _ZERO <= data[at] <= _NINE:
        ms += scale * (int(data[at]) - _ZERO)
        scale //= 10
        at += 1
    return ms, at


@njit(cache=True)
def _offset_minutes(data: Any, at: Any, end: Any) -> int:
    """Minutes east of UTC; 9999 for what is no offset."""
    if end - at == 1 and (data[at] == 0x5A or data[at] == 0x7A):
        return 0
    if end - at != 6 or data[at + 3] != 0x3A or (data[at] != 0x2B and data[at] != 0x2D):
        return 9999
    hours, minutes = _two(data, at + 1), _two(data, at + 4)
    if hours > 23 or minutes > 59:
        return 9999
    return -(60 * hours + minutes) if data[at] == 0x2D else 60 * hours + minutes


@njit(cache=True)
def rfc3339_ms(data: Any, start: Any, end: Any) -> int:
    """Event milliseconds of ``2026-11-23T15:00:00[.digits](Z|+hh:mm)``, or ``NOT_A_TIME``."""
    if end - start < 20 or data[start + 4] != 0x2D or data[start + 7] != 0x2D or data[start + 10] != 0x54:
        return NOT_A_TIME
    if data[start + 13] != 0x3A or data[start + 16] != 0x3A:
        return NOT_A_TIME
    century, years = _two(data, start), _two(data, start + 2)
    days = _days(100 * century + years, _two(data, start + 5), _two(data, start + 8)) if years < 100 else -1
    hours, minutes, seconds = _two(data, start + 11), _two(data, start + 14), _two(data, start + 17)
    if days < 0 or hours > 23 or minutes > 59 or seconds > 59:
        return NOT_A_TIME
    ms, at = 0, start + 19
    if data[at] == 0x2E:
        ms, at = _fraction_ms(data, start + 20, end)
        if at == start + 20:
            return NOT_A_TIME
    offset = _offset_minutes(data, at, end)
    total = (((days * 24 + hours) * 60 + minutes - offset) * 60 + seconds) * 1000 + ms
    return total if offset != 9999 and total >= 0 else NOT_A_TIME
