"""Our own JSON: one sample a message, or an array of them.

``{"metric": "node_cpu_ratio", "value": 0.93, "timestamp": "2026-11-23T15:00:00Z", "labels": {"cluster": "c1"},
"unit": "1", "type": "gauge"}``: ``name`` serves as well as ``metric``; all but those and ``value`` may be absent.
A time is RFC 3339 or a number since the epoch; without one the record's own time holds. A type outside of gauge,
counter, delta and unknown counts as unknown, which is judged as a level; such samples are taken, and counted as
`unknown_type` (``metrics_ai_noted_total``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from integrations.formats import native_scan as scan
from integrations.formats.base import Columns, Decoded, FormatOptions, SeriesTable
from integrations.formats.dense_index import UNKNOWN, DenseIndex
from integrations.formats.json_reading import (
    DECODE_ERRORS,
    BadPartError,
    Reading,
    labels_of,
    number_of,
    objects_of,
    text_of,
)
from integrations.formats.json_scan import floats_at
from integrations.formats.times import floats_to_ms, ints_to_ms
from schemas.series import METRIC_TYPES

UNKNOWN_TYPE: Final = "unknown_type"
_BROKEN: Final = -2
_any = msgspec.json.Decoder()


class Native:
    """Decoder of our own JSON."""

    name = "native"

    def __init__(self, options: FormatOptions) -> None:
        self._unit = options.time_unit

    def decode(self, values: Sequence[bytes], record_ms: Sequence[int], table: SeriesTable) -> Decoded:
        """Decode records; see ``Decoder``."""
        columns = Columns()
        starts = np.zeros(len(values) + 1, np.int64)
        np.cumsum([len(value or b"") for value in values], out=starts[1:])
        text = b"".join([value or b"" for value in values])
        data = np.frombuffer(text, np.uint8)
        scanned = scan.scan(data, starts)
        units = scanned.units
        at_ms = self._times(data, units, record_ms)
        dense = self._dense(text, scanned, at_ms, table)
        good = dense >= 0
        # A record with a sample that the quick way cannot tell is read the slow way as a whole.
        slow = ~scanned.regular
        slow[units[~good, scan.RECORD]] = True
        good &= ~slow[units[:, scan.RECORD]]
        kept = units[good]
        value = floats_at(data, kept[:, scan.VALUE], kept[:, scan.VALUE_END])
        columns.add_arrays(dense[good], at_ms[good], value, kept[:, scan.RECORD].astype(np.int32))
        if odd := _odd(table):
            among = np.isin(scanned.hashes[good], np.fromiter(odd, np.uint64, len(odd)))
            columns.noted[UNKNOWN_TYPE] += int(among.sum())
        for at in np.flatnonzero(slow).tolist():
            self._read_slowly(values[at], Reading(at, record_ms[at], table, columns))
        return columns.decoded()

    def _times(
        self, data: npt.NDArray[np.uint8], units: npt.NDArray[np.int64], record_ms: Sequence[int]
    ) -> npt.NDArray[np.int64]:
        """Event milliseconds of the samples, -1 where one needs the slow reading."""
        kinds, times = units[:, scan.TIME_KIND], units[:, scan.TIME]
        at_ms = np.where(kinds == scan.MILLISECONDS, times, ints_to_ms(times, self._unit))
        floats = np.flatnonzero(kinds == scan.FLOAT_TIME)
        if len(floats):
            read = floats_at(data, units[floats, scan.TIME], units[floats, scan.TIME_END])
            at_ms[floats] = floats_to_ms(read, self._unit)
        for row in np.flatnonzero(kinds == scan.NO_TIME).tolist():
            at_ms[row] = record_ms[int(units[row, scan.RECORD])]
        return at_ms

    @staticmethod
    def _dense(
        text: bytes, scanned: scan.Scanned, at_ms: npt.NDArray[np.int64], table: SeriesTable
    ) -> npt.NDArray[np.int32]:
        index: DenseIndex = table.scratch("native", DenseIndex)
        odd = _odd(table)
        if len(index) > table.scratch_limit:
            index.clear()
            odd.clear()
        dense = index.find(scanned.hashes)
        new: dict[int, int] = {}
        for at in np.flatnonzero((dense == UNKNOWN) & (at_ms >= 0)).tolist():
            hash_ = int(scanned.hashes[at])
            if hash_ not in new:
                start, end = scanned.units[at, scan.START : scan.END + 1].tolist()
                new[hash_], is_odd = _intern(text[start:end], table)
                if new[hash_] != _BROKEN:
                    index.put(hash_, new[hash_])
                    odd.update([hash_] if is_odd else ())
            dense[at] = new[hash_]
        return np.where(at_ms >= 0, dense, _BROKEN).astype(np.int32)

    def _read_slowly(self, value: bytes, reading: Reading) -> None:
        for body in objects_of(value, reading.record, reading.columns):
            try:
                metric = text_of(body, _name_key(body), "missing_metric")
                number = number_of(body.get("value"), metric)
                at_ms = reading.time(body.get("timestamp"), self._unit, metric)
                reading.columns.add(_series(body, metric, reading.table), at_ms, number, reading.record)
                reading.columns.noted.update([UNKNOWN_TYPE] if _has_unknown_type(body) else ())
            except BadPartError as error:
                reading.columns.reject(reading.record, error.reason, error.detail)


def _name_key(body: dict[str, Any]) -> str:
    return "metric" if body.get("metric") or "name" not in body else "name"


def _series(body: dict[str, Any], metric: str, table: SeriesTable) -> int:
    labels = labels_of(body.get("labels"), f"{metric}: labels")
    kind, unit = body.get("type", "gauge"), body.get("unit", "")
    kind = kind if isinstance(kind, str) else "unknown"
    return table.intern(metric, labels, kind, unit if isinstance(unit, str) else "")


def _has_unknown_type(body: dict[str, Any]) -> bool:
    return body.get("type", "gauge") not in METRIC_TYPES


def _odd(table: SeriesTable) -> set[int]:
    """Hashes of what names a type that there is not."""
    return table.scratch("native-unknown-types", set[int])


def _intern(text: bytes, table: SeriesTable) -> tuple[int, bool]:
    """The series of one sample's object, if that is sound; and whether its type is one that there is not."""
    try:
        body = _any.decode(text)
        return _series(body, text_of(body, _name_key(body), "missing_metric"), table), _has_unknown_type(body)
    except (*DECODE_ERRORS, BadPartError):
        return _BROKEN, False
