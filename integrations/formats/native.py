"""Our own JSON: one sample a message, or an array of them.

``{"metric": "node_cpu_ratio", "value": 0.93, "timestamp": "2026-11-23T15:00:00Z", "labels": {"cluster": "c1"},
"unit": "1", "type": "gauge"}``: ``name`` serves as well as ``metric``; all but those and ``value`` may be absent.
A time is RFC 3339 or a number since the epoch; without one the record's own time holds. A type outside of gauge,
counter, delta and unknown counts as unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np

from integrations.formats.base import Columns, Decoded, FormatOptions, SeriesTable
from integrations.formats.json_reading import (
    BadPartError,
    Reading,
    decode_each,
    labels_of,
    number_of,
    objects_of,
    text_of,
)
from integrations.formats.times import column_to_ms

_ABSENT: Final = msgspec.Raw(b"")
_any = msgspec.json.Decoder()


class _Sample(msgspec.Struct, gc=False):
    value: float
    metric: str = ""
    name: str = ""
    timestamp: int | float | str | None = None
    labels: msgspec.Raw = _ABSENT
    unit: str = ""
    type: str = "gauge"


class Native:
    """Decoder of our own JSON."""

    name = "native"

    def __init__(self, options: FormatOptions) -> None:
        self._unit = options.time_unit
        self._decode = msgspec.json.Decoder(_Sample).decode

    def decode(self, values: Sequence[bytes], record_ms: Sequence[int], table: SeriesTable) -> Decoded:
        """Decode records; see ``Decoder``."""
        columns = Columns()
        samples = decode_each(self._decode, values)
        series = self._series(samples, table)
        times = column_to_ms([None if s is None else s.timestamp for s in samples], self._unit, record_ms)
        good = (series >= 0) & (times >= 0)
        value = np.array([0.0 if s is None else s.value for s in samples], np.float64)
        record = np.flatnonzero(good).astype(np.int32)
        columns.add_arrays(series[good], times[good], value[good], record)
        for at in np.flatnonzero(~good).tolist():
            self._read_slowly(values[at], Reading(at, record_ms[at], table, columns))
        return columns.decoded()

    def _series(self, samples: list[_Sample | None], table: SeriesTable) -> np.ndarray[Any, np.dtype[np.int32]]:
        """Dense ids, -1 where a sample needs the slow reading."""
        known: dict[tuple[str, bytes, str, str], int] = table.scratch(self, dict)
        dense = []
        for s in samples:
            if s is None:
                dense.append(-1)
                continue
            key = (s.metric or s.name, bytes(s.labels), s.unit, s.type)
            one = known.get(key)
            if one is None:
                one = _intern(key, table)
                if one >= 0:
                    known[key] = one
            dense.append(one)
        return np.array(dense, np.int32)

    def _read_slowly(self, value: bytes, reading: Reading) -> None:
        for body in objects_of(value, reading.record, reading.columns):
            try:
                self._sample(body, reading)
            except BadPartError as error:
                reading.columns.reject(reading.record, error.reason, error.detail)

    def _sample(self, body: dict[str, Any], reading: Reading) -> None:
        metric = text_of(body, "metric" if body.get("metric") or "name" not in body else "name", "missing_metric")
        number = number_of(body.get("value"), metric)
        at_ms = reading.time(body.get("timestamp"), self._unit, metric)
        labels = labels_of(body.get("labels"), f"{metric}: labels")
        kind, unit = body.get("type", "gauge"), body.get("unit", "")
        kind = kind if isinstance(kind, str) else "unknown"
        dense = reading.table.intern(metric, labels, kind, unit if isinstance(unit, str) else "")
        reading.columns.add(dense, at_ms, number, reading.record)


def _intern(key: tuple[str, bytes, str, str], table: SeriesTable) -> int:
    metric, raw, unit, kind = key
    if not metric:
        return -1
    try:
        labels = labels_of(_any.decode(raw)) if raw else {}
    except (BadPartError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return -1
    return table.intern(metric, labels, kind, unit)
