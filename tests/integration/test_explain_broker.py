"""What a broker holds, explained: events and checkpoints as the stages write them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner, Result

from agents.checkpoints import Manifest, records_of
from incidents.decide import DecideOperator, DecideSettings
from integrations.kafka.admin import create_topics
from integrations.kafka.connection import KafkaSettings
from metrics_ai.cli import app
from metrics_ai.explain.topic_samples import TopicSamples
from metrics_ai.explain.tracing import line_of
from models.detect import DetectOperator, DetectSettings
from schemas.batch import SampleBatch, encode_batch
from schemas.change_events import Change
from schemas.ids import decide_partition, samples_partition
from schemas.series import Series
from schemas.topics import ANOMALIES, CHANGES, DETECT_CHECKPOINTS, SAMPLES

PARTITIONS = 2
START_MS = 1_790_035_200_000
CPU = Series("default", "node_cpu_ratio", {"host": "h1"}, {"node": "h1"}, "gauge", "1")
OTHER = Series("default", "node_load1", {"host": "h1"}, {"node": "h1"})
CALM, FAULT, AFTER = 180, 12, 60


def batches() -> Iterator[SampleBatch]:
    """Half an hour of calm, two bad minutes, ten more of calm, beside another series."""
    values = np.concatenate([np.tile([0.09, 0.11], CALM // 2), np.full(FAULT, 0.95), np.full(AFTER, 0.1)])
    ids, texts = np.array([CPU.id, OTHER.id], np.uint64), [CPU.text, OTHER.text]
    for start in range(0, len(values), 20):
        part = values[start : start + 20]
        times = START_MS + 10_000 * (start + np.arange(len(part)))
        series = np.concatenate([np.zeros(len(part)), np.ones(len(part))]).astype(np.int32)
        both = np.concatenate([part, np.full(len(part), 0.5)])
        yield SampleBatch("default", ids, texts, series, np.concatenate([times, times]), both)


@pytest.fixture(scope="module")
def told(any_broker: KafkaSettings) -> KafkaSettings:
    """A broker on which the stages have run over the samples."""
    kafka = any_broker.model_copy(update={"partitions": PARTITIONS, "topic_prefix": "told."})
    create_topics(kafka)
    producer = Producer(kafka.librdkafka())
    at = samples_partition("default", CPU.entity, PARTITIONS)
    detect = DetectOperator(DetectSettings(), at, PARTITIONS)
    decide = DecideOperator(DecideSettings(), decide_partition("default", PARTITIONS), PARTITIONS)
    deployed = Change(
        tenant="default", id="1", kind="deploy", what="abc", labels={"node": "h1"}, at_ms=START_MS + 1_620_000
    )
    outputs = decide.step(CHANGES.name, deployed.to_bytes())
    for batch in batches():
        producer.produce(kafka.topic(SAMPLES), encode_batch(batch), "default", partition=at)
        for one in detect.step(SAMPLES.name, encode_batch(batch)):
            outputs += [one, *(decide.step(one.topic.name, one.value) if one.topic is ANOMALIES else ())]
    outputs += decide.on_tick(START_MS + 3_600_000)
    for one in outputs:
        producer.produce(kafka.topic(one.topic), one.value, one.key, partition=one.partition)
    blocks = dict(detect.take_blocks())
    records, manifest = records_of(at, blocks, Manifest(number=1, offsets={}, blocks=len(blocks)), claim="")
    for record in (*records, manifest):
        producer.produce(kafka.topic(DETECT_CHECKPOINTS), record.value, record.key, partition=at)
    assert producer.flush(20) == 0
    return kafka


def run(kafka: KafkaSettings, *arguments: str) -> Result:
    env = {"COLUMNS": "200", "METRICS_AI__KAFKA__TOPIC_PREFIX": kafka.topic_prefix}
    return CliRunner().invoke(app, [*arguments, "--broker", kafka.bootstrap], env=env)


def lines(kafka: KafkaSettings, command: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in run(kafka, command, "--json").stdout.splitlines()]


def test_an_incident_its_alert_and_its_anomaly_are_explained_by_their_ids(told: KafkaSettings, tmp_path: Path) -> None:
    (incident,), (alert,) = lines(told, "incidents"), lines(told, "alerts")
    plot = tmp_path / "incident.svg"
    shown = run(told, "explain", incident["id"][:8], "--plot", str(plot))
    assert shown.exit_code == 0, shown.output
    for words in (incident["title"], alert["id"], "CPU of node h1 is 0.95", "back to normal", "Timeline", "resolved"):
        assert words in shown.stdout
    assert "after         deploy abc at 2026-09-22 00:27:00Z; node h1" in run(told, "explain", alert["id"]).stdout
    assert ET.parse(plot).getroot().tag.endswith("svg")
    body = json.loads(run(told, "explain", alert["anomaly_id"], "--json").stdout)
    assert (body["kind"], body["latest"]["state"]) == ("anomaly", "end")
    score = body["worst"]["base"] + sum(one["value"] for one in body["worst"]["contributions"])
    assert score == pytest.approx(body["worst"]["score"], abs=1e-6)
    assert json.loads(run(told, "explain", alert["id"], "--json").stdout)["anomaly"]["latest"] == body["latest"]


def test_an_id_that_is_not_there_is_one_line(told: KafkaSettings) -> None:
    missing = run(told, "explain", "ffffffff")
    assert (missing.exit_code, missing.stdout, len(missing.stderr.splitlines())) == (1, "", 1)


def test_a_series_is_inspected_as_the_checkpoint_has_it(told: KafkaSettings, tmp_path: Path) -> None:
    plot = tmp_path / "cpu.png"
    shown = run(told, "inspect", 'node_cpu_ratio{node="h1"}', "--plot", str(plot))
    assert shown.exit_code == 0, shown.output
    assert "entity       node:h1" in shown.stdout
    assert plot.read_bytes().startswith(b"\x89PNG")
    both = [json.loads(line) for line in run(told, "inspect", '{host="h1"}', "--json").stdout.splitlines()]
    assert [(one["metric"], one["value"]) for one in both] == [("node_cpu_ratio", 0.1), ("node_load1", 0.5)]
    assert run(told, "inspect", '{host="h1"}').stdout.count("node:h1") == 2
    assert "no series 'absent'" in run(told, "inspect", "absent").stderr


def test_the_samples_of_a_series_are_read_back_as_far_as_they_are_wanted(told: KafkaSettings) -> None:
    source = TopicSamples(told, CPU)
    everything = line_of(source.between(0, None), CPU.id)
    assert len(everything) == CALM + FAULT + AFTER
    until_ms = START_MS + 10_000 * CALM
    read = list(source.between(START_MS, until_ms))
    assert len(read) < len(list(batches()))
    assert line_of(read, CPU.id).between(START_MS, until_ms).values.tolist() == everything.values[: CALM + 1].tolist()


def test_without_a_checkpoint_that_is_said(any_broker: KafkaSettings) -> None:
    kafka = any_broker.model_copy(update={"partitions": PARTITIONS, "topic_prefix": "young."})
    create_topics(kafka)
    assert "holds no checkpoint yet" in run(kafka, "inspect", "cpu").stderr
    absent = kafka.model_copy(update={"topic_prefix": "absent."})
    assert "has no topic absent.detect.checkpoints" in run(absent, "inspect", "cpu").stderr
