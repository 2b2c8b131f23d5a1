"""Closed minutes on their way to entities and drift detectors, told in sizes of what would matter."""

from __future__ import annotations

from typing import Final

import numpy as np

from models.episodes import OPEN
from streams.jit import kernel
from streams.layout import (
    CENTER,
    DOWN,
    LENGTHS,
    MEAN,
    MINUTE,
    OFFSETS,
    SPREAD,
    UP,
    WIDTHS_MS,
    Number,
    Row,
)
from streams.rings import number_of
from streams.seasons import HIGHEST, LOWEST, TRUSTED, USUAL

_MINUTES: Final = LENGTHS[MINUTE]
_MINUTE_AT: Final = OFFSETS[MINUTE]
_MINUTE_MS: Final = WIDTHS_MS[MINUTE]
_HOUR, _DAY = 2, 3
# A drift is measured in so much of the chance of a minute's mean, and so many errors of an hour's.
_OF_MINUTES: Final = 0.75
_OF_HOURS: Final = 3.75
# Until the hours are known, a drift is that much larger.
_UNKNOWN_HOURS: Final = 2.0
UNKNOWN: Final = -1.0
"""The size of a minute that is nothing for a drift detector."""


@kernel
def _size(row: Row, window: int) -> Number:
    """What a drift is measured in; 0 where the window does not speak.

    The window's spread, half the deviation that matters, or three quarters of what the series covers in a day,
    whichever is most: a daily cycle is no drift.
    """
    if row.base_ready[window] == 0:
        return 0.0
    size = row.base[window, SPREAD]
    reach = min(row.base[window, UP], row.base[window, DOWN])
    if np.isfinite(reach):
        size = max(size, 0.5 * reach)
    covers = row.habit[_HOUR, _DAY - 1, 1] - row.habit[_HOUR, _DAY - 1, 0]
    return max(size, 0.75 * covers) if np.isfinite(covers) else size


@kernel
def _usual_minute(row: Row, mean: float, family: Row) -> tuple[Number, Number]:
    """What is usual and nearest to a minute's mean where the hours are known, and what a drift is measured in.

    The size is the chance of a minute's mean or, if that is more, of an hour's.
    """
    if row.season_hours < TRUSTED or not row.base_ready[_HOUR] or np.isnan(row.usual[USUAL]):
        return np.nan, 0.0
    usual = row.usual
    samples = max(1.0, _MINUTE_MS / max(row.interval_ms, 1.0))
    size = max(_OF_MINUTES * np.sqrt(row.inside / samples + max(0.0, row.wander)), _OF_HOURS * row.season_error)
    size = max(size, 0.25 * max(family.min_effect, family.relative * abs(usual[USUAL])))
    return min(max(mean, usual[LOWEST]), usual[HIGHEST]), size


@kernel
def _measure(row: Row, mean: float, params: Row, family: Row, work: Row) -> None:
    """Tell a minute in sizes of what would matter, where that is known."""
    at = work.minutes - 1
    near, size = _usual_minute(row, mean, family)
    center = row.usual[USUAL]
    if np.isnan(near):
        near = center = row.base[params.reference, CENTER]
        size = _UNKNOWN_HOURS * _size(row, params.reference)
    if size <= 0.0:
        return
    work.closed_z[at, 0] = max(-params.clip, min(params.clip, (mean - near) / size))
    work.closed_z[at, 2] = center
    work.closed_z[at, 3] = size


@kernel
def close_minute(row: Row, number: int, params: Row, family: Row, work: Row) -> None:
    """Hand on a closed minute: to the series' entity, and to its drift detector in sizes of what would matter.

    What the series itself calls anomalous teaches neither; nor does its entity learn of a minute that stands alone.
    """
    at_bucket = _MINUTE_AT + number % _MINUTES
    count = row.ring_count[at_bucket]
    if count == 0 or number_of(row, MINUTE, at_bucket) != number:
        return
    calm = count > 0 and row.state != OPEN
    at = work.minutes
    work.minutes = at + 1
    work.closed[at, 0] = work.slot
    work.closed[at, 1] = work.at_row
    work.closed[at, 2] = (number + 1) * _MINUTE_MS
    work.closed[at, 3] = calm and row.newest_ms < (number + 2) * _MINUTE_MS
    work.closed_z[at, :] = 0.0
    work.closed_z[at, 1] = row.ring[at_bucket, MEAN]
    work.closed_z[at, 3] = UNKNOWN
    if calm:
        _measure(row, row.ring[at_bucket, MEAN], params, family, work)
