"""The command line against a broker, and against none."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
from typer.testing import CliRunner, Result

from integrations.collector import Collector, CollectorSettings
from integrations.gateway import IngestSettings
from integrations.kafka.admin import create_topics, describe_topics, list_topics
from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from metrics_ai.cli import app
from metrics_ai.config import Config
from metrics_ai.stack.stack import Stack, StackOptions
from metrics_ai.topic_reader import Latest, TopicReader
from schemas.events import EntityHealth
from schemas.incident_events import Alert, Incident
from schemas.topics import ALERTS, HEALTH, INCIDENTS


def _run(kafka: KafkaSettings, *arguments: str) -> Result:
    env = {"COLUMNS": "200", "METRICS_AI__KAFKA__PARTITIONS": "2"}
    return CliRunner().invoke(app, [*arguments, "--broker", kafka.bootstrap], env=env)


def _incident(number: int, state: str, revision: int) -> Incident:
    return Incident.model_validate(
        {
            "id": f"incident-{number}",
            "tenant": "default",
            "state": state,
            "title": f"title {number}",
            "priority": "P1",
            "severity": "warning",
            "started_ms": 1_795_446_000_000 + number,
            "updated_ms": 1_795_446_000_000 + 60_000 * number,
            "members": [],
            "entities": [],
            "signals": [],
            "confidence": 0.9,
            "revision": revision,
        }
    )


@pytest.mark.parametrize("command", ["incidents", "topics check"])
def test_no_broker_is_said_in_a_line(command: str) -> None:
    result = _run(KafkaSettings(bootstrap="127.0.0.1:1"), *command.split())
    assert result.exit_code == 1
    assert "the broker at 127.0.0.1:1 does not answer" in result.stderr
    assert result.stdout == ""


def test_topics_are_missing_then_created_then_as_the_catalogue_says(any_broker: KafkaSettings) -> None:
    before = _run(any_broker, "topics", "check", "--json")
    assert before.exit_code == 1
    assert "incidents: missing" in json.loads(before.stdout)["differences"]
    made = json.loads(_run(any_broker, "topics", "create", "--json").stdout)["created"]
    assert {"metrics", "telegraf", "metrics.samples", "incidents", "detect.checkpoints"} <= set(made)
    after = _run(any_broker, "topics", "check")
    assert (after.exit_code, after.stderr) == (0, "")
    rows = [json.loads(line) for line in _run(any_broker, "topics", "list", "--json").stdout.splitlines()]
    assert {row["partitions"] for row in rows} == {2}


def test_another_partition_count_is_named_by_check(any_broker: KafkaSettings) -> None:
    create_topics(any_broker.model_copy(update={"partitions": 2}))
    env = {"COLUMNS": "200", "METRICS_AI__KAFKA__PARTITIONS": "5"}
    result = CliRunner().invoke(app, ["topics", "check", "--broker", any_broker.bootstrap], env=env)
    assert result.exit_code == 1
    assert "metrics.samples: 2 partitions, not 5" in result.stdout


@pytest.mark.kafka
def test_up_alters_no_topic_of_a_broker_that_was_given(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    kafka = apache_kafka.model_copy(update={"topic_prefix": "foreign."})
    name = kafka.topic(INCIDENTS)
    admin = AdminClient(kafka.librdkafka())
    admin.create_topics([NewTopic(name, 1, config={"retention.ms": "1234"})])[name].result()
    stack = Stack(Config(kafka=kafka), StackOptions(tmp_path, broker=kafka.bootstrap), lambda _: None)
    stack._start_broker()
    assert describe_topics(kafka, [name])[name].config["cleanup.policy"] == "delete"
    assert kafka.topic(ALERTS) in list_topics(kafka)


def test_up_creates_no_topic_where_that_is_switched_off(any_broker: KafkaSettings, tmp_path: Path) -> None:
    kafka = any_broker.model_copy(update={"topic_prefix": "off."})
    config = Config(kafka=kafka, ingest=IngestSettings(create_topics=False))
    Stack(config, StackOptions(tmp_path, broker=kafka.bootstrap), lambda _: None)._start_broker()
    assert not [name for name in list_topics(kafka) if name.startswith("off.")]


def test_health_is_the_newest_of_each_entity(any_broker: KafkaSettings) -> None:
    kafka = any_broker.model_copy(update={"partitions": 2})
    create_topics(kafka)
    producer = Producer(kafka.librdkafka())
    for entity, state in (("node:h1", "critical"), ("node:h2", "degraded"), ("node:h1", "healthy")):
        told = EntityHealth.model_validate(
            {"tenant": "default", "entity": entity, "state": state, "since_ms": 1_795_446_000_000, "at_ms": 1}
        )
        producer.produce(HEALTH.name, told.to_bytes(), f"default/{entity}", partition=0)
    assert producer.flush(20) == 0
    lines = _run(kafka, "health", "--json").stdout.splitlines()
    assert [(one["entity"], one["state"]) for one in map(json.loads, lines)] == [
        ("node:h2", "degraded"),
        ("node:h1", "healthy"),
    ]
    assert "node:h1 is healthy since 2026-11-23 15:00:00Z" in _run(kafka, "health", "h1").stdout
    missing = _run(kafka, "health", "h3")
    assert missing.exit_code == 1
    assert "nothing is known of an entity 'h3'" in missing.stderr


def test_incidents_are_the_newest_of_each_key(any_broker: KafkaSettings) -> None:
    kafka = any_broker.model_copy(update={"partitions": 2})
    create_topics(kafka)
    producer = Producer(kafka.librdkafka())
    for number, state, revision in ((1, "open", 1), (2, "open", 1), (1, "resolved", 2)):
        incident = _incident(number, state, revision)
        producer.produce("incidents", incident.to_bytes(), f"default/{incident.id}", partition=number % 2)
    producer.produce("incidents", b"{", "default/unreadable", partition=0)
    assert producer.flush(20) == 0
    with TopicReader(kafka, INCIDENTS, Incident) as reader:
        latest: Latest[Incident] = Latest()
        latest.take(list(reader.to_end()))
        assert reader.unreadable == 1
    assert {one.id: one.state for one in latest.events()} == {"incident-1": "resolved", "incident-2": "open"}
    shown = _run(kafka, "incidents")
    assert (shown.exit_code, "title 2" in shown.stdout) == (0, True)
    since = _run(kafka, "incidents", "--json", "--since", "2026-11-23T15:01:30Z")
    assert [json.loads(line)["id"] for line in since.stdout.splitlines()] == ["incident-2"]


def test_follow_prints_what_comes_until_it_is_interrupted(any_broker: KafkaSettings) -> None:
    kafka = any_broker.model_copy(update={"partitions": 2})
    create_topics(kafka)
    command = [sys.executable, "-m", "metrics_ai", "incidents", "--follow", "--json", "--broker", kafka.bootstrap]
    with subprocess.Popen([*command, "--since", "1s"], stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        producer = Producer(kafka.librdkafka())
        seen = ""
        # It may take a moment until it reads; what is repeated changes nothing.
        for revision in range(100):
            producer.produce("incidents", _incident(7, "open", revision).to_bytes(), "default/incident-7")
            producer.flush(5)
            if select.select([following.stdout], [], [], 0.3)[0]:
                seen = following.stdout.readline()
                break
        following.send_signal(signal.SIGINT)
        following.stdout.read()
        assert following.wait(20) == 0
    assert json.loads(seen)["id"] == "incident-7"


def test_alerts_on_an_empty_topic_are_none(any_broker: KafkaSettings) -> None:
    create_topics(any_broker.model_copy(update={"partitions": 2}))
    assert _run(any_broker, "alerts").stdout == "no alerts\n"
    assert _run(any_broker, "alerts", "--json").stdout == ""


def _alert(episode: int, state: str) -> Alert:
    started_ms = 1_795_446_000_000 + 3_600_000 * episode
    return Alert.model_validate(
        {
            "id": f"fingerprint-{episode}",
            "tenant": "default",
            "fingerprint": "fingerprint",
            "labels": {},
            "state": state,
            "priority": "P2",
            "severity": "warning",
            "entity": "node:n1",
            "signal": "cpu[/x]",
            "started_ms": started_ms,
            "updated_ms": started_ms,
            "score": 2.0,
            "peak_score": 2.0,
            "observed": 1.0,
            "confidence": 0.9,
            "anomaly_id": "anomaly",
        }
    )


def test_every_episode_of_an_alert_is_shown_and_what_cannot_be_read_is_said(any_broker: KafkaSettings) -> None:
    kafka = any_broker.model_copy(update={"partitions": 2, "topic_prefix": "episodes."})
    create_topics(kafka, (ALERTS,))
    producer = Producer(kafka.librdkafka())
    for episode, state in ((1, "firing"), (1, "resolved"), (2, "firing")):
        producer.produce(kafka.topic(ALERTS), _alert(episode, state).to_bytes(), "default/fingerprint", partition=0)
    producer.produce(kafka.topic(ALERTS), b"{", "default/fingerprint", partition=0)
    assert producer.flush(20) == 0
    env = {"COLUMNS": "200", "METRICS_AI__KAFKA__TOPIC_PREFIX": "episodes."}
    shown = CliRunner().invoke(app, ["alerts", "--json", "--broker", kafka.bootstrap], env=env)
    states = {one["id"]: one["state"] for one in map(json.loads, shown.stdout.splitlines())}
    assert states == {"fingerprint-1": "resolved", "fingerprint-2": "firing"}
    assert shown.stderr.startswith("metrics-ai: 1 records of alerts cannot be read")
    assert "cpu[/x]" in CliRunner().invoke(app, ["alerts", "--broker", kafka.bootstrap], env=env).stdout


def test_doctor_finds_topics_that_are_missing_and_compares_clocks(any_broker: KafkaSettings) -> None:
    result = _run(any_broker, "doctor", "--json")
    checks: dict[str, Any] = {one["name"]: one for one in map(json.loads, result.stdout.splitlines())}
    assert checks["clock"]["level"] == "OK"
    assert checks["codecs"]["level"] == checks["names"]["level"] == "OK"
    assert checks[f"broker {any_broker.bootstrap}"]["level"] == "OK"


def test_the_collector_produces_what_the_native_format_reads(any_broker: KafkaSettings) -> None:
    import threading

    from confluent_kafka import Consumer, TopicPartition

    from integrations.formats import Recogniser, SeriesTable, decoder_for

    kafka = any_broker.model_copy(update={"partitions": 2})
    create_topics(kafka, (), ["collected"])
    telemetry = Telemetry("collector")
    settings = CollectorSettings(interval_s=0.2, topic="collected", node="n7")
    stop = threading.Event()
    worker = threading.Thread(target=Collector(settings, kafka, telemetry).run, args=(stop,))
    worker.start()
    consumer = Consumer(kafka.librdkafka(group_id="reader"))
    consumer.assign([TopicPartition("collected", number, 0) for number in range(2)])
    message = consumer.poll(30)
    stop.set()
    worker.join(20)
    consumer.close()
    assert message is not None
    assert message.error() is None
    assert message.key() == b"n7"
    table = SeriesTable("default", Recogniser())
    decoded = decoder_for("native").decode([message.value()], [0], table)
    assert not decoded.rejections
    metrics = {table[dense].metric for dense in decoded.series.tolist()}
    assert {"node_memory_used_ratio", "node_load1", "node_disk_used_ratio"} <= metrics
    assert set(table.entities) == {"node:n7"}
    assert telemetry.is_ready
