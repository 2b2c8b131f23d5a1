"""What a report says, whatever it is written as."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Finite, TimeMs
from schemas.events import Priority
from schemas.incident_events import EntryKind, IncidentState, IncidentTimes

EvidenceKind = Literal["incident", "alert", "entry", "notification", "objective", "budget", "change", "feedback"]


class Evidence(BaseModel):
    """An event that a line rests on."""

    model_config = ConfigDict(frozen=True)
    of: Annotated[
        EvidenceKind,
        Field(
            description="``entry``: of the timeline. ``objective``: an alert of one, on slo.alerts. ``budget``: a "
            "status, on slo.status, by tenant, SLO and time."
        ),
    ]
    id: str

    def __str__(self) -> str:
        return f"{self.of} {self.id}"


Cited = Annotated[tuple[Evidence, ...], Field(min_length=1, description="The events that say so.")]


class Line(BaseModel):
    """A sentence that events say."""

    model_config = ConfigDict(frozen=True)
    text: str
    evidence: Cited


class Moment(BaseModel):
    """Something that happened."""

    model_config = ConfigDict(frozen=True)
    at_ms: TimeMs
    kind: EntryKind
    text: str
    by: Annotated[str, Field(description="Who did it, where a person or a tool did.")] = ""
    evidence: Cited


class Lane(BaseModel):
    """An alert over time."""

    model_config = ConfigDict(frozen=True)
    alert_id: str
    name: str
    entity: str
    signal: str
    role: Annotated[str, Field(description="``symptom``, ``cause``, or empty where nothing says.")] = ""
    priority: Priority
    started_ms: TimeMs
    ended_ms: TimeMs | None = None
    summary: str
    evidence: Cited


class Spent(BaseModel):
    """What the incident cost an objective."""

    model_config = ConfigDict(frozen=True)
    slo: str
    spent: Annotated[
        Finite | None,
        Field(description="Share of the whole period's budget that went while it lasted, if it is known."),
    ] = None
    left: Annotated[Finite | None, Field(description="Share of it that was left at last.")] = None
    worst_burn: Annotated[Finite | None, Field(description="The highest burn rate that was told.")] = None
    evidence: Cited


class Told(BaseModel):
    """A notification, and what became of it."""

    model_config = ConfigDict(frozen=True)
    at_ms: Annotated[TimeMs, Field(description="When it was to be told.")]
    receiver: str
    integration: str
    action: str
    reason: str
    to: Annotated[list[str], Field(description="Who was on call, where a schedule says so.")] = []
    outcome: Annotated[
        Literal["delivered", "retry", "refused", "given_up", "waiting"],
        Field(description="Of the last attempt; ``waiting``: none is known."),
    ]
    attempts: int
    done_ms: Annotated[TimeMs | None, Field(description="When the last attempt ended.")] = None
    evidence: Cited


class Before(BaseModel):
    """An incident of the last 90 days."""

    model_config = ConfigDict(frozen=True)
    id: str
    title: str
    priority: Priority
    started_ms: TimeMs


class Recurrence(BaseModel):
    """What came again."""

    model_config = ConfigDict(frozen=True)
    same: Annotated[
        Literal["alert", "cause"], Field(description="One signal on one entity; one cause, wherever it is.")
    ]
    what: str
    times: Annotated[int, Field(ge=2, description="Incidents with it in the time, this one among them.")]
    days: Annotated[int, Field(description="The time, in days before this one began.")]
    before: Annotated[list[Before], Field(description="The newest of the others, the latest first.")]
    guards: Annotated[
        list[Line], Field(description="What would keep it away, or make it short; each from a fact.")
    ] = []
    evidence: Cited


class Report(BaseModel):
    """The report of an incident."""

    model_config = ConfigDict(frozen=True)
    v: Literal[1] = 1
    tenant: str
    incident_id: str
    title: str
    priority: Priority
    state: IncidentState
    revision: Annotated[int, Field(description="Of the incident that it is made of.")]
    started_ms: TimeMs
    as_of_ms: Annotated[TimeMs, Field(description="The newest event that it knows.")]
    ended_ms: TimeMs | None = None
    resolved_ms: TimeMs | None = None
    times: IncidentTimes
    acknowledged_by: Annotated[list[str], Field(description="In order.")] = []
    alerts: Annotated[list[Lane], Field(description="By their start.")] = []
    alert_count: int = 0
    timeline: Annotated[list[Moment], Field(description="In event time.")] = []
    budgets: list[Spent] = []
    affected: list[Line] = []
    causes: Annotated[list[Line], Field(description="What is known of the cause.")] = []
    helped: Annotated[list[Line], Field(description="What people did and wrote.")] = []
    verdicts: Annotated[list[Line], Field(description="What people said of its alerts.")] = []
    told: Annotated[list[Told], Field(description="By their time.")] = []
    recurring: list[Recurrence] = []
    unknown: Annotated[list[str], Field(description="What no event says.")] = []
