"""Brokers and stores for tests; a real Apache Kafka only where the test is marked ``kafka``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from integrations.kafka import KafkaSettings
from integrations.kafka.apache import ApacheKafka
from integrations.kafka.embedded import EmbeddedBroker
from integrations.records import RecordsSettings
from integrations.serving.embedded import EmbeddedValkey
from integrations.serving.settings import ServingSettings
from tests.integration.stores import emptied, emptied_store, let_go, running_postgres
from tests.integration.storms import PARTITIONS, laid_out

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


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    """A Valkey of the module's own."""
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def serving(valkey: EmbeddedValkey) -> ServingSettings:
    """A connection to the module's Valkey, with nothing in it."""
    return emptied_store(valkey.settings)


@pytest.fixture(scope="module")
def postgres() -> Iterator[RecordsSettings]:
    """A PostgreSQL of the module's own; skips where none is installed."""
    with running_postgres() as found:
        yield found


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Both databases, one after the other."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres")
    return RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path_factory.mktemp('records')}/records.db"))


@pytest.fixture
def records(database: RecordsSettings) -> Iterator[RecordsSettings]:
    """A database with our tables, and nothing in them."""
    yield emptied(database)
    let_go()


@pytest.fixture(params=["embedded_broker", KAFKA])
def project_kafka(request: pytest.FixtureRequest) -> KafkaSettings:
    """Topics of the test's own that the role ``project`` reads, on each of the brokers."""
    broker: KafkaSettings = request.getfixturevalue(request.param)
    update = {"topic_prefix": f"{uuid4().hex[:8]}.", "partitions": PARTITIONS, "session_timeout_s": 2.0}
    return laid_out(broker.model_copy(update=update))
