"""The case of an incident, from topics or from a file of events; and how it is kept in such a file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, TypeVar

from incidents.review import Case, collected
from incidents.review.case import Told, objectives_of
from metrics_ai.explain.cases import Events, EventSource, UnknownIdError
from schemas.base import Event
from schemas.errors import ConfigurationError, MachineError, SchemaError
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.notification_events import Notification, NotificationResult
from schemas.slo_events import Feedback, SloAlert, SloStatus
from schemas.topics import (
    ALERTS,
    FEEDBACK,
    INCIDENTS,
    NOTIFICATION_RESULTS,
    NOTIFICATIONS,
    SLO_ALERTS,
    SLO_STATUS,
    TIMELINE,
    topic_named,
)

EventT = TypeVar("EventT", bound=Event)
_MODELS: Final[dict[str, type[Event]]] = {
    INCIDENTS.name: Incident,
    TIMELINE.name: TimelineEntry,
    ALERTS.name: Alert,
    NOTIFICATIONS.name: Notification,
    NOTIFICATION_RESULTS.name: NotificationResult,
    FEEDBACK.name: Feedback,
    SLO_ALERTS.name: SloAlert,
    SLO_STATUS.name: SloStatus,
}
_MOST_NAMED: Final = 3


def told_case(source: EventSource, wanted: str, tenant: str | None = None) -> Case:
    """The case of an incident, as topics tell it.

    Parameters
    ----------
    source
        The topics.
    wanted
        Its id, or how that begins; or that of one that was merged into it.
    tenant
        Whose it is; any, where left out.

    Raises
    ------
    UnknownIdError
        If there is none, or there are several.
    """
    incidents = [one for one in source.read(INCIDENTS, Incident, [""]) if tenant in (None, one.tenant)]
    named = _named(incidents, wanted)
    first = collected(named.tenant, named.id, Told(incidents=incidents))
    if first is None:
        raise UnknownIdError(f"what became of incident {named.id} is not told", "Its survivor is gone from the topic")
    incident = first.incident
    ids = [incident.id, *incident.aliases]
    alerts = list(source.read(ALERTS, Alert, [*ids, *(one.alert_id for one in incident.members)]))
    mine = collected(incident.tenant, incident.id, Told(incidents=incidents, alerts=alerts))
    known = [] if mine is None else mine.alerts
    slos = [json.dumps(name, ensure_ascii=False) for name in sorted(objectives_of(known))]
    case = collected(
        incident.tenant,
        incident.id,
        Told(
            incidents=incidents,
            timeline=list(source.read(TIMELINE, TimelineEntry, ids)),
            alerts=alerts,
            notifications=list(source.read(NOTIFICATIONS, Notification, ids)),
            results=list(source.read(NOTIFICATION_RESULTS, NotificationResult, ids)),
            turns=_if_any(source, slos, SLO_ALERTS.name, SloAlert),
            statuses=_if_any(source, slos, SLO_STATUS.name, SloStatus),
            feedback=_if_any(source, [one.id for one in known], FEEDBACK.name, Feedback),
        ),
    )
    return first if case is None else case


def _if_any(source: EventSource, mentions: Sequence[str], topic: str, model: type[EventT]) -> list[EventT]:
    return list(source.read(topic_named(topic), model, mentions)) if mentions else []


def _named(incidents: Iterable[Incident], wanted: str) -> Incident:
    """The newest state of the one incident whose id is, or begins, so."""
    newest = {(one.tenant, one.id): one for one in incidents if one.id.startswith(wanted)}
    found = [one for one in newest.values() if one.id == wanted] or list(newest.values())
    if len(found) == 1:
        return found[0]
    if not found:
        raise UnknownIdError(f"no incident has an id that begins with {wanted!r}", "metrics-ai incidents shows theirs")
    shown = ", ".join(f"{one.id} of {one.tenant}" for one in found[:_MOST_NAMED])
    raise UnknownIdError(f"{len(found)} incidents have an id that begins with {wanted!r}", f"Give more of it: {shown}")


# -- a file of events ----------------------------------------------------------------------------------------------


def read_events(path: Path) -> Events:
    """The events of a file: a JSON object a line, with ``topic`` and ``value``, in the order of the log.

    Raises
    ------
    ConfigurationError
        If a line is none, or its value cannot be read.
    MachineError
        If the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MachineError(f"{path} cannot be read ({error})", "Give a file that --evidence wrote") from error
    events: dict[str, list[Event]] = {}
    for number, line in enumerate(lines, 1):
        if line.strip():
            topic, event = _event(line, f"{path}:{number}")
            events.setdefault(topic, []).append(event)
    return Events(events)


def _event(line: str, where: str) -> tuple[str, Event]:
    way_out = 'A line is {"topic": "incidents", "value": {...}}, as --evidence writes it'
    try:
        said = json.loads(line)
        topic, value = said["topic"], said["value"]
        model = _MODELS[topic]
        return topic, model.from_bytes(json.dumps(value).encode())
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigurationError(f"{where}: not an event of a topic that a report is made of", way_out) from error
    except SchemaError as error:
        raise ConfigurationError(f"{where}: {error}", way_out) from error


def evidence_lines(case: Case) -> str:
    """All events of a case, as ``read_events`` reads them.

    Examples
    --------
    >>> told = {"id": "i1", "tenant": "acme", "title": "CPU", "state": "open", "priority": "P2", "severity": "warning"}
    >>> more = {"members": [], "entities": [], "signals": [], "confidence": 1.0, "revision": 1}
    >>> incident = Incident(**told, **more, started_ms=0, updated_ms=0)
    >>> evidence_lines(Case(incident))[:40]
    '{"topic":"incidents","value":{"v":1,"id"'
    """
    events: list[tuple[str, Iterable[Event]]] = [
        (INCIDENTS.name, [*case.past, case.incident]),
        (TIMELINE.name, case.timeline),
        (ALERTS.name, case.alerts),
        (NOTIFICATIONS.name, case.notifications),
        (NOTIFICATION_RESULTS.name, case.results),
        (SLO_ALERTS.name, case.turns),
        (SLO_STATUS.name, case.statuses),
        (FEEDBACK.name, case.feedback),
    ]
    return "".join(
        f'{{"topic":{json.dumps(topic)},"value":{one.to_bytes().decode()}}}\n' for topic, told in events for one in told
    )
