"""Storms of alerts through a broker, and the role ``project`` in a thread."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics
from integrations.project import Projector, Sink
from integrations.records import RecordsSettings
from integrations.records.sink import RecordsSink
from integrations.serving.documents import topics
from integrations.serving.settings import ServingSettings
from integrations.serving.sink import ServingSink
from integrations.telemetry import Telemetry
from schemas.base import Event
from schemas.ids import decide_partition
from tests.integration.gateways import producer
from tests.unit.integrations.serving.telling import (
    NOW_MS,
    TOPIC_OF,
    alert,
    entry,
    feedback,
    incident,
    notification,
    outcome,
    result,
    silence,
    status,
)

PARTITIONS = 2
TENANTS = ("shop", "bank", "post")


def laid_out(kafka: KafkaSettings) -> KafkaSettings:
    create_topics(kafka, topics(), [])
    return kafka


def a_storm(first: int, count: int) -> list[Event]:
    """So many alerts with their incidents and all that is said of them, of three tenants in turn."""
    events: list[Event] = []
    for number in range(first, first + count):
        tenant, name, at_ms = TENANTS[number % 3], f"{number:04}", NOW_MS + number
        of: dict[str, Any] = {"tenant": tenant}
        events += [
            alert(f"a{name}", started_ms=at_ms, incident_id=f"i{number % 7}", **of),
            status(f"a{name}", at_ms=at_ms, **of),
            incident(f"i{number % 7}", updated_ms=at_ms, revision=number, **of),
            entry(number, f"i{number % 7}", at_ms, **of),
            notification(f"n{name}", at_ms, incident_id=f"i{number % 7}", **of),
            outcome(f"n{name}", **of),
            result(f"c{name}", **of),
        ]
        if number % 3 == 0:
            events.append(alert(f"a{name}", "resolved", at_ms, **of))
        if number % 5 == 0:
            events += [feedback(f"a{name}", **of), silence(f"s{number % 4}", at_ms + 10**6, **of)]
    return events


def send(kafka: KafkaSettings, events: Sequence[Event]) -> None:
    sender = producer(kafka)
    for event in events:
        tenant, key = event.tenant, getattr(event, "key", "x")  # type: ignore[attr-defined]
        place = kafka.topic(TOPIC_OF[type(event)]), event.to_bytes(), key, decide_partition(tenant, PARTITIONS)
        while True:
            try:
                sender.produce(*place)
                break
            except BufferError:
                sender.poll(0.1)
    assert sender.flush(30) == 0


@contextlib.contextmanager
def projecting(sinks: Sequence[Sink], kafka: KafkaSettings) -> Iterator[Telemetry]:
    stop, telemetry = threading.Event(), Telemetry("project")
    thread = threading.Thread(target=Projector(sinks, kafka, telemetry).run, args=(stop,))
    thread.start()
    try:
        yield telemetry
    finally:
        stop.set()
        thread.join(40)
        assert not thread.is_alive()


def serving_sink(serving: ServingSettings) -> ServingSink:
    """A sink for which no time goes by."""
    return ServingSink(serving, Telemetry("project"), lambda: NOW_MS / 1000)


def records_sink(records: RecordsSettings) -> RecordsSink:
    """A sink for which no time goes by."""
    return RecordsSink(records, Telemetry("project"), lambda: NOW_MS / 1000)


def sinks_of(serving: ServingSettings, records: RecordsSettings) -> list[Sink]:
    """Both."""
    return [serving_sink(serving), records_sink(records)]
