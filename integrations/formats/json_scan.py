"""JSON's grammar, compiled, as far as a scanner needs it to step over values without building them.

What these functions let pass need not be valid JSON: whoever scans with them compares the bytes around the numbers
with bytes that a real parser has read.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

BAD: Final = 0
INTEGER: Final = 1
FLOAT: Final = 2

_QUOTE, _BACKSLASH, _COMMA, _MINUS, _PLUS, _DOT = 0x22, 0x5C, 0x2C, 0x2D, 0x2B, 0x2E
_OPEN_BRACE, _CLOSE_BRACE, _OPEN_BRACKET, _CLOSE_BRACKET = 0x7B, 0x7D, 0x5B, 0x5D
_ZERO, _NINE = 0x30, 0x39
# Longer numbers, and exponents of three digits, which may be infinite, are for the real parser.
_MAX_NUMBER_CHARS: Final = 32
_MAX_EXPONENT_DIGITS: Final = 2


@njit(cache=True)
def after_space(data: Any, at: Any, end: Any) -> Any:
    """Where the next byte stands that is no white space."""
    while at < end and (data[at] == 0x20 or data[at] == 0x0A or data[at] == 0x0D or data[at] == 0x09):
        at += 1
    return at


@njit(cache=True)
def string_end(data: Any, at: Any, end: Any) -> Any:
    """Where the closing quote of a string stands whose contents begin here (-1: nowhere); whether it has escapes."""
    escaped = False
    while at < end:
        byte = data[at]
        if byte == _QUOTE:
            return at, escaped
        if byte == _BACKSLASH:
            escaped = True
            at += 1
        at += 1
    return -1, escaped


@njit(cache=True)
def _digits_end(data: Any, at: Any, end: Any) -> Any:
    while at < end and _ZERO <= data[at] <= _NINE:
        at += 1
    return at


@njit(cache=True)
def number_end(data: Any, start: Any, end: Any) -> Any:
    """Where a number ends that begins here, and whether it is an ``INTEGER``, a ``FLOAT`` or ``BAD``."""
    first = start + 1 if start < end and data[start] == _MINUS else start
    at = _digits_end(data, first, end)
    if at == first or (data[first] == _ZERO and at > first + 1):
        return start, BAD
    kind = INTEGER
    if at < end and data[at] == _DOT:
        kind = FLOAT
        fraction = at + 1
        at = _digits_end(data, fraction, end)
        if at == fraction:
            return start, BAD
    if at < end and (data[at] == 0x65 or data[at] == 0x45):
        kind = FLOAT
        sign = at + 1
        first = sign + 1 if sign < end and (data[sign] == _PLUS or data[sign] == _MINUS) else sign
        at = _digits_end(data, first, end)
        if at == first or at - first > _MAX_EXPONENT_DIGITS:
            return start, BAD
    return at, (kind if at - start <= _MAX_NUMBER_CHARS else BAD)


@njit(cache=True)
def value_end(data: Any, at: Any, end: Any) -> Any:
    """Where a value of any kind ends that begins here; -1 if it does not."""
    if at >= end:
        return -1
    if data[at] == _QUOTE:
        close, _ = string_end(data, at + 1, end)
        return close + 1 if close >= 0 else -1
    if data[at] == _OPEN_BRACE or data[at] == _OPEN_BRACKET:
        return _nested_end(data, at, end)
    start = at
    while at < end and data[at] != _COMMA and data[at] != _CLOSE_BRACE and data[at] != _CLOSE_BRACKET:
        at += 1
    return at if at > start else -1


@njit(cache=True)
def _nested_end(data: Any, at: Any, end: Any) -> Any:
    depth = 0
    while at < end:
        byte = data[at]
        if byte == _QUOTE:
            at, _ = string_end(data, at + 1, end)
            if at < 0:
                return -1
        elif byte in (_OPEN_BRACE, _OPEN_BRACKET):
            depth += 1
        elif byte in (_CLOSE_BRACE, _CLOSE_BRACKET):
            depth -= 1
            if depth == 0:
                return at + 1
        at += 1
    return -1


@njit(cache=True)
def _gather(data: Any, starts: Any, ends: Any, text: Any, offsets: Any) -> None:
    at = 0
    for row in range(len(starts)):
        offsets[row] = at
        for position in range(starts[row], ends[row]):
            text[at] = data[position]
            at += 1
    offsets[len(starts)] = at


def floats_at(
    data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The numbers that stand at these places, each the nearest double (Arrow parses them)."""
    text = np.empty(int((ends - starts).sum()), np.uint8)
    offsets = np.empty(len(starts) + 1, np.int32)
    _gather(data, starts, ends, text, offsets)
    strings = pa.Array.from_buffers(pa.utf8(), len(starts), [None, pa.py_buffer(offsets), pa.py_buffer(text)])
    values: npt.NDArray[np.float64] = strings.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values
