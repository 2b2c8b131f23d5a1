"""Notifications, made of a thread and its alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from incidents.dispatch.context import confidence_of, windows_of
from incidents.dispatch.subjects import Subject
from incidents.dispatch.threads import Thread
from incidents.finding import SEVERITY_RANK
from incidents.routing.receivers import Receiver
from schemas.ids import event_id
from schemas.incident_events import Incident
from schemas.notification_events import Notification, NotificationContext, NotifiedAlert

Action = Literal["open", "update", "resolve", "digest"]
MOST_LISTED: Final = 100
_MAX_KEY_CHARS: Final = 255  # PagerDuty's limit of a dedup_key


@dataclass(frozen=True, slots=True)
class Telling:
    """Something to tell a receiver of a thread.

    Parameters
    ----------
    action, reason
        What it does to the key, and why now.
    dedup_key
        The key.
    subjects
        The alerts that it is about, the most urgent first.
    at_ms
        When.
    over
        Whether all is over.
    context
        What helps whoever is told.
    """

    action: Action
    reason: str
    dedup_key: str
    subjects: Sequence[Subject]
    at_ms: int
    over: bool = False
    context: NotificationContext | None = None


def notifications(
    thread: Thread, receiver: Receiver, telling: Telling, incident: Incident | None
) -> list[Notification]:
    """One for each integration of the receiver; where it does not tell that something is over, none for that.

    Parameters
    ----------
    thread, receiver
        Who is told of what; the thread's sequence rises.
    telling
        What.
    incident
        That it is about, if it is about one.
    """
    sequence = thread.next_sequence(telling.at_ms)
    lead = telling.subjects[0]
    listed = telling.subjects[:MOST_LISTED]
    severities = [one.alert.severity for one in telling.subjects]
    made = []
    for one in receiver.integrations:
        if telling.action == "resolve" and not one.send_resolved:
            continue
        made.append(
            Notification(
                id=event_id("notification", thread.key, one.name, telling.dedup_key, sequence),
                tenant=thread.tenant,
                receiver=receiver.name,
                integration=one.name,
                action=telling.action,
                dedup_key=fitted_key(telling.dedup_key),
                sequence=sequence,
                group_key=thread.group_key,
                at_ms=telling.at_ms,
                status="resolved" if telling.over else "firing",
                reason=telling.reason,
                priority=lead.priority,
                severity=max(severities, key=SEVERITY_RANK.__getitem__),
                title=title_of(telling.subjects, incident),
                group_labels=thread.group_labels,
                common_labels=shared(subject.alert.labels for subject in telling.subjects),
                common_annotations=shared(subject.alert.annotations for subject in telling.subjects),
                alerts=[_notified(subject, telling.at_ms if telling.over else None) for subject in listed],
                truncated_alerts=len(telling.subjects) - len(listed),
                incident_id=thread.incident_id,
                incident_revision=0 if incident is None else incident.revision,
                escalation=thread.escalation,
                assignees=thread.assignees,
                context=telling.context,
                confidence=confidence_of(lead.alert),
                windows=windows_of(lead.alert),
            )
        )
    return made


def title_of(subjects: Sequence[Subject], incident: Incident | None) -> str:
    """The incident's, or what the most urgent alert says."""
    if incident is not None and incident.title:
        return incident.title
    lead = subjects[0].alert
    text = lead.annotations.get("summary") or subjects[0].labels["alertname"]
    return text if len(subjects) == 1 else f"{text} (and {len(subjects) - 1} more)"


def shared(all_of: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """What all say alike.

    Examples
    --------
    >>> shared([{"a": "1", "b": "2"}, {"a": "1", "b": "3"}])
    {'a': '1'}
    """
    first, *others = [*all_of] or [{}]
    return {name: value for name, value in first.items() if all(one.get(name) == value for one in others)}


def fitted_key(key: str) -> str:
    """A dedup key that every far end takes.

    Examples
    --------
    >>> fitted_key("i1"), len(fitted_key("x" * 300))
    ('i1', 255)
    """
    if len(key) <= _MAX_KEY_CHARS:
        return key
    digest = event_id(key)
    return f"{key[: _MAX_KEY_CHARS - len(digest) - 1]}-{digest}"


def _notified(subject: Subject, over_ms: int | None) -> NotifiedAlert:
    """What is told of an alert; of one that fires although somebody calls all of it over, that it ended then."""
    alert = subject.alert
    fires = subject.fires and over_ms is None
    ended_ms = over_ms if alert.ended_ms is None else alert.ended_ms
    return NotifiedAlert(
        alert_id=alert.id,
        fingerprint=alert.fingerprint,
        state="firing" if fires else "resolved",
        labels=alert.labels,
        annotations=alert.annotations,
        priority=alert.priority,
        severity=alert.severity,
        started_ms=alert.started_ms,
        ended_ms=None if fires else ended_ms,
        generator_url=alert.generator_url,
    )
