"""The passing of time as records: written by the worker that owns the partition, read back as any other input."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from agents.checkpoints import KeyedRecord
from agents.outputs import OutputProducer, SendableRecord
from agents.stage import Stage
from schemas.events import Tick

LOG = logging.getLogger(__name__)


class Positions(Protocol):
    """Where the stage stands in its inputs."""

    def ends(self, partition: int) -> Mapping[str, int] | None:
        """The end of each input (ticks aside) as last heard from the broker; None before that."""

    def nexts(self, partition: int) -> Mapping[str, int]:
        """The next offset of each input."""

    def owned(self) -> list[int]:
        """Partitions that are ours."""


@dataclass
class _Pending:
    """A moment that has come, and the records that were there then."""

    at_ms: int
    ends: Mapping[str, int]


@dataclass
class TickWriter:
    """Writes ``<stage>.ticks`` for the partitions that this worker owns.

    A tick is written once every record that lay in the inputs at its moment has been applied, so that a stage which
    catches up does not hear of times that its inputs have not reached. Moments that come while one waits are left out.
    A tick says how far the inputs had been applied, so that whoever reads it again waits until they are so again.

    Parameters
    ----------
    stage
        Whose time passes.
    topic
        The tick topic's name on the broker.
    producer
        Sends.
    positions
        Where the stage stands.
    clock
        Seconds since the epoch.
    """

    stage: Stage
    topic: str
    producer: OutputProducer
    positions: Positions
    clock: Callable[[], float] = time.time
    _last_ms: int = 0
    _pending: dict[int, _Pending] = field(default_factory=dict)

    async def run(self) -> None:
        """Tick until cancelled."""
        while True:
            await asyncio.sleep(0.1)
            for record in self.due():
                await self.producer.send(record)

    def due(self) -> list[SendableRecord]:
        """The ticks to write now."""
        owned = self.positions.owned()
        self._pending = {number: pending for number, pending in self._pending.items() if number in owned}
        interval_ms = self.stage.tick_interval_s * 1000
        moment_ms = int(self.clock() * 1000) // interval_ms * interval_ms
        if moment_ms > self._last_ms:
            self._last_ms = moment_ms
            for number in owned:
                if (ends := self.positions.ends(number)) is not None and self._has_caught_up(number):
                    self._pending[number] = _Pending(moment_ms, dict(ends))
        return [self._take(number) for number in owned if number in self._pending and self._has_caught_up(number)]

    def _has_caught_up(self, number: int) -> bool:
        pending = self._pending.get(number)
        if pending is None:
            return True
        nexts = self.positions.nexts(number)
        return all(nexts[name] >= end for name, end in pending.ends.items())

    def _take(self, number: int) -> SendableRecord:
        pending = self._pending.pop(number)
        nexts = self.positions.nexts(number)
        after = {name: nexts[name] for name in pending.ends}
        tick = Tick(stage=self.stage.name, partition=number, at_ms=pending.at_ms, after=after)
        return SendableRecord(self.topic, number, KeyedRecord(str(number).encode(), tick.to_bytes()), pending.at_ms)
