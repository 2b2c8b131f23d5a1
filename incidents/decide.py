"""The decide stage of one partition: anomalies, alerts of objectives, changes, commands in, alerts and incidents out.

Its state is a function of the set of states, changes and settings that arrived, of the commands in the log's order, and
of the newest tick: repeats, and any order of all but commands, end alike. Only ticks advance time: they let an incident
resolve, a posted alert end that nobody repeats, a silent alert be given up and old state be forgotten. A tick forgets
nothing before those who tell of alerts have come so far, and gives up nothing before so much time has passed since the
newest of them came (a stage that catches up does neither too early).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from incidents.alerts import AlertRecord
from incidents.anomalies import AnomalyFinding
from incidents.clusters import Clusters
from incidents.deadlines import Deadlines
from incidents.finding import Finding
from incidents.nodes import Heard
from incidents.objectives import SloFinding
from incidents.people import Done, People
from incidents.placement import Placement, Was
from incidents.posted import refusal
from incidents.posting import Posting
from incidents.publish import Publisher, Runbooks, rerouted
from incidents.rules.book import RuleBook
from incidents.rules.facts import facts_of
from incidents.settings import SUBJECT, DecideSettings
from incidents.state import State
from schemas.change_events import Change
from schemas.command_events import (
    Command,
    MergeIncidents,
    MoveIncident,
    NoteIncident,
    PostAlerts,
    SplitIncident,
)
from schemas.events import Anomaly, EntityHealth, Setting, Tick
from schemas.ids import decide_partition
from schemas.incident_events import Alert, Incident
from schemas.slo_events import SloAlert
from schemas.topics import ANOMALIES, CHANGES, COMMANDS, DECIDE_TICKS, HEALTH, SETTINGS, SLO_ALERTS, Topic
from slo.telling import no_runbooks
from streams.operator import Output

_MOST_TOLD = 5

__all__ = ["DecideOperator", "DecideSettings"]
NO_RULES: Final = RuleBook([])


class DecideOperator:
    """Alerts and incidents of the tenants of one partition.

    Parameters
    ----------
    settings
        Windows, hysteresis, bounds.
    partition, partitions
        Which one this is, of how many; a tenant that belongs elsewhere is sent there.
    runbooks
        Names those that fit what is known of an alert.
    rules
        Say how urgent a state is; without any, who tells of it says so.

    Examples
    --------
    >>> operator = DecideOperator(DecideSettings(), partition=0, partitions=1)
    >>> operator.on_tick(1_000), operator.incidents()
    ([], [])
    """

    inputs: tuple[Topic, ...] = (
        ANOMALIES,
        SLO_ALERTS,
        CHANGES,
        COMMANDS,
        HEALTH,
        SETTINGS,
        DECIDE_TICKS,
    )

    def __init__(
        self,
        settings: DecideSettings,
        partition: int,
        partitions: int,
        runbooks: Runbooks = no_runbooks,
        rules: RuleBook = NO_RULES,
    ) -> None:
        self._rules = rules
        self._partition = partition
        self._partitions = partitions
        self._state = State(settings)
        self._board = self._state.board
        self._deadlines = Deadlines(settings, self._state.history)
        self._publisher = Publisher(partition, self._board, runbooks)
        self._placement = Placement(self._state, self._deadlines, self._publisher, settings)
        self._people = People(self._state, self._placement, self._publisher)
        self._posting = Posting(self._board.series, round(settings.resolve_timeout_s * 1000))
        self._clusters = Clusters(self._state, self._placement, self._publisher, settings)
        self.counts: Counter[str] = Counter()
        self._steps: dict[str, Callable[[bytes | None], list[Output]]] = {
            ANOMALIES.name: lambda value: self._step_of_tenant(ANOMALIES, Anomaly.from_bytes(value), value),
            SLO_ALERTS.name: lambda value: self._step_of_tenant(SLO_ALERTS, SloAlert.from_bytes(value), value),
            CHANGES.name: lambda value: self._step_of_tenant(CHANGES, Change.from_bytes(value), value),
            COMMANDS.name: lambda value: self._step_of_tenant(COMMANDS, Command.from_bytes(value), value),
            HEALTH.name: lambda value: self.on_health(EntityHealth.from_bytes(value)),
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
        return self._on_finding(AnomalyFinding.told(anomaly), "anomalies")

    def on_slo_alert(self, alert: SloAlert) -> list[Output]:
        """Apply a turn of an objective's alert; nothing comes of one that is known."""
        return self._on_finding(SloFinding(alert), "slo_alerts")

    def on_change(self, change: Change) -> list[Output]:
        """Know of a change, and name it with the alerts that began after it, those that came before it, too."""
        if not self._state.put_change(change):
            return []
        for _, record in sorted(self._board.alerts.items()):
            if record.tenant == change.tenant and self._state.name_change(record, told_anew=change.id):
                self._state.touch_alert(record)
                incident = self._board.incident_of(record)
                self._publisher.alert(record, incident)
                if incident is not None:
                    self._placement.publish(incident, at_once=False)
        return self._publisher.take()

    def on_command(self, command: Command) -> list[Output]:
        """Do what is asked of alerts and incidents, once, and tell what became of it; the rest is other stages'."""
        body = command.body
        if not isinstance(body, PostAlerts | MoveIncident | NoteIncident | MergeIncidents | SplitIncident):
            return []
        if not self._state.remember_command(command):
            self.counts["repeated"] += 1
            return []
        self.counts["commands"] += 1
        done = self._post(command, body) if isinstance(body, PostAlerts) else self._people.ask(command, body)
        self._publisher.result(command, *done)
        return self._publisher.take()

    def on_health(self, health: EntityHealth) -> list[Output]:
        """Know that there is a node, or that it is gone: a cluster's pattern is a share of its nodes."""
        self._clusters.hear(health.tenant, health.entity, Heard(True, health.at_ms, health.state == "gone"))
        return []

    def on_setting(self, setting: Setting) -> list[Output]:
        """Apply a setting; of ``correlation``, what it governs is looked at again.

        A setting comes before the event time from which it holds. One that comes later may link alerts that it
        brings into reach; it never takes linked ones apart.

        Raises
        ------
        SchemaError
            If its body is not what its subject says; the state is then unchanged.
        """
        if setting.subject != SUBJECT or not self._state.history.put(setting.valid_from_ms, setting.body):
            return []
        self._state.touch_correlation()
        governed = [
            record
            for record in self._board.alerts.values()
            if record.home is not None and record.started_ms >= setting.valid_from_ms
        ]
        for record in sorted(governed, key=lambda one: (one.started_ms, one.key)):
            if self._placement.relink(record, setting.valid_from_ms, "the correlation windows changed"):
                self._placement.publish_home(record)
        for _, incident in sorted(self._board.incidents.items()):
            self._placement.publish(incident, at_once=self._placement.settle(incident, setting.valid_from_ms))
        return self._publisher.take()

    def on_tick(self, at_ms: int) -> list[Output]:
        """Let time pass: what was quiet for long enough resolves, what waits is published, what is old goes."""
        if at_ms <= self._state.now_ms:
            return []
        self._state.pass_time(at_ms)
        self._end_posted(at_ms)
        self._give_up(self._state.silent_until_ms)
        for incident_id in self._deadlines.resolves(at_ms):
            incident = self._board.incidents.get(incident_id)
            if incident is not None and self._placement.settle(incident, at_ms):
                self._placement.publish(incident, at_once=True)
        self._clusters.tell()
        self._placement.publish_waiting()
        self._expire(self._state.come_ms)
        self._clusters.forget(self._state.come_ms)
        self._state.forget_commands(at_ms - self._deadlines.retention_ms)
        return self._publisher.take()

    @property
    def next_due_ms(self) -> int | None:
        """When a tick may next let an incident resolve; None while none waits for it."""
        return self._deadlines.next_resolve_ms

    def alerts(self) -> list[Alert]:
        """The alerts as they are, by start and id."""
        records = sorted(self._board.alerts.values(), key=lambda one: (one.started_ms, one.key))
        found = [self._publisher.event(record, self._board.incident_of(record)) for record in records]
        return sorted([*found, *self._clusters.alerts()], key=lambda one: (one.started_ms, f"{one.tenant}/{one.id}"))

    def incidents(self) -> list[Incident]:
        """The incidents as they are, aliases aside, by start and id."""
        records = sorted(self._board.incidents.values(), key=lambda one: (one.started_ms, one.id))
        return [self._board.event_of(record) for record in records]

    def take_blocks(self) -> list[tuple[str, bytes | None]]:
        """Copy out the blocks that changed since the last call; None says that what had the key is gone."""
        return self._state.take_blocks()

    def load_block(self, key: str, value: bytes) -> None:
        """Put one block back.

        Raises
        ------
        CheckpointError
            If it cannot be read.
        """
        self._state.load_block(key, value)

    def finish_load(self) -> None:
        """Make members, relations and deadlines from what was loaded."""
        self._board.restore()
        self._placement.restore()
        for record in self._board.alerts.values():
            self._deadlines.watch(record)
        for incident in self._board.incidents.values():
            self._deadlines.await_quiet(incident)

    def _step_of_tenant(
        self, topic: Topic, event: Anomaly | SloAlert | Change | Command, value: bytes | None
    ) -> list[Output]:
        right = decide_partition(event.tenant, self._partitions)
        if right != self._partition and value is not None:
            self.counts["rerouted"] += 1
            return [rerouted(topic, right, event, value)]
        match event:
            case Anomaly():
                return self.on_anomaly(event)
            case SloAlert():
                return self.on_slo_alert(event)
            case Change():
                return self.on_change(event)
            case Command():
                return self.on_command(event)

    def _on_finding(self, finding: Finding[Any], counted_as: str) -> list[Output]:
        if self._apply(finding):
            self.counts[counted_as] += 1
        else:
            self.counts["repeated"] += 1
        return self._publisher.take()

    def _apply(self, finding: Finding[Any]) -> bool:
        """Join a state to its alert; whether that is news."""
        record = self._board.alert_of(finding)
        was = None if record is None else Was.of(record)
        verdict = self._rules.judge(facts_of(finding))
        if record is None:
            record = AlertRecord.of(finding, verdict=verdict)
            self._board.put(record)
            self._clusters.hear(record.tenant, record.identity.entity, Heard(False, finding.at_ms))
        elif not record.absorb(finding, verdict):
            return False
        ends_by_itself = finding.due_ms is not None
        if not ends_by_itself:
            self._state.hear(finding.at_ms)
        if record.latest.silent or record.back_ms is not None:
            record.come_back(self._board.series.back_ms(record))
        if was is None or was.ended_ms != record.ended_ms or ends_by_itself or record.latest.silent:
            self._deadlines.watch(record)
        self._state.name_change(record)
        self._placement.place(record, finding.at_ms, was)
        if was is None or was.alive_ms != record.latest.alive_ms:
            self._tell_silent(record)
        return True

    def _tell_silent(self, teller: AlertRecord) -> None:
        """Let an alert end whose series fell silent, once another alert of the series tells that samples come."""
        for record in self._board.series.told_by(teller):
            was = Was.of(record)
            back_ms = self._board.series.back_ms(record)
            if record is not teller and record.come_back(back_ms):
                self._deadlines.watch(record)
                self._placement.place(record, teller.latest.at_ms if back_ms is None else back_ms, was)

    def _post(self, command: Command, body: PostAlerts) -> Done:
        """Take the alerts that can be taken; the others are named."""
        refused, subject = [], ""
        for position, alert in enumerate(body.alerts):
            if reason := refusal(alert):
                refused.append(f"alert {position}: {reason}")
                continue
            finding = self._posting.finding(command.tenant, alert, command.at_ms)
            if finding is not None and self._apply(finding):
                self.counts["posted"] += 1
                subject = f"{finding.event.id}-{finding.started_ms}"
        if not refused:
            return Done(subject=subject if len(body.alerts) == 1 else "")
        count = f"{len(refused)} of {len(body.alerts)}"
        return Done(f"{count} were refused, mend and post them again: {'; '.join(refused[:_MOST_TOLD])}")

    def _end_posted(self, now_ms: int) -> None:
        """Let posted alerts end that nobody repeated, and forget what ended so long ago.

        Commands come in the log's order, and ticks lie among them: so none is late by these.
        """
        for key in self._deadlines.ends(now_ms):
            record = self._board.alerts.get(key)
            if record is None or self._deadlines.due_ms(record) > now_ms:
                continue
            if record.ended_ms is not None:
                self._placement.forget(record)
                continue
            was, due_ms = Was.of(record), self._deadlines.due_ms(record)
            record.end(due_ms)
            self._placement.place(record, due_ms, was)
            self._deadlines.watch(record)

    def _give_up(self, clock_ms: int) -> None:
        """Call firing alerts expired that nobody spoke of for long enough; they come back when heard of."""
        for key in self._deadlines.silences(clock_ms):
            record = self._board.alerts.get(key)
            if record is None or record.ended_ms is not None:
                continue
            due_ms = self._deadlines.due_ms(record)
            if due_ms <= clock_ms:
                was = Was.of(record)
                record.expire(due_ms)
                self._placement.place(record, due_ms, was)
            self._deadlines.watch(record)

    def _expire(self, clock_ms: int) -> None:
        """Forget what ended long enough ago."""
        for key in self._deadlines.expiries(clock_ms):
            record = self._board.alerts.get(key)
            if record is None or record.ended_ms is None:
                continue
            if self._deadlines.due_ms(record) > clock_ms:
                self._deadlines.watch(record)
            else:
                self._placement.forget(record)
        self._state.forget_before(clock_ms, self._deadlines.retention_ms)
