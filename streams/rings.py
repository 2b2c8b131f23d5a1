"""Closed buckets lie in rings: place ``number % length``. Of a bucket's number a ring keeps which round it was, a byte.

That tells the number of any bucket that is fewer than 256 rounds old; after a longer gap a ring is emptied.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from streams.jit import kernel
from streams.layout import LENGTHS, OFFSETS, Array, Number, Row

_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
_ROUNDS: Final = 256
# Before rounds repeat.
_LONGEST_GAP: Final = 250


@kernel
def round_of(window: int, number: Number) -> Number:
    """What a ring keeps of a bucket's number."""
    return number // _LENGTHS[window] % _ROUNDS


@kernel
def number_of(row: Row, window: int, at: int) -> Number:
    """The number of the bucket at a place; of an empty one, of no meaning."""
    length = _LENGTHS[window]
    newest = np.int64(row.open_number[window]) - 1
    number = newest - (newest - (at - _OFFSETS[window])) % length
    return number - (number // length - np.int64(row.ring_round[at])) % _ROUNDS * length


@kernel
def rounds_repeat(row: Row, window: int, number: int) -> Number:
    """Whether the next open bucket is so far from the last that rounds would repeat."""
    return number - row.open_number[window] > _LONGEST_GAP * _LENGTHS[window]


def numbers_of(row: Any, window: int) -> Array:
    """As ``number_of``, of all places of a window's ring."""
    length, newest = LENGTHS[window], int(row["open_number"][window]) - 1
    rounds = row["ring_round"][OFFSETS[window] : OFFSETS[window] + length].astype(np.int64)
    numbers = newest - (newest - np.arange(length)) % length
    return np.asarray(numbers - (numbers // length - rounds) % _ROUNDS * length)
