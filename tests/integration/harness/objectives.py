"""Trials of objectives: samples in, through detect and burn to decide, and what all of it must come to."""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec
import numpy as np
from confluent_kafka import Producer

from agents.stage import Stage
from schemas.batch import SampleBatch, decode_batch, encode_batch
from schemas.events import Tick
from schemas.ids import partition_of
from schemas.series import Series
from schemas.slo_events import SloAlert, SloStatus
from schemas.topics import (
    ANOMALIES,
    BURN_TICKS,
    DECIDE_TICKS,
    SAMPLES,
    SETTINGS,
    SLO_ALERTS,
    SLO_EVENTS,
    SLO_STATUS,
    Topic,
)
from slo.announced import Announced, announce, record_key
from slo.definition import RatioIndicator, Slo, Source, ThresholdIndicator
from tests.integration.harness.chaos import Trial
from tests.integration.harness.real import Outcome, stage_settings
from tests.integration.harness.traffic import Message, Traffic
from tests.unit.slo.counting.feeding import Sample
from tests.unit.slo.feeding import make_slo

ROLES = ("detect", "burn", "decide")
TENANTS = ("default", "acme")
HOSTS = 10
STEP_MS = 10_000
OUTAGE_STEPS = 60
LATE_STEPS = 18
START_MS = int(time.time()) // 3600 * 3_600_000 - 86_400_000
_CLOSING = "closing"

Told = dict[tuple[str, int, int, int], dict[str, tuple[float, float]]]
"""Good and bad of each objective by tenant, partition, length and beginning of a slice."""


def objectives(tenant: str) -> tuple[Slo, ...]:
    """Of each way of counting one."""
    errors = RatioIndicator(bad=Source(metric="errors"), total=Source(metric="requests"))
    fine = RatioIndicator(good=Source(metric="fine"), total=Source(metric="requests"))
    used = ThresholdIndicator(source=Source(metric="used"), op="lt", value=0.9)
    return (
        make_slo("errors", tenant=tenant, indicator=errors),
        make_slo("fine", tenant=tenant, indicator=fine, target=0.995),
        make_slo("used", tenant=tenant, indicator=used),
        make_slo("minutes", tenant=tenant, indicator=used, method="Timeslices", slice_s=60, slice_target=0.9),
    )


def is_down(tenant: str, step: int) -> bool:
    """Ten minutes in each hour of event time, of each tenant's own."""
    return (step // OUTAGE_STEPS + len(tenant)) % 6 == 3


@dataclass
class _Host:
    """What one host says of itself."""

    tenant: str
    name: str
    counters: dict[str, float] = field(default_factory=lambda: {"requests": 0.0, "errors": 0.0, "fine": 0.0})

    def report(self, step: int, chance: random.Random) -> list[Sample]:
        requests = chance.randrange(40, 60)
        errors = requests // 2 if is_down(self.tenant, step) else 0
        if chance.random() < 0.002:
            self.counters = dict.fromkeys(self.counters, 0.0)
        for name, grown in (("requests", requests), ("errors", errors), ("fine", requests - errors)):
            self.counters[name] += grown
        used = 0.95 if is_down(self.tenant, step) else round(0.3 + chance.gauss(0, 0.02), 4)
        at_ms = START_MS + step * STEP_MS + (int(self.name[1:]) * 1_370) % STEP_MS
        values = [(name, "counter", value) for name, value in self.counters.items()]
        return [self.sample(name, kind, at_ms, value) for name, kind, value in (*values, ("used", "gauge", used))]

    def sample(self, metric: str, kind: str, at_ms: int, value: float) -> Sample:
        return Sample(Series(self.tenant, metric, {"host": self.name}, {"node": self.name}, kind), at_ms, value)


def hosts() -> list[_Host]:
    return [_Host(tenant, f"h{number}") for tenant in TENANTS for number in range(HOSTS)]


def sample_messages(partitions: int, seed: int) -> Iterator[Message]:
    """What all hosts report, some of it minutes late and some of it twice."""
    chance = random.Random(seed)
    all_hosts = hosts()
    due: dict[int, list[Sample]] = defaultdict(list)
    step = 0
    while True:
        for host in all_hosts:
            found = host.report(step, chance)
            late = chance.randrange(1, LATE_STEPS) if chance.random() < 0.05 else 0
            due[step + late] += found
            if chance.random() < 0.05:
                due[step + late + chance.randrange(1, LATE_STEPS)] += found
        yield from messages(due.pop(step, []), partitions)
        step += 1


def messages(samples: Iterable[Sample], partitions: int) -> Iterator[Message]:
    """Batches of samples, one for each tenant and partition."""
    batches: dict[tuple[int, str], list[Sample]] = defaultdict(list)
    for one in samples:
        number = partition_of(f"{one.series.tenant}/{one.series.entity}", partitions)
        batches[number, one.series.tenant].append(one)
    for (number, tenant), some in sorted(batches.items(), key=lambda item: item[0]):
        places = {one.series.id: one.series.text for one in some}
        ids = list(places)
        batch = SampleBatch(
            tenant,
            np.array(ids, np.uint64),
            list(places.values()),
            np.array([ids.index(one.series.id) for one in some], np.int32),
            np.array([one.at_ms for one in some], np.int64),
            np.array([one.value for one in some]),
        )
        yield Message(SAMPLES.name, number, tenant.encode(), encode_batch(batch), max(one.at_ms for one in some))


@dataclass
class SloTrial(Trial):
    """Detect, burn and decide, killed in turn while objectives are counted; time is the samples' own."""

    operators: ClassVar[str] = "real"
    per_second: float = 80.0
    end_ms: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.stage("detect").warm_up()
        self.define([Announced(slo.key, slo, 0) for tenant in TENANTS for slo in objectives(tenant)])

    def stage(self, role: str) -> Stage:
        return stage_settings(self.kafka).stage(role)  # type: ignore[arg-type]  # a role of a stage

    def traffic(self) -> Traffic:
        return Traffic(self.kafka, sample_messages(self.kafka.partitions, self.seed), self.per_second)

    def define(self, ones: Iterable[Announced]) -> None:
        """Tell all partitions."""
        producer = Producer(self.kafka.librdkafka(acks="all"))
        for one in ones:
            for number in range(self.kafka.partitions):
                value = announce(*one).to_bytes()
                producer.produce(self.kafka.topic(SETTINGS), value, record_key(one.key).encode(), number)
        assert producer.flush(30) == 0

    def finish(self, role: str) -> None:
        if role == "detect":
            self.end_ms = self.newest_ms()
            self._send(list(self._tail()))
        elif role == "burn":
            self.await_applied(role, SLO_EVENTS)
            self._tick(BURN_TICKS, (self.end_ms, self.end_ms + 200_000))
            self.await_applied(role, BURN_TICKS)
        else:
            self.await_applied(role, ANOMALIES)
            self.await_applied(role, SLO_ALERTS)
            self._tick(DECIDE_TICKS, (self.last_tick_ms,))
            self.await_applied(role, DECIDE_TICKS)
        super().finish(role)

    @property
    def last_tick_ms(self) -> int:
        """When whatever may resolve has resolved."""
        return self.end_ms + 7_200_000

    def newest_ms(self) -> int:
        """How far the samples' time has come."""
        return max(one.timestamp_ms for records in self.log.records(SAMPLES).values() for one in records)

    def _tail(self) -> Iterator[Message]:
        """A last word in each partition, by which all slices are over."""
        end_ms = self.end_ms + 180_000
        for number in range(self.kafka.partitions):
            host = next(
                host
                for host in (_Host("default", f"x{at}") for at in range(1000))
                if partition_of(f"default/node:{host.name}", self.kafka.partitions) == number
            )
            yield from messages([host.sample(_CLOSING, "gauge", end_ms, 1.0)], self.kafka.partitions)

    def _send(self, some: list[Message]) -> None:
        with Traffic(self.kafka, iter(some), 1000.0) as sender:
            while not sender.is_over:
                time.sleep(0.02)
        assert not sender.failed

    def _tick(self, topic: Topic, times_ms: Iterable[int]) -> None:
        producer = Producer(self.kafka.librdkafka(acks="all"))
        for at_ms in times_ms:
            for number in range(self.kafka.partitions):
                tick = Tick(stage=topic.name.partition(".")[0], partition=number, at_ms=at_ms)
                producer.produce(self.kafka.topic(topic), tick.to_bytes(), partition=number)
        assert producer.flush(30) == 0

    def samples(self) -> list[Sample]:
        """All that lie on the topic, each once, by time; without the last words."""
        found: dict[tuple[int, int], Sample] = {}
        for records in self.log.records(SAMPLES).values():
            for record in records:
                batch = decode_batch(record.value or b"")
                series = [Series.from_text(batch.tenant, text) for text in batch.series_text]
                for at, at_ms, value in zip(batch.series, batch.timestamp_ms, batch.value, strict=True):
                    one = Sample(series[at], int(at_ms), float(value))
                    if one.series.metric != _CLOSING:
                        found.setdefault((one.series.id, one.at_ms), one)
        return sorted(found.values(), key=lambda one: one.at_ms)

    def told(self) -> list[dict[str, Any]]:
        """What the counters said, by what they had counted: who was frozen says late what others said better."""
        values = [record.value or b"" for records in self.log.records(SLO_EVENTS).values() for record in records]
        return sorted(map(msgspec.json.decode, values), key=lambda body: body["counted"])

    def settings(self) -> dict[int, list[bytes]]:
        """What was announced."""
        return {number: [one.value or b"" for one in records] for number, records in self.log.records(SETTINGS).items()}

    def expected_told(self) -> list[bytes]:
        """What counters say of the same samples that are never disturbed."""
        stage, settings, found = self.stage("detect"), self.settings(), []
        for number, records in self.log.records(SAMPLES).items():
            operator = stage.operator(number)
            for value in settings[number]:
                operator.step(SETTINGS.name, value)
            for record in records:
                found += [one.value for one in operator.step(SAMPLES.name, record.value) if one.topic is SLO_EVENTS]
        return found

    def burnt(self, events: dict[int, list[bytes]]) -> tuple[dict[tuple[str, str], SloAlert], dict[str, SloStatus]]:
        """What burn makes of records of its partitions: alerts by id and state, and the last statuses."""
        stage, settings = self.stage("burn"), self.settings()
        alerts: dict[tuple[str, str], SloAlert] = {}
        statuses: dict[str, SloStatus] = {}
        ticks = [Tick(stage="burn", partition=0, at_ms=self.end_ms + more).to_bytes() for more in (0, 200_000)]
        for number in range(self.kafka.partitions):
            operator = stage.operator(number)
            steps = [
                (topic.name, value)
                for topic, log in ((SETTINGS, settings), (SLO_EVENTS, events))
                for value in log.get(number, ())
            ]
            for topic, value in (*steps, *((BURN_TICKS.name, tick) for tick in ticks)):
                for output in operator.step(topic, value):
                    if output.topic is SLO_ALERTS:
                        alert = SloAlert.from_bytes(output.value)
                        alerts[alert.id, alert.state] = alert
                    elif output.topic is SLO_STATUS:
                        _stand(statuses, output.key, output.value)
        return alerts, statuses

    def events(self) -> dict[int, list[bytes]]:
        return {
            number: [one.value or b"" for one in records] for number, records in self.log.records(SLO_EVENTS).items()
        }

    def found(self) -> tuple[dict[tuple[str, str], SloAlert], dict[str, SloStatus]]:
        """The same as it lies on the topics."""
        alerts: dict[tuple[str, str], SloAlert] = {}
        statuses: dict[str, SloStatus] = {}
        for topic in (SLO_ALERTS, SLO_STATUS):
            for records in self.log.records(topic).values():
                for record in records:
                    if topic is SLO_ALERTS:
                        alert = SloAlert.from_bytes(record.value or b"")
                        alerts[alert.id, alert.state] = alert
                    else:
                        _stand(statuses, (record.key or b"").decode(), record.value)
        return alerts, statuses

    def decided(self) -> Outcome:
        """Alerts and incidents as they lie on the topics."""
        return Outcome.on(self.log)

    def expected_decided(self) -> Outcome:
        """What decide makes of the same anomalies and alerts of objectives."""
        outcome, stage = Outcome(), self.stage("decide")
        logs = {topic.name: self.log.records(topic) for topic in (ANOMALIES, SLO_ALERTS)}
        for number in range(self.kafka.partitions):
            operator = stage.operator(number)
            records = [(one.timestamp_ms, name, one) for name, log in logs.items() for one in log.get(number, ())]
            steps = [(name, one.value) for _, name, one in sorted(records, key=lambda item: item[0])]
            for one in logs[ANOMALIES.name].get(number, ()):
                outcome.take(ANOMALIES.name, dict(one.headers)["ce_id"].decode(), one.value or b"")
            tick = Tick(stage="decide", partition=number, at_ms=self.last_tick_ms).to_bytes()
            for name, value in (*steps, (DECIDE_TICKS.name, tick)):
                for output in operator.step(name, value):
                    outcome.take(output.topic.name, output.id, output.value)
        return outcome


def _stand(statuses: dict[str, SloStatus], key: str, value: bytes | None) -> None:
    """Take a status; an empty one says that there is none any more."""
    if value:
        statuses[key] = SloStatus.from_bytes(value)
    else:
        statuses.pop(key, None)


def last_told(bodies: Iterable[dict[str, Any]]) -> Told:
    """Good and bad as they were told last."""
    found: Told = defaultdict(dict)
    for body in bodies:
        key = body["tenant"], body["partition"], body["slice_s"], body["slice_ms"]
        for slo, good, bad in zip(body["slos"], body["good"], body["bad"], strict=True):
            found[key][slo] = good, bad
    return dict(found)
