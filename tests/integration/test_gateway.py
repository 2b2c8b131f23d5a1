"""The gateway on both brokers: what goes in comes out, whatever lies between."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from integrations.gateway import IngestSettings, SourceSettings
from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics, list_topics
from schemas.batch import decode_batch
from schemas.errors import ConfigurationError
from schemas.topics import DAY_MS, REJECTED, SAMPLES
from tests.integration.gateways import (
    Samples,
    await_until,
    committed,
    first_occurrences,
    ingest,
    producer,
    rejected,
    running,
    sample,
)

PARTITIONS = 4


@pytest.fixture
def kafka(any_broker: KafkaSettings, request: pytest.FixtureRequest) -> KafkaSettings:
    """A corner of the broker for one test; short sessions, so that groups form quickly."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:80]
    settings = {"topic_prefix": f"{name}.", "partitions": PARTITIONS, "session_timeout_s": 2.0}
    return any_broker.model_copy(update=settings)


@pytest.fixture
def source(kafka: KafkaSettings) -> str:
    """The producer's topic, created with ours."""
    name = f"{kafka.topic_prefix}metrics"
    create_topics(kafka, (SAMPLES, REJECTED), [name])
    return name


@pytest.fixture
def samples(kafka: KafkaSettings, source: str) -> Iterator[Samples]:
    reader = Samples(kafka)
    yield reader
    reader.close()


def now_ms() -> int:
    return int(time.time() * 1000) - 100_000


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_every_codec_is_read(kafka: KafkaSettings, source: str, samples: Samples, codec: str) -> None:
    sender, base_ms = producer(kafka, **{"compression.type": codec}), now_ms()
    for number in range(500):
        sender.produce(source, sample(f"s{number % 10}", number, base_ms), key=f"s{number % 10}")
    assert sender.flush(20) == 0
    with running(ingest(source), kafka):
        await_until(lambda: samples.count() >= 500, "all samples")
    assert samples.values() == {f"s{at}": [float(one) for one in range(at, 500, 10)] for at in range(10)}


def test_whatever_a_record_holds_the_gateway_goes_on(kafka: KafkaSettings, source: str, samples: Samples) -> None:
    sender, base_ms = producer(kafka), now_ms()
    large = b"[" + b",".join(sample("large", number, base_ms) for number in range(60_000)) + b"]"
    assert len(large) > 5_000_000
    garbage = b"\xff" * 5_000_000
    refused = [None, b"", b"{", b"\x00\xff\xfe", b'{"metric": "m"}', garbage]
    records = [sample("before", 0, base_ms), *refused[:3], sample("between", 1, base_ms), *refused[3:], large]
    for record in [*records, sample("after", 2, base_ms)]:
        sender.produce(source, record, partition=0)
        assert sender.flush(20) == 0
    bin_ = rejected(kafka)
    with running(ingest(source), kafka) as gateway:
        await_until(lambda: samples.count() >= 60_003, "all samples")
        await_until(lambda: len(bin_.more()) >= len(refused), "all rejected records")
        await_until(lambda: committed(kafka, source, PARTITIONS) == len(records) + 1, "all committed")
        assert gateway.counted("metrics_ai_rejected_total", source=source, reason="tombstone") == 1
        assert gateway.counted("metrics_ai_records_total", topic=source) == len(records) + 1
    assert [message.value() for message in bin_.messages] == refused
    headers = [dict(message.headers()) for message in bin_.messages]
    assert [one["source_offset"] for one in headers] == [b"1", b"2", b"3", b"5", b"6", b"7"]
    assert {one["source_topic"] for one in headers} == {source.encode()}
    assert {message.key() for message in bin_.messages} == {source.encode()}
    assert [one["reason"] for one in headers[:2]] == [b"tombstone", b"empty"]
    bin_.close()


def test_a_batch_says_where_its_samples_came_from(kafka: KafkaSettings, source: str, samples: Samples) -> None:
    sender, base_ms = producer(kafka), now_ms()
    for number in range(100):
        sender.produce(source, sample("s", number, base_ms), partition=2)
    assert sender.flush(20) == 0
    with running(ingest(source), kafka):
        await_until(lambda: samples.count() >= 100, "all samples")
    message, (_, batch) = samples.messages[0], samples.batches()[0]
    assert batch.source[0][:3] == (source, 2, 0)
    assert samples.batches()[-1][1].source[-1][3] == 99
    assert message.key() == b"default"
    headers = dict(message.headers())
    assert (headers["tenant"], headers["schema_version"]) == (b"default", b"1")
    assert len({dict(one.headers())["ce_id"] for one in samples.messages}) == len(samples.messages)


def test_a_stop_drains_and_the_next_goes_on_without_repeats(
    kafka: KafkaSettings, source: str, samples: Samples
) -> None:
    sender, base_ms, sent = producer(kafka), now_ms(), 0
    for _ in range(3):
        with running(ingest(source, linger_ms=300), kafka) as gateway:
            for _ in range(300):
                sender.produce(source, sample(f"s{sent % 7}", sent, base_ms), key=f"s{sent % 7}")
                sent += 1
            assert sender.flush(20) == 0
            await_until(lambda: gateway.counted("metrics_ai_samples_total") >= 300, "all read")
        assert committed(kafka, source, PARTITIONS) == sent
    await_until(lambda: samples.count() >= sent, "all samples")
    assert samples.values() == {f"s{at}": [float(one) for one in range(at, sent, 7)] for at in range(7)}


def test_two_gateways_share_the_work_and_hand_it_over(kafka: KafkaSettings, source: str, samples: Samples) -> None:
    sender, base_ms, stop = producer(kafka), now_ms(), threading.Event()
    sent: list[int] = []

    def produce() -> None:
        while not stop.is_set():
            number = len(sent)
            sender.produce(source, sample(f"s{number % 20}", number, base_ms), key=f"s{number % 20}")
            sent.append(number)
            if number % 50 == 49:
                sender.flush(10)
                time.sleep(0.01)
        sender.flush(10)

    writer = threading.Thread(target=produce)
    with running(ingest(source), kafka) as one:
        writer.start()
        try:
            await_until(lambda: one.counted("metrics_ai_samples_total") > 500, "the first at work")
            with running(ingest(source), kafka) as other:
                await_until(lambda: other.counted("metrics_ai_samples_total") > 500, "the second at work")
            before = one.counted("metrics_ai_samples_total")
            await_until(lambda: one.counted("metrics_ai_samples_total") > before + 500, "the first alone again")
        finally:
            stop.set()
            writer.join()
        await_until(lambda: committed(kafka, source, PARTITIONS) >= len(sent), "all committed")
    await_until(lambda: samples.count() >= len(sent), "all samples")
    expected = {f"s{at}": [float(one) for one in sent if one % 20 == at] for at in range(20)}
    assert {name: first_occurrences(values) for name, values in samples.values().items()} == expected


def test_missing_topics_are_created(kafka: KafkaSettings) -> None:
    source, sender, base_ms = f"{kafka.topic_prefix}fresh", producer(kafka), now_ms()
    with running(ingest(source), kafka) as gateway:
        await_until(lambda: gateway.telemetry.is_ready, "ready")
        sender.produce(source, sample("s", 1, base_ms))
        assert sender.flush(20) == 0
        await_until(lambda: gateway.counted("metrics_ai_samples_total") == 1, "the sample")


def test_a_topic_that_comes_later_is_waited_for(kafka: KafkaSettings) -> None:
    late, base_ms = f"{kafka.topic_prefix}late", now_ms()
    with running(ingest(late, create_topics=False), kafka) as gateway:
        time.sleep(0.5)
        assert gateway.thread.is_alive()
        assert not gateway.telemetry.is_ready
        create_topics(kafka, (SAMPLES, REJECTED), [late])
        sender = producer(kafka)
        sender.produce(late, sample("s", 1, base_ms))
        assert sender.flush(20) == 0
        await_until(lambda: gateway.counted("metrics_ai_samples_total") == 1, "the sample")


def test_another_partition_count_is_a_clear_error(kafka: KafkaSettings, source: str) -> None:
    other = kafka.model_copy(update={"partitions": PARTITIONS + 1})
    with (
        pytest.raises(ConfigurationError, match=r"has 4 partitions, kafka\.partitions says 5"),
        running(ingest(source), other) as gateway,
    ):
        gateway.thread.join(20)


def test_tenants_of_one_topic_are_kept_apart(kafka: KafkaSettings, source: str, samples: Samples) -> None:
    sender, base_ms = producer(kafka), now_ms()
    for number in range(100):
        headers = [("x-tenant", b"acme" if number % 2 else b"zenith")]
        sender.produce(source, sample("s", number, base_ms), headers=headers)
    assert sender.flush(20) == 0
    one = SourceSettings(topic=source, format="native", tenant_header="x-tenant")
    with running(IngestSettings(sources=[one]), kafka):
        await_until(lambda: samples.count() >= 100, "all samples")
    tenants = {batch.tenant: set() for _, batch in samples.batches()}
    for _, batch in samples.batches():
        tenants[batch.tenant] |= set(batch.value.tolist())
    assert tenants == {
        "acme": {float(one) for one in range(1, 100, 2)},
        "zenith": {float(one) for one in range(0, 100, 2)},
    }
    assert all(decode_batch(message.value()).tenant.encode() == message.key() for message in samples.messages)


def test_lag_is_told_and_forgotten(kafka: KafkaSettings, source: str, samples: Samples) -> None:
    sender, base_ms = producer(kafka), now_ms()
    for number in range(20_000):
        sender.produce(source, sample("s", number, base_ms), partition=0)
    assert sender.flush(20) == 0
    labels = {"topic": source, "partition": "0"}
    with running(ingest(source, consume_records=10), kafka) as gateway:
        await_until(lambda: gateway.counted("metrics_ai_lag_offsets", **labels) > 0, "a lag")
        await_until(lambda: gateway.counted("metrics_ai_samples_total") == 20_000, "all samples")
        await_until(lambda: gateway.counted("metrics_ai_lag_offsets", **labels) == 0, "no lag")
    value = gateway.telemetry.registry.get_sample_value("metrics_ai_lag_offsets", {"stage": "ingest", **labels})
    assert value is None


def test_catching_up_partitions_go_forward_together(kafka: KafkaSettings, source: str, samples: Samples) -> None:
    """One partition holds ten times the records of the other for the same hour."""
    sender, hour_ms = producer(kafka), now_ms() - 3_600_000
    for partition, count in ((0, 30_000), (1, 3_000)):
        for number in range(count):
            at_ms = hour_ms + number * 3_600_000 // count
            body = {"metric": "m", "value": partition, "timestamp": at_ms, "labels": {"series": f"p{partition}"}}
            sender.produce(source, json.dumps(body).encode(), partition=partition, timestamp=at_ms)
            if number % 5000 == 0:
                sender.poll(0)
    assert sender.flush(30) == 0
    with running(ingest(source, abreast_s=300), kafka):
        await_until(lambda: samples.count() >= 33_000, "all samples")
    reached, ahead_ms = {0.0: hour_ms, 1.0: hour_ms}, 0
    for _, batch in samples.batches():  # both series lie on one partition of ours: their order is the order of reading
        reached |= dict(zip(batch.value.tolist(), batch.timestamp_ms.tolist(), strict=True))
        if min(reached.values()) < hour_ms + 3_500_000:
            ahead_ms = max(ahead_ms, abs(reached[0.0] - reached[1.0]))
    assert 0 < ahead_ms <= 300_000


@pytest.mark.kafka
def test_what_was_not_delivered_is_read_again(apache_kafka: KafkaSettings) -> None:
    kafka = apache_kafka.model_copy(update={"topic_prefix": "again.", "partitions": 2, "session_timeout_s": 2.0})
    create_topics(kafka, (SAMPLES, REJECTED), ["again.metrics"])
    admin, sender, base_ms = AdminClient(kafka.librdkafka()), producer(kafka), now_ms()

    def take_none_older_than(ms: int) -> None:
        name = "message.timestamp.before.max.ms"
        entry = ConfigEntry(name, str(ms), incremental_operation=AlterConfigOpType.SET)
        resource = ConfigResource(ResourceType.TOPIC, "again.metrics.samples", incremental_configs=[entry])
        for future in admin.incremental_alter_configs([resource]).values():
            future.result()

    take_none_older_than(0)
    for number in range(200):
        sender.produce("again.metrics", sample(f"s{number % 5}", number, base_ms), key=f"s{number % 5}")
    assert sender.flush(20) == 0
    with running(ingest("again.metrics"), kafka) as gateway:
        await_until(lambda: gateway.counted("metrics_ai_samples_total") >= 400, "a second attempt")
        assert committed(kafka, "again.metrics", 2) == 0
        take_none_older_than(DAY_MS)
        samples = Samples(kafka)
        await_until(lambda: samples.count() >= 200, "all samples")
        await_until(lambda: committed(kafka, "again.metrics", 2) == 200, "all committed")
    values = samples.values()
    assert {name: first_occurrences(one) for name, one in values.items()} == {
        f"s{at}": [float(one) for one in range(at, 200, 5)] for at in range(5)
    }
    samples.close()


@pytest.mark.kafka
def test_a_topic_that_takes_less_than_ours_gets_smaller_batches(apache_kafka: KafkaSettings) -> None:
    """Made beforehand with the broker's default of 1 MiB: what would not fit is cut, nothing is sent for ever."""
    kafka = apache_kafka.model_copy(update={"topic_prefix": "small.", "partitions": 1, "session_timeout_s": 2.0})
    names = ["small.metrics.samples", "small.metrics.rejected"]
    config = {"max.message.bytes": "1048588"}
    admin = AdminClient(kafka.librdkafka())
    made = admin.create_topics([NewTopic(one, 1, 1, config=config) for one in names])
    for future in made.values():
        future.result()
    create_topics(kafka, (), ["small.metrics"])
    await_until(lambda: list_topics(kafka).keys() >= set(names), "the topics")
    sender, base_ms, rng = producer(kafka), now_ms(), random.Random(7)
    for number in range(40):
        sender.produce("small.metrics", sample(rng.randbytes(50_000).hex(), number, base_ms, node="n"), partition=0)
    garbage = rng.randbytes(4_000_000)
    sender.produce("small.metrics", garbage, partition=0)
    assert sender.flush(20) == 0
    samples, bin_ = Samples(kafka), rejected(kafka)
    with running(ingest("small.metrics"), kafka):
        await_until(lambda: samples.count() >= 40, "all samples")
        await_until(lambda: len(bin_.more()) >= 1, "the garbage")
        await_until(lambda: committed(kafka, "small.metrics", 1) == 41, "all committed")
    (message,) = bin_.messages
    assert 0 < len(message.value()) < 1_048_588
    assert dict(message.headers())["truncated_from"] == b"4000000"
    samples.close()
    bin_.close()
