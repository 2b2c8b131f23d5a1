"""Samples that should have come and did not, compiled.

A series is silent once two and a half of its intervals have passed. From then on, for an hour, every slice that is over
counts the samples that were due in it as unknown, counted from the last that came. One that comes after all, while its
slice still takes counts, is known, and the one that was due next to it is missed no more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from slo.counting import layout
from slo.counting.layout import MISSED_FOR_MS, ROWS, TO_SAVE, TO_TELL, VALUE
from streams.jit import entry_point, kernel, source_digest
from streams.layout import Number

MISSED_AFTER: Final = 2.5
"""Intervals of a series."""


@kernel
def _is_missed(after_ms: int, interval_ms: float, end_ms: int) -> Number:
    """Whether a series is silent at the end of a slice for longer than its way, and not so long that nobody waits."""
    return MISSED_AFTER * interval_ms < end_ms - after_ms <= MISSED_FOR_MS


@kernel
def _due(after_ms: int, interval_ms: float, start_ms: int, end_ms: int) -> Number:
    """How many samples are due in a slice, a whole number of intervals after the last."""
    before: Number = np.int64(np.ceil((start_ms - after_ms) / interval_ms))
    return max(0, np.int64(np.ceil((end_ms - after_ms) / interval_ms)) - max(1, before))


@kernel
def come_after_all(watch: Any, entry: Any, slo: Any, time_ms: int) -> None:
    """Miss one sample less, now that one came."""
    if entry.op != VALUE or time_ms <= watch.missed_ms or time_ms >= watch.missed_until_ms:
        return
    number = np.int64(np.rint((time_ms - watch.missed_ms) / watch.missed_interval_ms))
    row = np.int64(watch.missed_ms + number * watch.missed_interval_ms) // slo.slice_ms
    if number < 1 or row >= slo.closed or row < slo.top - slo.late_rows:
        return
    at = row % ROWS
    if _is_missed(watch.missed_ms, watch.missed_interval_ms, (row + 1) * slo.slice_ms) and slo.cells[at, 2] >= 1.0:
        slo.cells[at, 2] -= 1.0
        slo.touched[at] = TO_TELL | TO_SAVE
        slo.late = 1


@kernel
def _note(watch: Any, end_ms: int) -> None:
    """Write down which silence it is that samples are missing from."""
    watch.missed_ms = watch.newest_ms
    watch.missed_interval_ms = watch.interval_ms
    watch.missed_until_ms = max(watch.missed_until_ms, end_ms)


Missing = Callable[[tuple[int, int], int, int, Any], None]


def _build(digest: int) -> Missing:
    @entry_point
    def count_missing(times_ms: tuple[int, int], slice_ms: int, at: int, kept: Any) -> None:
        """Count the samples that were due in a slice, of series whose samples are compared, as unknown."""
        watches, entries, slos, _ = kept[1]
        start_ms, end_ms = times_ms
        for number in range(len(watches) if digest else 0):
            watch = watches[number]
            if watch.interval_ms <= 0.0 or not _is_missed(watch.newest_ms, watch.interval_ms, end_ms):
                continue
            missed = _due(watch.newest_ms, watch.interval_ms, start_ms, end_ms)
            for one in range(watch.entries, watch.entries + watch.entry_count if missed > 0 else 0):
                entry = entries[one]
                slo = slos[entry.slo]
                counts = start_ms >= slo.since_ms and start_ms < slo.until_ms and slo.slice_ms == slice_ms
                if entry.op == VALUE and counts:
                    _note(watch, end_ms)
                    slo.cells[at, 2] += missed
                    slo.touched[at] = TO_TELL | TO_SAVE

    return count_missing


count_missing: Final = _build(source_digest(__file__, str(Path(layout.__file__))))
