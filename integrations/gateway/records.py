"""Consumed messages taken apart, a source at a time; what each costs is paid per message, so it is little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import numpy.typing as npt
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


def partitions_of(messages: Sequence[Message]) -> npt.NDArray[np.int32]:
    """Each message's partition."""
    return np.array([one.partition() for one in messages], np.int32)


def times_of(messages: Sequence[Message]) -> npt.NDArray[np.int64]:
    """Each message's own time in ms."""
    return np.array([max(0, one.timestamp()[1]) for one in messages], np.int64)


def spans(topic: str, messages: Sequence[Message]) -> list[Span]:
    """What the messages of one topic cover."""
    partition = partitions_of(messages)
    # Messages come in runs of one partition.
    starts = [0, *(np.flatnonzero(partition[1:] != partition[:-1]) + 1).tolist()] if len(messages) else []
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for start, end in zip(starts, [*starts[1:], len(messages)], strict=True):
        one = int(partition[start])
        first.setdefault(one, start)
        last[one] = end - 1
    found = []
    for one in sorted(first):
        begin, end = messages[first[one]], messages[last[one]]
        times = record_time_ms(begin), record_time_ms(end)
        found.append(Span((topic, one), begin.offset(), end.offset(), *times))
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
