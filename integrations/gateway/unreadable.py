"""Where a batch ends that the client cannot read.

A batch of an unknown codec, or a damaged one, is reported by its first offset, again and again, however far into it
one seeks; how many records it holds nobody tells. Looking beyond it finds the end, and no record that can be read
is lost.
"""

from __future__ import annotations

import time
from typing import Final
from uuid import uuid4

from confluent_kafka import Consumer, TopicPartition

from integrations.gateway.offsets import Source
from integrations.kafka.connection import KafkaSettings

_LOOK_S: Final = 5.0


def end_of_batch(kafka: KafkaSettings, source: Source, first: int, end: int) -> int:
    """The first offset after the unreadable batch.

    Parameters
    ----------
    kafka
        The broker.
    source
        Topic and partition.
    first
        The batch's first offset.
    end
        The partition's end.
    """
    low, high = first + 1, max(end, first + 1)
    while low < high:
        middle = (low + high) // 2
        if _lies_in(kafka, source, first, middle):
            low = middle + 1
        else:
            high = middle
    return low


def _lies_in(kafka: KafkaSettings, source: Source, first: int, offset: int) -> bool:
    # A consumer of its own for each look: after a seek, reports from before it still come.
    consumer = Consumer(kafka.librdkafka(**{"group.id": f"look-{uuid4()}", "enable.auto.commit": False}))
    try:
        consumer.assign([TopicPartition(*source, offset)])
        deadline = time.monotonic() + _LOOK_S
        while time.monotonic() < deadline:
            message = consumer.poll(0.2)
            if message is not None and message.offset() is not None and message.offset() >= 0:
                return bool(message.error() is not None and message.offset() == first)
        return False
    finally:
        consumer.close()
