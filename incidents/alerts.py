"""Anomaly episodes become alerts: what they are called, how urgent they are, and how news of them is joined.

Every field is a join over the set of states that arrived, so repeats and any order make the same alert: the newest
state and the worst state are kept whole, ends and priorities only ever grow.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from incidents import wording
from incidents.changes import after_change
from models.confidence import LOW_CONFIDENCE
from schemas.change_events import NearestChange
from schemas.events import ANOMALY_ALERT, NOTICES, Anomaly, Priority, Severity
from schemas.ids import alert_fingerprint
from schemas.incident_events import Alert, AlertState, IncidentMember

PRIORITY_RANK: Final[Mapping[Priority, int]] = {"P0": 0, "P1": 1, "P2": 2, "P3": 3}
SEVERITY_RANK: Final[Mapping[Severity, int]] = {"info": 0, "warning": 1, "critical": 2}
STATE_RANK: Final = {"start": 0, "update": 1, "end": 2}
PAGING: Final[frozenset[Priority]] = frozenset({"P0", "P1"})


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


def newer(one: Anomaly, other: Anomaly) -> Anomaly:
    """The later state of an episode in event time; a total order, so that any order of arrival ends alike."""
    mine, theirs = (one.at_ms, STATE_RANK[one.state]), (other.at_ms, STATE_RANK[other.state])
    if mine != theirs:
        return one if mine > theirs else other
    return one if one.to_bytes() >= other.to_bytes() else other


def worse(one: Anomaly, other: Anomaly) -> Anomaly:
    """The state with the higher score, the earlier of equals; a total order too."""
    mine, theirs = (one.score, -one.at_ms), (other.score, -other.at_ms)
    if mine != theirs:
        return one if mine > theirs else other
    return one if one.to_bytes() >= other.to_bytes() else other


@dataclass(slots=True)
class AlertRecord:
    """One alert episode, as far as it is known.

    Parameters
    ----------
    latest, worst
        The newest state, and the one with the highest score.
    key, id, fingerprint, labels, started_ms
        Identity (``key`` among all tenants' alerts); a function of any one of its states.
    priority, severity
        The most urgent and most severe of all states.
    peak_score, peak_ms
        The highest score that any state tells of, and the time of the worst state that arrived.
    end_ms
        Event time of its end, if told; the latest where several were told.
    expired_ms
        When it was given up, nobody having spoken of it.
    home
        Id of the incident that it first joined (which may since be an alias); None for what joins none.
    change
        The last change before it began, if one fits.
    page_key
        The dedup key that this alert opened last, if it opened one.
    digest
        Of the last published content.
    """

    latest: Anomaly
    worst: Anomaly
    key: str
    id: str
    started_ms: int
    fingerprint: str
    labels: dict[str, str]
    priority: Priority
    safety: bool
    severity: Severity
    peak_score: float
    end_ms: int | None = None
    expired_ms: int | None = None
    home: str | None = None
    change: NearestChange | None = None
    page_key: str | None = None
    digest: str = ""
    _member: IncidentMember | None = None

    @classmethod
    def of(cls, anomaly: Anomaly) -> AlertRecord:
        """The alert of an episode's first state to arrive."""
        labels = alert_labels(anomaly)
        fingerprint = alert_fingerprint(labels)
        return cls(
            latest=anomaly,
            worst=anomaly,
            key=f"{anomaly.tenant}/{fingerprint}-{anomaly.started_ms}",
            id=f"{fingerprint}-{anomaly.started_ms}",
            started_ms=anomaly.started_ms,
            fingerprint=fingerprint,
            labels=labels,
            priority=alert_priority(anomaly),
            safety=anomaly.safety,
            severity=anomaly.severity,
            peak_score=max(anomaly.peak_score, anomaly.score),
            end_ms=_end_of(anomaly),
        )

    @property
    def tenant(self) -> str:
        """Whose it is."""
        return self.latest.tenant

    @property
    def ended_ms(self) -> int | None:
        """End of the episode, told or given up; None while it fires."""
        return self.expired_ms if self.end_ms is None else self.end_ms

    @property
    def state(self) -> AlertState:
        """Firing until it ended."""
        return "firing" if self.ended_ms is None else "resolved"

    @property
    def correlates(self) -> bool:
        """Whether it may make or join an incident: P3 notices stay alerts."""
        return self.priority != "P3"

    @property
    def began_ms(self) -> int:
        """When what it tells of began: of a drift, its change; else its start."""
        return self.latest.changed_ms or self.started_ms

    def link(self, change: NearestChange | None) -> bool:
        """Name the change before it, or none; whether that is news. A trend began nobody knows when."""
        if change == self.change or self.latest.kind == "trend":
            return False
        self.change = change
        self._member = None
        return True

    def absorb(self, anomaly: Anomaly) -> bool:
        """Join another state of the episode; whether anything changed."""
        if anomaly in (self.latest, self.worst):
            return False
        self._member = None
        before = (self.latest, self.worst, self.priority, self.severity, self.peak_score, self.end_ms, self.expired_ms)
        self.latest = newer(self.latest, anomaly)
        self.worst = worse(self.worst, anomaly)
        self.priority = min(self.priority, alert_priority(anomaly), key=PRIORITY_RANK.__getitem__)
        self.safety = self.safety or anomaly.safety
        self.severity = max(self.severity, anomaly.severity, key=SEVERITY_RANK.__getitem__)
        self.peak_score = max(self.peak_score, anomaly.peak_score, anomaly.score)
        end_ms = _end_of(anomaly)
        if end_ms is not None:
            self.end_ms = end_ms if self.end_ms is None else max(self.end_ms, end_ms)
        if self.latest is anomaly:
            self.expired_ms = None
        after = (self.latest, self.worst, self.priority, self.severity, self.peak_score, self.end_ms, self.expired_ms)
        return before != after

    def expire(self, at_ms: int) -> None:
        """Give it up."""
        self.expired_ms = at_ms
        self._member = None

    def event(self, incident_id: str | None) -> Alert:
        """What is published."""
        now = self.latest
        annotations = {"summary": self.summary, "explanation": self._after_change(now.explanation)}
        if self.end_ms is None and self.expired_ms is not None:
            annotations["expired"] = "nothing more was heard of it"
        return Alert(
            id=self.id,
            tenant=self.tenant,
            fingerprint=self.fingerprint,
            labels=self.labels,
            annotations=annotations,
            state=self.state,
            priority=self.priority,
            safety=self.safety,
            severity=self.severity,
            entity=now.entity,
            signal=now.metric,
            started_ms=self.started_ms,
            updated_ms=now.at_ms,
            ended_ms=self.ended_ms,
            score=now.score,
            peak_score=self.peak_score,
            peak_ms=self.worst.at_ms,
            observed=now.observed,
            expected=now.expected,
            peak_observed=self.worst.observed,
            peak_expected=self.worst.expected,
            unit=now.unit,
            direction=self.worst.direction,
            kind=self.worst.kind,
            windows=now.windows,
            confidence=now.confidence,
            confidence_reasons=now.confidence_reasons,
            anomaly_id=now.id,
            change=self.change,
            incident_id=incident_id,
        )

    def member(self) -> IncidentMember:
        """What its incident says of it: the worst of it, and whether it lasts."""
        if self._member is None:
            self._member = self._as_member(self.worst)
        return self._member

    def _as_member(self, worst: Anomaly) -> IncidentMember:
        return IncidentMember(
            alert_id=self.id,
            entity=worst.entity,
            signal=worst.metric,
            labels=self.labels,
            state=self.state,
            priority=self.priority,
            severity=self.severity,
            direction=worst.direction,
            started_ms=self.started_ms,
            ended_ms=self.ended_ms,
            peak_score=self.peak_score,
            peak_ms=worst.at_ms,
            observed=worst.observed,
            expected=worst.expected,
            unit=worst.unit,
            kind=worst.kind,
            windows=[verdict.window for verdict in worst.windows if verdict.agrees],
            confidence=worst.confidence,
            summary=self.summary,
        )

    @property
    def summary(self) -> str:
        """One line that says what, where and how far off at its worst, and after which change."""
        name = self.labels["alertname"] if is_rule(self.worst) else None
        return self._after_change(wording.alert_summary(self.worst, name))

    def _after_change(self, sentence: str) -> str:
        return sentence if self.change is None else f"{sentence}; {after_change(self.change, self.began_ms)}"


def _end_of(anomaly: Anomaly) -> int | None:
    if anomaly.ended_ms is not None:
        return anomaly.ended_ms
    return anomaly.at_ms if anomaly.state == "end" else None
