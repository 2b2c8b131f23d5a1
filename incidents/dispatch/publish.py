"""Records of the route stage: how alerts stand, the outbox, silences, and what became of commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from incidents.auditing import Move, alert_turned, command_answered, silence_changed
from incidents.dispatch.book import DispatchBook
from incidents.dispatch.subjects import Subject
from schemas.base import Event
from schemas.command_events import AcknowledgeAlert, Command, CommandResult, Silence, UnacknowledgeAlert
from schemas.events import AuditEntry
from schemas.ids import event_id
from schemas.incident_events import EntryKind, TimelineEntry
from schemas.notification_events import AlertStanding, Notification
from schemas.topics import ALERT_STATUS, AUDIT, COMMAND_RESULTS, COMMANDS, NOTIFICATIONS, SILENCES, TIMELINE, Topic
from streams.operator import Output

_STAGE = "route"
# Decide tells the timeline that an alert begins and ends, a command that somebody looks after it.
_QUIET: Final[frozenset[AlertStanding]] = frozenset({"suppressed", "flapping", "expired"})


class StatusPublisher:
    """Collects what one step has to say.

    Parameters
    ----------
    book
        What is known.
    partition
        Where all records go.
    """

    def __init__(self, book: DispatchBook, partition: int) -> None:
        self._book = book
        self._partition = partition
        self._touched: set[str] = set()
        self._outputs: list[Output] = []

    def touch(self, subject: Subject) -> None:
        """Say that an alert may stand otherwise."""
        self._touched.add(subject.key)

    def take(self, told: Sequence[Notification], touched: Iterable[str], now_ms: int) -> list[Output]:
        """Everything to send, in order: what is told before how alerts stand."""
        outputs, self._outputs = self._outputs, []
        outputs += [self._output(NOTIFICATIONS, one.key, one, one.at_ms, one.id) for one in told]
        for key in sorted(self._touched | set(touched)):
            subject = self._book.subjects.get(key)
            if subject is None:
                continue
            for move in subject.take_moves():
                outputs.append(self._audited(alert_turned(subject.alert, move)))
                outputs += self._note(subject, move)
            status = subject.status(now_ms, self._fingerprints(subject))
            if subject.is_news(status):
                self._book.touch_subject(subject)
                outputs.append(self._output(ALERT_STATUS, status.key, status, now_ms))
        self._touched = set()
        return outputs

    def grant(self, command: Command, now_ms: int, subject_id: str, was: str) -> None:
        """Say that a command was done.

        Parameters
        ----------
        command
            What was asked for.
        now_ms
            When that is.
        subject_id
            Of what it is about.
        was
            The state of its silence before; empty where there was none.
        """
        silence = self._book.silences.silences.get(f"{command.tenant}/{subject_id}")
        if isinstance(command.body, AcknowledgeAlert | UnacknowledgeAlert):
            self._entry(command, subject_id)
        elif silence is not None:
            self._outputs.append(self._output(SILENCES, silence.key, silence, now_ms))
            self._audit(silence_changed(silence, was, now_ms, command.by or "somebody"))
        self._result(command, now_ms, ok=True, subject=subject_id)

    def refuse(self, command: Command, now_ms: int, reason: str) -> None:
        """Say why a command was not done."""
        self._result(command, now_ms, ok=False, reason=reason)

    def over(self, silences: Iterable[Silence], now_ms: int) -> None:
        """Say that the time of silences is over."""
        for one in silences:
            self._audit(silence_changed(one, "active", now_ms, ""))

    def ask(self, command: Command) -> None:
        """Ask another stage for something."""
        self._outputs.append(self._output(COMMANDS, command.key, command, command.at_ms, command.id))

    def gone(self, silences: Iterable[str]) -> None:
        """Say that silences are forgotten."""
        for key in silences:
            self._outputs.append(Output(SILENCES, self._partition, key, None, 0, event_id("silence", key, "gone")))

    def _result(self, command: Command, now_ms: int, ok: bool, reason: str = "", subject: str = "") -> None:
        result = CommandResult(
            tenant=command.tenant,
            command_id=command.id,
            at_ms=now_ms,
            stage=_STAGE,
            ok=ok,
            reason=reason,
            subject=subject,
        )
        self._outputs.append(self._output(COMMAND_RESULTS, result.key, result, now_ms))
        self._audit(command_answered(_STAGE, command, now_ms, reason, subject))

    def _audit(self, entry: AuditEntry) -> None:
        self._outputs.append(self._audited(entry))

    def _audited(self, entry: AuditEntry) -> Output:
        return self._output(AUDIT, entry.tenant, entry, entry.at_ms, entry.id)

    def _noted(self, entry: TimelineEntry) -> Output:
        return self._output(TIMELINE, f"{entry.tenant}/{entry.incident_id}", entry, entry.at_ms)

    def _entry(self, command: Command, alert_id: str) -> None:
        """What the timeline of an alert's incident says of it."""
        subject = self._book.subjects[f"{command.tenant}/{alert_id}"]
        incident = self._book.incident_of(subject)
        if incident is None:
            return
        kind: EntryKind = "acknowledged" if isinstance(command.body, AcknowledgeAlert) else "unacknowledged"
        entry = TimelineEntry(
            id=event_id("command", command.tenant, command.id),
            tenant=command.tenant,
            incident_id=incident.id,
            at_ms=command.at_ms,
            kind=kind,
            text=f"Alert {subject.labels['alertname']} was {kind}",
            by=command.by,
            alert_id=alert_id,
        )
        self._outputs.append(self._noted(entry))

    def _note(self, subject: Subject, move: Move) -> list[Output]:
        """What the timeline of an alert's incident says of a turn that nobody else puts there."""
        incident_id = self._book.incident_id_of(subject)
        if incident_id is None or _QUIET.isdisjoint((move.before, move.after)):
            return []
        entry = TimelineEntry(
            id=event_id("turn", subject.key, *move),
            tenant=subject.alert.tenant,
            incident_id=incident_id,
            at_ms=move.at_ms,
            kind="note",
            text=f"Alert {subject.labels['alertname']} of {subject.alert.entity} is {move.after}: {move.why}",
            alert_id=subject.alert.id,
        )
        return [self._noted(entry)]

    def _fingerprints(self, subject: Subject) -> list[str]:
        """Of the alerts that speak for one."""
        speakers = (self._book.subjects.get(key) for key in subject.inhibited_by)
        return [one.alert.fingerprint for one in speakers if one is not None]

    def _output(self, topic: Topic, key: str, event: Event, event_ms: int, record_id: str = "") -> Output:
        value = event.to_bytes()
        known = record_id or event_id(topic.name, key, value.hex())
        return Output(topic, self._partition, key, value, event_ms, known)
