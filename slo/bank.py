"""SLOs that are counted alike, side by side in arrays: their slices, windows, parameters and alerts."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from slo.budget import consumed, error_ratio, remaining_of_period
from slo.burn import (
    ABOVE,
    ABSENT,
    BELOW,
    FROZEN,
    LOW_BUDGET,
    OK,
    PRIORITIES,
    Codes,
    Kind,
    Lanes,
    Transition,
    Turn,
    burn_signals,
    episode_id,
    share_signals,
)
from slo.ledger import Bucket, Ledger
from slo.packing import FloatArray
from slo.params import BankSpec, Member, Params, slice_target_of
from slo.slices import BAD, NEVER, BoolArray, IntArray, SliceStore
from slo.sums import WindowSums
from slo.windows import DAY_S, PERIODS_S

NO_DATA_ALERT: Final = "no-data"
SLA_ALERT: Final = "sla"
_LONGEST_ROLLING_S: Final = max(PERIODS_S.values())
_FIRST_SLOTS: Final = 8
_BREACH_SLACK: Final = 1e-9
_NOTHING: Final = 1e-12


class Opened(NamedTuple):
    """An alert that is open: codes of ``STATES`` and ``PRIORITIES``, and since when."""

    kind: Kind
    state: int
    priority: int
    started_ms: int


class Bank:
    """Up to so many SLOs of one spec, and what is known of them.

    Parameters
    ----------
    spec
        In what they agree.
    first
        The first row to close.
    """

    def __init__(self, spec: BankSpec, first: int) -> None:
        self.spec = spec
        self.store = SliceStore(spec.shape, _FIRST_SLOTS, first)
        self.sums = WindowSums(self.store, spec.rolling_s, spec.calendar)
        self.params = Params(spec, _FIRST_SLOTS)
        self.lanes = Lanes(spec.lanes, _FIRST_SLOTS)
        self.last = np.full(_FIRST_SLOTS, -NEVER)
        self.members: dict[int, Member] = {}
        self.ledgers: dict[int, Ledger] = {}
        self.spenders: dict[int, dict[int, dict[int, list[tuple[str, float]]]]] = {}
        self.unentered: dict[int, dict[str, float]] = {}
        self.dirty_rows: set[int] = set()
        self.dirty_buckets: set[Bucket] = set()

    def add(self, member: Member) -> int:
        """Give an SLO a slot."""
        slot = next(one for one in range(len(self.members) + 1) if one not in self.members)
        self.restore(slot, member)
        return slot

    def restore(self, slot: int, member: Member) -> None:
        """Give an SLO this slot, which is free."""
        self.make_room(slot + 1)
        self.ledgers[slot] = Ledger(max(self.spec.own_s, _LONGEST_ROLLING_S) // DAY_S + 1)
        self.change(slot, member)

    def make_room(self, slots: int) -> None:
        """Have room for so many SLOs."""
        wider = self.store.slots
        while wider < slots:
            wider *= 2
        if wider == self.store.slots:
            return
        self.store.grow(wider)
        self.sums.grow(wider)
        self.lanes.grow(wider)
        self.params = self.params.grow(wider)
        self.last = np.pad(self.last, (0, wider - len(self.last)), constant_values=-NEVER)

    def change(self, slot: int, member: Member) -> None:
        """Take another definition of the same SLO, of the same spec."""
        self.members[slot] = member
        self.params.put(slot, member)
        self.store.slice_target[slot] = slice_target_of(member.slo)

    def remove(self, slot: int) -> None:
        """Forget an SLO and free its slot."""
        self.touch(slot)
        del self.members[slot], self.ledgers[slot]
        self.unentered.pop(slot, None)
        self.store.clear(slot)
        self.lanes.clear(slot)
        self.sums.sums[:, slot] = 0.0
        self.last[slot] = -NEVER
        blank = Params(self.spec, 1)
        for name, value in vars(self.params).items():
            if isinstance(value, np.ndarray):
                value[..., slot] = getattr(blank, name)[..., 0]
        for partitions in self.spenders.values():
            for one in partitions.values():
                one.pop(slot, None)

    def touch(self, slot: int) -> None:
        """Call all that is kept of a slot changed."""
        self.dirty_rows.update(range(self.store.begin, self.store.begin + self.store.ring_rows))
        self.store.filling_changed = True
        ledger = self.ledgers[slot]
        self.dirty_buckets.update(Bucket("hour", one) for one in ledger.hours)
        self.dirty_buckets.update(Bucket("day", one) for one in ledger.days)

    def put(
        self,
        at: tuple[int, int],
        slots: IntArray,
        counts: FloatArray,
        spenders: dict[int, list[tuple[str, float]]],
    ) -> None:
        """Take the counts of a row and partition; late ones change the windows that hold them."""
        row, partition = at
        self.dirty_rows.add(row)
        corrected = self.store.put(row, partition, slots, counts)
        if spenders or row in self.spenders:
            kept = self.spenders.setdefault(row, {}).setdefault(partition, {})
            for slot in kept.keys() & set(slots.tolist()) if kept else ():
                self._await_entry(slot, kept.pop(slot), -1.0)
            for slot, spent in spenders.items():
                kept[slot] = spent
                self._await_entry(slot, spent, 1.0)
        if corrected:
            self.sums.correct(corrected)
            present = self.store.present[row % self.store.ring_rows]
            self.last = np.where(present, np.maximum(self.last, row), self.last)

    def put_run(self, first: int, counts: FloatArray) -> None:
        """Take consecutive slices of all SLOs, which are not closed yet, shape (rows, slots, columns)."""
        self.store.put_run(first, counts)
        self.dirty_rows.update(range(first, first + len(counts)))

    def index_spenders(self) -> None:
        """Find again what each SLO's spenders spent in slices that still take counts."""
        self.unentered = {}
        for partitions in self.spenders.values():
            for slots in partitions.values():
                for slot, spent in slots.items():
                    self._await_entry(slot, spent, 1.0)

    def close_until(self, row: int) -> list[Transition]:
        """Close all rows before this one, and say which alerts turned."""
        found: list[Transition] = []
        while self.store.closed < row:
            found += self._close(min(self.sums.room, row - self.store.closed))
        return found

    def pending(self, slot: int) -> dict[str, float]:
        """What an SLO's spenders spent in closed slices that still take counts."""
        waiting = self.unentered.get(slot)
        if not waiting:
            return {}
        if self.spec.shape.method != "Occurrences":
            waiting = {}
            for row in sorted(row for row in self.spenders if row < self.store.closed):
                for who, bad in self._spent(row, slot):
                    waiting[who] = waiting.get(who, 0.0) + bad
            return waiting
        found = dict(waiting)
        for partitions in (self.spenders[row] for row in self.spenders if row >= self.store.closed):
            for who, bad in (one for slots in partitions.values() for one in slots.get(slot, ())):
                found[who] = found.get(who, 0.0) - bad
        return found

    def covered_rows(self, number: int, rows: IntArray) -> FloatArray:
        """How many slices of a window lie within an SLO's time, after each of some rows; shape (rows, slots)."""
        first = np.full(rows.shape, self.sums.first_row(number))
        if number < len(self.sums.rows):
            first = rows + 1 - self.sums.rows[number]
        covered: FloatArray = (rows + 1)[:, None] - np.maximum(first[:, None], self.store.since).astype(np.float64)
        return covered

    def left(self, totals: FloatArray, rows: IntArray, budget: FloatArray) -> FloatArray:
        """What is left of the whole own period's budget after each row, (rows, slots)."""
        own = self.params.counted(totals[:, self.spec.own])
        covered = np.maximum(self.covered_rows(self.spec.own, rows), 0.0) * self.spec.shape.slice_s
        return remaining_of_period(consumed(own, budget), covered, self.own_length_s)

    @property
    def own_length_s(self) -> float:
        """How long the own period is: of a calendar's, the one that is now."""
        return self.sums.period.length_ms / 1000 if self.sums.period else float(self.spec.own_s)

    @property
    def longest_wait_s(self) -> float:
        """The longest time without a measurement after which that is said, of all its SLOs."""
        rows = self.params.absence_rows
        return float(rows.max(initial=0.0, where=np.isfinite(rows))) * self.spec.shape.slice_s

    def absent(self, rows: IntArray, last: IntArray) -> BoolArray:
        """Whether nothing was measured for too long, of SLOs that ever were."""
        gone: BoolArray = (rows[:, None] - last >= self.params.absence_rows) & (last > -NEVER)
        return gone

    def _close(self, count: int) -> list[Transition]:
        entering, present = self.store.settle(count)
        rows = np.arange(self.store.closed, self.store.closed + count)
        totals = self.sums.close(entering)
        present = present | self.params.always
        last = np.maximum.accumulate(np.where(present, rows[:, None], -NEVER), axis=0)
        last = np.maximum(last, self.last)
        found = self._alert(rows, totals, last)
        self.last = last[-1]
        self._enter(self.store.begin_after(count))
        self.store.close(count)
        return found

    def _alert(self, rows: IntArray, totals: FloatArray, last: IntArray) -> list[Transition]:
        left = self.left(totals, rows, self.params.budget)
        signals = self._signals(rows, totals, last, left)
        base = self.params.priority
        tiers = len(self.spec.tiers)
        wanted = np.broadcast_to(base, signals.shape).copy()
        urgent = (left < LOW_BUDGET)[:, None] & (base[:tiers] == PRIORITIES.index("P1"))
        wanted[:, :tiers][urgent] = 0
        ends_ms = (rows + 1) * (self.spec.shape.slice_s * 1000)
        turns = self.lanes.run(signals, wanted, ends_ms)
        return [self._transition(one, int(ends_ms[one.step]), totals[one.step], left[one.step]) for one in turns]

    def _signals(self, rows: IntArray, totals: FloatArray, last: IntArray, left: FloatArray) -> Codes:
        params, windows = self.params, self.spec.rolling_s
        signals = np.empty((len(rows), self.spec.lanes, self.store.slots), np.int8)
        for lane, (long_s, short_s) in enumerate(self.spec.tiers):
            long, short = (params.counted(totals[:, windows.index(one)]) for one in (long_s, short_s))
            enough = (long.total >= params.min_events) & (long.bad >= params.min_bad)
            measured = last > rows[:, None] - self.spec.shape.rows(short_s)
            signals[:, lane] = burn_signals((long, short), params.limit[lane], enough, measured)
        own = params.counted(totals[:, self.spec.own])
        enough = (own.total >= params.min_events) & (own.bad >= params.min_bad)
        at = len(self.spec.tiers)
        for number in range(self.spec.shares):
            signals[:, at + number] = share_signals(left, params.share[number], enough)
        kept = self.left(totals, rows, params.sla_budget)
        signals[:, -2] = share_signals(
            np.where(kept < -_BREACH_SLACK, kept, np.maximum(kept, 1e-6)), np.zeros(1), enough
        )
        absent = self.absent(rows, last)
        signals[:, :-1][np.broadcast_to(absent[:, None], signals[:, :-1].shape)] = ABSENT
        signals[:, -1] = np.where(absent, ABOVE, BELOW)
        return signals

    def _transition(self, turn: Turn, at_ms: int, totals: FloatArray, left: FloatArray) -> Transition:
        slot, lane = turn.slot, turn.lane
        slo = self.members[slot].slo
        kind, alert = self.alert_of(slot, lane)
        long = short = rate = None
        if kind == "burn":
            ratios = error_ratio(self.params.counted(totals))[:, slot]
            at = [self.spec.rolling_s.index(one) for one in self.spec.tiers[lane]]
            long, short = _known(ratios[at[0]]), _known(ratios[at[1]])
            rate = None if long is None else long / float(self.params.budget[slot])
        return Transition(
            id=episode_id(slo.key, alert, turn.started_ms),
            slo=slo.key,
            alert=alert,
            kind=kind,
            state="start" if turn.was == OK else "end" if turn.now == OK else "update",
            priority=PRIORITIES[turn.priority],
            frozen=turn.now == FROZEN,
            at_ms=at_ms,
            started_ms=turn.started_ms,
            since_ms=self._since(turn),
            long_ratio=long,
            short_ratio=short,
            burn_rate=rate,
            budget_left=_known(left[slot]),
        )

    def _since(self, turn: Turn) -> int:
        """When the oldest alert began of those that were open with one: of its standing kind, or of the passing one."""
        tiers = len(self.spec.tiers)
        standing = range(tiers, self.spec.lanes - 1)
        alike = [lane for lane in range(self.spec.lanes) if (lane in standing) == (turn.lane in standing)]
        return min([turn.started_ms, *(turn.open_ms[lane] for lane in alike if turn.open_ms[lane])])

    def opened(self, slot: int) -> dict[str, Opened]:
        """The alerts of an SLO that are open, by name."""
        lanes = self.lanes
        found = {}
        for lane in np.flatnonzero(lanes.state[:, slot] != OK).tolist():
            kind, name = self.alert_of(slot, lane)
            state, priority = int(lanes.state[lane, slot]), int(lanes.priority[lane, slot])
            found[name] = Opened(kind, state, priority, int(lanes.started_ms[lane, slot]))
        return found

    def reopen(self, slot: int, opened: dict[str, Opened]) -> list[Transition]:
        """Go on with alerts that were open, as far as the definition still has them; those that it has not end."""
        slo, lanes = self.members[slot].slo, self.lanes
        lanes.clear(slot)
        known = {self.alert_of(slot, lane)[1]: lane for lane in range(self.spec.lanes)}
        for name in opened.keys() & known.keys():
            _, state, priority, started_ms = opened[name]
            at = known[name], slot
            lanes.state[at], lanes.priority[at], lanes.started_ms[at] = state, priority, started_ms
        at_ms = self.store.closed * self.spec.shape.slice_s * 1000
        return ends_of(slo.key, {name: one for name, one in opened.items() if name not in known}, at_ms)

    def alert_of(self, slot: int, lane: int) -> tuple[Kind, str]:
        """What kind a lane's alert is of, and its name."""
        slo, tiers = self.members[slot]
        if lane < len(tiers):
            return "burn", tiers[lane].name
        if lane < len(tiers) + self.spec.shares:
            return "budget", f"budget-{slo.alerts.remaining[lane - len(tiers)]:g}"
        return ("sla", SLA_ALERT) if lane == self.spec.lanes - 2 else ("no_data", NO_DATA_ALERT)

    def _await_entry(self, slot: int, spent: list[tuple[str, float]], sign: float) -> None:
        """Count bad events among those that are to be entered, or no longer."""
        if spent:
            waiting = self.unentered.setdefault(slot, {})
            for who, bad in spent:
                left = waiting.get(who, 0.0) + sign * bad
                if left > _NOTHING:
                    waiting[who] = left
                else:
                    waiting.pop(who, None)

    def _spent(self, row: int, slot: int) -> list[tuple[str, float]]:
        """Who spent what of an SLO's budget in a row: of a slice that is bad, each their share of its bad events."""
        at = row % self.store.ring_rows
        bad = float(self.store.raw[at, slot, BAD])
        weight = float(self.store.judged[at, slot, BAD]) / bad if bad else 0.0
        partitions = sorted(self.spenders.get(row, {}).items())
        return [(who, weight * one) for _, slots in partitions for who, one in slots.get(slot, [])]

    def _enter(self, begin: int) -> None:
        """Enter into ledgers what slices before a row spent; they take no counts any more."""
        for row in [one for one in sorted(self.spenders) if one < begin]:
            slots = {slot for partition in self.spenders[row].values() for slot in partition}
            for slot in sorted(slots):
                spent = self._spent(row, slot)
                if spent:
                    self.dirty_buckets.update(self.ledgers[slot].add(row * self.spec.shape.slice_s * 1000, spent))
                for partition in self.spenders[row].values():
                    self._await_entry(slot, partition.get(slot, []), -1.0)
            del self.spenders[row]


def ends_of(slo: str, opened: dict[str, Opened], at_ms: int) -> list[Transition]:
    """The ends of alerts that nothing looks after any more."""
    return [
        Transition(
            id=episode_id(slo, name, one.started_ms),
            slo=slo,
            alert=name,
            kind=one.kind,
            state="end",
            priority=PRIORITIES[one.priority],
            frozen=False,
            at_ms=max(at_ms, one.started_ms),
            started_ms=one.started_ms,
        )
        for name, one in sorted(opened.items())
    ]


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
