"""A seeded producer that goes on while workers die."""

from __future__ import annotations

import json
import random
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from confluent_kafka import Producer

from integrations.kafka.connection import KafkaSettings
from schemas import topics

# Bursts, so that there is something to read when a worker dies.
_BURST_S = 0.2
# Not long ago: a transaction's mark bears the time of day, and one a week after a segment's first record closes the
# segment, so that alerts are compacted that a judge still looks for.
START_MS = int(time.time()) * 1000 - 3_600_000


@dataclass(frozen=True)
class Message:
    topic: str
    partition: int
    key: bytes
    value: bytes
    at_ms: int = 0


def sum_messages(seed: int, total: int, partitions: int, keys: int = 40) -> Iterator[Message]:
    """Records for the small operator: a key's values in order on one partition."""
    chance = random.Random(seed)
    numbers: Counter[str] = Counter()
    for position in range(total):
        key = f"k{chance.randrange(keys)}"
        numbers[key] += 1
        body = {"key": key, "value": chance.gauss(0, 1e6), "at_ms": START_MS + position, "n": numbers[key]}
        partition = zlib.crc32(key.encode()) % partitions
        yield Message(topics.SAMPLES.name, partition, key.encode(), json.dumps(body).encode())


class Traffic:
    """Sends messages in bursts at a rate, from a thread, until it is left."""

    def __init__(
        self, kafka: KafkaSettings, messages: Iterator[Message], per_second: float, prefix: bool = True
    ) -> None:
        self._producer = Producer(kafka.librdkafka(acks="all", linger_ms=2, max_in_flight=1))
        self._prefix = kafka.topic_prefix if prefix else ""
        self._messages = messages
        self._per_second = per_second
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._stop = threading.Event()
        self.sent: Counter[int] = Counter()
        self.failed = 0

    def _run(self) -> None:
        started = time.monotonic()
        burst = max(1, int(self._per_second * _BURST_S))
        for number, message in enumerate(self._messages):
            if self._stop.is_set():
                break
            if number % burst == 0:
                # Else a broker that was away gets one partition's backlog before the other's: hours of event time.
                self._producer.flush(60)
                self._rest(started + number / self._per_second)
            self._producer.produce(
                self._prefix + message.topic,
                message.value,
                message.key,
                message.partition,
                timestamp=message.at_ms,
                on_delivery=self._delivered,
            )
            self._producer.poll(0)
        self._producer.flush(60)

    def _rest(self, until: float) -> None:
        """Between two bursts; deliveries are counted as they come."""
        while (left := until - time.monotonic()) > 0:
            self._producer.poll(left)

    def _delivered(self, error: object, message: object) -> None:
        if error is not None:
            self.failed += 1
        else:
            self.sent[message.partition()] += 1  # type: ignore[attr-defined]

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
