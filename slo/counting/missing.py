"""Samples that should have come and did not, compiled."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from slo.counting import layout, rings
from slo.counting.layout import TO_SAVE, TO_TELL, VALUE
from slo.counting.rings import place
from streams.jit import entry_point, kernel, source_digest
from streams.layout import Number

MISSED_AFTER: Final = 2.5
"""Intervals of a series."""
MISSED_FOR_MS: Final = 3_600_000
"""A series that was silent for so long is not waited for any more."""


@kernel
def _missed(watch: Any, start_ms: int, end_ms: int, times: Any) -> Number:
    """How many samples of a silent series were due in a slice."""
    if watch.slot < 0 or watch.count < 2 or watch.interval_ms <= 0.0:
        return 0
    newest_ms = times[place(watch, watch.count - 1)]
    silent_ms = end_ms - newest_ms
    if silent_ms <= MISSED_AFTER * watch.interval_ms or silent_ms > MISSED_FOR_MS:
        return 0
    before = max(0, start_ms - newest_ms)
    return np.int64(silent_ms // watch.interval_ms) - np.int64(before // watch.interval_ms)


Missing = Callable[[tuple[int, int], int, int, Any], None]


def _build(digest: int) -> Missing:
    @entry_point
    def count_missing(times_ms: tuple[int, int], slice_ms: int, at: int, kept: Any) -> None:
        """Count the samples that were due in a slice, of series whose samples are compared, as unknown."""
        samples, books = kept
        watches, entries, slos, cells, _, touched = books
        for number in range(len(watches) if digest else 0):
            watch = watches[number]
            missed: Number = 0
            for one in range(watch.entries, watch.entries + watch.entry_count):
                entry = entries[one]
                slo = slos[entry.slo]
                if entry.op != VALUE or slo.slice_ms != slice_ms or times_ms[0] < slo.since_ms:
                    continue
                if missed == 0:
                    missed = _missed(watch, times_ms[0], times_ms[1], samples[0])
                if missed == 0:
                    break
                cells[entry.slo, at, 2] += missed
                touched[entry.slo, at] = TO_TELL | TO_SAVE

    return count_missing


_FILES = [str(Path(str(module.__file__))) for module in (layout, rings)]
count_missing: Final = _build(source_digest(__file__, *_FILES))
