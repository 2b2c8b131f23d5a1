"""From decoded columns to messages: rows sorted by partition, each batch with a dictionary of its own series."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from integrations.formats import Decoded, HistogramSample, SeriesTable
from schemas.batch import HistogramPoint, SampleBatch, SourceRange, decode_batch, encode_batch
from schemas.ids import samples_partition
from schemas.topics import MAX_MESSAGE_BYTES

# What a record's key, headers and framing take of a message.
FRAMING_BYTES: Final = 64 * 1024
MAX_BATCH_BYTES: Final = MAX_MESSAGE_BYTES - FRAMING_BYTES
# New series are kept apart until they are that many, so that a few of them do not copy all.
_RECENT_SERIES: Final = 4096
_MAX_NAME_CHARS: Final = 100

_Message = tuple[int, bytes, int]
Rows = tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class OutputTopic:
    """What there is to know of ``metrics.samples``.

    Parameters
    ----------
    partitions
        How many.
    message_bytes
        The largest message that it takes.
    """

    partitions: int
    message_bytes: int = MAX_MESSAGE_BYTES

    @property
    def max_batch_bytes(self) -> int:
        """How large a batch may be."""
        return self.message_bytes - FRAMING_BYTES


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """A message for ``metrics.samples``.

    Parameters
    ----------
    tenant, partition
        Whose it is and where it goes.
    part
        Its number among those made of one stretch of input.
    data
        The message; None where a single row alone is larger than a message may be.
    rows
        How many samples it holds.
    trouble
        Why there is no message.
    """

    tenant: str
    partition: int
    part: int
    data: bytes | None
    rows: int
    trouble: str = ""


@dataclass
class _Directory:
    """What is known of a table's series by dense id: output partition and text, as arrays."""

    table: SeriesTable
    partitions: int
    partition: npt.NDArray[np.int16] = field(default_factory=lambda: np.empty(0, np.int16))
    known: int = 0
    _of_entity: dict[str, int] = field(default_factory=dict)
    _base: pa.StringArray = field(default_factory=lambda: pa.array([], pa.utf8()))
    _recent: pa.StringArray = field(default_factory=lambda: pa.array([], pa.utf8()))
    _slot: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))

    def grow(self) -> None:
        """Take in the table's new series."""
        size = len(self.table)
        if size == self.known:
            return
        if size > len(self.partition):
            room = max(1024, 2 * size)
            self.partition = np.concatenate([self.partition[: self.known], np.empty(room - self.known, np.int16)])
            self._slot = np.empty(room, np.int32)
        for dense in range(self.known, size):
            self.partition[dense] = self._partition_of(self.table.entities[dense])
        recent = pa.array(self.table.texts[len(self._base) : size], pa.utf8())
        if len(recent) > max(_RECENT_SERIES, len(self._base) // 8):
            self._base, recent = pa.concat_arrays([self._base, recent]), pa.array([], pa.utf8())
        self._recent, self.known = recent, size

    def _partition_of(self, entity: str) -> int:
        found = self._of_entity.get(entity)
        if found is None:
            found = self._of_entity[entity] = samples_partition(self.table.tenant, entity, self.partitions)
        return found

    def distinct(self, series: npt.NDArray[np.int32]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The distinct dense ids, older ones first, and each row's position among them."""
        slot, rows = self._slot, np.arange(len(series), dtype=np.int32)
        slot[series] = rows
        ids = series[slot[series] == rows]  # of the rows of a series the one that was written last
        base = len(self._base)
        if len(self._recent):
            ids = np.concatenate([ids[ids < base], ids[ids >= base]])
        slot[ids] = np.arange(len(ids), dtype=np.int32)
        return ids, slot[series]

    def texts(self, ids: npt.NDArray[np.int32]) -> pa.StringArray:
        """Texts of dense ids as ``distinct`` orders them."""
        base = len(self._base)
        older = ids[ids < base]
        if len(older) == len(ids):
            return self._base.take(pa.array(ids))
        return pa.concat_arrays(
            [self._base.take(pa.array(older)), self._recent.take(pa.array(ids[len(older) :] - base))]
        )


class TenantBatcher:
    """Samples of one tenant that wait for their batch.

    A series always goes to the same partition and its samples keep their order.

    Parameters
    ----------
    table
        The tenant's series.
    partitions
        Of the output topic.
    batch_samples
        Rows of a batch, at most.
    max_bytes
        Bytes of a batch, at most.
    """

    def __init__(
        self, table: SeriesTable, partitions: int, batch_samples: int, max_bytes: int = MAX_BATCH_BYTES
    ) -> None:
        self.table = table
        self.batch_samples = batch_samples
        self.max_bytes = max_bytes
        self._directory = _Directory(table, partitions)
        self._rows: list[Rows] = []
        self._histograms: list[HistogramSample] = []
        self.waiting = 0

    def add(self, decoded: Decoded) -> None:
        """Take in what a decoder made with this batcher's table."""
        if len(decoded):
            self._rows.append((decoded.series, decoded.timestamp_ms, decoded.value))
        self._histograms += decoded.histograms
        self.waiting += len(decoded) + len(decoded.histograms)

    def take(self, source: tuple[SourceRange, ...]) -> Iterator[EncodedBatch]:
        """Everything that waits, as messages; afterwards nothing waits."""
        for part, (partition, data, rows) in enumerate(self._take(source)):
            if len(data) <= self.max_bytes:
                yield EncodedBatch(self.table.tenant, partition, part, data, rows)
            else:
                metric = decode_batch(data).series_at(0).metric[:_MAX_NAME_CHARS]
                trouble = f"a sample of {metric}, tenant {self.table.tenant}: {len(data)} bytes"
                yield EncodedBatch(self.table.tenant, partition, part, None, rows, trouble)

    def _take(self, source: tuple[SourceRange, ...]) -> Iterator[_Message]:
        rows, histograms = self._rows, self._histograms
        self._rows, self._histograms, self.waiting = [], [], 0
        self._directory.grow()
        if rows:
            series, timestamp_ms, value = (np.concatenate(column) for column in zip(*rows, strict=True))
            for partition, which in self._by_partition(series):
                cut = (series[which], timestamp_ms[which], value[which])
                yield from self._encode(partition, cut, (), source)
        if histograms:
            series = np.array([one.series for one in histograms], np.int32)
            timestamp_ms = np.array([one.timestamp_ms for one in histograms], np.int64)
            for partition, which in self._by_partition(series):
                points = [histograms[at].point for at in which.tolist()]
                cut = (series[which], timestamp_ms[which], np.empty(0))
                yield from self._encode(partition, cut, points, source)

    def _by_partition(self, series: npt.NDArray[np.int32]) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
        partition = self._directory.partition[series]
        order = np.argsort(partition, kind="stable")
        found, starts = np.unique(partition[order], return_index=True)
        for at, which in zip(found.tolist(), np.split(order, starts[1:]), strict=True):
            for start in range(0, len(which), self.batch_samples):
                yield at, which[start : start + self.batch_samples]

    def _encode(
        self, partition: int, rows: Rows, points: Sequence[HistogramPoint], source: tuple[SourceRange, ...]
    ) -> Iterator[_Message]:
        series, timestamp_ms, value = rows
        ids, index = self._directory.distinct(series)
        texts = self._directory.texts(ids)
        tenant, series_ids = self.table.tenant, self.table.ids[ids]
        data = encode_batch(SampleBatch(tenant, series_ids, texts, index, timestamp_ms, value, points, source))
        half = len(series) // 2
        if len(data) <= self.max_bytes or not half:
            yield partition, data, len(series)
            return
        for part in (slice(None, half), slice(half, None)):
            yield from self._encode(partition, (series[part], timestamp_ms[part], value[part]), points[part], source)
