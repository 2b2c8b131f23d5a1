"""Reads history back: each identity once, in its newest version, however many files say it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds

from integrations.history.files import days_in, files_in
from integrations.history.kinds import ALERTS, ENDED_INCIDENTS, Kind, day_of, status_kind, status_of
from integrations.history.newest import newest
from schemas.errors import ConfigurationError, MachineError
from schemas.incident_events import Incident
from schemas.slo_events import SloAlert, SloStatus
from schemas.topics import DAY_MS
from slo.packing import FloatArray
from slo.report import Burned, Course, SloHistory

_TRIES: Final = 5
_COURSE: Final = (
    "tenant",
    "slo",
    "until_ms",
    "at_ms",
    "offset",
    "own_compliance",
    "own_remaining_of_period",
    "daily_bad",
    "daily_total",
    "burn",
)
_LONGEST_ALERT_MS: Final = 35 * DAY_MS
"""An alert is looked for so long before a report begins: it may have been open since then."""
_Found = TypeVar("_Found")


class Span(NamedTuple):
    """From ``from_ms`` to ``to_ms``, both in it; None is as far as there is something."""

    from_ms: int | None = None
    to_ms: int | None = None


class _Part(NamedTuple):
    """Which part of a kind: of a tenant, of rows, of columns; None is all."""

    tenant: str | None = None
    where: pc.Expression | None = None
    columns: Sequence[str] | None = None


class History:
    """A folder of history.

    Parameters
    ----------
    folder
        As ``history.folder`` has it.

    Raises
    ------
    ConfigurationError
        If there is no history in it.
    """

    def __init__(self, folder: Path) -> None:
        self._root = folder
        self._status = status_kind(60)
        if not folder.is_dir() or next(days_in(folder, self._status.name), None) is None:
            raise ConfigurationError(
                f"{folder} holds no history of objectives",
                "metrics-ai up and the role project write it (history.folder); a recording needs --data and "
                "--definition",
            )

    def keys(self, span: Span) -> list[str]:
        """The objectives that there is something of, as TENANT/NAME."""
        table = _again(lambda: self._rows(self._status, span, _Part(columns=("tenant", "slo"))))
        groups = table.group_by(["tenant", "slo"]).aggregate([])
        return sorted(f"{one['tenant']}/{one['slo']}" for one in groups.to_pylist())

    def of(self, key: str, span: Span) -> SloHistory:
        """What is known of an objective in a time; without a start, since its own period began.

        Raises
        ------
        ConfigurationError
            If that is nothing.
        MachineError
            If a file cannot be read.
        """
        return _again(lambda: self._of(key, span))

    def _of(self, key: str, span: Span) -> SloHistory:
        tenant, _, name = key.partition("/")
        part = _Part(tenant, (pc.field("tenant") == tenant) & (pc.field("slo") == name))
        last = self._last(key, part, span)
        from_ms = last.budget("own").start_ms if span.from_ms is None else span.from_ms
        span = Span(min(from_ms, last.at_ms), span.to_ms)
        course = newest(self._rows(self._status, span, part._replace(columns=_COURSE)), self._status)
        # What was open when the time begins began before it, and what ends an incident may come after it.
        alerts = self._rows(ALERTS, Span(max(0, from_ms - _LONGEST_ALERT_MS), span.to_ms), part)
        theirs = _Part(tenant, pc.field("tenant") == tenant)
        incidents = newest(self._rows(ENDED_INCIDENTS, Span(span.from_ms), theirs), ENDED_INCIDENTS)
        named = [row for row in incidents.to_pylist() if name in (row["slos"] or ())]
        return SloHistory(
            last,
            _course(course),
            [SloAlert.from_bytes(row["body"].encode()) for row in newest(alerts, ALERTS).to_pylist()],
            [Incident.from_bytes(row["body"].encode()) for row in named],
        )

    def _last(self, key: str, part: _Part, span: Span) -> SloStatus:
        days = sorted({day for day, _ in days_in(self._root, self._status.name, part.tenant)}, reverse=True)
        for day in days:
            begin = Span(day * DAY_MS + 1, min((day + 1) * DAY_MS, span.to_ms or (day + 1) * DAY_MS))
            if not _meet(begin, span):
                continue
            found = newest(self._rows(self._status, begin, part), self._status)
            if len(found):
                return status_of(found.sort_by("at_ms").slice(len(found) - 1).to_pylist()[0])
        raise ConfigurationError(f"nothing is known of {key} in that time", "metrics-ai slo report tells of all")

    def _rows(self, kind: Kind, span: Span, part: _Part) -> pa.Table:
        """Rows of the days of a span, those of its last day not beyond it."""
        first = -math.inf if span.from_ms is None else day_of(span.from_ms)
        last = math.inf if span.to_ms is None else day_of(span.to_ms)
        days = days_in(self._root, kind.name, part.tenant)
        files = [str(file) for day, folder in days if first <= day <= last for file in files_in(folder)]
        where = part.where
        if span.to_ms is not None:
            until = pc.field(kind.time) <= span.to_ms
            where = until if where is None else where & until
        columns = None if part.columns is None else list(part.columns)
        return ds.dataset(files, schema=kind.schema, format="parquet").to_table(columns=columns, filter=where)


def _meet(one: Span, other: Span) -> bool:
    """Whether two times have something in common."""
    starts = [span.from_ms for span in (one, other) if span.from_ms is not None]
    ends = [span.to_ms for span in (one, other) if span.to_ms is not None]
    return not starts or not ends or max(starts) <= min(ends)


def _course(table: pa.Table) -> Course:
    ordered = table.sort_by("at_ms")
    at_ms = _column(ordered, "at_ms").astype(np.int64)
    nothing = np.full(len(at_ms), np.nan)
    day = Burned(_column(ordered, "daily_bad"), _column(ordered, "daily_total"), nothing)
    compliance, left = _column(ordered, "own_compliance"), _column(ordered, "own_remaining_of_period")
    return Course(at_ms, compliance, left, day, _burn(ordered["burn"].combine_chunks()))


def _burn(column: pa.Array) -> dict[int, Burned]:
    """Lists of windows as columns by window."""
    rows = pc.list_parent_indices(column).to_numpy()
    flat = pc.list_flatten(column)
    lengths = flat.field("window_s").to_numpy(zero_copy_only=False)
    values = [flat.field(name).to_numpy(zero_copy_only=False) for name in ("bad", "total", "burn_rate")]
    found = {}
    for window_s in np.unique(lengths).tolist():
        mine = lengths == window_s
        columns = []
        for value in values:
            filled: FloatArray = np.full(len(column), np.nan)
            filled[rows[mine]] = value[mine]
            columns.append(filled)
        found[int(window_s)] = Burned(*columns)
    return found


def _column(table: pa.Table, name: str) -> FloatArray:
    values: FloatArray = table[name].to_numpy().astype(np.float64)
    return values


def _again(read: Callable[[], _Found]) -> _Found:
    """Read; a file that was made one with others meanwhile is no error."""
    for number in range(_TRIES):
        try:
            return read()
        except FileNotFoundError as error:
            if number == _TRIES - 1:
                raise MachineError(f"history changes faster than it is read: {error}", "Try again") from error
        except (OSError, pa.ArrowInvalid) as error:
            raise MachineError(f"a file of history cannot be read: {error}", "Move it elsewhere") from error
    raise AssertionError
