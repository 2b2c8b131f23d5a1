"""The sink that keeps records in a database."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from integrations.project.sink import Partition, RebuildError, Record, SinkError
from integrations.records.database import Database
from integrations.records.rows import Row, read_topics, row_of
from integrations.records.settings import RecordsSettings
from integrations.records.tables import AGES, PLACES
from integrations.stores import StoreError
from integrations.telemetry import Telemetry
from schemas.errors import ConfigurationError, NewerVersionError, SchemaError
from schemas.topics import DAY_MS, Topic

_LOG: Final = logging.getLogger(__name__)
NAME: Final = "records"
STAGE: Final = f"project-{NAME}"
_SWEEP_EVERY_S: Final = 3600.0
_ROWS_AT_ONCE: Final = 500


@dataclass(slots=True)
class _Part:
    """A partition: how far the database holds it, and what is not there yet, the newest of each identity."""

    held: int | None = None
    next: int = 0
    rows: dict[tuple[str, tuple[Any, ...]], Row] = field(default_factory=dict)


class RecordsSink:
    """Keeps incidents, alerts, notifications and feedback in a database.

    Everything that a flush writes, and how far each partition then is, goes into one transaction: so a record counts
    once, two writers cannot undo each other, and a database that was lost is noticed, and filled from the beginning.

    Parameters
    ----------
    settings
        Where, and how long.
    telemetry
        Counts what cannot be read, and rows that are written.
    now_s
        Seconds since the epoch: nothing is deleted by a time that has not come.
    clock
        Monotonic seconds.

    Raises
    ------
    ConfigurationError
        If there is no address of a database, or it cannot be one.
    """

    def __init__(
        self,
        settings: RecordsSettings,
        telemetry: Telemetry,
        now_s: Callable[[], float] = time.time,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._now_s = now_s
        self._clock = clock
        self._database = Database(settings, writes=True)
        self._insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
        self._parts: dict[Partition, _Part] = defaultdict(_Part)
        self._newest_ms: dict[str, int] = {}
        self._sweep_at_s = 0.0

    @property
    def name(self) -> str:
        """Of its group."""
        return NAME

    @property
    def topics(self) -> tuple[Topic, ...]:
        """What is kept of."""
        return read_topics()

    @property
    def flush_s(self) -> float:
        """As it is set."""
        return self._settings.flush_s

    # -- places ------------------------------------------------------------------------------------------------

    def places(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """How far the database holds each; its tables are brought up to date before.

        Raises
        ------
        SinkError
            If it does not answer.
        """
        with _sinking(self._database):
            self._database.migrate()
        found = self._held()
        held = {one: found[one] for one in partitions if one in found}
        for one in partitions:
            self._parts[one] = _Part(held.get(one), held.get(one, 0))
        return held

    def check(self) -> None:
        """See whether the database stands where it was left.

        Raises
        ------
        SinkError
            If it does not answer.
        RebuildError
            If it was emptied, replaced, or written by another.
        """
        self._require_same()
        held = self._held()
        for source, part in self._parts.items():
            if part.held != held.get(source):
                raise self._moved(source, part, held.get(source))

    def _held(self) -> dict[Partition, int]:
        with _sinking(self._database), self._database.begin() as connection:
            rows = connection.execute(sa.select(PLACES.c.topic, PLACES.c.partition, PLACES.c.next)).all()
        return {(topic, number): offset for topic, number, offset in rows}

    def _require_same(self) -> None:
        if self._database.was_replaced():
            self._database.dispose()
            raise RebuildError(f"the records at {self._database.place} are gone", "They are made anew")

    def _moved(self, source: Partition, part: _Part, stands: int | None) -> RebuildError:
        what = f"the records at {self._database.place} were left at {part.held} of {source[0]}/{source[1]}"
        return RebuildError(f"{what} and stand at {stands}", "They are read from there")

    def begin(self, partitions: Collection[Partition]) -> None:
        """Forget how far these are; what was recorded of the log before stays, as history.

        Raises
        ------
        SinkError
            If the database does not answer.
        """
        with _sinking(self._database), self._database.begin() as connection:
            for topic, number in partitions:
                connection.execute(sa.delete(PLACES).where(PLACES.c.topic == topic, PLACES.c.partition == number))

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Begin where the database stands."""

    def revoked(self, partitions: Collection[Partition]) -> None:
        """Drop what is not written: it comes again. Connections are let go of."""
        self._parts.clear()
        self._database.dispose()

    # -- records -----------------------------------------------------------------------------------------------

    def take(self, records: Sequence[Record]) -> None:
        """Keep the newest row of each identity until the next flush."""
        for record in records:
            part = self._parts[record.topic, record.partition]
            if record.offset < part.next:
                continue
            part.next = record.offset + 1
            try:
                row = row_of(record)
            except (SchemaError, NewerVersionError) as error:
                self._telemetry.rejected.labels(STAGE, record.topic, "unreadable").inc()
                _LOG.debug("%s", error, extra={"partition": record.partition, "offset": record.offset})
                continue
            if row is not None:
                part.rows[row.table.name, row.identity] = row
                tenant = row.values["tenant"]
                self._newest_ms[tenant] = max(self._newest_ms.get(tenant, 0), row.at_ms)

    def flush(self) -> None:
        """Write everything that was taken in one transaction; then delete what is too old.

        Raises
        ------
        SinkError
            If the database does not answer; what was not written stays here.
        RebuildError
            If it does not stand where it was left.
        """
        moved = {source: part for source, part in self._parts.items() if part.next != (part.held or 0)}
        self._require_same()
        with _sinking(self._database), self._database.begin() as connection:
            for source, part in moved.items():
                self._move(connection, source, part)
            self._write(connection, [row for part in moved.values() for row in part.rows.values()])
            self._sweep(connection)
        for source, part in moved.items():
            self._telemetry.outputs.labels(STAGE, source[0]).inc(len(part.rows))
            part.held = part.next
            part.rows.clear()

    def _move(self, connection: sa.Connection, source: Partition, part: _Part) -> None:
        """Move a partition on, if it stands where we left it."""
        topic, number = source
        where = (PLACES.c.topic == topic) & (PLACES.c.partition == number)
        if part.held is None:
            values = {"topic": topic, "partition": number, "next": part.next}
            done = connection.execute(self._insert(PLACES).values(values).on_conflict_do_nothing())
        else:
            done = connection.execute(sa.update(PLACES).where(where, PLACES.c.next == part.held).values(next=part.next))
        if done.rowcount != 1:
            stands = connection.execute(sa.select(PLACES.c.next).where(where)).scalar()
            # The answer to a commit was lost on its way, and this is asked again.
            if stands != part.next:
                raise self._moved(source, part, stands)

    def _write(self, connection: sa.Connection, rows: Iterable[Row]) -> None:
        by_table: dict[sa.Table, list[dict[str, Any]]] = defaultdict(list)
        for row in rows:
            by_table[row.table].append(row.values)
        for table, values in by_table.items():
            insert = self._insert(table)
            keys = [column.name for column in table.primary_key]
            others = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
            upsert = insert.on_conflict_do_update(index_elements=keys, set_=others)
            for first in range(0, len(values), _ROWS_AT_ONCE):
                connection.execute(upsert, values[first : first + _ROWS_AT_ONCE])

    def _sweep(self, connection: sa.Connection) -> None:
        if self._clock() < self._sweep_at_s:
            return
        self._sweep_at_s = self._clock() + _SWEEP_EVERY_S
        for tenant, newest_ms in self._newest_ms.items():
            before_ms = min(newest_ms, int(self._now_s() * 1000)) - self._settings.days * DAY_MS
            for table, column in AGES:
                connection.execute(sa.delete(table).where(table.c.tenant == tenant, table.c[column] < before_ms))


@contextlib.contextmanager
def _sinking(database: Database) -> Iterator[None]:
    """Tell what a database refuses as a sink does."""
    try:
        with database.answering():
            yield
    except (StoreError, ConfigurationError) as error:
        raise SinkError(error.what, error.way_out or "Nothing is lost meanwhile") from error
