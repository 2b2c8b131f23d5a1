"""The counter: samples of one partition in, counts of objectives' slices out.

It stands beside the detect operator, sees every sample that it sees, and keeps its own note of what came: detect
forgets a counter's value at once, and a timestamp after 32 others. Time is the samples' own; a slice is over
``grace_s`` after its end, and told then. What comes late, by up to ``lateness_s``, changes it, and it is told again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from models.walk import MAX_TIME_MS
from schemas.batch import SampleBatch
from schemas.events import Anomaly, Setting
from schemas.ids import decide_partition, event_id
from schemas.series import Series
from schemas.topics import SLO_EVENTS
from slo.announced import SUBJECT, Announced, announced
from slo.counting.kernel import AT_HORIZON, AT_LEAP, NEEDS_ROOM, count, count_again
from slo.counting.layout import AHEAD, COUNT_NAMES, LATE, ROWS, TAKEN, TO_SAVE, TO_TELL
from slo.counting.missing import count_missing
from slo.counting.nodes import LEFT_AFTER_MS, NodeBook
from slo.counting.rows import Lane, Rows, SliceRecord
from slo.counting.settings import CountingSettings
from slo.counting.watching import GROUP, Watching
from slo.counting.wiring import Wiring
from slo.definition import DerivedIndicator
from slo.engine import counts_alike
from slo.slices import BAD, TOTAL
from streams.bank import Identity
from streams.operator import Output

AHEAD_MS: Final = 120_000
"""A sample that is further ahead of ticks and of all before it is not counted and moves no time: a clock is wrong."""
MAX_LEAP_MS: Final = 86_400_000
"""The same, before the first tick."""
LOG_LIMIT: Final = 262_144
"""Samples that the log holds; while more come between two checkpoints, the next one has their rings instead."""

SeriesBySlot = Callable[[], Iterable[tuple[int, Identity]]]
Log = tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.float64]]
"""Watches, times and values of samples."""


class SloCounter:
    """Counts one partition's samples for objectives.

    Parameters
    ----------
    settings
        Lateness and grace.
    partition, partitions
        Which of how many; counts go to their tenant's partition.
    """

    prefix = "slo"

    def __init__(self, settings: CountingSettings, partition: int, partitions: int) -> None:
        self.settings = settings
        self.partitions = partitions
        self.rows = Rows(partition, settings.lateness_s * 1000, round(settings.grace_s * 1000))
        self.watching = Watching()
        self.nodes = NodeBook()
        self.now_ms: int | None = None
        self.tick_ms = 0
        self.tallies = np.zeros(len(COUNT_NAMES), np.int64)
        self._series: SeriesBySlot = lambda: ()
        self._wiring = Wiring(self.rows, self.watching)
        self._is_laid = True
        self._of_nodes: list[tuple[int, str]] | None = None
        self._state = np.zeros(5, np.int64)
        self._log = _make_log(1024)

    @property
    def counts(self) -> dict[str, int]:
        """What became of samples of watched series, and how many there are."""
        return dict(zip(COUNT_NAMES, self.tallies.tolist(), strict=True))

    @property
    def counts_nodes(self) -> bool:
        """Whether there are objectives whose events are nodes."""
        return bool(self._node_places())

    @property
    def counted(self) -> int:
        """Samples that came so far: of two records of a slice the one with more knows more."""
        return int(self.tallies[TAKEN] + self.tallies[LATE])

    def know(self, series: SeriesBySlot) -> None:
        """Where to ask for all series that have slots."""
        self._series = series

    def watch(self, slot: int, series: Series) -> None:
        """A series has a slot now."""
        self.watching.grow(slot + 1)
        self.nodes.watch(slot, series)
        if self._is_laid:
            self._wiring.connect(slot, series)

    def forget(self, slot: int) -> None:
        """A slot is nobody's any more; what its samples say to objectives that were just heard of is counted first."""
        if self.rows.heard_late:
            self.settle()
        self.watching.detach(slot)
        self.nodes.forget(slot)

    def bounds(self, points: SampleBatch, position: int) -> Sequence[float]:
        """The buckets of a batch's histogram that objectives count, by their upper bounds."""
        self.settle()
        return self._wiring.bounds(points, position)

    def apply_setting(self, setting: Setting) -> None:
        """Definitions, as they are announced; other subjects are somebody else's.

        Raises
        ------
        SchemaError
            If it is no definition.
        """
        if setting.subject == SUBJECT:
            self.apply(announced(setting))

    def apply(self, one: Announced) -> None:
        """Count for an objective, or no more."""
        rows, from_ms = self.rows, max(one.from_ms, 0)
        place = rows.places.get(one.key)
        known = rows.held[place] if place is not None else None
        if one.slo == known:
            return
        if known is not None and from_ms == 0:
            from_ms = self.now_ms or 0
        if one.slo is None:
            rows.retire(one.key, from_ms)
        elif known is not None and counts_alike(known, one.slo):
            rows.change(one.slo)
        else:
            rows.define(one.slo, self.now_ms, from_ms)
            if self.now_ms is not None:
                rows.open()
            self._is_laid = False

    def take(self, batch: SampleBatch, slots: npt.NDArray[np.int32], anomalies: Sequence[Anomaly]) -> list[Output]:
        """Count a batch; slices that are over with it, and those that it corrects."""
        self.nodes.absorb(anomalies)
        self.settle()
        if not self.rows.held:
            return []
        columns = (
            np.ascontiguousarray(slots, np.int32),
            np.array(batch.series, np.int32),
            np.array(batch.timestamp_ms, np.int64),
            np.array(batch.value, np.float64),
        )
        times = columns[2][(columns[2] > 0) & (columns[2] < MAX_TIME_MS)]
        if not len(times):
            return []
        if self.now_ms is None:
            self._begin(self._first_of(times))
        found = [*self._count(columns), *self.rows.tell_late(self.counted)]
        assert self.now_ms is not None
        trusted = times[times <= self._limits()[2]]
        self.now_ms = max(self.now_ms, min(int(trusted.max(initial=0)), self.rows.horizon_ms - 1))
        return [self._output(one) for one in found]

    def on_tick(self, at_ms: int, now_ms: int, anomalies: Sequence[Anomaly]) -> list[Output]:
        """Let time pass: no further than detect's own, and no faster than ticks pass."""
        self.nodes.absorb(anomalies)
        self.settle()
        found: list[SliceRecord] = []
        if self.now_ms is not None:
            passed_ms = at_ms - self.tick_ms if self.tick_ms else MAX_LEAP_MS
            now_ms = min(now_ms, self.now_ms + passed_ms)
            if now_ms > self.now_ms:
                found = list(self._advance(now_ms))
        self.tick_ms = max(self.tick_ms, at_ms)
        gone = self.rows.drop_retired(self.now_ms or 0)
        self._is_laid = self._is_laid and not gone and not self.watching.is_wasteful
        self.nodes.compact(now_ms)
        self.rows.forget()
        return [self._output(one) for one in found]

    def take_log(self) -> Log:
        """Samples that came into rings since the last call."""
        used, self._state[2] = int(self._state[2]), 0
        watches, times_ms, values = self._log
        return watches[:used].copy(), times_ms[:used].copy(), values[:used].copy()

    def lay_anew(self) -> None:
        """Find out again what every series counts for."""
        self._is_laid = False

    def _count(self, columns: tuple[npt.NDArray[Any], ...]) -> Iterator[SliceRecord]:
        start, length = 0, len(columns[2])
        if self._state[2] > LOG_LIMIT:
            self.watching.changed.update(np.unique(self.take_log()[0] // GROUP).tolist())
        self._log = _with_room(self._log, int(self._state[2]) + length + 1)
        self._state[3] = -1
        while start < length:
            start = count(columns, start, self._limits(), self._who(), self._kept(), self._notes())
            if self._state[0] == NEEDS_ROOM:
                self.watching.widen(int(self._state[1]))
            elif self._state[0] in {AT_HORIZON, AT_LEAP}:
                at_ms = int(columns[2][start])
                if self._state[0] == AT_LEAP:
                    start, at_ms = self._leap(columns, start)
                if at_ms:
                    # Told before time moves on: a row that is far behind then is another's.
                    yield from self.rows.tell_late(self.counted)
                    yield from self._advance(at_ms)

    def _leap(self, columns: tuple[npt.NDArray[Any], ...], at: int) -> tuple[int, int]:
        """Nothing but samples from ahead for a while: where to go on, and to which time it has leapt, 0 for none.

        It has if most nodes say so, or there are none: a host whose clock is wrong is one of many.
        """
        limit_ms, first = self._limits()[2], int(self._state[3])
        self._state[3:5] = -1, 0
        heard = self.nodes.heard_ms[: len(self.nodes.nodes)]
        alive = int((heard > (self.now_ms or 0) - LEFT_AFTER_MS).sum())
        if 2 * int((heard > limit_ms).sum()) <= alive and alive:
            self.tallies[AHEAD] += 1
            return at + 1, 0
        since = columns[2][first : at + 1] if first >= 0 else columns[2][at : at + 1]
        self.tallies[AHEAD] -= int((since[:-1] > limit_ms).sum())
        return max(first, 0) if first >= 0 else at, int(since[since > limit_ms].min())

    def _limits(self) -> tuple[int, int, int]:
        assert self.now_ms is not None
        ahead_ms = max(self.now_ms, self.tick_ms) + AHEAD_MS if self.tick_ms else self.now_ms + MAX_LEAP_MS
        return self.rows.horizon_ms, self.settings.lateness_s * 1000, ahead_ms

    def _who(self) -> tuple[Any, ...]:
        return self.watching.of_slot, self.nodes.of_slot, self.nodes.heard_ms

    def _kept(self) -> tuple[Any, ...]:
        watching, rows = self.watching, self.rows
        books = (watching.watches, watching.entries, rows.slos, rows.spending.spent)
        return (watching.times_ms, watching.values), books

    def _notes(self) -> tuple[Any, ...]:
        return self._log, self.tallies, self._state

    def _first_of(self, times_ms: npt.NDArray[np.int64]) -> int:
        """Where time begins: with the first batch's oldest sample that is near the clock, as far as that is known."""
        near = times_ms[np.abs(times_ms - self.tick_ms) <= MAX_LEAP_MS] if self.tick_ms else times_ms
        return int((near if len(near) else times_ms).min())

    def _begin(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.rows.begin(now_ms)

    def _advance(self, now_ms: int) -> Iterator[SliceRecord]:
        """Tell of the slices that are over at a time."""
        for lane, row in self.rows.over(now_ms):
            self._close(lane, row)
            yield from self.rows.tell(lane, row, self.counted)
        self.now_ms = max(self.now_ms or 0, now_ms)

    def _close(self, lane: Lane, row: int) -> None:
        """Count what no sample says: nodes, and samples that should have come."""
        start_ms, end_ms = row * lane.slice_ms, (row + 1) * lane.slice_ms
        for place, selector in self._node_places():
            if self.rows.counts_at(place, lane, row):
                self._count_nodes(place, selector, row, (start_ms, end_ms))
        self.nodes.prune(start_ms - self.rows.late_ms)
        count_missing((start_ms, end_ms), lane.slice_ms, row % ROWS, self._kept())

    def _node_places(self) -> list[tuple[int, str]]:
        """The objectives whose events are nodes, and which nodes."""
        if self._of_nodes is None:
            held = ((place, slo.indicator) for place, slo in sorted(self.rows.held.items()))
            self._of_nodes = [
                (place, one.selector)
                for place, one in held
                if isinstance(one, DerivedIndicator) and one.source == "node_health"
            ]
        return self._of_nodes

    def _count_nodes(self, place: int, selector: str, row: int, times_ms: tuple[int, int]) -> None:
        rows = self.rows
        total, critical = self.nodes.count(rows.held[place].tenant, selector, *times_ms)
        if not total:
            return
        at = row % ROWS
        rows.cells[place, at, BAD] = len(critical)
        rows.cells[place, at, TOTAL] = total
        rows.touched[place, at] |= TO_TELL | TO_SAVE
        for entity in critical:
            rows.spending.spend(place, entity, row, 1.0)

    def settle(self) -> None:
        """Let definitions that came since hold for all series."""
        if not self._is_laid:
            self._of_nodes = None
            self._wiring.lay(self._series())
            self._is_laid = True
            if self.rows.heard_late:
                count_again(self.rows.take_heard_late(), self._kept())

    def _output(self, one: SliceRecord) -> Output:
        value = msgspec.json.encode(one.body)
        key = f"{one.tenant}/{one.body['partition']}/{one.body['slice_s']}"
        told = event_id(SLO_EVENTS.name, key, one.body["slice_ms"], value.hex())
        home = decide_partition(one.tenant, self.partitions)
        return Output(SLO_EVENTS, home, key, value, one.body["slice_ms"], told)


def _make_log(size: int) -> Log:
    return np.zeros(size, np.int32), np.zeros(size, np.int64), np.zeros(size)


def _with_room(log: Log, size: int) -> Log:
    if size <= len(log[0]):
        return log
    wider = _make_log(2 * size)
    for new, old in zip(wider, log, strict=True):
        new[: len(old)] = old  # type: ignore[index,arg-type]  # mypy finds no common type of three arrays
    return wider
