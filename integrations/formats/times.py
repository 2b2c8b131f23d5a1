"""Producers' times to event milliseconds: RFC 3339 or epoch numbers in s, ms, us or ns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from integrations.formats.base import TimeUnit

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_RFC3339: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))?"
)
# 9999-12-31T23:59:59.999Z: what RFC 3339 can say.
MAX_TIME_MS: Final = 253_402_300_799_999
# Below 1e11 a number means seconds (until the year 5138), below 1e14 milliseconds (from 1973 on), and so on.
_MAGNITUDES: Final = ((1e11, "s"), (1e14, "ms"), (1e17, "us"))
# Beyond this no unit makes a time of a number.
_MAX_NUMBER: Final = 1e25
_PER_MS: Final = {"ms": 1, "us": 1000, "ns": 1_000_000}


class BadTimeError(ValueError):
    """A time that cannot be read; its text says why."""


def to_ms(time: object, unit: TimeUnit = "auto") -> int:
    """Event milliseconds of one time, as a producer writes it.

    Parameters
    ----------
    time
        RFC 3339 text, or a number of ``unit`` since the epoch (text that is a number counts as one).
    unit
        ``auto`` infers it from the magnitude.

    Raises
    ------
    BadTimeError
        If it is no time, or lies before 1970 or after 9999.

    Examples
    --------
    >>> to_ms("2026-11-23T15:00:00Z"), to_ms(1795446000), to_ms(1795446000000000000), to_ms(1795446000.25)
    (1795446000000, 1795446000000, 1795446000000, 1795446000250)
    """
    if isinstance(time, str):
        ms = _from_text(time, unit)
    elif isinstance(time, float):
        ms = _from_float(time, unit)
    elif isinstance(time, int) and not isinstance(time, bool):
        ms = _from_int(time, unit)
    else:
        raise BadTimeError(f"{type(time).__name__} is not a time")
    if not 0 <= ms <= MAX_TIME_MS:
        raise BadTimeError(f"{str(time)[:40]} lies outside of 1970 to 9999")
    return ms


def _from_text(text: str, unit: TimeUnit) -> int:
    found = _RFC3339.fullmatch(text)
    if found is None:
        return _from_number_text(text, unit)
    date, clock, fraction, sign, hours, minutes = found.groups()
    # A leap second counts as the second before it: datetime cannot hold one.
    leap = clock.endswith(":60")
    try:
        moment = datetime.fromisoformat(f"{date}T{clock[:6] + '59' if leap else clock}+00:00")
    except ValueError as error:
        raise BadTimeError(f"{text[:40]!r}: {error}") from None
    # Without an offset RFC 3339 does not say which time it is; UTC is what producers mean.
    offset_ms = 60_000 * (60 * int(hours or 0) + int(minutes or 0)) * (-1 if sign == "-" else 1)
    return (moment - _EPOCH) // _MILLISECOND - offset_ms + int(f"{fraction or 0}00"[:3])


def _from_number_text(text: str, unit: TimeUnit) -> int:
    try:
        return _from_int(int(text), unit) if text.isdecimal() and len(text) < 20 else _from_float(float(text), unit)
    except ValueError:
        raise BadTimeError(f"{text[:40]!r} is neither RFC 3339 nor a number") from None


def _from_float(number: float, unit: TimeUnit) -> int:
    if not abs(number) < _MAX_NUMBER:
        raise BadTimeError(f"{number} is not a time")
    known = infer_unit(number) if unit == "auto" else unit
    return round(number * 1000) if known == "s" else round(number / _PER_MS[known])


def _from_int(number: int, unit: TimeUnit) -> int:
    known = infer_unit(number) if unit == "auto" else unit
    return number * 1000 if known == "s" else number // _PER_MS[known]


def infer_unit(number: float) -> TimeUnit:
    """Unit of an epoch time, by its magnitude.

    Examples
    --------
    >>> [infer_unit(1795446000 * factor) for factor in (1, 1000, 10**6, 10**9)]
    ['s', 'ms', 'us', 'ns']
    """
    size = abs(number)
    for limit, unit in _MAGNITUDES:
        if size < limit:
            return unit  # type: ignore[return-value]
    return "ns"


def ints_to_ms(times: npt.NDArray[np.int64], unit: TimeUnit = "auto") -> npt.NDArray[np.int64]:
    """Event milliseconds of whole epoch numbers; -1 where one lies outside of 1970 to 9999.

    Examples
    --------
    >>> ints_to_ms(np.array([1795446000, 1795446000000, -5]))
    array([1795446000000, 1795446000000,            -1])
    """
    seconds, us, ns = _masks(times, unit)
    with np.errstate(over="ignore"):
        ms = np.where(seconds, times * 1000, np.where(us, times // 1000, np.where(ns, times // 1_000_000, times)))
    # A count of seconds that large would wrap.
    bad = (times < 0) | (ms > MAX_TIME_MS) | (seconds & (times > MAX_TIME_MS // 1000))
    return np.where(bad, -1, ms)


def _masks(
    times: npt.NDArray[np.int64] | npt.NDArray[np.float64], unit: TimeUnit
) -> tuple[npt.NDArray[np.bool_] | np.bool_, ...]:
    if unit != "auto":
        return np.bool_(unit == "s"), np.bool_(unit == "us"), np.bool_(unit == "ns")
    return times < 10**11, (times >= 10**14) & (times < 10**17), times >= 10**17


def floats_to_ms(times: npt.NDArray[np.float64], unit: TimeUnit = "auto") -> npt.NDArray[np.int64]:
    """Event milliseconds of epoch numbers with fractions; -1 where one lies outside of 1970 to 9999.

    Examples
    --------
    >>> floats_to_ms(np.array([1795446000.25, 1795446000250.0, -1.0]))
    array([1795446000250, 1795446000250,            -1])
    """
    seconds, us, ns = _masks(times, unit)
    with np.errstate(over="ignore"):
        ms = np.where(seconds, times * 1000, np.where(us, times / 1000, np.where(ns, times / 1_000_000, times)))
    rounded = np.rint(ms)
    return np.where((rounded < 0) | ~(rounded <= MAX_TIME_MS), -1, rounded).astype(np.int64)


def column_to_ms(times: Sequence[object], unit: TimeUnit, own_ms: Callable[[int], int]) -> npt.NDArray[np.int64]:
    """Event milliseconds of a column of times as decoded; -1 marks a bad one.

    Columns of one kind (all whole numbers, or texts that repeat) cost little. Where a time is None, ``own_ms`` is asked
    for the row's.
    """
    kinds = set(map(type, times))
    if kinds == {int}:
        try:
            return ints_to_ms(np.array(times, np.int64), unit)
        except OverflowError:
            pass
    if kinds == {float}:
        return floats_to_ms(np.array(times, np.float64), unit)
    if kinds == {str}:
        known = {time: ms_or_bad(time, unit) for time in set(times)}
        return np.array([known[time] for time in times], np.int64)
    return np.array(
        [ms_or_bad(own_ms(row), "ms") if time is None else ms_or_bad(time, unit) for row, time in enumerate(times)],
        np.int64,
    )


def ms_or_bad(time: object, unit: TimeUnit) -> int:
    """As ``to_ms``, with -1 for a time that cannot be read."""
    try:
        return to_ms(time, unit)
    except BadTimeError:
        return -1
