"""What happened, in event time: the timeline, the alerts, what people did, who was told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from incidents.review.case import Case
from incidents.review.model import Evidence, Lane, Line, Moment, Told
from schemas.incident_events import Alert, EntryKind, IncidentMember, TimelineEntry
from schemas.notification_events import NotificationResult

_DEEDS: Final[frozenset[EntryKind]] = frozenset({"mitigated", "resolved", "reviewed", "note", "merged", "split"})
_VERDICTS: Final = {
    "actioned": "needed action",
    "false": "needed no action",
    "duplicate": "had been said by another already",
}


def entries_of(case: Case) -> list[TimelineEntry]:
    """The timeline's entries, each once, in event time; of one moment, in the order of the log."""
    return sorted({one.id: one for one in case.timeline}.values(), key=lambda one: one.at_ms)


def timeline_of(case: Case) -> list[Moment]:
    """What happened, in event time."""
    return [
        Moment(at_ms=one.at_ms, kind=one.kind, text=one.text, by=one.by, evidence=_cited(one))
        for one in entries_of(case)
    ]


def _cited(entry: TimelineEntry) -> tuple[Evidence, ...]:
    return (Evidence(of="entry", id=entry.id),)


def helped_of(case: Case) -> list[Line]:
    """What people did and wrote; what a stage did by itself names nobody."""
    return [
        Line(text=f"{one.by} ({one.kind}): {one.text}", evidence=_cited(one))
        for one in entries_of(case)
        if one.by and one.kind in _DEEDS
    ]


def acknowledged_by(case: Case) -> list[str]:
    """Who acknowledged it or one of its alerts, in order."""
    names = [one.by for one in entries_of(case) if one.kind == "acknowledged"]
    names += [case.incident.acknowledged.by] if case.incident.acknowledged is not None else []
    return [name for name in dict.fromkeys(names) if name]


def verdicts_of(case: Case) -> list[Line]:
    """What people said of its alerts."""
    names = {one.id: name_of(one) for one in case.alerts}
    found = []
    for one in sorted(case.feedback, key=lambda said: (said.at_ms, said.alert_id)):
        note = f": {one.note}" if one.note else ""
        text = (
            f"{one.by or 'Somebody'} says that {names.get(one.alert_id, one.alert_id)} {_VERDICTS[one.verdict]}{note}"
        )
        found.append(Line(text=text, evidence=(Evidence(of="feedback", id=one.alert_id),)))
    return found


def name_of(one: Alert | IncidentMember) -> str:
    """An alert by its name and its entity.

    Examples
    --------
    >>> lane = {"alert_id": "a", "entity": "node:h1", "signal": "node_cpu_ratio", "state": "firing", "priority": "P2"}
    >>> more = {"severity": "warning", "started_ms": 0, "confidence": 1.0, "summary": ""}
    >>> name_of(IncidentMember(**lane, **more, labels={"alertname": "MetricAnomaly"}))
    'MetricAnomaly (node_cpu_ratio) of node:h1'
    """
    name = one.labels.get("alertname", "")
    signal = f" ({one.signal})" if name and one.signal and one.signal.lower() != name.lower() else ""
    return f"{name or one.signal}{signal}{f' of {one.entity}' if one.entity else ''}"


def lanes_of(case: Case) -> list[Lane]:
    """Its alerts by their start; where only the incident tells of one, as it does."""
    members = {one.alert_id: one for one in case.incident.members}
    known = {one.id for one in case.alerts}
    lanes = [_alert_lane(one, members.get(one.id)) for one in case.alerts]
    lanes += [_lane(one, one.alert_id, one.summary, one.role) for key, one in members.items() if key not in known]
    return sorted(lanes, key=lambda one: (one.started_ms, one.alert_id))


def _alert_lane(alert: Alert, member: IncidentMember | None) -> Lane:
    role = alert.role if member is None or member.role is None else member.role
    return _lane(alert, alert.id, alert.annotations.get("summary", ""), role)


def _lane(one: Alert | IncidentMember, alert_id: str, summary: str, role: str | None) -> Lane:
    return Lane(
        alert_id=alert_id,
        name=one.labels.get("alertname", one.signal),
        entity=one.entity,
        signal=one.signal,
        role=role or "",
        priority=one.priority,
        started_ms=one.started_ms,
        ended_ms=one.ended_ms,
        summary=summary or name_of(one),
        evidence=(Evidence(of="alert", id=alert_id),),
    )


def told_of(case: Case) -> list[Told]:
    """What was told to whom, and what became of it."""
    results: dict[str, list[NotificationResult]] = defaultdict(list)
    for result in _attempts(case.results):
        results[result.notification_id].append(result)
    found = []
    told = {one.id: one for one in case.notifications}.values()
    for one in sorted(told, key=lambda sent: (sent.at_ms, sent.receiver, sent.integration, sent.sequence)):
        tries = results[one.id]
        last = tries[-1] if tries else None
        found.append(
            Told(
                at_ms=one.at_ms,
                receiver=one.receiver,
                integration=one.integration,
                action=one.action,
                reason=one.reason,
                to=one.assignees,
                outcome="waiting" if last is None else last.outcome,
                attempts=0 if last is None else last.attempt,
                done_ms=None if last is None else last.at_ms,
                evidence=(Evidence(of="notification", id=one.id),),
            )
        )
    return found


def _attempts(results: Iterable[NotificationResult]) -> list[NotificationResult]:
    """Each attempt once, in order: a kill may have repeated what was said of one."""
    return [one for _, one in sorted({(one.notification_id, one.attempt): one for one in results}.items())]
