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

from agents.burn import burn_stage
from agents.checkpoints import CheckpointSettings
from agents.decide import decide_stage
from agents.detect import detect_stage
from agents.host import StageHost, host
from agents.notify import notify_stage
from agents.restore import ShellSettings, WriterFactory
from agents.route import route_stage
from agents.stage import Deliver, Stage, TickSettings
from agents.threads import in_thread
from agents.writers import writer_for
from incidents.decide import NO_RULES, DecideOperator, DecideSettings
from incidents.dispatch.operator import DispatchOperator
from incidents.dispatch.settings import DispatchSettings
from incidents.outbox import NotifyOperator, OutboxSettings
from incidents.routing.config import RoutingConfig
from incidents.rules.book import RuleBook
from integrations.kafka.admin import resolve_profile
from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from models.detect import DetectOperator, DetectSettings
from schemas.batch import SampleBatch
from schemas.series import Series
from slo.burning import BurnOperator
from slo.counting.hosted import HostedCounter
from slo.counting.settings import CountingSettings
from slo.counting.warm import warm_up_counting
from slo.engine import EngineSettings
from slo.settings import SloSettings
from slo.telling import Runbooks, no_runbooks

LOG = logging.getLogger(__name__)
Role = Literal["detect", "burn", "decide", "route", "notify"]
ROLES: Final[tuple[Role, ...]] = ("detect", "burn", "decide", "route", "notify")


@dataclass(frozen=True)
class WorkerSettings:
    """Settings of the stages that a worker hosts.

    Parameters
    ----------
    kafka, checkpoint, ticks
        Of the shell.
    detect, slo, decide
        Of the operators.
    runbooks
        Names those for an alert.
    routing, dispatch, outbox
        Of the routes, and of who is told.
    deliver
        Tells the outside world; without it there is no role ``notify``.
    """

    kafka: KafkaSettings
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)
    ticks: TickSettings = field(default_factory=TickSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    decide: DecideSettings = field(default_factory=DecideSettings)
    slo: SloSettings = field(default_factory=SloSettings)
    runbooks: Runbooks = no_runbooks
    rules: RuleBook = NO_RULES
    routing: RoutingConfig | None = None
    dispatch: DispatchSettings = field(default_factory=DispatchSettings)
    outbox: OutboxSettings = field(default_factory=OutboxSettings)
    deliver: Deliver | None = None

    def stage(self, role: Role) -> Stage:
        """The stage of a role."""
        return {
            "detect": self._detect_stage,
            "burn": self._burn_stage,
            "decide": self._decide_stage,
            "route": self._route_stage,
            "notify": self._notify_stage,
        }[role]()

    def _detect_stage(self) -> Stage:
        stage = detect_stage(self._detect, self.ticks.detect_interval_s)
        return replace(stage, warm_up=lambda: _warm_up(self._detect(0)))

    def _burn_stage(self) -> Stage:
        engine, count = EngineSettings(status_every_s=self.slo.status_every_s), self.kafka.partitions
        return burn_stage(
            lambda partition: BurnOperator(engine, partition, count, self.runbooks), self.ticks.burn_interval_s
        )

    def _decide_stage(self) -> Stage:
        count = self.kafka.partitions
        return decide_stage(
            lambda partition: DecideOperator(self.decide, partition, count, self.runbooks, self.rules),
            self.ticks.decide_interval_s,
        )

    def _route_stage(self) -> Stage:
        assert self.routing is not None, "the role route goes by a file of routes"
        routing, count = self.routing, self.kafka.partitions
        return route_stage(
            lambda partition: DispatchOperator(self.dispatch, routing, partition, count), self.ticks.route_interval_s
        )

    def _notify_stage(self) -> Stage:
        assert self.deliver is not None, "the role notify delivers"
        return notify_stage(
            lambda partition: NotifyOperator(self.outbox, partition), self.ticks.notify_interval_s, self.deliver
        )

    def _detect(self, partition: int) -> DetectOperator:
        count = self.kafka.partitions
        return DetectOperator(self.detect, partition, count, HostedCounter(CountingSettings(), partition, count))


@dataclass
class Holdings:
    """Which partitions the stages of a worker hold now; may be asked by any thread."""

    hosts: Sequence[StageHost] = ()

    def has(self, stage: str, partition: int) -> bool:
        """Whether a stage here holds a partition."""
        return any(one.shell.stage.name == stage and partition in one.shell.partitions for one in self.hosts)


def _warm_up(operator: DetectOperator) -> None:
    """Let the kernels compile: a first start takes seconds for that, a later one finds them on disk."""
    series = Series("warm-up", "warm_up", {}, {})
    ids, text, row = np.array([series.id], np.uint64), [series.text], np.zeros(1, np.int32)
    operator.step_batch(SampleBatch("warm-up", ids, text, row, np.zeros(1, np.int64), np.zeros(1)))
    operator.on_tick(1000)
    operator.take_blocks()
    warm_up_counting()


def run_worker(
    roles: Iterable[Role],
    settings: WorkerSettings,
    telemetry: Telemetry,
    stop: threading.Event | None = None,
    writer: WriterFactory = writer_for,
    holdings: Holdings | None = None,
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
    holdings
        Is told what is held.

    Raises
    ------
    MetricsAIError
        If a stage failed; the process must end then, and the next reads its state from the broker.
    """
    asyncio.run(_run(tuple(roles), settings, telemetry, stop, writer, holdings or Holdings()))


async def _run(
    roles: Sequence[Role],
    settings: WorkerSettings,
    telemetry: Telemetry,
    stop: threading.Event | None,
    writer: WriterFactory,
    holdings: Holdings,
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
    holdings.hosts = hosts
    failure = await host(hosts, stop)
    if failure is not None:
        raise failure
