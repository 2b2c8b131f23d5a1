"""What speaks against telling alerts: silences, and other alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.inhibition import Inhibitions
from incidents.dispatch.standing import Turn
from incidents.dispatch.subjects import Subject
from incidents.dispatch.threads import Thread
from schemas.command_events import Silence


class Muting:
    """Looks what mutes alerts.

    Parameters
    ----------
    book
        What is known.
    inhibitions
        Who speaks for whom.
    touch
        Is told of alerts that may stand otherwise.
    """

    def __init__(self, book: DispatchBook, inhibitions: Inhibitions, touch: Callable[[Subject], None]) -> None:
        self._book = book
        self._inhibitions = inhibitions
        self._touch = touch

    def learn(self, subject: Subject) -> set[str]:
        """Know whom an alert may speak for; gives the keys of those to be looked at again."""
        if subject.fires:
            return self._inhibitions.put(subject.key, subject.alert.tenant, subject.labels)
        return self._inhibitions.drop(subject.key)

    def restore(self, subject: Subject, now_ms: int) -> None:
        """Work out what muted an alert before a restart, of which nothing is to be said."""
        self._find(subject, now_ms)

    def spoken_anew(self, keys: set[str], now_ms: int) -> list[Thread]:
        """Look at alerts again that gain who speaks for them, or lose them; gives the threads to flush."""
        changed = []
        for key in sorted(keys):
            other = self._book.subjects.get(key)
            if other is None:
                continue
            speaker = other.inhibited_by[0] if other.inhibited_by else None
            if speaker is None or not self._inhibitions.holds(speaker, key):
                changed.append(other)
        return self.anew(changed, now_ms)

    def anew(self, subjects: Iterable[Subject], now_ms: int) -> list[Thread]:
        """Look what speaks against telling alerts; gives the threads of those for which that is something else now."""
        threads: dict[str, Thread] = {}
        for subject in subjects:
            before = subject.silenced_by, subject.inhibited_by
            self.look(subject, now_ms)
            if (subject.silenced_by, subject.inhibited_by) != before:
                self._book.touch_subject(subject)
                self._touch(subject)
                threads |= {thread.key: thread for thread in self._book.threads_of(subject.key)}
        return list(threads.values())

    def look(self, subject: Subject, now_ms: int) -> None:
        """Look what speaks against telling an alert."""
        was_muted = subject.is_muted
        silences = self._find(subject, now_ms)
        for one in silences:
            who = f" of {one.created_by}" if one.created_by else ""
            why = f": {one.comment}" if one.comment else ""
            matched = {given.name: subject.labels.get(given.name, "") for given in one.matchers}
            subject.decide(now_ms, "silence", "muted", f"silence {one.id}{who} mutes it{why}", one.id, matched)
        if subject.is_muted and subject.fires:
            subject.turn(now_ms, Turn.MUTED, why=subject.muted_by)
        elif was_muted or subject.standing == "suppressed":
            back = (Turn.UNMUTED, Turn.ACKNOWLEDGED) if subject.acknowledged else (Turn.UNMUTED,)
            if subject.turn(now_ms, *back):
                subject.decide(now_ms, "silence", "passed", "nothing mutes it any more")

    def _find(self, subject: Subject, now_ms: int) -> list[Silence]:
        """Note who mutes an alert; gives the silences that do."""
        silences = self._book.silences.muting(subject.alert.tenant, subject.labels, now_ms)
        subject.silenced_by = [one.id for one in silences]
        speaker = self._inhibitions.by(subject.key)
        subject.inhibited_by = [] if speaker is None else [speaker]
        return silences
