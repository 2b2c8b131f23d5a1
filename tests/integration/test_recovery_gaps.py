"""Offsets that Faust skips, and records that the broker no longer holds."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from agents.log_reader import LogReader
from integrations.kafka.connection import KafkaSettings
from schemas.topics import ANOMALIES, DETECT_CHECKPOINTS, SAMPLES
from tests.integration.harness.chaos import Trial, fresh
from tests.integration.harness.traffic import START_MS


def _produce(kafka: KafkaSettings, first: int, count: int) -> None:
    producer = Producer(kafka.librdkafka(max_in_flight=1))
    for number in range(first, first + count):
        body = {"key": "k", "value": 1.0, "at_ms": START_MS, "n": number}
        producer.produce(kafka.topic(SAMPLES), json.dumps(body).encode(), partition=0)
    producer.flush(20)


def test_a_range_is_read_to_the_record_before_its_end(any_broker: KafkaSettings) -> None:
    kafka = fresh(any_broker)
    _produce(kafka, 1, 100)
    reader = LogReader(kafka, committed=kafka.profile == "kafka")
    started = time.monotonic()
    offsets = [record.offset for record in reader.between(kafka.topic(SAMPLES), 0, 40, 90)]
    assert offsets == list(range(40, 90))
    assert time.monotonic() - started < 5


@pytest.mark.kafka
def test_records_that_retention_removed_are_counted_and_the_stage_goes_on(
    apache_kafka: KafkaSettings, tmp_path: Path
) -> None:
    kafka = fresh(apache_kafka)
    trial = Trial(kafka, tmp_path, seed=8)
    _produce(kafka, 1, 10)
    trial.workers["detect"] = [trial.start("detect")]
    trial.finish("detect")
    _produce(kafka, 11, 20)
    admin = AdminClient(kafka.librdkafka())
    for future in admin.delete_records([TopicPartition(kafka.topic(SAMPLES), 0, 25)]).values():
        future.result(20)
    trial.workers["detect"] = [trial.start("detect")]
    try:
        trial.finish("detect")
    finally:
        trial.workers["detect"][0].end()
    assert "records are gone that were not read yet" in trial.workers["detect"][0].said()
    assert "'records': 15" in trial.workers["detect"][0].said()
    assert len(trial.log.by_id(ANOMALIES)) == 15
    assert trial.log.saved(DETECT_CHECKPOINTS, SAMPLES)[0] == 30
