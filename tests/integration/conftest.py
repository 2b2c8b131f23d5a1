"""Brokers for tests: the embedded one, and a real Apache Kafka where the test is marked ``kafka``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from integrations.kafka import KafkaSettings
from integrations.kafka.apache import ApacheKafka
from integrations.kafka.embedded import EmbeddedBroker

KAFKA = pytest.param("apache_kafka", marks=pytest.mark.kafka)


@pytest.fixture(scope="module")
def embedded_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """An embedded broker of the module's own."""
    with EmbeddedBroker(log_path=tmp_path_factory.mktemp("embedded") / "broker.log") as broker:
        yield broker


@pytest.fixture(scope="module")
def embedded_broker(embedded_process: EmbeddedBroker) -> KafkaSettings:
    """A connection to the module's embedded broker."""
    return embedded_process.settings


@pytest.fixture(scope="module")
def apache_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    """An Apache Kafka of the module's own, on a fresh data directory."""
    with ApacheKafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture(scope="module")
def apache_kafka(apache_process: ApacheKafka) -> KafkaSettings:
    """A connection to the module's Apache Kafka."""
    return apache_process.settings


@pytest.fixture(scope="module", params=["embedded_broker", KAFKA])
def any_broker(request: pytest.FixtureRequest) -> Any:
    """Both brokers, one after the other; Apache Kafka only under ``-m kafka``."""
    return request.getfixturevalue(request.param)
