"""A recording that is sent to a broker arrives as what it was."""

from __future__ import annotations

import gzip
import json
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from typer.testing import CliRunner

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics
from metrics_ai.cli import app
from metrics_ai.config import Config
from metrics_ai.recordings import RecordingOptions
from metrics_ai.replay import ReplayProgress
from metrics_ai.replay_send import Sent, send
from schemas.errors import BrokerError, ConfigurationError


def read_all(kafka: KafkaSettings, topic: str, count: int) -> list[Any]:
    consumer = Consumer(kafka.librdkafka(group_id="test", enable_auto_commit=False))
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
        found: list[Any] = []
        for _ in range(50):
            found += consumer.consume(count, timeout=0.5)
            if len(found) >= count:
                break
        return found
    finally:
        consumer.close()


@pytest.fixture
def config(embedded_broker: KafkaSettings) -> Config:
    config = Config(kafka=embedded_broker)
    create_topics(embedded_broker, sources=[source.topic for source in config.ingest.sources])
    return config


def test_rows_arrive_as_native_json_keyed_by_entity(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "node_cpu_ratio.csv"
    path.write_text("timestamp,value,node\n1700000000,0.5,h1\n1700000001,0.25,h2\n")
    seen: list[ReplayProgress] = []
    assert send([path], RecordingOptions(), config, progress=seen.append) == Sent(2, {}, {})
    size = path.stat().st_size
    assert seen == [ReplayProgress(done_bytes=size, total_bytes=size, samples=2)]
    records = sorted(read_all(config.kafka, "metrics", 2), key=lambda one: bytes(one.key()))
    assert [one.key() for one in records] == [b"node:h1", b"node:h2"]
    assert records[0].timestamp()[1] == 1_700_000_000_000
    assert json.loads(records[0].value()) == {
        "metric": "node_cpu_ratio",
        "labels": {"node": "h1"},
        "type": "gauge",
        "unit": "",
        "value": 0.5,
        "timestamp": "2023-11-14T22:13:20.000Z",
    }


@pytest.mark.kafka
def test_samples_older_than_a_topics_retention_are_said_to_be_at_risk(
    apache_kafka: KafkaSettings, tmp_path: Path
) -> None:
    create_topics(apache_kafka, sources=["metrics"])
    path = tmp_path / "cpu.csv"
    path.write_text(f"timestamp,value\n{time.time() - 5 * 86_400:.0f},0.5\n{time.time():.0f},0.5\n")
    told = CliRunner().invoke(app, ["replay", str(path), "--to", apache_kafka.bootstrap])
    assert told.exit_code == 0
    assert "older than the retention of metrics.samples (2 d): the broker may delete" in told.stderr
    path.write_text(f"timestamp,value\n{time.time():.0f},0.5\n")
    assert CliRunner().invoke(app, ["replay", str(path), "--to", apache_kafka.bootstrap]).stderr == ""


def test_a_capture_arrives_byte_by_byte(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "collectd.jsonl"
    line = {"key": "k", "timestamp_ms": 1_700_000_000_000, "value_base64": b64encode(b"\x00[raw]").decode()}
    path.write_text(json.dumps(line) + "\n")
    assert send([path], RecordingOptions(format="capture", source_format="collectd"), config).records == 1
    (record,) = read_all(config.kafka, "collectd", 1)
    assert (record.key(), record.value(), record.timestamp()[1]) == (b"k", b"\x00[raw]", 1_700_000_000_000)


def test_a_compressed_capture_is_sent_as_the_plain_one(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "otlp.jsonl.gz"
    line = {"value_base64": b64encode(b"squeezed").decode()}
    path.write_bytes(gzip.compress(json.dumps(line).encode() + b"\n"))
    options = RecordingOptions(format="capture", source_format="otlp")
    assert send([path], options, config).records == 1
    (record,) = read_all(config.kafka, "otlp_metrics", 1)
    assert record.value() == b"squeezed"
    path.write_bytes(b"no gzip")
    with pytest.raises(ConfigurationError, match="cannot read"):
        send([path], options, config)


def test_what_was_rejected_instead_of_sent_is_said(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "cpu.csv"
    path.write_text("timestamp,value\nyesterday,0.5\n")
    arguments = ["replay", str(path), "--to", config.kafka.bootstrap]
    plain = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert (plain.exit_code, "sent 0 records" in plain.stdout, "rejected: " in plain.stdout) == (1, True, True)
    told = CliRunner().invoke(app, [*arguments, "--json"])
    assert sum(json.loads(told.stdout)["summary"]["rejected"].values()) == 1


def test_a_broken_capture_and_an_absent_source_are_clear_errors(config: Config, tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text("{}\n")
    with pytest.raises(ConfigurationError, match=r"broken\.jsonl:1"):
        send([path], RecordingOptions(format="capture"), config)
    bare = config.model_copy(update={"ingest": config.ingest.model_copy(update={"sources": config.ingest.sources[1:]})})
    with pytest.raises(ConfigurationError, match="no source of format native"):
        send([path], RecordingOptions(format="capture"), bare)


def test_a_broker_that_is_away_is_a_clear_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "cpu.csv"
    path.write_text("timestamp,value\n1700000000,0.5\n")
    away = Config(kafka=KafkaSettings(bootstrap="127.0.0.1:1"))
    with pytest.raises(BrokerError, match=r"the broker at 127\.0\.0\.1:1 does not answer"):
        send([path], RecordingOptions(), away, timeout_s=1.0)
    assert capfd.readouterr().err == ""
