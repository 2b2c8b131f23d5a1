"""What people and tools ask of this stage: silences, and acknowledgements of alerts."""

from __future__ import annotations

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.standing import TRANSITIONS, Turn
from incidents.dispatch.subjects import Subject
from schemas.command_events import AcknowledgeAlert, Command, ExpireSilence, PutSilence, UnacknowledgeAlert
from schemas.errors import SchemaError
from schemas.incident_events import Acknowledgement


class Wishes:
    """Does what commands ask for.

    Parameters
    ----------
    book
        What is known.
    """

    def __init__(self, book: DispatchBook) -> None:
        self._book = book

    @staticmethod
    def are_ours(command: Command) -> bool:
        """Whether this stage owns what a command is about."""
        return isinstance(command.body, PutSilence | ExpireSilence | AcknowledgeAlert | UnacknowledgeAlert)

    def grant(self, command: Command, now_ms: int) -> tuple[str, list[Subject]]:
        """Do it; gives the id of what it is about, and the alerts to look at anew.

        Raises
        ------
        SchemaError
            If that cannot be; says why.
        """
        match command.body:
            case AcknowledgeAlert() as body:
                return body.alert_id, [self._acknowledge(command, self._subject(command, body.alert_id), now_ms)]
            case UnacknowledgeAlert() as body:
                return body.alert_id, [self._take_back(command, self._subject(command, body.alert_id), now_ms)]
            case _:
                silence = self._book.silences.apply(command, now_ms)
                self._book.touch(f"silence/{silence.key}")
                return silence.id, [one for one in self._book.all_subjects() if one.alert.tenant == command.tenant]

    def _subject(self, command: Command, alert_id: str) -> Subject:
        subject = self._book.subjects.get(f"{command.tenant}/{alert_id}")
        if subject is None:
            raise SchemaError(f"there is no alert {alert_id}: it may have ended long ago")
        return subject

    def _acknowledge(self, command: Command, subject: Subject, now_ms: int) -> Subject:
        self._check(subject, Turn.ACKNOWLEDGED, "acknowledged")
        note = command.body.note if isinstance(command.body, AcknowledgeAlert) else ""
        subject.acknowledged = Acknowledgement(by=command.by, at_ms=command.at_ms, note=note)
        subject.turn(now_ms, Turn.ACKNOWLEDGED, by=command.by, why=note)
        who = command.by or "somebody"
        text = f"{who} looks after this episode" + (f": {note}" if note else "")
        subject.decide(now_ms, "acknowledgement", "acknowledged", text)
        return subject

    def _take_back(self, command: Command, subject: Subject, now_ms: int) -> Subject:
        if subject.acknowledged is None:
            raise SchemaError(f"alert {subject.alert.id} is not acknowledged")
        subject.acknowledged = None
        subject.turn(now_ms, Turn.TAKEN_BACK, by=command.by)
        text = f"{command.by or 'somebody'} took the acknowledgement back"
        subject.decide(now_ms, "acknowledgement", "taken back", text)
        return subject

    @staticmethod
    def _check(subject: Subject, turn: Turn, word: str) -> None:
        """Refuse what the table has not; one that is muted or flaps may be acknowledged for when it is told again."""
        if subject.standing == "acknowledged" and turn == Turn.ACKNOWLEDGED:
            who = subject.acknowledged.by if subject.acknowledged and subject.acknowledged.by else "somebody"
            raise SchemaError(f"alert {subject.alert.id} is acknowledged already, by {who}")
        if subject.standing not in ("suppressed", "flapping") and (subject.standing, turn) not in TRANSITIONS:
            raise SchemaError(f"alert {subject.alert.id} is {subject.standing}: it cannot be {word}")
