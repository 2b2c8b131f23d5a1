"""The marks of transactions at the end of an input, which no reader is ever given, hold nothing up."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from confluent_kafka import Producer

from integrations.kafka.connection import KafkaSettings
from schemas.topics import SAMPLES
from tests.integration.harness.chaos import Trial, fresh
from tests.integration.harness.traffic import sum_messages

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]


def test_a_stage_reaches_an_end_at_which_only_the_mark_of_a_transaction_lies(
    apache_kafka: KafkaSettings, tmp_path: Path
) -> None:
    kafka = fresh(apache_kafka, partitions=1)
    producer = Producer(kafka.librdkafka(transactional_id=f"{kafka.topic_prefix}foreign"))
    producer.init_transactions(20)
    producer.begin_transaction()
    for _, message in zip(range(10), sum_messages(1, 10, 1), strict=True):
        producer.produce(kafka.topic(SAMPLES), message.value, message.key, partition=0)
    producer.commit_transaction(20)
    trial = Trial(kafka, tmp_path, seed=1)
    worker = trial.start("detect").wait_ready()
    try:
        end = trial.log.ends(SAMPLES)[0]
        deadline = time.monotonic() + 30
        while worker.positions(SAMPLES.name)[0] < 11:
            assert time.monotonic() < deadline, (worker.positions(SAMPLES.name), end, worker.said()[-3000:])
            time.sleep(0.1)
        assert worker.stop() == 0, worker.said()
    finally:
        worker.end()
    assert trial.log.saved(trial.stage("detect").checkpoints, SAMPLES) == {0: 11}
