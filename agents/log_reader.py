"""Reading partitions from one place to another, outside any group."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from integrations.kafka.connection import KafkaSettings
from schemas.errors import BrokerError
from schemas.topics import MAX_MESSAGE_BYTES

_POLL_S: Final = 0.05
_READ_CHUNK: Final = 500
_RANGE_LIMIT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record as it was read, by whichever client."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class LogEnds:
    """The oldest offset that the broker still holds, and the one that the next record will have."""

    first: int
    next: int


class LogReader:
    """Reads partitions from one place to another, outside any group. Blocking: for a thread.

    Parameters
    ----------
    kafka
        The broker.
    committed
        Whether to leave out what transactions did not commit.
    """

    def __init__(self, kafka: KafkaSettings, committed: bool) -> None:
        self._connection = kafka.librdkafka(log_level=3)
        self._options = kafka.librdkafka(
            group_id=kafka.group("restore"),  # librdkafka wants one; nothing is ever committed to it
            enable_auto_commit=False,
            enable_partition_eof=True,
            auto_offset_reset="earliest",
            isolation_level="read_committed" if committed else "read_uncommitted",
            fetch_wait_max_ms=20,
            fetch_message_max_bytes=MAX_MESSAGE_BYTES,
            receive_message_max_bytes=16 * MAX_MESSAGE_BYTES,
            queued_max_messages_kbytes=65_536,
        )

    def to_end(
        self,
        topic: str,
        partitions: Iterable[int],
        still_wanted: Callable[[], bool] = lambda: True,
        first: Mapping[int, int] | None = None,
    ) -> Iterator[LogRecord]:
        """All records of these partitions, to the end as it is when it is reached, while they are wanted.

        Parameters
        ----------
        topic, partitions
            Which.
        still_wanted
            Asked between two reads.
        first
            Where to begin, by partition; at the beginning where nothing is said.

        Raises
        ------
        BrokerError
            If the topic cannot be read.
        """
        open_ones = set(partitions)
        places = [TopicPartition(topic, partition, (first or {}).get(partition, 0)) for partition in open_ones]
        with self._assigned(places) as consumer:
            while open_ones and still_wanted():
                for message in _consume(consumer):
                    if message is not None and message.error() is None:
                        yield _record(message)
                    elif message is not None:
                        open_ones.discard(message.partition())

    def between(
        self, topic: str, partition: int, first: int, end: int, still_wanted: Callable[[], bool] = lambda: True
    ) -> Iterator[LogRecord]:
        """The records that exist with ``first <= offset < end``, where ``end`` is one that was read.

        Raises
        ------
        BrokerError
            If the topic cannot be read, or does not come to ``end`` in time: what is missing is then not known
            to be gone.
        """
        waited_until = time.monotonic() + _RANGE_LIMIT_S
        with self._assigned([TopicPartition(topic, partition, first)]) as consumer:
            # The record at ``end`` was read: only it, one after it, or an end of the topic beyond it ends the range.
            while still_wanted():
                for message in _consume(consumer):
                    if message.offset() >= end:
                        return
                    if message.error() is None:
                        waited_until = time.monotonic() + _RANGE_LIMIT_S
                        yield _record(message)
                if time.monotonic() > waited_until:
                    raise BrokerError(
                        f"{topic}/{partition} was read at offset {end} once, and now does not come as far from {first}",
                        "Is the broker well? The worker starts again at its last checkpoint",
                    )

    def end_of_none(self, topic: str, partition: int, first: int) -> int:
        """The end of a partition if no record lies between ``first`` and there; ``first`` if one does.

        What then lies there are the marks of transactions, which no reader is ever given.

        Raises
        ------
        BrokerError
            If the topic cannot be read.
        """
        deadline = time.monotonic() + _RANGE_LIMIT_S
        with self._assigned([TopicPartition(topic, partition, first)]) as consumer:
            while time.monotonic() < deadline:
                for message in _consume(consumer):
                    return first if message.error() is None else max(first, message.offset())
        return first

    def ends(self, places: Iterable[tuple[str, int]], timeout_s: float = 10.0) -> dict[tuple[str, int], LogEnds]:
        """The oldest and the next offset of each of these partitions (topic, number).

        Raises
        ------
        BrokerError
            If the broker does not say.
        """
        partitions = [TopicPartition(topic, number) for topic, number in places]
        admin = AdminClient(dict(self._connection))
        oldest = admin.list_offsets({one: OffsetSpec.earliest() for one in partitions}, request_timeout=timeout_s)
        newest = admin.list_offsets({one: OffsetSpec.latest() for one in partitions}, request_timeout=timeout_s)
        try:
            return {
                (one.topic, one.partition): LogEnds(oldest[one].result().offset, newest[one].result().offset)
                for one in partitions
            }
        except KafkaException as error:
            raise BrokerError(f"the broker does not say where topics end: {error.args[0].str()}") from error

    def _assigned(self, places: Iterable[TopicPartition]) -> _Assigned:
        return _Assigned(self._options, list(places))


class _Assigned:
    """A consumer for the length of one reading."""

    def __init__(self, options: Mapping[str, object], places: list[TopicPartition]) -> None:
        self._consumer = Consumer(dict(options))
        self._places = places

    def __enter__(self) -> Consumer:
        if self._places:
            self._consumer.assign(self._places)
        return self._consumer

    def __exit__(self, *_: object) -> None:
        self._consumer.close()


def _consume(consumer: Consumer) -> list[Message]:
    messages: list[Message] = consumer.consume(_READ_CHUNK, _POLL_S)
    for message in messages:
        error = message.error()
        if error is not None and error.code() != KafkaError._PARTITION_EOF:
            raise BrokerError(f"cannot read {message.topic()}/{message.partition()}: {error.str()}")
    return messages


def _record(message: Message) -> LogRecord:
    kind, timestamp_ms = message.timestamp()
    return LogRecord(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        key=message.key(),
        value=message.value(),
        headers=tuple(message.headers() or ()),
        timestamp_ms=0 if kind == TIMESTAMP_NOT_AVAILABLE else timestamp_ms,
    )
