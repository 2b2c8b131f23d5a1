"""A report from the topics of a broker, and figures of alerts on ``/metrics``, after a life of an incident went by."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from typer.testing import CliRunner, Result

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics
from integrations.prometheus import AlertMetrics, PageLoad
from integrations.telemetry import Telemetry
from metrics_ai.cli import app
from metrics_ai.incident_cases import evidence_lines, told_case
from schemas.ids import decide_partition
from schemas.incident_events import Incident
from schemas.topics import ALERTS, SLO_ALERTS, TIMELINE, topic_named
from tests.integration.gateways import await_until, producer
from tests.integration.storms import projecting
from tests.unit.incidents.dispatch.conftest import make_alert
from tests.unit.incidents.review.cases import entry
from tests.unit.incidents.review.life import T0_S, TENANT, Life, incident_life

READ = frozenset({*(topic.name for topic in AlertMetrics.topics), SLO_ALERTS.name})


@pytest.fixture(scope="module")
def life() -> Life:
    return incident_life()


@pytest.fixture
def kafka(project_kafka: KafkaSettings, life: Life) -> KafkaSettings:
    """The topics, with all that was told."""
    create_topics(project_kafka, [SLO_ALERTS], [])
    tell(project_kafka, life)
    return project_kafka


def tell(kafka: KafkaSettings, life: Life) -> None:
    sender = producer(kafka)
    partition = decide_partition(TENANT, kafka.partitions)
    for topic, event in life.said:
        if topic in READ:
            sender.produce(kafka.topic(topic_named(topic)), event.to_bytes(), "key", partition)
    assert sender.flush(30) == 0


def run(kafka: KafkaSettings, *arguments: str) -> Result:
    environment = {
        "METRICS_AI__KAFKA__BOOTSTRAP": kafka.bootstrap,
        "METRICS_AI__KAFKA__TOPIC_PREFIX": kafka.topic_prefix,
        "METRICS_AI__KAFKA__PARTITIONS": str(kafka.partitions),
        "METRICS_AI_CONFIG": None,
    }
    return CliRunner().invoke(app, list(arguments), env=environment)


def test_the_report_from_a_broker_rests_on_the_same_events(kafka: KafkaSettings, life: Life, tmp_path: Path) -> None:
    case = told_case(life.events(), life.of(Incident)[-1].id)
    kept = tmp_path / "incident.jsonl"
    done = run(kafka, "incidents", "report", case.incident.id[:8], "--evidence", str(kept))
    assert done.exit_code == 0, done.output
    assert "12.5 % of the period, 57.5 % left" in done.output
    assert sorted(kept.read_text().splitlines()) == sorted(evidence_lines(case).splitlines())
    assert run(kafka, "incidents", "report", "nope").exit_code == 1


def value(telemetry: Telemetry, metric: str) -> float:
    lines = generate_latest(telemetry.registry).decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{metric}{{"))


@contextlib.contextmanager
def counting(kafka: KafkaSettings) -> Iterator[Telemetry]:
    telemetry = Telemetry("project")
    with projecting([AlertMetrics(telemetry), PageLoad(telemetry, now_s=lambda: T0_S + 3600.0)], kafka):
        yield telemetry


def test_what_was_told_is_counted_once_although_it_is_told_again(kafka: KafkaSettings, life: Life) -> None:
    telemetry = Telemetry("project")
    sinks = [AlertMetrics(telemetry), PageLoad(telemetry, now_s=lambda: T0_S + 3600.0)]
    # In order: that two topics are read in is not theirs.
    with projecting(sinks, kafka) as feed:
        everything = 2 * sum(topic in READ - {SLO_ALERTS.name} for topic, _ in life.said)
        tell(kafka, life)
        await_until(lambda: value(feed, "metrics_ai_records_total") >= everything, "all records, twice")
    assert value(telemetry, "metrics_ai_alerts_opened_total") == 4
    assert value(telemetry, "metrics_ai_alerts_resolved_total") == 4
    assert value(telemetry, "metrics_ai_incident_time_to_resolve_seconds_sum") == 2 * 1260
    assert value(telemetry, "metrics_ai_alert_feedback_total") == 1


def test_pages_are_the_same_after_a_restart_and_counters_begin_anew(kafka: KafkaSettings) -> None:
    with counting(kafka) as before:
        await_until(lambda: value(before, "metrics_ai_alerts_opened_total") == 4, "the alerts")
        await_until(lambda: value(before, "metrics_ai_pages") == 2, "the pages")
    later = Life()
    alert = make_alert(tenant=TENANT)
    opened = entry("later", 0, "opened", tenant=TENANT, alert_id=alert.id)
    later.said += [(ALERTS.name, alert), (TIMELINE.name, opened)]
    with counting(kafka) as after:
        tell(kafka, later)
        await_until(lambda: value(after, "metrics_ai_alerts_opened_total") > 0, "the alert that came later")
        await_until(lambda: value(after, "metrics_ai_pages") == 2, "the pages")
        assert value(after, "metrics_ai_alerts_opened_total") == 1
