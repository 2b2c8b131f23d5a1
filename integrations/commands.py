"""Writes what people ask for to the topics that the stages read: ``commands`` and ``feedback``."""

from __future__ import annotations

import threading
import time
from typing import Final, Protocol

from confluent_kafka import KafkaError, KafkaException, Producer

from integrations.kafka.admin import ANSWER_S, list_topics
from integrations.kafka.connection import KafkaSettings
from schemas.base import Event
from schemas.command_events import Command
from schemas.errors import BrokerError
from schemas.ids import decide_partition
from schemas.slo_events import Feedback
from schemas.topics import COMMANDS, FEEDBACK, MAX_MESSAGE_BYTES, Topic

_LIMIT_S: Final = 10.0
_LINGER_MS: Final = 1


class CommandWriter(Protocol):
    """Whoever takes commands and verdicts to their topics."""

    def send(self, command: Command) -> None:
        """Write a command; it is durable afterwards."""

    def judge(self, feedback: Feedback) -> None:
        """Write a verdict; it is durable afterwards."""


class KafkaCommands:
    """The real one: an idempotent producer that waits until all replicas have a record.

    Parameters
    ----------
    kafka
        Where. The first record connects: a broker that is away then is one that is away now.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        self._partitions: dict[str, int] = {}

    def send(self, command: Command) -> None:
        """Write a command and wait until it is durable.

        Raises
        ------
        BrokerError
            If the broker is away, has no such topic, or does not take it in time.
        """
        self._write(COMMANDS, command.tenant, command.key, command)

    def judge(self, feedback: Feedback) -> None:
        """Write a verdict and wait until it is durable.

        Raises
        ------
        BrokerError
            If the broker is away, has no such topic, or does not take it in time.
        """
        self._write(FEEDBACK, feedback.tenant, feedback.key, feedback)

    def _write(self, topic: Topic, tenant: str, key: str, event: Event) -> None:
        name = self._kafka.topic(topic)
        outcome: list[str] = []
        done = threading.Event()

        def delivered(error: KafkaError | None, _: object) -> None:
            if error is not None:
                outcome.append(str(error))
                self._forget(error)
            done.set()

        try:
            producer = self._connected()
            partition = decide_partition(tenant, self._partitions_of(name))
            producer.produce(name, event.to_bytes(), key.encode(), partition, on_delivery=delivered)
            _await(producer, done)
        except (KafkaException, BufferError) as error:
            if isinstance(error, KafkaException):
                self._forget(error.args[0])
            raise BrokerError(f"{name}: {error}", "Is the broker up?") from error
        if not done.is_set() or outcome:
            why = outcome[0] if outcome else f"no answer within {_LIMIT_S:g} s"
            raise BrokerError(f"{name} did not take the record ({why})", "Try again: a repeat does no harm")

    def _connected(self) -> Producer:
        with self._lock:
            if self._producer is None:
                self._producer = Producer(
                    self._kafka.librdkafka(
                        enable_idempotence=True,
                        acks="all",
                        linger_ms=_LINGER_MS,
                        message_max_bytes=MAX_MESSAGE_BYTES,
                        # One that could still arrive after its writer was told of a failure would come as a surprise.
                        delivery_timeout_ms=int(_LIMIT_S * 1000),
                        log_level=0,
                    )
                )
            return self._producer

    def _forget(self, error: KafkaError) -> None:
        """After a fatal error a producer takes nothing any more: the next record has another."""
        if error.fatal():
            with self._lock:
                self._producer = None

    def _partitions_of(self, name: str) -> int:
        with self._lock:
            if name not in self._partitions:
                topic = list_topics(self._kafka, ANSWER_S).get(name)
                if topic is None:
                    raise BrokerError(f"the broker has no topic {name}", "metrics-ai topics create makes it")
                self._partitions[name] = topic.partitions
            return self._partitions[name]

    def close(self) -> None:
        """Write what is left, and let go of the broker."""
        with self._lock:
            if self._producer is not None:
                self._producer.flush(_LIMIT_S)
                self._producer = None


def _await(producer: Producer, done: threading.Event) -> None:
    """Serve the producer until this record has its answer; another thread may be told of it first."""
    deadline = time.monotonic() + _LIMIT_S + 1
    while not done.is_set() and time.monotonic() < deadline:
        producer.poll(0.01)
