"""Stores for tests: the embedded Valkey, a SQLite file, and a PostgreSQL where one is installed."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from integrations.kafka.process import dying_with_parent, free_port
from integrations.records import RecordsSettings
from integrations.records.database import Database
from integrations.records.sink import RecordsSink
from integrations.records.store import RecordsStore
from integrations.records.tables import METADATA
from integrations.serving.connection import connect
from integrations.serving.settings import ServingSettings
from integrations.serving.store import ServingStore
from integrations.stores import StoreError
from integrations.telemetry import Telemetry
from schemas.base import Event
from tests.unit.integrations.serving.telling import NOW_MS, Log, read_on

_ANSWER_S = 20.0


def postgres_programs() -> Path | None:
    """Where the newest PostgreSQL of this machine has its programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda one: float(one.parts[-3]))
    on_path = shutil.which("postgres")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _nobody() -> dict[str, Any]:
    """PostgreSQL does not run as root: as whom, then."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": ()}
    return {}


@contextlib.contextmanager
def running_postgres() -> Iterator[RecordsSettings]:
    """A server of its own on a free port, in a folder of the user that runs it."""
    programs = postgres_programs()
    if programs is None:
        pytest.skip("no PostgreSQL is installed (Debian: postgresql)")
    owner = _nobody()
    # Not below pytest's own folder, which is closed to others.
    folder = Path(tempfile.mkdtemp(prefix="metrics-ai-postgres-"))
    if owner:
        os.chown(folder, owner["user"], owner["group"])
    port = free_port()
    data = str(folder / "data")
    words = ["-U", "tester", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C", "-D", data]
    subprocess.run([programs / "initdb", *words], check=True, capture_output=True, cwd=folder, **owner)
    options = ["-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", str(folder), "-c", "fsync=off"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "postgres", *options],
            stdout=log,
            stderr=log,
            cwd=folder,
            preexec_fn=dying_with_parent(),  # noqa: PLW1509  # one foreign call, loaded before
            **owner,
        )
    try:
        _await_answer(programs, port, server)
        yield RecordsSettings(url=SecretStr(f"postgresql://tester@127.0.0.1:{port}/postgres"))
    finally:
        server.send_signal(signal.SIGINT)  # its fast end: it does not wait for clients
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _await_answer(programs: Path, port: int, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _ANSWER_S
    command = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-U", "tester"]
    while subprocess.run(command, check=False).returncode != 0:
        assert server.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)


def everything_in(settings: ServingSettings) -> dict[str, Any]:
    """All that a serving store holds, but for what its own clock made."""
    redis = connect(settings)
    readings = {
        "hash": redis.hgetall,
        "zset": lambda key: sorted(redis.zrange(key, 0, -1, withscores=True)),
        "list": lambda key: redis.lrange(key, 0, -1),
        "set": lambda key: sorted(redis.smembers(key)),
        "string": redis.get,
        "stream": lambda key: sorted({(one["kind"], one["subject"]) for _, one in redis.xrange(key)}),
    }
    with redis:
        return {key: readings[redis.type(key)](key) for key in sorted(redis.scan_iter(match=f"{settings.prefix}*"))}


def emptied_store(settings: ServingSettings) -> ServingSettings:
    """A serving store with nothing in it."""
    with connect(settings) as redis:
        redis.flushall()
    return settings


def emptied(records: RecordsSettings) -> RecordsSettings:
    """A database with our tables, and nothing in them."""
    found = Database(records, writes=True)
    found.migrate()
    with found.begin() as connection:
        for table in METADATA.sorted_tables:
            connection.execute(sa.delete(table))
    found.dispose()
    return records


_MADE: list[RecordsSink] = []


def records_sink(records: RecordsSettings, telemetry: Telemetry | None = None) -> RecordsSink:
    """A sink whose connections ``let_go`` lets go of."""
    sink = RecordsSink(records, telemetry or Telemetry("project"), lambda: NOW_MS / 1000 + 86_400)
    _MADE.append(sink)
    return sink


def let_go() -> None:
    """Close the connections of all sinks that were made."""
    for sink in _MADE:
        sink.revoked(())
    _MADE.clear()


def told(records: RecordsSettings, *events: Event) -> Log:
    """A log of events, and a database that was told of it."""
    log = Log(*events)
    read_on(records_sink(records), log)
    return log


def all_rows(records: RecordsSettings) -> dict[str, list[tuple[Any, ...]]]:
    """All that a database holds, by table."""
    found = Database(records, writes=False)
    with found.begin() as connection:
        rows = {
            table.name: sorted((tuple(row) for row in connection.execute(sa.select(table))), key=repr)
            for table in METADATA.sorted_tables
        }
    found.dispose()
    return rows


def held(serving: ServingSettings) -> int:
    """How many records a serving store is made of; 0 of one that does not answer."""
    with contextlib.suppress(StoreError), ServingStore(serving) as store:
        return sum(store.applied().values())
    return 0


def stands(records: RecordsSettings) -> int:
    """How many records a database is made of; 0 of one that is not there."""
    with contextlib.suppress(StoreError), RecordsStore(records) as store:
        return sum(store.applied().values())
    return 0
