"""A user with few rights on Apache Kafka: what it may not see is said, and nothing is guessed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from pydantic import SecretStr

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import check_topics, create_topics, resolve_profile
from integrations.kafka.apache import ApacheKafka, SecureListener
from schemas.errors import BrokerError
from schemas.topics import SAMPLES

pytestmark = pytest.mark.kafka
AUTHORIZER = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS",
}


def test_a_refused_trial_and_a_refused_look_are_errors(tmp_path: Path) -> None:
    listener = SecureListener("NAMED", "SASL_PLAINTEXT", mechanisms=("PLAIN",), users={"alice": SecretStr("wonder")})
    with ApacheKafka(tmp_path, listeners=[listener], properties=AUTHORIZER) as broker:
        ours = broker.settings.model_copy(update={"partitions": 1})
        create_topics(ours, (SAMPLES,))
        alice = KafkaSettings(
            bootstrap=broker.listener_bootstrap("NAMED"),
            partitions=1,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism="PLAIN",
            sasl_username="alice",
            sasl_password=SecretStr("wonder"),
        )
        with pytest.raises(BrokerError, match="Grant write on transactional id transactions-probe"):
            resolve_profile(alice)
        may_see = AclBinding(
            ResourceType.TOPIC,
            SAMPLES.name,
            ResourcePatternType.LITERAL,
            "User:alice",
            "*",
            AclOperation.DESCRIBE,
            AclPermissionType.ALLOW,
        )
        admin = AdminClient(ours.librdkafka())
        for future in admin.create_acls([may_see]).values():
            future.result()
        deadline = time.monotonic() + 10
        while (difference := check_topics(alice, (SAMPLES,))[0]).endswith("missing") and time.monotonic() < deadline:
            time.sleep(0.05)
        assert difference.startswith("metrics.samples: its configuration is unchecked (")
