"""How a series came to where it is: by a step, or bit by bit."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from streams.jit import kernel
from streams.layout import LENGTHS, M2, MEAN, OFFSETS, Number, Row
from streams.rings import number_of

STEP, RAMP = 0, 1
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
_HOUR, _DAY = 2, 3
"""The windows whose buckets tell a ramp: those of 5 minutes and of an hour."""
_POINTS: Final = 12
_FEWEST: Final = 8
# A line's rise over the points, in its own standard errors.
_SURE: Final = 3.0


@kernel
def _means_of(row: Row, window: int, points: Any) -> Number:
    """Means of a window's newest buckets, with an anomaly in them or not, oldest first; how many there are."""
    found = 0
    for number in range(row.open_number[window] - _POINTS, row.open_number[window]):
        at = _OFFSETS[window] + number % _LENGTHS[window]
        if row.ring_count[at] != 0 and number_of(row, window, at) == number and row.ring[at, M2] >= 0.0:
            points[found] = row.ring[at, MEAN]
            found += 1
    return found


@kernel
def _squares(points: Any, start: int, end: int) -> Number:
    """Squared deviations of some points from their mean."""
    mean = 0.0
    for i in range(start, end):
        mean += points[i] / (end - start)
    squares = 0.0
    for i in range(start, end):
        squares += (points[i] - mean) ** 2
    return squares


@kernel
def _around_line(points: Any, count: int) -> tuple[Number, Number]:
    """The slope of a least-squares line a point, and squared deviations from it."""
    middle = 0.5 * (count - 1)
    both = 0.0
    for i in range(count):
        both += (i - middle) * points[i]
    width = count * (count * count - 1.0) / 12.0
    slope = both / width
    return slope, max(0.0, _squares(points, 0, count) - slope * both)


@kernel
def _rises(row: Row, window: int, direction: int) -> Number:
    """Whether a line explains a window's newest buckets better than any single step does, and rises for sure."""
    points = np.empty(_POINTS)
    count = _means_of(row, window, points)
    if count < _FEWEST:
        return False
    slope, around_line = _around_line(points, count)
    error = np.sqrt(around_line / (count - 2) / (count * (count * count - 1.0) / 12.0))
    if direction * slope <= _SURE * error:
        return False
    around_step = np.inf
    for split in range(1, count):
        around_step = min(around_step, _squares(points, 0, split) + _squares(points, split, count))
    return around_line < around_step


@kernel
def is_ramp(row: Row, lead: int, direction: int) -> Number:
    """Whether the series has moved bit by bit to where 1h or 24h calls it odd: within the last hour, or half a day."""
    if lead < _HOUR or lead > _DAY:
        return False
    return _rises(row, _HOUR, direction) or (lead == _DAY and _rises(row, _DAY, direction))
