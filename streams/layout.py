"""How a series lies in memory: fixed-width records, one row a series, in a few arrays.

A series costs 5.1 KiB here: 89 closed buckets of 40 bytes, 5 open ones, 5 baselines, and the row that every sample
touches.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

WIDTHS_MS: Final = (30_000, 60_000, 300_000, 3_600_000, 21_600_000)
"""A window's bucket width; each divides the next, so that closed buckets merge upwards."""
LENGTHS: Final = (10, 15, 12, 24, 28)
"""Buckets of 5m, 15m, 1h, 24h and 7d."""
OFFSETS: Final = (0, 10, 25, 37, 61)
"""Where a window's buckets begin in a series' row of closed buckets."""
BUCKETS: Final = sum(LENGTHS)
WINDOWS: Final = len(LENGTHS)
STAMPS: Final = 32
"""Timestamps that a series remembers, so that a repeat changes nothing."""
MINUTE: Final = 1
"""The window whose closed buckets the drift detectors learn."""
MAX_RULES: Final = 8
"""Threshold rules that may watch one series."""

FREE, GAUGE, COUNTER, DELTA = 0, 1, 2, 3
"""What a slot holds."""

BUCKET: Final = np.dtype(
    [
        ("number", "i4"),  # start / width
        ("count", "i4"),  # negative: closed, but an anomaly fell into it, so baselines leave it out
        ("mean", "f8"),
        ("m2", "f8"),  # sum of squared deviations from the mean
        ("min", "f8"),
        ("max", "f8"),
    ],
    align=True,
)

BASE: Final = np.dtype(
    [
        ("center", "f8"),
        ("spread", "f8"),
        ("up", "f8"),  # distance above the center that scores 1.0
        ("down", "f8"),  # and below it
        ("made_ms", "i8"),
        ("buckets", "i4"),
        ("ready", "u1"),
    ],
    align=True,
)

HOT: Final = np.dtype(
    [
        ("id", "u8"),
        ("newest_ms", "i8"),
        ("first_ms", "i8"),
        ("since_ms", "i8"),  # baselines look no further back: the last accepted level shift
        ("stamp_base_ms", "i8"),
        ("fresh_ms", "i8"),  # when a young series' first window was judged anew
        ("interval_ms", "f8"),
        ("raw", "f8"),  # the counter's last value
        ("value", "f8"),  # the last value, as judged
        ("fast", "f8"),  # mean of the last few samples
        ("score", "f8"),
        ("evidence", "f8"),
        ("peak", "f8"),
        ("told_peak", "f8"),
        ("started_ms", "i8"),
        ("clear_ms", "i8"),
        ("told_ms", "i8"),
        ("hits", "i4"),
        ("clear_hits", "i4"),
        ("family", "i2"),
        ("kind", "u1"),
        ("stamp_count", "u1"),
        ("stamp_head", "u1"),
        ("has_raw", "u1"),
        ("state", "u1"),
        ("direction", "i1"),
        ("severity", "u1"),
        ("agreed", "u1"),
        ("lead", "u1"),
        ("rules", "u1"),
    ],
    align=True,
)

RULE_STATE: Final = np.dtype(
    [
        ("rule", "i4"),
        ("firing", "i4"),
        ("pending_ms", "i8"),
        ("told_ms", "i8"),
        ("peak", "f8"),
    ],
    align=True,
)

LEVEL_MS: Final = (30_000.0, 150_000.0, 1_800_000.0, 10_800_000.0)
"""Time constants of the exponentially weighted levels that 15m, 1h, 24h and 7d observe."""

Array = npt.NDArray[Any]
Row = Any
"""One record of a structured array, inside compiled code."""
Number = Any
"""What compiled code returns; Numba infers whether it is an integer, a float or a truth value."""


class Arrays(NamedTuple):
    """The series bank's memory; ``N`` slots.

    Parameters
    ----------
    hot
        ``HOT [N]``.
    stamps
        ``uint32 [N, STAMPS]``: the newest timestamps as a sorted ring, ms since ``stamp_base_ms``.
    levels
        ``float64 [N, 4, 2]``: mean and variance of each level.
    opens
        ``BUCKET [N, WINDOWS]``: buckets in the making; a coarser one lacks what finer open ones hold.
    frozen
        ``int32 [N, WINDOWS]``: samples of the open buckets that came during an anomaly.
    rings
        ``BUCKET [N, BUCKETS]``: closed buckets, each at ``OFFSETS[w] + number % LENGTHS[w]``.
    bases
        ``BASE [N, WINDOWS]``.
    habits
        ``float64 [N, 2]``: low and high that the series reaches now and then.
    rules
        ``RULE_STATE [N, MAX_RULES]``.
    hot_dirty, warm_dirty
        ``uint8 [blocks]``: what changed since the last checkpoint.
    ring_dirty
        ``uint8 [blocks, BUCKETS]``.
    """

    hot: Array
    stamps: Array
    levels: Array
    opens: Array
    frozen: Array
    rings: Array
    bases: Array
    habits: Array
    rules: Array
    hot_dirty: Array
    warm_dirty: Array
    ring_dirty: Array


BLOCK: Final = 256
"""Slots of a checkpoint block."""


def make_arrays(slots: int) -> Arrays:
    """Empty memory for a multiple of ``BLOCK`` slots; pages are taken as they are first written."""
    blocks = slots // BLOCK
    return Arrays(
        hot=np.zeros(slots, HOT),
        stamps=np.zeros((slots, STAMPS), np.uint32),
        levels=np.zeros((slots, len(LEVEL_MS), 2), np.float64),
        opens=np.zeros((slots, WINDOWS), BUCKET),
        frozen=np.zeros((slots, WINDOWS), np.int32),
        rings=np.zeros((slots, BUCKETS), BUCKET),
        bases=np.zeros((slots, WINDOWS), BASE),
        habits=np.zeros((slots, 2), np.float64),
        rules=np.zeros((slots, MAX_RULES), RULE_STATE),
        hot_dirty=np.zeros(blocks, np.uint8),
        warm_dirty=np.zeros(blocks, np.uint8),
        ring_dirty=np.zeros((blocks, BUCKETS), np.uint8),
    )


def grow_arrays(old: Arrays, slots: int) -> Arrays:
    """The same memory with more slots, one array at a time so that the copies never add up."""
    columns = list(old)
    fresh = make_arrays(slots)
    for position, column in enumerate(columns):
        fresh[position][: len(column)] = column
    return fresh
