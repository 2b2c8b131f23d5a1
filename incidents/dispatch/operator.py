"""The route stage of one partition: alerts, incidents and commands in, notifications and reasons out.

Time passes by ticks alone. What was told is a function of the records in the order of the log; what is on its way
twice (a broker without transactions may repeat) is known by its own times and revisions, and changes nothing.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from incidents.accuracy import PREFIX as ACCURACY
from incidents.accuracy import AccuracyBook
from incidents.dispatch.book import DispatchBook
from incidents.dispatch.changes import ChangeTelling
from incidents.dispatch.covering import Covering
from incidents.dispatch.gathering import Gathering
from incidents.dispatch.grouping import Grouping
from incidents.dispatch.inhibition import Inhibitions
from incidents.dispatch.memory import remembered
from incidents.dispatch.muting import Muting
from incidents.dispatch.publish import StatusPublisher
from incidents.dispatch.settings import DispatchSettings
from incidents.dispatch.subjects import Subject, routing_labels
from incidents.dispatch.teller import Teller
from incidents.dispatch.threads import Thread
from incidents.dispatch.turning import is_older, let_turn, note_change, pass_on_care
from incidents.dispatch.upkeep import forget_old, settle_flaps
from incidents.dispatch.weighing import Weighing
from incidents.dispatch.wishes import Wishes
from incidents.finding import PRIORITY_RANK
from incidents.oncall.book import SUBJECT as ONCALL
from incidents.oncall.book import OnCallBook
from incidents.routing.config import RoutingConfig
from incidents.routing.settings import SUBJECT as ROUTING
from schemas.change_events import Change
from schemas.command_events import Command, ExpireSilence, PutSilence
from schemas.errors import SchemaError
from schemas.events import Setting, Tick
from schemas.ids import decide_partition
from schemas.incident_events import Alert, Incident
from schemas.notification_events import Notification
from schemas.slo_events import Feedback
from schemas.topics import ALERTS, CHANGES, COMMANDS, FEEDBACK, INCIDENTS, NOTIFICATIONS, ROUTE_TICKS, SETTINGS, Topic
from streams.operator import Output

_GAPS_MS: Final = 60_000
_AHEAD_MS: Final = 60_000
_SUBJECTS: Final = frozenset({ROUTING, ONCALL})
_FORGET_EVERY_MS: Final = 60_000


class DispatchOperator:
    """Who is told what of the alerts of one partition.

    Parameters
    ----------
    settings
        What is remembered.
    config
        Routes and receivers until a setting brings newer ones.
    partition, partitions
        Which one this is, of how many; what was written to another one by mistake is left to those it is for.
    """

    inputs: tuple[Topic, ...] = (ALERTS, INCIDENTS, COMMANDS, FEEDBACK, CHANGES, SETTINGS, NOTIFICATIONS, ROUTE_TICKS)

    def __init__(self, settings: DispatchSettings, config: RoutingConfig, partition: int, partitions: int) -> None:
        self._settings = settings
        self._partition = partition
        self._partitions = partitions
        self._book = DispatchBook()
        self._accuracy = AccuracyBook(settings.accuracy)
        self._weighing = Weighing(self._book, self._accuracy)
        self._schedules = OnCallBook()
        self._publisher = StatusPublisher(self._book, partition)
        self._wishes = Wishes(self._book)
        self._due: list[tuple[int, str]] = []
        self._scheduled: dict[str, int] = {}
        self._forgot_ms = 0
        self.counts: Counter[str] = Counter()
        self._take_config(config)
        self._steps: dict[str, Callable[[bytes | None], list[Output]]] = {
            ALERTS.name: lambda value: self.on_alert(Alert.from_bytes(value)),
            INCIDENTS.name: lambda value: self.on_incident(Incident.from_bytes(value)),
            COMMANDS.name: lambda value: self.on_command(Command.from_bytes(value)),
            FEEDBACK.name: lambda value: self.on_feedback(Feedback.from_bytes(value)),
            CHANGES.name: lambda value: self.on_change(Change.from_bytes(value)),
            SETTINGS.name: lambda value: self.on_setting(Setting.from_bytes(value)),
            NOTIFICATIONS.name: lambda value: self.on_told(Notification.from_bytes(value)),
            ROUTE_TICKS.name: lambda value: self.on_tick(Tick.from_bytes(value).at_ms),
        }

    def step(self, topic: str, value: bytes | None) -> list[Output]:
        """Apply one record.

        Raises
        ------
        SchemaError
            If the record cannot be read; the state is then unchanged.
        """
        if value is None and topic in (ALERTS.name, INCIDENTS.name, FEEDBACK.name):
            return []  # a tombstone: what had the key is kept by its own times
        return self._steps[topic](value)

    def on_alert(self, alert: Alert) -> list[Output]:
        """Apply a state of an alert."""
        now_ms = self._now(alert.updated_ms)
        subject = self._book.subjects.get(f"{alert.tenant}/{alert.id}")
        if subject is not None and is_older(alert, subject.alert):
            self.counts["repeated"] += 1
            return []
        if subject is None:
            if alert.state == "resolved" and self._is_forgotten(alert, now_ms):
                return []
            subject = Subject.begun(alert, now_ms)
            self._book.put_subject(subject)
            note_change(self._book, self._config.fatigue, subject, now_ms)
            told = f"{alert.priority}" + (f" by rule {alert.rule}" if alert.rule else "")
            subject.decide(now_ms, "priority", alert.priority, f"it is {told}", alert.rule or "")
        else:
            let_turn(self._book, self._config.fatigue, subject, alert, now_ms)
        self.counts["alerts"] += 1
        subject.alert = alert
        self._book.put_subject(subject)
        self._look_anew(subject, now_ms)
        return self._finish(now_ms)

    def on_incident(self, incident: Incident) -> list[Output]:
        """Apply a state of an incident."""
        key = f"{incident.tenant}/{incident.id}"
        known = self._book.incidents.get(key)
        if known is not None and (incident == known or incident.revision < known.revision):
            return []
        now_ms = self._now(incident.updated_ms)
        self._book.put_incident(incident)
        if incident.state == "merged":
            self._grouping.fold(key)
        current = self._book.current(key)
        if known is None or _weight(known) != _weight(incident):
            for subject in self._book.members_of(incident):
                self._look_anew(subject, now_ms)
        if (known and known.acknowledged) != incident.acknowledged:
            for subject in pass_on_care(self._book, incident, known, now_ms):
                self._publisher.touch(subject)
        self._flush_all(self._book.threads_about(current), now_ms)
        return self._finish(now_ms)

    def on_command(self, command: Command) -> list[Output]:
        """Do what was asked for, if it is this stage's to do."""
        if not self._wishes.are_ours(command) or not self._is_ours(command.tenant):
            return []
        if f"{command.tenant}/{command.id}" in self._book.commands:
            return []
        now_ms = max(self._book.now_ms, command.at_ms)
        self._book.set("command", f"{command.tenant}/{command.id}", now_ms)
        was = self._book.silences.standing(command, now_ms)
        try:
            subject_id, touched = self._wishes.grant(command, now_ms)
        except SchemaError as error:
            self._publisher.refuse(command, now_ms, str(error))
            return self._finish(now_ms)
        self._publisher.grant(command, now_ms, subject_id, was)
        if isinstance(command.body, PutSilence | ExpireSilence):
            self._flush_all(self._muting.anew(touched, now_ms), now_ms)
            return self._finish(now_ms)
        for subject in touched:
            self._look_anew(subject, now_ms)
            self._flush_all(self._book.threads_of(subject.key), now_ms)
        return self._finish(now_ms)

    def on_feedback(self, feedback: Feedback) -> list[Output]:
        """Hear what somebody says of an alert: its rule is believed more, or less, from then on."""
        if not self._is_ours(feedback.tenant):
            return []
        now_ms = max(self._book.now_ms, feedback.at_ms)
        subject = self._weighing.hear(feedback, now_ms)
        if subject is not None:
            self._look_anew(subject, now_ms)
        return self._finish(now_ms)

    def on_change(self, change: Change) -> list[Output]:
        """Know of a change, which is told at the next tick; decide sends on what came to the wrong partition."""
        if self._is_ours(change.tenant):
            self._changes.hear(change)
        return []

    def on_setting(self, setting: Setting) -> list[Output]:
        """Go by other routes, or schedules, from now on.

        Raises
        ------
        SchemaError
            If its body is not what its subject says; that which holds goes on.
        """
        if setting.subject not in _SUBJECTS or setting.body == self._book.settings.get(setting.subject):
            return []
        self._take_setting(setting.subject, setting.body)
        self._book.set("setting", setting.subject, setting.body)
        now_ms = self._book.now_ms or setting.valid_from_ms
        for subject in self._book.all_subjects():
            self._look_anew(subject, now_ms)
        self._flush_all(self._book.threads.values(), now_ms)
        return self._finish(now_ms)

    def on_told(self, notification: Notification) -> list[Output]:
        """Read what this stage told before it was killed; of what it knows nothing comes."""
        thread = remembered(self._book, self._config, notification)
        if thread is not None:
            self._schedule(thread, self._book.now_ms)
        return []

    def on_tick(self, at_ms: int) -> list[Output]:
        """Let time pass: what waits is told, silences begin and end, what is old goes."""
        before_ms = self._book.now_ms
        if at_ms <= before_ms:
            return []
        self._book.pass_time(at_ms)
        if tenants := self._book.silences.changes_within(before_ms, at_ms):
            self._publisher.over(self._book.silences.over_within(before_ms, at_ms), at_ms)
            theirs = [one for one in self._book.all_subjects() if one.alert.tenant in tenants]
            self._flush_all(self._muting.anew(theirs, at_ms), at_ms)
        for subject in settle_flaps(self._book, self._config, at_ms):
            self._look_anew(subject, at_ms)
            self._flush_all(self._book.threads_of(subject.key), at_ms)
        self._flush_due(at_ms)
        self._tell_of_gaps(before_ms, at_ms)
        self._gathering.tell(before_ms, at_ms)
        self._teller.tell_all(self._changes.tell(at_ms))
        if at_ms - self._forgot_ms >= _FORGET_EVERY_MS:
            self._forgot_ms = at_ms
            self._publisher.gone(forget_old(self._book, self._settings, self._config, at_ms))
        return self._finish(at_ms)

    # State

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call; None says that what had the key is gone."""
        return [*self._book.take_blocks(), *self._accuracy.take_blocks()]

    def load_block(self, key: str, value: bytes) -> None:
        """Put one block back.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        if key.startswith(ACCURACY):
            self._accuracy.load_block(key, value)
        else:
            self._book.load_block(key, value)

    def finish_load(self) -> None:
        """Make labels, inhibitions and deadlines from what was loaded."""
        self._weighing.restore()
        for name, body in sorted(self._book.settings.items()):
            self._take_setting(name, body)
        for subject in self._book.all_subjects():
            self._learn(subject, self._book.now_ms)
        for subject in self._book.all_subjects():
            self._muting.restore(subject, self._book.now_ms)
        for thread in self._book.threads.values():
            self._schedule(thread, self._book.now_ms)  # the first tick looks at all
        self._book.finish_load()

    # One alert

    def _now(self, at_ms: int) -> int:
        """The newest tick's time, or an event's own that came since; a clock that is far ahead moves nothing."""
        tick_ms = self._book.now_ms
        return max(tick_ms, min(at_ms, tick_ms + _AHEAD_MS)) if tick_ms else at_ms

    def _is_ours(self, tenant: str) -> bool:
        return decide_partition(tenant, self._partitions) == self._partition

    def _take_setting(self, name: str, body: Mapping[str, Any]) -> None:
        if name == ONCALL:
            self._schedules = OnCallBook.from_public(body)
            self._take_config(self._config)
        else:
            self._take_config(RoutingConfig.from_public(body))

    def _take_config(self, config: RoutingConfig) -> None:
        self._config = config
        self._covering = Covering(self._book, self._schedules)
        self._teller = Teller(self._book, config, self._covering, self._settings)
        self._changes = ChangeTelling(self._book, config, round(self._settings.retention_s * 1000))
        self._gathering = Gathering(self._book, config, self._teller)
        self._grouping = Grouping(self._book, config)
        self._muting = Muting(self._book, Inhibitions(config.inhibit_rules), self._publisher.touch)
        for subject in self._book.all_subjects():
            if subject.fires:
                self._muting.learn(subject)

    def _learn(self, subject: Subject, now_ms: int) -> set[str]:
        """Work out what routes see of an alert; gives the keys of those whom it may speak for, or spoke for."""
        self._weighing.weigh(subject, now_ms)
        subject.labels = routing_labels(subject.alert, self._book.incident_id_of(subject), subject.priority)
        return self._muting.learn(subject)

    def _look_anew(self, subject: Subject, now_ms: int) -> None:
        """Work out whom an alert goes to and what speaks against it, and look at the threads that it is in."""
        others = self._learn(subject, now_ms)
        self._muting.look(subject, now_ms)
        if subject.fires:
            self._grouping.route(subject, now_ms)
        self._book.touch_subject(subject)
        self._publisher.touch(subject)
        for thread in self._book.threads_of(subject.key):
            self._flush_if_needed(thread, subject, now_ms)
        self._flush_all(self._muting.spoken_anew(others, now_ms), now_ms)

    # Threads

    def _flush_if_needed(self, thread: Thread, subject: Subject, now_ms: int) -> None:
        """Look at a thread when it may be told of a change: now only if the alert makes it more urgent."""
        due_ms = self._scheduled.get(thread.key)
        rank = PRIORITY_RANK[subject.priority]
        is_first_p0 = subject.alert.priority == "P0" and not thread.told_p0
        is_urgent = subject.alert.safety or is_first_p0 or (thread.is_open and rank < thread.told_rank)
        change_ms = self._teller.change_due_ms(thread, subject)
        is_news = is_urgent and subject.key not in thread.told
        if subject.is_muted and not thread.is_open and due_ms is None and len(thread.members) > 1:
            return  # it is looked at once nothing mutes it any more
        if change_ms <= now_ms or is_news or self._teller.may_end(thread):
            self._flush(thread, now_ms)
        elif due_ms is None or change_ms < due_ms:
            self._schedule(thread, change_ms)

    def _flush_all(self, threads: Iterable[Thread], now_ms: int) -> None:
        for thread in list(threads):
            self._flush(thread, now_ms)

    def _flush(self, thread: Thread, now_ms: int) -> None:
        self._schedule(thread, self._teller.flush(thread, now_ms))
        for step in self._teller.take_steps():
            self._flush(step, now_ms)

    def _flush_due(self, at_ms: int) -> None:
        while self._due and self._due[0][0] <= at_ms:
            due_ms, key = heapq.heappop(self._due)
            thread = self._book.threads.get(key)
            if self._scheduled.get(key) == due_ms and thread is not None:
                del self._scheduled[key]
                self._flush(thread, at_ms)

    def _schedule(self, thread: Thread, due_ms: int | None) -> None:
        """Know when to look at a thread again."""
        if due_ms is None:
            self._scheduled.pop(thread.key, None)
        elif self._scheduled.get(thread.key) != due_ms:
            self._scheduled[thread.key] = due_ms
            heapq.heappush(self._due, (due_ms, thread.key))

    def _tell_of_gaps(self, before_ms: int, at_ms: int) -> None:
        """Raise an alert where nobody is on call, once a gap, for the tenant whose schedules they are."""
        tenant = self._settings.tenant
        if at_ms // _GAPS_MS != before_ms // _GAPS_MS and self._is_ours(tenant):
            for command in self._covering.gaps(tenant, at_ms):
                self._publisher.ask(command)

    def _finish(self, now_ms: int) -> list[Output]:
        return self._publisher.take(self._teller.take_told(), self._teller.take_touched(), now_ms)

    def _is_forgotten(self, alert: Alert, now_ms: int) -> bool:
        return now_ms - (alert.ended_ms or now_ms) > self._settings.retention_s * 1000


def _weight(incident: Incident) -> tuple[str, bool]:
    """What of an incident changes how its alerts are routed."""
    return incident.priority, incident.state == "merged"
