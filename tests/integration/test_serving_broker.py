"""The role ``project`` with Redis and SQL against a broker: both are lost in mid-stream, and filled again."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from pydantic import SecretStr

from integrations.kafka import KafkaSettings
from integrations.kafka.embedded import EmbeddedBroker
from integrations.records import RecordsSettings
from integrations.serving.connection import connect
from integrations.serving.embedded import EmbeddedValkey
from integrations.serving.settings import ServingSettings
from integrations.serving.store import ServingStore
from schemas.command_events import CommandResult
from tests.integration.gateways import await_until
from tests.integration.stores import all_rows, everything_in, held, stands
from tests.integration.storms import (
    PARTITIONS,
    TENANTS,
    a_storm,
    laid_out,
    projecting,
    records_sink,
    send,
    serving_sink,
    sinks_of,
)
from tests.unit.integrations.serving.telling import (
    result,
)


def test_redis_that_is_emptied_in_mid_stream_comes_to_what_a_fresh_one_comes_to(
    project_kafka: KafkaSettings, serving: ServingSettings
) -> None:
    events = a_storm(0, 120)
    sender = threading.Thread(target=lambda: [send(project_kafka, a_storm(n, 20)) for n in range(0, 120, 20)])
    lost = serving.model_copy(update={"prefix": "lost:"})
    with projecting([serving_sink(lost)], project_kafka):
        sender.start()
        await_until(lambda: held(lost) > 100, "the first records")
        with connect(lost) as redis:
            redis.flushall()
        sender.join()
        await_until(lambda: held(lost) == len(events), "all records again")
    after = everything_in(lost)
    fresh = serving.model_copy(update={"prefix": "fresh:"})
    # A store of another prefix in the same group: its places are not there, so it begins at the beginning.
    with projecting([serving_sink(fresh)], project_kafka):
        await_until(lambda: held(fresh) == len(events), "all records")
    expected = {key.replace("fresh:", "lost:", 1): value for key, value in everything_in(fresh).items()}
    assert after == expected
    assert len([key for key in after if ":alerts" in key]) >= 6


def test_a_database_that_is_lost_in_mid_stream_is_filled_again(project_kafka: KafkaSettings, tmp_path: Path) -> None:
    lost, fresh = (
        RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path / name}/records.db"), flush_s=0.1)
        for name in ("lost", "fresh")
    )
    events = a_storm(0, 60)
    recorded = len([one for one in events if not isinstance(one, CommandResult)])
    with projecting([records_sink(lost)], project_kafka):
        send(project_kafka, events[: len(events) // 2])
        await_until(lambda: stands(lost) > 100, "the first records")
        for one in (tmp_path / "lost").iterdir():
            one.unlink()
        send(project_kafka, events[len(events) // 2 :])
        await_until(lambda: stands(lost) == recorded, "all records again")
    with projecting([records_sink(fresh)], project_kafka):
        await_until(lambda: stands(fresh) == recorded, "all records")
    assert all_rows(lost) == all_rows(fresh)
    assert len(all_rows(lost)["alerts"]) == 60


def test_a_store_that_is_away_for_a_while_misses_nothing(project_kafka: KafkaSettings) -> None:
    events = a_storm(0, 30)
    with EmbeddedValkey() as server, projecting([serving_sink(server.settings)], project_kafka):
        send(project_kafka, events[:100])
        await_until(lambda: held(server.settings) == 100, "the first records")
        server.stop()
        send(project_kafka, events[100:])
        server.start()
        await_until(lambda: held(server.settings) == len(events), "all records")
        with ServingStore(server.settings) as store:
            told = {one.alert.id for tenant in TENANTS for one in store.alerts(tenant).items}
            assert told == {f"a{number:04}" for number in range(30)}


def test_stores_that_are_lost_while_nothing_is_told_are_filled_again(
    project_kafka: KafkaSettings, serving: ServingSettings, tmp_path: Path
) -> None:
    records = RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path}/records.db"), flush_s=0.1)
    sinks = sinks_of(serving, records)
    events = a_storm(0, 20)
    with projecting(sinks, project_kafka):
        send(project_kafka, events)
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
    sinks = sinks_of(serving, records)
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


def test_a_result_is_seen_soon_after_it_was_told(project_kafka: KafkaSettings, serving: ServingSettings) -> None:
    with projecting([serving_sink(serving)], project_kafka), ServingStore(serving) as store:
        send(project_kafka, [result("first")])
        assert store.command_result("shop", "first", 40) == result("first")
        began = time.monotonic()
        send(project_kafka, [result("second")])
        assert store.command_result("shop", "second", 40) == result("second")
        # Far more than it takes, and far less than a group needs to be formed.
        assert time.monotonic() - began < 1.0
