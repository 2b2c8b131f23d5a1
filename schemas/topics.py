"""The topic catalogue: every topic of ours, once, with its key, value, retention, writers and readers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

from pydantic import BaseModel

from schemas import change_events, command_events, events, incident_events, notification_events, slo_events

Cleanup = Literal["delete", "compact", "compact,delete"]
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
# A stage that reads a compacted topic must see every transition of the last two days.
COMPACTION_LAG_MS: Final = 48 * HOUR_MS
MAX_MESSAGE_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic.

    Parameters
    ----------
    name
        Without the configured prefix.
    key, value
        What they hold, in words.
    cleanup, retention_ms
        As the broker must have them; a retention of None is for ever.
    writers, readers
        Stages, or ``outside``.
    model
        The event's class where the value is one of our JSON events.
    properties
        Further topic configuration.
    """

    name: str
    key: str
    value: str
    cleanup: Cleanup
    retention_ms: int | None
    writers: tuple[str, ...]
    readers: tuple[str, ...]
    model: type[BaseModel] | None = None
    properties: Mapping[str, str] = field(default_factory=dict)

    def config(self) -> dict[str, str]:
        """The topic's configuration on the broker."""
        retention = -1 if self.retention_ms is None else self.retention_ms
        config = {"cleanup.policy": self.cleanup, "max.message.bytes": str(MAX_MESSAGE_BYTES)}
        if "delete" in self.cleanup:
            config["retention.ms"] = str(retention)
        return config | dict(self.properties)


# Kafka compacts no segment that it still writes to: this much, and a tenth of what is compacted, is read in vain at a
# restore. With the defaults (1 GiB, a week, a half) a restore reads every checkpoint of the last quarter of an hour.
_CHECKPOINTED = MappingProxyType(
    {"segment.bytes": str(32 * 1024 * 1024), "segment.ms": str(HOUR_MS), "min.cleanable.dirty.ratio": "0.1"}
)
_LAGGED = MappingProxyType({"min.compaction.lag.ms": str(COMPACTION_LAG_MS)})

SAMPLES: Final = Topic(
    "metrics.samples", "tenant", "columnar batch (Arrow)", "delete", 48 * HOUR_MS, ("ingest",), ("detect",)
)
REJECTED: Final = Topic(
    "metrics.rejected",
    "source topic",
    "the original bytes; reason, source partition and offset in headers",
    "delete",
    7 * DAY_MS,
    ("ingest",),
    ("outside",),
)
ANOMALIES: Final = Topic(
    "metrics.anomalies",
    "tenant/series, or tenant/entity",
    "JSON: start, update or end of an anomaly",
    "delete",
    30 * DAY_MS,
    ("detect",),
    ("decide", "outside"),
    events.Anomaly,
)
HEALTH: Final = Topic(
    "entities.health",
    "tenant/entity",
    "JSON: how an entity is, and why",
    "compact,delete",
    30 * DAY_MS,
    ("detect",),
    ("decide", "outside"),
    events.EntityHealth,
)
AUDIT: Final = Topic(
    "audit",
    "tenant",
    "JSON: what a stage changed by itself or was asked to",
    "delete",
    7 * DAY_MS,
    ("detect", "decide", "route"),
    ("outside",),
    events.AuditEntry,
)
CHANGES: Final = Topic(
    "changes",
    "tenant/service",
    "JSON: a deployment, a rollback, a configuration or a flag that changed",
    "delete",
    90 * DAY_MS,
    ("outside",),
    ("decide", "route", "outside"),
    change_events.Change,
)
ALERTS: Final = Topic(
    "alerts",
    "tenant/fingerprint",
    "JSON: one alert episode with its state",
    "compact,delete",
    90 * DAY_MS,
    ("decide",),
    ("route", "project", "outside"),
    incident_events.Alert,
    _LAGGED,
)
INCIDENTS: Final = Topic(
    "incidents",
    "tenant/incident",
    "JSON: the incident",
    "compact",
    None,
    ("decide",),
    ("route", "project", "outside"),
    incident_events.Incident,
    _LAGGED,
)
TIMELINE: Final = Topic(
    "incidents.timeline",
    "tenant/incident",
    "JSON: what happened, in order",
    "delete",
    396 * DAY_MS,
    ("decide", "route", "notify"),
    ("project", "outside"),
    incident_events.TimelineEntry,
)
COMMANDS: Final = Topic(
    "commands",
    "tenant/command",
    "JSON: what a person or a tool asks for",
    "delete",
    90 * DAY_MS,
    ("console", "route", "outside"),
    ("decide", "route"),
    command_events.Command,
)
COMMAND_RESULTS: Final = Topic(
    "commands.results",
    "tenant/command",
    "JSON: what became of a command",
    "delete",
    90 * DAY_MS,
    ("decide", "route"),
    ("project", "outside"),
    command_events.CommandResult,
)
SILENCES: Final = Topic(
    "silences",
    "tenant/silence",
    "JSON: a silence as it stands; a tombstone once it is forgotten",
    "compact",
    None,
    ("route",),
    ("project", "outside"),
    command_events.Silence,
)
ALERT_STATUS: Final = Topic(
    "alerts.status",
    "tenant/alert",
    "JSON: how an alert stands on its way to people, and every decision",
    "compact,delete",
    90 * DAY_MS,
    ("route",),
    ("project", "outside"),
    notification_events.AlertStatus,
)
NOTIFICATIONS: Final = Topic(
    "notifications",
    "tenant/receiver/integration/dedup key",
    "JSON: the outbox: something to tell one integration of a receiver",
    "delete",
    14 * DAY_MS,
    ("route",),
    ("route", "notify", "project", "outside"),
    notification_events.Notification,
)
NOTIFICATION_RESULTS: Final = Topic(
    "notifications.results",
    "as the notification",
    "JSON: what became of an attempt to deliver it",
    "delete",
    90 * DAY_MS,
    ("notify",),
    ("notify", "project", "outside"),
    notification_events.NotificationResult,
)
SLO_EVENTS: Final = Topic(
    "slo.events",
    "tenant/partition/seconds of a slice",
    "JSON: what one partition counted for a tenant's objectives in one slice",
    "delete",
    35 * DAY_MS,
    ("detect",),
    ("burn", "outside"),
    slo_events.SloSlice,
)
FEEDBACK: Final = Topic(
    "feedback",
    "tenant/alert",
    "JSON: whether an alert needed action",
    "compact,delete",
    90 * DAY_MS,
    ("console", "outside"),
    ("burn", "route", "outside"),
    slo_events.Feedback,
    _LAGGED,
)
SLO_STATUS: Final = Topic(
    "slo.status",
    "tenant/SLO",
    "JSON: budgets, burn rates and who spent what; a tombstone once the objective is no more",
    "compact,delete",
    7 * DAY_MS,
    ("burn",),
    ("outside",),
    slo_events.SloStatus,
)
SLO_ALERTS: Final = Topic(
    "slo.alerts",
    "tenant/SLO/alert",
    "JSON: start, update or end of an objective's alert",
    "delete",
    90 * DAY_MS,
    ("burn",),
    ("decide", "outside"),
    slo_events.SloAlert,
)
SETTINGS: Final = Topic(
    "settings",
    "subject",
    "JSON: what every partition must know, one copy on each",
    "compact",
    None,
    ("burn", "route", "outside"),
    ("detect", "burn", "decide", "route"),
    events.Setting,
    _LAGGED,
)


def _stage_topics(stage: str, source: Topic) -> tuple[Topic, Topic, Topic]:
    """Ticks, checkpoints and dead letters of a stage."""
    return (
        Topic(
            f"{stage}.ticks",
            "partition",
            "JSON: the passing of time",
            "delete",
            DAY_MS,
            (stage,),
            (stage,),
            events.Tick,
        ),
        Topic(
            f"{stage}.checkpoints",
            "partition/block",
            "state blocks and manifests",
            "compact",
            None,
            (stage,),
            (stage,),
            properties=_CHECKPOINTED,
        ),
        Topic(
            f"{source.name}.dlq",
            "as the topic",
            "what the stage could not read; reason and origin in headers",
            "delete",
            7 * DAY_MS,
            (stage,),
            ("outside",),
        ),
    )


DETECT_TICKS, DETECT_CHECKPOINTS, SAMPLES_DLQ = _stage_topics("detect", SAMPLES)
BURN_TICKS, BURN_CHECKPOINTS, SLO_EVENTS_DLQ = _stage_topics("burn", SLO_EVENTS)
DECIDE_TICKS, DECIDE_CHECKPOINTS, ANOMALIES_DLQ = _stage_topics("decide", ANOMALIES)
ROUTE_TICKS, ROUTE_CHECKPOINTS, ALERTS_DLQ = _stage_topics("route", ALERTS)
NOTIFY_TICKS, NOTIFY_CHECKPOINTS, NOTIFICATIONS_DLQ = _stage_topics("notify", NOTIFICATIONS)

CATALOGUE: Final[tuple[Topic, ...]] = (
    SAMPLES,
    REJECTED,
    ANOMALIES,
    HEALTH,
    AUDIT,
    CHANGES,
    SLO_EVENTS,
    FEEDBACK,
    SLO_STATUS,
    SLO_ALERTS,
    ALERTS,
    INCIDENTS,
    TIMELINE,
    COMMANDS,
    COMMAND_RESULTS,
    SILENCES,
    ALERT_STATUS,
    NOTIFICATIONS,
    NOTIFICATION_RESULTS,
    SETTINGS,
    DETECT_TICKS,
    DETECT_CHECKPOINTS,
    SAMPLES_DLQ,
    BURN_TICKS,
    BURN_CHECKPOINTS,
    SLO_EVENTS_DLQ,
    DECIDE_TICKS,
    DECIDE_CHECKPOINTS,
    ANOMALIES_DLQ,
    ROUTE_TICKS,
    ROUTE_CHECKPOINTS,
    ALERTS_DLQ,
    NOTIFY_TICKS,
    NOTIFY_CHECKPOINTS,
    NOTIFICATIONS_DLQ,
)
"""Every topic, in the order of the flow. All have the same number of partitions (``kafka.partitions``), so that a
stage that reads several of them is given the same partitions of each."""


def topic_named(name: str) -> Topic:
    """The catalogue's topic of that name.

    Raises
    ------
    KeyError
        If there is none.
    """
    return {topic.name: topic for topic in CATALOGUE}[name]
