"""Whose turn it is: who is on call for what a receiver is told, and who is told instead while it is nobody's turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.holding import Hold
from incidents.dispatch.subjects import Subject
from incidents.dispatch.threads import Thread
from incidents.oncall.book import OnCallBook, uncovered
from incidents.oncall.schedule import Gap
from incidents.routing.receivers import Receiver
from schemas.command_events import Command, PostAlerts
from schemas.ids import event_id

_BY: Final = "metrics-ai route"


@dataclass(frozen=True, slots=True)
class Turn:
    """Who is on call now.

    Parameters
    ----------
    people
        Nobody where no schedule says.
    hold, fallback
        Why the receiver is not told, and who is instead; only in a gap that has a fallback.
    """

    people: tuple[str, ...] = ()
    hold: Hold | None = None
    fallback: str = ""


class Covering:
    """Looks schedules up.

    Parameters
    ----------
    book
        What is known.
    schedules
        Of all teams and regions.
    """

    def __init__(self, book: DispatchBook, schedules: OnCallBook) -> None:
        self._book = book
        self._schedules = schedules

    def turn(self, receiver: Receiver, lead: Subject, at_ms: int) -> Turn:
        """Who is on call for an alert; a gap without a fallback changes nothing but that nobody is named."""
        if not self._schedules.schedules:
            return Turn()
        schedule = self._schedules.schedule_for(lead.labels, receiver.oncall)
        if schedule is None:
            return Turn()
        found = schedule.at(at_ms)
        if found.people or not schedule.fallback or schedule.fallback == receiver.name:
            return Turn(found.people)
        text = f"nobody is on call in {schedule.name}: {schedule.fallback} is told instead"
        return Turn((), Hold("interval", schedule.name, text, found.until_ms), schedule.fallback)

    def instead(self, thread: Thread, fallback: str) -> Thread:
        """The thread of who is told instead, with the alerts of the one that waits."""
        return self._book.beside(thread, fallback, thread.escalation, thread.created_ms)

    def gaps(self, tenant: str, at_ms: int) -> list[Command]:
        """What tells of the gaps that begin or go on at a time, each once."""
        found = []
        for schedule in self._schedules.schedules.values():
            turn = schedule.at(at_ms)
            if turn.people:
                continue
            name = f"uncovered/{schedule.name}/{turn.until_ms}"
            if name in self._book.commands:
                continue
            self._book.set("command", name, turn.until_ms)
            gap = Gap(schedule.name, at_ms, turn.until_ms)
            body = PostAlerts(alerts=[uncovered(gap, schedule.fallback)])
            found.append(Command(id=event_id(name), tenant=tenant, at_ms=at_ms, by=_BY, body=body))
        return found
