"""A histogram's cells: what a point says, checked; what came since the point before; where its quantiles lie."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from schemas.batch import HistogramPoint

MAX_CELLS: Final = 4096
"""Cells of one point; one with more is malformed."""
# The specification asks for -10 to 20; what lies far beyond is no scale.
_SCALES: Final = (-20, 30)
_MIN_EXPONENT, _MAX_EXPONENT = -1074.0, 1023.999

Counts = dict[str, int]


@dataclass(frozen=True, slots=True)
class Cells:
    """A distribution as cells with an upper and a lower bound, and how many fell into each."""

    bounds: Sequence[tuple[float, float]]
    counts: Sequence[int]

    def quantile(self, share: float) -> float:
        """Value below which a share lies, by interpolation inside a cell; NaN when nothing fell.

        Examples
        --------
        >>> Cells([(0.0, 1.0), (1.0, 2.0)], [50, 50]).quantile(0.75)
        1.5
        """
        total = sum(self.counts)
        if total <= 0:
            return math.nan
        wanted = share * total
        seen = 0.0
        for (low, high), count in zip(self.bounds, self.counts, strict=True):
            if count > 0 and seen + count >= wanted:
                if math.isinf(high) or math.isinf(low):
                    return low if math.isinf(high) else high
                return low + (high - low) * (wanted - seen) / count
            seen += count
        return self.bounds[-1][0]


def is_sound(point: HistogramPoint) -> bool:
    """Whether a point's fields fit each other.

    Examples
    --------
    >>> is_sound(HistogramPoint(3, bounds=[1.0], counts=[1, 2])), is_sound(HistogramPoint(3, bounds=[1.0], counts=[3]))
    (True, False)
    """
    if point.count < 0 or not _are_counts([*(point.counts or ()), *(point.positive or ()), *(point.negative or ())]):
        return False
    if point.bounds is not None:
        bounds = [-math.inf, *point.bounds]
        rising = all(low < high < math.inf for low, high in pairwise(bounds))
        return rising and len(point.counts or ()) == len(point.bounds) + 1
    if point.scale is not None:
        return _SCALES[0] <= point.scale <= _SCALES[1] and (point.zero_count or 0) >= 0
    return len(point.quantiles or ()) == len(point.quantile_values or ())


def _are_counts(counts: Sequence[int | None]) -> bool:
    return len(counts) <= MAX_CELLS and all(count is not None and count >= 0 for count in counts)


def cells_of(point: HistogramPoint) -> Counts:
    """How many fell into each cell, by upper bound, or by sign and index; empty for a summary."""
    if point.bounds is not None:
        bounds = [*point.bounds, math.inf]
        return {str(bound): int(count) for bound, count in zip(bounds, point.counts or (), strict=True)}
    if point.scale is None:
        return {}
    cells = {f"p{(point.positive_offset or 0) + at}": int(n) for at, n in enumerate(point.positive or ()) if n}
    cells |= {f"n{(point.negative_offset or 0) + at}": int(n) for at, n in enumerate(point.negative or ()) if n}
    return cells | {"z": int(point.zero_count or 0)}


def holds_negatives(point: HistogramPoint) -> bool:
    """Whether values below zero may have been observed, so that the sum may fall."""
    if point.bounds is not None:
        return bool(point.counts and point.counts[0]) and (not point.bounds or point.bounds[0] <= 0.0)
    return any(point.negative or ())


def coarser(cells: Counts, steps: int) -> Counts:
    """Cells of an exponential histogram at a scale that is so many steps lower: each step joins two cells.

    Examples
    --------
    >>> coarser({"p4": 1, "p5": 2, "n-1": 3, "z": 4}, 1)
    {'p2': 3, 'n-1': 3, 'z': 4}
    """
    merged: Counts = {}
    for key, count in cells.items():
        joined = key if key == "z" else f"{key[0]}{int(key[1:]) >> steps}"
        merged[joined] = merged.get(joined, 0) + count
    return merged


def quantile_of(point: HistogramPoint, counts: Counts, share: float) -> float:
    """A quantile of what fell into a point's cells."""
    if point.bounds is not None:
        edges = [-math.inf, *point.bounds, math.inf]
        if point.bounds and point.bounds[0] > 0:
            edges[0] = 0.0
        return Cells(list(pairwise(edges)), [counts.get(str(edge), 0) for edge in edges[1:]]).quantile(share)
    rows: list[tuple[tuple[float, float], int]] = []
    for key, count in counts.items():
        if key != "z":
            low, high = (_edge(int(key[1:]) + further, point.scale or 0) for further in (0, 1))
            rows.append(((low, high) if key[0] == "p" else (-high, -low), count))
    edge = point.zero_threshold or 0.0
    rows.append(((-edge, edge), counts.get("z", 0)))
    rows.sort()
    return Cells([bounds for bounds, _ in rows], [count for _, count in rows]).quantile(share)


def _edge(index: int, scale: int) -> float:
    """Lower bound of an exponential cell, within what a float holds."""
    return math.exp2(max(_MIN_EXPONENT, min(_MAX_EXPONENT, index * math.exp2(-scale))))
