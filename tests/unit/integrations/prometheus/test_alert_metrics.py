"""What is counted of alerts and incidents, whatever comes first and whatever comes again."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from integrations.project import Record, Sink
from integrations.prometheus import AlertMetrics
from integrations.telemetry import Telemetry
from schemas import topics
from schemas.base import Event
from schemas.incident_events import IncidentTimes
from schemas.topics import Topic
from tests.unit.incidents.dispatch.conftest import T0_MS, make_alert, make_incident
from tests.unit.incidents.review.cases import entry, notification, result, verdict
from tests.unit.incidents.review.life import incident_life

TOPICS = {one.name: one for one in AlertMetrics.topics}


def record(topic: Topic, event: Event, offset: int = 0) -> Record:
    return Record(topic.name, 0, offset, b"key", event.to_bytes(), 0)


class Worker:
    def __init__(self) -> None:
        self.telemetry = Telemetry("project")
        self.sink = AlertMetrics(self.telemetry)

    def take(self, *told: tuple[Topic, Event]) -> None:
        self.sink.take([record(topic, event) for topic, event in told])

    def says(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Values of a metric by some of its labels, those that are more than zero."""
        families = text_string_to_metric_families(generate_latest(self.telemetry.registry).decode())
        samples = [one for family in families for one in family.samples if one.name == name]
        return {tuple(one.labels[label] for label in labels): one.value for one in samples if one.value}


@pytest.fixture
def worker() -> Worker:
    return Worker()


ALERT = make_alert(rule="disk-full", labels={"team": "storage"})
OPENED = entry("e1", 0, "opened", alert_id=ALERT.id)
TIMES = IncidentTimes(
    detected_ms=T0_MS,
    acknowledged_ms=T0_MS + 60_000,
    mitigated_ms=T0_MS + 90_000,
    resolved_ms=T0_MS + 300_000,
    to_detect_s=5,
    to_acknowledge_s=60,
    to_mitigate_s=90,
    to_resolve_s=280,
)
WHOSE = ("rule", "team", "priority")


def test_it_is_a_sink(worker: Worker) -> None:
    sink: Sink = worker.sink
    assert sink.topics[0] is topics.ALERTS


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_an_alert_counts_by_its_rule_and_team_whichever_record_is_read_first(
    worker: Worker, order: Iterable[int]
) -> None:
    told = [(topics.ALERTS, ALERT), (topics.TIMELINE, OPENED), (topics.FEEDBACK, verdict(ALERT.id, "false"))]
    for at in order:
        worker.take(told[at])
    assert worker.says("metrics_ai_alerts_opened_total", *WHOSE) == {("disk-full", "storage", "P2"): 1}
    assert worker.says("metrics_ai_alert_feedback_total", "rule", "team", "verdict") == {
        ("disk-full", "storage", "false"): 1
    }


def test_what_comes_again_counts_once(worker: Worker) -> None:
    told: list[tuple[Topic, Event]] = [
        (topics.ALERTS, ALERT),
        (topics.TIMELINE, OPENED),
        (topics.TIMELINE, entry("e2", 9, "alert_resolved", alert_id=ALERT.id)),
        (topics.NOTIFICATIONS, notification()),
        (topics.NOTIFICATION_RESULTS, result(1, "retry")),
        (topics.FEEDBACK, verdict(ALERT.id, "actioned")),
    ]
    worker.take(*told)
    worker.take(*told)
    for name in ("alerts_opened", "alerts_resolved", "notifications", "alert_feedback"):
        assert list(worker.says(f"metrics_ai_{name}_total", "tenant").values()) == [1], name


def test_what_may_be_counted_begins_at_zero_so_that_its_first_is_seen(worker: Worker) -> None:
    worker.take((topics.ALERTS, ALERT), (topics.NOTIFICATIONS, notification()))
    text = generate_latest(worker.telemetry.registry).decode()
    for line in ('outcome="given_up",priority="P2"', 'verdict="false"', 'rule="disk-full",team="storage"'):
        found = [one for one in text.splitlines() if line in one and "_created" not in one]
        assert found
        assert all(one.endswith(" 0.0") for one in found), line


def test_updates_of_an_alert_open_nothing(worker: Worker) -> None:
    worker.take((topics.ALERTS, ALERT), (topics.ALERTS, make_alert(at_s=9, rule="disk-full")))
    assert worker.says("metrics_ai_alerts_opened_total", *WHOSE) == {}


def test_attempts_count_by_receiver_kind_priority_and_outcome(worker: Worker) -> None:
    worker.take((topics.NOTIFICATION_RESULTS, result(1, "retry")))
    worker.take((topics.NOTIFICATIONS, notification(priority="P1")))
    worker.take((topics.NOTIFICATION_RESULTS, result(2, "delivered")))
    labels = ("receiver", "integration", "action", "priority", "outcome")
    assert worker.says("metrics_ai_notifications_total", *labels) == {
        ("pager", "log", "open", "P1", "retry"): 1,
        ("pager", "log", "open", "P1", "delivered"): 1,
    }


def test_what_was_told_before_the_process_began_counts_without_it(worker: Worker) -> None:
    said = verdict("gone", "false").model_copy(update={"labels": {"team": "storage"}})
    worker.take((topics.NOTIFICATION_RESULTS, result(3, "given_up")), (topics.FEEDBACK, said))
    worker.sink.flush()
    assert worker.says("metrics_ai_notifications_total", "priority") == {}
    worker.sink.flush()
    assert worker.says("metrics_ai_notifications_total", "priority", "outcome") == {("", "given_up"): 1}
    assert worker.says("metrics_ai_alert_feedback_total", "rule", "team") == {("", "storage"): 1}
    worker.take((topics.NOTIFICATIONS, notification()))
    assert worker.says("metrics_ai_notifications_total", "priority", "outcome") == {("", "given_up"): 1}


STEPS = (
    (topics.TIMELINE, OPENED),
    (topics.TIMELINE, entry("e2", 60, "acknowledged")),
    (topics.TIMELINE, entry("e3", 90, "mitigated")),
    (topics.TIMELINE, entry("e4", 300, "resolved")),
)
SUMS = {"detect": 5.0, "acknowledge": 60.0, "mitigate": 90.0, "resolve": 280.0}


def sums(worker: Worker) -> dict[str, float]:
    found = {}
    for name in SUMS:
        metric = f"metrics_ai_incident_time_to_{name}_seconds"
        if counts := worker.says(f"{metric}_count", "priority"):
            assert counts == {("P2",): 1}, name
            (found[name],) = worker.says(f"{metric}_sum", "priority").values()
    return found


@pytest.mark.parametrize("first", [True, False])
def test_each_of_the_four_times_is_measured_once(worker: Worker, first: bool) -> None:
    incident = (topics.INCIDENTS, make_incident(times=TIMES))
    worker.take(*([incident, *STEPS] if first else [*STEPS, incident]))
    worker.take(incident, *STEPS)
    assert sums(worker) == SUMS


def test_a_time_is_measured_as_soon_as_the_incident_tells_it(worker: Worker) -> None:
    before = TIMES.model_copy(update={"acknowledged_ms": None, "to_acknowledge_s": None})
    worker.take((topics.INCIDENTS, make_incident(times=before)), *STEPS)
    assert "acknowledge" not in sums(worker)
    worker.take((topics.INCIDENTS, make_incident(times=TIMES, revision=2)))
    assert sums(worker) == SUMS


def test_a_second_acknowledgement_and_that_of_an_alert_are_not_measured(worker: Worker) -> None:
    worker.take((topics.INCIDENTS, make_incident(times=TIMES)))
    worker.take((topics.TIMELINE, entry("e5", 200, "acknowledged")))
    worker.take((topics.TIMELINE, entry("e6", 60, "acknowledged", alert_id=ALERT.id)))
    assert sums(worker) == {}


def test_an_older_state_of_an_incident_changes_nothing(worker: Worker) -> None:
    worker.take((topics.INCIDENTS, make_incident(times=TIMES, revision=2)))
    worker.take((topics.INCIDENTS, make_incident(revision=1)), *STEPS)
    assert sums(worker) == SUMS


def test_what_cannot_be_read_is_counted_and_passed_over(worker: Worker) -> None:
    bad = Record("alerts", 0, 0, b"k", b"nonsense", 0)
    newer = Record("alerts", 0, 1, b"k", ALERT.to_bytes().replace(b'"v":1', b'"v":9'), 0)
    gone = Record("alerts", 0, 2, b"k", None, 0)
    worker.sink.take([bad, newer, gone, record(topics.ALERTS, ALERT), record(topics.TIMELINE, OPENED)])
    assert worker.says("metrics_ai_rejected_total", "reason") == {("not_readable",): 1, ("newer_version",): 1}
    assert sum(worker.says("metrics_ai_alerts_opened_total", *WHOSE).values()) == 1


def test_rules_and_teams_beyond_many_are_counted_together(worker: Worker) -> None:
    for number in range(510):
        alert = make_alert(node=f"h{number}", labels={"team": f"t{number}"})
        worker.take((topics.ALERTS, alert), (topics.TIMELINE, entry(f"o{number}", 0, "opened", alert_id=alert.id)))
    counts = worker.says("metrics_ai_alerts_opened_total", "team")
    assert len(counts) == 501
    assert counts[("others",)] == 10


LIFE = [(TOPICS[topic], event) for topic, event in incident_life().said if topic in TOPICS]


def all_values(worker: Worker) -> dict[str, Any]:
    return {
        name: worker.says(f"metrics_ai_{name}", *labels)
        for name, labels in {
            "alerts_opened_total": WHOSE,
            "alerts_resolved_total": WHOSE,
            "notifications_total": ("receiver", "action", "priority", "outcome"),
            "alert_feedback_total": ("rule", "team", "verdict"),
            "incident_time_to_acknowledge_seconds_sum": ("team",),
            "incident_time_to_mitigate_seconds_sum": ("team",),
            "incident_time_to_resolve_seconds_count": ("team",),
        }.items()
    }


def test_a_life_counts_as_it_was_lived(worker: Worker) -> None:
    worker.take(*LIFE)
    said = all_values(worker)
    assert sum(said["alerts_opened_total"].values()) == sum(said["alerts_resolved_total"].values()) == 4
    assert said["incident_time_to_acknowledge_seconds_sum"] == {("shop",): 180}
    assert said["incident_time_to_mitigate_seconds_sum"] == {("shop",): 720}
    assert said["incident_time_to_resolve_seconds_count"] == {("shop",): 2}


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32))
def test_whatever_order_topics_are_read_in_and_whatever_comes_twice_the_counts_are_the_same(seed: int) -> None:
    chance = random.Random(seed)
    plain, mixed = Worker(), Worker()
    plain.take(*LIFE)
    lanes: dict[str, list[Any]] = {}
    for told in LIFE:
        lanes.setdefault(told[0].name, []).append(told)
    # Each topic in its own order; some of what was read is read again from an earlier place.
    places = dict.fromkeys(lanes, 0)
    while left := [name for name, lane in lanes.items() if places[name] < len(lane)]:
        name = chance.choice(left)
        mixed.take(lanes[name][places[name]])
        places[name] = chance.randrange(places[name] + 1) if chance.random() < 0.1 else places[name] + 1
    said = all_values(mixed)
    for metric, values in all_values(plain).items():
        assert sum(said[metric].values()) == pytest.approx(sum(values.values())), metric
