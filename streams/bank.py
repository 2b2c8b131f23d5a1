"""The series bank: thousands of series as arrays, who they are, and their state as blocks of bytes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.errors import CheckpointError
from schemas.series import Series
from streams.blocks import pack, unpack
from streams.layout import BLOCK, BUCKETS, COUNTER, DELTA, GAUGE, Arrays, grow_arrays, make_arrays
from streams.slot_index import SlotIndex

KINDS: Final[Mapping[str, int]] = MappingProxyType(
    {"gauge": GAUGE, "unknown": GAUGE, "counter": COUNTER, "delta": DELTA}
)
_NAMES: Final = 32
"""Slots whose names share a record: new series then rewrite little."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a slot's series is: enough to write an event about it."""

    tenant: str
    text: str

    @property
    def series(self) -> Series:
        """Parsed."""
        return Series.from_text(self.tenant, self.text)


class SeriesBank:
    """Slots for series, grown by doubling, reused when a series is forgotten.

    Examples
    --------
    >>> bank = SeriesBank()
    >>> cpu = Series("t", "cpu")
    >>> bank.add(cpu, cpu.id, cpu.text, family=0)
    0
    >>> bank.slots_of(np.array([cpu.id, 1], np.uint64)).tolist(), len(bank)
    ([0, -1], 1)
    """

    def __init__(self) -> None:
        self.arrays: Arrays = make_arrays(BLOCK)
        self.index = SlotIndex()
        self.identities: list[Identity | None] = []
        self.tenants: dict[str, int] = {}
        self._free: list[int] = []
        self._names_dirty: set[int] = set()

    def __len__(self) -> int:
        return len(self.identities) - len(self._free)

    @property
    def capacity(self) -> int:
        """Slots that there is memory for."""
        return len(self.arrays.hot)

    @property
    def used(self) -> int:
        """Slots from the first to the last one ever used."""
        return len(self.identities)

    def slots_of(self, ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """Slots of series ids; -1 where a series is not here."""
        return self.index.find(ids)

    def add(self, series: Series, series_id: int, text: str, family: int) -> int:
        """A slot for a new series."""
        if self._free:
            slot = heapq.heappop(self._free)
        else:
            slot = len(self.identities)
            self.identities.append(None)
            if slot >= self.capacity:
                self.arrays = grow_arrays(self.arrays, 2 * self.capacity)
        self.identities[slot] = Identity(series.tenant, text)
        self.tenants[series.tenant] = self.tenants.get(series.tenant, 0) + 1
        self._names_dirty.add(slot // _NAMES)
        row = self.arrays.hot[slot]
        row["id"] = series_id
        row["kind"] = KINDS.get(series.type, GAUGE)
        row["family"] = family
        self.arrays.habits[slot] = (np.inf, -np.inf)
        self._touch(slot)
        self.index.put(np.array([series_id], np.uint64), np.array([slot], np.int32))
        return slot

    def forget(self, slot: int) -> None:
        """Free a slot."""
        identity = self.identities[slot]
        assert identity is not None
        self.index.drop(int(self.arrays.hot[slot]["id"]))
        self.tenants[identity.tenant] -= 1
        self.identities[slot] = None
        heapq.heappush(self._free, slot)
        for column in self._slot_columns():
            column[slot] = np.zeros((), column.dtype)
        self._names_dirty.add(slot // _NAMES)
        self._touch(slot)
        self.arrays.ring_dirty[slot // BLOCK] = 1

    def live(self) -> Iterator[tuple[int, Identity]]:
        """Slots in use, and whose they are."""
        return ((slot, one) for slot, one in enumerate(self.identities) if one is not None)

    def _touch(self, slot: int) -> None:
        self.arrays.hot_dirty[slot // BLOCK] = 1
        self.arrays.warm_dirty[slot // BLOCK] = 1

    def _slot_columns(self) -> list[npt.NDArray[Any]]:
        a = self.arrays
        return [a.hot, a.stamps, a.levels, a.opens, a.frozen, a.rings, a.bases, a.habits, a.rules]

    def _parts(self, kind: str, block: int) -> list[npt.NDArray[Any]]:
        """The arrays behind a record: all that samples touch (hot), or that closing buckets touch (warm)."""
        a = self.arrays
        span = slice(block * BLOCK, (block + 1) * BLOCK)
        if kind == "hot":
            return [a.hot[span], a.stamps[span], a.levels[span], a.opens[span, 0], a.frozen[span, 0]]
        if kind == "warm":
            return [a.opens[span, 1:], a.frozen[span, 1:], a.bases[span], a.habits[span], a.rules[span]]
        return [a.rings[span, int(kind)]]

    def mark_all(self) -> None:
        """Call everything changed, so that the next blocks are the whole state."""
        blocks = -(-self.used // BLOCK)
        self.arrays.hot_dirty[:blocks] = 1
        self.arrays.warm_dirty[:blocks] = 1
        self.arrays.ring_dirty[:blocks] = 1
        self._names_dirty.update(range(-(-self.used // _NAMES)))

    def take_blocks(self) -> Iterator[tuple[str, bytes]]:
        """Records of what changed since the last call: ``hot/B``, ``warm/B``, ``ring/B/POSITION``, ``names/N``."""
        a = self.arrays
        for kind, dirty in (("hot", a.hot_dirty), ("warm", a.warm_dirty)):
            for block in np.flatnonzero(dirty).tolist():
                yield f"{kind}/{block}", self._packed(kind, block)
            dirty[:] = 0
        for block, position in np.argwhere(a.ring_dirty).tolist():
            yield f"ring/{block}/{position}", self._packed(str(position), block)
        a.ring_dirty[:] = 0
        for group in sorted(self._names_dirty):
            names = [
                (slot, int(a.hot[slot]["id"]), one.tenant, one.text)
                for slot, one in enumerate(self.identities[group * _NAMES : (group + 1) * _NAMES], group * _NAMES)
                if one is not None
            ]
            yield f"names/{group}", msgspec.json.encode(names)
        self._names_dirty.clear()

    def _packed(self, kind: str, block: int) -> bytes:
        rows = min(BLOCK, self.used - block * BLOCK)
        return pack([part[:rows] for part in self._parts(kind, block)])

    def load_block(self, key: str, value: bytes) -> None:
        """Put a record of ``take_blocks`` back.

        Raises
        ------
        CheckpointError
            If it is none, or of another layout.
        """
        kind, number, *rest = key.split("/")
        if kind == "names":
            self._load_names(int(number), value)
            return
        block = int(number)
        while (block + 1) * BLOCK > self.capacity:
            self.arrays = grow_arrays(self.arrays, 2 * self.capacity)
        if kind == "ring" and not 0 <= int(rest[0]) < BUCKETS:
            raise CheckpointError(f"a bucket that is not there: {key}")
        parts = self._parts(rest[0] if kind == "ring" else kind, block)
        for part, loaded in zip(parts, unpack(value, parts, key), strict=True):
            part[: len(loaded)] = loaded

    def _load_names(self, group: int, value: bytes) -> None:
        for slot, _, tenant, text in msgspec.json.decode(value, type=list[tuple[int, int, str, str]]):
            if slot // _NAMES != group:
                raise CheckpointError(f"slot {slot} among the names of group {group}")
            self.identities.extend([None] * (slot + 1 - len(self.identities)))
            self.identities[slot] = Identity(tenant, text)

    def finish_load(self, used: int) -> None:
        """Make the index and the free slots anew; ``used`` is how many slots the bank had."""
        self.identities.extend([None] * (used - len(self.identities)))
        while used > self.capacity:
            self.arrays = grow_arrays(self.arrays, 2 * self.capacity)
        slots = np.array([slot for slot, _ in self.live()], np.int32)
        self._free = [slot for slot, one in enumerate(self.identities) if one is None]
        self.tenants = {}
        for _, one in self.live():
            self.tenants[one.tenant] = self.tenants.get(one.tenant, 0) + 1
        self.index = SlotIndex()
        self.index.put(self.arrays.hot["id"][slots], slots)
        self.arrays.hot_dirty[:] = 0
        self.arrays.warm_dirty[:] = 0
        self.arrays.ring_dirty[:] = 0
        self._names_dirty.clear()
