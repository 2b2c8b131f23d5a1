"""The life of an incident from the first alert to the review, as decide, route and notify tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from incidents.decide import DecideOperator, DecideSettings
from incidents.dispatch.operator import DispatchOperator
from incidents.dispatch.settings import DispatchSettings
from incidents.outbox import NotifyOperator, OutboxSettings
from incidents.routing.reading import routing_from
from metrics_ai.explain.cases import Events
from schemas import topics
from schemas.base import Event
from schemas.change_events import Change
from schemas.command_events import Command, CommandBody, CommandResult, MoveIncident, NoteIncident
from schemas.events import Tick
from schemas.incident_events import Alert, Incident
from schemas.notification_events import NotificationResult
from schemas.slo_events import Feedback
from streams.operator import Output
from tests.unit.incidents.conftest import make_anomaly, make_slo_alert

TENANT = "default"
# A Monday, 10:00 UTC.
T0_S = 1_789_984_800
DAY_S = 86_400
ROUTES = """
route:
  receiver: log
  group_by: [incident_id]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
    - matchers: [priority=~"P0|P1"]
      receiver: shop-pager
    - matchers: [priority="P2"]
      receiver: shop-tickets
receivers:
  - name: log
    log_configs: [{}]
  - name: shop-pager
    log_configs: [{}]
  - name: shop-tickets
    log_configs: [{}]
"""
_STEP_S = 10
_DELIVERY_S = 1


@dataclass
class Life:
    """Three stages in memory, and all that they and others said, in order."""

    said: list[tuple[str, Event]] = field(default_factory=list)
    now_s: float = T0_S - 60 * DAY_S

    def __post_init__(self) -> None:
        self.decide = DecideOperator(DecideSettings(), 0, 1)
        self.route = DispatchOperator(DispatchSettings(), routing_from(ROUTES, "routes.yaml"), 0, 1)
        self.notify = NotifyOperator(OutboxSettings(), 0)
        self._commands = 0

    def tell(self, topic: topics.Topic, event: Event) -> None:
        """Something that is not of the three stages: they read it, and what they say of it."""
        self.said.append((topic.name, event))
        self._give(topic, event.to_bytes())
        self._deliver()

    def ask(self, body: CommandBody, by: str) -> CommandResult:
        """Something that a person asks for; it must be done."""
        self._commands += 1
        command = Command(id=f"c{self._commands}", tenant=TENANT, at_ms=self._now_ms(), by=by, body=body)
        self.tell(topics.COMMANDS, command)
        (result,) = [one for one in self.of(CommandResult) if one.command_id == command.id]
        assert result.ok, result.reason
        return result

    def until(self, at_s: float) -> None:
        """Let time pass."""
        while self.now_s < T0_S + at_s:
            self.now_s = min(self.now_s + _STEP_S, T0_S + at_s)
            tick = Tick(stage="decide", partition=0, at_ms=self._now_ms()).to_bytes()
            for topic in (topics.DECIDE_TICKS, topics.ROUTE_TICKS, topics.NOTIFY_TICKS):
                self._give(topic, tick)
            self._deliver()

    def leap(self, at_s: float) -> None:
        """Go on at a later time."""
        self.now_s = T0_S + at_s

    def of(self, model: type[Any]) -> list[Any]:
        """Events of a kind."""
        return [event for _, event in self.said if isinstance(event, model)]

    def events(self) -> Events:
        """All that was said, by topic."""
        found: dict[str, list[Event]] = {}
        for topic, event in self.said:
            found.setdefault(topic, []).append(event)
        return Events(found)

    def _now_ms(self) -> int:
        return round(self.now_s * 1000)

    def _give(self, topic: topics.Topic, value: bytes) -> None:
        stages: Sequence[Any] = (self.decide, self.route, self.notify)
        for stage in stages:
            if topic in stage.inputs:
                self._take(stage.step(topic.name, value))

    def _take(self, outputs: Sequence[Output]) -> None:
        for one in outputs:
            if one.value is not None and one.topic.model is not None:
                self.said.append((one.topic.name, one.topic.model.from_bytes(one.value)))  # type: ignore[attr-defined]
                self._give(one.topic, one.value)

    def _deliver(self) -> None:
        """Every delivery that is due is taken by the far end a second later."""
        for one in list(self.notify.due(self._now_ms())):
            told = one.notification
            named = {"receiver", "integration", "dedup_key", "sequence", "action", "incident_id"}
            result = NotificationResult(
                tenant=told.tenant,
                notification_id=told.id,
                attempt=one.attempt,
                at_ms=self._now_ms() + _DELIVERY_S * 1000,
                outcome="delivered",
                **told.model_dump(include=named),
            )
            self.tell(topics.NOTIFICATION_RESULTS, result)


def _burn(life: Life, start_s: float, at_s: float, state: str, left: float) -> None:
    turn = make_slo_alert(
        "page-quick",
        start_s=T0_S + start_s,
        at_s=T0_S + at_s,
        state=state,
        tenant=TENANT,
        spent_by=["node:h1"],
        budget_left=left,
        runbooks=[],
    )
    life.tell(topics.SLO_ALERTS, turn)


def _cpu(life: Life, start_s: float, at_s: float, state: str) -> None:
    one = make_anomaly(start_s=T0_S + start_s, at_s=T0_S + at_s, state=state, tenant=TENANT, priority="P2")
    life.tell(topics.ANOMALIES, one)


def _fault(life: Life, at_s: float, left: float) -> Iterator[Callable[[], None]]:
    """CPU of a node, then the objective that it spends; each step waits until it is asked for."""
    life.leap(at_s - 60)
    life.until(at_s)
    _cpu(life, at_s, at_s, "start")
    life.until(at_s + 120)
    _burn(life, at_s + 120, at_s + 120, "start", left)
    life.until(at_s + 180)
    yield lambda: None
    _burn(life, at_s + 120, at_s + 1200, "end", left - 0.125)
    _cpu(life, at_s, at_s + 1260, "end")
    life.until(at_s + 1400)


def incident_life() -> Life:
    """A fault that was there three weeks ago comes again: it pages, is acknowledged, mended, over and reviewed."""
    life = Life()
    for _ in _fault(life, -21 * DAY_S, 0.95):
        pass
    life.leap(-200)
    change = Change(
        id="deploy-214",
        tenant=TENANT,
        kind="deploy",
        what="checkout 2.14",
        labels={"service": "web-shop"},
        at_ms=(T0_S - 100) * 1000,
        by="ci",
    )
    life.tell(topics.CHANGES, change)
    fault = _fault(life, 0, 0.7)
    next(fault)
    incident = life.of(Incident)[-1].id
    life.ask(MoveIncident(incident_id=incident, to="acknowledged", note="I look into it"), "mara")
    life.until(300)
    life.ask(NoteIncident(incident_id=incident, note="rolled back to checkout 2.13"), "mara")
    life.until(720)
    life.ask(MoveIncident(incident_id=incident, to="mitigated", note="orders go through again"), "mara")
    life.until(1190)
    next(fault, None)
    burn = [one for one in life.of(Alert) if one.signal == "slo:checkout"][-1]
    verdict = Feedback(tenant=TENANT, alert_id=burn.id, verdict="actioned", at_ms=(T0_S + 1500) * 1000, by="mara")
    life.tell(topics.FEEDBACK, verdict)
    life.until(2400)
    note = "2.14 asked the database once a line; CI now counts queries"
    life.ask(MoveIncident(incident_id=incident, to="reviewed", note=note), "jo")
    return life
