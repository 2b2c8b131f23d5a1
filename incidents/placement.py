"""Alerts find their incidents, and what that changes is told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from incidents import wording
from incidents.alerts import AlertRecord
from incidents.auditing import Move
from incidents.board import Attachment
from incidents.deadlines import Deadlines
from incidents.incident import IncidentRecord
from incidents.lifecycle import LIVING, TRANSITIONS, Seen, seen_at
from incidents.publish import Publisher
from incidents.roster import Urgency, urgency_of
from incidents.settings import DecideSettings
from incidents.state import State
from schemas.events import Priority
from schemas.incident_events import EntryKind


class Was(NamedTuple):
    """What an alert was before it changed."""

    ended_ms: int | None
    urgency: Urgency
    spenders: frozenset[str]
    no_data: bool
    alive_ms: int | None

    @classmethod
    def of(cls, record: AlertRecord) -> Was:
        """What it is now."""
        return cls(record.ended_ms, urgency_of(record), record.spenders, record.no_data, record.latest.alive_ms)


class Placement:
    """Brings alerts to incidents, lets incidents live, and publishes both.

    Parameters
    ----------
    state, deadlines, publisher
        What it works on.
    settings
        How many members an incident has, at the most, that tells at once who joins and leaves; from how many nodes on
        there may be a cluster's pattern.
    """

    def __init__(self, state: State, deadlines: Deadlines, publisher: Publisher, settings: DecideSettings) -> None:
        self._state = state
        self._board = state.board
        self._deadlines = deadlines
        self._publisher = publisher
        self._publish_at_once_members = settings.publish_at_once_members
        self._crowd_begins = settings.pattern_nodes
        self._waiting: set[str] = set()
        self.crowded: set[str] = set()

    def restore(self) -> None:
        """Know again what waits for the next tick."""
        self.crowded = {incident.id for incident in self._board.incidents.values() if incident.crowded}
        self._waiting = {incident.id for incident in self._board.incidents.values() if incident.pending}

    def place(self, record: AlertRecord, at_ms: int, was: Was | None) -> None:
        """Bring an alert that is new or changed to its incident, and publish what that changes."""
        self._state.touch_alert(record)
        incident = self._board.incident_of(record)
        joined = incident is None
        if incident is not None and was is not None:
            urgent = self._update(incident, record, at_ms, was)
            if record.identity.objective is not None:
                urgent = self.relink(record, at_ms, f"{record.summary} belongs to both") or urgent
                incident = self._board.incident_of(record)
        elif record.correlates:
            incident, urgent = self._join(record, at_ms)
        else:
            urgent = False
        self._publisher.alert(record, incident)
        if incident is None:
            return
        if record.identity.symptom and (joined or was is None or was.spenders != record.spenders):
            self.tell_again(incident, incident.members.behind(record, self._board.cause_window_ms))
        urgent = incident.page(record) or urgent
        stirs = (joined or was is None or was.ended_ms is not None) and self._is_restless(incident, record)
        urgent = self.settle(incident, at_ms, stirs=stirs) or urgent
        self.publish(incident, at_once=urgent)

    def relink(self, record: AlertRecord, at_ms: int, why: str) -> bool:
        """Look again for relations of an alert that has its incident; whether that merged any, to be published."""
        attachment = self._board.relink(record)
        if attachment is None:
            return False
        self.tell_merges(attachment, at_ms, why)
        return True

    def publish_home(self, record: AlertRecord) -> None:
        """Publish the incident of an alert at once."""
        incident = self._board.incident_of(record)
        assert incident is not None
        self.publish(incident, at_once=True)

    def settle(self, incident: IncidentRecord, at_ms: int, *, stirs: bool = False) -> bool:
        """Let the incident's state follow what is seen of it; whether it changed.

        Parameters
        ----------
        incident
            Which one.
        at_ms
            When that is seen.
        stirs
            Whether an alert has begun anew: nothing else opens again what a person resolved.
        """
        before, last_end_ms = incident.state, incident.last_end_ms
        after_ms = self._deadlines.resolve_after_ms(incident)
        if incident.closed_ms is None:
            seen = seen_at(self._state.now_ms, incident.members.firing, last_end_ms, after_ms)
        else:
            seen = Seen.UNREST if stirs else Seen.QUIET
        incident.state = TRANSITIONS[before, seen]
        if incident.state in LIVING:
            incident.resolved_ms = incident.closed_ms = None
        elif incident.closed_ms is not None or last_end_ms is None:
            incident.resolved_ms = incident.closed_ms
        else:
            incident.resolved_ms = last_end_ms + after_ms
        self._deadlines.await_quiet(incident)
        if incident.state == before:
            return False
        if incident.resolved_ms is not None:
            text = f"All alerts ended, and for {after_ms / 1000:g} s none came"
            self._publisher.moved(incident, "resolved", Move(before, incident.state, incident.resolved_ms, text))
        else:
            incident.acknowledged = incident.mitigated_ms = None
            self._publisher.moved(incident, "reopened", Move(before, incident.state, at_ms, "An alert fires again"))
        return True

    def publish(self, incident: IncidentRecord, *, at_once: bool) -> None:
        """Publish an incident now, or with the next tick."""
        self._state.touch_incident(incident.id)
        self.look_for_patterns(incident)
        if at_once:
            self._waiting.discard(incident.id)
            self._publisher.incident(incident)
        else:
            self._waiting.add(incident.id)
            incident.pending = True

    def publish_waiting(self) -> None:
        """Publish what waits for this tick."""
        for incident_id in sorted(self._waiting):
            self.publish(self._board.incidents[incident_id], at_once=True)

    def tell_merges(self, attachment: Attachment, at_ms: int, why: str, by: str = "") -> None:
        """Tell what a merge made of incidents, to be published."""
        for other, _ in attachment.absorbed:
            self._state.touch_incident(other.id)
            self._waiting.discard(other.id)
        incident = attachment.incident
        self._publisher.absorbed(incident, attachment.absorbed, at_ms, why, by)
        care = Move(attachment.before, incident.state, at_ms, "It took over an incident that is looked after", by)
        self._publisher.audit_move(incident, care)

    def forget(self, record: AlertRecord) -> None:
        """Drop an alert that ended long ago."""
        gone = self._state.forget_alert(record)
        if gone is not None:
            self._waiting.discard(gone.id)

    def _join(self, record: AlertRecord, at_ms: int) -> tuple[IncidentRecord, bool]:
        attachment = self._board.attach(record)
        incident = attachment.incident
        kind: EntryKind = "opened" if attachment.opened else "alert_joined"
        before = "" if attachment.opened else incident.state
        move = Move(before, incident.state, record.started_ms, record.summary)
        self._publisher.moved(incident, kind, move, record.id)
        self.tell_merges(attachment, at_ms, f"{record.summary} belongs to both")
        raised = self._tell_raise(incident, attachment.was, record, at_ms)
        if record.ended_ms is not None:
            self._tell_end(incident, record)
        return incident, raised or attachment.opened or bool(attachment.absorbed) or self._is_small(incident)

    def _update(self, incident: IncidentRecord, record: AlertRecord, at_ms: int, was: Was) -> bool:
        priority, urgent = incident.priority, False
        if was.urgency != urgency_of(record):
            incident.members.raise_priority(record, was.urgency)
        if was.ended_ms is not None and (record.ended_ms is None or record.ended_ms < was.ended_ms):
            incident.measure_end()
        elif record.ended_ms is not None and was.ended_ms is None:
            incident.members.firing -= 1
            self._tell_end(incident, record)
            urgent = self._is_small(incident)
        if record.no_data and record.ended_ms is None and not was.no_data:
            text = f"{record.latest.subject} {wording.FELL_SILENT}"
            self._publisher.entry(incident, "note", record.latest.at_ms, text, alert_id=record.id)
        incident.learn(record)
        return self._tell_raise(incident, priority, record, at_ms) or urgent

    def look_for_patterns(self, incident: IncidentRecord) -> None:
        """Let the next tick look for clusters' patterns in an incident, if there may be any."""
        if incident.patterns or incident.members.entity_count >= self._crowd_begins:
            incident.crowded = True
            self.crowded.add(incident.id)
            self._state.touch_incident(incident.id)

    def tell_again(self, incident: IncidentRecord, records: Iterable[AlertRecord]) -> None:
        """Publish members anew whose role may have changed."""
        for record in sorted(records, key=lambda one: one.key):
            before = record.digest
            self._publisher.alert(record, incident)
            if record.digest != before:
                self._state.touch_alert(record)

    def _is_restless(self, incident: IncidentRecord, record: AlertRecord) -> bool:
        """Whether an alert fires, or ended so lately that more may come."""
        ended_ms = record.ended_ms
        return ended_ms is None or self._state.now_ms < ended_ms + self._deadlines.resolve_after_ms(incident)

    def _tell_raise(self, incident: IncidentRecord, was: Priority, record: AlertRecord, at_ms: int) -> bool:
        if incident.priority == was:
            return False
        text = f"Priority raised from {was} to {incident.priority}: {record.summary}"
        self._publisher.entry(incident, "priority_raised", at_ms, text, alert_id=record.id)
        return True

    def _tell_end(self, incident: IncidentRecord, record: AlertRecord) -> None:
        assert record.ended_ms is not None
        text = f"{record.latest.subject} {record.ended}"
        self._publisher.entry(incident, "alert_resolved", record.ended_ms, text, alert_id=record.id)

    def _is_small(self, incident: IncidentRecord) -> bool:
        return len(incident.members) <= self._publish_at_once_members
