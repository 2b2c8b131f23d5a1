"""What is told of alerts and incidents: topics ``alerts``, ``incidents`` and ``incidents.timeline``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Event, Finite, Score, TimeMs
from schemas.change_events import NearestChange
from schemas.events import AnomalyKind, Direction, Priority, Range, Severity, WindowName, WindowVerdict

AlertState = Literal["firing", "resolved"]
IncidentState = Literal["open", "acknowledged", "mitigated", "resolved", "reviewed", "merged"]
EntryKind = Literal[
    "opened",
    "alert_joined",
    "alert_resolved",
    "priority_raised",
    "merged",
    "split",
    "acknowledged",
    "unacknowledged",
    "mitigated",
    "resolved",
    "reopened",
    "reviewed",
    "note",
    "notified",
    "notification_failed",
    "escalated",
]


class Acknowledgement(BaseModel):
    """Somebody looks after it."""

    model_config = ConfigDict(frozen=True)
    by: str = ""
    at_ms: TimeMs
    note: str = ""


class IncidentTimes(BaseModel):
    """When an incident came how far, and how long that took; each is absent until it happened."""

    model_config = ConfigDict(frozen=True)
    detected_ms: Annotated[TimeMs | None, Field(description="When its first alert was known.")] = None
    acknowledged_ms: TimeMs | None = None
    mitigated_ms: TimeMs | None = None
    resolved_ms: TimeMs | None = None
    to_detect_s: Annotated[Finite | None, Field(description="From its start to its detection.")] = None
    to_acknowledge_s: Annotated[Finite | None, Field(description="From its detection.")] = None
    to_mitigate_s: Annotated[Finite | None, Field(description="From its detection.")] = None
    to_resolve_s: Annotated[Finite | None, Field(description="From its start to its end.")] = None


class Alert(Event):
    """One alert episode with its state."""

    v: Literal[1] = 1
    id: Annotated[str, Field(description="Fingerprint and start of the episode.")]
    tenant: str
    fingerprint: Annotated[str, Field(description="Alertmanager's, over the labels.")]
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    state: AlertState
    priority: Priority
    safety: bool = False
    severity: Severity
    entity: str
    signal: Annotated[
        str, Field(description="The metric family that the alert is about; of an objective, ``slo:`` and its name.")
    ]
    started_ms: TimeMs
    updated_ms: TimeMs
    ended_ms: TimeMs | None = None
    score: Annotated[Score | None, Field(description="Absent of objectives, which are counted, not scored.")] = None
    peak_score: Score | None = None
    peak_ms: Annotated[TimeMs | None, Field(description="When the score was highest, or it was at its worst.")] = None
    observed: Annotated[
        Finite | None,
        Field(description="The newest value; of an objective its burn rate, or the share of its budget that is left."),
    ] = None
    expected: Annotated[Range | None, Field(description="What is expected now.")] = None
    peak_observed: Annotated[Finite | None, Field(description="The value when the score was highest.")] = None
    peak_expected: Annotated[Range | None, Field(description="What was expected then.")] = None
    unit: str = ""
    direction: Direction = "none"
    kind: AnomalyKind | None = None
    windows: list[WindowVerdict] = []
    confidence: Annotated[Finite, Field(description="1 of objectives: what was counted is certain.")]
    confidence_reasons: list[str] = []
    anomaly_id: Annotated[str | None, Field(description="Absent where no anomaly made it.")] = None
    change: Annotated[
        NearestChange | None,
        Field(description="The last one before it began that fits its labels; it may be innocent."),
    ] = None
    incident_id: Annotated[
        str | None, Field(description="The incident at the time of writing; it may since be merged into another.")
    ] = None
    role: Annotated[
        Literal["symptom", "cause"] | None,
        Field(description="What users notice, or what may be behind it; a cause under a symptom pages nobody."),
    ] = None
    page_key: Annotated[
        str | None, Field(description="The dedup key that it pages under: its incident's, or its own (safety list).")
    ] = None
    source: Annotated[
        Literal["anomaly", "slo", "posted"] | None, Field(description="Who tells of it; absent in older records.")
    ] = None
    generator_url: str = ""
    runbooks: Annotated[list[str], Field(description="Ids of those that fit.")] = []
    rule: Annotated[str | None, Field(description="The alert rule that gave it its priority, if one did.")] = None
    rule_labels: Annotated[
        dict[str, str] | None, Field(description="Labels that the rule adds for routes; no part of the fingerprint.")
    ] = None
    seconds_left: Annotated[
        Finite | None, Field(description="Until its limit is reached, or its budget spent, by the median.")
    ] = None
    seconds_left_80: Annotated[
        tuple[Finite | None, Finite | None] | None,
        Field(description="Between which bounds that lies in four of five cases; an absent one is open."),
    ] = None
    recent: Annotated[
        list[tuple[TimeMs, Finite]] | None,
        Field(
            max_length=60,
            description="The hour of its series that led to it, oldest first; absent where nobody told it.",
        ),
    ] = None


class IncidentMember(BaseModel):
    """An alert inside an incident, as much of it as a reader needs."""

    model_config = ConfigDict(frozen=True)
    alert_id: str
    entity: str
    signal: str
    labels: dict[str, str] = {}
    role: Annotated[
        Literal["symptom", "cause"] | None,
        Field(description="An objective's alert; one of what spent its budget. Absent of all others."),
    ] = None
    state: AlertState
    priority: Priority
    severity: Severity
    direction: Direction = "none"
    started_ms: TimeMs
    ended_ms: TimeMs | None = None
    peak_score: Annotated[Score | None, Field(description="Absent of objectives.")] = None
    peak_ms: Annotated[TimeMs | None, Field(description="When the score was highest, or it was at its worst.")] = None
    observed: Annotated[Finite | None, Field(description="The value at the peak.")] = None
    expected: Annotated[Range | None, Field(description="What was expected at the peak.")] = None
    unit: str = ""
    kind: AnomalyKind | None = None
    windows: Annotated[list[WindowName], Field(description="The windows that agreed at the peak.")] = []
    confidence: Annotated[Finite, Field(description="At the peak.")]
    summary: str


class Incident(Event):
    """A connected component of alerts under relations of time, entity, signal and objective."""

    v: Literal[1] = 1
    id: Annotated[str, Field(description="From its first member; never changes.")]
    tenant: str
    state: IncidentState
    merged_into: Annotated[str | None, Field(description="The survivor's id, when merged.")] = None
    aliases: Annotated[list[str], Field(description="Ids of incidents that were merged into this one.")] = []
    title: str
    priority: Priority
    severity: Severity
    started_ms: TimeMs
    updated_ms: TimeMs
    ended_ms: Annotated[TimeMs | None, Field(description="When its last alert ended.")] = None
    resolved_ms: Annotated[TimeMs | None, Field(description="When hysteresis let it resolve.")] = None
    members: Annotated[list[IncidentMember], Field(description="The most urgent and earliest of its alerts.")]
    member_count: Annotated[int, Field(description="Alerts in all, listed or not.")] = 0
    firing_count: Annotated[int, Field(description="Alerts that have not ended.")] = 0
    entities: Annotated[list[str], Field(description="What is affected, in order, as many as members are listed.")]
    entity_count: int = 0
    signals: Annotated[list[str], Field(description="Metrics involved, in order, as many as members are listed.")]
    signal_count: int = 0
    confidence: Annotated[Finite, Field(description="The highest among the listed members.")]
    page_keys: Annotated[list[str], Field(description="Dedup keys that were paged, and that resolve with it.")] = []
    acknowledged: Annotated[Acknowledgement | None, Field(description="Of this episode; gone once it is reopened.")] = (
        None
    )
    times: IncidentTimes = IncidentTimes()
    revision: int


class TimelineEntry(Event):
    """Something that happened to an incident."""

    v: Literal[1] = 1
    id: str
    tenant: str
    incident_id: str
    at_ms: TimeMs
    kind: EntryKind
    text: str
    by: Annotated[str, Field(description="Who did it, where a person or a tool did.")] = ""
    alert_id: str | None = None
