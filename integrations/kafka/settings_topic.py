"""The topic ``settings``: one copy of a record on each partition, since every partition must know."""

from __future__ import annotations

from typing import Final

from confluent_kafka import KafkaException, Producer

from integrations.kafka.admin import ANSWER_S, list_topics
from integrations.kafka.connection import KafkaSettings
from schemas.errors import BrokerError
from schemas.events import Setting
from schemas.topics import SETTINGS

_LIMIT_S: Final = 30.0


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
    name = kafka.topic(SETTINGS)
    topic = list_topics(kafka, ANSWER_S).get(name)
    if topic is None:
        raise BrokerError(f"the broker has no topic {name}", "metrics-ai topics create makes it")
    producer = Producer(kafka.librdkafka())
    failed: list[str] = []
    for partition in range(topic.partitions):
        producer.produce(
            name,
            setting.to_bytes(),
            key.encode(),
            partition,
            on_delivery=lambda error, _: failed.append(str(error)) if error else None,
        )
    try:
        left = producer.flush(_LIMIT_S)
    except KafkaException as error:
        raise BrokerError(f"{name}: {error}", "Is the broker up?") from error
    if left or failed:
        why = failed[0] if failed else f"no answer within {_LIMIT_S:g} s"
        raise BrokerError(f"{name}: not every partition took the record ({why})", "Try again: repeats do no harm")
    return topic.partitions
