"""The catalogue against both brokers: created whole, differences named, nothing of others touched."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import check_topics, create_topics, describe_topics, list_topics
from schemas.topics import ALERTS, CATALOGUE, SAMPLES, SETTINGS


@pytest.fixture
def prefixed(any_broker: KafkaSettings, request: pytest.FixtureRequest) -> KafkaSettings:
    """A corner of the broker for one test."""
    prefix = f"{request.node.originalname.removeprefix('test_')[:40]}."
    return any_broker.model_copy(update={"topic_prefix": prefix, "partitions": 3})


def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what other clients did: a broker answers a change a little before it shows it."""
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline, "the broker never showed it"
        time.sleep(0.02)


def test_created_topics_agree_with_the_catalogue(prefixed: KafkaSettings) -> None:
    sources = [f"{prefixed.topic_prefix}theirs"]
    created = create_topics(prefixed, sources=sources)
    assert created == [*sources, *(prefixed.topic(topic) for topic in CATALOGUE)]
    assert check_topics(prefixed, sources=sources) == []
    assert {state.partitions for name, state in list_topics(prefixed).items() if name in created} == {3}
    assert create_topics(prefixed, sources=sources) == []


def test_missing_topics_are_named(prefixed: KafkaSettings) -> None:
    create_topics(prefixed, (SAMPLES,))
    differences = check_topics(prefixed, (SAMPLES, ALERTS), ["a-source-of-nobody"])
    assert differences == [f"{prefixed.topic(ALERTS)}: missing", "a-source-of-nobody: missing"]


def test_another_partition_count_is_named_and_left_alone(prefixed: KafkaSettings) -> None:
    create_topics(prefixed, (SAMPLES,))
    other = prefixed.model_copy(update={"partitions": 5})
    create_topics(other, (SAMPLES,))
    assert check_topics(other, (SAMPLES,)) == [f"{prefixed.topic(SAMPLES)}: 3 partitions, not 5"]


def test_topics_of_others_are_not_ours(prefixed: KafkaSettings) -> None:
    create_topics(prefixed, (ALERTS,))
    neighbour = prefixed.model_copy(update={"topic_prefix": f"{prefixed.topic_prefix}next."})
    assert check_topics(neighbour, (ALERTS,)) == [f"{neighbour.topic(ALERTS)}: missing"]


@pytest.mark.kafka
def test_every_configuration_that_differs_is_named_and_mended(apache_kafka: KafkaSettings) -> None:
    settings = apache_kafka.model_copy(update={"topic_prefix": "mend.", "partitions": 2})
    create_topics(settings)
    admin = AdminClient(settings.librdkafka())
    wrong = {
        settings.topic(SAMPLES): {"retention.ms": "1000", "cleanup.policy": "compact"},
        settings.topic(SETTINGS): {"min.compaction.lag.ms": "0"},
    }
    resources = [
        ConfigResource(
            ResourceType.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in config.items()
            ],
        )
        for name, config in wrong.items()
    ]
    for future in admin.incremental_alter_configs(resources).values():
        future.result()
    eventually(lambda: len(check_topics(settings)) >= 3)
    assert sorted(check_topics(settings)) == [
        "mend.metrics.samples: cleanup.policy is compact, not delete",
        "mend.metrics.samples: retention.ms is 1000, not 172800000",
        "mend.settings: min.compaction.lag.ms is 0, not 172800000",
    ]
    assert create_topics(settings) == []
    assert check_topics(settings) == []


@pytest.mark.kafka
def test_replicas_that_differ_and_sources_that_take_too_much_are_named(apache_kafka: KafkaSettings) -> None:
    settings = apache_kafka.model_copy(update={"topic_prefix": "copies.", "partitions": 1})
    admin = AdminClient(settings.librdkafka())
    huge = NewTopic("copies.huge", 1, config={"max.message.bytes": str(64 << 20)})
    for future in admin.create_topics([huge]).values():
        future.result()
    create_topics(settings, (SAMPLES,))
    wanted = settings.model_copy(update={"replication_factor": 3})
    eventually(lambda: len(check_topics(wanted, (SAMPLES,), ["copies.huge"])) == 2)
    copies, size = check_topics(wanted, (SAMPLES,), ["copies.huge"])
    assert copies == "copies.metrics.samples: 1 replicas, not 3"
    assert size.startswith("copies.huge: max.message.bytes is 67108864, more than")


@pytest.mark.kafka
def test_a_producers_topic_is_left_as_it_is(apache_kafka: KafkaSettings) -> None:
    admin = AdminClient(apache_kafka.librdkafka())
    for future in admin.create_topics([NewTopic("their-own", 7, config={"retention.ms": "1234"})]).values():
        future.result()
    eventually(lambda: "their-own" in list_topics(apache_kafka))
    create_topics(apache_kafka, (), ["their-own"])
    assert check_topics(apache_kafka, (), ["their-own"]) == []
    (state,) = describe_topics(apache_kafka, ["their-own"]).values()
    assert (state.partitions, state.config["retention.ms"]) == (7, "1234")
