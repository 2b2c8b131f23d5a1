"""What people ask of incidents: to move, note, merge and split them; each is done, or refused with a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from incidents.alerts import AlertRecord
from incidents.auditing import Move
from incidents.incident import IncidentRecord
from incidents.lifecycle import MOVES, TRANSITIONS, Asked, allowed_from
from incidents.names import named_by
from incidents.placement import Placement
from incidents.publish import Publisher
from incidents.state import State
from schemas.command_events import Command, MergeIncidents, MoveIncident, NoteIncident, SplitIncident
from schemas.ids import event_id
from schemas.incident_events import Acknowledgement

_MOST_NAMED = 3
_UNKNOWN = {
    "incident": "no incident has the id {0}: look for it among those that go on, or ended within the retention",
    "alert": "{0} is the id of an alert, not of an incident: name its incident, or acknowledge the alert",
    "group": "{0} is the key of a group by labels, not of an incident: acknowledge its alerts, or name their incidents",
}


class Done(NamedTuple):
    """What became of a command.

    Parameters
    ----------
    reason
        Why it was not done, and what to do; empty where it was.
    subject
        The id of what it is about now.
    """

    reason: str = ""
    subject: str = ""


class People:
    """Does what people ask of incidents, and writes down who asked.

    Parameters
    ----------
    state, placement, publisher
        What it works on.
    """

    def __init__(self, state: State, placement: Placement, publisher: Publisher) -> None:
        self._state = state
        self._board = state.board
        self._placement = placement
        self._publisher = publisher

    def ask(self, command: Command, body: MoveIncident | NoteIncident | MergeIncidents | SplitIncident) -> Done:
        """Do what is asked of an incident; the state is unchanged where it is refused."""
        incident = self._board.living(command.tenant, body.incident_id)
        if incident is None:
            return _unknown(body.incident_id)
        match body:
            case MoveIncident():
                return self._move(incident, command, body)
            case NoteIncident():
                self._publisher.entry(incident, "note", command.at_ms, body.note, by=command.by)
                return Done(subject=incident.id)
            case MergeIncidents():
                return self._merge(incident, command, body)
            case SplitIncident():
                return self._split(incident, command, body)

    def _move(self, incident: IncidentRecord, command: Command, body: MoveIncident) -> Done:
        said, kind = MOVES[body.to]
        after = TRANSITIONS.get((incident.state, said))
        if after is None:
            ways = " or ".join(allowed_from(incident.state))
            way_out = f"from there it may be made {ways}" if ways else "an alert that fires anew opens it again"
            return Done(f"the incident is {incident.state}: {way_out}", incident.id)
        move = Move(incident.state, after, command.at_ms, body.note or kind.capitalize(), command.by)
        incident.state = after
        _MARKS[body.to](incident, command, body.note)
        self._publisher.moved(incident, kind, move)
        self._placement.publish(incident, at_once=True)
        return Done(subject=incident.id)

    def _merge(self, incident: IncidentRecord, command: Command, body: MergeIncidents) -> Done:
        other = self._board.living(command.tenant, body.other_id)
        if other is None:
            return _unknown(body.other_id)
        if other is incident:
            return Done("the two are one incident already", incident.id)
        attachment = self._board.join(incident, other)
        why = body.note or "a person says that they are one"
        self._placement.tell_merges(attachment, command.at_ms, why, command.by)
        self._publish(attachment.incident, command.at_ms)
        return Done(subject=attachment.incident.id)

    def _split(self, incident: IncidentRecord, command: Command, body: SplitIncident) -> Done:
        by_id = {record.id: record for record in incident.members}
        unknown = [name for name in body.alert_ids if name not in by_id]
        if unknown:
            names = ", ".join(unknown[:_MOST_NAMED])
            return Done(f"not in this incident: {names}; name alerts by the ids that it lists", incident.id)
        moved = [by_id[name] for name in sorted(set(body.alert_ids))]
        if len(moved) == len(incident.members):
            return Done("these are all of its alerts: name some of them", incident.id)
        new = self._board.split(incident, moved, _new_id(command, moved))
        self._tell_split(incident, new, command, body.note)
        for record in moved:
            self._state.touch_alert(record)
            self._publisher.alert(record, new)
            new.page(record)
        self._publish(incident, command.at_ms)
        self._publish(new, command.at_ms)
        return Done(subject=new.id)

    def _tell_split(self, incident: IncidentRecord, new: IncidentRecord, command: Command, note: str) -> None:
        count = len(new.members)
        what = f"{count} alert{'' if count == 1 else 's'}"
        why = f": {note}" if note else ""
        at_ms, by = command.at_ms, command.by
        self._publisher.entry(incident, "split", at_ms, f"{what} went into incident {new.id}{why}", by=by)
        text = f"{what} came out of incident {incident.id}{why}"
        self._publisher.moved(new, "opened", Move("", new.state, at_ms, text, by))

    def _publish(self, incident: IncidentRecord, at_ms: int) -> None:
        self._placement.settle(incident, at_ms)
        self._placement.publish(incident, at_once=True)


def _unknown(incident_id: str) -> Done:
    return Done(_UNKNOWN[named_by(incident_id)].format(incident_id))


def _new_id(command: Command, moved: list[AlertRecord]) -> str:
    """Of the earliest of the alerts, and of the command: an incident of that alert's own may be the one it leaves."""
    first = min(moved, key=lambda one: (one.started_ms, one.id))
    return event_id("incident", command.tenant, first.id, "split", command.id)


def _acknowledge(incident: IncidentRecord, command: Command, note: str) -> None:
    incident.acknowledged = Acknowledgement(by=command.by, at_ms=command.at_ms, note=note)
    incident.mitigated_ms = None
    if incident.acknowledged_ms is None:
        incident.acknowledged_ms = command.at_ms


def _unacknowledge(incident: IncidentRecord, command: Command, note: str) -> None:
    del command, note
    incident.acknowledged = incident.mitigated_ms = None


def _mitigate(incident: IncidentRecord, command: Command, note: str) -> None:
    """Who mitigates it looks after it."""
    if incident.acknowledged is None:
        _acknowledge(incident, command, note)
    incident.mitigated_ms = command.at_ms


def _resolve(incident: IncidentRecord, command: Command, note: str) -> None:
    del note
    incident.closed_ms = incident.resolved_ms = command.at_ms


def _review(incident: IncidentRecord, command: Command, note: str) -> None:
    del incident, command, note


_MARKS: dict[Asked, Callable[[IncidentRecord, Command, str], None]] = {
    "acknowledged": _acknowledge,
    "open": _unacknowledge,
    "mitigated": _mitigate,
    "resolved": _resolve,
    "reviewed": _review,
}
