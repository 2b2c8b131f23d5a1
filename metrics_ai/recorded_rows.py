"""Rows of a recording, as Arrow columns, become samples of interned series.

``timestamp`` and ``value`` are needed. ``metric``, ``labels`` (a JSON object, ``a="b",c="d"``, a map or a struct),
``type`` and ``unit`` are read where they are there; any other column of text is a label of its name.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from integrations.formats import SeriesTable
from integrations.formats.base import TimeUnit
from integrations.formats.times import column_to_ms, ints_to_ms, ms_or_bad
from metrics_ai.tally import TOLD, Tally
from schemas.batch import SampleBatch
from schemas.errors import ConfigurationError

_NAMED: Final = ("metric", "labels", "type", "unit")
_PAIR: Final = re.compile(r'\s*([A-Za-z_][A-Za-z0-9_.:-]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_SERIES: Final = re.compile(r"(?P<metric>[^{}]+)(?:\{(?P<labels>.*)\})?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NAN: Final = re.compile(r"[+-]?nan\([A-Za-z0-9_]*\)", re.IGNORECASE)
_BAD: Final = -1
_FEW_CODES: Final = 1 << 16
_MAX_CELL: Final = 80

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


def parse_series_name(text: str) -> tuple[str, dict[str, str]]:
    """Metric and labels of a name in Prometheus' style.

    Raises
    ------
    ConfigurationError
        If it is not ``metric`` or ``metric{label="value", ...}``.

    Examples
    --------
    >>> parse_series_name('cpu{node="h1"}')
    ('cpu', {'node': 'h1'})
    """
    found = _SERIES.fullmatch(text)
    if found is None:
        raise ConfigurationError(f"{text!r} names no series", 'Write metric or metric{label="value"}')
    return found["metric"].strip(), parse_labels(found["labels"] or "")


def parse_labels(text: str) -> dict[str, str]:
    """Labels of a JSON object, or of ``a="b", c="d"`` with or without braces.

    Raises
    ------
    ConfigurationError
        If it is neither.

    Examples
    --------
    >>> parse_labels('{"node": "h1"}') == parse_labels('node="h1"') == parse_labels('{node="h1"}')
    True
    """
    text = text.strip()
    if text.startswith('{"'):
        try:
            body = json.loads(text)
        except ValueError as error:
            raise ConfigurationError(f"labels {text[:80]!r} are not JSON: {error}") from error
        return {str(name): str(value) for name, value in body.items() if value is not None}
    rest = text.removeprefix("{").removesuffix("}").strip()
    labels, at = {}, 0
    while at < len(rest):
        found = _PAIR.match(rest, at)
        if found is None:
            raise ConfigurationError(f"labels {text[:80]!r} cannot be read", 'Write a="b", c="d" or a JSON object')
        labels[found[1]] = re.sub(r"\\(.)", r"\1", found[2])
        at = found.end()
    return labels


@dataclass(frozen=True, slots=True)
class Naming:
    """What a recording's rows do not say of their series."""

    metric: str
    labels: Mapping[str, str]
    type: str = "gauge"
    unit: str = ""
    time_unit: TimeUnit = "auto"


class RowReader:
    """Reads the rows of one recording, many at a time.

    Parameters
    ----------
    naming
        What the rows do not say.
    table
        Where series are interned.
    tally
        Where rows are counted that become no sample.
    name
        The recording's.
    every_row
        Whether rows without a value, or with one that is not finite, become samples that are no number.
    """

    def __init__(
        self, naming: Naming, table: SeriesTable, tally: Tally, name: str = "", *, every_row: bool = False
    ) -> None:
        self._naming = naming
        self._table = table
        self._tally = tally
        self._name = name
        self._every_row = every_row
        self._read = 0
        self.stamps: pa.Array = pa.array([], pa.utf8())
        self._known: dict[tuple[Any, ...], int] = {}

    def read(self, rows: pa.RecordBatch) -> SampleBatch | None:
        """The samples of some rows, in their order; None if there is none. ``stamps`` are then their times as written.

        Raises
        ------
        ConfigurationError
            If there is no column ``timestamp`` or ``value``.
        """
        for name in ("timestamp", "value"):
            if name not in rows.schema.names:
                raise ConfigurationError(
                    f"no column {name!r} among {', '.join(rows.schema.names)[:200]}",
                    "Name the columns timestamp, value",
                )
        times = _times(rows.column("timestamp"), self._naming.time_unit)
        value, unreadable = _values(rows.column("value"))
        series = self._series(rows)
        missing = np.isnan(value) & ~unreadable & _is_null(rows.column("value"))
        good = np.ones(len(times), np.bool_)
        good = self._reject("bad_timestamp", times >= 0, good, rows, "timestamp")
        good = self._reject("bad_labels", series != _BAD, good, rows, "labels")
        good = self._reject("bad_value", ~unreadable, good, rows, "value")
        numbers = self._skip("null", ~missing, good)
        numbers = self._skip("not_finite", np.isfinite(value), numbers)
        if not self._every_row:
            good = numbers
        self._read += len(rows)
        self.stamps = rows.column("timestamp").filter(pa.array(good))
        return batch_of(self._table, series[good].astype(np.int32), times[good], value[good])

    def _reject(self, reason: str, passes: Mask, good: Mask, rows: pa.RecordBatch, name: str) -> Mask:
        fallen = np.flatnonzero(good & ~passes)
        for at in fallen[:TOLD].tolist():
            cell = rows.column(name)[at].as_py() if name in rows.schema.names else None
            where = f"{self._name}, row {self._read + at + 1}"
            self._tally.reject(reason, where, f"{name} {str(cell)[:_MAX_CELL]!r}" if cell is not None else f"no {name}")
        if more := len(fallen[TOLD:]):
            self._tally.rejected[reason] += more
        return good & passes

    def _skip(self, reason: str, passes: Mask, good: Mask) -> Mask:
        if fallen := int((good & ~passes).sum()):
            self._tally.skipped[reason] += fallen
        return good & passes

    def _series(self, rows: pa.RecordBatch) -> Ints:
        """Dense ids by row; -1 where the labels cannot be read."""
        columns = {name: _encoded(column) for name, column in _key_columns(rows)}
        cells = [[*column.dictionary.to_pylist(), None] for column in columns.values()]
        codes, size = np.zeros(len(rows), np.int64), 1
        for column in columns.values():
            absent = len(column.dictionary)
            codes = codes * (absent + 1) + column.indices.fill_null(absent).to_numpy(zero_copy_only=False)
            size *= absent + 1
        distinct, inverse = _distinct(codes, size)
        names = tuple(columns)
        dense = [self._dense(names, key) for key in _cells_of(distinct, cells)]
        return np.array(dense, np.int64)[inverse]

    def _dense(self, names: tuple[str, ...], cells: tuple[Any, ...]) -> int:
        key = (names, cells)
        known = self._known.get(key)
        if known is None:
            try:
                known = self._intern(dict(zip(names, cells, strict=True)))
            except ConfigurationError:
                known = _BAD
            self._known[key] = known
        return known

    def _intern(self, cells: dict[str, Any]) -> int:
        metric, named = parse_series_name(cells.pop("metric", None) or self._naming.metric)
        labels = {**self._naming.labels, **named, **parse_labels(cells.pop("labels", None) or "")}
        kind = cells.pop("type", None) or self._naming.type
        unit = cells.pop("unit", None) or self._naming.unit
        labels |= {name: value for name, value in cells.items() if value not in (None, "")}
        return self._table.intern(metric, labels, kind, unit)


def batch_of(
    table: SeriesTable, series: npt.NDArray[np.int32], times: Ints, value: npt.NDArray[Any]
) -> SampleBatch | None:
    """A batch of rows of a table's series, with a dictionary of its own; None without rows."""
    if not len(series):
        return None
    distinct, index = _distinct(series, len(table))
    texts = [table.texts[at] for at in distinct.tolist()]
    return SampleBatch(table.tenant, table.ids[distinct], texts, index.astype(np.int32), times, value)


def _distinct(codes: npt.NDArray[Any], size: int) -> tuple[Ints, Ints]:
    """Sorted distinct codes below ``size`` and each row's position among them; without sorting where there are few."""
    if size > _FEW_CODES + 8 * len(codes):
        return np.unique(codes, return_inverse=True)
    position = np.zeros(size, np.int64)
    position[codes] = 1
    distinct = np.flatnonzero(position)
    position[distinct] = np.arange(len(distinct))
    return distinct, position[codes]


def _cells_of(codes: Ints, cells: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """The cells that a code stands for, column by column."""
    if not cells:
        return iter([()] * len(codes))
    parts = []
    for column in reversed(cells):
        codes, at = np.divmod(codes, len(column))
        parts.append([column[one] for one in at.tolist()])
    return zip(*reversed(parts), strict=True)


def _key_columns(rows: pa.RecordBatch) -> Iterator[tuple[str, pa.Array]]:
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if name in ("timestamp", "value") or name.startswith("__"):
            continue
        if pa.types.is_struct(column.type):
            yield from zip((one.name for one in column.type), column.flatten(), strict=True)
        elif name in _NAMED or _is_text(column.type):
            yield name, column


def _is_text(kind: pa.DataType) -> bool:
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner))


def _encoded(column: pa.Array) -> pa.DictionaryArray:
    if pa.types.is_dictionary(column.type):
        return column
    if pa.types.is_map(column.type):
        texts = [None if pairs is None else json.dumps(dict(sorted(pairs))) for pairs in column.to_pylist()]
        column = pa.array(texts, pa.utf8())
    elif not _is_text(column.type):
        column = column.cast(pa.utf8())
    return column.dictionary_encode()


def _times(column: pa.Array, unit: TimeUnit) -> Ints:
    """Event milliseconds; -1 where there is none."""
    if pa.types.is_timestamp(column.type):
        return _filled(column.cast(pa.timestamp("ms", column.type.tz), safe=False).cast(pa.int64()))
    if pa.types.is_integer(column.type):
        return ints_to_ms(_filled(column.cast(pa.int64())), unit)
    if _is_text(column.type):
        return _text_times(column.cast(pa.utf8()), unit)
    times = [_known_time(one) for one in column.to_pylist()]
    return column_to_ms(times, unit, lambda _row: _BAD)


def _text_times(texts: pa.Array, unit: TimeUnit) -> Ints:
    """Event milliseconds of texts, each read by itself: as a producer's time, else as Arrow reads a date.

    Where both can read a text they agree, so a column that Arrow can read needs no more.
    """
    whole = _dates(texts)
    if whole is not None:
        return whole
    cells = texts.to_pylist()
    known = {text: _BAD if text is None else ms_or_bad(text, unit) for text in set(cells)}
    dates = [text for text, ms in known.items() if ms == _BAD and text is not None and _DATE.match(text)]
    known.update(zip(dates, _dates_apart(pa.array(dates, pa.utf8())).tolist(), strict=True))
    return np.array([known[cell] for cell in cells], np.int64)


def _dates(texts: pa.Array) -> Ints | None:
    """Event milliseconds of dates, with an offset or without; None if one of them is no such date."""
    for kind in (pa.timestamp("ms"), pa.timestamp("ms", "UTC")):
        try:
            return _filled(pc.cast(texts, kind).cast(pa.int64()))
        except pa.ArrowInvalid:
            continue
    return None


def _dates_apart(texts: pa.Array) -> Ints:
    """Event milliseconds of dates, -1 for what is none: halved until what is none stands alone."""
    found = _dates(texts)
    if found is not None:
        return found
    if len(texts) == 1:
        return np.array([_BAD], np.int64)
    half = len(texts) // 2
    return np.concatenate([_dates_apart(texts[:half]), _dates_apart(texts[half:])])


def _known_time(time: object) -> object:
    """A time as decoded; what is not a number is none."""
    return None if isinstance(time, float) and math.isnan(time) else time


def _filled(column: pa.Array) -> Ints:
    filled: Ints = column.fill_null(_BAD).to_numpy(zero_copy_only=False)
    return filled


def _values(column: pa.Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Values (NaN where there is none), and which cells hold something that is no number."""
    readable = np.zeros(len(column), np.bool_)
    try:
        if _is_text(column.type):
            column = pc.if_else(pc.equal(column.cast(pa.utf8()), ""), None, column.cast(pa.utf8()))
        return column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False), readable
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        cells = [_number(cell) for cell in column.to_pylist()]
        return np.array([np.nan if cell is None else cell for cell in cells]), np.array([c is None for c in cells])


def _number(cell: object) -> float | None:
    """A cell as a number; NaN for an empty one, None for one that is none."""
    if cell is None:
        return np.nan
    try:
        return float(str(cell))
    except ValueError:
        # Arrow reads these, in a column without any other dirt.
        return np.nan if _NAN.fullmatch(str(cell)) else None


def _is_null(column: pa.Array) -> npt.NDArray[np.bool_]:
    empty = pc.is_null(column)
    if _is_text(column.type):
        empty = pc.or_(empty, pc.fill_null(pc.equal(column.cast(pa.utf8()), ""), True))
    mask: npt.NDArray[np.bool_] = empty.to_numpy(zero_copy_only=False)
    return mask
