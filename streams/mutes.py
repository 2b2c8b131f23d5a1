"""Samples that nothing is learned from: when they are, and how they lie in memory.

They stand in the finest window's buckets alone, apart from all others, and only what must always speak looks there. A
bucket that holds one is no baseline's and goes into no coarser one, so a series knows after a window of maintenance
what it knew before.
"""

from __future__ import annotations

from typing import Final

from streams.buckets import MUTED, add, advance, merge
from streams.jit import kernel
from streams.layout import LENGTHS, M2, WIDTHS_MS, Array, Number, Row
from streams.rings import number_of

_FIRST: Final = LENGTHS[0]
_FIRST_MS: Final = WIDTHS_MS[0]


@kernel
def is_muted(row: Row, time_ms: int, table: Array) -> Number:
    """Whether a time falls into a window of maintenance of the series."""
    low = table[row.maintenance, 0]
    end = table[row.maintenance, 1]
    high = end
    while low < high:
        middle = (low + high) // 2
        if table[middle, 1] > time_ms:
            high = middle
        else:
            low = middle + 1
    return low < end and table[low, 0] <= time_ms


@kernel
def add_muted(row: Row, time_ms: int, value: float) -> None:
    """Keep a muted value, as the newest one."""
    advance(row, time_ms)
    add(row, 0, value)
    row.open_frozen[0] = MUTED
    row.muted_ms = time_ms
    row.value = value
    row.score = 0.0
    if row.seen < 2:
        # What is seen of it in maintenance only is not known yet.
        row.first_ms = time_ms


@kernel
def merge_muted(row: Row, held: int, since_ms: int, work: Row) -> Number:
    """Merge muted values from a time on into ``work.bucket``, which holds ``held``; five minutes are kept."""
    if row.muted_ms < since_ms:
        return held
    oldest = max(row.open_number[0] - _FIRST, since_ms // _FIRST_MS)
    for at in range(_FIRST):
        if row.ring[at, M2] < 0.0 and row.ring_count[at] != 0 and number_of(row, 0, at) >= oldest:
            held = merge(work.bucket, held, row.ring[at], abs(row.ring_count[at]))
    if row.open_frozen[0] < 0:
        held = merge(work.bucket, held, row.open[0], row.open_count[0])
    return held
