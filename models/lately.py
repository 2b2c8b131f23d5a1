"""What a series did lately that bears on an anomaly: its last hour, earlier anomalies, how far it went before."""

from __future__ import annotations

from typing import Final

import numpy as np

from streams.jit import kernel
from streams.layout import CENTER, HIGH, LENGTHS, LOW, MEAN, MINUTE, OFFSETS, WIDTHS_MS, WINDOWS, Number, Row
from streams.rings import number_of

_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
_DAY_MS: Final = 86_400_000.0
_HOUR_MS: Final = 3_600_000
_COARSE: Final = MINUTE + 1
# Of the newest minutes as many are told one by one as their ring surely has; what is older by five minutes.
_FINE_MS: Final = 600_000
RECENT: Final = 26
"""Room for an hour of a series: ten means of five minutes, fourteen of one, and the newest value."""
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


@kernel
def _note_means(row: Row, window: int, from_ms: int, until_ms: int, work: Row) -> None:
    """Write down means of a window's closed buckets that begin within a time."""
    event = work.events - 1
    width = _WIDTHS[window]
    for number in range((from_ms + width - 1) // width, (until_ms + width - 1) // width):
        at = _OFFSETS[window] + number % _LENGTHS[window]
        count = work.recent_count[event]
        if row.ring_count[at] != 0 and number_of(row, window, at) == number and count < RECENT - 1:
            work.recent_ms[event, count] = number * width
            work.recent[event, count] = row.ring[at, MEAN]
            work.recent_count[event] = count + 1


@kernel
def note_recent(row: Row, time_ms: int, work: Row) -> None:
    """Write down, beside the event that was reported last, the hour of the series that led to it.

    Means by the starts of their buckets, then the newest value.
    """
    event = work.events - 1
    coarse_ms = _WIDTHS[_COARSE]
    fine_ms = time_ms // coarse_ms * coarse_ms - _FINE_MS
    work.recent_count[event] = 0
    _note_means(row, _COARSE, time_ms - _HOUR_MS, fine_ms, work)
    _note_means(row, MINUTE, fine_ms, time_ms, work)
    count = work.recent_count[event]
    work.recent_ms[event, count] = row.newest_ms
    work.recent[event, count] = row.value
    work.recent_count[event] = count + 1
