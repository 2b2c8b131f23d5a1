"""Gateways under test: in a thread or in a process of their own, and what came out of them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, Message, Producer, TopicPartition

from integrations.gateway import Gateway, IngestSettings, SourceSettings
from integrations.kafka import KafkaSettings
from integrations.telemetry import Telemetry
from schemas.batch import SampleBatch, decode_batch
from schemas.topics import REJECTED, SAMPLES

PATIENCE_S = 40.0


def ingest(topic: str = "metrics", **other: Any) -> IngestSettings:
    """Settings that read one native topic."""
    return IngestSettings(sources=[SourceSettings(topic=topic, format="native")], **other)


def sample(series: str, number: int, base_ms: int, node: str = "") -> bytes:
    """A native record whose value counts up with its time."""
    labels = f'{{"node":"{node or series}","series":"{series}"}}'
    return f'{{"metric":"m","value":{number},"timestamp":{base_ms + number},"labels":{labels}}}'.encode()


def await_until(holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait for something that others do."""
    deadline = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline, f"{what}: not within {patience_s} s"
        time.sleep(0.05)


def producer(kafka: KafkaSettings, **options: Any) -> Producer:
    """A producer that takes what tests send, and keeps its order when it must retry."""
    return Producer(
        kafka.librdkafka(**{"enable.idempotence": True, "message.max.bytes": 8_000_000, "linger.ms": 5} | options)
    )


@dataclass
class RunningGateway:
    """A gateway in a thread."""

    telemetry: Telemetry
    stop: threading.Event
    thread: threading.Thread
    failure: list[Exception]

    def counted(self, name: str, **labels: str) -> float:
        return self.telemetry.registry.get_sample_value(name, {"stage": "ingest", **labels}) or 0.0

    def end(self) -> None:
        self.stop.set()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()


@contextlib.contextmanager
def running(
    settings: IngestSettings, kafka: KafkaSettings, clock: Callable[[], float] = time.time
) -> Iterator[RunningGateway]:
    """A gateway that runs, and is stopped in order."""
    telemetry, stop, failure = Telemetry("ingest"), threading.Event(), list[Exception]()

    def work() -> None:
        try:
            Gateway(settings, kafka, telemetry, clock).run(stop)
        except Exception as error:  # noqa: BLE001  # raised again where the test waits
            failure.append(error)

    gateway = RunningGateway(telemetry, stop, threading.Thread(target=work), failure)
    gateway.thread.start()
    try:
        yield gateway
    finally:
        gateway.end()
    if failure:
        raise failure[0]


_PROGRAM = """
import signal, sys, threading
from integrations.gateway import Gateway, IngestSettings
from integrations.kafka import KafkaSettings
from integrations.telemetry import Telemetry
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
ingest, kafka = IngestSettings.model_validate_json(sys.argv[1]), KafkaSettings.model_validate_json(sys.argv[2])
Gateway(ingest, kafka, Telemetry("ingest")).run(stop)
"""


def process(settings: IngestSettings, kafka: KafkaSettings) -> subprocess.Popen[bytes]:
    """A gateway in a process of its own, to be killed."""
    return subprocess.Popen([sys.executable, "-c", _PROGRAM, settings.model_dump_json(), kafka.model_dump_json()])


class TopicReader:
    """Reads a topic of ours from its beginning."""

    def __init__(self, kafka: KafkaSettings, topic: str) -> None:
        self._consumer = Consumer(kafka.librdkafka(group_id=f"test-{time.monotonic_ns()}", **{"fetch.wait.max.ms": 20}))
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(kafka.partitions)])
        self.messages: list[Message] = []

    def more(self) -> list[Message]:
        """Everything read so far, and what came since."""
        fresh = self._consumer.consume(10_000, 0.2)
        assert [message.error() for message in fresh if message.error()] == []
        self.messages += fresh
        return self.messages

    def close(self) -> None:
        self._consumer.close()


class Samples(TopicReader):
    """The batches that came out."""

    def __init__(self, kafka: KafkaSettings) -> None:
        super().__init__(kafka, kafka.topic(SAMPLES))
        self._batches: list[tuple[int, SampleBatch]] = []

    def batches(self) -> list[tuple[int, SampleBatch]]:
        """Partition and batch, in each partition's order."""
        for message in self.more()[len(self._batches) :]:
            self._batches.append((message.partition(), decode_batch(message.value())))
        return self._batches

    def count(self) -> int:
        return sum(len(batch) for _, batch in self.batches())

    def values(self) -> dict[str, list[float]]:
        """Values of each series (its ``series`` label), in order."""
        found: dict[str, list[float]] = defaultdict(list)
        for _, batch in self.batches():
            names = [batch.series_at(at).labels["series"] for at in range(len(batch.series_ids))]
            for at, value in zip(batch.series.tolist(), batch.value.tolist(), strict=True):
                found[names[at]].append(value)
        return found


def rejected(kafka: KafkaSettings) -> TopicReader:
    """The records that were refused."""
    return TopicReader(kafka, kafka.topic(REJECTED))


def committed(kafka: KafkaSettings, topic: str, partitions: int) -> int:
    """How many records of a topic the gateways have committed."""
    consumer = Consumer(kafka.librdkafka(group_id=kafka.group("ingest")))
    try:
        offsets = consumer.committed([TopicPartition(topic, partition) for partition in range(partitions)], timeout=10)
        return sum(max(0, one.offset) for one in offsets)
    finally:
        consumer.close()


def first_occurrences(values: list[float]) -> list[float]:
    """Without repeats, in the order of their first coming."""
    return list(dict.fromkeys(values))
