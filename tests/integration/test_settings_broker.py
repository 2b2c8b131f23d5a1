"""A setting goes through the broker to every partition, and outlives the worker that read it."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
from confluent_kafka import Producer

from agents.stage import Stage
from integrations.kafka.connection import KafkaSettings
from schemas.batch import SampleBatch, encode_batch
from schemas.events import Anomaly, Setting
from schemas.series import Series
from schemas.topics import ANOMALIES, SAMPLES, SETTINGS
from tests.integration.harness.chaos import Trial, fresh
from tests.integration.harness.real import stage_settings
from tests.integration.harness.traffic import START_MS

RULE = "too_hot"


class RealDetect(Trial):
    """Detect with its real operator."""

    operators: ClassVar[str] = "real"

    def stage(self, role: str) -> Stage:
        return stage_settings(self.kafka).stage("detect")


def _send(kafka: KafkaSettings, topic: str, values: list[bytes]) -> None:
    """A value to each partition."""
    producer = Producer(kafka.librdkafka())
    errors: list[object] = []
    for number, value in enumerate(values):
        producer.produce(topic, value, b"k", number, on_delivery=lambda error, _: errors.append(error))
    assert producer.flush(20) == 0
    assert set(errors) == {None}


def _samples(partition: int) -> bytes:
    series = Series("default", "temperature", {"room": f"r{partition}"}, {})
    moments = START_MS + 10_000 * np.arange(3)
    return encode_batch(
        SampleBatch(
            "default",
            np.array([series.id], np.uint64),
            [series.text],
            np.zeros(3, np.int32),
            moments.astype(np.int64),
            np.array([20.0, 45.0, 46.0]),
        )
    )


def test_a_threshold_rule_that_is_set_holds_on_every_partition_after_a_kill(
    any_broker: KafkaSettings, tmp_path: Path
) -> None:
    trial = RealDetect(fresh(any_broker, partitions=3), tmp_path, seed=9)
    trial.stage("detect").warm_up()
    body = {"rules": [{"name": RULE, "select": "temperature", "threshold": 40}]}
    setting = Setting(subject="threshold_rules", valid_from_ms=START_MS, body=body)
    _send(trial.kafka, trial.kafka.topic(SETTINGS), [setting.to_bytes()] * 3)
    trial.workers["detect"] = [trial.start("detect")]
    try:
        trial.await_applied("detect", SETTINGS, "saved")
        trial.workers["detect"][0].kill()
        trial.workers["detect"] = [trial.start("detect")]
        _send(trial.kafka, trial.kafka.topic(SAMPLES), [_samples(number) for number in range(3)])
        trial.finish("detect")
    finally:
        trial.workers["detect"][0].end()
    records = [record for records in trial.log.records(ANOMALIES).values() for record in records]
    found = [Anomaly.from_bytes(record.value) for record in records]
    assert {one.labels["room"] for one in found if one.detector == RULE} == {"r0", "r1", "r2"}
