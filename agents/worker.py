"""A worker process: one or more stages until it is told to stop.

Each stage is a Faust application of its own, a member of its own group, in one event loop. In production a worker
hosts one stage, so that a slow one holds up no other; several in one process are for small machines.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

import numpy as np

from agents.checkpoints import CheckpointSettings
from agents.decide import decide_stage
from agents.detect import detect_stage
from agents.host import StageHost, host
from agents.restore import ShellSettings, WriterFactory
from agents.stage import Stage, TickSettings
from agents.threads import in_thread
from agents.writers import writer_for
from incidents.decide import DecideOperator, DecideSettings
from integrations.kafka.admin import resolve_profile
from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from models.detect import DetectOperator, DetectSettings
from schemas.batch import SampleBatch
from schemas.series import Series

LOG = logging.getLogger(__name__)
Role = Literal["detect", "decide"]
ROLES: Final[tuple[Role, ...]] = ("detect", "decide")


@dataclass(frozen=True)
class WorkerSettings:
    """Settings of the stages that a worker hosts.

    Parameters
    ----------
    kafka, checkpoint, ticks
        Of the shell.
    detect, decide
        Of the operators.
    """

    kafka: KafkaSettings
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    ticks: TickSettings = field(default_factory=TickSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    decide: DecideSettings = field(default_factory=DecideSettings)

    def stage(self, role: Role) -> Stage:
        """The stage of a role."""
        count = self.kafka.partitions
        if role == "detect":
            stage = detect_stage(
                lambda partition: DetectOperator(self.detect, partition, count), self.ticks.detect_interval_s
            )
            return replace(stage, warm_up=lambda: _warm_up(DetectOperator(self.detect, 0, count)))
        return decide_stage(
            lambda partition: DecideOperator(self.decide, partition, count), self.ticks.decide_interval_s
        )


def _warm_up(operator: DetectOperator) -> None:
    """Let the kernels compile: a first start takes seconds for that, a later one finds them on disk."""
    series = Series("warm-up", "warm_up", {}, {})
    ids, text, row = np.array([series.id], np.uint64), [series.text], np.zeros(1, np.int32)
    operator.step_batch(SampleBatch("warm-up", ids, text, row, np.zeros(1, np.int64), np.zeros(1)))
    operator.on_tick(1000)
    operator.take_blocks()


def run_worker(
    roles: Iterable[Role],
    settings: WorkerSettings,
    telemetry: Telemetry,
    stop: threading.Event | None = None,
    writer: WriterFactory = writer_for,
) -> None:
    """Host stages until SIGTERM, SIGINT or ``stop``; returns after an orderly stop.

    Parameters
    ----------
    roles
        Stages to host.
    settings
        Theirs.
    telemetry
        Metrics and health.
    stop
        Set by whoever handles signals; where None, this does, and must run in the main thread.
    writer
        Makes the writers of checkpoints.

    Raises
    ------
    MetricsAIError
        If a stage failed; the process must end then, and the next reads its state from the broker.
    """
    asyncio.run(_run(tuple(roles), settings, telemetry, stop, writer))


async def _run(
    roles: Sequence[Role],
    settings: WorkerSettings,
    telemetry: Telemetry,
    stop: threading.Event | None,
    writer: WriterFactory,
) -> None:
    if stop is None:
        stop = threading.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
    kafka = await in_thread(resolve_profile, settings.kafka)
    shell = ShellSettings(kafka, settings.checkpoint, transactions=kafka.profile == "kafka", writer=writer)
    with_ticks = settings.ticks.ticks == "wall"
    hosts = [StageHost(settings.stage(role), shell, telemetry, with_ticks) for role in roles]
    failure = await host(hosts, stop)
    if failure is not None:
        raise failure
