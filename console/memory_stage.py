"""A stage in memory that does at once what commands ask for, for tests: enough of one to see the API at work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

from console.memory import MemoryStore
from schemas.command_events import (
    AcknowledgeAlert,
    Command,
    CommandResult,
    ExpireSilence,
    MergeIncidents,
    MoveIncident,
    NoteIncident,
    PostAlerts,
    PostedAlert,
    PutSilence,
    Silence,
    SplitIncident,
    UnacknowledgeAlert,
)
from schemas.ids import alert_fingerprint
from schemas.incident_events import Acknowledgement, Alert, IncidentState, TimelineEntry
from schemas.slo_events import Feedback

_FROM: Final[dict[str, frozenset[IncidentState]]] = {
    "acknowledged": frozenset({"open", "mitigated"}),
    "open": frozenset({"acknowledged"}),
    "mitigated": frozenset({"open", "acknowledged"}),
    "resolved": frozenset({"open", "acknowledged", "mitigated"}),
    "reviewed": frozenset({"resolved"}),
}


class RefusedError(Exception):
    """The stage will not do it."""


@dataclass
class MemoryStage:
    """Takes commands, and does them in a store.

    Parameters
    ----------
    store
        What it changes.
    is_slow
        Whether it does nothing yet; ``catch_up`` does it later.
    """

    store: MemoryStore
    is_slow: bool = False
    sent: list[Command] = field(default_factory=list)
    verdicts: list[Feedback] = field(default_factory=list)

    def send(self, command: Command) -> None:
        """Take a command; one that comes again is done once."""
        self.sent.append(command)
        if not self.is_slow:
            self._do(command)

    def judge(self, feedback: Feedback) -> None:
        """Take a verdict."""
        self.verdicts.append(feedback)
        self.store.feedback_of[feedback.tenant][feedback.alert_id] = feedback

    def catch_up(self) -> None:
        """Do what was left undone."""
        for command in self.sent:
            self._do(command)

    def _do(self, command: Command) -> None:
        key = command.tenant, command.id
        if key in self.store.results:
            return
        doers: dict[type[Any], Callable[[Command, Any], str]] = {
            PostAlerts: self._post,
            AcknowledgeAlert: self._acknowledge,
            UnacknowledgeAlert: self._acknowledge,
            MoveIncident: self._move,
            NoteIncident: self._note,
            MergeIncidents: self._merge,
            SplitIncident: self._split,
            PutSilence: self._put_silence,
            ExpireSilence: self._expire,
        }
        try:
            subject, reason = doers[type(command.body)](command, command.body), ""
        except RefusedError as refused:
            subject, reason = "", str(refused)
        self.store.results[key] = CommandResult(
            tenant=command.tenant,
            command_id=command.id,
            at_ms=command.at_ms,
            stage="memory",
            ok=not reason,
            reason=reason,
            subject=subject,
        )

    def _post(self, command: Command, body: PostAlerts) -> str:
        for one in body.alerts:
            self.store.put(self._alert(command, one))
        return ""

    def _alert(self, command: Command, one: PostedAlert) -> Alert:
        fingerprint = alert_fingerprint(one.labels)
        known = self.store.alerts_of[command.tenant].values()
        before = next((old for old in known if old.fingerprint == fingerprint and old.state == "firing"), None)
        started_ms = before.started_ms if before else one.starts_ms or command.at_ms
        is_over = one.ends_ms is not None and one.ends_ms <= command.at_ms
        return Alert(
            id=f"{fingerprint}-{started_ms}",
            tenant=command.tenant,
            fingerprint=fingerprint,
            labels=one.labels,
            annotations=one.annotations,
            state="resolved" if is_over else "firing",
            priority="P2",
            severity="warning",
            entity=one.labels.get("instance", ""),
            signal=one.labels.get("alertname", ""),
            started_ms=started_ms,
            updated_ms=command.at_ms,
            ended_ms=one.ends_ms if is_over else None,
            confidence=1.0,
            source="posted",
            generator_url=one.generator_url,
        )

    def _acknowledge(self, command: Command, body: AcknowledgeAlert | UnacknowledgeAlert) -> str:
        statuses = self.store.statuses_of[command.tenant]
        status = statuses.get(body.alert_id)
        if status is None:
            raise RefusedError(f"there is no alert {body.alert_id}")
        if status.state == "resolved":
            raise RefusedError(f"alert {body.alert_id} has ended")
        given = Acknowledgement(by=command.by, at_ms=command.at_ms, note=body.note)
        change = {"acknowledged": given if isinstance(body, AcknowledgeAlert) else None}
        statuses[body.alert_id] = status.model_copy(update=change)
        return body.alert_id

    def _move(self, command: Command, body: MoveIncident) -> str:
        incident = self._incident(command, body.incident_id)
        if incident.state not in _FROM[body.to]:
            raise RefusedError(f"incident {incident.id} is {incident.state}, and cannot become {body.to}")
        self._put_incident(command, incident, state=body.to)
        return str(incident.id)

    def _note(self, command: Command, body: NoteIncident) -> str:
        incident = self._incident(command, body.incident_id)
        entries = self.store.timelines[command.tenant, incident.id]
        entry = TimelineEntry(
            id=command.id,
            tenant=command.tenant,
            incident_id=incident.id,
            at_ms=command.at_ms,
            kind="note",
            text=body.note,
            by=command.by,
        )
        entries.append(entry)
        return str(incident.id)

    def _merge(self, command: Command, body: MergeIncidents) -> str:
        into = self._incident(command, body.incident_id)
        other = self._incident(command, body.other_id)
        self._put_incident(command, other, state="merged", merged_into=into.id)
        return str(into.id)

    def _split(self, command: Command, body: SplitIncident) -> str:
        incident = self._incident(command, body.incident_id)
        made = incident.model_copy(update={"id": str(uuid5(NAMESPACE_URL, command.id))})
        self._put_incident(command, made)
        return str(made.id)

    def _incident(self, command: Command, incident_id: str) -> Any:
        found = self.store.incident(command.tenant, incident_id)
        if found is None:
            raise RefusedError(f"there is no incident {incident_id}")
        return found

    def _put_incident(self, command: Command, incident: Any, **change: object) -> None:
        changed = incident.model_copy(update={"updated_ms": command.at_ms, **change})
        self.store.incidents_of[command.tenant][incident.id] = changed

    def _put_silence(self, command: Command, body: PutSilence) -> str:
        before = self.store.silence(command.tenant, body.silence_id)
        silence_id = body.silence_id
        if before is not None and before.matchers != body.matchers:
            # What it muted until now stays on record: the changed one is another.
            self._end(command, before)
            silence_id = str(uuid5(NAMESPACE_URL, command.id))
        self.store.silences_of[command.tenant][silence_id] = Silence(
            id=silence_id,
            tenant=command.tenant,
            matchers=body.matchers,
            starts_ms=body.starts_ms,
            ends_ms=body.ends_ms,
            created_by=command.by,
            comment=body.comment,
            updated_ms=command.at_ms,
        )
        self._look_again(command.tenant)
        return silence_id

    def _expire(self, command: Command, body: ExpireSilence) -> str:
        silence = self.store.silence(command.tenant, body.silence_id)
        if silence is None:
            raise RefusedError(f"there is no silence {body.silence_id}")
        if silence.state_at(command.at_ms) == "expired":
            raise RefusedError(f"silence {body.silence_id} has ended already")
        self._end(command, silence)
        self._look_again(command.tenant)
        return body.silence_id

    def _end(self, command: Command, silence: Silence) -> None:
        ended = silence.model_copy(update={"ends_ms": command.at_ms, "updated_ms": command.at_ms})
        self.store.silences_of[command.tenant][silence.id] = ended

    def _look_again(self, tenant: str) -> None:
        for alert in list(self.store.alerts_of[tenant].values()):
            self.store.put(alert)
