"""Trials of paging: anomalies in, through decide, route and notify to a pager, whoever is killed."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from agents.stage import Stage
from agents.worker import WorkerSettings
from incidents.decide import DecideSettings
from incidents.routing.reading import routing_from
from integrations.delivery.adapter import Adapter, Memory, Outcome
from integrations.delivery.building import adapters_of
from integrations.delivery.calling import Clients, Surroundings
from integrations.kafka.connection import KafkaSettings
from schemas.events import Anomaly
from schemas.ids import decide_partition, event_id, series_id
from schemas.incident_events import Incident
from schemas.notification_events import Notification, NotificationResult
from schemas.topics import ALERTS, ANOMALIES, INCIDENTS, NOTIFICATION_RESULTS, NOTIFICATIONS
from tests.integration.harness.chaos import Trial
from tests.integration.harness.traffic import Message, Traffic
from tests.integration.vendors.pagerduty import PagerDutyStandIn
from tests.integration.vendors.standin import Fault, Reply, Request

ROLES = ("decide", "route", "notify")
TENANTS = ("default", "acme", "umbrella")
TEAMS = 10
# A fault is over after so many others began.
_LASTS = 12
_QUIET_S = 90.0


def routes(url: str) -> str:
    """A receiver a team, since a pager takes but two calls a second of each."""
    teams = range(TEAMS)
    ways = "\n".join(f'    - {{matchers: [team="t{team}"], receiver: page-{team}}}' for team in teams)
    pagers = "\n".join(
        f"  - name: page-{team}\n    pagerduty_configs: [{{routing_key: {f'{team}':0>32}, url: {url}/v2/enqueue}}]"
        for team in teams
    )
    return f"""
route:
  receiver: page-0
  group_by: [incident_id]
  group_wait: 1s
  routes:
{ways}
receivers:
{pagers}
fatigue: {{tenant_per_minute: 100000, team_per_minute: 100000, series_per_minute: 100000}}
"""


class Delivering:
    """Delivers by the adapters of the routes, made in the loop that first asks."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._adapters: dict[tuple[str, str], Adapter] = {}

    async def __call__(self, notification: Notification, memory: Memory) -> Outcome:
        if not self._adapters:
            receivers = routing_from(self._text, "routes.yaml").receivers.values()
            self._adapters = adapters_of({one.name: one.integrations for one in receivers}, Surroundings(Clients()))
        return await self._adapters[notification.receiver, notification.integration].deliver(notification, memory)

    def settle_s(self, notification: Notification) -> float:
        return 0.0


def paging_stages(kafka: KafkaSettings, url: str) -> WorkerSettings:
    """The stages, with an incident that resolves a second after its last alert."""
    return WorkerSettings(
        kafka,
        decide=DecideSettings(resolve_after_s=1),
        routing=routing_from(routes(url), "routes.yaml"),
        deliver=Delivering(routes(url)),
    )


@dataclass(frozen=True)
class Outage:
    """Something that pages: two alerts of a node that nobody shares."""

    number: int
    tenant: str
    started_ms: int

    def states(self, state: str, at_ms: int) -> Iterator[Anomaly]:
        for metric in ("down", "errors"):
            labels = {"node": f"n{self.number}", "team": f"t{self.number % TEAMS}"}
            name = f"{metric}_{self.number}"
            series = series_id(self.tenant, name, labels)
            yield Anomaly(
                id=event_id(series, self.started_ms),
                state=state,  # type: ignore[arg-type]
                tenant=self.tenant,
                series_id=f"{series:016x}",
                metric=name,
                labels=labels,
                dims={"node": labels["node"]},
                entity=f"node:{labels['node']}",
                kind="limit",
                detector=f"Outage{metric.title()}",
                severity="critical",
                priority="P0",
                started_ms=self.started_ms,
                at_ms=at_ms,
                ended_ms=at_ms if state == "end" else None,
                end_reason="recovered" if state == "end" else None,
                score=2.0,
                peak_score=2.0,
                observed=1.0,
                confidence=1.0,
                explanation="it is down",
            )


def storm(partitions: int, seed: int) -> Iterator[Message]:
    """Outages that begin one after the other, each of them over a while later; some news comes twice."""
    chance = random.Random(seed)
    open_ones: list[Outage] = []
    number = 0
    while True:
        now_ms = int(time.time() * 1000)
        new = Outage(number, TENANTS[chance.randrange(len(TENANTS))], now_ms)
        open_ones.append(new)
        number += 1
        yield from _messages(new, "start", now_ms, partitions, chance)
        if len(open_ones) > _LASTS:
            yield from _messages(open_ones.pop(0), "end", now_ms, partitions, chance)


def _messages(outage: Outage, state: str, at_ms: int, partitions: int, chance: random.Random) -> Iterator[Message]:
    for one in outage.states(state, at_ms):
        message = Message(
            ANOMALIES.name, decide_partition(one.tenant, partitions), one.key.encode(), one.to_bytes(), at_ms
        )
        yield message
        if chance.random() < 0.1:
            yield message


class ShakyPager(PagerDutyStandIn):
    """A pager that is slow, refuses for a while, takes what it does not confirm: seeded."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = random.Random(seed)

    def take(self, request: Request) -> tuple[Fault | None, Reply | None]:
        with self.lock:
            draw = self._chance.random()
            seconds = self._chance.uniform(0.05, 0.3)
        if draw < 0.6:
            self.fail_next(Fault("slow", seconds=seconds))
        elif draw < 0.65:
            self.fail_next(Fault("status", status=503))
        elif draw < 0.68:
            self.fail_next(Fault("status", status=429, headers={"Retry-After": "1"}))
        elif draw < 0.78:
            self.fail_next(Fault(("reset", "cut", "silent", "duplicate")[int(draw * 1000) % 4]))
        return super().take(request)


@dataclass
class PagingTrial(Trial):
    """Decide, route and notify, killed in turn while a storm goes on and people are paged."""

    per_second: float = 12.0
    operators: ClassVar[str] = "paging"
    ticking: ClassVar[frozenset[str]] = frozenset(ROLES)
    in_flight: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.pager = ShakyPager(self.seed)
        self.pager.start()

    def stage(self, role: str) -> Stage:
        return paging_stages(self.kafka, self.pager.url).stage(role)  # type: ignore[arg-type]

    def more(self, role: str) -> dict[str, Any]:
        return {**super().more(role), "pager": self.pager.url}

    def traffic(self) -> Traffic:
        return Traffic(self.kafka, storm(self.kafka.partitions, self.seed), self.per_second)

    def kill_with_deliveries(self, role: str) -> None:
        """SIGKILL of a role while the pager has been sent something that it did not answer yet."""
        worker = self.workers[role][0].wait_ready()
        time.sleep(self.chance.uniform(0.0, 1.0))
        deadline = time.monotonic() + _QUIET_S
        while time.monotonic() < deadline:
            if self.under_way():
                worker.freeze()
                left = self.under_way()
                if left:
                    worker.kill()
                    self.in_flight[role] += left
                    self.ended.append(worker)
                    self.workers[role][0] = self.start(role)
                    return
                worker.thaw()
            time.sleep(self.chance.uniform(0.0, 0.03))
        raise AssertionError(f"nothing was on its way to the pager:\n{self.said()}")

    def under_way(self) -> int:
        """Requests that the pager got, and did not answer yet."""
        with self.pager.lock:
            return self.pager.unanswered

    def finish(self, role: str) -> None:
        """Let everything come to its end: outages that were left open are ended first."""
        if role == ROLES[0]:
            self._end_outages()
            self._await_quiet()
        for worker in self.workers[role]:
            assert worker.stop() == 0, worker.said()[-4000:]

    def _end_outages(self) -> None:
        from confluent_kafka import Producer

        last: dict[str, Anomaly] = {}
        for records in self.log.records(ANOMALIES).values():
            for record in records:
                one = Anomaly.from_bytes(record.value)
                last[one.id] = one
        at_ms = int(time.time() * 1000)
        producer = Producer(self.kafka.librdkafka())
        for one in last.values():
            if one.state != "end":
                ended = one.model_copy(update={"state": "end", "at_ms": at_ms, "ended_ms": at_ms})
                number = decide_partition(one.tenant, self.kafka.partitions)
                producer.produce(self.kafka.topic(ANOMALIES), ended.to_bytes(), one.key, number)
        producer.flush(30)

    def _await_quiet(self) -> None:
        """Until every incident is over, and the pager knows."""
        deadline = time.monotonic() + _QUIET_S
        while not self._is_quiet():
            self.supervise()
            assert time.monotonic() < deadline, self._unrest() + self.said()
            time.sleep(0.5)

    def _unrest(self) -> str:
        open_ones = [one.id for one in self.incidents().values() if one.state not in ("resolved", "merged")]
        keys = self.pager.open_keys()
        paged = [f"{one.dedup_key} {one.action} {one.effect}" for one in self.pager.events if one.dedup_key in keys]
        told = [
            f"{one.dedup_key} {one.action} {one.sequence} {getattr(one, 'outcome', '')} {one.at_ms}"
            for topic, model in ((NOTIFICATIONS, Notification), (NOTIFICATION_RESULTS, NotificationResult))
            for one in self._all(topic, model)
            if one.dedup_key in keys
        ]
        lines = (f"open: {open_ones}", f"to be told: {sorted(self.unfinished())}", *paged, *told)
        return "\n".join(lines)

    def _is_quiet(self) -> bool:
        last = self.incidents()
        if not last or any(one.state not in ("resolved", "merged") for one in last.values()):
            return False
        return not self.pager.open_keys() and self.unfinished() == set()

    def incidents(self) -> dict[str, Incident]:
        """As they stand on the topic."""
        found: dict[str, Incident] = {}
        for records in self.log.records(INCIDENTS).values():
            for record in records:
                one = Incident.from_bytes(record.value)
                found[one.id] = one
        return found

    def outages(self) -> set[tuple[str, str]]:
        """Tenant and node of each."""
        return {
            (one.tenant, one.labels["node"])
            for records in self.log.records(ANOMALIES).values()
            for one in (Anomaly.from_bytes(record.value) for record in records)
        }

    def unfinished(self) -> set[str]:
        """Notifications whose end nobody wrote down; updates that made way for a later one aside."""
        put = self._all(NOTIFICATIONS, Notification)
        results = self._all(NOTIFICATION_RESULTS, NotificationResult)
        done = {one.notification_id for one in results if one.outcome != "retry"}
        return {one.id for one in put if one.action != "update"} - done

    def _all(self, topic: Any, model: Any) -> list[Any]:
        return [model.from_bytes(record.value) for records in self.log.records(topic).values() for record in records]

    def twice(self) -> int:
        """Records of the outbox that a reader meets more than once."""
        return sum(self.log.count(topic) - len(self.log.by_id(topic)) for topic in (ALERTS, NOTIFICATIONS))
