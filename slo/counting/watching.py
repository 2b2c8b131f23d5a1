"""The series that objectives are measured by, and their newest samples."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from slo.counting.layout import (
    ENTRY,
    FIRST_RING,
    LARGEST_RING,
    NO_LINK,
    RECEIVED,
    SENT,
    SPEED,
    WATCH,
    Array,
    FloatArray,
    IntArray,
    grown,
)

GROUP: Final = 64
"""Watches whose samples share a record of a checkpoint."""
_SIDES: Final = {RECEIVED: "received", SENT: "sent", SPEED: "speed"}


@dataclass(frozen=True, slots=True)
class Ring:
    """The samples of one series, by time."""

    times_ms: IntArray
    values: FloatArray


class Watching:
    """Watched series: which slot each has, what it counts for, and a ring of its samples.

    A ring begins small and doubles while samples that may still be corrected would not fit.
    """

    def __init__(self) -> None:
        self.watches: Array = np.zeros(GROUP, WATCH)
        self.entries: Array = np.zeros(GROUP, ENTRY)
        self.times_ms: IntArray = np.zeros(GROUP * FIRST_RING, np.int64)
        self.values: FloatArray = np.zeros(GROUP * FIRST_RING)
        self.of_slot: npt.NDArray[np.int32] = np.full(GROUP, -1, np.int32)
        self.used = 0
        self.changed: set[int] = set()
        self._free: list[int] = []
        self._free_rings: dict[int, list[int]] = {}
        self._pool_used = 0
        self._entries_used = 0
        self._links: dict[str, dict[str, int]] = {}
        self._link_of: dict[int, str] = {}

    def __len__(self) -> int:
        return self.used - len(self._free)

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        kept = (self.watches, self.entries, self.times_ms, self.values, self.of_slot)
        return sum(one.nbytes for one in kept)

    def grow(self, slots: int) -> None:
        """Have room for so many slots of the bank."""
        if slots > len(self.of_slot):
            wider = np.full(slots, -1, np.int32)
            wider[: len(self.of_slot)] = self.of_slot
            self.of_slot = wider

    def attach(self, slot: int, kind: int) -> int:
        """Watch a slot, if that is not done yet, from now on as this kind; which watch it has."""
        self.grow(slot + 1)
        if (known := int(self.of_slot[slot])) >= 0:
            self.watches[known]["kind"] = kind
            return known
        at = heapq.heappop(self._free) if self._free else self.used
        self._use(at + 1)
        watch = self.watches[at]
        watch["slot"], watch["kind"] = slot, kind
        watch["received"] = watch["sent"] = watch["speed"] = -1
        watch["at"], watch["size"] = self._ring(FIRST_RING), FIRST_RING
        self.of_slot[slot] = at
        self.changed.add(at // GROUP)
        return at

    def detach(self, slot: int) -> None:
        """Let go of a slot and its samples."""
        if slot >= len(self.of_slot) or (at := int(self.of_slot[slot])) < 0:
            return
        self.unlink(at)
        watch = self.watches[at]
        self._free_rings.setdefault(int(watch["size"]), []).append(int(watch["at"]))
        self.watches[at] = np.zeros((), WATCH)
        self.watches[at]["slot"] = -1
        self.of_slot[slot] = -1
        heapq.heappush(self._free, at)
        self.changed.add(at // GROUP)

    def widen(self, at: int) -> None:
        """Give a watch a ring of twice the size."""
        watch, kept = self.watches[at], self.ring(at)
        self._free_rings.setdefault(int(watch["size"]), []).append(int(watch["at"]))
        size = int(watch["size"]) * 2
        assert size <= LARGEST_RING
        self._put(at, self._ring(size), size, kept)
        self.changed.add(at // GROUP)

    def ring(self, at: int) -> Ring:
        """The samples of a watch."""
        return self.rings(at, at + 1)

    def rings(self, first: int, end: int) -> Ring:
        """The samples of some watches, one after the other."""
        some = self.watches[first:end]
        counts = some["count"].astype(np.int64)
        starts = np.cumsum(counts) - counts
        within = np.arange(int(counts.sum())) - np.repeat(starts, counts)
        heads, sizes = (
            np.repeat(some["head"].astype(np.int64), counts),
            np.repeat(some["size"].astype(np.int64), counts),
        )
        places = np.repeat(some["at"], counts) + (heads + within) % np.maximum(sizes, 1)
        return Ring(self.times_ms[places], self.values[places])

    def live(self) -> Iterator[tuple[int, int]]:
        """Watches in use, and their slots."""
        slots = self.watches["slot"][: self.used].tolist()
        free = set(self._free)
        return ((at, slot) for at, slot in enumerate(slots) if at not in free)

    def forget_entries(self) -> None:
        """All watches count for nothing."""
        self._entries_used = 0
        self.watches["entry_count"][: self.used] = 0
        for at in list(self._link_of):
            self.unlink(at)

    def enter(self, at: int, entries: Sequence[Array]) -> None:
        """What a watch counts for."""
        first, end = self._entries_used, self._entries_used + len(entries)
        if end > len(self.entries):
            self.entries = grown(self.entries, max(end, 2 * len(self.entries)))
        for number, one in enumerate(entries):
            self.entries[first + number] = one
        self.watches[at]["entries"], self.watches[at]["entry_count"] = first, len(entries)
        self._entries_used = end

    def link(self, at: int, side: int, name: str) -> None:
        """A watch is a side of a network link of this name; the others of it know."""
        sides = self._links.setdefault(name, {})
        sides[_SIDES[side]] = at
        self.watches[at]["link"] = side
        self._link_of[at] = name
        self._tell(sides)

    def unlink(self, at: int) -> None:
        """A watch is no side of a link any more."""
        name = self._link_of.pop(at, None)
        if name is None:
            return
        sides = self._links[name]
        del sides[_SIDES[int(self.watches[at]["link"])]]
        self.watches[at]["link"] = NO_LINK
        self._tell(sides)
        for side in _SIDES.values():
            self.watches[at][side] = -1
        if not sides:
            del self._links[name]

    def load(self, at: int, watch: Array, ring: Ring) -> None:
        """Put a watch back; what it counts for is to be entered."""
        self._use(at + 1)
        self.watches[at] = watch
        slot = int(watch["slot"])
        if slot < 0:
            return
        self.grow(slot + 1)
        self.of_slot[slot] = at
        self._put(at, self._ring(int(watch["size"])), int(watch["size"]), ring)
        for name in ("received", "sent", "speed"):
            self.watches[at][name] = -1
        self.watches[at]["link"], self.watches[at]["entry_count"] = NO_LINK, 0

    def finish_load(self) -> None:
        """Find the watches that are free."""
        self._free = [at for at in range(self.used) if int(self.watches[at]["slot"]) < 0]
        heapq.heapify(self._free)

    def _tell(self, sides: dict[str, int]) -> None:
        for at in sides.values():
            for side in _SIDES.values():
                self.watches[at][side] = sides.get(side, -1)

    def _use(self, count: int) -> None:
        if count > len(self.watches):
            self.watches = grown(self.watches, max(count, 2 * len(self.watches)))
        if count > self.used:
            self.watches["slot"][self.used : count] = -1
            self.used = count

    def _put(self, at: int, place: int, size: int, ring: Ring) -> None:
        watch, count = self.watches[at], len(ring.times_ms)
        watch["at"], watch["size"], watch["head"], watch["count"] = place, size, 0, count
        self.times_ms[place : place + count] = ring.times_ms
        self.values[place : place + count] = ring.values

    def _ring(self, size: int) -> int:
        """Places for a ring."""
        if free := self._free_rings.get(size):
            return free.pop()
        first, self._pool_used = self._pool_used, self._pool_used + size
        if self._pool_used > len(self.times_ms):
            room = max(self._pool_used, 2 * len(self.times_ms))
            self.times_ms, self.values = grown(self.times_ms, room), grown(self.values, room)
        return first
