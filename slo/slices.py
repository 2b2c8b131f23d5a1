"""Counts per slice of many SLOs: the last minutes open to correction, days to the slice, what is older to the minute.

A slice takes late counts for ten minutes. Then it is packed; with it, sums of whole minutes, which the far edges of
windows longer than ``fine_s`` move by. So a window of up to ``fine_s`` holds exactly its slices, and a longer one
begins on a whole minute: it is up to 55 s longer than it says (with slices of 5 s), and exact for what it holds.
Calendar windows begin when they begin: their sums start there, and nothing leaves them.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from slo.definition import Method
from slo.packing import COLUMNS, Archive, FloatArray

BAD, TOTAL, UNKNOWN = range(COLUMNS)
COARSE_S: Final = 60
NEVER: Final = 2**62
_CHUNK_ROWS: Final = 60
RATIO_SLACK: Final = 1e-12
"""9 of 10 are at least 0.9, whatever floats make of it."""

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class StoreShape(NamedTuple):
    """What a store keeps, in seconds unless it says rows."""

    method: Method
    slice_s: int
    fine_s: int
    longest_s: int
    lateness_s: int = 600
    block_rows: int = 60
    ahead_rows: int = 3

    @property
    def late_rows(self) -> int:
        """Slices that take late counts."""
        return -(-self.lateness_s // self.slice_s) + 1

    @property
    def coarse_rows(self) -> int:
        """Slices in what far edges of long windows move by; 1 where slices are as long as that."""
        return max(1, -(-COARSE_S // self.slice_s))

    @property
    def chunk_rows(self) -> int:
        """Slices that are packed together: whole minutes of them."""
        return self.coarse_rows * max(1, _CHUNK_ROWS // self.coarse_rows)

    def rows(self, seconds: int) -> int:
        """Slices in so many seconds, rounded up."""
        return max(1, -(-seconds // self.slice_s))

    @property
    def fine_rows(self) -> int:
        """How long slices are kept, as rows."""
        return self.rows(self.fine_s if self.coarse_rows > 1 else max(self.fine_s, self.longest_s))


class Corrected(NamedTuple):
    """What a late count made of a closed slice."""

    row: int
    before: FloatArray
    after: FloatArray


def judge(method: Method, raw: FloatArray, slice_target: FloatArray, alive: BoolArray) -> FloatArray:
    """What slices add to windows, from the events in them; shapes (..., slots, columns).

    Of Occurrences the events. Of Timeslices one slice, bad if too few of its known events are good. Of
    RatioTimeslices one slice, bad by the share of its events that is. A slice that knows of no event is unknown, once
    the SLO has been heard of.

    Good and all events that are counted by series of their own may lie a moment apart, on two sides of a slice's edge:
    then bad is below zero in one slice, and too large in its neighbour. No share is below none or above all; but what
    the two slices would have in balance nobody knows, and each is judged as it is.

    Examples
    --------
    >>> raw = np.array([[1.0, 10.0, 0.0], [2.0, 10.0, 0.0], [0.0, 0.0, 0.0]])
    >>> judge("Timeslices", raw, np.full(3, 0.9), np.ones(3, bool)).tolist()
    [[0.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    if method == "Occurrences":
        return raw
    known = raw[..., TOTAL] > 0
    share = np.divide(raw[..., BAD], raw[..., TOTAL], out=np.zeros(known.shape), where=known).clip(0.0, 1.0)
    if method == "Timeslices":
        share = (known & (1.0 - share < slice_target - RATIO_SLACK)).astype(np.float64)
    return np.stack([share, known.astype(np.float64), (alive & ~known).astype(np.float64)], axis=-1)


class SliceStore:
    """Slices of SLOs that are counted alike; row ``n`` is the slice that begins ``n * slice_s`` after the epoch.

    Parameters
    ----------
    shape
        Method, slice and what is kept.
    slots
        Room for so many SLOs; more is made with ``grow``.
    first
        The first row that can be closed.
    """

    def __init__(self, shape: StoreShape, slots: int, first: int) -> None:
        self.shape = shape
        self.slots = slots
        self.closed = first
        chunk = shape.chunk_rows
        self.begin = (first - shape.late_rows) // chunk * chunk
        self.ring_rows = shape.late_rows + chunk + shape.block_rows + shape.ahead_rows
        self.raw = np.zeros((self.ring_rows, slots, COLUMNS))
        self.judged = self.raw if shape.method == "Occurrences" else np.zeros_like(self.raw)
        self.present = np.zeros((self.ring_rows, slots), bool)
        self.cells: dict[int, dict[int, FloatArray]] = {}
        self.since = np.full(slots, NEVER)
        self.born = np.full(slots, -NEVER)
        self.slice_target = np.ones(slots)
        self.fractional = shape.method == "RatioTimeslices"
        self.fine = Archive(chunk, shape.fine_rows, slots)
        self.coarse = Archive(_CHUNK_ROWS, shape.rows(shape.longest_s) // shape.coarse_rows + 1, slots)
        self.filling = np.zeros((_CHUNK_ROWS, slots, COLUMNS))
        self.filling_changed = False

    @property
    def has_coarse(self) -> bool:
        """Whether minutes are kept beside slices."""
        return self.shape.coarse_rows > 1

    def put(self, row: int, partition: int, slots: IntArray, counts: FloatArray) -> list[Corrected]:
        """Take what one partition counted in one slice, counts of shape (len(slots), columns).

        The row lies within the ring. Of a closed row, what that corrects.
        """
        cell = self.cells.setdefault(row, {}).get(partition)
        if cell is None:
            cell = self.cells[row][partition] = np.full((self.slots, COLUMNS), np.nan)
        cell[slots] = counts
        self.fractional = self.fractional or bool((np.rint(counts) != counts).any())
        known_since = self.since[slots]
        self.since[slots] = np.minimum(known_since, row)
        if row >= self.closed:
            return []
        last = row
        if self.shape.method != "Occurrences" and bool((known_since > row).any()):
            # From here on slices without events are unknown, and no longer before the SLO's time.
            last = min(self.closed - 1, int(known_since.max()))
        return self._correct(row, last)

    def put_run(self, row: int, counts: FloatArray) -> None:
        """Take consecutive slices that are whole, shape (rows, slots, columns); NaN is a slice that was not measured.

        For histories: rows that are not closed yet, and that nothing else was put into.
        """
        at = np.arange(row, row + len(counts)) % self.ring_rows
        there: BoolArray = ~np.isnan(counts[:, :, TOTAL])
        counts = np.where(there[:, :, None], counts, 0.0)
        self.raw[at] = counts
        self.present[at] = there & _is_measured(counts)
        self.fractional = self.fractional or bool((np.rint(counts) != counts).any())
        first = np.where(there.any(axis=0), row + there.argmax(axis=0), NEVER)
        self.since = np.minimum(self.since, first)

    def settle(self, count: int) -> tuple[FloatArray, BoolArray]:
        """What the next rows add to windows, and which SLOs are measured in them; they are to be closed."""
        for row in range(self.closed, self.closed + count):
            if row in self.cells:
                self._sum(row)
        rows = np.arange(self.closed, self.closed + count)
        at = rows % self.ring_rows
        if self.shape.method != "Occurrences":
            alive = rows[:, None] >= self.since
            self.judged[at] = judge(self.shape.method, self.raw[at], self.slice_target, alive)
        return self.judged[at], self.present[at]

    def rejudge(self) -> None:
        """Judge again all slices that are closed and still take counts, from what partitions counted."""
        for row in range(self.begin, self.closed):
            if row in self.cells:
                self._sum(row)
            at = row % self.ring_rows
            if self.shape.method != "Occurrences":
                self.judged[at] = judge(self.shape.method, self.raw[at], self.slice_target, self.since <= row)

    def begin_after(self, count: int) -> int:
        """The first row that takes counts once so many more are closed."""
        chunk = self.shape.chunk_rows
        return max(self.begin, (self.closed + count - self.shape.late_rows) // chunk * chunk)

    def close(self, count: int) -> None:
        """Call the next rows closed, and pack those that take no counts any more."""
        begin = self.begin_after(count)
        self.closed += count
        while self.begin < begin:
            self._seal()

    def take(self, first: int, count: int) -> FloatArray:
        """What rows that are closed, or settled, added; shape (count, slots, columns)."""
        old = min(count, max(0, self.begin - first))
        parts = []
        if old:
            parts.append(self._since_birth(self.fine.rows(first, old), np.arange(first, first + old)))
        if old < count:
            parts.append(self.judged[np.arange(first + old, first + count) % self.ring_rows])
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def take_coarse(self, first: int, count: int) -> FloatArray:
        """The same of whole minutes; row ``n`` of them begins with row ``n * coarse_rows``."""
        found = self.coarse.rows(first, count)
        low, high, begins = self._filled(first, count)
        if low < high:
            found[low - first : high - first] = self.filling[low - begins : high - begins]
        return self._since_birth(found, np.arange(first, first + count) * self.shape.coarse_rows)

    def coarse_column(self, first: int, count: int, slot: int) -> FloatArray:
        """The same of one SLO, shape (count, columns)."""
        found = self.coarse.column(first, count, slot)
        low, high, begins = self._filled(first, count)
        if low < high:
            found[low - first : high - first] = self.filling[low - begins : high - begins, slot]
        found[np.arange(first, first + count) * self.shape.coarse_rows < self.born[slot]] = 0.0
        return found

    def grow(self, slots: int) -> None:
        """Have room for more SLOs."""
        more = slots - self.slots
        pad = ((0, 0), (0, more), (0, 0))
        shared = self.judged is self.raw
        self.raw = np.pad(self.raw, pad)
        self.judged = self.raw if shared else np.pad(self.judged, pad)
        self.filling = np.pad(self.filling, pad)
        self.present = np.pad(self.present, ((0, 0), (0, more)))
        for cells in self.cells.values():
            for partition, cell in cells.items():
                cells[partition] = np.pad(cell, ((0, more), (0, 0)), constant_values=np.nan)
        self.since = np.pad(self.since, (0, more), constant_values=NEVER)
        self.born = np.pad(self.born, (0, more), constant_values=-NEVER)
        self.slice_target = np.pad(self.slice_target, (0, more), constant_values=1.0)
        self.fine.grow(slots)
        self.coarse.grow(slots)
        self.slots = slots

    def clear(self, slot: int) -> None:
        """Forget one SLO: what was packed of it is no longer read."""
        self.raw[:, slot] = self.judged[:, slot] = self.filling[:, slot] = 0.0
        self.present[:, slot] = False
        self.filling_changed = True
        for cells in self.cells.values():
            for cell in cells.values():
                cell[slot] = np.nan
        self.since[slot], self.born[slot] = NEVER, self.begin

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        arrays = [self.raw, self.present, self.filling, self.since, self.born, self.slice_target]
        arrays += [] if self.judged is self.raw else [self.judged]
        cells = sum(cell.nbytes for cells in self.cells.values() for cell in cells.values())
        return sum(one.nbytes for one in arrays) + cells + self.fine.nbytes + self.coarse.nbytes

    def _correct(self, first: int, last: int) -> list[Corrected]:
        found = []
        for row in range(first, last + 1):
            at = row % self.ring_rows
            before = self.judged[at].copy()
            if row == first:
                self._sum(row)
            if self.shape.method != "Occurrences":
                self.judged[at] = judge(self.shape.method, self.raw[at], self.slice_target, self.since <= row)
            found.append(Corrected(row, before, self.judged[at].copy()))
        return found

    def _sum(self, row: int) -> None:
        """Add up what partitions counted, in the partitions' order, so that arrival makes no difference."""
        raw = np.zeros((self.slots, COLUMNS))
        present = np.zeros(self.slots, bool)
        for _, cell in sorted(self.cells[row].items()):
            there = ~np.isnan(cell[:, TOTAL])
            raw += np.where(there[:, None], cell, 0.0)
            present |= there & _is_measured(cell)
        self.raw[row % self.ring_rows] = raw
        self.present[row % self.ring_rows] = present

    def _filled(self, first: int, count: int) -> tuple[int, int, int]:
        """Which of some minutes are not packed yet, and where those begin."""
        begins = self.begin // self.shape.coarse_rows // _CHUNK_ROWS * _CHUNK_ROWS
        return max(first, begins), min(first + count, begins + _CHUNK_ROWS), begins

    def _since_birth(self, rows: FloatArray, numbers: IntArray) -> FloatArray:
        if bool((self.born > numbers[0]).any()):
            rows[numbers[:, None] < self.born] = 0.0
        return rows

    def _seal(self) -> None:
        chunk, coarse_rows = self.shape.chunk_rows, self.shape.coarse_rows
        at = np.arange(self.begin, self.begin + chunk) % self.ring_rows
        rows = self.judged[at]
        self.fine.put(self.begin // chunk, rows)
        if self.has_coarse:
            self.filling_changed = True
            sums = rows.reshape(chunk // coarse_rows, coarse_rows, self.slots, COLUMNS).sum(axis=1)
            for number, row in enumerate(sums, self.begin // coarse_rows):
                self.filling[number % _CHUNK_ROWS] = row
                if (number + 1) % _CHUNK_ROWS == 0:
                    self.coarse.put(number // _CHUNK_ROWS, self.filling)
                    self.filling[:] = 0.0
        self.raw[at] = self.judged[at] = 0.0
        self.present[at] = False
        for row in range(self.begin, self.begin + chunk):
            self.cells.pop(row, None)
        self.begin += chunk


def _is_measured(counts: FloatArray) -> BoolArray:
    measured: BoolArray = (counts[..., TOTAL] > 0) | (counts[..., UNKNOWN] == 0)
    return measured
