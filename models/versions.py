"""What is normal has versions: an accepted level is a new one, and the one before it is kept for a week.

It is taken up again when somebody asks for it (a record of the topic ``settings``, subject ``baselines``); what was
learned meanwhile is left out then, and what is seen until the series is back. Each such move, and each limit that has
moved by a fifth of its range, is written down for the topic ``audit``.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.episodes import F_PEAK, F_SCORE, F_VALUE, I_AT, I_CODE, I_LEAD, I_ROW, I_RULE, I_SLOT, I_STARTED, OPEN
from streams.baselines import refresh_habits
from streams.buckets import soil_ring
from streams.clocks import place_of
from streams.jit import kernel
from streams.layout import (
    BUCKETS,
    CENTER,
    LENGTHS,
    M2,
    OFFSETS,
    SEASON_GROUP,
    SEASON_PATIENCE,
    WARM_DIRTY,
    WIDTHS_MS,
    WINDOWS,
    Number,
    Row,
)
from streams.rings import number_of
from streams.tails import forget_tails_since

AUDIT_RULE: Final = -16
"""In place of a rule's position: no anomaly, but something for the audit."""
ACCEPTED, ROLLED_BACK, LIMIT_MOVED = range(3)
"""What is written down."""
AUDIT_EVENTS: Final = 10
"""The most that one sample may write down."""

_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
_HOUR_MS: Final = 3_600_000
_KEPT_MS: Final = 7 * 86_400_000
LEVEL_WINDOWS: Final = (2, 1, 0, 3)
"""Windows by how well they tell a level."""
_TELL_LEVEL = np.array(LEVEL_WINDOWS, np.int64)
_LIMITS: Final = 4
_FIFTH: Final = 0.2


@kernel
def write_down(row: Row, code: int, sizes: tuple[float, float], side: int, work: Row) -> None:
    """Report something for the audit: what it was, and what it is now."""
    at = work.events
    work.events = at + 1
    work.ints[at, :] = 0
    work.floats[at, :] = 0.0
    work.ints[at, I_ROW] = work.at_row
    work.ints[at, I_SLOT] = work.slot
    work.ints[at, I_CODE] = code
    work.ints[at, I_RULE] = AUDIT_RULE
    work.ints[at, I_AT] = row.newest_ms
    work.ints[at, I_STARTED] = row.since_ms
    work.ints[at, I_LEAD] = side
    work.floats[at, F_VALUE] = sizes[0]
    work.floats[at, F_SCORE] = sizes[1]
    work.floats[at, F_PEAK] = row.version


@kernel
def level_of(row: Row) -> Number:
    """The level that is normal now, as far as a window knows it."""
    for window in _TELL_LEVEL:
        if row.base_ready[window]:
            return row.base[window, CENTER]
    return row.value


@kernel
def keep_version(row: Row) -> None:
    """A new level is about to be accepted: keep what was normal before it."""
    row.version += 1
    row.old_since_ms = row.since_ms
    row.shifted_ms = row.newest_ms
    row.old_base[:] = row.base
    row.old_ready[:] = row.base_ready
    row.old_noise[0], row.old_noise[1], row.old_noise[2] = row.inside, row.wander, row.season_error
    row.dirty |= WARM_DIRTY


@kernel
def _old_window(row: Row) -> Number:
    """The window that knows the older level best; -1 where none is kept."""
    if row.shifted_ms == 0:
        return -1
    for window in _TELL_LEVEL:
        if row.old_ready[window]:
            return window
    return -1


@kernel
def _forget_hours(row: Row, since_ms: int, params: Row) -> None:
    """Forget each hour of the week that has learned since a time: the same hour of other days speaks for it."""
    for hour in range(since_ms // _HOUR_MS, row.season_hour - SEASON_PATIENCE + 1):
        at = place_of(hour, params)
        row.season_weeks[at] = 0
        soil_ring(row, BUCKETS + at // SEASON_GROUP)


@kernel
def _leave_out(row: Row, since_ms: int) -> None:
    """Baselines leave out what lies after a time, as they do with anomalies."""
    for window in range(WINDOWS):
        for at in range(_OFFSETS[window], _OFFSETS[window] + _LENGTHS[window]):
            good = row.ring_count[at] > 0 and row.ring[at, M2] >= 0.0
            if good and (number_of(row, window, at) + 1) * _WIDTHS[window] > since_ms:
                row.ring_count[at] = -row.ring_count[at]
                soil_ring(row, at)
        if row.open_frozen[window] >= 0:
            row.open_frozen[window] = row.open_count[window]


@kernel
def _take_up_old(row: Row, params: Row, work: Row) -> None:
    """What was normal before the last accepted shift is normal again, and nothing that was seen since is usual."""
    before = level_of(row)
    row.held = 1
    row.left_out_ms[0], row.left_out_ms[1] = row.since_ms, row.newest_ms
    _leave_out(row, row.since_ms)
    _forget_hours(row, row.since_ms, params)
    forget_tails_since(row, row.since_ms)
    for window in range(1, WINDOWS):
        refresh_habits(row, window, work)
    row.since_ms = row.old_since_ms
    row.base[:] = row.old_base
    row.base_ready[:] = row.old_ready
    row.inside, row.wander = np.float64(row.old_noise[0]), np.float64(row.old_noise[1])
    row.season_error = np.float64(row.old_noise[2])
    row.shifted_ms = 0
    row.version -= 1
    row.dirty |= WARM_DIRTY
    write_down(row, ROLLED_BACK, (before, level_of(row)), 0, work)


@kernel
def roll_back(row: Row, params: Row, work: Row) -> None:
    """Somebody asked for the older level, from a time on that has come; no shift is accepted before it is back."""
    if row.rollback_ms == 0 or row.newest_ms < row.rollback_ms:
        return
    row.rollback_ms = 0
    row.dirty |= WARM_DIRTY
    if _old_window(row) >= 0 and row.newest_ms - row.shifted_ms <= _KEPT_MS:
        _take_up_old(row, params, work)


@kernel
def hold(row: Row, params: Row) -> None:
    """A level that was rolled back is left out until the series is back for as long as a shift takes to be accepted."""
    if row.state == OPEN or row.evidence > 0.0:
        row.left_out_ms[1] = row.newest_ms
    elif row.newest_ms - row.left_out_ms[1] >= params.max_freeze_ms:
        row.held = 0
    row.dirty |= WARM_DIRTY


@kernel
def audit_limits(row: Row, work: Row) -> None:
    """Write down limits of levels that have moved by a fifth of their range since they were last."""
    for limit in range(_LIMITS):
        low, high = np.float64(row.tail[limit, 0]), np.float64(row.tail[limit, 1])
        # The last row has distances from what is usual, none of them negative.
        width = high - low if limit < _LIMITS - 1 else high + low
        for side in range(2):
            now, told = np.float64(row.tail[limit, side]), np.float64(row.tail_told[limit, side])
            if not (np.isfinite(now) and np.isfinite(width)) or abs(now - told) <= _FIFTH * width:
                continue
            if not np.isnan(told):
                write_down(row, LIMIT_MOVED, (told, now), 2 * limit + side, work)
            row.tail_told[limit, side] = now
            row.dirty |= WARM_DIRTY
