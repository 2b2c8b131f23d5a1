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
