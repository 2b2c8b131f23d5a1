"""What is kept of each record: a row of which table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from integrations.project.sink import Record
from integrations.records.tables import (
    ALERTS,
    FEEDBACK,
    INCIDENTS,
    NOTIFICATIONS,
    RESULTS,
    SILENCES,
    STATUSES,
    TIMELINE,
)
from schemas import topics
from schemas.command_events import Silence
from schemas.incident_events import Alert, Incident, IncidentMember, TimelineEntry
from schemas.notification_events import AlertStatus, Notification, NotificationResult
from schemas.slo_events import Feedback

Values = dict[str, Any]


class Row(NamedTuple):
    """A row that replaces the one of the same identity.

    Parameters
    ----------
    table
        Where.
    identity
        Values of the primary key, in order.
    at_ms
        Event time.
    values
        All columns.
    """

    table: sa.Table
    identity: tuple[Any, ...]
    at_ms: int
    values: Values


def row_of(record: Record) -> Row | None:
    """The row of a record; None of a tombstone: what was is kept until it is old.

    Raises
    ------
    SchemaError, NewerVersionError
        If it cannot be read.
    """
    if record.value is None:
        return None
    table, read = _READINGS[record.topic]
    at_ms, values = read(record)
    values["body"] = record.value.decode()
    return Row(table, tuple(values[column.name] for column in table.primary_key), at_ms, values)


def read_topics() -> tuple[topics.Topic, ...]:
    """Everything that is kept of."""
    return tuple(topics.topic_named(name) for name in _READINGS)


def main_label(members: Iterable[IncidentMember], name: str) -> str:
    """The value of a label that an incident goes by: of its first member to begin that has it; empty without one."""
    named = [member for member in members if member.labels.get(name)]
    return min(named, key=lambda one: (one.started_ms, one.alert_id)).labels[name] if named else ""


def main_cause(members: Iterable[IncidentMember]) -> str:
    """The signal that an incident goes back to: of its first cause to begin, or else of its first member."""
    ordered = sorted(members, key=lambda one: (one.role != "cause", one.started_ms, one.alert_id))
    return ordered[0].signal if ordered else ""


def _incident(record: Record) -> tuple[int, Values]:
    one = Incident.from_bytes(record.value)
    times = one.times
    names = {"tenant", "id", "state", "priority", "severity", "title", "merged_into"}
    resolved_ms = one.resolved_ms if times.resolved_ms is None else times.resolved_ms
    to_resolve_s = times.to_resolve_s
    if to_resolve_s is None and resolved_ms is not None:  # told before there were times
        to_resolve_s = ((resolved_ms if one.ended_ms is None else one.ended_ms) - one.started_ms) / 1000
    return one.updated_ms, one.model_dump(include=names | {"started_ms", "updated_ms", "ended_ms", "revision"}) | {
        "team": main_label(one.members, "team"),
        "service": main_label(one.members, "service"),
        "cause": main_cause(one.members),
        "aliases": json.dumps(one.aliases),
        "detected_ms": times.detected_ms,
        "acknowledged_ms": times.acknowledged_ms,
        "mitigated_ms": times.mitigated_ms,
        "resolved_ms": resolved_ms,
        "to_detect_s": times.to_detect_s,
        "to_acknowledge_s": times.to_acknowledge_s,
        "to_mitigate_s": times.to_mitigate_s,
        "to_resolve_s": to_resolve_s,
    }


def _entry(record: Record) -> tuple[int, Values]:
    one = TimelineEntry.from_bytes(record.value)
    return one.at_ms, one.model_dump(include={"tenant", "id", "incident_id", "at_ms", "kind", "by"}) | {
        "place": record.offset
    }


def _alert(record: Record) -> tuple[int, Values]:
    one = Alert.from_bytes(record.value)
    names = {"tenant", "id", "fingerprint", "state", "priority", "severity", "entity", "signal", "incident_id"}
    return one.updated_ms, one.model_dump(include=names | {"started_ms", "ended_ms", "updated_ms"}) | {
        "rule": one.rule or "",
        "source": one.source or "",
        "role": one.role or "",
        "team": one.labels.get("team", ""),
        "service": one.labels.get("service", ""),
        "labels": json.dumps(one.labels, sort_keys=True),
    }


def _status(record: Record) -> tuple[int, Values]:
    one = AlertStatus.from_bytes(record.value)
    return one.at_ms, one.model_dump(include={"tenant", "alert_id", "state", "at_ms"}) | {
        "receivers": json.dumps(one.receivers)
    }


def _notification(record: Record) -> tuple[int, Values]:
    one = Notification.from_bytes(record.value)
    names = {"tenant", "id", "receiver", "integration", "action", "dedup_key", "sequence", "priority"}
    return one.at_ms, one.model_dump(include=names | {"incident_id", "at_ms"})


def _result(record: Record) -> tuple[int, Values]:
    one = NotificationResult.from_bytes(record.value)
    return one.at_ms, one.model_dump(include={"tenant", "notification_id", "attempt", "outcome", "status", "at_ms"})


def _feedback(record: Record) -> tuple[int, Values]:
    one = Feedback.from_bytes(record.value)
    return one.at_ms, one.model_dump(include={"tenant", "alert_id", "verdict", "at_ms"}) | {"by": one.by or ""}


def _silence(record: Record) -> tuple[int, Values]:
    one = Silence.from_bytes(record.value)
    return one.updated_ms, one.model_dump(include={"tenant", "id", "created_by", "starts_ms", "ends_ms", "updated_ms"})


_READINGS: Final[Mapping[str, tuple[sa.Table, Callable[[Record], tuple[int, Values]]]]] = MappingProxyType(
    {
        topics.INCIDENTS.name: (INCIDENTS, _incident),
        topics.TIMELINE.name: (TIMELINE, _entry),
        topics.ALERTS.name: (ALERTS, _alert),
        topics.ALERT_STATUS.name: (STATUSES, _status),
        topics.NOTIFICATIONS.name: (NOTIFICATIONS, _notification),
        topics.NOTIFICATION_RESULTS.name: (RESULTS, _result),
        topics.FEEDBACK.name: (FEEDBACK, _feedback),
        topics.SILENCES.name: (SILENCES, _silence),
    }
)
