"""What a series did lately that bears on an anomaly: how often it was called one, and how far it went before."""

from __future__ import annotations

from typing import Final

import numpy as np

from streams.jit import kernel
from streams.layout import CENTER, HIGH, LENGTHS, LOW, OFFSETS, WIDTHS_MS, WINDOWS, Number, Row
from streams.rings import number_of

_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
_DAY_MS: Final = 86_400_000.0
# An episode counts half after so long.
_HALF_MS: Final = 3.0 * _DAY_MS
_FURTHEST: Final = 4.0


@kernel
def alarms_lately(row: Row, time_ms: int) -> Number:
    """Episodes that ended before a time, each the less the longer ago."""
    if row.alarms <= 0.0:
        return 0.0
    return row.alarms * 2.0 ** (-max(0.0, float(time_ms - row.alarmed_ms)) / _HALF_MS)


@kernel
def note_alarm(row: Row, time_ms: int) -> None:
    """An episode ended."""
    row.alarms = alarms_lately(row, time_ms) + 1.0
    row.alarmed_ms = time_ms


@kernel
def note_known(row: Row, lead: int) -> None:
    """How far the series went in an episode's direction in the week before it, as a share of how far it is now.

    From 1.0 on, it has been there before.
    """
    center = row.base[lead, CENTER]
    sign = row.direction
    extreme = 0.0
    for window in range(WINDOWS):
        for at in range(_OFFSETS[window], _OFFSETS[window] + _LENGTHS[window]):
            end_ms = (number_of(row, window, at) + 1) * _WIDTHS[window]
            if row.ring_count[at] == 0 or end_ms > row.started_ms:
                continue
            extreme = max(extreme, sign * (row.ring[at, HIGH if sign > 0 else LOW] - center))
    now = sign * (row.value - center)
    row.known = min(max(extreme / now, 0.0), _FURTHEST) if now > 0.0 else _FURTHEST
