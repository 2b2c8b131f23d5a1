from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from schemas.errors import CheckpointError
from slo.packing import COLUMNS, Archive, pack, unpack

SHAPE = (6, 3, COLUMNS)


@given(arrays(np.float64, SHAPE, elements=st.integers(0, 2**53 - 1).map(float)))
def test_whole_counts_come_back_as_they_were(rows: np.ndarray) -> None:
    data = pack(rows)
    assert np.array_equal(unpack(data, 3) if data else np.zeros(SHAPE), rows)


@given(arrays(np.float64, SHAPE, elements=st.floats(0, 1e300)))
def test_other_counts_come_back_bit_for_bit(rows: np.ndarray) -> None:
    data = pack(rows)
    assert (unpack(data, 3) if data else np.zeros(SHAPE)).tobytes() == (rows + 0.0).tobytes()


def test_a_chunk_that_was_packed_before_there_was_more_room_has_zeros_there() -> None:
    rows = np.ones(SHAPE)
    found = unpack(pack(rows), 5)
    assert np.array_equal(found[:, :3], rows)
    assert not found[:, 3:].any()


@pytest.mark.parametrize("data", [b"", b"\x01\x01\x00\x06\x00\x00\x00\x03junk", b"short"])
def test_bytes_that_are_no_counts_are_refused(data: bytes) -> None:
    with pytest.raises(CheckpointError):
        unpack(data, 3)


def test_an_archive_reads_across_chunks_and_forgets_what_is_too_old() -> None:
    archive = Archive(chunk_rows=4, keep_rows=8, slots=2)
    everything = np.arange(40.0 * 2 * COLUMNS).reshape(40, 2, COLUMNS)
    for number in range(10):
        archive.put(number, everything[4 * number : 4 * number + 4])
    assert np.array_equal(archive.rows(30, 7), everything[30:37])
    assert np.array_equal(archive.column(29, 9, 1), everything[29:38, 1])
    assert archive.first == 24
    assert not archive.rows(0, 8).any()
    assert archive.nbytes < everything.nbytes


def test_a_busy_series_takes_little_more_than_a_byte_a_slice() -> None:
    rng = np.random.default_rng(1)
    rows = np.zeros((60, 64, COLUMNS))
    rows[:, :, 1] = rng.poisson(500, (60, 64))
    rows[:, :, 0] = rng.poisson(0.01, (60, 64))
    assert len(pack(rows)) / (60 * 64) < 1.3


def test_columns_of_an_archive_come_and_go_as_if_it_were_an_array() -> None:
    rng = np.random.default_rng(3)
    plain = rng.integers(0, 200, (20, 4, COLUMNS)).astype(float)
    archive = Archive(chunk_rows=4, keep_rows=40, slots=2)
    for number in range(5):
        archive.put(number, plain[4 * number : 4 * number + 4, :2])
    plain[:, 2:] = 0.0
    archive.grow(4)
    for slot, largest in ((2, 250), (3, 70_000), (0, 2**40), (2, 0), (1, 0.5)):
        values = np.floor(rng.uniform(-largest if slot == 3 else 0, largest, (20, COLUMNS)) * 8) / 8
        values[4:8] = 0.0  # of chunk 1 nothing is left in the end
        plain[:, slot] = values
        archive.set_columns({number: values[4 * number : 4 * number + 4] for number in (0, 2, 3, 4)}, slot)
        assert np.array_equal(archive.rows(0, 20), plain)
        assert np.array_equal(archive.column(3, 11, slot), values[3:14])
        assert all(np.array_equal(one, values[4 * at : 4 * at + 4]) for at, one in archive.columns(slot).items())
    assert archive.open_nbytes > 0
    packed = {number: unpack(data, 4) for number, data in archive.chunks.items()}
    assert archive.open_nbytes == 0
    assert not plain[4:8].any()
    assert np.array_equal(np.concatenate([packed.get(number, np.zeros((4, 4, COLUMNS))) for number in range(5)]), plain)
    assert archive.dirty == set(range(5))


def test_a_chunk_of_which_the_last_column_goes_is_no_more() -> None:
    archive = Archive(chunk_rows=4, keep_rows=40, slots=1)
    archive.put(0, np.ones((4, 1, COLUMNS)))
    archive.set_columns({}, 0)
    archive.put(1, np.ones((4, 1, COLUMNS)))
    assert set(archive.chunks) == {1}
    assert archive.open_nbytes == 0
    assert not archive.rows(0, 4).any()
