"""Consumed messages taken apart, a source at a time; what each costs is paid per message, so it is little."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
class Stretch:
    """Messages of one source partition, in their order; at least one."""

    source: Source
    messages: list[Message]

    @property
    def first(self) -> int:
        """The first message's offset."""
        offset: int = self.messages[0].offset()
        return offset

    @property
    def last(self) -> int:
        """The last message's offset."""
        offset: int = self.messages[-1].offset()
        return offset

    @property
    def first_ms(self) -> int:
        """The first message's time."""
        return record_time_ms(self.messages[0])

    @property
    def last_ms(self) -> int:
        """The last message's time."""
        return record_time_ms(self.messages[-1])


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


def stretches(messages: list[Message]) -> list[Stretch]:
    """Messages by source partition, each partition's in their order."""
    if not messages:
        return []
    topics = [one.topic() for one in messages]
    partition = np.array([one.partition() for one in messages], np.int32)
    changes = partition[1:] != partition[:-1]
    if len(set(topics)) > 1:
        named = np.array(topics)
        changes |= named[1:] != named[:-1]
    # Messages come in runs of one partition.
    starts = [0, *(np.flatnonzero(changes) + 1).tolist()]
    found: dict[Source, list[Message]] = {}
    for start, end in zip(starts, [*starts[1:], len(messages)], strict=True):
        source = topics[start], int(partition[start])
        if source in found:
            found[source] += messages[start:end]
        else:
            found[source] = messages[start:end]
    return [Stretch(source, theirs) for source, theirs in found.items()]


def by_topic(found: Iterable[Stretch]) -> dict[str, list[Message]]:
    """The messages of each topic, each partition's together."""
    messages: dict[str, list[Message]] = {}
    for stretch in found:
        topic = stretch.source[0]
        messages[topic] = messages[topic] + stretch.messages if topic in messages else stretch.messages
    return messages


def times_of(messages: Sequence[Message]) -> npt.NDArray[np.int64]:
    """Each message's own time in ms."""
    return np.maximum(np.array([one.timestamp()[1] for one in messages], np.int64), 0)


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
