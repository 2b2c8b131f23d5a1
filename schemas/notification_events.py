"""Who is told what, why, and what became of it: ``alerts.status``, ``notifications``, ``notifications.results``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Event, Finite, TimeMs
from schemas.change_events import NearestChange
from schemas.events import Priority, Severity
from schemas.incident_events import Acknowledgement, AlertState

AlertStanding = Literal["new", "acknowledged", "suppressed", "flapping", "expired", "resolved"]
DecisionStep = Literal[
    "rule",
    "priority",
    "score",
    "route",
    "group",
    "silence",
    "inhibition",
    "interval",
    "suppression",
    "throttle",
    "digest",
    "flapping",
    "acknowledgement",
    "escalation",
    "notification",
]


class Decision(BaseModel):
    """One step on the way from an alert to people, or away from them."""

    model_config = ConfigDict(frozen=True)
    at_ms: TimeMs
    step: DecisionStep
    verdict: Annotated[str, Field(description="In a word or two: matched, muted, passed, sent, held.")]
    name: Annotated[str, Field(description="Of the rule, the silence, the route, the receiver that decided.")] = ""
    text: Annotated[str, Field(description="Why, in a sentence.")]
    labels: Annotated[dict[str, str], Field(description="Those that matched.")] = {}


class ScorePart(BaseModel):
    """One factor of an alert's score."""

    model_config = ConfigDict(frozen=True)
    of: Literal["impact", "urgency", "confidence", "accuracy"]
    value: Annotated[Finite, Field(description="From 0 to 1.")]
    why: str


class AlertStatus(Event):
    """How an alert episode stands on its way to people, and every decision that brought it there."""

    v: Literal[1] = 1
    tenant: str
    alert_id: str
    fingerprint: str
    state: AlertStanding
    since_ms: TimeMs
    at_ms: TimeMs
    priority: Priority
    acknowledged: Acknowledgement | None = None
    silenced_by: Annotated[list[str], Field(description="Ids of silences.")] = []
    inhibited_by: Annotated[list[str], Field(description="Fingerprints of alerts.")] = []
    muted_by: Annotated[list[str], Field(description="Time intervals, suppressions, throttles that hold it back.")] = []
    receivers: list[str] = []
    score: Annotated[Finite | None, Field(description="From 0 to 100; its parts are ``score_parts``.")] = None
    score_parts: list[ScorePart] = []
    decisions: Annotated[list[Decision], Field(description="In order; of very many the first and the last.")] = []
    incident_id: str | None = None

    @property
    def key(self) -> str:
        """The record's."""
        return f"{self.tenant}/{self.alert_id}"


class NotifiedAlert(BaseModel):
    """An alert inside a notification."""

    model_config = ConfigDict(frozen=True)
    alert_id: str
    fingerprint: str
    state: AlertState
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    priority: Priority
    severity: Severity
    started_ms: TimeMs
    ended_ms: TimeMs | None = None
    generator_url: str = ""


class SignalExcerpt(BaseModel):
    """The hour that led to the anomaly of one of an incident's most telling series."""

    model_config = ConfigDict(frozen=True)
    signal: str
    entity: str
    unit: str = ""
    points: Annotated[list[tuple[TimeMs, Finite]], Field(description="Time and value, oldest first.")] = []


class NotificationContext(BaseModel):
    """What helps whoever is told."""

    model_config = ConfigDict(frozen=True)
    signals: Annotated[list[SignalExcerpt], Field(max_length=5)] = []
    forecasts: Annotated[list[str], Field(description="When a limit is reached, in sentences.")] = []
    changes: list[NearestChange] = []
    budgets: Annotated[list[str], Field(description="What it spent of which objective, in sentences.")] = []
    runbooks: Annotated[list[str], Field(description="Ids of those that fit.")] = []
    links: Annotated[dict[str, str], Field(description="By what is behind them: logs, dashboards.")] = {}
    truncated: Annotated[bool, Field(description="Whether something was left out to stay within 100 KiB.")] = False


class NotifiedConfidence(BaseModel):
    """How sure it is, and between which bounds, at which level."""

    model_config = ConfigDict(frozen=True)
    lo: Finite | None = None
    hi: Finite | None = None
    level: Annotated[Finite | None, Field(description="Share of cases that lie within the bounds.")] = None
    value: Annotated[Finite | None, Field(description="How likely it is a real one, from 0 to 1, calibrated.")] = None
    of: Annotated[str | None, Field(description="What lies within the bounds: ``seconds_left``.")] = None


class Notification(Event):
    """Something to tell one integration of a receiver, once."""

    v: Literal[1] = 1
    id: Annotated[str, Field(description="The same whenever it is made again.")]
    tenant: str
    receiver: str
    integration: Annotated[str, Field(description="Which of the receiver's: kind and position, as ``pagerduty[0]``.")]
    action: Annotated[
        Literal["open", "update", "resolve", "digest"],
        Field(description="Of the dedup key. A digest is told once, and never resolved."),
    ]
    dedup_key: Annotated[str, Field(max_length=255, description="What all of one page or ticket share.")]
    sequence: Annotated[int, Field(ge=1, description="Rises with each of this key at this integration.")]
    group_key: Annotated[str, Field(description="Alertmanager's, of the group.")]
    at_ms: TimeMs
    status: AlertState
    reason: Annotated[str, Field(description="Why now: it is new, more alerts joined, it lasts, all is over.")]
    priority: Priority
    severity: Severity
    title: str
    group_labels: dict[str, str] = {}
    common_labels: dict[str, str] = {}
    common_annotations: dict[str, str] = {}
    alerts: list[NotifiedAlert]
    truncated_alerts: Annotated[int, Field(ge=0, description="How many more there are than are listed.")] = 0
    incident_id: str | None = None
    incident_revision: Annotated[int, Field(ge=0, description="Of the incident, when it was told; 0 of none.")] = 0
    escalation: Annotated[int, Field(ge=0, description="Which step of an escalation chain; 0 is none.")] = 0
    assignees: Annotated[list[str], Field(description="Who is on call, where a schedule says so.")] = []
    context: NotificationContext | None = None
    confidence: Annotated[NotifiedConfidence | None, Field(description="Absent where nothing was estimated.")] = None
    windows: Annotated[dict[str, str], Field(description="What each window says, by its name.")] = {}

    @property
    def key(self) -> str:
        """The record's; one writer tells all of a key in order."""
        return f"{self.tenant}/{self.receiver}/{self.integration}/{self.dedup_key}"


class NotificationResult(Event):
    """What became of an attempt to deliver a notification."""

    v: Literal[1] = 1
    tenant: str
    notification_id: str
    receiver: str
    integration: str
    dedup_key: str
    sequence: int
    action: Literal["open", "update", "resolve", "digest"]
    attempt: Annotated[int, Field(ge=1)]
    at_ms: TimeMs
    outcome: Annotated[
        Literal["delivered", "retry", "refused", "given_up"],
        Field(description="Refused: the far end will never take it. Given up: it failed for too long."),
    ]
    status: Annotated[int | None, Field(description="The HTTP status, or SMTP reply, if there was one.")] = None
    text: Annotated[str, Field(description="What the far end, or the network, said; no secrets.")] = ""
    retry_at_ms: Annotated[TimeMs | None, Field(description="Not before.")] = None
    reference: Annotated[
        dict[str, Any], Field(description="What the far end calls it: an issue's key, a message's id; kept for later.")
    ] = {}
    incident_id: str | None = None

    @property
    def key(self) -> str:
        """The record's, that of its notification."""
        return f"{self.tenant}/{self.receiver}/{self.integration}/{self.dedup_key}"
