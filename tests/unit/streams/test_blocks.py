from __future__ import annotations

import numpy as np
import pytest

from schemas.errors import CheckpointError
from streams.blocks import pack, unpack

LIKE = [np.zeros(3, np.int64), np.zeros((3, 2))]


def test_arrays_come_back_as_they_were() -> None:
    parts = [np.arange(3), np.arange(6.0).reshape(3, 2)]
    for part, back in zip(parts, unpack(pack(parts), LIKE, "x"), strict=True):
        assert np.array_equal(part, back)


def test_equal_arrays_make_equal_bytes() -> None:
    assert pack([np.arange(3)]) == pack([np.arange(6)[::2] // 2])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "cannot be read"),
        (b"MAIb", "cannot be read"),
        (pack([np.arange(3)]), "another layout"),
        (b"XXXX" + pack(LIKE)[4:], "another layout"),
        (pack(LIKE)[:-4], "cannot be read"),
        (pack(LIKE)[:30], "cannot be read"),
    ],
)
def test_other_bytes_are_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(CheckpointError, match=sentence):
        unpack(data, LIKE, "hot/0")
