"""What people and other tools read: frozen JSON events, each with its schema version ``v``.

Times are event times in milliseconds since the epoch. Consumers ignore fields they do not know; a rename is a
new version with an upcast, and golden bytes of every version stay in ``tests/contract``.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.base import Event, Finite, Score, TimeMs

Severity = Literal["info", "warning", "critical"]
Priority = Literal["P0", "P1", "P2", "P3"]
WindowName = Literal["5m", "15m", "1h", "24h", "7d"]
AnomalyState = Literal["start", "update", "end"]
AnomalyKind = Literal[
    "spike",
    "drop",
    "level_shift",
    "ramp",
    "drift",
    "seasonal",
    "variance",
    "flatline",
    "missing",
    "trend",
    "limit",
    "deviation",
    "multivariate",
]
Direction = Literal["up", "down", "none"]
HealthState = Literal["healthy", "degraded", "critical", "gone"]
GoldenSignal = Literal["latency", "traffic", "errors", "saturation"]
EndReason = Literal["recovered", "level_shift", "silent", "maintenance"]
AuditAction = Literal[
    "baseline_accepted",
    "baseline_rolled_back",
    "limit_moved",
    "command_done",
    "command_refused",
    "incident_moved",
    "alert_turned",
    "silence_put",
    "silence_expired",
]

ANOMALY_ALERT: Final = "MetricAnomaly"
NOTICES: Final[Mapping[AnomalyKind, str]] = MappingProxyType(
    {
        "drift": "MetricDrift",
        "flatline": "MetricFlatline",
        "variance": "MetricVariance",
        "missing": "MetricMissing",
        "multivariate": "EntityAnomaly",
    }
)
"""What alerts are called that no rule names, by kind; of all other kinds ``ANOMALY_ALERT``."""


class Range(BaseModel):
    """What was expected, from ``low`` to ``high`` around ``center``, in the series' own unit."""

    model_config = ConfigDict(frozen=True)
    low: Finite
    center: Finite
    high: Finite


class WindowVerdict(BaseModel):
    """What one window says of a series."""

    model_config = ConfigDict(frozen=True)
    window: WindowName
    score: Score
    direction: Annotated[Direction, Field(description="On which side of what it expects it sees the series.")] = "none"
    agrees: Annotated[
        bool, Field(description="Whether this window calls the series anomalous; at an end, whether it did.")
    ]
    expected: Range | None = None


class Contribution(BaseModel):
    """A share of the fused score; base and contributions add up to it."""

    model_config = ConfigDict(frozen=True)
    of: str
    value: Finite


class TimeToLimit(BaseModel):
    """How long until a trend reaches a limit, in seconds; an end that is absent is open: it may never come to it."""

    model_config = ConfigDict(frozen=True)
    limit: Finite
    per_day: Annotated[Finite, Field(description="How much the series moves in a day, in its own unit.")]
    p50_s: Annotated[Finite, Field(description="As likely sooner as later.")]
    low_80_s: Finite | None = None
    high_80_s: Annotated[Finite | None, Field(description="Nine times out of ten it is reached by then.")] = None
    low_95_s: Finite | None = None
    high_95_s: Finite | None = None


class UsualHour(BaseModel):
    """What a series usually is at this hour of the week, and where the observed value lies among that.

    On a day of the month that is known to differ, all of it has moved by as much.
    """

    model_config = ConfigDict(frozen=True)
    low: Annotated[Finite, Field(description="The least mean of five minutes.")]
    center: Finite
    high: Annotated[Finite, Field(description="The most.")]
    hour: Annotated[int, Field(ge=0, lt=168, description="Of the week where the calendar is; 0 begins on Monday.")]
    seen: Annotated[int, Field(ge=1, description="How often this hour was seen, or on how many days like it.")]
    same_day: Annotated[
        bool, Field(description="Whether the hour itself was seen often enough, not only days like it.")
    ]
    percentile: Annotated[float, Field(ge=0, le=100, description="Estimated; beyond what was seen it is extrapolated.")]
    ratio: Annotated[Finite | None, Field(description="Observed / center; absent where that says nothing.")] = None
    month_day: Annotated[
        int | None,
        Field(ge=-3, le=30, description="The day of the month that moved it; -1 is the last. Absent where none did."),
    ] = None


class Anomaly(Event):
    """One state of one anomaly episode of one series: its start, an update, or its end.

    A later state carries what earlier ones said (peak, start), so any of them may be lost or repeated. One of kind
    ``multivariate`` is of a whole entity, and told of the series that fitted its others least when it began.
    """

    v: Literal[1] = 1
    id: Annotated[str, Field(description="Of the episode: series id and start, the same in all its states.")]
    state: AnomalyState
    tenant: str
    series_id: Annotated[str, Field(description="16 hexadecimal digits.")]
    metric: str
    labels: dict[str, str] = {}
    dims: dict[str, str] = {}
    entity: str
    unit: str = ""
    kind: AnomalyKind
    detector: Annotated[str, Field(description="Name of the detector, or of the threshold rule, that spoke.")]
    direction: Direction = "none"
    severity: Severity
    priority: Annotated[Priority | None, Field(description="Given by a rule; absent for plain anomalies.")] = None
    safety: Annotated[bool, Field(description="On the safety list: it always pages.")] = False
    started_ms: TimeMs
    at_ms: Annotated[TimeMs, Field(description="Event time of the sample that made this state.")]
    ended_ms: TimeMs | None = None
    end_reason: Annotated[
        EndReason | None,
        Field(description="Back to normal, the new level is normal now, the series stopped, or maintenance began."),
    ] = None
    score: Score
    peak_score: Score
    observed: Finite
    expected: Range | None = None
    usual: Annotated[UsualHour | None, Field(description="Once the hours of the week are known.")] = None
    changed_ms: Annotated[
        TimeMs | None, Field(description="Of a drift: since when, as far as its detector can tell.")
    ] = None
    time_to_limit: TimeToLimit | None = None
    windows: list[WindowVerdict] = []
    base: Finite = 0.0
    contributions: list[Contribution] = []
    confidence: Annotated[float, Field(ge=0, le=1, description="How likely it is a real one, calibrated.")]
    confidence_reasons: Annotated[list[str], Field(description="Why to be unsure, in plain words.")] = []
    cold_start: Annotated[
        bool, Field(description="The series is younger than a day: what is usual for its family counts for it.")
    ] = False
    explanation: str
    recent: Annotated[
        list[tuple[TimeMs, Finite]] | None,
        Field(
            max_length=60,
            description="At a start, where the bank knows it: the hour of the series that led to it, oldest first. "
            "Means of five minutes, of the last minutes one by one, by the starts of their buckets; then the newest "
            "value.",
        ),
    ] = None

    @property
    def key(self) -> str:
        """The record's: of the entity where all of it is anomalous, else of the series."""
        return f"{self.tenant}/{self.entity if self.kind == 'multivariate' else self.series_id}"


class SignalHealth(BaseModel):
    """One golden signal of an entity; of one that is anomalous, the series that is worst."""

    model_config = ConfigDict(frozen=True)
    signal: GoldenSignal
    state: Literal["normal", "anomalous"]
    metric: str | None = None
    labels: dict[str, str] = {}
    unit: str = ""
    value: Finite | None = None
    expected: Range | None = None
    score: Annotated[Finite | None, Field(description="Above 1.0 = anomalous.")] = None


class HealthReason(BaseModel):
    """Something that is wrong with an entity now."""

    model_config = ConfigDict(frozen=True)
    state: Annotated[HealthState, Field(description="What it makes of the entity.")]
    since_ms: TimeMs
    anomaly_id: str
    text: str


class EntityHealth(Event):
    """How a node, a service or another entity is: written when that changes, and once a day."""

    v: Literal[1] = 1
    tenant: str
    entity: str
    state: HealthState
    since_ms: Annotated[
        TimeMs | None, Field(description="Since when it is in this state; absent where it has always been healthy.")
    ] = None
    at_ms: TimeMs
    signals: Annotated[list[SignalHealth], Field(description="Those of the four that the entity has series of.")] = []
    reasons: Annotated[list[HealthReason], Field(description="What is wrong, the worst first, at most ten.")] = []
    reason_count: Annotated[int, Field(description="How many in all.")] = 0


class AuditEntry(Event):
    """Something that the system changed by itself, or because it was asked to: what it was, what it is, and why."""

    v: Literal[1] = 1
    id: str
    tenant: str
    at_ms: TimeMs
    stage: str
    action: AuditAction
    entity: Annotated[str, Field(description="Of a baseline or an alert; empty of all else.")] = ""
    series_id: Annotated[str | None, Field(description="16 hexadecimal digits.")] = None
    subject: Annotated[str, Field(description="What it is about, in words.")]
    of: Annotated[str | None, Field(description="Which window's limit, and which side of it.")] = None
    before: Annotated[Finite | str, Field(description="A level, or a state; empty where there was nothing.")]
    after: Finite | str
    version: Annotated[int, Field(ge=0, description="Of the baseline: how many levels were accepted so far.")] = 0
    why: str
    by: Annotated[str, Field(description="Who did it, where a person or a tool did.")] = ""
    subject_id: Annotated[str | None, Field(description="Id of the incident, the alert, the silence.")] = None
    command_id: Annotated[str | None, Field(description="Of the command that was done, or refused.")] = None


class Tick(Event):
    """The passing of time on one partition of a stage."""

    v: Literal[1] = 1
    stage: str
    partition: int
    at_ms: Annotated[TimeMs, Field(description="On whole seconds.")]
    after: Annotated[
        dict[str, int],
        Field(description="The next offset of each other input when it was written; it holds once they are reached."),
    ] = {}


class Setting(Event):
    """Something that every partition must know, from an event time on; one copy lies on each partition."""

    v: Literal[1] = 1
    subject: Annotated[str, Field(description="What is set, e.g. ``threshold_rules`` or ``correlation``.")]
    valid_from_ms: TimeMs
    body: dict[str, Any]
