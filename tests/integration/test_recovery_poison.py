"""Records that no stage can read, and a reader that goes on."""

from __future__ import annotations

import json
import random
import zlib
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from integrations.kafka.connection import KafkaSettings
from schemas.topics import ANOMALIES, DETECT_CHECKPOINTS, MAX_MESSAGE_BYTES, SAMPLES, SAMPLES_DLQ, SETTINGS
from tests.integration.harness.chaos import Trial, fresh
from tests.integration.harness.codecs import produce_unknown_codec
from tests.integration.harness.judge import stage_differences
from tests.integration.harness.stages import sum_stage
from tests.integration.harness.traffic import START_MS

BIG_BYTES = 5 * 1024 * 1024


def _record(number: int, padding: str = "", **more: object) -> bytes:
    return json.dumps({"key": "k", "value": 1.5, "at_ms": START_MS, "n": number, "padding": padding, **more}).encode()


def _send(kafka: KafkaSettings, values: list[tuple[str, bytes | None]], **options: Any) -> None:
    producer = Producer(kafka.librdkafka(**{"message_max_bytes": MAX_MESSAGE_BYTES, "max_in_flight": 1} | options))
    errors: list[object] = []
    for topic, value in values:
        producer.produce(topic, value, b"k", 0, on_delivery=lambda error, _: errors.append(error))
        producer.flush(20)
    assert set(errors) == {None}


def test_poison_goes_to_the_dead_letters_and_the_rest_is_applied(any_broker: KafkaSettings, tmp_path: Path) -> None:
    kafka = fresh(any_broker)
    trial = Trial(kafka, tmp_path, seed=1)
    samples = kafka.topic(SAMPLES)
    poison: list[tuple[str, bytes | None]] = [
        (samples, _record(1)),
        (samples, None),
        (samples, b""),
        (samples, b"\x00\xff no json"),
        (samples, b"\x01" * BIG_BYTES),
        (samples, _record(2, bug=True)),
        (kafka.topic(SETTINGS), None),
        (samples, _record(2, padding="p" * BIG_BYTES)),
        (samples, _record(3)),
    ]
    _send(kafka, poison)
    trial.workers["detect"] = [trial.start("detect")]
    try:
        trial.finish("detect")
    finally:
        trial.workers["detect"][0].end()
    letters = trial.log.records(SAMPLES_DLQ)[0]
    headers = [dict(letter.headers) for letter in letters]
    assert [one["reason"] for one in headers] == [b"tombstone", b"empty", b"unreadable", b"unreadable", b"failed"]
    assert [one["offset"] for one in headers] == [b"1", b"2", b"3", b"4", b"5"]
    assert {one["topic"] for one in headers} == {samples.encode()}
    assert [zlib.crc32(letter.value or b"") for letter in letters] == [
        zlib.crc32(value or b"") for _, value in poison[1:6]
    ]
    assert len(trial.log.by_id(ANOMALIES)) == 3
    assert stage_differences(trial.log, sum_stage("detect")) == []
    assert trial.log.saved(DETECT_CHECKPOINTS, SAMPLES)[0] == len(poison) - 1


def test_no_broker_lets_an_unknown_codec_through(any_broker: KafkaSettings) -> None:
    kafka = fresh(any_broker)
    assert produce_unknown_codec(kafka, kafka.topic(SAMPLES), 0, _record(1)) not in {0, 6}


@pytest.mark.kafka
@pytest.mark.parametrize("role", ["detect", "decide"])
def test_poison_that_is_too_large_to_pass_on_is_cut(apache_kafka: KafkaSettings, tmp_path: Path, role: str) -> None:
    kafka = fresh(apache_kafka)
    trial = Trial(kafka, tmp_path, seed=2)
    stage = sum_stage(role)
    source = kafka.topic(stage.source)
    whole = random.Random(2).randbytes(MAX_MESSAGE_BYTES - 100)  # lz4 makes nothing of it
    grown = bytes(20 * 1024 * 1024)  # the broker sees a few kilobytes
    _send(kafka, [(source, _record(1)), (source, whole)])
    _send(kafka, [(source, grown), (source, _record(2))], message_max_bytes=2 * len(grown), compression_type="gzip")
    trial.workers[role] = [trial.start(role)]
    try:
        trial.finish(role)
    finally:
        trial.workers[role][0].end()
    letters = trial.log.records(stage.dead_letters)[0]
    headers = [dict(letter.headers) for letter in letters]
    assert [(one["offset"], one["reason"]) for one in headers] == [(b"1", b"unreadable"), (b"2", b"unreadable")]
    assert [int(one["truncated_from"]) for one in headers] == [len(whole), len(grown)]
    for letter, value in zip(letters, (whole, grown), strict=True):
        assert letter.value is not None
        assert len(letter.value) > MAX_MESSAGE_BYTES - 200_000
        assert value.startswith(letter.value)
    assert trial.log.saved(stage.checkpoints, stage.source)[0] == 4
    assert not trial.ended, "a worker ended over it"
