"""The columnar batch on ``metrics.samples``: an Arrow IPC stream that any Arrow tool reads.

Two kinds, told apart by the schema metadata ``metrics_ai.kind``:

``number``
    ``series`` dictionary<int32, utf8>, ``timestamp`` timestamp[ms, UTC], ``value`` float64.
``histogram``
    ``series`` and ``timestamp`` as above; ``count`` uint64, ``sum``, ``min``, ``max`` float64 (null where
    unknown); explicit buckets as ``bounds`` list<float64> and ``counts`` list<uint64>; exponential ones as
    ``scale`` int32, ``zero_count`` uint64, ``zero_threshold`` float64, ``positive_offset`` int32,
    ``positive`` list<uint64>, ``negative_offset`` int32, ``negative`` list<uint64>; summaries as
    ``quantiles`` and ``quantile_values`` list<float64>. Unused columns are null.

The dictionary's values are the series as canonical JSON (``Series.text``); the metadata holds
``metrics_ai.version``, ``metrics_ai.tenant``, ``metrics_ai.series_ids`` (64-bit ids of the dictionary's values,
16 hexadecimal digits each, in order) and ``metrics_ai.source`` (JSON list of ``[topic, partition, first offset,
last offset]``). Values are raw: counters become rates in detect. Buffers are LZ4-compressed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.errors import NewerVersionError, SchemaError
from schemas.series import Series

BATCH_VERSION = 1

SourceRange = tuple[str, int, int, int]
"""Topic, partition, first offset, last offset (inclusive)."""

_SERIES = pa.dictionary(pa.int32(), pa.utf8())
_TIMESTAMP = pa.timestamp("ms", tz="UTC")
NUMBER_SCHEMA = pa.schema([("series", _SERIES), ("timestamp", _TIMESTAMP), ("value", pa.float64())])
_HISTOGRAM_COLUMNS: dict[str, pa.DataType] = {
    "count": pa.uint64(),
    "sum": pa.float64(),
    "min": pa.float64(),
    "max": pa.float64(),
    "bounds": pa.list_(pa.float64()),
    "counts": pa.list_(pa.uint64()),
    "scale": pa.int32(),
    "zero_count": pa.uint64(),
    "zero_threshold": pa.float64(),
    "positive_offset": pa.int32(),
    "positive": pa.list_(pa.uint64()),
    "negative_offset": pa.int32(),
    "negative": pa.list_(pa.uint64()),
    "quantiles": pa.list_(pa.float64()),
    "quantile_values": pa.list_(pa.float64()),
}
HISTOGRAM_SCHEMA = pa.schema([("series", _SERIES), ("timestamp", _TIMESTAMP), *_HISTOGRAM_COLUMNS.items()])
_OPTIONS = pa.ipc.IpcWriteOptions(compression="lz4")


@dataclass(frozen=True, slots=True)
class HistogramPoint:
    """One histogram or summary data point; the fields are the columns of a ``histogram`` batch."""

    count: int
    sum: float | None = None
    min: float | None = None
    max: float | None = None
    bounds: Sequence[float] | None = None
    counts: Sequence[int] | None = None
    scale: int | None = None
    zero_count: int | None = None
    zero_threshold: float | None = None
    positive_offset: int | None = None
    positive: Sequence[int] | None = None
    negative_offset: int | None = None
    negative: Sequence[int] | None = None
    quantiles: Sequence[float] | None = None
    quantile_values: Sequence[float] | None = None

    def columns(self) -> Iterator[tuple[str, Any]]:
        """The columns that are set, in the schema's order."""
        for name in _HISTOGRAM_COLUMNS:
            if (value := getattr(self, name)) is not None:
                yield name, value


@dataclass(frozen=True, slots=True)
class SampleBatch:
    """Samples of many series of one tenant, in the order in which they arrived.

    Parameters
    ----------
    tenant
        Whose samples these are.
    series_ids
        Ids of the distinct series, shape ``[S]``, uint64.
    series_text
        Their canonical JSON, ``S`` strings (an Arrow array after decoding, so that nobody pays for
        strings that nobody reads).
    series
        Row's series as a position in ``series_ids``, shape ``[N]``, int32.
    timestamp_ms
        Event time, shape ``[N]``, int64.
    value
        Raw values, shape ``[N]``, float64; unused (empty) in a batch of histograms.
    points
        Histogram points, ``N`` of them in a batch of histograms, else none.
    source
        Where the samples came from.
    """

    tenant: str
    series_ids: npt.NDArray[np.uint64]
    series_text: Sequence[str] | pa.StringArray
    series: npt.NDArray[np.int32]
    timestamp_ms: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    points: Sequence[HistogramPoint] = ()
    source: tuple[SourceRange, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.timestamp_ms)

    @property
    def is_histogram(self) -> bool:
        """Whether rows are histogram points instead of numbers."""
        return len(self.points) > 0

    def series_at(self, position: int) -> Series:
        """The series at a position of ``series_ids``, parsed."""
        return Series.from_text(self.tenant, str(self.series_text[position]))


def encode_batch(batch: SampleBatch) -> bytes:
    """One message for ``metrics.samples``.

    Examples
    --------
    >>> cpu = Series("default", "cpu", {"host": "h1"}, {"node": "h1"})
    >>> ids = np.array([cpu.id], np.uint64)
    >>> batch = SampleBatch("default", ids, [cpu.text], np.array([0], np.int32), np.array([1000]), np.array([0.5]))
    >>> decode_batch(encode_batch(batch)).value
    array([0.5])
    """
    metadata = {
        "metrics_ai.version": str(BATCH_VERSION),
        "metrics_ai.kind": "histogram" if batch.is_histogram else "number",
        "metrics_ai.tenant": batch.tenant,
        "metrics_ai.series_ids": batch.series_ids.astype(">u8").tobytes().hex(),
        "metrics_ai.source": msgspec.json.encode(batch.source),
    }
    text = batch.series_text
    dictionary = text if isinstance(text, pa.Array) else pa.array(text, pa.utf8())
    columns: list[pa.Array] = [
        pa.DictionaryArray.from_arrays(pa.array(batch.series, pa.int32()), dictionary),
        pa.array(batch.timestamp_ms, pa.int64()).cast(_TIMESTAMP),
    ]
    if batch.is_histogram:
        schema = HISTOGRAM_SCHEMA
        columns += [
            pa.array([getattr(point, name) for point in batch.points], kind)
            for name, kind in _HISTOGRAM_COLUMNS.items()
        ]
    else:
        schema = NUMBER_SCHEMA
        columns.append(pa.array(batch.value, pa.float64()))
    record = pa.record_batch(columns, schema=schema.with_metadata(metadata))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, record.schema, options=_OPTIONS) as writer:
        writer.write_batch(record)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def decode_batch(data: bytes) -> SampleBatch:
    """Read one message of ``metrics.samples``.

    Raises
    ------
    SchemaError
        If the bytes are not such a message, or one of a version that is not known here.
    """
    try:
        return _joined([_from_record(one) for one in _records(data)])
    except SchemaError:
        raise
    except (pa.ArrowException, StopIteration, KeyError, ValueError, IndexError, OSError, msgspec.DecodeError) as error:
        raise SchemaError(f"not a batch of samples: {error}") from error


def _records(data: bytes) -> list[pa.RecordBatch]:
    """All record batches of the one stream that a message is."""
    source = pa.BufferReader(data)
    with pa.ipc.open_stream(source) as reader:
        records = list(reader)
    if (left := len(data) - source.tell()) > 0:
        raise SchemaError(f"{left} bytes after the end of a batch", "Write one stream a message")
    if not records:
        raise SchemaError("an Arrow stream without a batch")
    return records


def _joined(parts: Sequence[SampleBatch]) -> SampleBatch:
    """The rows of a stream's batches in their order; they share the schema's metadata, and must share the series."""
    first, *others = parts
    if not others:
        return first
    if any(list(one.series_text) != list(first.series_text) for one in others):
        raise SchemaError("batches of one stream with different series", "Write one dictionary for all of them")
    return replace(
        first,
        series=np.concatenate([one.series for one in parts]),
        timestamp_ms=np.concatenate([one.timestamp_ms for one in parts]),
        value=np.concatenate([one.value for one in parts]),
        points=[point for one in parts for point in one.points],
    )


def _milliseconds(record: pa.RecordBatch) -> npt.NDArray[np.int64]:
    column = record.column("timestamp")
    if not pa.types.is_timestamp(column.type) or column.type.unit != "ms":
        raise SchemaError(f"timestamps of a batch are {column.type}", f"Write them as {_TIMESTAMP}")
    times: npt.NDArray[np.int64] = column.cast(pa.int64()).to_numpy()
    return times


def _from_record(record: pa.RecordBatch) -> SampleBatch:
    metadata = record.schema.metadata or {}
    version = int(metadata[b"metrics_ai.version"])
    if version > BATCH_VERSION:
        raise NewerVersionError(
            f"a batch of version {version}, this reads {BATCH_VERSION}", "Upgrade the readers first"
        )
    if version != BATCH_VERSION:
        raise SchemaError(f"a batch of version {version}, this reads {BATCH_VERSION}")
    column = record.column("series")
    ids = np.frombuffer(bytes.fromhex(metadata[b"metrics_ai.series_ids"].decode()), ">u8").astype(np.uint64)
    index = column.indices.to_numpy()
    if len(ids) != len(column.dictionary) or (len(index) and not 0 <= index.min() <= index.max() < len(ids)):
        raise SchemaError(f"{len(ids)} series ids for {len(column.dictionary)} series of a batch")
    histogram = metadata[b"metrics_ai.kind"] == b"histogram"
    return SampleBatch(
        tenant=metadata[b"metrics_ai.tenant"].decode(),
        series_ids=ids,
        series_text=column.dictionary,
        series=index,
        timestamp_ms=_milliseconds(record),
        value=np.empty(0) if histogram else record.column("value").to_numpy(),
        points=_points(record) if histogram else (),
        source=tuple(tuple(one) for one in msgspec.json.decode(metadata[b"metrics_ai.source"])),
    )


def _points(record: pa.RecordBatch) -> list[HistogramPoint]:
    names = list(_HISTOGRAM_COLUMNS)
    rows = zip(*(record.column(name).to_pylist() for name in names), strict=True)
    return [HistogramPoint(**dict(zip(names, row, strict=True))) for row in rows]
