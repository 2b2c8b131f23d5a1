"""A message of samples is read whole, or refused."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from schemas.batch import HistogramPoint, SampleBatch, decode_batch, encode_batch
from schemas.errors import SchemaError
from schemas.series import Series

CPU = Series("t", "cpu", {"host": "h1"}, {"node": "h1"})


def encoded(values: list[float]) -> bytes:
    rows = len(values)
    ids = np.array([CPU.id], np.uint64)
    times = 1_700_000_000_000 + 1000 * np.arange(rows)
    return encode_batch(SampleBatch("t", ids, [CPU.text], np.zeros(rows, np.int32), times, np.array(values)))


def rewritten(data: bytes, *cuts: slice, timestamp: pa.DataType | None = None) -> bytes:
    """The same rows in several record batches of one stream, or with another type of time."""
    with pa.ipc.open_stream(data) as reader:
        record = reader.read_next_batch()
    if timestamp is not None:
        at = record.schema.get_field_index("timestamp")
        column = record.column("timestamp").cast(pa.int64()).cast(timestamp)
        record = record.set_column(at, pa.field("timestamp", timestamp), column)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, record.schema) as writer:
        for cut in cuts:
            writer.write_batch(record[cut])
    written: bytes = sink.getvalue().to_pybytes()
    return written


def test_all_record_batches_of_a_stream_are_read() -> None:
    data = encoded([1.0, 2.0, 3.0, 4.0, 5.0])
    read, whole = decode_batch(rewritten(data, slice(0, 2), slice(2, 3), slice(3, 5))), decode_batch(data)
    assert read.value.tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert read.timestamp_ms.tolist() == whole.timestamp_ms.tolist()
    assert (read.series.tolist(), len(read)) == ([0] * 5, 5)


def test_all_record_batches_of_histograms_are_read() -> None:
    points = [HistogramPoint(count=one, bounds=[1.0], counts=[one, 0]) for one in (1, 2, 3)]
    ids, rows = np.array([CPU.id], np.uint64), np.zeros(3, np.int32)
    batch = SampleBatch("t", ids, [CPU.text], rows, np.arange(3), np.empty(0), points)
    assert list(decode_batch(rewritten(encode_batch(batch), slice(0, 1), slice(1, 3))).points) == points


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("no batch", rewritten(encoded([1.0]))),
        ("two streams", encoded([1.0]) + encoded([2.0])),
        ("seconds", rewritten(encoded([1.0]), slice(0, 1), timestamp=pa.timestamp("s", "UTC"))),
        ("nanoseconds", rewritten(encoded([1.0]), slice(0, 1), timestamp=pa.timestamp("ns", "UTC"))),
        ("numbers as times", rewritten(encoded([1.0]), slice(0, 1), timestamp=pa.int64())),
    ],
)
def test_what_would_be_read_in_part_or_wrongly_is_refused(what: str, data: bytes) -> None:
    with pytest.raises(SchemaError) as caught:
        decode_batch(data)
    assert caught.value.what, what


def test_batches_of_one_stream_with_different_series_are_refused() -> None:
    def batch(text: str) -> pa.RecordBatch:
        with pa.ipc.open_stream(encoded([1.0])) as reader:
            record = reader.read_next_batch()
        column = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array([text]))
        return record.set_column(0, record.schema.field("series"), column)

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch("a").schema) as writer:
        writer.write_batch(batch(CPU.text))
        writer.write_batch(batch(CPU.text.replace("h1", "h2")))
    with pytest.raises(SchemaError, match="different series"):
        decode_batch(sink.getvalue().to_pybytes())
