"""The records against SQLite and a real PostgreSQL: written once whatever is read again, and read as they were told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from integrations.project import RebuildError, SinkError
from integrations.records import RecordsSettings
from integrations.records.database import Database
from integrations.records.store import AlertQuery, IncidentQuery, RecordsStore
from integrations.records.tables import METADATA
from integrations.stores import CursorError, StoreError
from integrations.telemetry import Telemetry
from schemas.topics import ALERTS, SILENCES
from tests.integration.stores import all_rows as everything_in
from tests.integration.stores import emptied, let_go, told
from tests.integration.stores import records_sink as sink_of
from tests.unit.integrations.serving.telling import (
    HOUR_MS,
    NOW_MS,
    Log,
    alert,
    entry,
    feedback,
    incident,
    member,
    notification,
    outcome,
    read_on,
    silence,
    status,
)

DAY_MS = 24 * HOUR_MS


@pytest.fixture
def store(records: RecordsSettings) -> Iterator[RecordsStore]:
    with RecordsStore(records) as found:
        yield found


@pytest.fixture(autouse=True)
def connections_are_let_go_of() -> Iterator[None]:
    yield
    let_go()


def test_migrations_end_with_the_tables_that_are_read(records: RecordsSettings) -> None:
    found = Database(records, writes=True)
    with found.begin() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    found.dispose()


def test_many_writers_that_start_at_once_bring_the_tables_up_to_date_once(
    tmp_path: Path, postgres: RecordsSettings
) -> None:
    found = Database(postgres, writes=True)
    with found.begin() as connection:
        METADATA.drop_all(connection)
        connection.execute(sa.text("DROP TABLE IF EXISTS alembic_version"))
    found.dispose()
    for where in (RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path}/new/records.db")), postgres):
        with ThreadPoolExecutor(6) as pool:
            places = list(pool.map(lambda _, where=where: sink_of(where).places({("alerts", 0)}), range(6)))
        assert places == [{}] * 6
        with RecordsStore(where) as store:
            store.ping()


def test_what_was_told_is_read_back(records: RecordsSettings, store: RecordsStore) -> None:
    told(
        records,
        alert("a", labels={"team": "web"}, rule="disk-full", incident_id="i0"),
        alert("a", "resolved", labels={"team": "web"}, rule="disk-full", incident_id="i0"),
        status("a", receivers=["web"]),
        feedback("a", "false"),
        feedback("a", note="it was the disk"),
        silence("s"),
        incident("i1", "merged", merged_into="i0"),
        incident("i0", aliases=["i1"]),
        entry(2, "i1", NOW_MS),
        entry(1, "i0", NOW_MS - 1),
        entry(3, "i0", NOW_MS),
        notification("n", incident_id="i0"),
        outcome("n", 1, "retry"),
        outcome("n", 2),
    )
    assert store.alert("shop", "a") == alert(
        "a", "resolved", labels={"team": "web"}, rule="disk-full", incident_id="i0"
    )
    assert store.status("shop", "a") == status("a", receivers=["web"])
    assert store.feedback("shop", "a") == feedback("a", note="it was the disk")
    assert store.silence("shop", "s") == silence("s")
    assert store.incident("shop", "i1") == store.incident("shop", "i0") == incident("i0", aliases=["i1"])
    assert [one.id for one in store.timeline("shop", "i1")] == ["e1", "e2", "e3"]
    assert store.notifications("shop", "i0").items == [notification("n", incident_id="i0")]
    assert [one.outcome for one in store.results("shop", "n")] == ["retry", "delivered"]
    assert store.alert("other", "a") is None
    assert store.incident("shop", "i9") is None


def test_pages_and_filters(records: RecordsSettings, store: RecordsStore) -> None:
    alerts = [alert(f"a{n}", started_ms=NOW_MS + n // 3, rule=f"r{n % 2}") for n in range(10)]
    incidents = [
        incident("i0", members=[member("a", labels={"team": "web"}).model_dump()]),
        incident("i1", "resolved", NOW_MS + 5, priority="P0"),
        incident("i2", "merged", merged_into="i0"),
    ]
    told(records, *alerts, *incidents)
    seen, cursor = [], None
    while True:
        page = store.alerts("shop", limit=4, cursor=cursor)
        seen += [one.id for one in page.items]
        cursor = page.cursor
        if cursor is None:
            break
    assert seen == [f"a{n}" for n in reversed(range(10))]
    assert {one.id for one in store.alerts("shop", AlertQuery(rule="r1")).items} == {f"a{n}" for n in range(1, 10, 2)}
    between = AlertQuery(since_ms=NOW_MS + 1, until_ms=NOW_MS + 2)
    assert {one.id for one in store.alerts("shop", between).items} == {"a3", "a4", "a5"}
    assert [one.id for one in store.incidents("shop").items] == ["i1", "i0"]
    assert [one.id for one in store.incidents("shop", IncidentQuery(team="web")).items] == ["i0"]
    merged = IncidentQuery(states=frozenset({"merged"}))
    assert [one.id for one in store.incidents("shop", merged).items] == ["i2"]
    assert [one.id for one in store.incidents("shop", IncidentQuery(priorities=frozenset({"P0"}))).items] == ["i1"]
    with pytest.raises(CursorError):
        store.alerts("shop", cursor="nonsense")


EVENTS = st.one_of(
    st.builds(alert, st.sampled_from("abc"), st.sampled_from(["firing", "resolved"])),
    st.builds(incident, st.sampled_from("ij"), st.sampled_from(["open", "resolved"])),
    st.builds(entry, st.integers(0, 9), st.sampled_from("ij")),
    st.builds(silence, st.sampled_from("st"), st.integers(NOW_MS, NOW_MS + HOUR_MS)),
    st.builds(feedback, st.sampled_from("abc"), st.sampled_from(["actioned", "false"])),
    st.builds(outcome, st.sampled_from("mn"), st.integers(1, 3)),
)
MEMBERS = st.lists(st.tuples(st.integers(0, 12), st.booleans(), st.integers(0, 12)), max_size=5)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(EVENTS, max_size=25), MEMBERS)
def test_whatever_is_read_again_comes_to_the_log_read_once(
    database: RecordsSettings, events: list[Any], members: list[tuple[int, bool, int]]
) -> None:
    log = Log(*events)
    read_on(sink_of(emptied(database)), log)
    expected = everything_in(database)
    emptied(database)
    for count, flushes, back in members:
        sink = sink_of(database)
        places = sink.places(log.partitions)
        sink.take(log.since({one: max(0, place - back) for one, place in places.items()})[:count])
        if flushes:
            sink.flush()
    read_on(sink_of(database), log)
    let_go()
    assert everything_in(database) == expected


def test_a_database_that_was_emptied_is_noticed_and_filled_again(records: RecordsSettings) -> None:
    log = Log(alert("a"), incident("i"), entry(1, "i"))
    sink = sink_of(records)
    read_on(sink, log)
    before = everything_in(records)
    emptied(records)
    log.tell(alert("a"))
    sink.take(log.records[-1:])
    with pytest.raises(RebuildError):
        sink.flush()
    read_on(sink, log)
    after = everything_in(records)
    assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before.items()}


def test_tables_that_were_dropped_are_made_again(records: RecordsSettings) -> None:
    log, sink = Log(alert("a")), sink_of(records)
    read_on(sink, log)
    found = Database(records, writes=True)
    with found.begin() as connection:
        METADATA.drop_all(connection)
        connection.execute(sa.text("DROP TABLE alembic_version"))
    found.dispose()
    log.tell(alert("b"))
    sink.take(log.records[-1:])
    with pytest.raises(SinkError):
        sink.flush()
    sink.revoked(log.partitions)
    read_on(sink, log)
    assert len(everything_in(records)["alerts"]) == 2


def test_a_file_that_was_deleted_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    where = RecordsSettings(url=SecretStr(f"sqlite:///{path}"))
    log, sink = Log(alert("a")), sink_of(where)
    read_on(sink, log)
    for one in tmp_path.iterdir():
        one.unlink()
    log.tell(alert("b"))
    sink.take(log.records[-1:])
    with pytest.raises(RebuildError, match="gone"):
        sink.flush()
    read_on(sink, log)
    with RecordsStore(where) as store:
        assert {one.id for one in store.alerts("shop").items} == {"a", "b"}


@pytest.mark.parametrize("before", [0, 1], ids=["which held nothing", "which held something"])
def test_a_writer_that_lost_its_partition_undoes_nothing(
    records: RecordsSettings, store: RecordsStore, before: int
) -> None:
    log = Log(*[alert("earlier")] * before)
    read_on(sink_of(records), log)
    log.tell(alert("a"))
    zombie, owner = sink_of(records), sink_of(records)
    zombie.places({("alerts", 0)})
    zombie.take(log.records)
    read_on(owner, log)
    log.tell(alert("a", "resolved"))
    owner.take(log.records[-1:])
    owner.flush()
    with pytest.raises(RebuildError):
        zombie.flush()
    found = store.alert("shop", "a")
    assert found is not None
    assert found.state == "resolved"


def test_another_log_is_read_from_its_start_and_history_stays(records: RecordsSettings, store: RecordsStore) -> None:
    told(records, alert("old"))
    sink, log = sink_of(records), Log(alert("new"))
    assert sink.places(log.partitions) == {("alerts", 0): 1}
    sink.begin(log.partitions)
    assert sink.places(log.partitions) == {}
    sink.take(log.records)
    sink.flush()
    assert {one.id for one in store.alerts("shop").items} == {"old", "new"}


def test_what_is_older_than_the_retention_is_deleted(records: RecordsSettings, store: RecordsStore) -> None:
    old_ms = NOW_MS - 40 * DAY_MS
    short = records.model_copy(update={"days": 30})
    events = [alert("old", "resolved", old_ms), entry(1, "i", old_ms), silence("s", old_ms), alert("new")]
    read_on(sink_of(short), Log(*events))
    assert [one.id for one in store.alerts("shop").items] == ["new"]
    assert store.timeline("shop", "i") == []
    assert store.silence("shop", "s") is None


def test_tombstones_forget_nothing_and_unreadable_bytes_are_counted(
    records: RecordsSettings, store: RecordsStore
) -> None:
    telemetry, log = Telemetry("project"), Log(silence("s"))
    log.put(SILENCES, "shop/s", None)
    log.put(ALERTS, "x", b"{nonsense")
    read_on(sink_of(records, telemetry=telemetry), log)
    assert store.silence("shop", "s") is not None
    labels = {"stage": "project-records", "source": "alerts", "reason": "unreadable"}
    assert telemetry.registry.get_sample_value("metrics_ai_rejected_total", labels) == 1


# -- trouble ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["sqlite:////nowhere/at/all/records.db", "postgresql://ann:hidden@127.0.0.1:1/records"],
    ids=["file", "server"],
)
def test_records_that_are_away_are_told_in_one_line(url: str) -> None:
    with RecordsStore(RecordsSettings(url=SecretStr(url), timeout_s=1)) as store, pytest.raises(StoreError) as refused:
        store.ping()
    assert refused.value.retry
    assert "hidden" not in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_database_that_somebody_holds_is_not_written_to_and_nothing_is_lost(tmp_path: Path) -> None:
    where = RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path}/records.db"), timeout_s=0.2)
    log, sink = Log(alert("a")), sink_of(where)
    sink.places(log.partitions)
    sink.take(log.records)
    other = Database(where, writes=True)
    with other.begin(), pytest.raises(SinkError, match="locked"):
        sink.flush()
    sink.flush()
    with RecordsStore(where) as store:
        assert store.alert("shop", "a") is not None


def test_tables_of_a_newer_release_are_left_alone(tmp_path: Path) -> None:
    where = RecordsSettings(url=SecretStr(f"sqlite:///{tmp_path}/records.db"))
    found = Database(where, writes=True)
    found.migrate()
    with found.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    found.dispose()
    make: Callable[[], object] = lambda: sink_of(where).places({("alerts", 0)})  # noqa: E731
    with pytest.raises(SinkError, match="of another release"):
        make()
