"""Records of alerts and incidents for tests, and a log that sinks can be fed from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.project import PlacedSink, Record
from schemas.base import Event
from schemas.command_events import CommandResult, LabelMatcher, Silence
from schemas.events import EntityHealth
from schemas.incident_events import Alert, Incident, IncidentMember, IncidentTimes, TimelineEntry
from schemas.notification_events import AlertStatus, Decision, Notification, NotificationContext, NotificationResult
from schemas.slo_events import Feedback, SloStatus
from schemas.topics import (
    ALERT_STATUS,
    ALERTS,
    COMMAND_RESULTS,
    FEEDBACK,
    HEALTH,
    INCIDENTS,
    NOTIFICATION_RESULTS,
    NOTIFICATIONS,
    SILENCES,
    SLO_STATUS,
    TIMELINE,
    Topic,
)

NOW_MS = 1_790_035_200_000
HOUR_MS = 3_600_000
TOPIC_OF: Mapping[type[Event], Topic] = {
    Alert: ALERTS,
    AlertStatus: ALERT_STATUS,
    Incident: INCIDENTS,
    TimelineEntry: TIMELINE,
    Silence: SILENCES,
    CommandResult: COMMAND_RESULTS,
    Notification: NOTIFICATIONS,
    NotificationResult: NOTIFICATION_RESULTS,
    SloStatus: SLO_STATUS,
    EntityHealth: HEALTH,
    Feedback: FEEDBACK,
}


def alert(name: str, state: str = "firing", started_ms: int = NOW_MS, **other: Any) -> Alert:
    fields = {"tenant": "shop", "fingerprint": f"{len(name):016x}", "labels": {"alertname": name}, "priority": "P2"}
    fields |= {"severity": "warning", "entity": f"node/{name}", "signal": "cpu", "confidence": 0.9}
    ended = {"ended_ms": started_ms + HOUR_MS} if state == "resolved" else {}
    times = {"started_ms": started_ms, "updated_ms": ended.get("ended_ms", started_ms)}
    return Alert.model_validate(fields | times | ended | {"id": name, "state": state} | other)


def status(alert_id: str, state: str = "new", at_ms: int = NOW_MS, **other: Any) -> AlertStatus:
    why = Decision(at_ms=at_ms, step="route", verdict="matched", name="team-web", text="it is of the team web")
    fields = {"tenant": "shop", "alert_id": alert_id, "fingerprint": "f", "state": state, "priority": "P2"}
    times = {"since_ms": at_ms, "at_ms": at_ms}
    return AlertStatus.model_validate(fields | times | {"decisions": [why.model_dump()]} | other)


def member(alert_id: str, **other: Any) -> IncidentMember:
    fields = {"alert_id": alert_id, "entity": f"node/{alert_id}", "signal": "cpu", "state": "firing"}
    fields |= {"priority": "P2", "severity": "warning", "confidence": 0.9, "summary": "it is high"}
    return IncidentMember.model_validate(fields | {"started_ms": NOW_MS} | other)


def incident(name: str, state: str = "open", updated_ms: int = NOW_MS, **other: Any) -> Incident:
    fields = {"tenant": "shop", "title": "something", "priority": "P1", "severity": "warning", "confidence": 0.9}
    listed = {"members": [member("a").model_dump()], "entities": ["node/a"], "signals": ["cpu"]}
    times = {"started_ms": updated_ms, "updated_ms": updated_ms, "revision": 1}
    over = {"resolved_ms": updated_ms, "ended_ms": updated_ms} if state in ("resolved", "reviewed") else {}
    return Incident.model_validate(fields | listed | times | over | {"id": name, "state": state} | other)


def times(*took_s: float | None) -> IncidentTimes:
    names = ("to_detect_s", "to_acknowledge_s", "to_mitigate_s", "to_resolve_s")
    return IncidentTimes.model_validate(dict(zip(names, took_s, strict=True)))


def entry(number: int, incident_id: str, at_ms: int = NOW_MS, **other: Any) -> TimelineEntry:
    fields = {"tenant": "shop", "kind": "note", "text": f"note {number}", "at_ms": at_ms}
    return TimelineEntry.model_validate(fields | {"id": f"e{number}", "incident_id": incident_id} | other)


def silence(name: str, ends_ms: int = NOW_MS + HOUR_MS, **other: Any) -> Silence:
    matchers = [LabelMatcher(name="alertname", value="disk").model_dump()]
    fields = {"id": name, "tenant": "shop", "matchers": matchers, "starts_ms": NOW_MS, "ends_ms": ends_ms}
    return Silence.model_validate(fields | {"updated_ms": NOW_MS} | other)


def result(command_id: str, *, ok: bool = True, **other: Any) -> CommandResult:
    fields = {"tenant": "shop", "command_id": command_id, "at_ms": NOW_MS, "stage": "route", "ok": ok}
    return CommandResult.model_validate(fields | other)


def notification(name: str, at_ms: int = NOW_MS, **other: Any) -> Notification:
    fields = {"tenant": "shop", "id": name, "receiver": "web", "integration": "pagerduty[0]", "action": "open"}
    fields |= {"dedup_key": "k", "sequence": 1, "group_key": "{}", "at_ms": at_ms, "status": "firing", "reason": "new"}
    context = NotificationContext(forecasts=["the disk is full in 3 days"]).model_dump()
    fields |= {"priority": "P1", "severity": "critical", "title": "disk", "alerts": [], "context": context}
    return Notification.model_validate(fields | other)


def outcome(notification_id: str, attempt: int = 1, said: str = "delivered", **other: Any) -> NotificationResult:
    fields = {"tenant": "shop", "notification_id": notification_id, "receiver": "web", "integration": "pagerduty[0]"}
    fields |= {"dedup_key": "k", "sequence": 1, "action": "open", "attempt": attempt, "at_ms": NOW_MS, "outcome": said}
    return NotificationResult.model_validate(fields | other)


def feedback(alert_id: str, verdict: str = "actioned", at_ms: int = NOW_MS, **other: Any) -> Feedback:
    fields = {"tenant": "shop", "alert_id": alert_id, "verdict": verdict, "at_ms": at_ms}
    return Feedback.model_validate(fields | other)


def health(entity: str, state: str = "degraded", at_ms: int = NOW_MS) -> EntityHealth:
    return EntityHealth.model_validate({"tenant": "shop", "entity": entity, "state": state, "at_ms": at_ms})


class Log:
    """Records of several topics, each in the order in which it was told."""

    def __init__(self, *events: Event) -> None:
        self.records: list[Record] = []
        self._ends: dict[tuple[str, int], int] = {}
        for event in events:
            self.tell(event)

    def tell(self, event: Event, partition: int = 0) -> None:
        self.put(TOPIC_OF[type(event)], getattr(event, "key", "x"), event.to_bytes(), partition)

    def put(self, topic: Topic, key: str, value: bytes | None, partition: int = 0) -> None:
        place = topic.name, partition
        offset = self._ends.get(place, 0)
        self._ends[place] = offset + 1
        self.records.append(Record(topic.name, partition, offset, key.encode(), value, NOW_MS))

    @property
    def partitions(self) -> set[tuple[str, int]]:
        return set(self._ends)

    def since(self, places: Mapping[tuple[str, int], int]) -> list[Record]:
        return [one for one in self.records if one.offset >= places.get((one.topic, one.partition), 0)]


def read_on(sink: PlacedSink, log: Log) -> None:
    """Feed a sink from where it stands to the end, as a member that just joined."""
    sink.revoked(log.partitions)
    places = sink.places(log.partitions)
    sink.assigned(log.partitions)
    sink.take(log.since(places))
    sink.flush()
