"""A batch that the client cannot decompress: brokers refuse them, librdkafka's mock cluster does not."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Iterator

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c
from confluent_kafka import Producer

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics, list_topics
from schemas.topics import REJECTED, SAMPLES
from tests.integration.gateways import Samples, await_until, ingest, producer, rejected, running, sample

UNKNOWN_CODEC = 5
_ATTRIBUTES_AT, _CRC_AT = 21, 17


@pytest.fixture
def mock_cluster() -> Iterator[KafkaSettings]:
    """librdkafka's own broker, which looks into no batch."""
    owner = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = owner.list_topics(timeout=10).brokers.values()
    settings = KafkaSettings(bootstrap=f"{broker.host}:{broker.port}", profile="kafka", partitions=4)
    settings = settings.model_copy(update={"session_timeout_s": 6.0})
    for topic in (SAMPLES.name, REJECTED.name, "metrics"):
        owner.list_topics(topic, timeout=10)
    yield settings
    owner.flush(1)


def undecodable(records: int) -> bytes:
    """A batch of a codec that does not exist."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 100_000)
    for at in range(records):
        builder.append(at, int(time.time() * 1000), None, b"x", [])
    data = bytearray(builder.build())
    (attributes,) = struct.unpack_from(">h", data, _ATTRIBUTES_AT)
    struct.pack_into(">h", data, _ATTRIBUTES_AT, (attributes & ~7) | UNKNOWN_CODEC)
    struct.pack_into(">I", data, _CRC_AT, calc_crc32c(bytes(data[_ATTRIBUTES_AT:])))
    return bytes(data)


async def send_raw(settings: KafkaSettings, topic: str, data: bytes) -> int:
    """Send a batch as it is to partition 0; the broker's error code."""
    client = AIOKafkaClient(**settings.aiokafka())
    await client.bootstrap()
    topics = [(topic, [(0, data)])]
    request = ProduceRequest(transactional_id=None, required_acks=-1, timeout=5000, topics=topics)
    response = await client.send(client.get_random_node(), request)
    await client.close()
    code: int = response.topics[0][1][0][1]
    return code


def test_what_cannot_be_decompressed_is_counted_and_stepped_over(mock_cluster: KafkaSettings) -> None:
    base_ms = int(time.time() * 1000) - 10_000
    sender = producer(mock_cluster)

    def send(number: int) -> None:
        sender.produce("metrics", sample("s", number, base_ms), partition=0)
        assert sender.flush(10) == 0

    send(0)
    assert asyncio.run(send_raw(mock_cluster, "metrics", undecodable(7))) == 0
    send(1)
    assert asyncio.run(send_raw(mock_cluster, "metrics", undecodable(1))) == 0
    send(2)
    samples = Samples(mock_cluster)
    with running(ingest("metrics", create_topics=False), mock_cluster) as gateway:
        await_until(lambda: samples.values().get("s") == [0.0, 1.0, 2.0], "the samples around")
        assert gateway.counted("metrics_ai_rejected_total", source="metrics", reason="unreadable") == 8
        bin_ = rejected(mock_cluster)
        await_until(lambda: len(bin_.more()) == 2, "word of both")
    headers = [dict(message.headers()) for message in bin_.messages]
    assert [(one["source_offset"], one["source_last_offset"]) for one in headers] == [(b"1", b"7"), (b"9", b"9")]
    assert {(one["reason"], one["source_topic"], one["source_partition"]) for one in headers} == {
        (b"unreadable", b"metrics", b"0")
    }
    assert [message.value() for message in bin_.messages] == [b"", b""]
    bin_.close()
    samples.close()


def test_an_unreadable_batch_does_not_overtake_what_is_held_before_it(mock_cluster: KafkaSettings) -> None:
    """Partition 0 is far ahead of partition 1, so that its records wait when the unreadable batch is met."""
    base_ms = int(time.time() * 1000) - 3_600_000
    sender = producer(mock_cluster)
    for number in range(100):
        at_ms = base_ms + 600_000 + 1000 * number
        sender.produce("metrics", sample("ahead", number, base_ms), partition=0, timestamp=at_ms)
    for number in range(5000):
        sender.produce("metrics", sample("slow", number, base_ms), partition=1, timestamp=base_ms + 60 * number)
    assert sender.flush(10) == 0
    assert asyncio.run(send_raw(mock_cluster, "metrics", undecodable(7))) == 0
    sender.produce("metrics", sample("ahead", 100, base_ms), partition=0)
    assert sender.flush(10) == 0
    samples = Samples(mock_cluster)
    settings = ingest("metrics", create_topics=False, consume_records=500, abreast_s=1)
    with running(settings, mock_cluster):
        await_until(lambda: samples.count() >= 5101, "all samples")
    assert samples.values()["ahead"] == [float(number) for number in range(101)]
    ranges = [span[2:] for _, batch in samples.batches() for span in batch.source if span[:2] == ("metrics", 0)]
    assert len(ranges) > 1
    reached = -1
    for first, last in sorted(set(ranges), key=ranges.index):
        assert first > reached, "an offset stands behind one that was covered before it"
        reached = last
    samples.close()


def test_a_broker_refuses_an_unknown_codec(any_broker: KafkaSettings) -> None:
    create_topics(any_broker, (), ["codecs"])
    await_until(lambda: "codecs" in list_topics(any_broker), "the topic")
    sender = producer(any_broker)
    sender.produce("codecs", b"known", partition=0)
    assert sender.flush(20) == 0  # by now its leader is at work
    assert asyncio.run(send_raw(any_broker, "codecs", undecodable(1))) != 0
