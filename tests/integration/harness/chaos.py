"""Kills at random moments while a producer goes on."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from confluent_kafka import Consumer, TopicPartition

from integrations.kafka.admin import create_topics
from integrations.kafka.connection import KafkaSettings
from schemas.topics import CATALOGUE, Topic
from tests.integration.harness.log import BrokerLog
from tests.integration.harness.stages import sum_stage
from tests.integration.harness.traffic import Traffic, sum_messages
from tests.integration.harness.workers import WorkerProcess, WorkerSpec

_LIMIT_S = 60.0


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
    """Detect and decide over the small operator, killed in turn.

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

    def __post_init__(self) -> None:
        self.log = BrokerLog(self.kafka)
        self._chance = random.Random(self.seed)
        self._workers: dict[str, WorkerProcess] = {}

    def run(self, kills: int, roles: tuple[str, ...] = ("detect", "decide")) -> Trial:
        """Kill each role so often, then let everything come to its end."""
        plan = [role for role in roles for _ in range(kills)]
        self._chance.shuffle(plan)
        try:
            for role in roles:
                self._start(role)
            traffic = Traffic(self.kafka, sum_messages(self.seed, 10**9, self.kafka.partitions), self.per_second)
            with traffic:
                for role in plan:
                    self.kills.append(self._kill(role))
                    self._start(role)
            assert not traffic.failed
            self._finish(roles)
        finally:
            for worker in self._workers.values():
                worker.end()
        return self

    def _start(self, role: str) -> None:
        spec = WorkerSpec(role, self.kafka, self.folder, interval_s=self.interval_s, writer=self.writer)
        self._workers[role] = WorkerProcess(spec)

    def _kill(self, role: str) -> Kill:
        worker = self._workers[role].wait_ready()
        stage = sum_stage(role)
        time.sleep(self._chance.uniform(0.0, 2 * self.interval_s))
        taken, ends = self._await_in_flight(worker, stage.source)
        worker.kill()
        return Kill(role, self.log.saved(stage.checkpoints, stage.source), taken, ends)

    def _await_in_flight(self, worker: WorkerProcess, source: Topic) -> tuple[dict[int, int], dict[int, int]]:
        """Any moment will do in which something was applied since the last checkpoint, and something waits."""
        deadline = time.monotonic() + _LIMIT_S
        with LogEnds(self.kafka) as log_ends:
            while time.monotonic() < deadline:
                ends = log_ends.of(source)
                listed = time.monotonic()
                while (status := worker.status())["at"] < listed:
                    assert worker.is_alive, worker.said()[-4000:]
                for number, part in status["partitions"].items():
                    if part["saved"][source.name] + 2 < part["positions"][source.name] < ends[int(number)]:
                        return {int(n): p["positions"][source.name] for n, p in status["partitions"].items()}, ends
                time.sleep(self._chance.uniform(0.0, 0.02))
        raise AssertionError(f"nothing is in flight:\n{worker.said()[-4000:]}")

    def _finish(self, roles: tuple[str, ...]) -> None:
        for role in roles:
            stage = sum_stage(role)
            worker = self._workers[role].wait_ready()
            ends = self.log.ends(stage.source)
            self._await(lambda: self._has_reached(worker, stage.source, ends), worker)  # noqa: B023  # awaited here
            status = worker.stop()
            assert status == 0, worker.said()[-4000:]

    def _has_reached(self, worker: WorkerProcess, source: Topic, ends: dict[int, int]) -> bool:
        positions = worker.positions(source.name)
        return all(positions.get(number, 0) >= end for number, end in ends.items())

    def _await(self, condition: Callable[[], bool], worker: WorkerProcess) -> None:
        deadline = time.monotonic() + _LIMIT_S
        while not condition():
            assert worker.is_alive, worker.said()[-4000:]
            assert time.monotonic() < deadline, worker.said()[-4000:]
            time.sleep(0.05)
