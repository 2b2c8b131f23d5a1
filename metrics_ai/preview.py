"""What changed routes would have done: the last days through decide and route again, twice.

The topics that decide reads are read from the broker, in the order of their records' times, and go through a decide
stage. What it makes of them goes through two route stages, one with the routes in force and one with the changed ones.
Time is the records' own, so a week takes seconds. What is compared is what would have been told, and why not.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final

from agents.log_reader import LogReader, LogRecord
from incidents.decide import DecideOperator
from incidents.dispatch.operator import DispatchOperator
from incidents.routing.config import RoutingConfig
from integrations.kafka.admin import list_topics
from integrations.kafka.connection import KafkaSettings
from metrics_ai.config import Config
from metrics_ai.rule_files import rule_library
from schemas.errors import SchemaError
from schemas.notification_events import AlertStatus, Notification
from schemas.topics import (
    ALERT_STATUS,
    ALERTS,
    ANOMALIES,
    CHANGES,
    COMMANDS,
    FEEDBACK,
    INCIDENTS,
    NOTIFICATIONS,
    SLO_ALERTS,
    Topic,
)
from streams.operator import Output

DAY_MS: Final = 86_400_000
TICK_MS: Final = 10_000
_SOURCES: Final[tuple[Topic, ...]] = (ANOMALIES, SLO_ALERTS, CHANGES, COMMANDS, FEEDBACK)
_HOLDING: Final = ("silence", "inhibition", "interval", "suppression", "throttle", "digest", "flapping")
# Routes may wait hours for an opening: time goes on after the last record.
_AFTER_MS: Final = 4 * 3_600_000


@dataclass(frozen=True, slots=True)
class Told:
    """What one set of routes tells.

    Parameters
    ----------
    by_receiver
        Notifications by receiver and action.
    opened
        By receiver and dedup key: when it was opened, and its title.
    held
        Alerts by what held them back, at least for a time.
    alerts
        How many alerts there were.
    """

    by_receiver: Counter[tuple[str, str]] = field(default_factory=Counter)
    opened: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)
    held: dict[str, set[str]] = field(default_factory=dict)
    alerts: set[str] = field(default_factory=set)

    def take(self, outputs: Iterable[Output]) -> None:
        """Count what a route stage said."""
        for one in outputs:
            if one.topic is NOTIFICATIONS:
                self._take_told(Notification.from_bytes(one.value))
            elif one.topic is ALERT_STATUS:
                self._take_status(AlertStatus.from_bytes(one.value))

    def _take_told(self, one: Notification) -> None:
        # A receiver's integrations are told the same.
        if not one.integration.endswith("[0]"):
            return
        self.by_receiver[one.receiver, one.action] += 1
        if one.action == "open":
            self.opened.setdefault((one.receiver, one.dedup_key), (one.at_ms, one.title))

    def _take_status(self, status: AlertStatus) -> None:
        self.alerts.add(status.alert_id)
        for decision in status.decisions:
            if decision.step in _HOLDING and decision.verdict in ("held", "muted"):
                self.held.setdefault(decision.step, set()).add(status.alert_id)


class Preview:
    """Two sets of routes over the same past.

    Parameters
    ----------
    config
        Of decide and route.
    now, changed
        The routes in force, and the others.
    """

    def __init__(self, config: Config, now: RoutingConfig, changed: RoutingConfig) -> None:
        self._decide = DecideOperator(config.decide, 0, 1, rules=rule_library(config.rules).book)
        self._stages = [DispatchOperator(config.dispatch, one, 0, 1) for one in (now, changed)]
        self.now, self.changed = Told(), Told()
        self.records = 0
        self._tick_ms = 0

    def run(self, records: Iterable[LogRecord]) -> None:
        """Let the past happen again; records come in the order of their times."""
        last_ms = 0
        for record in records:
            self.records += 1
            last_ms = max(last_ms, record.timestamp_ms)
            self._pass_time(record.timestamp_ms)
            self._step(record)
        if self.records:
            self._pass_time(last_ms + _AFTER_MS)

    def _step(self, record: LogRecord) -> None:
        if record.topic in (COMMANDS.name, FEEDBACK.name):
            self._route([Output(_topic(record.topic), 0, "", record.value, record.timestamp_ms, "")])
        if record.topic in {one.name for one in self._decide.inputs}:
            try:
                self._route(self._decide.step(record.topic, record.value))
            except SchemaError:
                return  # it lies among the dead letters

    def _pass_time(self, until_ms: int) -> None:
        if not self._tick_ms:
            self._tick_ms = until_ms // TICK_MS * TICK_MS
        while self._tick_ms + TICK_MS <= until_ms:
            self._tick_ms += TICK_MS
            self._route(self._decide.on_tick(self._tick_ms))
            for stage, told in zip(self._stages, (self.now, self.changed), strict=True):
                told.take(stage.on_tick(self._tick_ms))

    def _route(self, outputs: Sequence[Output]) -> None:
        wanted = {ALERTS.name, INCIDENTS.name, COMMANDS.name, FEEDBACK.name}
        for stage, told in zip(self._stages, (self.now, self.changed), strict=True):
            for one in outputs:
                if one.topic.name in wanted:
                    told.take(_stepped(stage, one))


def _stepped(stage: DispatchOperator, one: Output) -> list[Output]:
    try:
        return stage.step(one.topic.name, one.value)
    except SchemaError:
        return []


def _topic(name: str) -> Topic:
    return next(one for one in _SOURCES if one.name == name)


def past(kafka: KafkaSettings, since_ms: int) -> Iterator[LogRecord]:
    """Records of the topics that decide and route read, since a time, in the order of their own times.

    Raises
    ------
    BrokerError
        If the broker does not answer.
    """
    there = list_topics(kafka)
    reader = LogReader(kafka, committed=kafka.profile != "embedded")
    streams = []
    for topic in _SOURCES:
        name = kafka.topic(topic)
        if name in there:
            found = reader.to_end(name, range(there[name].partitions))
            kept = (_renamed(one, topic.name) for one in found if one.value and one.timestamp_ms >= since_ms)
            streams.append(sorted(kept, key=attrgetter("timestamp_ms")))
    yield from heapq.merge(*streams, key=attrgetter("timestamp_ms"))


def _renamed(record: LogRecord, name: str) -> LogRecord:
    """A record under its topic's name in the catalogue."""
    return LogRecord(
        name, record.partition, record.offset, record.key, record.value, record.headers, record.timestamp_ms
    )
