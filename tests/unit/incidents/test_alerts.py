"""What an alert is called, how urgent it is, and what becomes of its states."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import pytest

from incidents.alerts import AlertRecord, Placed
from incidents.anomalies import AnomalyFinding, alert_labels, alert_name, alert_priority
from incidents.blocks import pack_alert, unpack_alert
from schemas.events import Anomaly, AnomalyKind, TimeToLimit
from schemas.ids import alert_fingerprint

Make = Callable[..., Anomaly]


@pytest.mark.parametrize(
    ("what", "fields", "name", "priority"),
    [
        ("a plain anomaly is P2, however severe", {"severity": "critical", "score": 99.0}, "MetricAnomaly", "P2"),
        ("a drift is a P3 notice", {"kind": "drift", "detector": "page_hinkley"}, "MetricDrift", "P3"),
        (
            "what stands still has a name of its own",
            {"kind": "flatline", "priority": "P3"},
            "MetricFlatline",
            "P3",
        ),
        ("so has one that is missing", {"kind": "missing", "priority": "P3"}, "MetricMissing", "P3"),
        ("and one that is restless", {"kind": "variance", "priority": "P3"}, "MetricVariance", "P3"),
        ("a rule gives its priority", {"kind": "limit", "detector": "DiskFull", "priority": "P1"}, "DiskFull", "P1"),
        ("a rule without one makes P2", {"kind": "limit", "detector": "Pressure"}, "Pressure", "P2"),
        ("a trend has its rule's name", {"kind": "trend", "detector": "Full", "priority": "P3"}, "Full", "P3"),
        ("the safety list is P0", {"kind": "limit", "detector": "OOM", "safety": True}, "OOM", "P0"),
    ],
)
def test_an_alert_has_a_name_and_a_priority(
    what: str, fields: dict[str, object], name: str, priority: str, anomaly: Make
) -> None:
    one = anomaly(**fields)
    assert (alert_name(one), alert_priority(one)) == (name, priority), what


@pytest.mark.parametrize("kind", get_args(AnomalyKind))
@pytest.mark.parametrize("asked", [None, "P0", "P1", "P2", "P3"])
@pytest.mark.parametrize("confidence", [0.0, 0.2, 0.49])
def test_low_confidence_pages_nobody_by_itself_but_for_the_safety_list(
    kind: str, asked: str | None, confidence: float, anomaly: Make
) -> None:
    fields: dict[str, object] = {"kind": kind, "priority": asked, "severity": "critical", "score": 100.0}
    unsure = anomaly(confidence=confidence, **fields)
    assert alert_priority(unsure) in {"P2", "P3"}
    assert AlertRecord.of(AnomalyFinding(unsure)).priority == alert_priority(unsure)
    assert alert_priority(anomaly(confidence=confidence, safety=True, **fields)) == "P0"
    assert alert_priority(anomaly(confidence=0.8, **fields)) == (asked or ("P3" if kind == "drift" else "P2"))


def test_the_hour_that_led_to_it_is_kept_once_whatever_comes_when(anomaly: Make) -> None:
    hour = [(940_000, 0.1), (1_000_000, 0.93)]
    start = AnomalyFinding.told(anomaly(recent=hour))
    update = AnomalyFinding.told(anomaly(state="update", at_s=1010, score=9.0))
    in_order, late = AlertRecord.of(start), AlertRecord.of(update)
    assert in_order.absorb(update)
    assert late.absorb(start)
    assert in_order.event() == late.event()
    assert in_order.event().recent == hour
    again = unpack_alert(pack_alert(in_order))
    assert again.event() == in_order.event()
    assert not again.absorb(start)
    assert b"recent" not in again.latest.event.to_bytes() + again.worst.event.to_bytes()


def test_a_state_that_comes_again_with_its_hour_is_news_once(anomaly: Make) -> None:
    record = AlertRecord.of(AnomalyFinding.told(anomaly()))
    assert record.event().recent is None
    told = AnomalyFinding.told(anomaly(recent=[(1_000_000, 0.93)]))
    assert record.absorb(told)
    assert record.event().recent == [(1_000_000, 0.93)]
    assert not record.absorb(told)


def test_many_states_of_low_confidence_never_add_up_to_a_page(anomaly: Make) -> None:
    record = AlertRecord.of(AnomalyFinding(anomaly(confidence=0.3, severity="critical")))
    for at_s in range(1010, 1200, 10):
        record.absorb(
            AnomalyFinding(anomaly(state="update", at_s=at_s, score=50.0, severity="critical", confidence=0.1))
        )
    assert record.priority == "P2"


def test_labels_name_alert_metric_series_and_dimensions(anomaly: Make) -> None:
    labels = {"host": "h1", "metric": "theirs", "node": "as the producer says"}
    one = anomaly(labels=labels, dims={"node": "h1", "cluster": "c1"})
    assert alert_labels(one) == {
        "alertname": "MetricAnomaly",
        "metric": "node_cpu_ratio",
        "exported_metric": "theirs",
        "host": "h1",
        "node": "as the producer says",
        "cluster": "c1",
    }
    record = AlertRecord.of(AnomalyFinding(one))
    assert record.fingerprint == alert_fingerprint(alert_labels(one))
    assert record.id == f"{record.fingerprint}-{one.started_ms}"


def test_the_newest_state_is_told_and_the_worst_is_kept(anomaly: Make) -> None:
    record = AlertRecord.of(AnomalyFinding(anomaly(score=2, observed=0.5)))
    assert record.absorb(
        AnomalyFinding(anomaly(state="update", at_s=1010, score=6, observed=0.97, severity="critical"))
    )
    assert record.absorb(AnomalyFinding(anomaly(state="end", at_s=1020, score=0.4, observed=0.2, severity="info")))
    alert, member = record.event(Placed("i1")), record.member()
    assert (alert.state, alert.observed, alert.score, alert.peak_score, alert.peak_ms) == (
        "resolved",
        0.2,
        0.4,
        6,
        1_010_000,
    )
    assert (alert.ended_ms, alert.severity, alert.incident_id) == (1_020_000, "critical", "i1")
    assert (member.observed, member.peak_ms, member.state) == (0.97, 1_010_000, "resolved")
    assert member.summary == "node_cpu_ratio of node h1 anomalous: 0.97, expected 0.1 to 0.3"


def test_a_trends_alert_says_when_its_limit_is_reached(anomaly: Make) -> None:
    left = TimeToLimit(limit=1, per_day=0.05, p50_s=224_640, low_80_s=190_080, high_80_s=267_840)
    shared = {
        "kind": "trend",
        "detector": "disk_full",
        "metric": "disk",
        "labels": {"mount": "/data"},
        "observed": 0.87,
    }
    record = AlertRecord.of(AnomalyFinding(anomaly(**shared, time_to_limit=left)))
    said = "disk_full: disk (/data) of node h1 will reach 1 in 2.6 days (80 %: 2.2 to 3.1 days), now 0.87"
    assert record.summary == said
    record.absorb(AnomalyFinding(anomaly(**shared, state="end", at_s=2000, score=0.0)))
    assert record.member().summary == said
    assert AlertRecord.of(AnomalyFinding(anomaly(**shared))).summary == "disk_full: disk (/data) of node h1: 0.87"


def test_a_repeat_changes_nothing(anomaly: Make) -> None:
    record = AlertRecord.of(AnomalyFinding(anomaly()))
    assert not record.absorb(AnomalyFinding(anomaly()))
    assert record.absorb(AnomalyFinding(anomaly(state="update", at_s=1010)))
    assert not record.absorb(AnomalyFinding(anomaly(state="update", at_s=1010)))


def test_a_peak_that_a_lost_state_had_is_told_by_a_later_one(anomaly: Make) -> None:
    record = AlertRecord.of(AnomalyFinding(anomaly(state="end", at_s=1020, score=0.4, peak_score=8.0)))
    assert record.event().peak_score == 8.0
