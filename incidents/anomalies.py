"""Anomalies as states of alerts: what they are called, how urgent they are, what is said of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from incidents import wording
from incidents.finding import PAGING, Finding, Identity, Named, Points, Source, worse_finding
from models.confidence import LOW_CONFIDENCE
from models.golden import signal_of
from schemas.events import ANOMALY_ALERT, NOTICES, Anomaly, Priority, Severity

_NOTICED: Final = frozenset({"latency", "errors"})
_OF_MACHINES: Final = ("node_", "disk", "net", "system_", "interface_", "if_", "kube_", "container_", "process_")


def alert_name(anomaly: Anomaly) -> str:
    """The rule's name where a rule spoke, else what kind of notice it is."""
    if is_rule(anomaly):
        return anomaly.detector
    return NOTICES.get(anomaly.kind, ANOMALY_ALERT)


def is_rule(anomaly: Anomaly) -> bool:
    """Whether a threshold rule made it."""
    return anomaly.kind in {"limit", "trend"}


def alert_labels(anomaly: Anomaly) -> dict[str, str]:
    """Labels that identify the alert: name, metric, the series' own, the recognised dimensions.

    A series' own ``alertname`` or ``metric`` is kept as ``exported_alertname``, ``exported_metric``, as Prometheus
    does it.
    """
    labels = {"alertname": alert_name(anomaly), "metric": anomaly.metric}
    for name, value in anomaly.labels.items():
        labels[f"exported_{name}" if name in ("alertname", "metric") else name] = value
    for name, value in anomaly.dims.items():
        labels.setdefault(name, value)
    return labels


def alert_priority(anomaly: Anomaly) -> Priority:
    """P0 for the safety list, else the rule's; P3 for drift, P2 for all other anomalies, however severe.

    What is rather no anomaly than one makes no more than P2 by itself, whatever it asks for.
    """
    if anomaly.safety:
        return "P0"
    if anomaly.priority in PAGING and anomaly.confidence < LOW_CONFIDENCE:
        return "P2"
    if anomaly.priority is not None:
        return anomaly.priority
    return "P3" if anomaly.kind == "drift" else "P2"


def worse(one: Anomaly, other: Anomaly) -> Anomaly:
    """The state with the higher score, the earlier of equals; a total order."""
    found = AnomalyFinding(one), AnomalyFinding(other)
    return one if worse_finding(*found) is found[0] else other


def is_symptom(anomaly: Anomaly) -> bool:
    """Whether users notice it: how long a service's requests take, or how many fail; a machine's own they do not.

    An exporter that runs as a service speaks of its machine all the same.
    """
    if not anomaly.entity.startswith("service:") and "service" not in anomaly.dims:
        return False
    return not anomaly.metric.startswith(_OF_MACHINES) and signal_of(anomaly.metric, anomaly.labels) in _NOTICED


@dataclass(frozen=True, slots=True)
class AnomalyFinding(Finding[Anomaly]):
    """One state of an anomaly of a series, or of an entity.

    Parameters
    ----------
    event
        As it was told, without the hour that led to it.
    recent
        That hour: it is kept once an alert, not in each of the states that are.
    """

    recent: Points = field(default=(), compare=False)

    @classmethod
    def told(cls, anomaly: Anomaly) -> Self:
        """The state that an event tells."""
        if not anomaly.recent:
            return cls(anomaly)
        return cls(anomaly.model_copy(update={"recent": None}), tuple(anomaly.recent))

    @property
    def name(self) -> str:
        """As ``alert_name`` has it."""
        return alert_name(self.event)

    @property
    def source(self) -> Source:
        """A series, or an entity."""
        return "anomaly"

    @property
    def named(self) -> Named:
        """By its rule, or its metric."""
        return Named("rule", self.name) if is_rule(self.event) else Named("anomalous", self.event.metric)

    @property
    def subject(self) -> str:
        """Its metric, and where."""
        return f"{self.event.metric} of {wording.entity_name(self.event.entity)}"

    def labels(self) -> dict[str, str]:
        """As ``alert_labels`` has them."""
        return alert_labels(self.event)

    def identity(self, labels: dict[str, str]) -> Identity:
        """What names no entity is related to itself alone."""
        entity = self.event.entity
        place = entity if entity != "unknown" else f"series:{self.event.series_id}"
        service = labels.get("service", "")
        return Identity(labels, entity, self.event.metric, place, service=service, symptom=is_symptom(self.event))

    @property
    def ended_ms(self) -> int | None:
        """The time of the end, or of the state that is one; silence is none."""
        if self.silent:
            return None
        if self.event.ended_ms is not None:
            return self.event.ended_ms
        return self.event.at_ms if self.event.state == "end" else None

    @property
    def silent(self) -> bool:
        """Its series sends nothing any more; what told just that is over with it."""
        one = self.event
        return one.state == "end" and one.end_reason == "silent" and one.kind != "missing"

    @property
    def series(self) -> str | None:
        """Its series."""
        return self.event.series_id

    @property
    def alive_ms(self) -> int | None:
        """Its start; of what was missing, when it came back."""
        if self.event.kind != "missing":
            return self.event.started_ms
        return self.ended_ms if self.event.end_reason == "recovered" else None

    @property
    def began_ms(self) -> int | None:
        """Of a drift, its change; else its start. A trend began nobody knows when."""
        return None if self.event.kind == "trend" else self.event.changed_ms or self.event.started_ms

    @property
    def priority(self) -> Priority:
        """As ``alert_priority`` has it."""
        return alert_priority(self.event)

    @property
    def safety(self) -> bool:
        """As its rule says."""
        return self.event.safety

    @property
    def severity(self) -> Severity:
        """As its detector says."""
        return self.event.severity

    @property
    def badness(self) -> float:
        """The score."""
        return self.event.score

    @property
    def peak_score(self) -> float | None:
        """The highest that was told."""
        return max(self.event.peak_score, self.event.score)

    @property
    def confidence(self) -> float:
        """As its detector says."""
        return self.event.confidence

    @property
    def facts(self) -> Mapping[str, str]:
        """Its kind, and on which side it is."""
        return {"kind": self.event.kind, "direction": self.event.direction}

    @property
    def ended(self) -> str:
        """For the reason that was told."""
        return wording.ended(self.event.end_reason)

    @property
    def summary(self) -> str:
        """The value, and what was expected."""
        return wording.alert_summary(self.event, self.name if is_rule(self.event) else None)

    def annotations(self, worst: Finding[Any]) -> dict[str, str]:
        """The sentence that explains it."""
        return {"explanation": self.event.explanation}

    def alert_body(self, worst: Finding[Any]) -> Mapping[str, Any]:
        """Values now and at the worst, and who says so."""
        now, then = self.event, worst.event
        return {
            "score": now.score,
            "observed": now.observed,
            "expected": now.expected,
            "peak_observed": then.observed,
            "peak_expected": then.expected,
            "unit": now.unit,
            "direction": then.direction,
            "kind": then.kind,
            "windows": now.windows,
            "confidence": now.confidence,
            "confidence_reasons": now.confidence_reasons,
            "anomaly_id": now.id,
            "seconds_left": None if now.time_to_limit is None else now.time_to_limit.p50_s,
            "seconds_left_80": None
            if now.time_to_limit is None
            else (now.time_to_limit.low_80_s, now.time_to_limit.high_80_s),
        }

    def member_body(self) -> Mapping[str, Any]:
        """Values, and who says so."""
        one = self.event
        return {
            "direction": one.direction,
            "observed": one.observed,
            "expected": one.expected,
            "unit": one.unit,
            "kind": one.kind,
            "windows": [verdict.window for verdict in one.windows if verdict.agrees],
            "confidence": one.confidence,
        }
