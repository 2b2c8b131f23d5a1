"""Walks many Prometheus remote-write messages (1.0) at once and lays their samples out as columns.

A series is known by a hash of the bytes of its labels; only a new one is read as text.

Field numbers: ``prompb/remote.proto`` and ``prompb/types.proto`` in prometheus/prometheus.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from integrations.formats.dense_index import hash_bytes
from integrations.formats.protobuf_wire import fixed64, next_field

OK: Final = 0
MALFORMED: Final = 1
# Neither a series nor metadata; with fields 4 and 5 only it is remote write 2.0.
NO_SERIES: Final = 2
VERSION_2: Final = 3
_FULL: Final = 4

RECORD, SERIES, SERIES_END, TIME_MS, COLUMNS = 0, 1, 2, 3, 4
_BYTES_PER_SAMPLE: Final = 16
_MIN_ROWS: Final = 64


@dataclass(frozen=True, slots=True)
class Walked:
    """What the messages hold.

    Parameters
    ----------
    samples
        One row a sample: record, where its series begins and ends, time in ms; int64.
    hashes
        Series of each sample, uint64.
    values
        Float64.
    status
        One a record.
    histograms
        How many native histograms stood beside the samples.
    metadata
        One row a metric family that a message tells of: where that stands; int64.
    """

    samples: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    values: npt.NDArray[np.float64]
    status: npt.NDArray[np.int8]
    histograms: int
    metadata: npt.NDArray[np.int64]


def walk(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64]) -> Walked:
    """Lay out messages that stand one behind the other; ``starts`` ends with where the last one does."""
    rows = len(data) // _BYTES_PER_SAMPLE + _MIN_ROWS
    while True:
        samples, hashes = np.empty((rows, COLUMNS), np.int64), np.empty(rows, np.uint64)
        bits, metadata = np.empty(rows, np.uint64), np.empty((rows, 2), np.int64)
        status, used = np.zeros(len(starts) - 1, np.int8), np.zeros(3, np.int64)
        if _walk(data, starts, (samples, hashes, bits, used, metadata), status):
            n, histograms, families = used.tolist()
            told = metadata[:families]
            return Walked(samples[:n], hashes[:n], bits[:n].view(np.float64), status, histograms, told)
        rows *= 4


@njit(cache=True)
def _walk(data: Any, starts: Any, out: Any, status: Any) -> bool:
    used = out[3]
    before = np.zeros(3, np.int64)
    for record in range(len(starts) - 1):
        before[:] = used
        status[record] = _message(data, starts[record], starts[record + 1], record, out)
        if status[record] == _FULL:
            return False
        if status[record] != OK:
            used[:] = before
    return True


@njit(cache=True)
def _message(data: Any, start: Any, end: Any, record: Any, out: Any) -> int:
    used, metadata = out[3], out[4]
    found, newer = NO_SERIES, False
    at = start
    while at < end:
        field, wire, first, last, at = next_field(data, at, end)
        if at < 0:
            return MALFORMED
        if wire != 2:
            continue
        if field == 1:
            found = _series(data, first, last, record, out)
            if found != OK:
                return found
        if field == 3:
            found = OK
            if used[2] == len(metadata):
                return _FULL
            metadata[used[2], 0], metadata[used[2], 1] = first, last
            used[2] += 1
        newer = newer or field in (4, 5)
    return VERSION_2 if newer and found == NO_SERIES else found


@njit(cache=True)
def _series(data: Any, start: Any, end: Any, record: Any, out: Any) -> int:
    used = out[3]
    hash_ = np.uint64(0)
    at = start
    while at < end:
        field, wire, first, last, at = next_field(data, at, end)
        if at < 0:
            return MALFORMED
        if field == 1 and wire == 2:
            hash_ = hash_bytes(data, first, last, hash_)
        used[1] += field == 4
    at = start
    while at < end:
        field, wire, first, last, at = next_field(data, at, end)
        if field != 2 or wire != 2:
            continue
        status = _sample(data, first, last, out)
        if status != OK:
            return status
        row = out[0][used[0]]
        row[RECORD], row[SERIES], row[SERIES_END] = record, start, end
        out[1][used[0]] = hash_
        used[0] += 1
    return OK


@njit(cache=True)
def _sample(data: Any, start: Any, end: Any, out: Any) -> int:
    samples, bits, used = out[0], out[2], out[3]
    if used[0] == len(samples):
        return _FULL
    samples[used[0], TIME_MS] = 0
    bits[used[0]] = 0
    at = start
    while at < end:
        field, wire, first, _, at = next_field(data, at, end)
        if at < 0:
            return MALFORMED
        if field == 1 and wire == 1:
            bits[used[0]] = fixed64(data, first)
        elif field == 2 and wire == 0:
            samples[used[0], TIME_MS] = first
    return OK


def labels_in(data: bytes, start: int, end: int) -> Iterator[tuple[str, str]]:
    """The labels of the series whose message is ``data[start:end]``.

    Raises
    ------
    ValueError
        If one is broken or not UTF-8.
    """
    buffer = np.frombuffer(data, np.uint8)
    for field, first, last in _length_fields(buffer, start, end):
        if field == 1:
            texts = {number: data[low:high].decode() for number, low, high in _length_fields(buffer, first, last)}
            yield texts.get(1, ""), texts.get(2, "")


def family_in(data: bytes, start: int, end: int) -> tuple[str, int]:
    """Name and type (0 where it is unknown) of the metric family whose metadata are ``data[start:end]``.

    Raises
    ------
    ValueError
        If they are broken or not UTF-8.
    """
    buffer = np.frombuffer(data, np.uint8)
    name, kind, at = "", 0, start
    while at < end:
        field, wire, first, last, at = next_field(buffer, at, end)
        if at < 0:
            raise ValueError("broken metadata")
        if field == 1 and wire == 0:
            kind = int(first)
        elif field == 2 and wire == 2:
            name = data[first:last].decode()
    return name, kind


def _length_fields(buffer: npt.NDArray[np.uint8], start: int, end: int) -> Iterator[tuple[int, int, int]]:
    at = start
    while at < end:
        field, wire, first, last, at = next_field(buffer, at, end)
        if at < 0:
            raise ValueError("a broken label")
        if wire == 2:
            yield field, first, last
