"""Where a stage stands: lag, series, heartbeat, readiness; told to telemetry a few times a second."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from faust.types import TP

from agents.shell import Shell
from agents.step import PartitionState
from agents.threads import in_thread
from schemas.errors import BrokerError

LOG = logging.getLogger(__name__)
_EVERY_S: Final = 0.25
# So long an input may stand still before its end before somebody looks what lies there.
_STANDS_S: Final = 3.0
# Names under which operators count samples.
_TAKEN_IN: Final = frozenset({"samples", "accepted", "accepted_late"})
# What an operator counts beside the values that it left out.
_NOTED: Final = frozenset(
    {"closed_buckets", "river_updates", "forgotten", "counter_resets", "counter_wraps", "in_maintenance"}
)


class Watch:
    """Looks at a shell from outside.

    The end of a partition is the one that came with its last fetch: the embedded broker lists a wrong one.

    Parameters
    ----------
    shell
        To look at.
    clock
        Seconds since the epoch.
    """

    def __init__(self, shell: Shell, clock: Callable[[], float] = time.time) -> None:
        self._shell = shell
        self._clock = clock
        self._taken = -1
        self._told_of: set[int] = set()
        self._stands: dict[tuple[int, str], tuple[int, float]] = {}

    def owned(self) -> list[int]:
        """Partitions that are ours."""
        return sorted(self._shell.partitions)

    def nexts(self, partition: int) -> Mapping[str, int]:
        """The next offset of each input."""
        return self._shell.partitions[partition].positions

    def ends(self, partition: int) -> dict[str, int] | None:
        """The end of each input (ticks aside) as last heard from the broker; None before that."""
        names = [topic.name for topic in self._shell.stage.inputs if topic is not self._shell.stage.ticks]
        ends = {name: self.end(name, partition) for name in names}
        known = {name: end for name, end in ends.items() if end is not None}
        return known if len(known) == len(ends) else None

    def end(self, name: str, partition: int) -> int | None:
        """The end of an input as last heard from the broker; None before that."""
        consumer: Any = self._shell.app.consumer
        tp = TP(self._shell.name_on_broker(name), partition)
        try:
            end: int | None = consumer.highwater(tp)
        except Exception:  # noqa: BLE001  # aiokafka raises several when the assignment has just changed
            return None
        return end

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            self.look()
            await self.pass_marks()
            await asyncio.sleep(_EVERY_S)

    async def pass_marks(self) -> None:
        """Step over what lies at the end of an input and is no record: the marks of transactions.

        A stage would otherwise never have reached the end: no time would pass in it, and it would seem to lag.
        """
        for part, name, first in self._standing():
            topic = self._shell.name_on_broker(name)
            try:
                end = await in_thread(self._shell.reader.end_of_none, topic, part.number, first)
            except BrokerError as error:
                LOG.warning("what lies at the end is not known", extra={"topic": topic, "error": str(error)})
                continue
            if end > first and part.positions[name] == first and self._shell.partitions.get(part.number) is part:
                part.positions[name] = end

    def _standing(self) -> list[tuple[PartitionState, str, int]]:
        """Inputs that are not at their end, and have not moved for a while."""
        found, now_s, before, self._stands = [], time.monotonic(), self._stands, {}
        for part in self._shell.partitions.values():
            for name, position in part.positions.items():
                end = self.end(name, part.number)
                waits = part.held and name == self._shell.stage.ticks.name
                if end is None or end <= position or waits:
                    continue
                since = before.get((part.number, name), (-1, 0.0))
                self._stands[part.number, name] = since if since[0] == position else (position, now_s)
                if now_s - self._stands[part.number, name][1] > _STANDS_S:
                    self._stands[part.number, name] = (position, now_s)
                    found.append((part, name, position))
        return found

    def look(self) -> None:
        """Tell telemetry."""
        shell = self._shell
        parts = list(shell.partitions.values())
        behind = sum(self._tell(part) for part in parts)
        for number in self._told_of - (told := {part.number for part in parts}):
            self._forget(number)
        self._told_of = told
        shell.telemetry.set_ready(shell.stage.name, ready=shell.restored and self._flows())
        # A stage that has records to read and takes none has stopped, whatever its tasks say.
        if not behind or shell.step.taken != self._taken:
            shell.telemetry.beat(shell.stage.name)
        self._taken = shell.step.taken

    def _flows(self) -> bool:
        consumer: Any = self._shell.app.consumer
        return bool(consumer.flow_active and not self._shell.app.rebalancing)

    def _tell(self, part: PartitionState) -> int:
        shell, number = self._shell, str(part.number)
        behind = 0
        for name, position in part.positions.items():
            end = self.end(name, part.number)
            lag = max(0, end - position) if end is not None else 0
            behind += lag
            shell.telemetry.lag_offsets.labels(shell.stage.name, name, number).set(lag)
            age_s = self._clock() - part.read_ms[name] / 1000 if lag and part.read_ms.get(name) else 0.0
            shell.telemetry.lag_seconds.labels(shell.stage.name, name, number).set(max(0.0, age_s))
        self._tell_operator(part)
        return behind

    def _tell_operator(self, part: PartitionState) -> None:
        """What the operator counts of itself, where it does."""
        name, operator = self._shell.stage.name, part.operator
        telemetry = self._shell.telemetry
        series = getattr(operator, "series_count", None)
        if series is not None:
            telemetry.series.labels(name, str(part.number)).set(series)
        for reason, new in self._new_counts(part):
            if reason in _TAKEN_IN:
                telemetry.samples.labels(name).inc(new)
            elif reason in _NOTED:
                telemetry.noted.labels(name, reason).inc(new)
            else:
                telemetry.skipped.labels(name, self._shell.stage.source.name, reason).inc(new)

    def _new_counts(self, part: PartitionState) -> list[tuple[str, int]]:
        """What the operator counted since the last look."""
        counts: Mapping[str, int] = dict(getattr(part.operator, "counts", {}))
        before, part.told = part.told, counts
        return [(name, count - before.get(name, 0)) for name, count in counts.items() if count > before.get(name, 0)]

    def _forget(self, number: int) -> None:
        """A partition that went elsewhere is somebody else's to tell of."""
        telemetry, stage = self._shell.telemetry, self._shell.stage
        for topic in stage.inputs:
            telemetry.lag_offsets.remove(stage.name, topic.name, str(number))
            telemetry.lag_seconds.remove(stage.name, topic.name, str(number))
        telemetry.series.remove(stage.name, str(number))
        telemetry.checkpoint_time.remove(stage.name, str(number))
