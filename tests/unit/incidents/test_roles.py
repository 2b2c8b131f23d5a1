"""Symptoms and causes: who is what, under which key each pages, who tells of it, and what to do about it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from incidents.decide import DecideOperator, DecideSettings
from schemas.events import Anomaly
from schemas.ids import series_id
from schemas.incident_events import Alert
from schemas.slo_events import SloAlert
from schemas.topics import ALERTS
from streams.operator import Output

Make = Callable[..., Anomaly]
MakeSlo = Callable[..., SloAlert]
LATENCY = "http_request_duration_seconds"


def told(*events: Anomaly | SloAlert, decide: DecideOperator | None = None) -> DecideOperator:
    decide = decide or DecideOperator(DecideSettings(), 0, 1)
    for one in events:
        decide.on_anomaly(one) if isinstance(one, Anomaly) else decide.on_slo_alert(one)
    return decide


def of(anomaly: Make, metric: str, start_s: float = 1000, **labels: str) -> Anomaly:
    """An anomaly of a series with these labels, whose entity they name."""
    service, node = labels.get("service"), labels.get("node")
    entity = f"node:{node}" if node else f"service:{service}" if service else "unknown"
    series = f"{series_id('default', metric, labels):016x}"
    return anomaly(metric, start_s=start_s, labels=labels, dims=labels, entity=entity, series_id=series, id=series)


def alerts_in(outputs: Sequence[Output]) -> list[Alert]:
    return [Alert.from_bytes(one.value) for one in outputs if one.topic is ALERTS]


def roles(decide: DecideOperator) -> dict[str, str | None]:
    return {one.signal: one.role for one in decide.alerts()}


@pytest.mark.parametrize(
    ("metric", "labels", "role"),
    [
        (LATENCY, {"service": "web"}, "symptom"),
        ("http_requests_failed_total", {"service": "web"}, "symptom"),
        (LATENCY, {"service": "web", "node": "h1"}, "symptom"),
        (LATENCY, {"node": "h1"}, None),
        ("http_requests_total", {"service": "web"}, None),
        ("node_cpu_ratio", {"service": "web"}, None),
        ("node_disk_read_time_seconds_total", {"service": "node-exporter", "node": "h1"}, None),
        ("node_disk_read_time_seconds_total", {"node": "h1"}, None),
    ],
)
def test_what_users_notice_of_a_service_is_a_symptom(
    metric: str, labels: dict[str, str], role: str | None, anomaly: Make
) -> None:
    assert roles(told(of(anomaly, metric, **labels))) == {metric: role}


def test_an_objectives_alert_is_a_symptom_and_each_names_its_teller(anomaly: Make, slo_alert: MakeSlo) -> None:
    decide = told(slo_alert(), slo_alert("sla"), anomaly())
    assert {one.labels["alertname"]: (one.role, one.source) for one in decide.alerts()} == {
        "SloBurn": ("symptom", "slo"),
        "SloBroken": ("symptom", "slo"),
        "MetricAnomaly": (None, "anomaly"),
    }


@pytest.mark.parametrize(
    ("what", "cause", "role"),
    [
        ("of its service, the window's end", {"start_s": 1600, "service": "web", "node": "h1"}, "cause"),
        ("of its service, earlier", {"start_s": 400, "service": "web", "node": "h1"}, "cause"),
        ("of its service, past the window", {"start_s": 1601, "service": "web", "node": "h1"}, None),
        ("of its entity", {"start_s": 1500, "service": "web"}, "cause"),
        ("of its entity, past the window", {"start_s": 1700, "service": "web"}, None),
        ("of another service", {"start_s": 1000, "service": "cart", "node": "h1"}, None),
    ],
)
def test_what_begins_near_a_symptom_of_its_service_is_a_cause_in_its_incident(
    what: str, cause: dict[str, Any], role: str | None, anomaly: Make
) -> None:
    events = [of(anomaly, LATENCY, service="web"), of(anomaly, "queue_length", **cause)]
    for order in itertools.permutations(events):
        decide = told(*order)
        assert roles(decide) == {LATENCY: "symptom", "queue_length": role}, what
        if role:
            (incident,) = decide.incidents()
            assert {one.signal: one.role for one in incident.members} == roles(decide)


def test_two_alerts_of_a_service_that_are_no_symptoms_have_nothing_to_do_with_each_other(anomaly: Make) -> None:
    decide = told(
        of(anomaly, "node_cpu_ratio", service="node-exporter", node="h1"),
        of(anomaly, "node_load1", service="node-exporter", node="h2"),
    )
    assert len(decide.incidents()) == 2


def test_what_is_on_the_safety_list_is_nobodys_cause(anomaly: Make) -> None:
    killed = of(anomaly, "kills", service="web", node="h1").model_copy(
        update={"kind": "limit", "detector": "Killed", "safety": True, "priority": "P0"}
    )
    decide = told(of(anomaly, LATENCY, service="web"), killed)
    assert roles(decide) == {LATENCY: "symptom", "kills": None}
    (incident,) = decide.incidents()
    (own,) = [one.id for one in decide.alerts() if one.safety]
    assert {one.signal: one.page_key for one in decide.alerts()} == {LATENCY: incident.id, "kills": own}


def test_what_becomes_a_cause_is_told_again(anomaly: Make, slo_alert: MakeSlo) -> None:
    decide = told(of(anomaly, "queue_length", service="web", node="h1"))
    outputs = decide.on_anomaly(of(anomaly, LATENCY, 1100, service="web"))
    assert [(one.signal, one.role) for one in alerts_in(outputs)] == [(LATENCY, "symptom"), ("queue_length", "cause")]
    spent = told(anomaly(), slo_alert(start_s=1100))
    outputs = spent.on_slo_alert(slo_alert(start_s=1100, state="update", at_s=1200, spent_by=["node:h1"]))
    assert [(one.signal, one.role) for one in alerts_in(outputs)] == [
        ("slo:checkout", "symptom"),
        ("node_cpu_ratio", "cause"),
    ]


def test_an_urgent_cause_pages_once_with_its_symptom_whoever_came_first(anomaly: Make) -> None:
    hot = of(anomaly, "queue_length", service="web", node="h1").model_copy(
        update={"kind": "limit", "detector": "Hot", "priority": "P1"}
    )
    slow = of(anomaly, LATENCY, 1100, service="web").model_copy(
        update={"kind": "limit", "detector": "Slow", "priority": "P1"}
    )
    for order in itertools.permutations([hot, slow]):
        decide = told(*order)
        (incident,) = decide.incidents()
        assert len(incident.page_keys) == 1
        assert {one.page_key for one in decide.alerts()} == set(incident.page_keys)


def test_runbooks_that_fit_are_named_and_looked_for_again_only_when_facts_change(anomaly: Make) -> None:
    asked: list[Mapping[str, str]] = []

    def fitting(facts: Mapping[str, str]) -> list[str]:
        asked.append(facts)
        return [f"{facts['kind']}-{facts['priority']}"]

    decide = told(anomaly(), decide=DecideOperator(DecideSettings(), 0, 1, fitting))
    assert decide.alerts()[0].runbooks == ["spike-P2"]
    decide.on_anomaly(anomaly(state="update", at_s=1010))
    assert len(asked) == 1
    assert asked[0] == {
        "alertname": "MetricAnomaly",
        "metric": "node_cpu_ratio",
        "node": "h1",
        "signal": "node_cpu_ratio",
        "severity": "warning",
        "priority": "P2",
        "kind": "spike",
        "direction": "none",
    }
    decide.on_anomaly(anomaly(state="update", at_s=1020, priority="P1"))
    assert decide.alerts()[0].runbooks == ["spike-P1"]


def test_an_objective_names_its_own_runbooks(slo_alert: MakeSlo) -> None:
    decide = told(slo_alert(), decide=DecideOperator(DecideSettings(), 0, 1, lambda facts: ["other"]))
    assert decide.alerts()[0].runbooks == ["checkout-errors"]


def test_an_alert_in_no_incident_has_no_key(anomaly: Make) -> None:
    (alert,) = told(anomaly(kind="drift", detector="drift")).alerts()
    assert (alert.incident_id, alert.page_key) == (None, None)
