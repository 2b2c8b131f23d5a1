"""What a thread has to tell at a time: that it is new, that more joined, that it lasts, that all is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from incidents.dispatch.book import DispatchBook
from incidents.dispatch.context import context_of
from incidents.dispatch.covering import Covering
from incidents.dispatch.escalating import Escalating
from incidents.dispatch.grouping import incident_group
from incidents.dispatch.holding import Hold, hold_of, quiet_key, suppression_of, throttle
from incidents.dispatch.memory import overdue
from incidents.dispatch.settings import DispatchSettings
from incidents.dispatch.subjects import Subject
from incidents.dispatch.telling import Telling, notifications
from incidents.dispatch.threads import Thread, thread_key
from incidents.finding import PRIORITY_RANK
from incidents.routing.config import RoutingConfig
from incidents.routing.receivers import Receiver
from incidents.routing.tree import Route, Timing
from models.explain import duration
from schemas.incident_events import Incident, IncidentMember
from schemas.notification_events import Notification

# By then the news of the incident that came with an alert has come.
_SURELY_OVER_MS: Final = 5_000
_OVER: Final = frozenset({"resolved", "reviewed"})
_LOOKED_AFTER: Final = frozenset({"acknowledged", "mitigated"})


class Teller:
    """Looks at threads, one at a time, and says what their receivers are told.

    Parameters
    ----------
    book
        What is known.
    config
        Routes and receivers.
    covering
        Knows whose turn it is.
    settings
        Addresses that help, and how long alerts are known.
    """

    def __init__(
        self,
        book: DispatchBook,
        config: RoutingConfig,
        covering: Covering,
        settings: DispatchSettings,
    ) -> None:
        self._book = book
        self._config = config
        self._covering = covering
        self._links = settings.links
        self._retention_ms = round(settings.retention_s * 1000)
        self._routes: dict[str, Route] = {route.id: route for route in config.root.walk()}
        self._told: list[Notification] = []
        self._touched: set[str] = set()
        self._steps: list[Thread] = []
        self._escalating = Escalating(book, config)

    def take_told(self) -> list[Notification]:
        """What was told since the last call, in order."""
        told, self._told = self._told, []
        return told

    def tell_all(self, told: Sequence[Notification]) -> None:
        """Tell what is of no thread."""
        self._told += told

    def take_touched(self) -> set[str]:
        """Keys of the alerts about which something was decided since the last call."""
        touched, self._touched = self._touched, set()
        return touched

    def take_steps(self) -> list[Thread]:
        """Threads of steps of a chain that are due, to be flushed."""
        steps, self._steps = self._steps, []
        return steps

    def flush(self, thread: Thread, now_ms: int) -> int | None:
        """Tell what there is to tell; gives the time at which to look again, None until something changes."""
        self._told += overdue(thread)
        members = self._book.members(thread)
        receiver = self._config.receivers.get(thread.receiver) or thread.last_receiver()
        if receiver is None or not members:
            return None
        incident = self._incident(thread)
        over = self.is_over(members, incident, now_ms)
        if not thread.is_open:
            return self._open(thread, receiver, self._owed(thread, members) if over else members, now_ms, over)
        if over and now_ms < thread.ends_ms:
            return thread.ends_ms
        if over:
            self._close(thread, receiver, members, now_ms)
            return None
        return self._go_on(thread, receiver, members, now_ms)

    @staticmethod
    def _owed(thread: Thread, members: Sequence[Subject]) -> list[Subject]:
        """What pages although all seems over: a P0 that fires, and that nobody was told of.

        It and its incident come on topics of their own: news of an incident may be older than it, or, after this stage
        was away, of a later time.
        """
        return [one for one in members if one.alert.priority == "P0" and one.fires and one.key not in thread.spent]

    def may_end(self, thread: Thread) -> bool:
        """Whether its incident is over, and only waits for news of its alerts."""
        incident = self._incident(thread)
        return incident is not None and incident.state in _OVER

    def change_due_ms(self, thread: Thread, subject: Subject) -> int:
        """When a thread may be told of a change of one of its alerts that is not urgent."""
        timing = self._timing(thread, subject)
        if thread.is_open:
            return (thread.told_ms or 0) + timing.group_interval_ms
        return max(thread.created_ms + timing.group_wait_ms, thread.held_until_ms)

    def is_over(self, members: Sequence[Subject], incident: Incident | None, now_ms: int) -> bool:
        """Whether nothing is left to tell of: its incident has resolved, or, of other groups, no alert fires.

        One that flaps holds it open. Alerts and incidents come on topics of their own, and after this stage was away
        the one is read far ahead of the other: that an incident is over counts once every alert that it lists was read.
        Else one that is read later would open a second page.
        """
        if any(one.standing == "flapping" for one in members):
            return False
        if incident is not None and incident.state != "merged":
            return incident.state in _OVER and all(
                f"{incident.tenant}/{one.alert_id}" in self._book.subjects or self._is_forgotten(one, now_ms)
                for one in incident.members
            )
        return not any(one.fires for one in members)

    def _is_forgotten(self, member: IncidentMember, now_ms: int) -> bool:
        """Whether an alert may be known no longer, since it ended so long ago."""
        return member.ended_ms is not None and now_ms - member.ended_ms > self._retention_ms

    # Opening

    def _open(
        self, thread: Thread, receiver: Receiver, members: Sequence[Subject], now_ms: int, over: bool
    ) -> int | None:
        ready, holds = self._sorted_out(thread, members, now_ms)
        if not ready:
            return _soonest(hold.until_ms for hold in holds)
        lead = ready[0]
        due_ms = thread.created_ms + (0 if lead.priority == "P0" else self._timing(thread, lead).group_wait_ms)
        if now_ms < due_ms:
            return due_ms
        if self._gathers(receiver, lead):
            return self._gather(thread, receiver, ready)
        if self._takes_over(thread, lead):
            return self._go_on(thread, receiver, members, now_ms)
        hold = self._turn_or_token(thread, receiver, ready, now_ms)
        if hold is not None:
            return hold.until_ms
        key = lead.alert.page_key or thread.incident_id or _label_key(thread)
        if thread.escalation:
            key = f"{key}/escalation-{thread.escalation}"
        thread.opened_ms, thread.ends_ms = now_ms, now_ms + _SURELY_OVER_MS if over else 0
        thread.held_until_ms, thread.in_overflow = 0, False
        self.tell(thread, receiver, Telling("open", "it is new", key, ready, now_ms))
        thread.keys = [key]
        return self._open_safety(thread, receiver, ready[1:], now_ms)

    def _turn_or_token(self, thread: Thread, receiver: Receiver, ready: Sequence[Subject], now_ms: int) -> Hold | None:
        """Why it must wait: nobody is on call, and somebody else is told; or more was told than may be."""
        turn = self._covering.turn(receiver, ready[0], now_ms)
        if turn.hold is not None and turn.fallback in self._config.receivers:
            for one in ready:
                self._hold(one, turn.hold, now_ms)
            self._steps.append(self._covering.instead(thread, turn.fallback))
            return turn.hold
        thread.assignees = list(turn.people)
        hold = throttle(self._book, self._config, ready[0], now_ms)
        if hold is not None:
            thread.held_until_ms = hold.until_ms or 0
            self._book.touch_thread(thread)
            self._hold(ready[0], hold, now_ms)
        return hold

    def _takes_over(self, thread: Thread, lead: Subject) -> bool:
        """Whether another incident's thread has the key open that this one would open: it became part of this one.

        After a kill its page may be known before the merge is.
        """
        if lead.alert.page_key is None or thread.incident_id is None or thread.escalation:
            return False
        _, group_key = incident_group(lead.alert.page_key)
        elder = self._book.threads.get(thread_key(thread.tenant, thread.receiver, group_key))
        if elder is None or elder is thread or not elder.is_open:
            return False
        self._book.drop_thread(elder)
        thread.absorb(elder)
        self._book.put_thread(thread)
        return True

    def _sorted_out(self, thread: Thread, members: Sequence[Subject], now_ms: int) -> tuple[list[Subject], list[Hold]]:
        """Firing alerts that may be told now, and what holds the others back."""
        ready, holds = [], []
        for one in members:
            if not one.fires or (not thread.is_open and self._is_spent(thread, one)):
                continue
            hold = hold_of(self._book, self._config, one, self._route(thread, one), now_ms)
            if hold is None and not thread.is_open and not thread.escalation:
                hold = suppression_of(self._book, self._config, thread.receiver, one, now_ms)
            if hold is None and one.acknowledged is None:
                self._release(one, now_ms)
                ready.append(one)
            elif hold is not None:
                self._hold(one, hold, now_ms)
                holds.append(hold)
        return ready, holds

    def _is_spent(self, thread: Thread, subject: Subject) -> bool:
        """Whether the receiver was told of an alert, and that it was over, and nothing newer is known since."""
        if subject.key not in thread.spent:
            return False
        incident = self._incident(thread)
        if thread.incident_id is not None:
            return incident is None or incident.revision <= thread.spent_revision
        return subject.alert.updated_ms <= (thread.closed_ms or 0)

    def _hold(self, subject: Subject, hold: Hold, now_ms: int) -> None:
        name = f"{hold.step} {hold.name}"
        if hold.step not in ("silence", "inhibition") and name not in subject.held_by:
            subject.held_by = [name]
        if hold.step != "silence":  # which is said when it begins to mute
            subject.decide(now_ms, hold.step, "held", hold.text, hold.name)
        self._touch(subject)

    def _release(self, subject: Subject, now_ms: int) -> None:
        if subject.held_by:
            for name in subject.held_by:
                step, _, what = name.partition(" ")
                subject.decide(now_ms, step, "passed", "it holds it back no longer", what)  # type: ignore[arg-type]
            subject.held_by = []
            self._touch(subject)

    # While it is open

    def _go_on(self, thread: Thread, receiver: Receiver, members: Sequence[Subject], now_ms: int) -> int | None:
        ready, holds = self._sorted_out(thread, members, now_ms)
        self._open_safety(thread, receiver, ready, now_ms)
        timing = self._timing(thread, (ready or members)[0])
        due = [hold.until_ms for hold in holds]
        reason, due_ms = self._reason(thread, receiver, members, ready, timing)
        if reason and due_ms <= now_ms:
            told = [*ready, *self._ended(thread, members)] or list(members)
            self.tell(thread, receiver, Telling("update", reason, thread.keys[0], told, now_ms))
            self._note_over(thread, members)
            reason, due_ms = self._reason(thread, receiver, members, ready, timing)
        if reason:
            due.append(due_ms)
        if not self._is_looked_after(thread, ready):
            due.append(self._escalating.due_ms(thread, ready, now_ms))
            for step in self._escalating.take_steps():
                for one in self._book.members(step):
                    self._touch(one)
                self._steps.append(step)
        return _soonest(due)

    def _reason(
        self, thread: Thread, receiver: Receiver, members: Sequence[Subject], ready: Sequence[Subject], timing: Timing
    ) -> tuple[str, int]:
        """Why to tell more, and when; an empty reason where there is none."""
        told_ms = thread.told_ms or 0
        if ready and PRIORITY_RANK[ready[0].priority] < thread.told_rank:
            return f"it is {ready[0].priority} now", 0
        new = [one for one in ready if one.key not in thread.told and one.standing != "flapping"]
        if not thread.told_p0 and any(one.alert.priority == "P0" for one in new):
            return "what makes it P0", 0
        if new:
            return f"{len(new)} more", told_ms + timing.group_interval_ms
        ended = self._ended(thread, members)
        if ended and thread.incident_id is None and any(one.send_resolved for one in receiver.integrations):
            return f"{len(ended)} ended", told_ms + timing.group_interval_ms
        if ready and not self._is_looked_after(thread, ready):
            due_ms = told_ms + timing.repeat_interval_ms
            return f"it still fires after {duration((due_ms - (thread.opened_ms or 0)) / 1000)}", due_ms
        return "", 0

    def _ended(self, thread: Thread, members: Sequence[Subject]) -> list[Subject]:
        return [one for one in members if not one.fires and one.key in thread.told - thread.told_over]

    def _note_over(self, thread: Thread, members: Sequence[Subject]) -> None:
        thread.told_over |= {one.key for one in self._ended(thread, members)}

    def _open_safety(self, thread: Thread, receiver: Receiver, ready: Sequence[Subject], now_ms: int) -> int | None:
        """Open a key of its own for each alert of the safety list that the receiver was not told of."""
        for one in ready:
            if one.alert.safety and one.key not in thread.told and one.alert.id not in thread.keys:
                key = one.alert.id
                self.tell(thread, receiver, Telling("open", "it is on the safety list", key, [one], now_ms))
                thread.keys.append(key)
        return now_ms

    # The end

    def _close(self, thread: Thread, receiver: Receiver, members: Sequence[Subject], now_ms: int) -> None:
        told = [one for one in members if one.key not in thread.spent] or list(members)
        for key in thread.keys:
            self.tell(thread, receiver, Telling("resolve", "all is over", key, told, now_ms, over=True))
        incident = self._incident(thread)
        thread.close(now_ms, 0 if incident is None else incident.revision)
        self._book.touch_thread(thread)

    def _is_looked_after(self, thread: Thread, ready: Sequence[Subject]) -> bool:
        incident = self._incident(thread)
        if incident is not None and (incident.acknowledged is not None or incident.state in _LOOKED_AFTER):
            return True
        return all(one.acknowledged is not None for one in ready)

    # Digests

    def _gathers(self, receiver: Receiver, lead: Subject) -> bool:
        return receiver.digest_ms > 0 and lead.priority in self._config.fatigue.digest_priorities

    def _gather(self, thread: Thread, receiver: Receiver, ready: Sequence[Subject]) -> int | None:
        """Keep what is new for the receiver's next digest."""
        name = f"{thread.tenant}/{receiver.name}"
        waiting = self._book.digests.get(name, [])
        if thread.key not in waiting:
            self._book.set("digest", name, [*waiting, thread.key])
        for one in ready:
            if one.key not in thread.told:
                one.decide(self._book.now_ms, "digest", "held", "it comes with the next digest", receiver.name)
                self._touch(one)
        return None

    # Odds and ends

    def tell(self, thread: Thread, receiver: Receiver, telling: Telling) -> None:
        """Tell a receiver something of a thread, and know that it was told."""
        now_ms = telling.at_ms
        incident = self._incident(thread)
        subjects = [*telling.subjects, *self._spoken_for(thread, telling.subjects)]
        evidence = [] if incident is None else self._book.members_of(incident)
        context = context_of(subjects, evidence, self._links, now_ms)
        thread.integrations = [(one.kind, one.index, one.send_resolved) for one in receiver.integrations]
        self._told += notifications(thread, receiver, replace(telling, subjects=subjects, context=context), incident)
        for one in telling.subjects:
            text = f"{receiver.name} is told: {telling.reason}"
            one.decide(now_ms, "notification", telling.action, text, f"{receiver.name} {telling.dedup_key}")
            if not telling.over:
                thread.told.add(one.key)
                if telling.action == "open":
                    self._book.set("quiet", quiet_key(thread.receiver, one), (now_ms, PRIORITY_RANK[one.priority]))
            self._touch(one)
        if not telling.over:
            thread.told_ms = now_ms
            thread.told_p0 = thread.told_p0 or any(one.alert.priority == "P0" for one in telling.subjects)
            thread.told_rank = min(thread.told_rank, PRIORITY_RANK[telling.subjects[0].priority])
        self._book.touch_thread(thread)

    def _spoken_for(self, thread: Thread, subjects: Sequence[Subject]) -> list[Subject]:
        """Alerts of the thread that others of it speak for: evidence, which nobody is told of by itself."""
        told = {one.key for one in subjects}
        return [
            one
            for one in self._book.members(thread)
            if one.key not in told and one.fires and not one.silenced_by and told.intersection(one.inhibited_by)
        ]

    def _incident(self, thread: Thread) -> Incident | None:
        if thread.incident_id is None:
            return None
        return self._book.incidents.get(self._book.current(f"{thread.tenant}/{thread.incident_id}"))

    def _route(self, thread: Thread, subject: Subject) -> Route | None:
        """The route that led an alert here; of a step of a chain none, which no interval mutes."""
        return None if thread.escalation else self._routes.get(thread.members[subject.key])

    def _timing(self, thread: Thread, lead: Subject) -> Timing:
        route = self._routes.get(thread.members.get(lead.key, ""))
        return Timing() if route is None else route.timing

    def _touch(self, subject: Subject) -> None:
        self._book.touch_subject(subject)
        self._touched.add(subject.key)


def _label_key(thread: Thread) -> str:
    """The dedup key of a group that is no incident: Alertmanager's group key."""
    return thread.group_key


def _soonest(times: object) -> int | None:
    found = [one for one in times if one is not None]  # type: ignore[attr-defined]
    return min(found, default=None)
