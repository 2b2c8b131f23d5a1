"""Sums over windows that move on by a slice: what enters is added, what leaves is taken away, and nothing drifts.

Whole counts are exact in floats up to 2**53. A count that is not whole is split into a whole number, a multiple of
2**-26 and a rest below that. Sums of the first two are exact; the rest is so small that what its rounding adds up to
is below 1e-12 after a year of slices. So a window's sum depends on what is in it and not on how it came about.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from slo.definition import CalendarWindow
from slo.packing import COLUMNS, FloatArray
from slo.slices import Corrected, SliceStore
from slo.windows import Calendar

_FINE: Final = 2.0**26
_PARTS: Final = 3


def split(values: FloatArray, parts: int) -> FloatArray:
    """Numbers as parts (along the last axis) whose sums are exact; one part where all are whole.

    Examples
    --------
    >>> values = np.full((1000, 3), 0.1)
    >>> float(values.cumsum(axis=0)[-1, 0]), float(join(split(values, 3).cumsum(axis=0)[-1])[0])
    (99.9999999999986, 100.0)
    """
    if parts == 1:
        return values
    whole = np.rint(values)
    rest = values - whole
    middle = np.rint(rest * _FINE) / _FINE
    return np.concatenate([whole, middle, rest - middle], axis=-1)


def join(parts: FloatArray) -> FloatArray:
    """Numbers from sums of their parts."""
    width = parts.shape[-1]
    if width == COLUMNS:
        return parts
    third = width // _PARTS
    joined: FloatArray = parts[..., :third] + (parts[..., third : 2 * third] + parts[..., 2 * third :])
    return joined


class WindowSums:
    """Bad, total and unknown in each window of each SLO of a store.

    Parameters
    ----------
    store
        Where the slices are.
    rolling_s
        Lengths of rolling windows, in seconds.
    calendar
        A window of the calendar, if SLOs have one: its sums come last.
    """

    def __init__(self, store: SliceStore, rolling_s: tuple[int, ...], calendar: CalendarWindow | None) -> None:
        self._store = store
        self.rows = tuple(store.shape.rows(one) for one in rolling_s)
        self._fine_rows = store.shape.fine_rows
        self._coarse_rows = store.shape.coarse_rows
        self._calendar = Calendar(calendar) if calendar else None
        self.period = self._calendar.at(store.closed * self._slice_ms) if self._calendar else None
        self.sums = np.zeros((len(self.rows) + (calendar is not None), store.slots, COLUMNS))
        store.fine.cached_chunks = store.coarse.cached_chunks = len(self.rows) + 2

    @property
    def room(self) -> int:
        """How many rows can be closed at once: a block, and none beyond the calendar's window."""
        block = self._store.shape.block_rows
        if self.period is None:
            return block
        left = -(-self.period.end_ms // self._slice_ms) - self._store.closed
        return min(block, left) if left > 0 else block

    def close(self, entering: FloatArray) -> FloatArray:
        """Move every window on by rows that are settled; the counts after each, (rows, windows, slots, columns)."""
        count, first = len(entering), self._store.closed
        parts = self._part_count()
        self._turn(first)
        coming = split(entering, parts)
        found = np.empty((count, *self.sums.shape[:2], COLUMNS))
        for number, length in enumerate(self.rows):
            change = coming - split(self._leaving(first, count, length), parts)
            self._advance(number, change, found)
        if self._calendar:
            self._advance(len(self.rows), coming, found)
        return found

    def correct(self, corrected: list[Corrected]) -> None:
        """Put late counts into the windows that hold their slices."""
        parts = self._part_count()
        for one in corrected:
            change = split(one.after, parts) - split(one.before, parts)
            for number in range(len(self.sums)):
                if one.row >= self.first_row(number):
                    self.sums[number] += change

    def first_row(self, number: int) -> int:
        """The first slice that a window holds now."""
        if number == len(self.rows):
            assert self.period is not None
            return -(-self.period.start_ms // self._slice_ms)
        return self._first_of(self.rows[number])

    def rebuild(self, slot: int) -> None:
        """Sum one SLO's windows anew from its slices."""
        parts = self._part_count()
        for number in range(len(self.sums)):
            fine, coarse = self._column(slot, self.first_row(number))
            both = [split(one, parts).sum(axis=0) for one in (fine, coarse)]
            self.sums[number, slot] = both[0] + both[1]

    def totals(self) -> FloatArray:
        """The counts as they are, shape (windows, slots, columns)."""
        return join(self.sums)

    def turn_to(self, at_ms: int) -> None:
        """Be in the calendar's window that holds an event time."""
        if self._calendar:
            self.period = self._calendar.at(at_ms)

    def grow(self, slots: int) -> None:
        """Have room for more SLOs."""
        self.sums = np.pad(self.sums, ((0, 0), (0, slots - self.sums.shape[1]), (0, 0)))

    def _first_of(self, length: int) -> int:
        first = self._store.closed - length
        return first if length <= self._fine_rows else first // self._coarse_rows * self._coarse_rows

    def _leaving(self, first: int, count: int, length: int) -> FloatArray:
        """What leaves a window with each of the next rows."""
        if length <= self._fine_rows:
            return self._store.take(first - length, count)
        coarse_rows = self._coarse_rows
        gone = np.arange(first + 1 - length, first + 1 - length + count)
        at = np.flatnonzero(gone % coarse_rows == 0)
        leaving = np.zeros((count, self._store.slots, COLUMNS))
        if at.size:
            begin = int(gone[at[0]]) // coarse_rows - 1
            leaving[at] = self._store.take_coarse(begin, at.size)
        return leaving

    def _advance(self, number: int, change: FloatArray, found: FloatArray) -> None:
        running = np.cumsum(change, axis=0) if len(change) > 1 else change
        running = running + self.sums[number]
        self.sums[number] = running[-1]
        found[:, number] = join(running)

    def _turn(self, first: int) -> None:
        """Begin a new window of the calendar where the old one ends."""
        if self._calendar and self.period and first * self._slice_ms >= self.period.end_ms:
            self.period = self._calendar.at(first * self._slice_ms)
            self.sums[-1] = 0.0

    def _part_count(self) -> int:
        parts = _PARTS if self._store.fractional else 1
        if self.sums.shape[-1] < parts * COLUMNS:
            self.sums = np.pad(self.sums, ((0, 0), (0, 0), (0, (parts - 1) * COLUMNS)))
        return parts

    def _column(self, slot: int, first: int) -> tuple[FloatArray, FloatArray]:
        """One SLO's closed slices from a row on, and before them, where slices are no longer kept, its minutes."""
        store = self._store
        coarse_rows = store.shape.coarse_rows
        fine_from = first
        if store.has_coarse:
            fine_from = max(first, -(-(store.closed - store.shape.fine_rows) // coarse_rows) * coarse_rows)
        hot_from = max(fine_from, store.begin)
        hot = store.judged[np.arange(hot_from, store.closed) % store.ring_rows, slot]
        cold = np.zeros((0, COLUMNS))
        if fine_from < hot_from:
            cold = store.fine.column(fine_from, hot_from - fine_from, slot)
            cold[np.arange(fine_from, hot_from) < store.born[slot]] = 0.0
        old = np.zeros((0, COLUMNS))
        if first < fine_from:
            low, high = first // coarse_rows, fine_from // coarse_rows
            old = store.coarse_column(low, high - low, slot)
        return np.concatenate([cold, hot]), old

    @property
    def _slice_ms(self) -> int:
        return self._store.shape.slice_s * 1000
