"""Kills at random moments while a producer goes on."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from agents.stage import Stage
from integrations.kafka.admin import create_topics
from integrations.kafka.connection import KafkaSettings
from schemas.topics import CATALOGUE, Topic
from tests.integration.harness.log import BrokerLog
from tests.integration.harness.stages import sum_stage
from tests.integration.harness.traffic import Traffic, sum_messages
from tests.integration.harness.workers import WorkerProcess, WorkerSpec

_LIMIT_S = 150.0
_PILE_UP_S = 1.5
_TRIES = 5


def fresh(kafka: KafkaSettings, partitions: int = 2, **topic_config: str) -> KafkaSettings:
    """Topics of a trial's own."""
    settings = kafka.model_copy(
        update={"topic_prefix": f"t{uuid.uuid4().hex[:8]}.", "partitions": partitions, "session_timeout_s": 2.0}
    )
    create_topics(settings, CATALOGUE)
    return settings


@dataclass(frozen=True)
class Kill:
    """What a kill found: up to where the state was, what was applied, what lay on the topic."""

    role: str
    saved: dict[int, int]
    taken: dict[int, int]
    ends: dict[int, int]

    @property
    def fell_in_flight(self) -> bool:
        """Between two checkpoints, with records still to read."""
        return any(self.saved.get(number, 0) < taken < self.ends.get(number, 0) for number, taken in self.taken.items())


class LogEnds:
    """Asks the broker where a topic ends. (The embedded one lists a little less.)"""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer = Consumer(kafka.librdkafka(group_id="ends"))

    def of(self, topic: Topic) -> dict[int, int]:
        name = self._kafka.topic(topic)
        return {
            number: self._consumer.get_watermark_offsets(TopicPartition(name, number), 10.0)[1]
            for number in range(self._kafka.partitions)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._consumer.close()


@dataclass
class Trial:
    """Detect and decide over the small operator, disturbed while a producer goes on.

    Parameters
    ----------
    kafka
        A broker with topics of the trial's own.
    folder
        For logs.
    seed
        Of the data and of the moments.
    """

    kafka: KafkaSettings
    folder: Path
    seed: int
    per_second: float = 600.0
    interval_s: float = 0.5
    writer: str = "sound"
    kills: list[Kill] = field(default_factory=list)
    misses: list[Kill] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = BrokerLog(self.kafka)
        self.chance = random.Random(self.seed)
        self.workers: dict[str, list[WorkerProcess]] = {}
        self.ended: list[WorkerProcess] = []
        self.sender: Traffic | None = None

    operators: ClassVar[str] = "sums"
    ticking: ClassVar[frozenset[str]] = frozenset()
    clocks_back_s: ClassVar[dict[str, float]] = {}

    def stage(self, role: str) -> Stage:
        """What a worker of the role hosts."""
        return sum_stage(role)

    def traffic(self) -> Traffic:
        """What goes on meanwhile."""
        return Traffic(self.kafka, sum_messages(self.seed, 10**9, self.kafka.partitions), self.per_second)

    def run(self, disturb: Callable[[Self], None], roles: tuple[str, ...] = ("detect", "decide")) -> Self:
        """Let a producer go on while ``disturb`` does its worst, then let everything come to its end."""
        try:
            for role in roles:
                self.workers[role] = [self.start(role)]
            with self.traffic() as sender:
                self.sender = sender
                disturb(self)
            assert not sender.failed
            for role in roles:
                self.finish(role)
        finally:
            for worker in self.all_workers():
                worker.end()
        return self

    def all_workers(self) -> list[WorkerProcess]:
        return [worker for workers in self.workers.values() for worker in workers]

    def start(self, role: str) -> WorkerProcess:
        ticks = role in self.ticking
        spec = WorkerSpec(role, self.kafka, self.folder, self.interval_s, self.operators, self.writer, ticks)
        spec.extra = self.more(role)
        return WorkerProcess(spec)

    def more(self, role: str) -> dict[str, Any]:
        """What a worker is told beside that."""
        return {"clock_back_s": self.clocks_back_s.get(role, 0.0)}

    def supervise(self) -> None:
        """Start again what ended, as ``up`` and a container's restart policy do."""
        for role, workers in self.workers.items():
            for position, worker in enumerate(workers):
                if worker.exit_code:
                    self.ended.append(worker)
                    workers[position] = self.start(role)

    def wait_ready(self, limit_s: float = 90.0) -> None:
        """Until every worker consumes."""
        deadline = time.monotonic() + limit_s
        while not all(worker.status()["ready"] for worker in self.all_workers() if worker.exit_code != 0):
            self.supervise()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def said(self) -> str:
        return "\n".join(worker.said()[-3000:] for worker in self.all_workers())

    def count_said(self, text: str) -> int:
        """How often a text stands in the logs of all workers, those that ended too."""
        return sum(worker.said().count(text) for worker in (*self.ended, *self.all_workers()))

    def kill_in_flight(self, role: str, position: int = 0) -> None:
        """SIGKILL between two checkpoints with messages in flight, then start anew.

        A checkpoint may slip in before the signal arrives: that kill is not counted, and the next is tried.
        """
        for _ in range(_TRIES):
            kill = self._kill(role, position)
            self.ended.append(self.workers[role][position])
            self.workers[role][position] = self.start(role)
            if kill.fell_in_flight:
                self.kills.append(kill)
                return
            self.misses.append(kill)
        raise AssertionError(f"no kill of {role} fell between two checkpoints: {self.misses}")

    def _kill(self, role: str, position: int) -> Kill:
        worker = self.workers[role][position].wait_ready()
        stage = self.stage(role)
        time.sleep(self.chance.uniform(0.0, 2 * self.interval_s))
        taken, ends = self.await_in_flight(worker, stage.source)
        worker.kill()
        return Kill(role, self.log.saved(stage.checkpoints, stage.source), taken, ends)

    def await_in_flight(self, worker: WorkerProcess, source: Topic) -> tuple[dict[int, int], dict[int, int]]:
        """Freeze a worker that has applied something since its last checkpoint, and let something more arrive.

        A worker that keeps up has nothing waiting but for moments too short to hit; what comes once it stands still
        is waiting for certain.
        """
        deadline = time.monotonic() + _LIMIT_S
        with LogEnds(self.kafka) as log_ends:
            while time.monotonic() < deadline:
                asked = time.monotonic()
                while (status := worker.status())["at"] < asked:
                    assert worker.is_alive, worker.said()[-4000:]
                taken = {int(number): part["positions"][source.name] for number, part in status["partitions"].items()}
                saved = {int(number): part["saved"][source.name] for number, part in status["partitions"].items()}
                is_torn = self.writer == "sound" or status["torn"]
                if is_torn and any(saved[number] + 2 < position for number, position in taken.items()):
                    worker.freeze()
                    ends = self._piled_up(log_ends, source)
                    if any(saved[number] + 2 < taken[number] < ends[number] for number in taken):
                        return taken, ends
                    worker.thaw()
                time.sleep(self.chance.uniform(0.0, 0.02))
        raise AssertionError(f"nothing is in flight:\n{worker.said()[-4000:]}")

    def _piled_up(self, log_ends: LogEnds, source: Topic) -> dict[int, int]:
        """The ends of a topic once every partition has got more, or time is up."""
        before = ends = log_ends.of(source)
        deadline = time.monotonic() + _PILE_UP_S
        while time.monotonic() < deadline and any(ends[number] <= end for number, end in before.items()):
            time.sleep(0.02)
            ends = log_ends.of(source)
        return ends

    def finish(self, role: str) -> None:
        """Let a role apply everything that lies there, and end it in order."""
        source = self.stage(role).source
        self.await_applied(role, source)
        if self.writer == "sound":  # what a broken writer says is saved is what the judge must find out about
            self.await_applied(role, source, "saved")
        for worker in self.workers[role]:
            assert worker.stop() == 0, worker.said()[-4000:]

    def await_applied(self, role: str, topic: Topic, kind: str = "positions") -> None:
        """Until a role has applied (or ``saved``) all that lies on a topic now."""
        self.wait_ready()
        ends = self.log.ends(topic)
        deadline = time.monotonic() + _LIMIT_S
        while not self._has_reached(role, topic, ends, kind):
            self.supervise()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def _has_reached(self, role: str, source: Topic, ends: dict[int, int], kind: str) -> bool:
        positions: dict[int, int] = {}
        for worker in self.workers[role]:
            positions |= worker.positions(source.name, kind)
        return all(positions.get(number, 0) >= end for number, end in ends.items())


def kills_in_turn(count: int) -> Callable[[Trial], None]:
    """Each role killed so often, in a random order."""

    def disturb(trial: Trial) -> None:
        plan = [role for role in trial.workers for _ in range(count)]
        trial.chance.shuffle(plan)
        for role in plan:
            trial.kill_in_flight(role)

    return disturb


def compact_hard(kafka: KafkaSettings, topic: Topic) -> None:
    """Make the broker compact a topic as soon and as much as it can."""
    wanted = {
        "segment.ms": "1000",
        "segment.bytes": str(1024 * 1024),
        "min.cleanable.dirty.ratio": "0.0",
        "min.compaction.lag.ms": "0",
        "max.compaction.lag.ms": "1000",
    }
    entries = [ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in wanted.items()]
    resource = ConfigResource(ResourceType.TOPIC, kafka.topic(topic), incremental_configs=entries)
    admin = AdminClient(kafka.librdkafka())
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(20)
