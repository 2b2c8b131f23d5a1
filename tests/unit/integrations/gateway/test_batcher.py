"""Samples go out grouped by partition, in each series' order, each batch with its own dictionary."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from integrations.formats import Decoded, HistogramSample, Recogniser, SeriesTable
from integrations.gateway import batcher as module
from integrations.gateway.batcher import EncodedBatch, OutputTopic, TenantBatcher
from schemas.batch import HistogramPoint, decode_batch
from schemas.ids import samples_partition

PARTITIONS = 4


def table_of(series: int) -> SeriesTable:
    table = SeriesTable("acme", Recogniser())
    for number in range(series):
        table.intern("cpu", {"node": f"n{number % 7}", "core": str(number)})
    return table


def decoded(series: list[int], start_ms: int = 0) -> Decoded:
    count = len(series)
    return Decoded(
        np.array(series, np.int32),
        start_ms + np.arange(count, dtype=np.int64),
        np.arange(count, dtype=np.float64),
        np.arange(count, dtype=np.int32),
    )


def unpacked(batches: list[EncodedBatch]) -> dict[int, list[tuple[int, float]]]:
    """Time and value of each series, in the order in which they come out; partitions checked."""
    rows = defaultdict(list)
    for one in batches:
        assert one.data is not None
        batch = decode_batch(one.data)
        assert len(batch) == one.rows
        for at, time_ms, value in zip(batch.series, batch.timestamp_ms, batch.value, strict=True):
            series = batch.series_at(at)
            assert one.partition == samples_partition("acme", series.entity, PARTITIONS)
            assert series.id == batch.series_ids[at]
            rows[int(batch.series_ids[at])].append((int(time_ms), float(value)))
    return rows


@given(
    st.lists(st.lists(st.integers(0, 39), max_size=60), min_size=1, max_size=5),
    st.integers(1, 50),
    st.lists(st.booleans(), min_size=5, max_size=5),
)
def test_every_sample_comes_out_once_in_its_series_order(
    chunks: list[list[int]], batch_samples: int, flushes: list[bool]
) -> None:
    table = table_of(40)
    batcher = TenantBatcher(table, PARTITIONS, batch_samples)
    expected, out = defaultdict(list), []
    for number, (chunk, flush) in enumerate(zip(chunks, flushes, strict=False)):
        rows = decoded(chunk, 1000 * number)
        batcher.add(rows)
        for series, time_ms, value in zip(rows.series, rows.timestamp_ms, rows.value, strict=True):
            expected[int(table.ids[series])].append((int(time_ms), float(value)))
        if flush:
            out += list(batcher.take(()))
    out += list(batcher.take(()))
    assert unpacked(out) == expected
    assert all(one.rows <= batch_samples for one in out)
    assert batcher.waiting == 0


def test_series_that_come_later_are_named_right() -> None:
    table = table_of(0)
    batcher = TenantBatcher(table, PARTITIONS, 10_000)
    out = []
    for wave in range(4):
        for number in range(3000):
            table.intern("cpu", {"node": f"n{number}", "wave": str(wave)})
        batcher.add(decoded(list(range(len(table))), 10_000 * wave))
        out += list(batcher.take(()))
    assert {key: len(rows) for key, rows in unpacked(out).items()} == {
        int(key): 4 - number // 3000 for number, key in enumerate(table.ids)
    }


def test_the_source_stands_in_every_batch() -> None:
    batcher = TenantBatcher(table_of(10), PARTITIONS, 3)
    batcher.add(decoded(list(range(10))))
    source = (("metrics", 0, 5, 9), ("metrics", 1, 0, 4))
    batches = list(batcher.take(source))
    assert len(batches) > 3
    assert {decode_batch(one.data or b"").source for one in batches} == {source}
    assert [one.part for one in batches] == list(range(len(batches)))


def test_histograms_travel_as_their_own_batches() -> None:
    table = table_of(3)
    batcher = TenantBatcher(table, PARTITIONS, 100)
    point = HistogramPoint(count=3, sum=6.0, bounds=[1.0, 5.0], counts=[1, 1, 1])
    empty = decoded([])
    batcher.add(
        Decoded(empty.series, empty.timestamp_ms, empty.value, empty.record, [HistogramSample(2, 77, point, 0)])
    )
    assert batcher.waiting == 1
    (one,) = batcher.take(())
    batch = decode_batch(one.data or b"")
    assert batch.is_histogram
    assert list(batch.points) == [point]
    assert (int(batch.series_ids[0]), int(batch.timestamp_ms[0])) == (int(table.ids[2]), 77)


def test_a_batch_too_large_for_a_message_is_cut() -> None:
    table = SeriesTable("acme", Recogniser())
    rng = np.random.default_rng(7)
    for number in range(24):
        table.intern("cpu", {"node": "n", "blob": rng.bytes(400_000).hex(), "i": str(number)})
    batcher = TenantBatcher(table, PARTITIONS, 100)
    batcher.add(decoded(list(range(24))))
    batches = list(batcher.take(()))
    assert len(batches) > 1
    assert all(one.data is not None and len(one.data) <= module.MAX_BATCH_BYTES for one in batches)
    assert sorted(rows[0][0] for rows in unpacked(batches).values()) == list(range(24))


def test_batches_are_cut_to_what_the_topic_takes() -> None:
    table = SeriesTable("acme", Recogniser())
    rng = np.random.default_rng(7)
    for number in range(24):
        table.intern("cpu", {"node": "n", "blob": rng.bytes(50_000).hex(), "i": str(number)})
    limit = OutputTopic(PARTITIONS, 1_048_588).max_batch_bytes
    batcher = TenantBatcher(table, PARTITIONS, 100, limit)
    batcher.add(decoded(list(range(24))))
    batches = list(batcher.take(()))
    assert max(len(one.data or b"") for one in batches) <= limit < 1_048_588
    assert sorted(rows[0][0] for rows in unpacked(batches).values()) == list(range(24))


def test_a_row_too_large_for_a_message_is_given_up_alone() -> None:
    table = SeriesTable("acme", Recogniser())
    rng = np.random.default_rng(7)
    table.intern("cpu", {"node": "n", "blob": rng.bytes(12_000_000).hex()})
    table.intern("cpu", {"node": "n"})
    batcher = TenantBatcher(table, PARTITIONS, 100)
    batcher.add(decoded([0, 1]))
    given_up, sent = batcher.take(())
    assert (given_up.data, given_up.rows) == (None, 1)
    assert given_up.trouble.startswith("a sample of cpu, tenant acme: ")
    assert len(unpacked([sent])) == 1
