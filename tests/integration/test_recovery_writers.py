"""Writers of checkpoints against the brokers: who is believed, and what of a failed one is seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agents.checkpoints import CheckpointSettings, FencedError, KeyedRecord, Manifest, Restored
from agents.outputs import SendableRecord
from agents.writers import CheckpointTarget, CheckpointWriter, writer_for
from integrations.kafka.connection import KafkaSettings
from schemas.errors import CheckpointError
from schemas.topics import ALERTS, DETECT_CHECKPOINTS, MAX_MESSAGE_BYTES
from tests.integration.harness.chaos import fresh
from tests.integration.harness.log import BrokerLog


@contextmanager
def _owner(kafka: KafkaSettings) -> Iterator[CheckpointWriter]:
    target = CheckpointTarget(kafka, "detect", 0, kafka.topic(DETECT_CHECKPOINTS))
    writer = writer_for(target, CheckpointSettings(), transactions=kafka.profile == "kafka")
    writer.take_over()
    try:
        yield writer
    finally:
        writer.close()


def _manifest(number: int) -> Manifest:
    return Manifest(number=number, offsets={"metrics.samples": number}, blocks=1)


def _restored(kafka: KafkaSettings) -> Restored:
    return BrokerLog(kafka).states(DETECT_CHECKPOINTS)[0]


def _alert(kafka: KafkaSettings, value: bytes) -> SendableRecord:
    return SendableRecord(kafka.topic(ALERTS), 0, KeyedRecord(b"k", value), 1_795_000_000_000)


def _alerts(kafka: KafkaSettings) -> list[bytes | None]:
    return [record.value for record in BrokerLog(kafka).records(ALERTS)[0]]


def test_a_writer_that_was_replaced_changes_nothing(any_broker: KafkaSettings) -> None:
    kafka = fresh(any_broker)
    with _owner(kafka) as old:
        old.write([], {"a/1": b"old", "a/2": b"old"}, _manifest(1))
        with _owner(kafka) as new:
            new.write([], {"a/1": b"new"}, _manifest(2))
            if kafka.profile == "kafka":
                with pytest.raises(FencedError):
                    old.write([], {"a/1": b"zombie"}, _manifest(3))
            else:
                old.write([], {"a/1": b"zombie"}, _manifest(3))
            restored = _restored(kafka)
    assert restored.blocks == {"a/1": b"new", "a/2": b"old"}
    assert restored.manifest == _manifest(2)


def test_a_block_that_is_too_large_fails_the_checkpoint_and_the_next_one_holds(any_broker: KafkaSettings) -> None:
    kafka = fresh(any_broker)
    with _owner(kafka) as writer:
        writer.write([], {"a/1": b"1"}, _manifest(1))
        with pytest.raises(CheckpointError):
            writer.write([], {"a/1": b"2", "a/2": b"x" * (MAX_MESSAGE_BYTES + 1)}, _manifest(2))
        assert _restored(kafka).blocks == {"a/1": b"1"}
        writer.write([], {"a/1": b"3"}, _manifest(3))
    assert _restored(kafka).blocks == {"a/1": b"3"}
    assert _restored(kafka).manifest == _manifest(3)


@pytest.mark.kafka
def test_outputs_of_a_checkpoint_that_failed_are_seen_by_nobody(apache_kafka: KafkaSettings) -> None:
    kafka = fresh(apache_kafka)
    with _owner(kafka) as writer:
        with pytest.raises(CheckpointError):
            writer.write([_alert(kafka, b"lost")], {"a/1": b"x" * (MAX_MESSAGE_BYTES + 1)}, _manifest(1))
        writer.write([_alert(kafka, b"seen")], {"a/1": b"1"}, _manifest(2))
    assert _alerts(kafka) == [b"seen"]


@pytest.mark.kafka
def test_a_zombies_outputs_are_seen_by_nobody(apache_kafka: KafkaSettings) -> None:
    kafka = fresh(apache_kafka)
    with _owner(kafka) as old, _owner(kafka) as new:
        new.write([_alert(kafka, b"seen")], {}, _manifest(1))
        with pytest.raises(FencedError):
            old.write([_alert(kafka, b"zombie")], {}, _manifest(1))
    assert _alerts(kafka) == [b"seen"]
