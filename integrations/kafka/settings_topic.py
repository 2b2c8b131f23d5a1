"""The topic ``settings``: one copy of a record on each partition, since every partition must know."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaException, Producer

from integrations.kafka.admin import ANSWER_S, list_topics
from integrations.kafka.connection import KafkaSettings
from schemas.errors import BrokerError
from schemas.events import Setting
from schemas.topics import SETTINGS

_LIMIT_S: Final = 30.0
_ROOM_S: Final = 0.1


def publish_setting(kafka: KafkaSettings, setting: Setting, key: str) -> int:
    """Write a setting to every partition; returns how many there are.

    Parameters
    ----------
    key
        What later records with the same key replace, once the topic is compacted.

    Raises
    ------
    BrokerError
        If the topic is not there, or a partition did not take it.
    """
    return publish_settings(kafka, [(key, setting)])


def publish_settings(kafka: KafkaSettings, settings: Iterable[tuple[str, Setting]]) -> int:
    """Write settings, each under its key, to every partition, in their order; returns how many partitions there are.

    Raises
    ------
    BrokerError
        If the topic is not there, or a partition did not take all of them; some may be there then.
    """
    name = kafka.topic(SETTINGS)
    topic = list_topics(kafka, ANSWER_S).get(name)
    if topic is None:
        raise BrokerError(f"the broker has no topic {name}", "metrics-ai topics create makes it")
    producer = Producer(kafka.librdkafka(linger_ms=20))
    failed: list[str] = []
    try:
        for key, setting in settings:
            _produce(producer, (name, topic.partitions), (key.encode(), setting.to_bytes()), failed)
        left = producer.flush(_LIMIT_S)
    except KafkaException as error:
        raise BrokerError(f"{name}: {error}", "Is the broker up?") from error
    if left or failed:
        why = failed[0] if failed else f"no answer within {_LIMIT_S:g} s"
        raise BrokerError(f"{name}: not every partition took the record ({why})", "Try again: repeats do no harm")
    return topic.partitions


def _produce(producer: Producer, where: tuple[str, int], record: tuple[bytes, bytes], failed: list[str]) -> None:
    """Put a record in the producer's buffer for each partition, waiting for room."""
    name, partitions = where
    key, value = record
    deadline = time.monotonic() + _LIMIT_S
    for partition in range(partitions):
        while True:
            try:
                producer.produce(
                    name,
                    value,
                    key,
                    partition,
                    on_delivery=lambda error, _: failed.append(str(error)) if error else None,
                )
                break
            except BufferError as error:
                producer.poll(_ROOM_S)
                if time.monotonic() > deadline:
                    raise BrokerError(f"{name}: no record is taken any more", "Is the broker up?") from error
    producer.poll(0)
