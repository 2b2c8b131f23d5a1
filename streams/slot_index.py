"""From series ids to slots: an open-addressing hash table over ``uint64``, compiled."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from streams.jit import entry_point

ABSENT: Final = -1
_DELETED: Final = -2
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)

Ids = npt.NDArray[np.uint64]
Slots = npt.NDArray[np.int32]


@entry_point
def _find(keys: Ids, slots: Slots, ids: Ids, out: Slots) -> int:
    """Slots of many ids; returns how many are absent."""
    mask = np.uint64(len(keys) - 1)
    absent = 0
    for i in range(len(ids)):
        at = (ids[i] * _GOLDEN) >> np.uint64(20) & mask
        while slots[at] != ABSENT and (keys[at] != ids[i] or slots[at] == _DELETED):
            at = (at + np.uint64(1)) & mask
        out[i] = slots[at]
        absent += slots[at] == ABSENT
    return absent


@entry_point
def _insert(keys: Ids, slots: Slots, ids: Ids, values: Slots) -> None:
    """Put ids that are absent."""
    mask = np.uint64(len(keys) - 1)
    for i in range(len(ids)):
        at = (ids[i] * _GOLDEN) >> np.uint64(20) & mask
        while slots[at] >= 0:
            at = (at + np.uint64(1)) & mask
        keys[at] = ids[i]
        slots[at] = values[i]


class SlotIndex:
    """A map from 64-bit series ids to slots that looks up thousands at once.

    Examples
    --------
    >>> index = SlotIndex()
    >>> index.put(np.array([7, 2**63], np.uint64), np.array([0, 1], np.int32))
    >>> index.find(np.array([2**63, 5], np.uint64)).tolist()
    [1, -1]
    """

    def __init__(self) -> None:
        self._clear(1024)

    def _clear(self, size: int) -> None:
        self._keys: Ids = np.zeros(size, np.uint64)
        self._slots: Slots = np.full(size, ABSENT, np.int32)
        self._used = 0

    def find(self, ids: Ids) -> Slots:
        """Slots of the ids, ``ABSENT`` where there is none."""
        out = np.empty(len(ids), np.int32)
        _find(self._keys, self._slots, ids, out)
        return out

    def put(self, ids: Ids, slots: Slots) -> None:
        """Add ids that are not there yet."""
        if (self._used + len(ids)) * 2 > len(self._keys):
            live = self._slots >= 0
            old_ids, old_slots = self._keys[live], self._slots[live]
            self._clear(1 << int(4 * (len(old_ids) + len(ids))).bit_length())
            _insert(self._keys, self._slots, old_ids, old_slots)
            self._used = len(old_ids)
        _insert(self._keys, self._slots, ids, slots)
        self._used += len(ids)

    def drop(self, series_id: int) -> None:
        """Take one id out."""
        mask = len(self._keys) - 1
        at = ((series_id * int(_GOLDEN)) & 0xFFFFFFFFFFFFFFFF) >> 20 & mask
        while self._slots[at] != ABSENT:
            if self._slots[at] >= 0 and int(self._keys[at]) == series_id:
                self._slots[at] = _DELETED
                return
            at = (at + 1) & mask
