"""The slices of the objectives that one partition counts for: what is in them, which are over, what to tell of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from slo.counting.layout import (
    COUNTED,
    MISSED_FOR_MS,
    NEVER_MS,
    ROWS,
    SPENT_ROWS,
    TO_SAVE,
    TO_TELL,
    Array,
    FloatArray,
    IntArray,
    grown,
)
from slo.counting.spending import Spending, SpentRows
from slo.definition import Slo
from slo.slices import BAD, TOTAL, UNKNOWN

MOST_OBJECTIVES: Final = 2000
"""In one record."""
_FIRST: Final = 16


class Spent(NamedTuple):
    """Bad events of one entity."""

    entity: str
    bad: float


Spenders = dict[str, list[Spent]]
"""By the objective's key, the most first."""


@dataclass(slots=True)
class Lane:
    """Objectives whose slices are equally long.

    Parameters
    ----------
    slice_ms
        How long.
    closed, top
        The first row that is not over, and the last that is open.
    members
        Their places.
    """

    slice_ms: int
    closed: int
    top: int
    members: IntArray


class Rows:
    """Counts of objectives by slice.

    Parameters
    ----------
    partition
        Which one counts.
    late_ms, grace_ms
        So late a sample still counts; so long after its end a slice is over.
    """

    def __init__(self, partition: int, late_ms: int, grace_ms: int) -> None:
        self.partition = partition
        self.late_ms = late_ms
        self.grace_ms = grace_ms
        self.slos: Array = np.zeros(_FIRST, COUNTED)
        self.spending = Spending()
        self.lanes: dict[int, Lane] = {}
        self.places: dict[str, int] = {}
        self._defined_at: dict[str, list[int]] = {}
        self.held: dict[int, Slo] = {}
        self.told: dict[tuple[int, int], Spenders] = {}
        self.dirty_places: set[int] = set()
        self.heard_late: set[int] = set()
        self.dirty_told: set[tuple[int, int]] = set()
        self._free: list[int] = []

    @property
    def nbytes(self) -> int:
        """Bytes of all that is kept."""
        return self.slos.nbytes + self.spending.spent.nbytes

    @property
    def cells(self) -> FloatArray:
        """Counts, by objective and row: bad, total and unknown."""
        return self.slos["cells"]

    @property
    def touched(self) -> npt.NDArray[np.uint8]:
        """What is to be done with them."""
        return self.slos["touched"]

    def define(self, slo: Slo, now_ms: int | None, from_ms: int) -> int:
        """Count for an objective from a time on, and no more for what had its key; its place."""
        slice_ms = slo.slice_s * 1000
        since_ms = -(-from_ms // slice_ms) * slice_ms if from_ms else -NEVER_MS
        self.retire(slo.key, since_ms)
        place = heappop(self._free) if self._free else len(self.held)
        if place >= len(self.slos):
            self._grow(2 * len(self.slos))
        self.put(place, slo, (since_ms, NEVER_MS), now_ms)
        self.places[slo.key] = place
        if now_ms is not None and -NEVER_MS < since_ms <= now_ms:
            self.heard_late.add(place)
        return place

    def put(self, place: int, slo: Slo, times_ms: tuple[int, int], now_ms: int | None) -> None:
        """Give an objective a place that is free, from a time until another."""
        while place >= len(self.slos):
            self._grow(2 * len(self.slos))
        slice_ms = slo.slice_s * 1000
        lane = self.lanes.get(slice_ms)
        if lane is None:
            closed = -NEVER_MS if now_ms is None else now_ms // slice_ms
            lane = self.lanes[slice_ms] = Lane(slice_ms, closed, closed, np.zeros(0, np.int64))
        one = self.slos[place]
        one["slice_ms"], one["closed"], one["top"] = slice_ms, lane.closed, lane.top
        one["since_ms"], one["until_ms"] = times_ms
        one["born_ms"], one["alive_ms"] = NEVER_MS, -NEVER_MS
        one["late_rows"] = min(ROWS - 4, -(-self.late_ms // slice_ms) + 1)
        self.cells[place] = self.touched[place] = 0
        self.held[place] = slo
        self._defined_at.setdefault(slo.key, []).append(place)
        self.dirty_places.add(place)
        lane.members = np.sort(np.append(lane.members, place))

    def retire(self, key: str, until_ms: int) -> None:
        """Count for an objective, however it was defined, until a time only.

        It goes once nothing can come late for it any more.
        """
        self.places.pop(key, None)
        for place in self._defined_at.get(key, ()):
            if until_ms < int(self.slos[place]["until_ms"]):
                self.slos[place]["until_ms"] = until_ms
                self.dirty_places.add(place)

    def change(self, slo: Slo) -> None:
        """Take another definition of an objective that counts the same."""
        place = self.places[slo.key]
        self.held[place] = slo
        self.dirty_places.add(place)

    def finish_load(self) -> None:
        """All places are put: find those that are free."""
        self._free = sorted(set(range(max(self.held, default=-1))) - set(self.held))

    def drop_retired(self, now_ms: int) -> list[int]:
        """Let go of the objectives that take no counts any more; their places."""
        used = max(self.held, default=-1) + 1
        over = self.slos["until_ms"][:used] < now_ms - self.late_ms - 2 * self.slos["slice_ms"][:used] - self.grace_ms
        gone = [place for place in np.flatnonzero(over).tolist() if place in self.held]
        for place in gone:
            self._drop(place)
        return gone

    def _drop(self, place: int) -> None:
        slo = self.held.pop(place)
        others = self._defined_at[slo.key]
        others.remove(place)
        if not others:
            del self._defined_at[slo.key]
        heappush(self._free, place)
        self.dirty_places.add(place)
        lane = self.lanes[slo.slice_s * 1000]
        lane.members = lane.members[lane.members != place]
        if not len(lane.members):
            del self.lanes[lane.slice_ms]
        self.spending.forget(place)

    def take_heard_late(self) -> npt.NDArray[np.bool_]:
        """Which objectives were heard of after their time had begun: their slices since then are told anew."""
        late = np.zeros(len(self.slos), bool)
        for place in self.heard_late & self.held.keys():
            one, lane = self.slos[place], self.lanes[self.held[place].slice_s * 1000]
            late[place] = True
            first = max(int(one["since_ms"]) // lane.slice_ms, lane.top - int(one["late_rows"]))
            for row in range(first, lane.closed):
                one["touched"][row % ROWS] |= TO_TELL | TO_SAVE
                one["late"] = 1
        self.heard_late.clear()
        return late

    def spent_in(self, lane: Lane, row: int) -> SpentRows:
        """Who spent what in a slice, as far back as that is known."""
        if row <= lane.top - SPENT_ROWS:
            return SpentRows(np.zeros(0, np.int64), np.zeros(0))
        return self.spending.within(lane.members, row)

    @property
    def horizon_ms(self) -> int:
        """When the next slice is over."""
        ends = [(lane.closed + 1) * lane.slice_ms + self.grace_ms for lane in self.lanes.values()]
        return min(ends, default=NEVER_MS)

    def begin(self, now_ms: int) -> None:
        """The first event time that is known."""
        for lane in self.lanes.values():
            if lane.closed <= -NEVER_MS:
                lane.closed = lane.top = now_ms // lane.slice_ms
                self.slos["closed"][lane.members] = self.slos["top"][lane.members] = lane.closed
        self.open()

    def open(self) -> None:
        """Have empty rows up to the horizon."""
        horizon_ms = self.horizon_ms
        for lane in self.lanes.values():
            top = (horizon_ms - 1) // lane.slice_ms
            for row in range(max(lane.top + 1, top - ROWS + 1), top + 1):
                self.cells[lane.members, row % ROWS] = 0.0
                self.touched[lane.members, row % ROWS] = 0
                self.spending.clear(lane.members, row)
            lane.top = max(lane.top, top)
            self.slos["top"][lane.members] = lane.top

    def over(self, now_ms: int) -> Iterator[tuple[Lane, int]]:
        """Slices that are over at a time, the earliest first; each is closed once the next is asked for."""
        while now_ms >= (horizon_ms := self.horizon_ms):
            for lane in sorted(self.lanes.values(), key=lambda one: one.slice_ms):
                if (lane.closed + 1) * lane.slice_ms + self.grace_ms <= horizon_ms:
                    yield lane, lane.closed
                    lane.closed += 1
                    self.slos["closed"][lane.members] = lane.closed
            self._skip(now_ms)
            self.open()

    def tell(self, lane: Lane, row: int, counted: int) -> list[SliceRecord]:
        """What is counted in a slice that is over, a record a tenant; nothing of objectives without live series."""
        one, start_ms = self.slos[lane.members], row * lane.slice_ms
        alive = (one["born_ms"] < start_ms + lane.slice_ms) & (one["alive_ms"] > start_ms)
        there = alive | ((self.touched[lane.members, row % ROWS] & TO_TELL) > 0)
        return self._records(lane, row, lane.members[there & self._counts_at(lane.members, start_ms)], counted)

    def tell_late(self, counted: int) -> list[SliceRecord]:
        """What came later than its slice was over: those slices anew."""
        found: list[SliceRecord] = []
        late = np.flatnonzero(self.slos["late"])
        if not len(late):
            return found
        self.slos["late"][late] = 0
        for _, lane in sorted(self.lanes.items()):
            members = late[np.isin(late, lane.members)]
            first = int((self.slos["top"][members] - self.slos["late_rows"][members]).min(initial=lane.closed))
            for row in range(first, lane.closed):
                touched = members[(self.touched[members, row % ROWS] & TO_TELL) > 0]
                touched = touched[self._counts_at(touched, row * lane.slice_ms)]
                if len(touched):
                    found += self._records(lane, row, touched, counted)
        return found

    def _counts_at(self, places: IntArray, start_ms: int) -> npt.NDArray[np.bool_]:
        """Which objectives are counted in a slice as they are defined at these places."""
        one = self.slos[places]
        counts: npt.NDArray[np.bool_] = (one["since_ms"] <= start_ms) & (one["until_ms"] > start_ms)
        return counts

    def counts_at(self, place: int, lane: Lane, row: int) -> bool:
        """Whether an objective is counted in a slice of a lane."""
        is_of = self.slos[place]["slice_ms"] == lane.slice_ms
        return bool(is_of and self._counts_at(np.array([place]), row * lane.slice_ms)[0])

    def _skip(self, now_ms: int) -> None:
        """Pass over slices in which nothing was counted and no series lived: after a stop, say."""
        for lane in self.lanes.values():
            lived_ms = int(self.slos["alive_ms"][lane.members].max(initial=-NEVER_MS))
            until = (now_ms - self.grace_ms) // lane.slice_ms - ROWS
            if lived_ms + MISSED_FOR_MS < lane.closed * lane.slice_ms and until > lane.closed + ROWS:
                lane.closed = until
                self.slos["closed"][lane.members] = until

    def _records(self, lane: Lane, row: int, places: IntArray, counted: int) -> list[SliceRecord]:
        at = row % ROWS
        self.touched[places, at] = TO_SAVE
        if not len(places):
            return []
        spenders = self._spenders(lane, row)
        found = []
        tenants: dict[str, list[int]] = {}
        for place in places.tolist():
            tenants.setdefault(self.held[place].tenant, []).append(place)
        for tenant, mine in sorted(tenants.items()):
            for first in range(0, len(mine), MOST_OBJECTIVES):
                part = mine[first : first + MOST_OBJECTIVES]
                found.append(self._record(tenant, part, (lane, row), spenders, counted))
        return found

    def _record(
        self, tenant: str, places: Sequence[int], of: tuple[Lane, int], spenders: Spenders, counted: int
    ) -> SliceRecord:
        lane, row = of
        counts = self.cells[list(places), row % ROWS]
        keys = [self.held[place].key for place in places]
        body: dict[str, Any] = {
            "v": 1,
            "tenant": tenant,
            "partition": self.partition,
            "slice_ms": row * lane.slice_ms,
            "slice_s": lane.slice_ms // 1000,
            "counted": counted,
            "slos": keys,
            "good": (counts[:, TOTAL] - counts[:, BAD]).tolist(),
            "bad": counts[:, BAD].tolist(),
        }
        if counts[:, UNKNOWN].any():
            body["unknown"] = counts[:, UNKNOWN].tolist()
        named = {
            key: [{"entity": one.entity, "bad": one.bad} for one in spenders[key]] for key in keys if key in spenders
        }
        if named:
            body["spenders"] = named
        return SliceRecord(tenant, body)

    def _spenders(self, lane: Lane, row: int) -> Spenders:
        """Who spent most in a slice: as it is known while the slice is among the newest, later as it was told."""
        if row <= lane.top - SPENT_ROWS:
            return self.told.get((lane.slice_ms, row), {})
        found: Spenders = {}
        counted = set(lane.members[self._counts_at(lane.members, row * lane.slice_ms)].tolist())
        for place, entity, bad in self.spending.named(self.spending.most(self.spent_in(lane, row))):
            if place in counted:
                found.setdefault(self.held[place].key, []).append(Spent(entity, bad))
        if found:
            self.told[lane.slice_ms, row] = found
            self.dirty_told.add((lane.slice_ms, row))
        return found

    def forget(self) -> None:
        """Let go of what was told of slices that take no counts any more."""
        oldest = {slice_ms: lane.closed - ROWS for slice_ms, lane in self.lanes.items()}
        for slice_ms, row in [one for one in self.told if one[1] < oldest.get(one[0], NEVER_MS)]:
            del self.told[slice_ms, row]
            self.dirty_told.add((slice_ms, row))

    def _grow(self, slots: int) -> None:
        self.slos = grown(self.slos, slots)


class SliceRecord(NamedTuple):
    """A record of ``slo.events`` that is to be written."""

    tenant: str
    body: dict[str, Any]
