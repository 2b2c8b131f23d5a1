"""Records for the outside: each with an id made of its content, so that a repeat is known by its id."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from incidents.alerts import AlertRecord
from incidents.auditing import Move, command_answered, incident_moved
from incidents.board import Absorbed, Board
from incidents.incident import IncidentRecord
from schemas.change_events import Change
from schemas.command_events import Command, CommandResult, PostAlerts
from schemas.events import Anomaly, AuditEntry
from schemas.ids import event_id
from schemas.incident_events import Alert, EntryKind, Incident, TimelineEntry
from schemas.rerouting import sent_on
from schemas.slo_events import SloAlert
from schemas.topics import ALERTS, AUDIT, COMMAND_RESULTS, INCIDENTS, TIMELINE, Topic
from streams.operator import Output

Runbooks = Callable[[Mapping[str, str]], Sequence[str]]
"""Names those that fit what is known of an alert."""


def output(topic: Topic, partition: int, key: str, value: bytes, event_ms: int) -> Output:
    """A record whose id is a function of where it goes and what it says."""
    return Output(topic, partition, key, value, event_ms, event_id(topic.name, key, value.hex()))


def rerouted(topic: Topic, partition: int, event: Anomaly | SloAlert | Change | Command, value: bytes) -> Output:
    """A record on its way to the partition of its tenant.

    Raises
    ------
    SchemaError
        If it was sent on before: then two workers differ about the count of partitions, and would send it round.
    """
    return output(topic, partition, event.key, sent_on(event.tenant, value), event.at_ms)


class Publisher:
    """Collects what one step has to say, and says nothing that it said before.

    Parameters
    ----------
    partition
        Where all records go.
    board
        Where alerts are.
    runbooks
        Names those that fit an alert.
    """

    def __init__(self, partition: int, board: Board, runbooks: Runbooks) -> None:
        self._partition = partition
        self._board = board
        self._runbooks = runbooks
        self._outputs: list[Output] = []

    def take(self) -> list[Output]:
        """What was collected, in order."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def event(self, record: AlertRecord, incident: IncidentRecord | None) -> Alert:
        """What is published of an alert."""
        return record.event(self._board.placed(record, incident, self._fitting(record)))

    def alert(self, record: AlertRecord, incident: IncidentRecord | None) -> None:
        """Publish an alert if its content changed."""
        event = self.event(record, incident)
        value = event.to_bytes()
        digest = event_id(value.hex())
        if digest != record.digest:
            record.digest = digest
            self._put(ALERTS, f"{record.tenant}/{record.fingerprint}", value, event.updated_ms)

    def plain_alert(self, event: Alert, digest: str) -> str:
        """Publish an alert that is no episode's if its content changed since a digest; the digest now."""
        value = event.to_bytes()
        now = event_id(value.hex())
        if now != digest:
            self._put(ALERTS, f"{event.tenant}/{event.fingerprint}", value, event.updated_ms)
        return now

    def _fitting(self, record: AlertRecord) -> tuple[str, ...]:
        """The runbooks that an alert's teller names, else those that fit; looked for again once it is another one."""
        told = record.latest.runbooks(record.worst)
        if told:
            return tuple(told)
        change = record.change.kind if record.change else ""
        known = (record.severity, record.priority, change, *record.worst.facts.values())
        if record.runbooks is None or record.runbooks[0] != known:
            facts = {
                "signal": record.identity.signal,
                "severity": record.severity,
                "priority": record.priority,
                "change": change,
                **record.worst.facts,
            }
            fitting = self._runbooks({**{name: text for name, text in facts.items() if text}, **record.labels})
            record.runbooks = known, tuple(fitting)
        return record.runbooks[1]

    def incident(self, incident: IncidentRecord) -> None:
        """Publish an incident, under its next revision, if its content changed."""
        incident.pending = False
        event = self._board.event_of(incident)
        digest = event_id(event.model_dump_json(exclude={"revision", "updated_ms"}))
        if digest != incident.digest:
            incident.digest = digest
            incident.revision += 1
            self.last_word(event.model_copy(update={"revision": incident.revision}))

    def last_word(self, event: Incident) -> None:
        """Publish an incident as it stands."""
        self._put(INCIDENTS, f"{event.tenant}/{event.id}", event.to_bytes(), event.updated_ms)

    def entry(
        self,
        incident: IncidentRecord | Incident,
        kind: EntryKind,
        at_ms: int,
        text: str,
        *,
        alert_id: str | None = None,
        by: str = "",
    ) -> None:
        """Write down what happened to an incident."""
        event = TimelineEntry(
            id=event_id(incident.tenant, incident.id, kind, at_ms, text, alert_id, *([by] if by else [])),
            tenant=incident.tenant,
            incident_id=incident.id,
            at_ms=at_ms,
            kind=kind,
            text=text,
            by=by,
            alert_id=alert_id,
        )
        self._put(TIMELINE, f"{incident.tenant}/{incident.id}", event.to_bytes(), at_ms)

    def moved(
        self, incident: IncidentRecord | Incident, kind: EntryKind, move: Move, alert_id: str | None = None
    ) -> None:
        """Write down what happened to an incident, and for the audit what it was and is."""
        self.entry(incident, kind, move.at_ms, move.why, alert_id=alert_id, by=move.by)
        self.audit_move(incident, move)

    def audit_move(self, incident: IncidentRecord | Incident, move: Move) -> None:
        """Write down for the audit what an incident was and is, if that differs."""
        if move.before != move.after:
            self._audit(incident_moved(incident.tenant, incident.id, move))

    def absorbed(self, survivor: IncidentRecord, others: Sequence[Absorbed], at_ms: int, why: str, by: str) -> None:
        """Tell both sides of a merge, and publish the last word of those that became aliases."""
        for other, before in others:
            self.last_word(other)
            text = f"Merged into incident {survivor.id}: {why}"
            self.moved(other, "merged", Move(before, other.state, at_ms, text, by))
            self.entry(survivor, "merged", at_ms, f"Incident {other.id} was merged into this one: {why}", by=by)

    def result(self, command: Command, reason: str, subject: str) -> None:
        """Tell what became of a command; a reason says why it was not done."""
        event = CommandResult(
            tenant=command.tenant,
            command_id=command.id,
            at_ms=command.at_ms,
            stage="decide",
            ok=not reason,
            reason=reason,
            subject=subject,
        )
        self._put(COMMAND_RESULTS, event.key, event.to_bytes(), event.at_ms)
        # Machines post alerts all the time; what that changes of incidents and alerts is written down as such.
        if not isinstance(command.body, PostAlerts):
            self._audit(command_answered("decide", command, command.at_ms, reason, subject))

    def _audit(self, entry: AuditEntry) -> None:
        self._outputs.append(Output(AUDIT, self._partition, entry.tenant, entry.to_bytes(), entry.at_ms, entry.id))

    def _put(self, topic: Topic, key: str, value: bytes, event_ms: int) -> None:
        self._outputs.append(output(topic, self._partition, key, value, event_ms))
