"""What the trial of transactions says of a broker, and what a topic's configuration has otherwise."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from integrations.kafka.admin import TopicState, config_differences, shows_fencing
from schemas.errors import BrokerError
from schemas.topics import SAMPLES


@pytest.mark.parametrize(
    ("code", "fences"),
    [
        (KafkaError._FENCED, True),
        (KafkaError.INVALID_PRODUCER_EPOCH, True),
        (KafkaError._UNSUPPORTED_FEATURE, False),
        (KafkaError.UNSUPPORTED_VERSION, False),
    ],
)
def test_a_broker_fences_or_lacks_transactions(code: int, fences: bool) -> None:
    assert shows_fencing(KafkaError(code), "p.transactions-probe") is fences


@pytest.mark.parametrize(
    ("code", "way_out"),
    [
        (KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, "Grant write on transactional id p.transactions-probe"),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, "read on group p.transactions-probe"),
        (KafkaError._TIMED_OUT, "coordinator is up"),
        (KafkaError.COORDINATOR_NOT_AVAILABLE, "set kafka.profile to kafka"),
    ],
)
def test_a_broker_that_does_not_let_us_try_is_not_guessed_at(code: int, way_out: str) -> None:
    with pytest.raises(BrokerError, match=way_out):
        shows_fencing(KafkaError(code), "p.transactions-probe")


def test_a_configuration_that_is_not_told_is_a_difference() -> None:
    (refused,) = config_differences(TopicState("metrics.samples", 1, untold="Not authorized"), SAMPLES)
    assert refused == "metrics.samples: its configuration is unchecked (Not authorized)"
    (empty,) = config_differences(TopicState("metrics.samples", 1), SAMPLES)
    assert "unchecked" in empty
    assert config_differences(TopicState("metrics.samples", 1, SAMPLES.config()), SAMPLES) == []
