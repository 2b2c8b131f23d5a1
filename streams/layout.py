"""How a series lies in memory: one record of fixed width.

A series costs 5 KiB here: what every sample touches (500 bytes, at the front), buckets in the making and baselines,
and 89 closed buckets of 40 bytes.
"""

from __future__ import annotations

from typing import Any, Final

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
"""Threshold rules that may watch one series at a time."""
RULE_PLACES: Final = 2 * MAX_RULES
"""Places for them: rules that are replaced keep theirs until their time is over."""

Field = tuple[str, str] | tuple[str, str, tuple[int, ...]]

FREE, GAUGE, COUNTER, DELTA = 0, 1, 2, 3
"""What a slot holds."""

HOT: Final[list[Field]] = [
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
    ("muted_ms", "i8"),  # the newest sample within maintenance
    ("hits", "i4"),
    ("clear_hits", "i4"),
    ("family", "i2"),
    ("kind", "u1"),
    ("stamp_count", "u1"),
    ("stamp_head", "u1"),
    ("seen", "u1"),  # 0 nothing, 1 the first raw value of a counter, 2 a value to judge
    ("state", "u1"),
    ("direction", "i1"),
    ("severity", "u1"),
    ("agreed", "u1"),
    ("lead", "u1"),
    ("rules", "u1"),
    ("maintenance", "u2"),  # the group of maintenance windows that are about it; 0 for none
    ("level", "f8", (4, 2)),  # mean and variance of each exponentially weighted level
    ("stamps", "u4", (STAMPS,)),  # the newest timestamps as a sorted ring, ms since stamp_base_ms
]
"""What every sample touches."""

OPEN: Final[list[Field]] = [
    ("open", "f8", (WINDOWS, 4)),  # mean, squared deviations from it, min, max
    ("open_number", "i4", (WINDOWS,)),  # start / width
    ("open_count", "i4", (WINDOWS,)),
    ("open_frozen", "i4", (WINDOWS,)),  # how many of its samples came during an anomaly
]
"""Buckets in the making; a coarser one lacks what finer ones still hold. The first changes with every sample."""

WARM: Final[list[Field]] = [
    ("base_buckets", "i4", (WINDOWS,)),
    ("base", "f8", (WINDOWS, 4)),  # center, spread, and the distances above and below that score 1.0
    ("base_ms", "i8", (WINDOWS,)),
    ("base_ready", "u1", (WINDOWS,)),
    # Low and high that a window's observation reached now and then within each longer window: [window, longer - 1].
    ("habit", "f8", (WINDOWS - 1, WINDOWS - 1, 2)),
    ("rule", "i4", (RULE_PLACES,)),  # threshold rules that watch it, by position in the rule book
    ("rule_firing", "u1", (RULE_PLACES,)),
    # Since when the condition holds, when that was last told, when it last held; when a limit was said to be reached.
    ("rule_ms", "i8", (RULE_PLACES, 4)),
    ("rule_peak", "f8", (RULE_PLACES,)),
]
"""What closing buckets touch."""

RING: Final[list[Field]] = [
    ("ring_number", "i4", (BUCKETS,)),
    # Negative: an anomaly or maintenance fell into it, so baselines leave it out; of maintenance, M2 is negative, too.
    ("ring_count", "i4", (BUCKETS,)),
    ("ring", "f8", (BUCKETS, 4)),  # as ``open``
]
"""Closed buckets, each at ``OFFSETS[w] + number % LENGTHS[w]``."""

DIRT: Final[list[Field]] = [("dirty", "u8"), ("ring_dirty", "u8", (2,))]
"""What changed since the last checkpoint: bits 1 (hot) and 2 (warm), and a bit a closed bucket."""

SLOT: Final = np.dtype([*HOT, *OPEN, *WARM, *RING, *DIRT], align=True)
"""All of a series. One record, because compiled code hands it on as one pointer."""

MEAN, M2, LOW, HIGH = range(4)
"""Columns of a bucket."""
CENTER, SPREAD, UP, DOWN = range(4)
"""Columns of a baseline."""
HOT_DIRTY, WARM_DIRTY = 1, 2

LEVEL_MS: Final = (30_000.0, 150_000.0, 1_800_000.0, 10_800_000.0)
"""Time constants of the exponentially weighted levels that 15m, 1h, 24h and 7d observe."""

Array = npt.NDArray[Any]
Row = Any
"""One record of a structured array, inside compiled code."""
Number = Any
"""What compiled code returns; Numba infers whether it is an integer, a float or a truth value."""


BLOCK: Final = 256
"""Slots of a checkpoint block."""


def make_slots(count: int) -> Array:
    """Empty slots; memory is taken as they are first written."""
    return np.zeros(count, SLOT)


def grow_slots(old: Array, count: int) -> Array:
    """The same slots and more."""
    grown = make_slots(count)
    grown[: len(old)] = old
    return grown
