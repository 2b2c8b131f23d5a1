"""The role ``project`` against a broker: killed and restarted, its history says each thing once; sinks are apart."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest

from integrations.history import HistorySettings, HistorySink
from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics
from integrations.project import Partition, Projector, Record, Sink, SinkError
from integrations.telemetry import Telemetry
from schemas.topics import INCIDENTS, SLO_ALERTS, SLO_STATUS, Topic
from tests.integration.gateways import await_until, producer
from tests.unit.integrations.history.telling import MIDNIGHT_MS, alert, incident, said, status

PARTITIONS = 2
TENANTS = ("ann", "bob", "cyd")
KILLS = 4

_PROGRAM = """
import signal, sys, threading
from integrations.history import HistorySettings, HistorySink
from integrations.kafka import KafkaSettings
from integrations.project import Projector
from integrations.telemetry import Telemetry
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
history, kafka = HistorySettings.model_validate_json(sys.argv[1]), KafkaSettings.model_validate_json(sys.argv[2])
telemetry = Telemetry("project")
Projector([HistorySink(history, telemetry)], kafka, telemetry).run(stop)
"""


def settings(folder: Path) -> HistorySettings:
    return HistorySettings(folder=folder, flush_s=1.0)


@contextlib.contextmanager
def projecting(sinks: Sequence[Sink], kafka: KafkaSettings, telemetry: Telemetry) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=Projector(sinks, kafka, telemetry).run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(40)
        assert not thread.is_alive()


def _named(broker: KafkaSettings, prefix: str) -> KafkaSettings:
    update = {"topic_prefix": prefix, "partitions": PARTITIONS, "session_timeout_s": 1.0}
    kafka = broker.model_copy(update=update)
    create_topics(kafka, (SLO_STATUS, SLO_ALERTS, INCIDENTS), [])
    return kafka


class Told(threading.Thread):
    """Statuses of three tenants, one a minute of event time, as long as it is not stopped."""

    def __init__(self, kafka: KafkaSettings) -> None:
        super().__init__()
        self.kafka, self.minutes, self.over = kafka, 0, threading.Event()

    def run(self) -> None:
        sender = producer(self.kafka)
        while not self.over.is_set():
            for number, tenant in enumerate(TENANTS):
                value = status(MIDNIGHT_MS + (self.minutes + 1) * 60_000, bad=self.minutes % 10, tenant=tenant)
                sender.produce(self.kafka.topic(SLO_STATUS), value.to_bytes(), value.key, number % PARTITIONS)
            self.minutes += 1
            sender.poll(0.003)
        at_ms = MIDNIGHT_MS + 60_000
        for state in ("start", "end"):
            told = alert(at_ms, state, at_ms, tenant="ann")
            sender.produce(self.kafka.topic(SLO_ALERTS), told.to_bytes(), told.key, 0)
        ended = incident(1, "resolved", at_ms)
        sender.produce(self.kafka.topic(INCIDENTS), ended.to_bytes(), f"{ended.tenant}/{ended.id}", 0)
        assert sender.flush(30) == 0


@pytest.mark.kafka
def test_kills_leave_a_history_that_says_each_thing_once(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    kafka = _named(apache_kafka, "history.")
    told = Told(kafka)
    told.start()
    command = [sys.executable, "-c", _PROGRAM, settings(tmp_path).model_dump_json(), kafka.model_dump_json()]
    try:
        for _ in range(KILLS):
            seen = len(said(tmp_path)["status"])
            process = subprocess.Popen(command)
            try:
                await_until(lambda seen=seen: len(said(tmp_path)["status"]) > seen, "more history")
                time.sleep(0.4)
            finally:
                process.kill()
                process.wait()
    finally:
        told.over.set()
        told.join()
    telemetry = Telemetry("project")
    with projecting([HistorySink(settings(tmp_path), telemetry)], kafka, telemetry):
        await_until(lambda: len(said(tmp_path)["status"]) == told.minutes * len(TENANTS), "all statuses")
        await_until(lambda: len(said(tmp_path)["alerts"]) == 2, "the alert")
        await_until(lambda: len(said(tmp_path)["incidents"]) == 1, "the incident")
    for row in said(tmp_path)["status"]:
        minute = (row["at_ms"] - MIDNIGHT_MS) // 60_000 - 1
        assert row["own_bad"] == minute % 10


class Broken:
    """A sink whose far end is down until it is mended."""

    name, topics, flush_s = "broken", (SLO_STATUS,), 0.1

    def __init__(self) -> None:
        self.is_down = True
        self.safe: list[Record] = []
        self._taken: list[Record] = []
        self.refused = 0

    def take(self, records: Sequence[Record]) -> None:
        self._taken += records

    def flush(self) -> None:
        if self.is_down:
            self.refused += 1
            raise SinkError("the far end is down", "Wait")
        self.safe += self._taken
        self._taken.clear()

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Nothing to do."""

    def revoked(self, partitions: Collection[Partition]) -> None:
        self._taken.clear()


class Buggy(Broken):
    """A sink with a fault of its own."""

    name: str = "buggy"
    topics: tuple[Topic, ...] = (SLO_STATUS,)

    def take(self, records: Sequence[Record]) -> None:
        raise RuntimeError("a fault")


def test_a_sink_that_is_down_or_faulty_holds_up_no_other(embedded_broker: KafkaSettings, tmp_path: Path) -> None:
    kafka, telemetry = _named(embedded_broker, "apart."), Telemetry("project")
    sender = producer(kafka)
    for minute in range(50):
        value = status(MIDNIGHT_MS + (minute + 1) * 60_000)
        sender.produce(kafka.topic(SLO_STATUS), value.to_bytes(), value.key, minute % PARTITIONS)
    assert sender.flush(30) == 0
    broken = Broken()
    with projecting([Buggy(), broken, HistorySink(settings(tmp_path), telemetry)], kafka, telemetry):
        await_until(lambda: len(said(tmp_path)["status"]) == 50, "history")
        await_until(lambda: broken.refused > 1, "a second refusal")
        assert broken.safe == []
        broken.is_down = False
        await_until(lambda: len(broken.safe) == 50, "what waited")
    assert (telemetry.registry.get_sample_value("metrics_ai_sink_refusals_total", {"sink": "broken"}) or 0) > 1
    # What was committed is not taken again; what was refused at the end would be.
    again = Broken()
    again.is_down = False
    with projecting([again], kafka, Telemetry("project")):
        value = status(MIDNIGHT_MS + 99 * 60_000)
        sender.produce(kafka.topic(SLO_STATUS), value.to_bytes(), value.key, 0)
        assert sender.flush(30) == 0
        await_until(lambda: len(again.safe) == 1, "what is new")


def test_two_workers_share_the_partitions_and_hand_them_over(embedded_broker: KafkaSettings, tmp_path: Path) -> None:
    kafka = _named(embedded_broker, "shared.")
    telemetry = [Telemetry("project"), Telemetry("project")]
    told = Told(kafka)
    told.start()
    try:
        with projecting([HistorySink(settings(tmp_path), telemetry[0])], kafka, telemetry[0]):
            await_until(lambda: len(said(tmp_path)["status"]) > 10, "history")
            with projecting([HistorySink(settings(tmp_path), telemetry[1])], kafka, telemetry[1]):
                stage = {"stage": "project-history", "topic": "slo.status"}
                read = telemetry[1].registry.get_sample_value
                await_until(lambda: (read("metrics_ai_records_total", stage) or 0) > 10, "the second at work")
            told.over.set()
            told.join()
            await_until(lambda: len(said(tmp_path)["status"]) == told.minutes * len(TENANTS), "all statuses")
    finally:
        told.over.set()
