"""Steps over many native messages at once: finds values and times, and a hash of everything else.

All that differs between two samples of one series is the number behind ``value`` and the time behind ``timestamp``.
So the bytes around these two, hashed, name the series of every message whose like a real parser has read before, and
vouch for its being valid JSON. What is unusual in any way (escapes in keys, keys twice, no value, numbers of more than
32 characters ...) is left to the slow reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from integrations.formats.dense_index import hash_bytes
from integrations.formats.json_scan import BAD, FLOAT, INTEGER, after_space, number_end, string_end, value_end
from integrations.formats.time_scan import rfc3339_ms

# Columns of ``units``.
RECORD, START, END, VALUE, VALUE_END, TIME_KIND, TIME, TIME_END, COLUMNS = 0, 1, 2, 3, 4, 5, 6, 7, 8
NO_TIME, WHOLE_TIME, FLOAT_TIME, MILLISECONDS = 0, 1, 2, 3
_BYTES_PER_UNIT: Final = 16
_MIN_ROWS: Final = 64
_VALUE: Final = np.frombuffer(b"value", np.uint8)
_TIMESTAMP: Final = np.frombuffer(b"timestamp", np.uint8)


@dataclass(frozen=True, slots=True)
class Scanned:
    """What the messages hold.

    Parameters
    ----------
    units
        One row a sample: record, where its object and its value stand, and its time as ``TIME_KIND`` says: none, a
        whole number (in ``TIME``), a fraction (which stands from ``TIME`` to ``TIME_END``) or milliseconds; int64.
    hashes
        The bytes around value and time.
    regular
        A flag a record: whether its samples stand in ``units``.
    """

    units: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    regular: npt.NDArray[np.bool_]


def scan(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64]) -> Scanned:
    """Scan messages that stand one behind the other; ``starts`` ends with where the last one does."""
    rows = len(data) // _BYTES_PER_UNIT + _MIN_ROWS
    units, hashes = np.empty((rows, COLUMNS), np.int64), np.empty(rows, np.uint64)
    regular = np.zeros(len(starts) - 1, np.bool_)
    used = _scan(data, starts, units, hashes, regular)
    return Scanned(units[:used], hashes[:used], regular)


@njit(cache=True)
def _scan(data: Any, starts: Any, units: Any, hashes: Any, regular: Any) -> int:
    used = 0
    for record in range(len(starts) - 1):
        found = _message(data, starts[record], starts[record + 1], units[used:], hashes[used:])
        regular[record] = found > 0
        if found > 0:
            units[used : used + found, RECORD] = record
            used += found
    return used


@njit(cache=True)
def _message(data: Any, start: Any, end: Any, units: Any, hashes: Any) -> int:
    """How many samples a message holds, 0 if it is not regular."""
    at = after_space(data, start, end)
    if at >= end:
        return 0
    if data[at] != 0x5B:
        at = _unit(data, at, end, units, hashes, 0)
        return 1 if at >= 0 and after_space(data, at, end) == end else 0
    found = 0
    while at < end:
        # Behind the bracket or a comma.
        at = _unit(data, after_space(data, at + 1, end), end, units, hashes, found)
        if at < 0:
            return 0
        found += 1
        at = after_space(data, at, end)
        if at < end and data[at] == 0x5D:
            return found if after_space(data, at + 1, end) == end else 0
        if at < end and data[at] != 0x2C:
            return 0
    return 0


@njit(cache=True)
def _unit(data: Any, start: Any, end: Any, units: Any, hashes: Any, row: Any) -> int:
    """Scan one sample's object; where it ends, or -1."""
    if start >= end or data[start] != 0x7B or row >= len(units):
        return -1
    unit = units[row]
    unit[START], unit[VALUE], unit[TIME_KIND], unit[TIME], unit[TIME_END] = start, -1, NO_TIME, -1, -1
    at = start
    while at < end and data[at] != 0x7D:
        # Behind the brace or a comma.
        at = _member(data, after_space(data, at + 1, end), end, unit)
        if at < 0:
            return -1
        at = after_space(data, at, end)
        if at < end and data[at] != 0x2C and data[at] != 0x7D:
            return -1
    if at >= end or unit[VALUE] < 0:
        return -1
    unit[END] = at + 1
    hashes[row] = _hash_around(data, unit)
    if unit[TIME_KIND] == WHOLE_TIME:
        unit[TIME] = _whole(data, unit[TIME], unit[TIME_END])
    elif unit[TIME_KIND] == MILLISECONDS:
        unit[TIME] = rfc3339_ms(data, unit[TIME], unit[TIME_END])
    return at + 1 if unit[TIME_KIND] == NO_TIME or unit[TIME] >= 0 else -1


@njit(cache=True)
def _member(data: Any, at: Any, end: Any, unit: Any) -> int:
    """Scan a key and its value; where that ends, or -1."""
    if at >= end or data[at] != 0x22:
        return -1
    key = at + 1
    key_end, escaped = string_end(data, key, end)
    if key_end < 0 or escaped:
        return -1
    at = after_space(data, key_end + 1, end)
    if at >= end or data[at] != 0x3A:
        return -1
    at = after_space(data, at + 1, end)
    if _equal(data, key, key_end, _VALUE):
        return _value(data, at, end, unit)
    if _equal(data, key, key_end, _TIMESTAMP):
        return _time(data, at, end, unit)
    return value_end(data, at, end)  # type: ignore[no-any-return]


@njit(cache=True)
def _equal(data: Any, start: Any, end: Any, word: Any) -> bool:
    if end - start != len(word):
        return False
    for at in range(len(word)):  # noqa: SIM110 - numba compiles no generators
        if data[start + at] != word[at]:
            return False
    return True


@njit(cache=True)
def _value(data: Any, at: Any, end: Any, unit: Any) -> int:
    close, kind = number_end(data, at, end)
    if kind == BAD or unit[VALUE] >= 0:
        return -1
    unit[VALUE], unit[VALUE_END] = at, close
    return close  # type: ignore[no-any-return]


@njit(cache=True)
def _time(data: Any, at: Any, end: Any, unit: Any) -> int:
    if unit[TIME_KIND] != NO_TIME or at >= end:
        return -1
    if data[at] == 0x22:
        close, escaped = string_end(data, at + 1, end)
        unit[TIME_KIND], unit[TIME], unit[TIME_END] = MILLISECONDS, at + 1, close
        return -1 if escaped or close < 0 else close + 1
    close, kind = number_end(data, at, end)
    unit[TIME_KIND], unit[TIME], unit[TIME_END] = (WHOLE_TIME if kind == INTEGER else FLOAT_TIME), at, close
    return close if kind in (INTEGER, FLOAT) else -1


@njit(cache=True)
def _whole(data: Any, start: Any, end: Any) -> Any:
    """A whole number of at most 18 digits, or of 19 if it begins with 1 to 8; else -1."""
    if end - start > 19 or data[start] == 0x2D or (end - start == 19 and data[start] > 0x38):
        return -1
    number = 0
    for at in range(start, end):
        number = 10 * number + (int(data[at]) - 0x30)
    return number


@njit(cache=True)
def _hash_around(data: Any, unit: Any) -> Any:
    """Hash of an object's bytes without its value and its time."""
    state = np.uint64(unit[TIME_KIND])
    first, first_end, second, second_end = unit[VALUE], unit[VALUE_END], unit[TIME], unit[TIME_END]
    if unit[TIME_KIND] == NO_TIME:
        second, second_end = unit[END], unit[END]
    elif second < first:
        first, first_end, second, second_end = second, second_end, first, first_end
    state = hash_bytes(data, unit[START], first, state)
    state = hash_bytes(data, first_end, second, state)
    return hash_bytes(data, second_end, unit[END], state)
