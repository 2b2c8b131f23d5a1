"""The sink that keeps history."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import pyarrow as pa

from integrations.history.files import (
    Write,
    day_folder,
    days_in,
    delete_day,
    delete_unfinished,
    file_name,
    files_in,
    make_one,
    write_table,
)
from integrations.history.kinds import Kind, Row, day_of, kinds_of
from integrations.history.settings import HistorySettings
from integrations.project.sink import Partition, Record, SinkError
from integrations.telemetry import Telemetry
from schemas.errors import ConfigurationError, NewerVersionError, SchemaError
from schemas.topics import HOUR_MS, Topic

_LOG: Final = logging.getLogger(__name__)
NAME: Final = "history"
STAGE: Final = f"project-{NAME}"
SETTLED_MS: Final = 2 * HOUR_MS
"""So long after its end a day is over: later than that nothing is counted any more."""
MOST_FILES: Final = 120
"""A day that is not over and has more of them is made one file, too."""

Place = tuple[str, str, int, int]
"""Kind, tenant, day and partition: what a file is of."""


class HistorySink:
    """Keeps statuses, alerts and ended incidents as Parquet.

    Parameters
    ----------
    settings
        Where, how long, how densely.
    telemetry
        Counts what cannot be read, and rows that are written.
    now_s
        Seconds since the epoch: no day is deleted by a time that has not come.
    write
        Writes a file whole.

    Raises
    ------
    ConfigurationError
        If there is no folder to keep it in.
    """

    def __init__(
        self,
        settings: HistorySettings,
        telemetry: Telemetry,
        now_s: Callable[[], float] = time.time,
        write: Write = write_table,
    ) -> None:
        if settings.folder is None:
            raise ConfigurationError("history has no folder", "Set history.folder")
        self._root = settings.folder
        self._settings = settings
        self._telemetry = telemetry
        self._now_s = now_s
        self._write_table = write
        self._kinds = kinds_of(settings.status_every_s)
        self._by_topic = {kind.topic.name: kind for kind in self._kinds}
        self._rows: dict[Place, dict[tuple[str | int, ...], Row]] = defaultdict(dict)
        self._written: dict[Path, Kind] = {}
        self._newest_ms = 0
        self._swept_day: int | None = None

    @property
    def name(self) -> str:
        """Of its group."""
        return NAME

    @property
    def topics(self) -> tuple[Topic, ...]:
        """What is kept of."""
        return tuple(kind.topic for kind in self._kinds)

    @property
    def flush_s(self) -> float:
        """As it is set."""
        return self._settings.flush_s

    def take(self, records: Sequence[Record]) -> None:
        """Keep the newest row of each identity until the next flush."""
        for record in records:
            kind = self._by_topic[record.topic]
            try:
                row = kind.row(record)
            except (SchemaError, NewerVersionError) as error:
                self._telemetry.rejected.labels(STAGE, record.topic, "unreadable").inc()
                _LOG.debug("%s", error, extra={"partition": record.partition, "offset": record.offset})
                continue
            if row is not None:
                self._keep(kind, row, record.partition)

    def _keep(self, kind: Kind, row: Row, partition: int) -> None:
        rows = self._rows[kind.name, row.tenant, row.day, partition]
        before = rows.get(row.identity)
        if before is None or before.version <= row.version:
            rows[row.identity] = row
        if kind is self._kinds[0]:
            self._newest_ms = max(self._newest_ms, row.version[0])

    def flush(self) -> None:
        """Write a file a kind, tenant, day and partition; then see to days that are over.

        Raises
        ------
        SinkError
            If the disk is full, or the folder cannot be written; what was not written stays here.
        """
        try:
            for place in sorted(self._rows):
                self._write(place)
                del self._rows[place]
            self._tidy(self._written)
            self._written.clear()
        except OSError as error:
            raise SinkError(
                f"history cannot be written to {self._root} ({error.strerror or error})",
                "Make room or mend the folder: nothing is lost meanwhile",
            ) from error

    def _write(self, place: Place) -> None:
        name, tenant, day, partition = place
        kind = next(one for one in self._kinds if one.name == name)
        rows = [row.values for _, row in sorted(self._rows[place].items())]
        folder = day_folder(self._root, name, tenant, day)
        self._write_table(pa.Table.from_pylist(rows, schema=kind.schema), folder / file_name(partition, rows))
        self._telemetry.outputs.labels(STAGE, f"history.{name}").inc(len(rows))
        self._written[folder] = kind

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Begin with nothing; days that ended while nobody was here are seen to at the next flush."""
        self._swept_day = None

    def revoked(self, partitions: Collection[Partition]) -> None:
        """Drop what is not written: it comes again."""
        self._rows.clear()

    # -- days that are over ------------------------------------------------------------------------------------

    def _tidy(self, written: Mapping[Path, Kind]) -> None:
        """Make one file of days that are over, or of too many; delete the oldest days."""
        for folder, kind in written.items():
            if len(files_in(folder)) > MOST_FILES:
                self._make_one(kind, folder)
        over = self._over_before()
        if over == self._swept_day:
            return
        for kind in self._kinds:
            for day, folder in days_in(self._root, kind.name):
                if day < over - self._settings.days:
                    delete_day(folder)
                elif day < over:
                    self._make_one(kind, folder)
                    delete_unfinished(folder)
        self._swept_day = over

    def _make_one(self, kind: Kind, folder: Path) -> None:
        try:
            make_one(kind, folder, self._write_table)
        except pa.ArrowInvalid as error:  # somebody else's, or damaged: left to people, and nothing is deleted
            _LOG.warning("a file of history cannot be read, its day stays as it is: %s", error)

    def _over_before(self) -> int:
        """The first day that is not over, by event time; a time that has not come yet ends none."""
        return day_of(min(self._newest_ms, int(self._now_s() * 1000)) - SETTLED_MS)
