"""Rings of a watched series' newest samples, by time, and how much a counter grew between them; compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from slo.counting.layout import DELTA, LARGEST_RING, MISSED_FOR_MS
from streams.intake import WRAP_32
from streams.jit import kernel
from streams.layout import Number


@kernel
def place(watch: Any, position: Number) -> Number:
    """Where a sample lies in the pool; position 0 is the oldest that is kept."""
    return watch.at + ((watch.head + position) & (watch.size - 1))


@kernel
def known_before(watch: Any, position: Number, values: Any) -> Number:
    """The position of the last sample before one that has a number; -1 without any."""
    at = position - 1
    while at >= 0 and np.isnan(values[place(watch, at)]):
        at -= 1
    return at


@kernel
def step_of(before: float, now: float, seconds: float, rate: float) -> Number:
    """How much a counter grew between two values; one that drops was reset, unless it went on at its pace past 32 bits.

    ``rate`` is that of the step before, per second.
    """
    if now >= before:
        return now - before
    wrapped = now - before + WRAP_32
    near_top = 0.75 * WRAP_32 < before <= WRAP_32 and now < 0.25 * WRAP_32
    return wrapped if near_top and wrapped / seconds <= 4.0 * rate + 1.0 else max(now, 0.0)


@kernel
def rate_before(watch: Any, position: Number, rings: Any) -> Number:
    """By how much a second a series rose before a sample; 0 where it did not, or is not known to have."""
    times, values = rings
    last = known_before(watch, position, values)
    if last < 0:
        return 0.0
    passed_ms = times[place(watch, position)] - times[place(watch, last)]
    return max(0.0, values[place(watch, position)] - values[place(watch, last)]) * 1000.0 / passed_ms


@kernel
def growth(watch: Any, position: Number, rings: Any) -> Number:
    """How much a counter grew before a sample; NaN where that, or when it was, is not known."""
    times, values = rings
    now = values[place(watch, position)]
    if watch.kind == DELTA or np.isnan(now):
        return max(now, 0.0)
    last = known_before(watch, position, values)
    if last < 0 or times[place(watch, position)] - times[place(watch, last)] > MISSED_FOR_MS:
        return np.nan
    seconds = (times[place(watch, position)] - times[place(watch, last)]) / 1000.0
    return step_of(values[place(watch, last)], now, seconds, rate_before(watch, last, rings))


@kernel
def find(watch: Any, time_ms: int, times: Any) -> Number:
    """The position of the first sample at or after a time."""
    low: Number = 0
    high: Number = np.int64(watch.count)
    if high > 0 and times[place(watch, high - 1)] < time_ms:
        return high
    while low < high:
        middle = (low + high) // 2
        if times[place(watch, middle)] < time_ms:
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def rate(watch: Any, position: Number, rings: Any) -> Number:
    """Bytes a second before a sample; NaN where that is not known."""
    last = known_before(watch, position, rings[1])
    if last < 0:
        return np.nan
    passed_ms = rings[0][place(watch, position)] - rings[0][place(watch, last)]
    return growth(watch, position, rings) * 1000.0 / passed_ms


@kernel
def insert(watch: Any, position: Number, time_ms: int, value: float, rings: Any) -> None:
    """Put a sample in its place among the others; there is room."""
    times, values = rings
    at: Number = np.int64(watch.count)
    while at > position:
        here, before = place(watch, at), place(watch, at - 1)
        times[here] = times[before]
        values[here] = values[before]
        at -= 1
    times[place(watch, position)] = time_ms
    values[place(watch, position)] = value
    watch.count += 1


@kernel
def make_room(watch: Any, late_ms: int, times: Any) -> Number:
    """Let go of the oldest sample if the ring is full; False if it is still needed and a larger ring may be had."""
    if watch.count < watch.size:
        return True
    oldest_ms, newest_ms = times[place(watch, 0)], times[place(watch, watch.count - 1)]
    if watch.size < LARGEST_RING and newest_ms - oldest_ms <= late_ms:
        return False
    watch.head = (watch.head + 1) & (watch.size - 1)
    watch.count -= 1
    watch.evicted = 1
    return True
