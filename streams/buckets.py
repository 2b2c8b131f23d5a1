"""Buckets: count, mean, spread and extremes of a stretch of time; they merge upwards as they close."""

from __future__ import annotations

import numpy as np

from streams.jit import kernel
from streams.layout import BLOCK, LENGTHS, OFFSETS, WIDTHS_MS, WINDOWS, Arrays, Number, Row

_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)


@kernel
def add(bucket: Row, value: float) -> None:
    """One more value (Welford's update: stable whatever the level)."""
    count = bucket.count + 1
    if count == 1:
        bucket.mean = value
        bucket.m2 = 0.0
        bucket.min = value
        bucket.max = value
    else:
        away = value - bucket.mean
        bucket.mean += away / count
        bucket.m2 += away * (value - bucket.mean)
        bucket.min = min(bucket.min, value)
        bucket.max = max(bucket.max, value)
    bucket.count = count


@kernel
def merge(into: Row, other: Row, count: int) -> None:
    """Take in another bucket's ``count`` values (Chan's update)."""
    if into.count == 0:
        into.mean = other.mean
        into.m2 = other.m2
        into.min = other.min
        into.max = other.max
    else:
        both = into.count + count
        away = other.mean - into.mean
        into.mean += away * (count / both)
        into.m2 += other.m2 + away * away * (into.count * (count / both))
        into.min = min(into.min, other.min)
        into.max = max(into.max, other.max)
    into.count += count


@kernel
def _close(arrays: Arrays, slot: int, window: int) -> None:
    """Move an open bucket into its ring, and into the open bucket of the next coarser window."""
    bucket = arrays.opens[slot, window]
    at = _OFFSETS[window] + bucket.number % _LENGTHS[window]
    closed = arrays.rings[slot, at]
    frozen = arrays.frozen[slot, window]
    closed.number = bucket.number
    closed.count = -bucket.count if frozen * 4 > bucket.count else bucket.count
    closed.mean = bucket.mean
    closed.m2 = bucket.m2
    closed.min = bucket.min
    closed.max = bucket.max
    arrays.ring_dirty[slot // BLOCK, at] = 1
    if window + 1 < WINDOWS:
        merge(arrays.opens[slot, window + 1], bucket, bucket.count)
        arrays.frozen[slot, window + 1] += frozen
    arrays.frozen[slot, window] = 0


@kernel
def advance(arrays: Arrays, slot: int, time_ms: int) -> Number:
    """Close what ends before ``time_ms`` and open what it falls into; returns closed windows as bits."""
    closed = 0
    opens = arrays.opens[slot]
    if np.int64(opens[0].number) == time_ms // _WIDTHS[0]:
        return 0
    for window in range(WINDOWS):
        number = time_ms // _WIDTHS[window]
        bucket = opens[window]
        if np.int64(bucket.number) == number:
            break
        if bucket.count > 0:
            _close(arrays, slot, window)
            closed |= 1 << window
        bucket.count = 0
        bucket.number = number
    arrays.warm_dirty[slot // BLOCK] = 1
    return closed


@kernel
def add_late(arrays: Arrays, slot: int, value: float, time_ms: int) -> Number:
    """Add a late value to the finest open bucket that covers it; closed ones stay as they are."""
    for window in range(WINDOWS):
        bucket = arrays.opens[slot, window]
        if np.int64(bucket.number) == time_ms // _WIDTHS[window]:
            add(bucket, value)
            if window > 0:
                arrays.warm_dirty[slot // BLOCK] = 1
            return True
    return False


@kernel
def untaint(arrays: Arrays, slot: int, since_ms: int) -> None:
    """Let baselines learn from buckets from a time on, although an anomaly fell into them."""
    for window in range(WINDOWS):
        for i in range(_LENGTHS[window]):
            bucket = arrays.rings[slot, _OFFSETS[window] + i]
            if bucket.count < 0 and (np.int64(bucket.number) + 1) * _WIDTHS[window] > since_ms:
                bucket.count = -bucket.count
                arrays.ring_dirty[slot // BLOCK, _OFFSETS[window] + i] = 1
        arrays.frozen[slot, window] = 0
    arrays.warm_dirty[slot // BLOCK] = 1
