"""The burn stage of one partition: counts of slices, definitions and feedback in, budgets and alerts out.

Time is that of the slices. While no newer ones come, ticks move it on, so that silence is noticed; but only until all
objectives that are not measured have been said to be so (and by ``abreast_s`` at least). Then it stands still until
slices come: those of a detect stage that was away for hours are then not too late. Whatever is announced meanwhile
holds by the ticks' own time. Before the first slice there is no time, unless there is feedback to count. A partition of
samples whose slices come far ahead of another's waits for it, and time with it (``slo.abreast``).

A definition holds from the slice on that begins at its event time or later. One that makes an objective count
otherwise lets it begin anew: slices from before, whenever they come, are no part of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from schemas.events import Setting, Tick
from schemas.ids import decide_partition, event_id
from schemas.rerouting import sent_on
from schemas.slo_events import Feedback, SloAlert, SloSlice
from schemas.topics import BURN_TICKS, FEEDBACK, SETTINGS, SLO_ALERTS, SLO_EVENTS, SLO_STATUS, Topic
from slo.abreast import HELD, Abreast
from slo.announced import SUBJECT, Announced, announced
from slo.engine import Engine, EngineSettings, Outcome, counts_alike
from slo.feedback import FEEDBACK as FEEDBACK_BLOCK
from slo.feedback import VERDICT, FeedbackBook
from slo.pending import PENDING, Floors, Pending
from slo.snapshot import EngineBlocks, pack, unpack
from slo.status import Status
from slo.telling import Runbooks, alert_event, no_runbooks
from streams.operator import Output

_BURN: Final = "burn"
_WAIT_SLICES: Final = 2


class BurnOperator:
    """Budgets and alerts of the objectives of the tenants of one partition.

    Parameters
    ----------
    settings
        Of the engine.
    partition, partitions
        Which one this is, of how many; a record of a tenant that belongs elsewhere is sent there.
    runbooks
        Names the runbooks for an alert's labels.

    Examples
    --------
    >>> operator = BurnOperator(EngineSettings(), partition=0, partitions=1)
    >>> operator.on_tick(1_000), operator.statuses()
    ([], [])
    """

    inputs: tuple[Topic, ...] = (SLO_EVENTS, FEEDBACK, SETTINGS, BURN_TICKS)

    def __init__(
        self, settings: EngineSettings, partition: int, partitions: int, runbooks: Runbooks = no_runbooks
    ) -> None:
        self._partition = partition
        self._partitions = partitions
        self._runbooks = runbooks
        self._engine = Engine((), settings)
        self._blocks = EngineBlocks(self._engine)
        self._pending = Pending()
        self._floors = Floors()
        self._abreast = Abreast(settings.abreast_ms, partitions)
        self._book = FeedbackBook(self._takes, partitions + partition)
        self._newest_ms: int | None = None
        self._anchor = (0, 0)
        self._tick_ms = 0
        self._alerts: list[SloAlert] = []
        self._statuses: dict[str, Status] = {}
        self._gone: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        self._steps: dict[str, Callable[[bytes | None], list[Output]]] = {
            SLO_EVENTS.name: self._step_slice,
            FEEDBACK.name: self._step_feedback,
            SETTINGS.name: lambda value: self.on_setting(Setting.from_bytes(value)),
            BURN_TICKS.name: lambda value: self.on_tick(Tick.from_bytes(value).at_ms),
        }

    @property
    def counts(self) -> dict[str, int]:
        """What became of rows and verdicts so far, by name."""
        return dict(self._counts + self._engine.counts + self._book.counts)

    def step(self, topic: str, value: bytes | None) -> list[Output]:
        """Apply one record.

        Raises
        ------
        SchemaError
            If the record cannot be read; the state is then unchanged.
        """
        return self._steps[topic](value)

    def on_slice(self, record: SloSlice) -> list[Output]:
        """Take what a partition of samples counted in a slice, once no other is too far behind."""
        for one in self._abreast.passing(record):
            self._count(one)
        return self._told()

    def on_feedback(self, one: Feedback) -> list[Output]:
        """Take a verdict on an alert; it is counted once its time has come."""
        known = max(self._tick_ms, self._newest_ms or 0, self._engine.now_ms or 0)
        self._book.put(one, known or None)
        self._settle_feedback()
        return self._told()

    def on_setting(self, setting: Setting) -> list[Output]:
        """Take a definition of an objective, or its end; other subjects are somebody else's.

        Raises
        ------
        SchemaError
            If it is no definition.
        """
        if setting.subject != SUBJECT:
            return []
        one = announced(setting)
        tenant, _, _ = one.key.rpartition("/")
        if decide_partition(tenant, self._partitions) != self._partition:
            return []
        now_ms = self._engine.now_ms
        if one.from_ms == 0 or (now_ms is not None and one.from_ms <= now_ms):
            self._pending.overrule(one)
            self._define(one)
        else:
            self._pending.put(one)
        return self._told()

    def on_tick(self, at_ms: int) -> list[Output]:
        """Let time pass, if no slices make it pass."""
        if at_ms <= self._tick_ms:
            return []
        self._tick_ms = at_ms
        for one in self._abreast.on_tick(at_ms):
            self._count(one)
        if self._abreast.is_holding:
            return self._told()
        if self._newest_ms is None:
            if not self._book.is_waiting and self._engine.now_ms is None:
                return []
            now_ms = at_ms
        else:
            now_ms = self._moved_on(self._newest_ms, at_ms)
        self._reach(at_ms if self._stands_still(at_ms) else now_ms, now_ms)
        self._gather(self._engine.on_tick(now_ms))
        self._settle_feedback()
        return self._told()

    def statuses(self) -> list[Status]:
        """How all objectives stand that have closed a slice, by key."""
        found = (self._engine.status(slo.key) for slo in self._engine.slos)
        return [one for one in found if one is not None]

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call; None says that what had the key is gone."""
        mine = {
            "newest_ms": self._newest_ms,
            "anchor": self._anchor,
            "tick_ms": self._tick_ms,
            "floors": self._floors.dump(),
            "abreast": self._abreast.dump(),
        }
        parts = (self._pending, self._book, self._abreast)
        more = [(_BURN, pack(mine)), *(block for part in parts for block in part.take_blocks())]
        return sorted([*self._blocks.take_blocks(), *more])

    def load_block(self, key: str, value: bytes) -> None:
        """Put one block back.

        Raises
        ------
        CheckpointError
            If it is of a kind that is not known here.
        """
        if key == _BURN:
            body = unpack(value)
            self._newest_ms, self._tick_ms = body["newest_ms"], body["tick_ms"]
            self._anchor = (body["anchor"][0], body["anchor"][1])
            self._floors.load(body["floors"])
            if "abreast" in body:
                self._abreast.load(body["abreast"])
        elif key.startswith(HELD):
            self._abreast.load_block(key, value)
        elif key.startswith(PENDING):
            self._pending.load_block(key, value)
        elif key == FEEDBACK_BLOCK or key.startswith(VERDICT):
            self._book.load_block(key, value)
        else:
            self._blocks.load_block(key, value)

    def finish_load(self) -> None:
        """Make the engine of what was loaded."""
        self._blocks.finish_load()
        for slo in self._engine.slos:
            self._book.define(slo)

    def _step_slice(self, value: bytes | None) -> list[Output]:
        record = SloSlice.from_bytes(value)
        astray = self._astray(SLO_EVENTS, record, record.slice_ms, value)
        return self.on_slice(record) if astray is None else [astray]

    def _step_feedback(self, value: bytes | None) -> list[Output]:
        one = Feedback.from_bytes(value)
        astray = self._astray(FEEDBACK, one, one.at_ms, value)
        return self.on_feedback(one) if astray is None else [astray]

    def _astray(self, topic: Topic, event: SloSlice | Feedback, at_ms: int, value: bytes | None) -> Output | None:
        """What sends a record to the partition of its tenant, if that is not this one."""
        right = decide_partition(event.tenant, self._partitions)
        if right == self._partition or value is None:
            return None
        marked = sent_on(event.tenant, value)
        self._counts["rerouted"] += 1
        return Output(topic, right, event.key, marked, at_ms, event_id(topic.name, event.key, marked.hex()))

    def _count(self, record: SloSlice) -> None:
        self._reach(record.slice_ms, record.slice_ms)
        self._gather(self._engine.on_slice(self._floors.filtered(record)))
        self._newest_ms = max(self._newest_ms or 0, record.slice_ms + record.slice_s * 1000)
        self._settle_feedback()

    def _moved_on(self, newest_ms: int, at_ms: int) -> int:
        """Where ticks have moved the time to since the newest slice came."""
        if self._anchor[0] != newest_ms:
            self._anchor = newest_ms, at_ms
        return newest_ms + min(at_ms - self._anchor[1], self._patience_ms())

    def _stands_still(self, at_ms: int) -> bool:
        return self._newest_ms is not None and at_ms - self._anchor[1] >= self._patience_ms()

    def _patience_ms(self) -> int:
        """How far ticks move the time on without slices."""
        settings = self._engine.settings
        longest_s = max((bank.spec.shape.slice_s for bank in self._engine.banks.values()), default=0)
        wait_s = self._engine.longest_wait_s + _WAIT_SLICES * longest_s + settings.grace_s
        return max(settings.abreast_ms, round(wait_s * 1000))

    def _reach(self, until_ms: int, time_ms: int) -> None:
        """Let all definitions hold that do so by then, each once time has come so far, but no farther than given."""
        for one in self._pending.due(until_ms):
            if self._engine.now_ms is not None:
                self._gather(self._engine.on_tick(min(one.from_ms, time_ms)))
            self._define(one)

    def _define(self, one: Announced) -> None:
        before = self._engine.slo(one.key)
        if before == one.slo:
            return
        since_ms = one.from_ms or self._engine.now_ms or 0
        if before is not None and (one.slo is None or not counts_alike(before, one.slo)):
            self._floors.put(one.key, since_ms)
            self._book.forget(one.key)
        ends = self._engine.remove(one.key) if one.slo is None else self._engine.define(one.slo)
        if one.slo is not None:
            self._book.define(one.slo)
            self._gone.pop(one.key, None)
        else:
            self._statuses.pop(one.key, None)
            self._gone[one.key] = one.from_ms
        if before is not None:
            self._alerts += [alert_event(turn, before, None, self._runbooks) for turn in ends]

    def _takes(self, key: str, slice_ms: int) -> bool:
        return self._floors.admits(key, slice_ms) and self._engine.takes(key, slice_ms)

    def _settle_feedback(self) -> None:
        for record in self._book.settle(self._engine.now_ms or 0):
            self._gather(self._engine.on_slice(record))

    def _gather(self, outcome: Outcome) -> None:
        self._statuses |= {one.slo: one for one in outcome.statuses}
        for turn in outcome.alerts:
            slo = self._engine.slo(turn.slo)
            assert slo is not None
            self._alerts.append(alert_event(turn, slo, self._statuses[turn.slo].body, self._runbooks))

    def _told(self) -> list[Output]:
        """What was gathered: every turn of an alert, the newest status of each objective, tombstones of gone ones."""
        alerts, self._alerts = self._alerts, []
        statuses, self._statuses = self._statuses, {}
        gone, self._gone = self._gone, {}
        told = [self._status_output(one.slo, one.to_bytes(), one.at_ms) for one in statuses.values()]
        told += [self._status_output(key, None, at_ms) for key, at_ms in gone.items()]
        return [*map(self._alert_output, alerts), *told]

    def _alert_output(self, event: SloAlert) -> Output:
        # A turn is known by what it is: what it says of spenders may differ when it is told again.
        which = event_id(SLO_ALERTS.name, event.id, event.state, event.at_ms, event.priority, event.frozen)
        return Output(SLO_ALERTS, self._partition, event.key, event.to_bytes(), event.at_ms, which)

    def _status_output(self, key: str, value: bytes | None, at_ms: int) -> Output:
        which = event_id(SLO_STATUS.name, key, at_ms, (value or b"").hex())
        return Output(SLO_STATUS, self._partition, key, value, at_ms, which)
