"""A record batch with a compression codec that nobody knows."""

from __future__ import annotations

import asyncio
import struct
import time

from aiokafka import AIOKafkaProducer
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record._crc32c import crc as crc32c
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from integrations.kafka.connection import KafkaSettings

UNKNOWN_CODEC = 6
_NOT_LEADER = 6
_TRIES = 20
_ATTRIBUTES_AT = 21
_CRC_AT = 17


def unknown_codec_batch(value: bytes) -> bytes:
    """One record, said to be compressed by codec 6."""
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, 0, 1 << 20)
    builder.append(0, timestamp=1_795_000_000_000, key=None, value=value, headers=[])
    batch = bytearray(builder.build())
    struct.pack_into(">h", batch, _ATTRIBUTES_AT, UNKNOWN_CODEC)
    struct.pack_into(">I", batch, _CRC_AT, crc32c(bytes(batch[_ATTRIBUTES_AT:])))
    return bytes(batch)


def produce_unknown_codec(kafka: KafkaSettings, topic: str, partition: int, value: bytes) -> int:
    """Send such a batch; the broker's error code, 0 where it lets it through."""
    for _ in range(_TRIES):
        error = asyncio.run(_produce(kafka, topic, partition, value))
        if error != _NOT_LEADER:  # a topic that was just made
            break
        time.sleep(0.2)
    return error


async def _produce(kafka: KafkaSettings, topic: str, partition: int, value: bytes) -> int:
    producer = AIOKafkaProducer(**kafka.aiokafka())
    await producer.start()
    try:
        await producer.partitions_for(topic)
        client = producer.client
        request = ProduceRequest(
            transactional_id=None,
            required_acks=-1,
            timeout=10_000,
            topics=[(topic, [(partition, unknown_codec_batch(value))])],
        )
        response = await client.send(next(iter(client.cluster.brokers())).nodeId, request)
        ((_, ((_, error, *_rest),)),) = response.topics
        return int(error)
    finally:
        await producer.stop()
