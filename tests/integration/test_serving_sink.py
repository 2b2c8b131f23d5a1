"""The serving sink against a real Valkey: what is read again counts once, what is lost is noticed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from integrations.project import RebuildError, SinkError
from integrations.serving import ServingSettings
from integrations.serving.connection import connect
from integrations.serving.embedded import EmbeddedValkey
from integrations.serving.sink import ServingSink
from integrations.serving.store import ServingStore
from integrations.stores import StoreError
from integrations.telemetry import Telemetry
from schemas.topics import ALERTS, SILENCES, SLO_STATUS
from tests.integration.stores import everything_in
from tests.unit.integrations.history.telling import status as slo_status
from tests.unit.integrations.serving.telling import (
    HOUR_MS,
    NOW_MS,
    Log,
    alert,
    entry,
    feedback,
    health,
    incident,
    notification,
    outcome,
    read_on,
    result,
    silence,
    status,
)

DAY_MS = 24 * HOUR_MS


def sink_of(serving: ServingSettings, now_ms: int = NOW_MS + 3 * DAY_MS, **other: Any) -> ServingSink:
    return ServingSink(serving, other.pop("telemetry", Telemetry("project")), lambda: now_ms / 1000, **other)


def a_day() -> Log:
    """Something of every topic, with ends and merges in it."""
    log = Log(
        alert("a1", incident_id="i2"),
        alert("a2", incident_id="i0"),
        status("a1"),
        status("a0"),
        feedback("a2"),
        health("node/a"),
    )
    for number in range(3):
        log.tell(incident(f"i{number}", updated_ms=NOW_MS + number))
        log.tell(entry(number, f"i{number}"))
    log.tell(incident("i1", "merged", NOW_MS + 5, merged_into="i0"))
    log.tell(incident("i0", "open", NOW_MS + 5, aliases=["i1"]))
    log.tell(incident("i2", "resolved", NOW_MS + 6))
    log.tell(alert("a1", "resolved", incident_id="i2"))
    log.tell(alert("b1"), partition=1)
    log.tell(silence("s1"))
    log.tell(silence("s2"))
    log.put(SILENCES, "shop/s2", None)
    log.tell(result("c1"))
    log.tell(notification("n1"))
    log.tell(outcome("n1", 1, "retry"))
    log.tell(outcome("n1", 2))
    log.tell(slo_status(NOW_MS, tenant="shop"))
    log.tell(slo_status(NOW_MS, "gone", tenant="shop"))
    log.put(SLO_STATUS, "shop/gone", None)
    return log


EVENTS = st.one_of(
    st.builds(alert, st.sampled_from("abc"), st.sampled_from(["firing", "resolved"])),
    st.builds(status, st.sampled_from("abc"), st.sampled_from(["new", "acknowledged"])),
    st.builds(incident, st.sampled_from("ij"), st.sampled_from(["open", "resolved"])),
    st.builds(entry, st.integers(0, 9), st.sampled_from("ij")),
    st.builds(silence, st.sampled_from("st"), st.integers(NOW_MS, NOW_MS + HOUR_MS)),
    st.builds(feedback, st.sampled_from("abc"), st.sampled_from(["actioned", "false"])),
    st.builds(notification, st.sampled_from("mn")),
    st.builds(outcome, st.sampled_from("mn"), st.integers(1, 3)),
)
# How far a member reads before it is gone, whether it flushes before, and how far before its place the next begins.
MEMBERS = st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 12)), max_size=6)


@settings(max_examples=60, deadline=None)
@given(st.lists(EVENTS, max_size=30), MEMBERS)
def test_whatever_is_read_again_comes_to_the_log_read_once(
    valkey_of_the_property: EmbeddedValkey, events: list[Any], members: list[tuple[int, bool, int]]
) -> None:
    once = valkey_of_the_property.settings.model_copy(update={"prefix": "x:"})
    with connect(once) as redis:
        redis.flushall()
    log = Log(*events)
    read_on(sink_of(once), log)
    expected = everything_in(once)
    with connect(once) as redis:
        redis.flushall()
    for count, flushes, back in members:
        sink = sink_of(once)
        places = sink.places(log.partitions)
        again = {one: max(0, place - back) for one, place in places.items()}
        sink.take(log.since(again)[:count])
        if flushes:
            sink.flush()
    read_on(sink_of(once), log)
    assert everything_in(once) == expected


@pytest.fixture(scope="module")
def valkey_of_the_property() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


def test_a_store_that_was_emptied_is_noticed_and_filled_again(serving: ServingSettings) -> None:
    log, sink = a_day(), sink_of(serving)
    read_on(sink, log)
    before = everything_in(serving)
    with connect(serving) as redis:
        redis.flushall()
    log.tell(alert("late"))
    sink.take(log.records[-1:])
    with pytest.raises(RebuildError, match="stands at nothing"):
        sink.flush()
    read_on(sink, log)
    after = everything_in(serving)
    root = "metrics-ai:v1:t:shop:"
    assert set(after[f"{root}alerts"]) == {*before[f"{root}alerts"], "late"}
    assert {key for key in after if key not in before} == set()
    assert after[f"{root}timeline:i0"] == before[f"{root}timeline:i0"]


def test_a_store_that_lost_its_places_alone_is_written_again_over_what_it_holds(serving: ServingSettings) -> None:
    log, sink = a_day(), sink_of(serving)
    read_on(sink, log)
    before = everything_in(serving)
    with connect(serving) as redis:
        redis.delete("metrics-ai:v1:applied")
    with pytest.raises(RebuildError):
        sink.check()
    read_on(sink, log)
    assert everything_in(serving) == before


def test_a_server_that_ended_refuses_and_one_that_comes_back_empty_is_filled() -> None:
    with EmbeddedValkey() as server:
        log, sink = a_day(), sink_of(server.settings.model_copy(update={"timeout_s": 0.5}))
        read_on(sink, log)
        before = everything_in(server.settings)
        server.stop()
        log.tell(silence("s1", NOW_MS + 2 * HOUR_MS))
        sink.take(log.records[-1:])
        for _ in range(2):
            with pytest.raises(SinkError, match="does not serve"):
                sink.flush()
        with pytest.raises(SinkError):
            sink_of(server.settings).places(log.partitions)
        server.start()
        with pytest.raises(RebuildError):
            sink.flush()
        read_on(sink, log)
        after = everything_in(server.settings)
    assert set(after) == set(before)
    assert '"ends_ms":' + str(NOW_MS + 2 * HOUR_MS) in after["metrics-ai:v1:t:shop:silences"]["s1"]


def test_a_writer_that_lost_its_partition_undoes_nothing(serving: ServingSettings) -> None:
    log = Log(alert("a"))
    zombie, owner = sink_of(serving), sink_of(serving)
    zombie.places(log.partitions)
    zombie.take(log.records)
    read_on(owner, log)
    log.tell(alert("a", "resolved"))
    owner.take(log.records[1:])
    owner.flush()
    with pytest.raises(RebuildError):
        zombie.flush()
    with ServingStore(serving) as store:
        found = store.alert("shop", "a")
        assert found is not None
        assert found.alert.state == "resolved"


def test_an_answer_that_was_lost_on_its_way_is_asked_for_again(serving: ServingSettings) -> None:
    log = Log(entry(1, "i"), entry(2, "i"))
    # Both send the same records from the same place: the second is as one that never heard that it was done.
    first, second = sink_of(serving), sink_of(serving)
    for sink in (first, second):
        sink.places(log.partitions)
        sink.take(log.records)
    first.flush()
    second.flush()
    with ServingStore(serving) as store:
        assert [one.id for one in store.timeline("shop", "i")] == ["e1", "e2"]
        assert store.applied() == {("incidents.timeline", 0): 2}


def test_a_log_that_is_another_one_leaves_nothing_of_the_old(serving: ServingSettings) -> None:
    read_on(sink_of(serving), a_day())
    other = serving.model_copy(update={"prefix": "other:"})
    read_on(sink_of(other), a_day())
    sink = sink_of(serving)
    sink.places({("alerts", 0)})
    sink.begin({("alerts", 0)})
    assert [key for key in everything_in(serving) if key.startswith("metrics-ai:")] == []
    log = Log(alert("new"))
    read_on(sink, log)
    with ServingStore(serving) as store, ServingStore(other) as untouched:
        assert [one.alert.id for one in store.alerts("shop").items] == ["new"]
        assert len(untouched.alerts("shop").items) == 3


def test_what_ended_long_ago_is_forgotten_with_all_that_was_said_of_it(serving: ServingSettings) -> None:
    settings_ = serving.model_copy(update={"keep_s": 3600})
    log = a_day()
    log.tell(feedback("a1"))
    later_ms = NOW_MS + 2 * DAY_MS + 2 * HOUR_MS
    log.tell(incident("i9", updated_ms=later_ms))
    log.tell(incident("i0", "resolved", NOW_MS + 7, aliases=["i1"]))
    read_on(sink_of(settings_), log)
    root = "metrics-ai:v1:t:shop:"
    held = everything_in(settings_)
    assert set(held[f"{root}alerts"]) == {"a2", "b1"}
    assert f"{root}statuses" not in held
    assert set(held[f"{root}feedback"]) == {"a2"}
    assert set(held[f"{root}incidents"]) == {"i9"}
    gone = (
        "aliases",
        "timeline:i0",
        "timeline:i1",
        "timeline:i2",
        "of:i0",
        "of:i2",
        "silences",
        "notifications",
        "outcomes",
        "health",
    )
    assert [name for name in gone if root + name in held] == []
    assert set(held[f"{root}slos"]) == {"checkout"}


def test_a_time_that_has_not_come_ends_nothing(serving: ServingSettings) -> None:
    log = Log(alert("a", "resolved"), alert("ahead", started_ms=NOW_MS + 400 * DAY_MS))
    read_on(sink_of(serving, now_ms=NOW_MS + 2 * HOUR_MS), log)
    with ServingStore(serving) as store:
        assert store.alert("shop", "a") is not None


def test_bytes_that_cannot_be_read_are_counted_and_passed_over(serving: ServingSettings) -> None:
    telemetry, log = Telemetry("project"), Log(alert("a"))
    log.put(ALERTS, "shop/x", b"{nonsense")
    log.put(SILENCES, "nothing", None)
    log.tell(alert("b"))
    read_on(sink_of(serving, telemetry=telemetry), log)
    labels = {"stage": "project-serving", "source": "alerts", "reason": "unreadable"}
    assert telemetry.registry.get_sample_value("metrics_ai_rejected_total", labels) == 1
    with ServingStore(serving) as store:
        assert {one.alert.id for one in store.alerts("shop").items} == {"a", "b"}
        assert store.applied()["alerts", 0] == 3


def test_a_wrong_password_is_told_without_it(valkey: EmbeddedValkey) -> None:
    wrong = ServingSettings(url=SecretStr(f"redis://:wrong-one@{valkey.host}:{valkey.port}/0"))
    with ServingStore(wrong) as store, pytest.raises(StoreError, match="refuses us") as refused:
        store.ping()
    assert "wrong-one" not in str(refused.value)
