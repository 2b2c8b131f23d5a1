"""Decide and route behind the API, in this process and by a clock of their own: what people ask for is really done."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agents.log_reader import LogRecord
from console.memory import MemoryStore
from incidents.decide import DecideOperator, DecideSettings
from incidents.dispatch.operator import DispatchOperator
from incidents.dispatch.settings import DispatchSettings
from incidents.routing.config import RoutingConfig
from schemas.base import Event
from schemas.command_events import Command, CommandResult, Silence
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.notification_events import AlertStatus, Notification
from schemas.slo_events import Feedback
from schemas.topics import (
    ALERT_STATUS,
    ALERTS,
    COMMAND_RESULTS,
    COMMANDS,
    FEEDBACK,
    INCIDENTS,
    NOTIFICATIONS,
    SILENCES,
    TIMELINE,
    Topic,
)
from streams.operator import Output

TICK_MS = 10_000
"""As `up` ticks on its own broker."""


@dataclass
class Stages:
    """Both stages of the one partition, and a store of what they say.

    Parameters
    ----------
    config
        Who is told of what.
    now_ms
        When it begins.
    """

    config: RoutingConfig
    now_ms: int
    told: list[Notification] = field(default_factory=list)
    log: list[LogRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = MemoryStore(now_ms=lambda: self.now_ms)
        self._decide = DecideOperator(DecideSettings(), 0, 1)
        self._route = DispatchOperator(DispatchSettings(), self.config, 0, 1)
        self._lock = threading.Lock()
        self._tick()

    def send(self, command: Command) -> None:
        """Do what a command asks for, at the time of this clock."""
        meant = command.model_copy(update={"at_ms": self.now_ms})
        with self._lock:
            self._keep(COMMANDS, meant)
            self._take(self._decide.step(COMMANDS.name, meant.to_bytes()))
            self._take(self._route.step(COMMANDS.name, meant.to_bytes()))

    def judge(self, feedback: Feedback) -> None:
        """Hear a verdict."""
        meant = feedback.model_copy(update={"at_ms": self.now_ms})
        with self._lock:
            self._keep(FEEDBACK, meant)
            self.store.feedback_of[meant.tenant][meant.alert_id] = meant
            self._take(self._route.step(FEEDBACK.name, meant.to_bytes()))

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on, tick by tick."""
        until_ms = self.now_ms + round(seconds * 1000)
        while (next_ms := (self.now_ms // TICK_MS + 1) * TICK_MS) <= until_ms:
            self.now_ms = next_ms
            self._tick()
        self.now_ms = until_ms

    def _tick(self) -> None:
        with self._lock:
            self._take(self._decide.on_tick(self.now_ms))
            self._take(self._route.on_tick(self.now_ms))

    def _take(self, outputs: Iterable[Output]) -> None:
        for one in outputs:
            if one.value is None:
                continue
            self._store(one.topic, one.value)
            if one.topic in (ALERTS, INCIDENTS):
                self._take(self._route.step(one.topic.name, one.value))
            elif one.topic is COMMANDS:
                self._take(self._decide.step(one.topic.name, one.value))

    def _store(self, topic: Topic, value: bytes) -> None:
        store = self.store
        match topic:
            case _ if topic is ALERTS:
                _put(store.alerts_of, Alert.from_bytes(value))
            case _ if topic is INCIDENTS:
                _put(store.incidents_of, Incident.from_bytes(value))
            case _ if topic is SILENCES:
                _put(store.silences_of, Silence.from_bytes(value))
            case _ if topic is ALERT_STATUS:
                status = AlertStatus.from_bytes(value)
                store.statuses_of[status.tenant][status.alert_id] = status
            case _ if topic is TIMELINE:
                entry = TimelineEntry.from_bytes(value)
                store.timelines[entry.tenant, entry.incident_id].append(entry)
            case _ if topic is COMMAND_RESULTS:
                result = CommandResult.from_bytes(value)
                store.results[result.tenant, result.command_id] = result
            case _ if topic is NOTIFICATIONS:
                self.told.append(Notification.from_bytes(value))

    def _keep(self, topic: Topic, event: Event) -> None:
        self.log.append(LogRecord(topic.name, 0, len(self.log), b"", event.to_bytes(), (), self.now_ms))


def _put(held: dict[str, dict[str, Any]], event: Any) -> None:
    held[event.tenant][event.id] = event
