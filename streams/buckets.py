"""Buckets: count, mean, spread and extremes of a stretch of time; they merge upwards as they close."""

from __future__ import annotations

from typing import Final

import numpy as np

from streams.jit import kernel
from streams.layout import (
    GAUGE,
    HIGH,
    HOT_DIRTY,
    LENGTHS,
    LOW,
    M2,
    MEAN,
    MONTH_PLACE,
    OFFSETS,
    WARM_DIRTY,
    WIDTHS_MS,
    WINDOWS,
    Number,
    Row,
)
from streams.rings import number_of, round_of, rounds_repeat
from streams.tails import forget_tails

_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
# A longer span than any window is as good as endless.
_MOST: Final = 65535.0
MUTED: Final = -(2**30)
"""In place of how many of an open bucket's samples are frozen: some are muted, and the bucket stays by itself."""


@kernel
def add(row: Row, window: int, value: float) -> None:
    """The newest value in an open bucket (Welford's update: stable whatever the level); rates weigh by their time."""
    count = row.open_count[window] + 1
    total = row.open_weight[window] + row.weight
    row.open_count[window] = count
    row.open_weight[window] = total
    if count == 1:
        row.open[window, MEAN] = value
        row.open[window, M2] = 0.0
        row.open[window, LOW] = value
        row.open[window, HIGH] = value
        return
    away = value - row.open[window, MEAN]
    mean = row.open[window, MEAN] + away * row.weight / total
    row.open[window, MEAN] = mean
    row.open[window, M2] += away * (value - mean)
    row.open[window, LOW] = min(row.open[window, LOW], value)
    row.open[window, HIGH] = max(row.open[window, HIGH], value)


@kernel
def merge(into: Row, held: int, other: Row, count: int) -> Number:
    """Take another bucket's ``count`` values into one that holds ``held`` (Chan's update); returns the sum."""
    if held == 0:
        for column in range(4):
            into[column] = other[column]
        return count
    both = held + count
    away = other[MEAN] - into[MEAN]
    into[MEAN] += away * (count / both)
    into[M2] += other[M2] + away * away * (held * (count / both))
    into[LOW] = min(into[LOW], other[LOW])
    into[HIGH] = max(into[HIGH], other[HIGH])
    return both


@kernel
def soil_ring(row: Row, at: int) -> None:
    """Note that a closed bucket changed, or behind the buckets, hours of the week or days of the month."""
    row.ring_dirty[at >> 6] |= np.uint64(1) << np.uint64(at & 63)


@kernel
def _lift(row: Row, window: int) -> None:
    """Merge an open bucket into that of the next coarser window; means of rates by their time."""
    above = window + 1
    mean, weight = row.open[above, MEAN], row.open_weight[window]
    total = row.open_weight[above] + weight
    away = row.open[window, MEAN] - mean
    held = row.open_count[above]
    row.open_count[above] = merge(row.open[above], held, row.open[window], row.open_count[window])
    row.open_weight[above] = total
    row.open_frozen[above] += row.open_frozen[window]
    if row.kind != GAUGE and held > 0:
        row.open[above, MEAN] = mean + away * (weight / total)


@kernel
def _close(row: Row, window: int) -> None:
    """Move an open bucket into its ring, and into the open bucket of the next coarser window."""
    count = row.open_count[window]
    frozen = row.open_frozen[window]
    at = _OFFSETS[window] + row.open_number[window] % _LENGTHS[window]
    row.ring_round[at] = round_of(window, row.open_number[window])
    row.ring_count[at] = -count if frozen < 0 or frozen * 4 > count else count
    for column in range(4):
        row.ring[at, column] = row.open[window, column]
    if row.kind != GAUGE:
        row.ring_span[at] = np.uint16(min(_MOST, np.round(2e6 * row.open_weight[window] / _WIDTHS[window])))
    soil_ring(row, at)
    if frozen < 0:
        row.ring[at, M2] = -1.0
    elif window + 1 < WINDOWS:
        _lift(row, window)


@kernel
def _empty(row: Row, window: int) -> None:
    """Hold no closed bucket any more."""
    for at in range(_OFFSETS[window], _OFFSETS[window] + _LENGTHS[window]):
        if row.ring_count[at] != 0:
            row.ring_count[at] = 0
            soil_ring(row, at)


@kernel
def advance(row: Row, time_ms: int) -> Number:
    """Close what ends before ``time_ms`` and open what it falls into; returns closed windows as bits."""
    closed = 0
    for window in range(WINDOWS):
        number = time_ms // _WIDTHS[window]
        if row.open_number[window] == number:
            break
        if row.open_count[window] > 0:
            _close(row, window)
            closed |= 1 << window
        if rounds_repeat(row, window, number):
            _empty(row, window)
        row.open_count[window] = 0
        row.open_weight[window] = 0.0
        row.open_frozen[window] = 0
        row.open_number[window] = number
        row.dirty |= WARM_DIRTY
    return closed


@kernel
def add_late(row: Row, value: float, time_ms: int) -> Number:
    """Add a late value to the finest open bucket that covers it; closed ones stay as they are."""
    for window in range(WINDOWS):
        if row.open_number[window] == time_ms // _WIDTHS[window]:
            add(row, window, value)
            row.dirty |= WARM_DIRTY
            return True
    return False


@kernel
def untaint(row: Row, since_ms: int) -> None:
    """Let baselines learn from buckets from a time on, although an anomaly fell into them; never from muted ones."""
    for window in range(WINDOWS):
        for at in range(_OFFSETS[window], _OFFSETS[window] + _LENGTHS[window]):
            tainted = row.ring_count[at] < 0 and row.ring[at, M2] >= 0.0
            if tainted and (number_of(row, window, at) + 1) * _WIDTHS[window] > since_ms:
                row.ring_count[at] = -row.ring_count[at]
                soil_ring(row, at)
        row.open_frozen[window] = MUTED if row.open_frozen[window] < 0 else 0
    row.dirty |= WARM_DIRTY


@kernel
def _forget_versions(row: Row) -> None:
    """What was normal before an accepted shift, and what was told of limits."""
    row.version = 0
    row.held = 0
    row.left_out_ms[:] = 0
    row.shifted_ms = 0
    row.rollback_ms = 0
    row.old_since_ms = 0
    row.old_ready[:] = 0
    row.old_base[:] = 0.0
    row.old_noise[:] = 0.0
    row.tail_told[:] = np.nan


@kernel
def _forget_vitals(row: Row) -> None:
    """How a series used to come, move and swing."""
    row.same_ms = 0
    row.vital_ms[:] = 0
    row.vital_peak[:] = 0.0
    row.longest_s[:] = 0.0
    row.swing_usual = row.swing_away = 0.0
    row.swing_sums[:] = 0.0
    row.swing_count = 0
    row.swing_window = 0


@kernel
def _forget_months(row: Row) -> None:
    """What days of the month brought."""
    row.usual_month = 0
    row.month_known = 0
    row.error_hours = 0
    row.month_error = 0.0
    row.echo[:] = 0
    row.today_number = 0
    row.today[:] = 0
    row.month_shift[:] = 0
    row.month_hours[:] = 0
    row.month_times[:] = 0


@kernel
def _forget_closed(row: Row) -> None:
    """All closed buckets."""
    row.ring_round[:] = 0
    row.ring_count[:] = 0
    row.ring[:] = 0.0
    row.ring_span[:] = 0
    for at in range(MONTH_PLACE + 1):
        soil_ring(row, at)


@kernel
def start_anew(row: Row) -> None:
    """Forget all that was learned of a series, but not who it is, what watches it, or its newest timestamps."""
    row.first_ms = 0
    row.since_ms = 0
    row.fresh_ms = 0
    row.interval_ms = 0.0
    row.raw = 0.0
    row.muted_ms = 0
    row.drifted_ms = 0
    row.alarmed_ms = 0
    row.alarms = 0.0
    row.known = 0.0
    row.value = 0.0
    row.weight = 0.0
    row.fast = 0.0
    row.score = 0.0
    row.seen = 0
    row.level[:] = 0.0
    row.open[:] = 0.0
    row.open_number[:] = 0
    row.open_count[:] = 0
    row.open_weight[:] = 0.0
    row.open_frozen[:] = 0
    row.base[:] = 0.0
    row.base_ms[:] = 0
    row.base_ready[:] = 0
    _forget_vitals(row)
    _forget_versions(row)
    row.inside = 0.0
    row.wander = 0.0
    row.season_error = 0.0
    row.season_hours = 0
    row.season_hour = 0
    row.stretch = 0
    forget_tails(row)
    row.days[:, 0] = np.inf
    row.days[:, 1] = -np.inf
    row.days[3] = 0.0
    row.pending[:] = np.nan
    row.usual[:] = np.nan
    row.season[:] = 0.0
    row.season_range[:] = 0
    row.season_weeks[:] = 0
    _forget_months(row)
    row.habit[:, :, 0] = np.inf
    row.habit[:, :, 1] = -np.inf
    _forget_closed(row)
    row.dirty |= HOT_DIRTY | WARM_DIRTY
