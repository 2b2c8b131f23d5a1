"""Alerts and incidents, made short, and a stage that is fed with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from incidents.dispatch.operator import DispatchOperator
from incidents.dispatch.settings import DispatchSettings
from incidents.routing.reading import routing_from
from schemas.command_events import Command, CommandBody, CommandResult, Silence
from schemas.ids import alert_fingerprint
from schemas.incident_events import Acknowledgement, Alert, Incident, IncidentMember
from schemas.notification_events import AlertStatus, Notification
from schemas.topics import ALERT_STATUS, COMMAND_RESULTS, NOTIFICATIONS, SILENCES
from streams.operator import Output

ROUTES = """
route:
  receiver: log
  group_by: [incident_id]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
    - matchers: [priority="P0"]
      receiver: page
    - matchers: [priority="P1"]
      receiver: page
      active_time_intervals: [business-hours]
    - matchers: [priority="P2"]
      receiver: ticket
receivers:
  - name: log
    log_configs: [{}]
  - name: page
    log_configs: [{}]
    escalation: {after: [5m, 15m], receivers: [second, boss]}
  - name: second
    log_configs: [{}]
  - name: boss
    log_configs: [{}]
  - name: ticket
    log_configs: [{}]
time_intervals:
  - name: business-hours
    time_intervals:
      - weekdays: ["monday:friday"]
        times: [{start_time: "09:00", end_time: "17:00"}]
"""
# A Monday in UTC, 10:00.
T0_MS = 1_764_583_200_000


def make_alert(name: str = "DiskFull", node: str = "h1", at_s: float = 0, **fields: Any) -> Alert:
    """An alert of a node, as it is ``at_s`` after T0; its episode began at ``since_s``."""
    labels = {"alertname": name, "node": node, **fields.pop("labels", {})}
    since_ms = T0_MS + round(fields.pop("since_s", 0) * 1000)
    at_ms = T0_MS + round(at_s * 1000)
    fingerprint = alert_fingerprint(labels)
    state = fields.get("state", "firing")
    body: dict[str, Any] = {
        "id": f"{fingerprint}-{since_ms}",
        "tenant": "acme",
        "fingerprint": fingerprint,
        "labels": labels,
        "annotations": {"summary": f"{name} on {node}"},
        "state": state,
        "priority": "P2",
        "severity": "warning",
        "entity": f"node:{node}",
        "signal": name.lower(),
        "started_ms": since_ms,
        "updated_ms": at_ms,
        "ended_ms": at_ms if state == "resolved" else None,
        "confidence": 1.0,
        "incident_id": "i1",
    }
    return Alert(**(body | fields))


def make_incident(incident_id: str = "i1", revision: int = 1, **fields: Any) -> Incident:
    """An incident."""
    body: dict[str, Any] = {
        "id": incident_id,
        "tenant": "acme",
        "state": "open",
        "title": f"incident {incident_id}",
        "priority": "P2",
        "severity": "warning",
        "started_ms": T0_MS,
        "updated_ms": T0_MS,
        "members": [],
        "entities": [],
        "signals": [],
        "confidence": 1.0,
        "revision": revision,
    }
    return Incident(**(body | fields))


def make_member(alert: Alert) -> IncidentMember:
    """What an incident says of an alert."""
    return IncidentMember(
        alert_id=alert.id,
        entity=alert.entity,
        signal=alert.signal,
        state=alert.state,
        priority=alert.priority,
        severity=alert.severity,
        started_ms=alert.started_ms,
        confidence=1.0,
        summary="",
    )


@dataclass
class Fed:
    """A stage, and everything that it said."""

    routes: str = ROUTES
    said: list[Output] = field(default_factory=list)
    restarts: bool = False
    now_ms: int = 0
    blocks: dict[str, bytes] = field(default_factory=dict)
    _commands: int = 0

    def __post_init__(self) -> None:
        self.operator = self._fresh()
        self.tick(0)

    def _fresh(self) -> DispatchOperator:
        return DispatchOperator(DispatchSettings(), routing_from(self.routes, "routes.yaml"), 0, 1)

    def restart(self) -> None:
        """Make the stage anew from its blocks."""
        for key, value in self.operator.take_blocks():
            if value is None:
                self.blocks.pop(key, None)
            else:
                self.blocks[key] = value
        self.forget_since_restart()

    def forget_since_restart(self) -> None:
        """Be killed: what was told since the last restart was told, and the state knows nothing of it."""
        self.operator = self._fresh()
        for key, value in self.blocks.items():
            self.operator.load_block(key, value)
        self.operator.finish_load()

    def take(self, outputs: Sequence[Output]) -> list[str]:
        """Keep what was said; gives what was told, in short."""
        self.said += outputs
        if self.restarts:
            self.restart()
        return told(outputs)

    def alert(self, *arguments: Any, **fields: Any) -> list[str]:
        return self.take(self.operator.on_alert(make_alert(*arguments, **fields)))

    def incident(self, *arguments: Any, **fields: Any) -> list[str]:
        return self.take(self.operator.on_incident(make_incident(*arguments, **fields)))

    def tick(self, at_s: float) -> list[str]:
        self.now_ms = T0_MS + round(at_s * 1000)
        return self.take(self.operator.on_tick(self.now_ms))

    def ticks(self, until_s: int, step_s: int = 10) -> list[str]:
        """Let time pass in steps."""
        start_s = (self.now_ms - T0_MS) // 1000
        return [line for at_s in range(start_s + step_s, until_s + 1, step_s) for line in self.tick(at_s)]

    def command(self, body: CommandBody, command_id: str = "", by: str = "ann") -> CommandResult:
        """Ask for something."""
        self._commands += 1
        command = Command(id=command_id or f"c{self._commands}", tenant="acme", at_ms=self.now_ms, by=by, body=body)
        self.take(self.operator.on_command(command))
        return CommandResult.from_bytes([one for one in self.said if one.topic is COMMAND_RESULTS][-1].value)

    def notifications(self) -> list[Notification]:
        return [Notification.from_bytes(one.value) for one in self.said if one.topic is NOTIFICATIONS]

    def silences(self) -> list[Silence]:
        return [Silence.from_bytes(one.value) for one in self.said if one.topic is SILENCES]

    def status(self, name: str = "DiskFull", node: str = "h1", **fields: Any) -> AlertStatus:
        """The newest of an alert."""
        wanted = make_alert(name, node, **fields).id
        all_of = [AlertStatus.from_bytes(one.value) for one in self.said if one.topic is ALERT_STATUS]
        return [one for one in all_of if one.alert_id == wanted][-1]


def told(outputs: Sequence[Output]) -> list[str]:
    """What was told, in short: receiver, action, key, and how many alerts."""
    found = [Notification.from_bytes(one.value) for one in outputs if one.topic is NOTIFICATIONS]
    return [f"{one.receiver} {one.action} {one.dedup_key} {len(one.alerts)}" for one in found]


ACKNOWLEDGED = Acknowledgement(by="ann", at_ms=T0_MS)


@pytest.fixture(params=[False, True], ids=["running", "restarted after each record"])
def fed(request: pytest.FixtureRequest) -> Fed:
    return Fed(restarts=request.param)


@pytest.fixture(scope="session")
def feed() -> Callable[..., Fed]:
    return Fed
