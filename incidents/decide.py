"""The decide stage of one partition: anomalies and changes in, alerts and incidents out.

Its state is a function of the set of anomaly states, changes and settings that arrived and of the newest tick: repeats
and any order end alike. Anomalies advance no time; only ticks let an incident resolve, a silent alert be given up and
old state be forgotten. A tick forgets nothing before the anomalies themselves have come so far, and gives up nothing
before so much time has passed since the newest of them came (a stage that catches up does neither too early).
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from incidents import blocks, wording
from incidents.alerts import AlertRecord
from incidents.board import Attachment, Board
from incidents.changes import ChangeBook, block_of
from incidents.incident import IncidentRecord
from incidents.lifecycle import TRANSITIONS, seen_at
from incidents.publish import EntryKind, Publisher, rerouted
from incidents.roster import Urgency, urgency_of
from incidents.settings import SUBJECT, CorrelationHistory, DecideSettings
from schemas.change_events import Change
from schemas.errors import CheckpointError
from schemas.events import Anomaly, Priority, Setting, Tick
from schemas.ids import decide_partition
from schemas.incident_events import Alert, Incident
from schemas.topics import ANOMALIES, CHANGES, DECIDE_TICKS, SETTINGS, Topic
from streams.operator import Output

__all__ = ["DecideOperator", "DecideSettings"]


class _Was(NamedTuple):
    """What an alert was before it changed."""

    ended: bool
    urgency: Urgency


class DecideOperator:
    """Alerts and incidents of the tenants of one partition.

    Parameters
    ----------
    settings
        Windows, hysteresis, bounds.
    partition, partitions
        Which one this is, of how many; a tenant that belongs elsewhere is sent there.

    Examples
    --------
    >>> operator = DecideOperator(DecideSettings(), partition=0, partitions=1)
    >>> operator.on_tick(1_000), operator.incidents()
    ([], [])
    """

    inputs: tuple[Topic, ...] = (ANOMALIES, CHANGES, SETTINGS, DECIDE_TICKS)

    def __init__(self, settings: DecideSettings, partition: int, partitions: int) -> None:
        self._settings = settings
        self._partition = partition
        self._partitions = partitions
        self._history = CorrelationHistory(settings)
        self._changes = ChangeBook(round(settings.change_window_s * 1000))
        self._board = Board(self._history, settings.members_listed)
        self._publisher = Publisher(partition, settings.members_listed)
        self._now_ms = 0
        self._newest_ms = 0
        self._newest_came_ms = 0
        self._resolves: list[tuple[int, str]] = []
        self._silences: list[tuple[int, str]] = []
        self._expiries: list[tuple[int, str]] = []
        self._waiting: set[str] = set()
        self._dirty: set[str] = set()
        self.counts: Counter[str] = Counter()
        self._steps: dict[str, Callable[[bytes | None], list[Output]]] = {
            ANOMALIES.name: lambda value: self._step_of_tenant(ANOMALIES, Anomaly.from_bytes(value), value),
            CHANGES.name: lambda value: self._step_of_tenant(CHANGES, Change.from_bytes(value), value),
            SETTINGS.name: lambda value: self.on_setting(Setting.from_bytes(value)),
            DECIDE_TICKS.name: lambda value: self.on_tick(Tick.from_bytes(value).at_ms),
        }

    def step(self, topic: str, value: bytes | None) -> list[Output]:
        """Apply one record.

        Raises
        ------
        SchemaError
            If the record cannot be read; the state is then unchanged.
        """
        return self._steps[topic](value)

    def on_anomaly(self, anomaly: Anomaly) -> list[Output]:
        """Apply one state of an episode; nothing comes of one that is known."""
        record = self._board.alert_of(anomaly)
        was = None if record is None else _Was(record.ended_ms is not None, urgency_of(record))
        if record is None:
            record = AlertRecord.of(anomaly)
            self._board.put(record)
        elif not record.absorb(anomaly):
            self.counts["repeated"] += 1
            return []
        self.counts["anomalies"] += 1
        if anomaly.at_ms > self._newest_ms:
            self._newest_ms, self._newest_came_ms = anomaly.at_ms, self._now_ms
            self._dirty.add(blocks.CLOCK)
        if was is None or was.ended != (record.ended_ms is not None):
            self._watch(record)
        self._name_change(record)
        self._place(record, anomaly.at_ms, was)
        return self._publisher.take()

    def on_change(self, change: Change) -> list[Output]:
        """Know of a change, and name it with the alerts that began after it, those that came before it, too."""
        if not self._changes.put(change):
            return []
        self._dirty.add(blocks.CHANGE + block_of(change))
        for _, record in sorted(self._board.alerts.items()):
            if record.tenant == change.tenant and self._name_change(record, told_anew=change.id):
                self._dirty.add(blocks.ALERT + record.key)
                incident = self._board.incident_of(record)
                self._publisher.alert(record, incident.id if incident else None)
                if incident is not None:
                    self._publish(incident, at_once=False)
        return self._publisher.take()

    def on_setting(self, setting: Setting) -> list[Output]:
        """Apply a setting; of ``correlation``, what it governs is looked at again.

        A setting comes before the event time from which it holds. One that comes later may link alerts that it
        brings into reach; it never takes linked ones apart.

        Raises
        ------
        SchemaError
            If its body is not what its subject says; the state is then unchanged.
        """
        if setting.subject != SUBJECT or not self._history.put(setting.valid_from_ms, setting.body):
            return []
        self._dirty.add(blocks.CORRELATION)
        governed = [
            record
            for record in self._board.alerts.values()
            if record.home is not None and record.started_ms >= setting.valid_from_ms
        ]
        for record in sorted(governed, key=lambda one: (one.started_ms, one.key)):
            attachment = self._board.relink(record)
            if attachment is not None:
                self._tell_merges(attachment, setting.valid_from_ms, "the correlation windows changed")
                self._publish(attachment.incident, at_once=True)
        for _, incident in sorted(self._board.incidents.items()):
            self._publish(incident, at_once=self._settle(incident, setting.valid_from_ms))
        return self._publisher.take()

    def on_tick(self, at_ms: int) -> list[Output]:
        """Let time pass: what was quiet for long enough resolves, what waits is published, what is old goes."""
        if at_ms <= self._now_ms:
            return []
        self._now_ms = at_ms
        self._dirty.add(blocks.CLOCK)
        while self._resolves and self._resolves[0][0] <= at_ms:
            incident = self._board.incidents.get(heapq.heappop(self._resolves)[1])
            if incident is not None and self._settle(incident, at_ms):
                self._publish(incident, at_once=True)
        for incident_id in sorted(self._waiting):
            self._publish(self._board.incidents[incident_id], at_once=True)
        self._give_up(min(at_ms, self._newest_ms + at_ms - self._newest_came_ms))
        self._expire(min(at_ms, self._newest_ms))
        return self._publisher.take()

    @property
    def next_due_ms(self) -> int | None:
        """When a tick may next let an incident resolve; None while none waits for it."""
        return self._resolves[0][0] if self._resolves else None

    def alerts(self) -> list[Alert]:
        """The alerts as they are, by start and id."""
        records = sorted(self._board.alerts.values(), key=lambda one: (one.started_ms, one.key))
        homes = [self._board.incident_of(record) for record in records]
        return [record.event(home.id if home else None) for record, home in zip(records, homes, strict=True)]

    def incidents(self) -> list[Incident]:
        """The incidents as they are, aliases aside, by start and id."""
        records = sorted(self._board.incidents.values(), key=lambda one: (one.started_ms, one.id))
        return [record.event(self._settings.members_listed) for record in records]

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call; None says that what had the key is gone."""
        dirty, self._dirty = self._dirty, set()
        return [(key, self._block(key)) for key in sorted(dirty)]

    def load_block(self, key: str, value: bytes) -> None:
        """Put one block back.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        if key.startswith(blocks.ALERT):
            self._board.put(blocks.unpack_alert(value))
        elif key.startswith(blocks.INCIDENT):
            incident = blocks.unpack_incident(value)
            self._board.incidents[incident.id] = incident
        elif key.startswith(blocks.CHANGE):
            self._changes.put(Change.from_bytes(value))
        elif key == blocks.CLOCK:
            clock = blocks.unpack(value)
            self._now_ms, self._newest_ms = clock["now_ms"], clock["newest_ms"]
            self._newest_came_ms = clock.get("newest_came_ms", self._now_ms)
        elif key == blocks.CORRELATION:
            for valid_from_ms, body in blocks.unpack(value)["versions"]:
                self._history.put(valid_from_ms, body)
        else:
            raise CheckpointError(f"a block named {key!r}", "Run the release that wrote it, or a newer one")

    def finish_load(self) -> None:
        """Make members, relations and deadlines from what was loaded."""
        self._board.restore()
        self._waiting = {incident.id for incident in self._board.incidents.values() if incident.pending}
        for record in self._board.alerts.values():
            self._watch(record)
        for incident in self._board.incidents.values():
            self._await_quiet(incident)

    def _step_of_tenant(self, topic: Topic, event: Anomaly | Change, value: bytes | None) -> list[Output]:
        right = decide_partition(event.tenant, self._partitions)
        if right == self._partition or value is None:
            return self.on_anomaly(event) if isinstance(event, Anomaly) else self.on_change(event)
        self.counts["rerouted"] += 1
        return [rerouted(topic, right, event, value)]

    def _name_change(self, record: AlertRecord, told_anew: str | None = None) -> bool:
        """Name the change before an alert; one that is forgotten stays named, unless it is told anew and fits no more.

        Whether that is news.
        """
        found = self._changes.nearest(record.tenant, record.labels, record.began_ms)
        if found is None and record.change is not None and record.change.id != told_anew:
            return False
        return record.link(found)

    def _place(self, record: AlertRecord, at_ms: int, was: _Was | None) -> None:
        """Bring an alert that is new or changed to its incident, and publish what that changes."""
        self._dirty.add(blocks.ALERT + record.key)
        incident = self._board.incident_of(record)
        if incident is not None and was is not None:
            urgent = self._update(incident, record, at_ms, was)
        elif record.correlates:
            incident, urgent = self._join(record, at_ms)
        else:
            urgent = False
        self._publisher.alert(record, incident.id if incident else None)
        if incident is not None:
            urgent = incident.page(record) or urgent
            urgent = self._settle(incident, at_ms) or urgent
            self._publish(incident, at_once=urgent)

    def _join(self, record: AlertRecord, at_ms: int) -> tuple[IncidentRecord, bool]:
        attachment = self._board.attach(record)
        incident = attachment.incident
        kind: EntryKind = "opened" if attachment.opened else "alert_joined"
        self._publisher.entry(incident, kind, record.started_ms, record.summary, record.id)
        self._tell_merges(attachment, at_ms, f"{record.summary} belongs to both")
        raised = self._tell_raise(incident, attachment.was, record, at_ms)
        if record.ended_ms is not None:
            self._tell_end(incident, record)
        return incident, raised or attachment.opened or bool(attachment.absorbed) or self._is_small(incident)

    def _update(self, incident: IncidentRecord, record: AlertRecord, at_ms: int, was: _Was) -> bool:
        priority, urgent = incident.priority, False
        if was.urgency != urgency_of(record):
            incident.members.raise_priority(record, was.urgency)
        if was.ended and record.ended_ms is None:
            incident.measure_end()
        elif record.ended_ms is not None and not was.ended:
            incident.members.firing -= 1
            self._tell_end(incident, record)
            urgent = self._is_small(incident)
        incident.learn(record)
        return self._tell_raise(incident, priority, record, at_ms) or urgent

    def _settle(self, incident: IncidentRecord, at_ms: int) -> bool:
        """Let the incident's state follow what is seen of it; whether it changed."""
        before, last_end_ms = incident.state, incident.last_end_ms
        after_ms = self._resolve_after_ms(incident)
        incident.state = TRANSITIONS[before, seen_at(self._now_ms, incident.members.firing, last_end_ms, after_ms)]
        resolved = incident.state == "resolved" and last_end_ms is not None
        incident.resolved_ms = last_end_ms + after_ms if resolved and last_end_ms is not None else None
        self._await_quiet(incident)
        if incident.state == before:
            return False
        if incident.resolved_ms is not None:
            text = f"All alerts ended, and for {after_ms / 1000:g} s none came"
            self._publisher.entry(incident, "resolved", incident.resolved_ms, text)
        else:
            self._publisher.entry(incident, "reopened", at_ms, "An alert fires again")
        return True

    def _publish(self, incident: IncidentRecord, *, at_once: bool) -> None:
        """Publish an incident now, or with the next tick."""
        self._dirty.add(blocks.INCIDENT + incident.id)
        if at_once:
            self._waiting.discard(incident.id)
            self._publisher.incident(incident)
        else:
            self._waiting.add(incident.id)
            incident.pending = True

    def _tell_merges(self, attachment: Attachment, at_ms: int, why: str) -> None:
        for other in attachment.absorbed:
            self._dirty.add(blocks.INCIDENT + other.id)
            self._waiting.discard(other.id)
        self._publisher.absorbed(attachment.incident, attachment.absorbed, at_ms, why)

    def _tell_raise(self, incident: IncidentRecord, was: Priority, record: AlertRecord, at_ms: int) -> bool:
        if incident.priority == was:
            return False
        text = f"Priority raised from {was} to {incident.priority}: {record.summary}"
        self._publisher.entry(incident, "priority_raised", at_ms, text, record.id)
        return True

    def _tell_end(self, incident: IncidentRecord, record: AlertRecord) -> None:
        assert record.ended_ms is not None
        verb = wording.ended(record.latest.end_reason) if record.end_ms is not None else wording.EXPIRED
        name = f"{record.latest.metric} of {wording.entity_name(record.latest.entity)}"
        self._publisher.entry(incident, "alert_resolved", record.ended_ms, f"{name} {verb}", record.id)

    def _is_small(self, incident: IncidentRecord) -> bool:
        return len(incident.members) <= self._settings.publish_at_once_members

    def _resolve_after_ms(self, incident: IncidentRecord) -> int:
        return self._history.at(incident.last_end_ms or 0).resolve_after_ms

    def _await_quiet(self, incident: IncidentRecord) -> None:
        if incident.state == "open" and not incident.members.firing and incident.last_end_ms is not None:
            due_ms = incident.last_end_ms + self._resolve_after_ms(incident)
            heapq.heappush(self._resolves, (due_ms, incident.id))

    def _watch(self, record: AlertRecord) -> None:
        due = self._silences if record.ended_ms is None else self._expiries
        heapq.heappush(due, (self._due_ms(record), record.key))

    def _due_ms(self, record: AlertRecord) -> int:
        """When an alert is given up, or forgotten."""
        if record.ended_ms is not None:
            return record.ended_ms + round(self._settings.retention_s * 1000)
        return record.latest.at_ms + round(self._settings.abandon_after_s * 1000)

    def _give_up(self, clock_ms: int) -> None:
        """Call firing alerts expired that nobody spoke of for long enough; they come back when heard of."""
        while self._silences and self._silences[0][0] <= clock_ms:
            record = self._board.alerts.get(heapq.heappop(self._silences)[1])
            if record is None or record.ended_ms is not None:
                continue
            due_ms = self._due_ms(record)
            if due_ms <= clock_ms:
                record.expire(due_ms)
                self._place(record, due_ms, _Was(ended=False, urgency=urgency_of(record)))
            self._watch(record)

    def _expire(self, clock_ms: int) -> None:
        """Forget what ended long enough ago."""
        while self._expiries and self._expiries[0][0] <= clock_ms:
            record = self._board.alerts.get(heapq.heappop(self._expiries)[1])
            if record is None or record.ended_ms is None:
                continue
            if self._due_ms(record) > clock_ms:
                self._watch(record)
            else:
                self._forget(record)
        if self._history.forget(clock_ms - round(self._settings.retention_s * 1000)):
            self._dirty.add(blocks.CORRELATION)
        self._dirty.update(blocks.CHANGE + block for block in self._changes.forget(clock_ms))

    def _forget(self, record: AlertRecord) -> None:
        self._dirty.add(blocks.ALERT + record.key)
        incident = self._board.incident_of(record)
        if incident is not None:
            self._dirty.add(blocks.INCIDENT + incident.id)
        gone = self._board.forget_alert(record)
        if gone is not None:
            self._waiting.discard(gone.id)

    def _block(self, key: str) -> bytes | None:
        if key == blocks.CLOCK:
            times = {"now_ms": self._now_ms, "newest_ms": self._newest_ms, "newest_came_ms": self._newest_came_ms}
            return blocks.pack(times)
        if key == blocks.CORRELATION:
            return blocks.pack({"versions": self._history.dump()})
        if key.startswith(blocks.CHANGE):
            change = self._changes.at(key.removeprefix(blocks.CHANGE))
            return change.to_bytes() if change else None
        if key.startswith(blocks.ALERT):
            record = self._board.alerts.get(key.removeprefix(blocks.ALERT))
            return blocks.pack_alert(record) if record else None
        incident = self._board.incidents.get(key.removeprefix(blocks.INCIDENT))
        return blocks.pack_incident(incident) if incident else None
