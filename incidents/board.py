"""All alerts and incidents of a partition, and the joining of the ones into the others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from incidents.alerts import AlertRecord, Placed
from incidents.correlate import RelationIndex
from incidents.finding import Episode, Finding
from incidents.incident import IncidentRecord
from incidents.lifecycle import LIVING, TRANSITIONS, Seen
from incidents.series_alerts import SeriesAlerts
from incidents.settings import CorrelationHistory
from schemas.events import Priority
from schemas.incident_events import Incident, IncidentState


class Absorbed(NamedTuple):
    """What another incident took over: its last word, and the state that it was in."""

    last_word: Incident
    before: IncidentState


@dataclass(frozen=True, slots=True)
class Attachment:
    """How an alert found its incident.

    Parameters
    ----------
    incident
        Where it is now.
    opened
        Whether it is the first member.
    was
        The incident's priority before.
    absorbed
        Incidents that this alert linked to an older one, which took them over.
    before
        The state that the incident was in before it took them over.
    """

    incident: IncidentRecord
    opened: bool
    was: Priority
    absorbed: tuple[Absorbed, ...] = ()
    before: IncidentState = "open"


@dataclass(slots=True)
class Board:
    """Alerts by key and episode, incidents by id, aliases, and the index of relations."""

    history: CorrelationHistory
    most_listed: int
    cause_window_ms: int
    series: SeriesAlerts = field(default_factory=SeriesAlerts)
    alerts: dict[str, AlertRecord] = field(default_factory=dict)
    incidents: dict[str, IncidentRecord] = field(default_factory=dict)
    _episodes: dict[Episode, AlertRecord] = field(default_factory=dict)
    _survivors: dict[str, str] = field(default_factory=dict)
    _index: RelationIndex = field(init=False)

    def __post_init__(self) -> None:
        self._index = RelationIndex(self.cause_window_ms)

    def alert_of(self, finding: Finding[Any]) -> AlertRecord | None:
        """The alert of an episode, if it is known."""
        return self._episodes.get(finding.episode)

    def put(self, record: AlertRecord) -> None:
        """Know an alert, by its key and its episode."""
        self.alerts[record.key] = record
        self._episodes[record.latest.episode] = record
        self.series.add(record)

    def current_id(self, incident_id: str) -> str:
        """The id that an incident goes by now, merges followed."""
        trail = []
        while (survivor := self._survivors.get(incident_id)) is not None:
            trail.append(incident_id)
            incident_id = survivor
        for passed in trail[:-1]:
            self._survivors[passed] = incident_id
        return incident_id

    def incident_of(self, record: AlertRecord) -> IncidentRecord | None:
        """The incident that an alert is in now."""
        return None if record.home is None else self.incidents[self.current_id(record.home)]

    def living(self, tenant: str, incident_id: str) -> IncidentRecord | None:
        """A tenant's incident by an id that it goes or went by, if it is known."""
        incident = self.incidents.get(self.current_id(incident_id))
        return incident if incident is not None and incident.tenant == tenant else None

    def placed(self, record: AlertRecord, incident: IncidentRecord | None, runbooks: tuple[str, ...]) -> Placed:
        """What an alert's place tells of it, and what fits it."""
        if incident is None:
            return Placed(None, "symptom" if record.identity.symptom else None, None, runbooks)
        role = incident.role_of(record, self.cause_window_ms)
        return Placed(incident.id, role, incident.page_key_of(record), runbooks)

    def event_of(self, incident: IncidentRecord, merged_into: str | None = None) -> Incident:
        """What is published of an incident, under the revision that it has now."""
        return incident.event(self.most_listed, self.cause_window_ms, merged_into)

    def attach(self, record: AlertRecord) -> Attachment:
        """Give an alert its incident: one that it is related to, several made one, or a new one."""
        linked = self._linked(record)
        opened = not linked
        if opened:
            first = IncidentRecord.opened_by(record)
            self.incidents[first.id] = first
            linked = [first]
        survivor, *others = linked
        was, before = survivor.priority, survivor.state
        absorbed = self._merge_all(survivor, others)
        record.home = survivor.id
        self._index.add(record)
        survivor.admit(record)
        return Attachment(survivor, opened, was, absorbed, before)

    def relink(self, record: AlertRecord) -> Attachment | None:
        """Look again for relations of an alert that has its incident; None if none is new.

        Windows have widened, or more is known of it.
        """
        mine = self.incident_of(record)
        assert mine is not None
        self._index.add(record)
        survivor, *others = sorted({one.id: one for one in [mine, *self._linked(record)]}.values(), key=_age)
        was, before = survivor.priority, survivor.state
        absorbed = self._merge_all(survivor, others)
        return Attachment(survivor, False, was, absorbed, before) if absorbed else None

    def join(self, one: IncidentRecord, other: IncidentRecord) -> Attachment:
        """Make one incident of two, because a person says so; the older one survives, and nothing keeps them apart."""
        survivor, absorbed = sorted((one, other), key=_age)
        survivor.apart = [name for name in survivor.apart if self.current_id(name) != absorbed.id]
        absorbed.apart = [name for name in absorbed.apart if self.current_id(name) != survivor.id]
        was, before = survivor.priority, survivor.state
        return Attachment(survivor, False, was, (self._merge(survivor, absorbed),), before)

    def split(self, incident: IncidentRecord, moved: list[AlertRecord], new_id: str) -> IncidentRecord:
        """Take alerts out of an incident into one of their own, and keep the two apart."""
        new = incident.take_out(moved, new_id)
        self.incidents[new_id] = new
        return new

    def forget_alert(self, record: AlertRecord) -> IncidentRecord | None:
        """Drop an alert; gives the incident back that has no member left, which is dropped too."""
        del self.alerts[record.key]
        self._episodes.pop(record.latest.episode, None)
        self.series.discard(record)
        incident = self.incident_of(record)
        if incident is None:
            return None
        self._index.discard(record)
        incident.forget(record)
        if incident.members:
            return None
        del self.incidents[incident.id]
        for alias in incident.aliases:
            self._survivors.pop(alias, None)
        return incident

    def restore(self) -> None:
        """Make what is derived: aliases, members and the index, from alerts and incidents."""
        for incident in self.incidents.values():
            for alias in incident.aliases:
                self._survivors[alias] = incident.id
        for record in self.alerts.values():
            home = self.incident_of(record)
            if home is not None:
                home.admit(record)
                self._index.add(record)

    def _linked(self, record: AlertRecord) -> list[IncidentRecord]:
        """Incidents that hold what an alert is related to, the oldest first."""
        found = {}
        for key in self._index.related(record, self.history):
            incident = self.incident_of(self.alerts[key])
            assert incident is not None
            found[incident.id] = incident
        return sorted(found.values(), key=_age)

    def _merge_all(self, survivor: IncidentRecord, others: Iterable[IncidentRecord]) -> tuple[Absorbed, ...]:
        """Let one take over others, those aside that a person keeps apart from it."""
        return tuple(self._merge(survivor, other) for other in others if not self._are_apart(survivor, other))

    def _are_apart(self, one: IncidentRecord, other: IncidentRecord) -> bool:
        return any(self.current_id(name) == other.id for name in one.apart)

    def _merge(self, survivor: IncidentRecord, other: IncidentRecord) -> Absorbed:
        before, lives = other.state, other.state in LIVING
        other.state = TRANSITIONS[other.state, Seen.ABSORBED]
        other.revision += 1
        last_word = self.event_of(other, merged_into=survivor.id)
        survivor.absorb(other, other_lives=lives)
        del self.incidents[other.id]
        self._survivors[other.id] = survivor.id
        return Absorbed(last_word, before)


def _age(incident: IncidentRecord) -> tuple[int, str]:
    return incident.started_ms, incident.id
