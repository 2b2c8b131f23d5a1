"""The role ``project`` with Redis and SQL against a broker: both are lost in mid-stream, and filled again."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from integrations.kafka import KafkaSettings
from integrations.kafka.admin import create_topics
from integrations.kafka.embedded import EmbeddedBroker
from integrations.project import Projector, Sink
from integrations.records import RecordsSettings
from integrations.records.sink import RecordsSink
from integrations.records.store import RecordsStore
from integrations.serving.connection import connect
from integrations.serving.documents import topics
from integrations.serving.embedded import EmbeddedValkey
from integrations.serving.settings import ServingSettings
from integrations.serving.sink import ServingSink
from integrations.serving.store import ServingStore
from integrations.stores import StoreError
from integrations.telemetry import Telemetry
from schemas.base import Event
from schemas.command_events import CommandResult
from schemas.ids import decide_partition
from tests.integration.conftest import KAFKA
from tests.integration.gateways import await_until, producer
from tests.integration.stores import all_rows, everything_in
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


@pytest.fixture(params=["embedded_broker", KAFKA])
def kafka(request: pytest.FixtureRequest) -> KafkaSettings:
    broker: KafkaSettings = request.getfixturevalue(request.param)
    prefix = f"t{time.monotonic_ns()}."
    update = {"topic_prefix": prefix, "partitions": PARTITIONS, "session_timeout_s": 2.0}
    return laid_out(broker.model_copy(update=update))


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
    return ServingSink(serving, Telemetry("project"), lambda: NOW_MS / 1000)


def held(serving: ServingSettings) -> int:
    with ServingStore(serving) as store:
        return sum(store.applied().values())


def test_redis_that_is_emptied_in_mid_stream_comes_to_what_a_fresh_one_comes_to(
    kafka: KafkaSettings, serving: ServingSettings
) -> None:
    events = a_storm(0, 120)
    sender = threading.Thread(target=lambda: [send(kafka, a_storm(n, 20)) for n in range(0, 120, 20)])
    lost = serving.model_copy(update={"prefix": "lost:"})
    with projecting([serving_sink(lost)], kafka):
        sender.start()
        await_until(lambda: held(lost) > 100, "the first records")
        with connect(lost) as redis:
            redis.flushall()
        sender.join()
        await_until(lambda: held(lost) == len(events), "all records again")
    after = everything_in(lost)
    fresh = serving.model_copy(update={"prefix": "fresh:"})
    # A store of another prefix in the same group: its places are not there, so it begins at the beginning.
    with projecting([serving_sink(fresh)], kafka):
        await_until(lambda: held(fresh) == len(events), "all records")
    expected = {key.replace("fresh:", "lost:", 1): value for key, value in everything_in(fresh).items()}
    assert after == expected
    assert len([key for key in after if ":alerts" in key]) >= 6


def stands(records: RecordsSettings) -> int:
    """How many records a database is made of; 0 of one that is not there."""
    with contextlib.suppress(StoreError), RecordsStore(records) as store:
        return sum(store.applied().values())
    return 0


def test_a_database_that_is_lost_in_mid_stream_is_filled_again(kafka: KafkaSettings, tmp_path: Path) -> None:
    lost, fresh = (
        RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path / name}/records.db"), flush_s=0.1)
        for name in ("lost", "fresh")
    )
    events = a_storm(0, 60)
    recorded = len([one for one in events if not isinstance(one, CommandResult)])
    with projecting([RecordsSink(lost, Telemetry("project"), lambda: NOW_MS / 1000)], kafka):
        send(kafka, events[: len(events) // 2])
        await_until(lambda: stands(lost) > 100, "the first records")
        for one in (tmp_path / "lost").iterdir():
            one.unlink()
        send(kafka, events[len(events) // 2 :])
        await_until(lambda: stands(lost) == recorded, "all records again")
    with projecting([RecordsSink(fresh, Telemetry("project"), lambda: NOW_MS / 1000)], kafka):
        await_until(lambda: stands(fresh) == recorded, "all records")
    assert all_rows(lost) == all_rows(fresh)
    assert len(all_rows(lost)["alerts"]) == 60


def test_a_store_that_is_away_for_a_while_misses_nothing(kafka: KafkaSettings) -> None:
    events = a_storm(0, 30)
    with EmbeddedValkey() as server, projecting([serving_sink(server.settings)], kafka):
        send(kafka, events[:100])
        await_until(lambda: held(server.settings) == 100, "the first records")
        server.stop()
        send(kafka, events[100:])
        server.start()
        await_until(lambda: held(server.settings) == len(events), "all records")
        with ServingStore(server.settings) as store:
            told = {one.alert.id for tenant in TENANTS for one in store.alerts(tenant).items}
            assert told == {f"a{number:04}" for number in range(30)}


def test_stores_that_are_lost_while_nothing_is_told_are_filled_again(
    kafka: KafkaSettings, serving: ServingSettings, tmp_path: Path
) -> None:
    records = RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path}/records.db"), flush_s=0.1)
    sinks = [serving_sink(serving), RecordsSink(records, Telemetry("project"), lambda: NOW_MS / 1000)]
    events = a_storm(0, 20)
    with projecting(sinks, kafka):
        send(kafka, events)
        await_until(lambda: held(serving) == len(events), "all records")
        await_until(lambda: stands(records) == len(events) - 20, "all in the database")
        before = everything_in(serving), all_rows(records)
        with connect(serving) as redis:
            redis.flushall()
        for one in tmp_path.glob("records.db*"):
            one.unlink()
        await_until(lambda: held(serving) == len(events), "all records again")
        await_until(lambda: stands(records) == len(events) - 20, "all in the database again")
        assert (everything_in(serving), all_rows(records)) == before


def test_a_broker_that_comes_back_empty_leaves_nothing_of_the_log_before(
    serving: ServingSettings, tmp_path: Path
) -> None:
    records = RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path}/records.db"), flush_s=0.1)
    sinks = [serving_sink(serving), RecordsSink(records, Telemetry("project"), lambda: NOW_MS / 1000)]
    with EmbeddedBroker(log_path=tmp_path / "broker.log") as broker:
        kafka = laid_out(broker.settings.model_copy(update={"partitions": PARTITIONS}))
        with projecting(sinks, kafka):
            send(kafka, a_storm(0, 30))
            await_until(lambda: held(serving) == len(a_storm(0, 30)), "the first log")
            await_until(lambda: stands(records) > 150, "the first log's records")
        broker.stop()
        broker.start()
        laid_out(kafka)
        # Longer than the first: what was applied of that one lies within it.
        send(kafka, a_storm(100, 60))
        with projecting(sinks, kafka):
            await_until(lambda: held(serving) == len(a_storm(100, 60)), "the second log")
            await_until(lambda: len(all_rows(records)["alerts"]) == 90, "records of both")
    with ServingStore(serving) as store:
        told = {one.alert.id for tenant in TENANTS for one in store.alerts(tenant).items}
        assert told == {f"a{number:04}" for number in range(100, 160)}


def test_a_result_is_seen_soon_after_it_was_told(kafka: KafkaSettings, serving: ServingSettings) -> None:
    with projecting([serving_sink(serving)], kafka), ServingStore(serving) as store:
        send(kafka, [result("first")])
        assert store.command_result("shop", "first", 40) == result("first")
        began = time.monotonic()
        send(kafka, [result("second")])
        assert store.command_result("shop", "second", 40) == result("second")
        # Far more than it takes, and far less than a group needs to be formed.
        assert time.monotonic() - began < 1.0
