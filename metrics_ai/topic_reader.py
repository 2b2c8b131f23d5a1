"""Reads a topic of JSON events from its beginning, committed records only, and keeps the newest of each key."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Final, Generic, Self, TypeVar
from uuid import uuid4

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from integrations.kafka.admin import ANSWER_S
from integrations.kafka.connection import KafkaSettings
from schemas.base import Event
from schemas.errors import BrokerError, SchemaError
from schemas.topics import Topic

EventT = TypeVar("EventT", bound=Event)
_POLL_S: Final = 0.2
_BATCH: Final = 500


class TopicReader(Generic[EventT]):
    """All partitions of one topic, in no group: reading leaves no trace on the broker.

    Parameters
    ----------
    kafka
        Where.
    topic
        Which.
    event
        What its values are.
    wants
        Whether a value is of interest, before it is parsed; all are, where left out.

    Raises
    ------
    BrokerError
        If the broker does not answer, or has no such topic.
    """

    def __init__(
        self, kafka: KafkaSettings, topic: Topic, event: type[EventT], wants: Callable[[bytes], bool] | None = None
    ) -> None:
        self._event = event
        self._wants = wants
        self._name = kafka.topic(topic)
        self.unreadable = 0
        options = kafka.librdkafka(
            group_id=f"metrics-ai-reader-{uuid4()}",
            isolation_level="read_committed",
            enable_auto_commit=False,
            enable_partition_eof=True,
            log_level=0,
        )
        self._consumer = Consumer(options)
        try:
            metadata = self._consumer.list_topics(self._name, timeout=ANSWER_S).topics[self._name]
        except KafkaException as error:
            self._consumer.close()
            raise BrokerError(
                f"the broker at {kafka.bootstrap} does not answer", "Is it up, and is that its address?"
            ) from error
        if metadata.error is not None or not metadata.partitions:
            self._consumer.close()
            raise BrokerError(f"the broker has no topic {self._name}", "metrics-ai topics create makes it")
        self._behind = set(metadata.partitions)
        self._ends = {number: self._end_of(number) for number in self._behind}
        self._consumer.assign([TopicPartition(self._name, number, OFFSET_BEGINNING) for number in self._behind])

    @property
    def at_end(self) -> bool:
        """Whether every partition's end has been reached once."""
        return not self._behind

    def poll(self, timeout_s: float = _POLL_S) -> list[tuple[str, EventT | None]]:
        """Keys and events that have come; None where a key was deleted."""
        found: list[tuple[str, EventT | None]] = []
        for message in self._consumer.consume(_BATCH, timeout_s):
            if (error := message.error()) is not None:
                self._on_error(error, message)
                continue
            if message.offset() >= self._ends[message.partition()]:
                # It came after us: where records keep coming, a partition's end is never seen.
                self._behind.discard(message.partition())
            if self._wants is not None and not self._wants(message.value() or b""):
                continue
            key = (message.key() or b"").decode(errors="replace")
            try:
                found.append((key, self._event.from_bytes(message.value()) if message.value() else None))
            except SchemaError:
                self.unreadable += 1
        return found

    def is_answered(self, timeout_s: float = 2.0) -> bool:
        """Whether the broker is there; reading on, a client never says that it has gone."""
        try:
            self._consumer.list_topics(self._name, timeout=timeout_s)
        except KafkaException:
            return False
        return True

    def _end_of(self, partition: int) -> int:
        """The end as it is listed now (the embedded broker's may lie a batch before the true one)."""
        try:
            place = TopicPartition(self._name, partition)
            return int(self._consumer.get_watermark_offsets(place, timeout=ANSWER_S)[1])
        except KafkaException as error:
            self._consumer.close()
            raise BrokerError(f"the broker does not say where {self._name} ends", "Is the broker up?") from error

    def _on_error(self, error: KafkaError, message: Message) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            self._behind.discard(message.partition())
        elif error.fatal() or not (error.retriable() or error.code() == KafkaError._ALL_BROKERS_DOWN):
            raise BrokerError(f"cannot read {self._name}: {error.str()}", "Is the broker up?")

    def to_end(self, limit_s: float = 60.0) -> Iterator[tuple[str, EventT | None]]:
        """Everything that lies on the topic now.

        Raises
        ------
        BrokerError
            If the end is not reached in time.
        """
        deadline = time.monotonic() + limit_s
        while not self.at_end:
            if time.monotonic() > deadline:
                raise BrokerError(f"{self._name} could not be read to its end within {limit_s:g} s")
            yield from self.poll()

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Latest(Generic[EventT]):
    """The newest event of each key, in the order in which the keys first came.

    Parameters
    ----------
    part
        Tells apart what shares a key; by default a key has one event.

    Examples
    --------
    >>> latest: Latest[Event] = Latest()
    >>> latest.take([("a", Event()), ("b", Event()), ("a", None)])
    >>> len(latest.events())
    1
    """

    def __init__(self, part: Callable[[EventT], str] = lambda _: "") -> None:
        self._part = part
        self._by_key: dict[str, dict[str, EventT]] = {}

    def events(self) -> list[EventT]:
        """What is there now; may be asked while another thread takes."""
        return [event for parts in list(self._by_key.values()) for event in list(parts.values())]

    def take(self, records: list[tuple[str, EventT | None]]) -> None:
        """Replace or remove what the records say."""
        for key, event in records:
            if event is None:
                self._by_key.pop(key, None)
            else:
                self._by_key.setdefault(key, {})[self._part(event)] = event
