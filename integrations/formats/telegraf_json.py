"""Telegraf's JSON: one metric with several fields a message, or ``{"metrics": [...]}``.

A field becomes ``<name>_<field>``; booleans are 0 and 1 (both as in Telegraf's Prometheus serializer); text is skipped
and counted as ``string_field``, null as ``null_value``. Tags are labels. Time units are inferred or set; RFC 3339 too.

No message says what accumulates. Counters are the fields that the input plugins document as such, what
``inputs.prometheus`` makes of a counter, a histogram or a summary, and what the source's ``counters`` lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np

from integrations.formats.base import Columns, Decoded, FormatOptions, SeriesTable
from integrations.formats.json_reading import (
    BadPartError,
    Reading,
    decode_each,
    kind_of,
    labels_of,
    number_of,
    objects_of,
    text_of,
)
from integrations.formats.telegraf_names import intern_fields, metric_of
from integrations.formats.times import column_to_ms

_NO_TAGS: Final = msgspec.Raw(b"{}")
_any = msgspec.json.Decoder()


class _Metric(msgspec.Struct, gc=False):
    fields: dict[str, float]
    name: str
    timestamp: int | float | str | None = None
    tags: msgspec.Raw = _NO_TAGS


class _Batch(msgspec.Struct, gc=False):
    metrics: list[_Metric]


class _Groups:
    """The dense ids of the fields of each (name, tags), as bytes of int32, by the fields' names."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, bytes, tuple[str, ...]], bytes] = {}
        self.shapes: dict[tuple[str, ...], tuple[str, ...]] = {}


class TelegrafJson:
    """Decoder of Telegraf's JSON."""

    name = "telegraf_json"

    def __init__(self, options: FormatOptions) -> None:
        self._options = options
        self._unit = options.time_unit
        self._decode = msgspec.json.Decoder(_Metric).decode
        self._decode_batch = msgspec.json.Decoder(_Batch).decode

    def decode(self, values: Sequence[bytes], record_ms: Sequence[int], table: SeriesTable) -> Decoded:
        """Decode records; see ``Decoder``."""
        columns = Columns()
        owners, metrics, slow = self._metrics(values)
        own = [metric.timestamp for metric in metrics]
        times = column_to_ms(own, self._unit, lambda row: record_ms[owners[row]])
        dense = self._dense(metrics, table)
        slow |= {at for at, ids, at_ms in zip(owners, dense, times.tolist(), strict=True) if not ids or at_ms < 0}
        rows = [row for row, at in enumerate(owners) if at not in slow] if slow else list(range(len(owners)))
        fields = [metrics[row].fields for row in rows]
        counts = [len(one) for one in fields]
        series = np.frombuffer(b"".join([dense[row] for row in rows]), np.int32)
        columns.add_arrays(
            series,
            np.repeat(times[rows], counts),
            np.fromiter(chain.from_iterable(map(dict.values, fields)), np.float64, len(series)),
            np.repeat(np.array(owners, np.int32)[rows], counts),
        )
        for at in sorted(slow):
            self._read_slowly(values[at], Reading(at, record_ms[at], table, columns))
        return columns.decoded()

    def _metrics(self, values: Sequence[bytes]) -> tuple[list[int], list[_Metric], set[int]]:
        """Metrics with their records, and the records that the slow reading has to look at."""
        owners, metrics, slow = [], [], set()
        for at, metric in enumerate(decode_each(self._decode, values)):
            if metric is not None:
                owners.append(at)
                metrics.append(metric)
            elif batch := decode_each(self._decode_batch, [values[at]])[0]:
                owners += [at] * len(batch.metrics)
                metrics += batch.metrics
            else:
                slow.add(at)
        return owners, metrics, slow

    def _dense(self, metrics: list[_Metric], table: SeriesTable) -> list[bytes]:
        """Dense ids of the fields of each metric; nothing where the slow reading has to look."""
        groups = table.scratch(("telegraf_json", self._options.counters), _Groups)
        known = groups.known
        if len(known) > table.scratch_limit:
            known.clear()
            groups.shapes.clear()
        dense = []
        for m in metrics:
            key = (m.name, bytes(m.tags), tuple(m.fields))
            ids = known.get(key)
            if ids is None:
                ids = _intern(key, groups, table, self._options)
            dense.append(ids)
        return dense

    def _read_slowly(self, value: bytes, reading: Reading) -> None:
        for body in objects_of(value, reading.record, reading.columns, inside="metrics"):
            try:
                self._metric(body, reading)
            except BadPartError as error:
                reading.columns.reject(reading.record, error.reason, error.detail)

    def _metric(self, body: dict[str, Any], reading: Reading) -> None:
        name = text_of(body, "name", "missing_metric")
        fields = body.get("fields")
        if not isinstance(fields, dict) or not fields:
            raise BadPartError("missing_value", f"{name}: fields is {'empty' if fields == {} else kind_of(fields)}")
        tags = labels_of(body.get("tags"), f"{name}: tags")
        at_ms = reading.time(body.get("timestamp"), self._unit, name)
        kept = {}
        for field, value in fields.items():
            if isinstance(value, str):
                reading.skip("string_field")
            elif value is None:
                reading.skip("null_value")
            else:
                number = float(value) if isinstance(value, bool) else _number(value, metric_of(name, field), reading)
                if number is not None:
                    kept[field] = number
        ids = intern_fields(reading.table, name, tags, kept, self._options)
        for dense, number in zip(ids, kept.values(), strict=True):
            reading.columns.add(dense, at_ms, number, reading.record)


def _number(value: object, where: str, reading: Reading) -> float | None:
    try:
        return number_of(value, where)
    except BadPartError as error:
        reading.columns.reject(reading.record, error.reason, error.detail)
        return None


def _intern(
    key: tuple[str, bytes, tuple[str, ...]], groups: _Groups, table: SeriesTable, options: FormatOptions
) -> bytes:
    name, raw, fields = key
    if not name or not fields:
        return b""
    try:
        tags = labels_of(_any.decode(raw))
    except (BadPartError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return b""
    ids = np.array(intern_fields(table, name, tags, fields, options), np.int32).tobytes()
    groups.known[name, raw, groups.shapes.setdefault(fields, fields)] = ids
    return ids
