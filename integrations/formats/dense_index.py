"""From a hash of a series' bytes to its dense id, for whole columns at once."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

UNKNOWN: Final = -1
_MIN_SLOTS: Final = 4096
_K1: Final = np.uint64(0x9E3779B97F4A7C15)
_K2: Final = np.uint64(0xD6E8FEB86659FD93)
_K3: Final = np.uint64(0xBF58476D1CE4E5B9)
_S32: Final = np.uint64(32)
_S29: Final = np.uint64(29)


@njit(cache=True)
def mixed(state: Any, word: Any) -> Any:
    """One step of the hash: ``state`` with a 64-bit word."""
    state = (state ^ word) * _K2
    return state ^ (state >> _S32)


@njit(cache=True)
def hash_bytes(data: Any, start: Any, end: Any, state: Any) -> Any:
    """64-bit hash of ``data[start:end]``, continued from ``state``. Not for bytes of an attacker's choice."""
    h = (state ^ np.uint64(end - start)) * _K1
    at = start
    while at + 8 <= end:
        word = np.uint64(0)
        for shift in range(8):
            word |= np.uint64(data[at + shift]) << np.uint64(8 * shift)
        h = (h ^ word) * _K2
        h ^= h >> _S32
        at += 8
    word = np.uint64(0)
    shift = 0
    while at < end:
        word |= np.uint64(data[at]) << np.uint64(shift)
        shift += 8
        at += 1
    h = (h ^ word) * _K2
    h ^= h >> _S29
    h *= _K3
    return h ^ (h >> _S32)


@njit(cache=True)
def _find(keys: Any, values: Any, hashes: Any, found: Any) -> None:
    mask = np.uint64(len(keys) - 1)
    for at in range(len(hashes)):
        key = hashes[at] if hashes[at] != 0 else np.uint64(1)
        slot = key & mask
        while keys[slot] != 0 and keys[slot] != key:
            slot = (slot + np.uint64(1)) & mask
        found[at] = values[slot] if keys[slot] == key else -1


@njit(cache=True)
def _put(keys: Any, values: Any, hash_: Any, dense: Any) -> bool:
    """Whether the hash is new."""
    mask = np.uint64(len(keys) - 1)
    key = hash_ if hash_ != 0 else np.uint64(1)
    slot = key & mask
    while keys[slot] != 0 and keys[slot] != key:
        slot = (slot + np.uint64(1)) & mask
    new = bool(keys[slot] == 0)
    keys[slot] = key
    values[slot] = dense
    return new


@njit(cache=True)
def _refill(old_keys: Any, old_values: Any, keys: Any, values: Any) -> None:
    for slot in range(len(old_keys)):
        if old_keys[slot] != 0:
            _put(keys, values, old_keys[slot], old_values[slot])


class DenseIndex:
    """An open-addressing table of 64-bit hashes.

    Examples
    --------
    >>> index = DenseIndex()
    >>> index.put(7, 3)
    >>> index.find(np.array([7, 8], np.uint64))
    array([ 3, -1], dtype=int32)
    """

    def __init__(self) -> None:
        self._keys = np.zeros(_MIN_SLOTS, np.uint64)
        self._values = np.zeros(_MIN_SLOTS, np.int32)
        self._used = 0

    def __len__(self) -> int:
        return self._used

    def find(self, hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """Dense ids of hashes, ``UNKNOWN`` where there is none."""
        found = np.empty(len(hashes), np.int32)
        _find(self._keys, self._values, hashes, found)
        return found

    def put(self, hash_: int, dense: int) -> None:
        """Remember a hash."""
        if 2 * self._used >= len(self._keys):
            keys, values = np.zeros(2 * len(self._keys), np.uint64), np.zeros(2 * len(self._keys), np.int32)
            _refill(self._keys, self._values, keys, values)
            self._keys, self._values = keys, values
        self._used += bool(_put(self._keys, self._values, np.uint64(hash_), np.int32(dense)))

    def keep_below(self, limit: int) -> None:
        """Forget everything if there are more hashes than that."""
        if self._used > limit:
            self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._keys = np.zeros(_MIN_SLOTS, np.uint64)
        self._values = np.zeros(_MIN_SLOTS, np.int32)
        self._used = 0
