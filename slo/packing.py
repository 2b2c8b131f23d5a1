"""Rows of counts as few bytes, exactly: what left the last minutes is kept packed, and read a chunk at a time.

Neighbouring slices of one SLO differ little. So whole counts are kept as differences along time, in as many byte
planes as the widest of them needs, and deflated; a plane that nobody needs costs nothing, a chunk of zeros neither.
Counts that are not whole keep all 64 bits.
"""

from __future__ import annotations

import struct
import zlib
from collections import OrderedDict
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
        self.chunks: dict[int, bytes] = {}
        self.dirty: set[int] = set()
        self._read: OrderedDict[int, npt.NDArray[np.generic]] = OrderedDict()
        self.cached_chunks = 2

    def put(self, number: int, rows: FloatArray) -> None:
        """Keep a chunk, and forget what nobody can ask for any more."""
        self._write(number, pack(rows))
        oldest = number - -(-self.keep_rows // self.chunk_rows) - 1
        for gone in [one for one in self.chunks if one < oldest]:
            self._write(gone, b"")

    def load(self, number: int, data: bytes) -> None:
        """Put a packed chunk back."""
        self.chunks[number] = data

    def grow(self, slots: int) -> None:
        """Have room for more SLOs; what is packed stays as it is."""
        self.slots = slots
        self._read.clear()

    def rows(self, first: int, count: int) -> FloatArray:
        """Consecutive rows, shape (count, slots, columns)."""
        found = np.zeros((count, self.slots, COLUMNS))
        for number in range(first // self.chunk_rows, (first + count - 1) // self.chunk_rows + 1):
            if number in self.chunks:
                begin = number * self.chunk_rows
                low, high = max(first, begin), min(first + count, begin + self.chunk_rows)
                found[low - first : high - first] = self._chunk(number)[low - begin : high - begin]
        return found

    def column(self, first: int, count: int, slot: int) -> FloatArray:
        """One SLO's consecutive rows, shape (count, columns); what others have is not kept at hand."""
        found = np.zeros((count, COLUMNS))
        last = (first + count - 1) // self.chunk_rows
        for number in [one for one in self.chunks if first // self.chunk_rows <= one <= last]:
            begin = number * self.chunk_rows
            low, high = max(first, begin), min(first + count, begin + self.chunk_rows)
            chunk = unpack(self.chunks[number], self.slots)
            found[low - first : high - first] = chunk[low - begin : high - begin, slot]
        return found

    def set_column(self, first: int, values: FloatArray, slot: int) -> None:
        """Make rows of one SLO what they are told to be; ``first`` begins a chunk and whole chunks are given."""
        for at in range(0, len(values), self.chunk_rows):
            number, part = (first + at) // self.chunk_rows, values[at : at + self.chunk_rows]
            known = self.chunks.get(number)
            if known is None and not part.any():
                continue
            chunk = unpack(known, self.slots) if known else np.zeros((self.chunk_rows, self.slots, COLUMNS))
            chunk[:, slot] = part
            self._write(number, pack(chunk))

    @property
    def first(self) -> int:
        """The first row of the oldest chunk; 0 where there is none."""
        return min(self.chunks, default=0) * self.chunk_rows

    @property
    def nbytes(self) -> int:
        """Bytes of the packed chunks and of those at hand."""
        return sum(map(len, self.chunks.values())) + sum(one.nbytes for one in self._read.values())

    def _write(self, number: int, data: bytes) -> None:
        self.dirty.add(number)
        self._read.pop(number, None)
        if data:
            self.chunks[number] = data
        else:
            self.chunks.pop(number, None)

    def _chunk(self, number: int) -> npt.NDArray[np.generic]:
        known = self._read.get(number)
        if known is None:
            known = self._read[number] = _narrow(unpack(self.chunks[number], self.slots))
            while len(self._read) > self.cached_chunks:
                self._read.popitem(last=False)
        else:
            self._read.move_to_end(number)
        return known
