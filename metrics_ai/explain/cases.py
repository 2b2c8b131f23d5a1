"""An anomaly, an alert or an incident with all that belongs to it, found by the beginning of its id."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Protocol, TypeVar

from incidents.anomalies import worse
from incidents.finding import newer
from schemas.base import Event
from schemas.errors import ConfigurationError, MetricsAIError
from schemas.events import Anomaly
from schemas.incident_events import Alert, Incident, IncidentMember, TimelineEntry
from schemas.topics import ALERTS, ANOMALIES, INCIDENTS, TIMELINE, Topic

EventT = TypeVar("EventT", bound=Event)
ShownT = TypeVar("ShownT", Alert, Incident)
MIN_PREFIX: Final = 6
"""Characters of an id that must be given."""
_MOST_MERGES: Final = 100


class UnknownIdError(MetricsAIError):
    """No anomaly, alert or incident has that id."""

    blame = "user"


class EventSource(Protocol):
    """Where events come from."""

    def read(self, topic: Topic, event: type[EventT], mentions: Collection[str]) -> Iterable[EventT]:
        """The events of a topic that mention one of some texts anywhere, in the order of the log."""


class Events(dict[str, Sequence[Event]]):
    """Events by their topic's name, in place of a broker.

    Examples
    --------
    >>> list(Events().read(ALERTS, Alert, ["4fc2df"]))
    []
    """

    def read(self, topic: Topic, event: type[EventT], mentions: Collection[str]) -> Iterable[EventT]:
        """As a broker gives them."""
        for one in self.get(topic.name, ()):
            if isinstance(one, event) and any(text in one.to_bytes().decode() for text in mentions):
                yield one


@dataclass(frozen=True, slots=True)
class AnomalyCase:
    """One episode of one series: the states that were told, by time."""

    states: Sequence[Anomaly]

    @property
    def latest(self) -> Anomaly:
        """How it stands."""
        return reduce(newer, self.states)

    @property
    def worst(self) -> Anomaly:
        """How it was when the score was highest, of the states that were told."""
        return reduce(worse, self.states)


@dataclass(frozen=True, slots=True)
class AlertCase:
    """An alert and its anomaly, where that still lies on its topic."""

    alert: Alert
    anomaly: AnomalyCase | None


@dataclass(frozen=True, slots=True)
class IncidentCase:
    """An incident with what happened to it.

    Parameters
    ----------
    incident
        Itself, or the one that it was merged into.
    merged
        The ids that led there, the one that was asked for first.
    members
        Its members, each with its alert where that still lies on its topic.
    timeline
        By time.
    """

    incident: Incident
    merged: Sequence[str]
    members: Sequence[tuple[IncidentMember, AlertCase | None]]
    timeline: Sequence[TimelineEntry]


Case = AnomalyCase | AlertCase | IncidentCase


@dataclass(frozen=True, slots=True)
class Match:
    """What an id may mean, and enough to tell it from others."""

    found: Incident | Alert | AnomalyCase

    @property
    def newest(self) -> Incident | Alert | Anomaly:
        """Its newest state."""
        return self.found.latest if isinstance(self.found, AnomalyCase) else self.found

    @property
    def kind(self) -> str:
        """What it is."""
        return type(self.newest).__name__.lower()

    @property
    def row(self) -> list[str]:
        """Kind, id, tenant, and what it is about."""
        one = self.newest
        match one:
            case Incident():
                what = one.title
            case Alert():
                what = one.annotations.get("summary", f"{one.signal} of {one.entity}")
            case Anomaly():
                what = one.explanation
        return [self.kind, one.id, one.tenant, what]


def matches_of(source: EventSource, wanted: str, tenant: str | None = None) -> list[Match]:
    """What has an id that begins so; what has exactly this id comes alone.

    Raises
    ------
    ConfigurationError
        If too little of it is given.
    UnknownIdError
        If there is nothing.
    """
    if len(wanted) < MIN_PREFIX:
        raise ConfigurationError(
            f"{wanted!r} is too short for an id",
            f"Give {MIN_PREFIX} of its characters or more, as `incidents` shows it",
        )
    found: list[Match] = []
    for matches in (_incidents, _alerts, _anomalies):
        found += [one for one in matches(source, wanted) if tenant in (None, one.newest.tenant)]
        if exact := [one for one in found if one.newest.id == wanted]:
            return exact
    if not found:
        raise UnknownIdError(
            f"no anomaly, alert or incident has an id that begins with {wanted!r}",
            "metrics-ai incidents and metrics-ai alerts show theirs",
        )
    return found


def _incidents(source: EventSource, wanted: str) -> list[Match]:
    return [Match(one) for one in _newest(source.read(INCIDENTS, Incident, [wanted]), wanted)]


def _alerts(source: EventSource, wanted: str) -> list[Match]:
    return [Match(one) for one in _newest(source.read(ALERTS, Alert, [wanted]), wanted)]


def _newest(events: Iterable[ShownT], wanted: str) -> list[ShownT]:
    return list({(one.tenant, one.id): one for one in events if one.id.startswith(wanted)}.values())


def _anomalies(source: EventSource, wanted: str) -> list[Match]:
    return [Match(one) for (_, name), one in _episodes(source, [wanted]).items() if name.startswith(wanted)]


def _episodes(source: EventSource, mentions: Collection[str]) -> dict[tuple[str, str], AnomalyCase]:
    """Episodes by tenant and id; a state that came twice counts once."""
    states: dict[tuple[str, str], dict[bytes, Anomaly]] = {}
    for one in source.read(ANOMALIES, Anomaly, mentions) if mentions else ():
        states.setdefault((one.tenant, one.id), {})[one.to_bytes()] = one
    return {key: AnomalyCase(sorted(found.values(), key=lambda one: one.at_ms)) for key, found in states.items()}


def case_of(source: EventSource, match: Match) -> Case:
    """All that belongs to what was found."""
    match match.found:
        case Incident():
            return _incident_case(source, match.found)
        case Alert():
            return _alert_cases(source, [match.found])[match.found.id]
        case AnomalyCase():
            return match.found


def _alert_cases(source: EventSource, alerts: Sequence[Alert]) -> dict[str, AlertCase]:
    episodes = _episodes(source, sorted({one.anomaly_id for one in alerts if one.anomaly_id is not None}))
    return {one.id: AlertCase(one, episodes.get((one.tenant, one.anomaly_id or ""))) for one in alerts}


def _incident_case(source: EventSource, asked: Incident) -> IncidentCase:
    incident, merged = asked, [asked.id]
    while incident.merged_into is not None and len(merged) < _MOST_MERGES:
        survivors = _newest(source.read(INCIDENTS, Incident, [incident.merged_into]), incident.merged_into)
        own = [one for one in survivors if one.tenant == asked.tenant]
        if not own:
            break
        incident = own[0]
        merged.append(incident.id)
    wanted = [member.alert_id for member in incident.members]
    told = {one.id: one for one in (source.read(ALERTS, Alert, wanted) if wanted else ()) if one.tenant == asked.tenant}
    cases = _alert_cases(source, [told[name] for name in wanted if name in told])
    names = {incident.id, *incident.aliases}
    entries = {one.id: one for one in source.read(TIMELINE, TimelineEntry, sorted(names)) if one.incident_id in names}
    return IncidentCase(
        incident=incident,
        merged=merged,
        members=[(member, cases.get(member.alert_id)) for member in incident.members],
        timeline=sorted(entries.values(), key=lambda one: (one.at_ms, one.id)),
    )
