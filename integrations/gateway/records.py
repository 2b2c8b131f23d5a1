"""Consumed messages taken apart, a source at a time; what each costs is paid per message, so it is little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, KafkaError, Message

from integrations.gateway.offsets import Source

# What a broker or a fetch says of a topic; no record is behind it.
_ABOUT_TOPICS = frozenset(
    {
        KafkaError._PARTITION_EOF,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError._UNKNOWN_PARTITION,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)


class RecordTimes(Sequence[int]):
    """Times of messages, looked up only when asked for."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages

    def __len__(self) -> int:
        return len(self._messages)

    @overload
    def __getitem__(self, at: int) -> int: ...
    @overload
    def __getitem__(self, at: slice) -> RecordTimes: ...
    def __getitem__(self, at: int | slice) -> int | RecordTimes:
        if isinstance(at, slice):
            return RecordTimes(self._messages[at])
        return record_time_ms(self._messages[at])


@dataclass(frozen=True, slots=True)
class Span:
    """What was read of one source partition: first and last offset, first and last record's time."""

    source: Source
    first: int
    last: int
    first_ms: int
    last_ms: int


def record_time_ms(message: Message) -> int:
    """A message's own time; 0 where it has none."""
    kind, time_ms = message.timestamp()
    return 0 if kind == TIMESTAMP_NOT_AVAILABLE else max(0, time_ms)


def without_errors(messages: list[Message]) -> tuple[list[Message], list[Message]]:
    """Records, and what is not a record but says that something is wrong."""
    if not any([one.error() is not None for one in messages]):  # noqa: C419  # a list is quicker
        return messages, []
    good = [one for one in messages if one.error() is None]
    return good, [one for one in messages if one.error() is not None]


def is_about_topic(error: KafkaError) -> bool:
    """Whether an error concerns a topic (missing, say) and not a record of it."""
    return error.code() in _ABOUT_TOPICS


def by_topic(messages: list[Message]) -> Iterator[tuple[str, list[Message]]]:
    """Messages of each topic, in their order."""
    topics = [one.topic() for one in messages]
    distinct = dict.fromkeys(topics)
    if not topics:
        return
    if len(distinct) == 1:
        yield topics[0], messages
        return
    for topic in distinct:
        yield topic, [message for message, of in zip(messages, topics, strict=True) if of == topic]


def spans(topic: str, messages: Sequence[Message]) -> list[Span]:
    """What the messages of one topic cover."""
    count = len(messages)
    partition = np.fromiter([one.partition() for one in messages], np.int32, count)
    offset = np.fromiter([one.offset() for one in messages], np.int64, count)
    found = []
    for one in np.unique(partition).tolist():
        rows = np.flatnonzero(partition == one)
        first, last = int(rows[0]), int(rows[-1])
        times = record_time_ms(messages[first]), record_time_ms(messages[last])
        found.append(Span((topic, one), int(offset[first]), int(offset[last]), *times))
    return found


def by_tenant(messages: list[Message], header: str, default: str) -> dict[str, list[Message]]:
    """Messages of each tenant, by a header that their writers are trusted with; undecodable ones under ``""``."""
    found: dict[str, list[Message]] = {}
    for message in messages:
        found.setdefault(_tenant(message.headers(), header, default), []).append(message)
    return found


def _tenant(headers: Any, header: str, default: str) -> str:
    for name, value in headers or ():
        if name == header:
            try:
                return value.decode() if isinstance(value, bytes) else str(value or "")
            except UnicodeDecodeError:
                return ""
    return default
