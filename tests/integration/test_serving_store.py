"""Reads of the serving store, and what the console keeps there, against a real Valkey."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from integrations.serving import ServingSettings
from integrations.serving.embedded import EmbeddedValkey
from integrations.serving.sink import ServingSink
from integrations.serving.store import AlertFilter, IncidentFilter, ServingStore, Update
from integrations.stores import CursorError, StoreError
from integrations.telemetry import Telemetry
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


@pytest.fixture
def store(serving: ServingSettings) -> Iterator[ServingStore]:
    with ServingStore(serving) as found:
        yield found


def told(serving: ServingSettings, *events: object) -> Log:
    log = Log(*events)  # type: ignore[arg-type]
    read_on(ServingSink(serving, Telemetry("project"), lambda: NOW_MS / 1000), log)
    return log


def test_an_alert_is_told_with_its_status_and_what_was_said_of_it(
    serving: ServingSettings, store: ServingStore
) -> None:
    told(serving, alert("a"), alert("b"), status("a", "acknowledged"), feedback("a", "false"), feedback("a"))
    found = store.alert("shop", "a")
    assert found is not None
    assert found.alert == alert("a")
    assert found.status == status("a", "acknowledged")
    assert found.feedback == feedback("a")
    other = store.alert("shop", "b")
    assert other is not None
    assert (other.status, other.feedback) == (None, None)
    assert store.alert("shop", "c") is None
    assert store.alert("other", "a") is None
    assert store.status("shop", "a") == status("a", "acknowledged")


def test_pages_list_each_alert_once_the_latest_first_even_where_thousands_begin_at_once(
    serving: ServingSettings, store: ServingStore
) -> None:
    alerts = [alert(f"a{number:04}", started_ms=NOW_MS + max(0, number - 1300)) for number in range(1305)]
    told(serving, *alerts)
    seen: list[str] = []
    cursor = None
    while True:
        page = store.alerts("shop", AlertFilter(state="firing"), 700, cursor)
        seen += [one.alert.id for one in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [one.id for one in reversed(alerts)]
    assert store.alerts("shop", limit=1305).cursor is not None  # a page has a most
    with pytest.raises(CursorError):
        store.alerts("shop", cursor="nonsense")


def test_a_page_that_ends_with_the_list_has_no_next(serving: ServingSettings, store: ServingStore) -> None:
    told(serving, alert("a"), alert("b"))
    assert store.alerts("shop", limit=2).cursor is None
    assert store.alerts("shop", limit=1).cursor is not None


def test_filters_choose_alerts(serving: ServingSettings, store: ServingStore) -> None:
    told(
        serving,
        alert("p0", priority="P0", incident_id="i1"),
        alert("p3", priority="P3", incident_id="i0"),
        alert("over", "resolved", labels={"team": "web"}),
        status("p3", "suppressed"),
        incident("i1", "merged", merged_into="i0"),
        incident("i0", aliases=["i1"]),
    )

    def ids(wanted: AlertFilter) -> set[str]:
        return {one.alert.id for one in store.alerts("shop", wanted).items}

    assert ids(AlertFilter()) == {"p0", "p3", "over"}
    assert ids(AlertFilter(state="firing")) == {"p0", "p3"}
    assert ids(AlertFilter(state="resolved")) == {"over"}
    assert ids(AlertFilter(priorities=frozenset({"P0", "P2"}))) == {"p0", "over"}
    assert ids(AlertFilter(labels=lambda labels: labels.get("team") == "web")) == {"over"}
    assert ids(AlertFilter(incident_id="i1")) == ids(AlertFilter(incident_id="i0")) == {"p0", "p3"}
    assert ids(AlertFilter(where=lambda one: one.status is not None and one.status.state == "suppressed")) == {"p3"}


def test_an_incidents_alerts_are_paged_across_all_that_was_merged_into_it(
    serving: ServingSettings, store: ServingStore
) -> None:
    alerts = [alert(f"a{n:02}", started_ms=NOW_MS + n // 2, incident_id=f"i{n % 3}") for n in range(30)]
    merged = [incident(f"i{n}", "merged", merged_into="i0") for n in (1, 2)]
    moved = alert("a29", started_ms=NOW_MS + 14, incident_id="i9")
    told(serving, *alerts, *merged, incident("i0", aliases=["i1", "i2"]), moved)
    seen: list[str] = []
    cursor = None
    while True:
        page = store.alerts("shop", AlertFilter(incident_id="i2"), 7, cursor)
        seen += [one.alert.id for one in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [f"a{n:02}" for n in reversed(range(29))]
    assert [one.alert.id for one in store.alerts("shop", AlertFilter(incident_id="i9")).items] == ["a29"]


def test_a_merged_incident_is_its_survivor(serving: ServingSettings, store: ServingStore) -> None:
    told(
        serving,
        incident("i0", updated_ms=NOW_MS),
        incident("i1", "merged", NOW_MS + 1, merged_into="i0"),
        incident("i0", updated_ms=NOW_MS + 1, aliases=["i1"]),
        entry(2, "i1", NOW_MS + 2),
        entry(1, "i0", NOW_MS + 1),
        entry(3, "i0", NOW_MS + 3),
    )
    for name in ("i0", "i1"):
        found = store.incident("shop", name)
        assert found is not None
        assert found.id == "i0"
        assert [one.id for one in store.timeline("shop", name)] == ["e1", "e2", "e3"]
    assert store.incident("shop", "i2") is None
    assert [one.id for one in store.incidents("shop").items] == ["i0"]


def test_incidents_are_listed_the_last_to_change_first(serving: ServingSettings, store: ServingStore) -> None:
    told(serving, incident("i1", updated_ms=NOW_MS + 9), incident("i2", "resolved", NOW_MS + 5), incident("i3"))
    assert [one.id for one in store.incidents("shop").items] == ["i1", "i2", "i3"]
    over = IncidentFilter(states=frozenset({"resolved"}))
    assert [one.id for one in store.incidents("shop", over).items] == ["i2"]
    page = store.incidents("shop", limit=2)
    assert [one.id for one in store.incidents("shop", cursor=page.cursor).items] == ["i3"]


def test_of_a_long_timeline_the_newest_entries_are_kept(serving: ServingSettings, store: ServingStore) -> None:
    few = serving.model_copy(update={"timeline_entries": 10})
    told(few, *(entry(number, "i", NOW_MS + number) for number in range(25)))
    assert [one.id for one in store.timeline("shop", "i")] == [f"e{number}" for number in range(15, 25)]


def test_silences_objectives_and_health_are_told_in_order(serving: ServingSettings, store: ServingStore) -> None:
    told(
        serving,
        silence("s1", NOW_MS + HOUR_MS),
        silence("s2", NOW_MS + 2 * HOUR_MS),
        slo_status(NOW_MS, "b", tenant="shop"),
        slo_status(NOW_MS, "a", tenant="shop"),
        health("node/b"),
        health("node/a"),
    )
    assert [one.id for one in store.silences("shop")] == ["s2", "s1"]
    assert store.silence("shop", "s1") == silence("s1", NOW_MS + HOUR_MS)
    assert [one.slo for one in store.slos("shop")] == ["a", "b"]
    assert store.slo("shop", "c") is None
    assert [one.entity for one in store.health("shop")] == ["node/a", "node/b"]
    assert store.tenants() == ["shop"]


def test_notifications_are_told_with_their_last_outcome_and_without_context(
    serving: ServingSettings, store: ServingStore
) -> None:
    told(
        serving,
        notification("n1", incident_id="i"),
        notification("n2", NOW_MS + 1),
        outcome("n1", 1, "retry"),
        outcome("n1", 2),
    )
    newest, oldest = store.notifications("shop")
    assert (newest.notification.id, newest.result) == ("n2", None)
    assert oldest.result == outcome("n1", 2)
    assert oldest.notification == notification("n1", incident_id="i").model_copy(update={"context": None})
    assert [one.notification.id for one in store.notifications("shop", "i")] == ["n1"]


def test_a_commands_result_is_waited_for(serving: ServingSettings, store: ServingStore) -> None:
    assert store.command_result("shop", "c") is None
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(store.command_result, "shop", "c", 20.0)
        told(serving, result("c"))
        assert waiting.result(20) == result("c")


def test_waiting_for_a_result_ends(serving: ServingSettings) -> None:
    now, waited = [0.0], []

    def pause(wait_s: float) -> None:
        waited.append(wait_s)
        now[0] += wait_s

    with ServingStore(serving, lambda: now[0], pause) as store:
        assert store.command_result("shop", "never", 1.0) is None
    assert 1.0 <= sum(waited) < 1.1


def test_who_looks_on_is_told_of_what_changes(serving: ServingSettings, store: ServingStore) -> None:
    told(serving, alert("before"))
    looking = store.updates("shop", wait_s=0.05)
    assert next(looking) is None
    read_on(ServingSink(serving, Telemetry("project"), lambda: NOW_MS / 1000), Log(alert("before"), alert("now")))
    found = next(looking)
    assert isinstance(found, Update)
    assert (found.kind, found.subject) == ("alerts", "now")
    again = [next(store.updates("shop", "0-0")), next(store.updates("shop", found.id, 0.05))]
    assert again[0] is not None
    assert again[0].subject == "before"
    assert again[1] is None


def test_one_at_a_time_holds_a_lock_until_it_lets_go_or_its_time_is_over(store: ServingStore) -> None:
    token = store.locks.acquire("reports", 30)
    assert token is not None
    assert store.locks.acquire("reports", 30) is None
    assert store.locks.acquire("other", 30) is not None
    assert not store.locks.release("reports", "somebody else's")
    assert store.locks.release("reports", token)
    assert not store.locks.release("reports", token)
    assert store.locks.acquire("reports", 0.001) is not None
    pause = threading.Event()
    pause.wait(0.05)
    assert store.locks.acquire("reports", 30) is not None


def test_many_who_want_a_lock_get_it_one_at_a_time(serving: ServingSettings, store: ServingStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        tokens = list(pool.map(lambda _: store.locks.acquire("x", 30), range(40)))
    assert len([one for one in tokens if one is not None]) == 1


def test_a_bucket_gives_what_lies_there_and_then_tells_when_more_does(store: ServingStore) -> None:
    waits = [store.rates.take("ann", rate_per_s=0.5, burst=3) for _ in range(5)]
    assert waits[:3] == [0, 0, 0]
    assert 1.5 < waits[3] <= 2
    # What was refused took nothing.
    assert 1.5 < waits[4] <= waits[3]
    assert store.rates.take("bob", 0.5, 3, tokens=3) == 0
    with pytest.raises(ValueError, match="tokens"):
        store.rates.take("bob", 0.5, 3, tokens=4)


def test_a_bucket_gives_no_more_than_it_holds_to_many_at_once(serving: ServingSettings, store: ServingStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: store.rates.take("all", 0.001, 10), range(50)))
    assert waits.count(0) == 10


def test_a_request_that_comes_again_gets_the_first_ones_answer(store: ServingStore) -> None:
    assert store.requests.begin("shop", "k", "d1") is None
    pending = store.requests.begin("shop", "k", "d1")
    assert pending is not None
    assert pending.answer is None
    store.requests.finish("shop", "k", "d1", '{"status": 201}')
    again = store.requests.begin("shop", "k", "d2")
    assert again is not None
    assert (again.digest, again.answer) == ("d1", '{"status": 201}')
    assert store.requests.begin("other", "k", "d1") is None
    store.requests.abandon("shop", "k", "d1")
    assert store.requests.begin("shop", "k", "d1") is not None
    store.requests.abandon("other", "k", "d1")
    assert store.requests.begin("other", "k", "d1") is None


def test_a_store_that_is_away_is_told_in_one_line() -> None:
    with EmbeddedValkey() as server:
        away = ServingStore(server.settings.model_copy(update={"timeout_s": 0.5}))
        away.ping()
    calls = (
        away.ping,
        away.tenants,
        lambda: away.alert("shop", "a"),
        lambda: away.alerts("shop"),
        lambda: away.command_result("shop", "c", 5),
        lambda: next(away.updates("shop")),
        lambda: away.locks.acquire("x", 1),
        lambda: away.rates.take("x", 1, 1),
        lambda: away.requests.begin("shop", "k", "d"),
    )
    for call in calls:
        with pytest.raises(StoreError) as refused:
            call()
        assert refused.value.retry
        assert refused.value.blame == "outside"
        assert "\n" not in str(refused.value)
