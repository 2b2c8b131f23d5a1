"""One stage at work in an event loop: its Faust application, shell, ticks and watch."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from agents.agent import stage_agent
from agents.app import make_app
from agents.deliveries import DeliveryRunner
from agents.restore import ShellSettings
from agents.shell import Shell
from agents.stage import Stage
from agents.threads import in_thread
from agents.ticks import TickWriter
from agents.watch import Watch
from integrations.telemetry import Telemetry
from schemas.errors import BrokerError, MetricsAIError

LOG = logging.getLogger(__name__)
# What an orderly stop may take before the process ends anyway; its state is safe at the last checkpoint.
STOP_LIMIT_S: Final = 15.0
ABANDON_LIMIT_S: Final = 3.0
_POLL_S: Final = 0.1


class StageHost:
    """One stage at work: its application, shell, ticks and watch.

    Parameters
    ----------
    stage
        To host.
    settings
        The shell's world.
    telemetry
        Metrics and health.
    with_ticks
        Whether to write the stage's ticks.
    clock
        Theirs: seconds since the epoch.
    """

    def __init__(
        self,
        stage: Stage,
        settings: ShellSettings,
        telemetry: Telemetry,
        with_ticks: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.app = make_app(stage.name, settings.kafka, settings.transactions)
        self.shell = Shell(stage, settings, self.app, telemetry)
        watch = Watch(self.shell)
        self._loops: list[Callable[[], asyncio.Future[None]]] = [lambda: asyncio.ensure_future(watch.run())]
        if with_ticks:
            topic = self.shell.name_on_broker(stage.ticks.name)
            ticks = TickWriter(stage, topic, self.shell.producer, watch, clock)
            self._loops.append(lambda: asyncio.ensure_future(ticks.run()))
        if stage.deliver is not None:
            runner = DeliveryRunner(self.shell, stage.deliver, watch, clock)
            self.shell.before_handing_on = runner.rest
            self._loops.append(lambda: asyncio.ensure_future(runner.run()))
        self._tasks: list[asyncio.Future[None]] = []
        stage_agent(self.app, self.shell)

    @property
    def is_started(self) -> bool:
        """Whether it has begun to join the group."""
        return bool(self._tasks)

    async def start(self) -> None:
        """Join the group; partitions come when the group gives them."""
        await in_thread(self.shell.stage.warm_up)
        await self.shell.producer.start()
        self._tasks = [asyncio.ensure_future(self.app.start()), *(loop() for loop in self._loops)]

    def failure(self) -> MetricsAIError | None:
        """What ended the stage, if anything did."""
        if self.shell.failed.done():
            return self.shell.failed.result()
        if self.app.crashed:
            return BrokerError(f"{self.shell.stage.name} crashed: {self.app.crash_reason!r}")
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                return BrokerError(f"{self.shell.stage.name} stopped: {error!r}")
        return None

    async def stop(self) -> None:
        """Drain, checkpoint, leave the group."""
        await self.shell.drain()
        for task in self._tasks[1:]:
            task.cancel()
        await self.app.stop()
        await self.shell.producer.stop()
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task

    async def abandon(self) -> None:
        """Let go of a stage that failed, as far as it goes; what it held lies at its last checkpoint."""
        self.shell.step.stopped = True
        for task in self._tasks:
            task.cancel()
        stopping = asyncio.ensure_future(self.app.stop())
        await asyncio.wait({stopping}, timeout=ABANDON_LIMIT_S)


async def host(hosts: Sequence[StageHost], stop: threading.Event) -> MetricsAIError | None:
    """Run stages until told to stop or one fails; returns what failed."""
    starting = asyncio.ensure_future(_start(hosts))
    failure = None
    while not stop.is_set() and failure is None:
        await asyncio.sleep(_POLL_S)
        if starting.done():
            starting.result()
        failure = next(filter(None, (one.failure() for one in hosts)), None)
    starting.cancel()
    if failure is not None:
        await asyncio.gather(*(one.abandon() for one in hosts))
    else:
        failure = await _stop(hosts)
    return failure


async def _start(hosts: Sequence[StageHost]) -> None:
    for one in hosts:
        await one.start()


async def _stop(hosts: Sequence[StageHost]) -> MetricsAIError | None:
    """Stop in order; returns what is amiss if that takes too long."""
    holding = any(one.shell.restored for one in hosts)
    limit_s = STOP_LIMIT_S if holding else ABANDON_LIMIT_S
    # Not wait_for, which waits for what it cancelled, and mode goes on when it is cancelled.
    stopping = asyncio.gather(*(one.stop() for one in hosts if one.is_started))
    await asyncio.wait({stopping}, timeout=limit_s)
    if stopping.done():
        stopping.result()
    elif holding:
        return BrokerError(f"no orderly stop within {limit_s:.0f} s; the last checkpoint stands")
    else:
        # Faust may wait for a group that it had only begun to join; who was given nothing leaves nothing behind.
        LOG.warning("ended before the group was joined")
    return None
