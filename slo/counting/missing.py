"""Samples that should have come and did not, compiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from slo.counting import layout
from slo.counting.layout import TO_SAVE, TO_TELL, VALUE
from streams.jit import entry_point, kernel, source_digest
from streams.layout import Number

MISSED_AFTER: Final = 2.5
"""Intervals of a series."""
MISSED_FOR_MS: Final = 3_600_000
"""A series that was silent for so long is not waited for any more."""


@kernel
def _is_missed(watch: Any, end_ms: int) -> Number:
    """Whether a series is silent for longer than its way, and not for so long that nobody waits for it."""
    silent_ms = end_ms - watch.newest_ms
    return watch.count > 1 and MISSED_AFTER * watch.interval_ms < silent_ms <= MISSED_FOR_MS


@kernel
def _missed(watch: Any, start_ms: int, end_ms: int) -> Number:
    """How many samples of a silent series were due in a slice."""
    if watch.interval_ms <= 0.0:
        return 0
    before_ms = max(0, start_ms - watch.newest_ms)
    return np.int64((end_ms - watch.newest_ms) // watch.interval_ms) - np.int64(before_ms // watch.interval_ms)


Missing = Callable[[tuple[int, int], int, int, Any], None]


def _build(digest: int) -> Missing:
    @entry_point
    def count_missing(times_ms: tuple[int, int], slice_ms: int, at: int, kept: Any) -> None:
        """Count the samples that were due in a slice, of series whose samples are compared, as unknown."""
        watches, entries, slos, _ = kept[1]
        for number in range(len(watches) if digest else 0):
            watch = watches[number]
            if not _is_missed(watch, times_ms[1]):
                continue
            missed = _missed(watch, times_ms[0], times_ms[1])
            for one in range(watch.entries, watch.entries + watch.entry_count if missed > 0 else 0):
                entry = entries[one]
                slo = slos[entry.slo]
                if entry.op == VALUE and slo.slice_ms == slice_ms and times_ms[0] >= slo.since_ms:
                    slo.cells[at, 2] += missed
                    slo.touched[at] = TO_TELL | TO_SAVE

    return count_missing


count_missing: Final = _build(source_digest(__file__, str(Path(layout.__file__))))
