"""Rows of counts as few bytes, exactly: what left the last minutes is kept packed, and read a chunk at a time.

Neighbouring slices of one SLO differ little. So whole counts are kept as differences along time, in as many byte
planes as the widest of them needs, and deflated; a plane that nobody needs costs nothing, a chunk of zeros neither.
Counts that are not whole keep all 64 bits.
"""

from __future__ import annotations

import struct
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import numpy as np
import numpy.typing as npt

from schemas.errors import CheckpointError

FloatArray = npt.NDArray[np.float64]
COLUMNS: Final = 3
"""Bad, total and unknown."""
_HEAD: Final = struct.Struct("<BBHI")
_WHOLE, _REAL = 1, 2
_LEVEL: Final = 1
_EXACT_BELOW: Final = 2.0**53
_NARROW: Final = (np.uint8, np.uint16, np.uint32)


def pack(rows: FloatArray) -> bytes:
    """Counts, shape (rows, slots, columns), as bytes; zeros are no bytes.

    Examples
    --------
    >>> rows = np.zeros((60, 2, COLUMNS))
    >>> len(pack(rows))
    0
    >>> rows[:, 0, 1] = 5000
    >>> len(pack(rows)) < 40, bool((unpack(pack(rows), 2) == rows).all())
    (True, True)
    """
    if not rows.any():
        return b""
    series = np.ascontiguousarray(rows.transpose(2, 1, 0))
    kind, wide = _WHOLE, series.view(np.uint64)
    if bool((np.rint(series) == series).all()) and float(np.abs(series).max()) < _EXACT_BELOW:
        steps: npt.NDArray[np.int64] = np.diff(series.astype(np.int64), axis=2, prepend=np.int64(0))  # type: ignore[assignment]  # numpy's stub says a time
        wide = ((steps << 1) ^ (steps >> 63)).view(np.uint64)
    else:
        kind = _REAL
    width = max(1, (int(wide.max()).bit_length() + 7) // 8)
    planes = np.ascontiguousarray(wide).view(np.uint8).reshape(-1, 8)[:, :width]
    head = _HEAD.pack(kind, width, rows.shape[0], rows.shape[1])
    return head + zlib.compress(np.ascontiguousarray(planes.T).tobytes(), _LEVEL)


def unpack(data: bytes, slots: int) -> FloatArray:
    """What ``pack`` was given, with zeros for slots that came later.

    Raises
    ------
    CheckpointError
        If it cannot be read.
    """
    try:
        kind, width, rows, packed_slots = _HEAD.unpack_from(data)
        planes = np.frombuffer(zlib.decompress(data[_HEAD.size :]), np.uint8).reshape(width, -1)
    except (struct.error, zlib.error, ValueError) as error:
        raise CheckpointError(f"packed counts cannot be read: {error}") from error
    full = np.zeros((planes.shape[1], 8), np.uint8)
    full[:, :width] = planes.T
    wide = full.view(np.uint64).reshape(COLUMNS, packed_slots, rows)
    if kind == _WHOLE:
        steps = (wide >> np.uint64(1)).view(np.int64) ^ -(wide & np.uint64(1)).view(np.int64)
        series = np.cumsum(steps, axis=2).astype(np.float64)
    else:
        series = wide.view(np.float64)
    found = np.zeros((rows, slots, COLUMNS))
    found[:, :packed_slots] = series.transpose(2, 1, 0)
    return found


def _narrow(rows: FloatArray) -> npt.NDArray[np.generic]:
    """The same numbers in the narrowest type that holds them all."""
    if bool((np.rint(rows) == rows).all()) and float(rows.min()) >= 0:
        highest = float(rows.max())
        for kind in _NARROW:
            if highest <= np.iinfo(kind).max:
                return rows.astype(kind)
    return rows


class Archive:
    """Packed chunks of consecutive rows, the newest so many; what is not there is zero.

    While columns come and go (``columns``, ``set_columns``) chunks lie open, each unpacked once for many columns; what
    changed is packed again with the next chunk, or when somebody asks for packed ones.

    Parameters
    ----------
    chunk_rows
        Rows in a chunk; chunk ``n`` begins with row ``n * chunk_rows``.
    keep_rows
        How many rows back from the newest can be read.
    slots
        How many SLOs a row has.
    """

    def __init__(self, chunk_rows: int, keep_rows: int, slots: int) -> None:
        self.chunk_rows = chunk_rows
        self.keep_rows = keep_rows
        self.slots = slots
        self.dirty: set[int] = set()
        self._packed: dict[int, bytes] = {}
        self._open: dict[int, npt.NDArray[np.generic]] = {}
        self._changed: set[int] = set()
        self._read: OrderedDict[int, npt.NDArray[np.generic]] = OrderedDict()
        self.cached_chunks = 2

    def put(self, number: int, rows: FloatArray) -> None:
        """Keep a chunk, and forget what nobody can ask for any more."""
        self.shut()
        self._write(number, pack(rows))
        oldest = number - -(-self.keep_rows // self.chunk_rows) - 1
        for gone in [one for one in self._packed if one < oldest]:
            self._write(gone, b"")

    def load(self, number: int, data: bytes) -> None:
        """Put a packed chunk back."""
        self._packed[number] = data

    @property
    def chunks(self) -> Mapping[int, bytes]:
        """All chunks, packed, by number."""
        self.shut()
        return self._packed

    def shut(self) -> None:
        """Pack open chunks that changed; none is open then."""
        for number in sorted(self._changed):
            self._write(number, pack(self._opened(number).astype(np.float64)))
        self._changed.clear()
        self._open.clear()

    def grow(self, slots: int) -> None:
        """Have room for more SLOs; what is packed stays as it is."""
        self.slots = slots
        self._read.clear()

    def rows(self, first: int, count: int) -> FloatArray:
        """Consecutive rows, shape (count, slots, columns)."""
        found = np.zeros((count, self.slots, COLUMNS))
        for number in range(first // self.chunk_rows, (first + count - 1) // self.chunk_rows + 1):
            if number in self._packed or number in self._changed:
                begin = number * self.chunk_rows
                low, high = max(first, begin), min(first + count, begin + self.chunk_rows)
                found[low - first : high - first] = self._chunk(number)[low - begin : high - begin]
        return found

    def column(self, first: int, count: int, slot: int) -> FloatArray:
        """One SLO's consecutive rows, shape (count, columns); what others have is not kept at hand."""
        found = np.zeros((count, COLUMNS))
        last = (first + count - 1) // self.chunk_rows
        for number in [one for one in self._numbers() if first // self.chunk_rows <= one <= last]:
            begin = number * self.chunk_rows
            low, high = max(first, begin), min(first + count, begin + self.chunk_rows)
            chunk = self._opened(number) if number in self._open else unpack(self._packed[number], self.slots)
            found[low - first : high - first] = chunk[low - begin : high - begin, slot]
        return found

    def columns(self, slot: int) -> dict[int, FloatArray]:
        """All rows of one SLO, shape (chunk_rows, columns), by number of the chunk; of chunks in which it has any."""
        found = ((number, self._opened(number)[:, slot]) for number in self._numbers())
        return {number: column.astype(np.float64) for number, column in found if column.any()}

    def set_columns(self, columns: Mapping[int, FloatArray], slot: int) -> None:
        """Make all rows of one SLO what they are told to be; those of chunks that are not named are zero."""
        blank = np.zeros((self.chunk_rows, COLUMNS))
        needed = _narrow(np.concatenate([blank, *columns.values()])).dtype
        for number in sorted({*self._numbers(), *columns}):
            wanted = columns.get(number, blank)
            chunk = self._opened(number)
            if bool((chunk[:, slot] == wanted).all()):
                continue
            wider = np.promote_types(chunk.dtype, needed)
            if wider != chunk.dtype:
                chunk = self._open[number] = chunk.astype(wider)
            chunk[:, slot] = wanted
            self._changed.add(number)
            self.dirty.add(number)
            self._read.pop(number, None)

    @property
    def first(self) -> int:
        """The first row of the oldest chunk; 0 where there is none."""
        return min(self._numbers(), default=0) * self.chunk_rows

    @property
    def nbytes(self) -> int:
        """Bytes of the packed chunks, and of those at hand and open."""
        at_hand = sum(one.nbytes for one in self._read.values())
        return sum(map(len, self._packed.values())) + at_hand + self.open_nbytes

    @property
    def open_nbytes(self) -> int:
        """Bytes of open chunks."""
        return sum(one.nbytes for one in self._open.values())

    def _write(self, number: int, data: bytes) -> None:
        self.dirty.add(number)
        self._read.pop(number, None)
        if data:
            self._packed[number] = data
        else:
            self._packed.pop(number, None)

    def _numbers(self) -> list[int]:
        """Of chunks that are there; one that changed may hold nothing."""
        return sorted(self._packed.keys() | self._changed)

    def _opened(self, number: int) -> npt.NDArray[np.generic]:
        chunk = self._open.get(number)
        if chunk is None:
            data = self._packed.get(number)
            blank = np.zeros((self.chunk_rows, self.slots, COLUMNS), _NARROW[0])
            chunk = self._open[number] = _narrow(unpack(data, self.slots)) if data else blank
        elif chunk.shape[1] < self.slots:
            chunk = self._open[number] = np.pad(chunk, ((0, 0), (0, self.slots - chunk.shape[1]), (0, 0)))
        return chunk

    def _chunk(self, number: int) -> npt.NDArray[np.generic]:
        if number in self._open:
            return self._opened(number)
        known = self._read.get(number)
        if known is None:
            known = self._read[number] = _narrow(unpack(self._packed[number], self.slots))
            while len(self._read) > self.cached_chunks:
                self._read.popitem(last=False)
        else:
            self._read.move_to_end(number)
        return known
