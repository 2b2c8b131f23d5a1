"""The series bank: thousands of series as arrays, who they are, and their state as blocks of bytes."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.errors import CheckpointError
from schemas.series import Series
from streams.blocks import pack, unpack
from streams.layout import (
    BLOCK,
    BUCKETS,
    COUNTER,
    DELTA,
    GAUGE,
    HOT_DIRTY,
    MONTH,
    MONTH_PLACE,
    OPEN,
    RING,
    SEASON,
    SEASON_GROUP,
    SLOT,
    WARM,
    WARM_DIRTY,
    WEEK_HOURS,
    Array,
    grow_slots,
    make_slots,
)
from streams.slot_index import SlotIndex

KINDS: Final[Mapping[str, int]] = MappingProxyType(
    {"gauge": GAUGE, "unknown": GAUGE, "counter": COUNTER, "delta": DELTA}
)
_NAMES: Final = 32
"""Slots whose names share a record: new series then rewrite little."""

_OPEN: Final = tuple(field[0] for field in OPEN)
_RING: Final = tuple(field[0] for field in RING)
_SEASON: Final = tuple(field[0] for field in SEASON)
_MONTH: Final = tuple(field[0] for field in MONTH)
_MONTH_SO_FAR: Final = ("usual_month", "month_known", "error_hours", "month_error", "echo", "today_number", "today")
_PLACES: Final = (
    *(("ring", at) for at in range(BUCKETS)),
    *(("season", group) for group in range(WEEK_HOURS // SEASON_GROUP)),
    ("month", 0),
)
"""What each bit of ``ring_dirty`` is about."""
_ALL_HOURS: Final = np.array([0, (2 ** (MONTH_PLACE + 1 - BUCKETS) - 1) << (BUCKETS - 64)], np.uint64)
_ALL_RING: Final = np.array([2**64 - 1, 2 ** (len(_PLACES) - 64) - 1], np.uint64)


def _offset(name: str) -> int:
    assert SLOT.fields is not None
    return int(SLOT.fields[name][1])


_OPEN_AT, _WARM_AT, _RING_AT = _offset(OPEN[0][0]), _offset(WARM[0][0]), _offset(RING[0][0])


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a slot's series is: enough to write an event about it."""

    tenant: str
    text: str

    @property
    def series(self) -> Series:
        """Parsed."""
        return Series.from_text(self.tenant, self.text)


@dataclass(frozen=True, slots=True)
class Newcomer:
    """A series that is to have a slot, and the position of its metric family."""

    series: Series
    id: int
    text: str
    family: int


def blank(slots: Array, at: Array) -> None:
    """Let empty slots know nothing: the least and most of nothing, and what is usual of nothing, are not zero."""
    slots["habit"][at] = (np.inf, -np.inf)
    slots["reached"][at] = ((np.inf,), (-np.inf,))
    slots["pending"][at] = np.nan
    slots["tail"][at] = [(np.inf, -np.inf)] * 3 + [(0.0, 0.0)]
    slots["days"][at] = [((np.inf,), (-np.inf,))] * 3 + [((0.0,), (0.0,))]
    slots["usual"][at] = np.nan
    slots["tail_told"][at] = np.nan


class SeriesBank:
    """Slots for series, grown by doubling, reused when a series is forgotten.

    Examples
    --------
    >>> bank = SeriesBank()
    >>> cpu = Series("t", "cpu")
    >>> bank.add([Newcomer(cpu, cpu.id, cpu.text, family=0)])
    [0]
    >>> bank.slots_of(np.array([cpu.id, 1], np.uint64)).tolist(), len(bank)
    ([0, -1], 1)
    """

    def __init__(self) -> None:
        self.slots: Array = make_slots(BLOCK)
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
        return len(self.slots)

    @property
    def used(self) -> int:
        """Slots from the first to the last one ever used."""
        return len(self.identities)

    def slots_of(self, ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
        """Slots of series ids; -1 where a series is not here."""
        return self.index.find(ids)

    def add(self, fresh: Sequence[Newcomer]) -> list[int]:
        """Slots for new series, all different and none of them here."""
        slots = [heapq.heappop(self._free) for _ in range(min(len(fresh), len(self._free)))]
        first = len(self.identities)
        slots += range(first, first + len(fresh) - len(slots))
        self.identities.extend([None] * (max(slots) + 1 - first))
        while len(self.identities) > self.capacity:
            self.slots = grow_slots(self.slots, 2 * self.capacity)
        for slot, one in zip(slots, fresh, strict=True):
            tenant = one.series.tenant
            self.identities[slot] = Identity(tenant, one.text)
            self.tenants[tenant] = self.tenants.get(tenant, 0) + 1
            self._names_dirty.add(slot // _NAMES)
        at, ids = np.array(slots, np.int32), np.array([one.id for one in fresh], np.uint64)
        self.slots["id"][at] = ids
        self.slots["kind"][at] = [KINDS.get(one.series.type, GAUGE) for one in fresh]
        self.slots["family"][at] = [one.family for one in fresh]
        blank(self.slots, at)
        self.slots["dirty"][at] = HOT_DIRTY | WARM_DIRTY
        self.index.put(ids, at)
        return slots

    def forget(self, slot: int) -> None:
        """Free a slot."""
        identity = self.identities[slot]
        assert identity is not None
        row = self.slots[slot]
        self.index.drop(int(row["id"]))
        self.tenants[identity.tenant] -= 1
        self.identities[slot] = None
        heapq.heappush(self._free, slot)
        self.slots[slot] = np.zeros((), SLOT)
        row["dirty"] = HOT_DIRTY | WARM_DIRTY
        row["ring_dirty"] = _ALL_RING
        self._names_dirty.add(slot // _NAMES)

    def forget_hours(self) -> None:
        """Hours of the week and days of the month are other ones now: what was learned of them is about none."""
        self.slots["season_weeks"][: self.used] = 0
        self.slots["season_hours"][: self.used] = 0
        self.slots["season_error"][: self.used] = 0.0
        self.slots["usual"][: self.used] = np.nan
        for name in (*_MONTH, *_MONTH_SO_FAR):
            self.slots[name][: self.used] = 0
        self.slots["dirty"][: self.used] |= WARM_DIRTY
        self.slots["ring_dirty"][: self.used] |= _ALL_HOURS

    def live(self) -> Iterator[tuple[int, Identity]]:
        """Slots in use, and whose they are."""
        return ((slot, one) for slot, one in enumerate(self.identities) if one is not None)

    @staticmethod
    def block_of_names(group: int) -> int:
        """The block that the slots of a record ``names/N`` lie in."""
        return group * _NAMES // BLOCK

    def _parts(self, kind: str, block: int, place: int = 0) -> list[Array]:
        """The memory behind a record.

        It holds what samples touch (hot), what closing buckets touch (warm), a closed bucket (ring), some hours of the
        week (season), or the days of the month (month).
        """
        span = self.slots[block * BLOCK : (block + 1) * BLOCK]
        if kind == "hot":
            return [_bytes(span, 0, _OPEN_AT), *(span[name][:, 0] for name in _OPEN)]
        if kind == "warm":
            return [_bytes(span, _WARM_AT, _RING_AT), *(span[name][:, 1:] for name in _OPEN)]
        if kind == "season":
            return [span[name][:, place * SEASON_GROUP : (place + 1) * SEASON_GROUP] for name in _SEASON]
        if kind == "month":
            return [span[name] for name in _MONTH]
        return [span[name][:, place] for name in _RING]

    def mark_all(self) -> None:
        """Call everything changed, so that the next blocks are the whole state."""
        self.slots["dirty"][: self.used] = HOT_DIRTY | WARM_DIRTY
        self.slots["ring_dirty"][: self.used] = _ALL_RING
        self._names_dirty.update(range(-(-self.used // _NAMES)))

    def take_blocks(self) -> Iterator[tuple[str, bytes]]:
        """What changed since the last call.

        Records ``hot/B``, ``warm/B``, ``ring/B/AT``, ``season/B/AT``, ``month/B/0``, ``names/N``.
        """
        starts = np.arange(0, self.used, BLOCK)
        if len(starts):
            dirty = np.bitwise_or.reduceat(self.slots["dirty"][: self.used], starts)
            rings = np.bitwise_or.reduceat(self.slots["ring_dirty"][: self.used], starts, axis=0)
            self.slots["dirty"][: self.used] = 0
            self.slots["ring_dirty"][: self.used] = 0
            yield from self._take_dirty(dirty.tolist(), rings.tolist())
        for group in sorted(self._names_dirty):
            names = [
                (slot, one.tenant, one.text)
                for slot, one in enumerate(self.identities[group * _NAMES : (group + 1) * _NAMES], group * _NAMES)
                if one is not None
            ]
            yield f"names/{group}", msgspec.json.encode(names)
        self._names_dirty.clear()

    def _take_dirty(self, dirty: list[int], rings: list[list[int]]) -> Iterator[tuple[str, bytes]]:
        for block, (bits, ring) in enumerate(zip(dirty, rings, strict=True)):
            if bits & HOT_DIRTY:
                yield f"hot/{block}", self._packed("hot", block)
            if bits & WARM_DIRTY:
                yield f"warm/{block}", self._packed("warm", block)
            changed = ring[0] | ring[1] << 64
            for kind, place in (at for bit, at in enumerate(_PLACES) if changed >> bit & 1):
                yield f"{kind}/{block}/{place}", self._packed(kind, block, place)

    def _packed(self, kind: str, block: int, place: int = 0) -> bytes:
        rows = min(BLOCK, self.used - block * BLOCK)
        return pack([part[:rows] for part in self._parts(kind, block, place)])

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
            self.slots = grow_slots(self.slots, 2 * self.capacity)
        place = int(rest[0]) if rest else 0
        if rest and (kind, place) not in _PLACES:
            raise CheckpointError(f"a bucket that is not there: {key}")
        parts = self._parts(kind, block, place)
        for part, loaded in zip(parts, unpack(value, parts, key), strict=True):
            part[: len(loaded)] = loaded

    def _load_names(self, group: int, value: bytes) -> None:
        for slot, tenant, text in msgspec.json.decode(value, type=list[tuple[int, str, str]]):
            if slot // _NAMES != group:
                raise CheckpointError(f"slot {slot} among the names of group {group}")
            self.identities.extend([None] * (slot + 1 - len(self.identities)))
            self.identities[slot] = Identity(tenant, text)

    def finish_load(self, used: int) -> None:
        """Make the index and the free slots anew; ``used`` is how many slots the bank had."""
        self.identities.extend([None] * (used - len(self.identities)))
        while used > self.capacity:
            self.slots = grow_slots(self.slots, 2 * self.capacity)
        self._free = [slot for slot, one in enumerate(self.identities) if one is None]
        self.tenants = {}
        for _, one in self.live():
            self.tenants[one.tenant] = self.tenants.get(one.tenant, 0) + 1
        slots = np.array([slot for slot, _ in self.live()], np.int32)
        self.index = SlotIndex()
        self.index.put(self.slots["id"][slots], slots)
        self._names_dirty.clear()


def _bytes(slots: Array, start: int, end: int) -> Array:
    """A stretch of each record, as bytes."""
    return slots.view(np.uint8).reshape(len(slots), SLOT.itemsize)[:, start:end]
