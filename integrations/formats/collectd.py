"""collectd's ``write_kafka`` in JSON: arrays of value lists, several data sources each.

A data source becomes ``<plugin>_<type>`` when its name is ``value``, else ``<plugin>_<type>_<dsname>``; labels are
``host`` and, where not empty, ``plugin_instance`` and ``type_instance``. Whether derives and counters are rates
already (write_kafka's StoreRates, on by default) no message says: the source's ``store_rates`` does. Null values
(a rate's first reading) are skipped and counted as ``null_value``.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from integrations.formats.base import Columns, Decoded, FormatOptions, SeriesTable
from integrations.formats.json_reading import (
    BadPartError,
    ObjectDecoder,
    Reading,
    decode_each,
    kind_of,
    labels_of,
    number_of,
    text_of,
)
from integrations.formats.times import column_to_ms

_RAW_TYPES: Final = {"counter": "counter", "derive": "counter", "absolute": "delta"}
_LABELS: Final = ("host", "plugin_instance", "type_instance")
_Key = tuple[str, ...]


class _ValueList(msgspec.Struct, gc=False):
    values: list[float | None]
    dstypes: list[str]
    dsnames: list[str]
    plugin: str
    type: str
    time: int | float | str | None = None
    host: str = ""
    plugin_instance: str = ""
    type_instance: str = ""


class Collectd(ObjectDecoder):
    """Decoder of collectd's JSON."""

    name = "collectd"

    def __init__(self, options: FormatOptions) -> None:
        super().__init__(options)
        self._decode = msgspec.json.Decoder(list[_ValueList]).decode

    def decode(self, values: Sequence[bytes], record_ms: Sequence[int], table: SeriesTable) -> Decoded:
        """Decode records; see ``Decoder``."""
        columns = Columns()
        records = decode_each(self._decode, values)
        rows = [(at, one) for at, lists in enumerate(records) if lists is not None for one in lists]
        own = [one.time for _, one in rows]
        times = column_to_ms(own, self.options.time_unit, lambda row: record_ms[rows[row][0]])
        dense = self._dense([one for _, one in rows], table)
        slow = {at for at, lists in enumerate(records) if lists is None}
        slow |= {rows[row][0] for row, ids in enumerate(dense) if not ids or times[row] < 0}
        kept = [row for row, (at, _) in enumerate(rows) if at not in slow]
        _add([rows[row] for row in kept], [dense[row] for row in kept], times[kept], columns)
        for at in sorted(slow):
            self.read_one(values[at], Reading(at, record_ms[at], table, columns))
        return columns.decoded()

    def _dense(self, lists: list[_ValueList], table: SeriesTable) -> list[list[int]]:
        """Dense ids of each list's data sources; none where the slow reading has to look."""
        known: dict[_Key, list[int]] = table.scratch(self, dict)
        if len(known) > table.scratch_limit:
            known.clear()
        dense: list[list[int]] = []
        for one in lists:
            if not len(one.values) == len(one.dsnames) == len(one.dstypes):
                dense.append([])
                continue
            key = (one.plugin, one.type, one.host, one.plugin_instance, one.type_instance, *one.dsnames, *one.dstypes)
            ids = known.get(key)
            if ids is None:
                ids = known[key] = self._intern(one, table)
            dense.append(ids)
        return dense

    def _intern(self, one: _ValueList, table: SeriesTable) -> list[int]:
        if not one.plugin or not one.type:
            return []
        named = zip(_LABELS, (one.host, one.plugin_instance, one.type_instance), strict=True)
        labels = {name: text for name, text in named if text}
        metric = f"{one.plugin}_{one.type}"
        sources = zip(one.dsnames, one.dstypes, strict=True)
        return [table.intern(_metric(metric, name), labels, self._type(kind)) for name, kind in sources]

    def _type(self, dstype: object) -> str:
        return "gauge" if self.options.store_rates else _RAW_TYPES.get(str(dstype).lower(), "gauge")

    def _read(self, body: dict[str, Any], reading: Reading) -> None:
        metric = "_".join(text_of(body, key, "missing_metric") for key in ("plugin", "type"))
        at_ms = reading.time(body.get("time"), self.options.time_unit, metric)
        values, names, types = (_list(body, key, metric) for key in ("values", "dsnames", "dstypes"))
        if not len(values) == len(names) == len(types):
            detail = f"{metric}: {len(values)} values, {len(names)} dsnames, {len(types)} dstypes"
            raise BadPartError("bad_value", detail)
        named = labels_of({key: body.get(key) for key in _LABELS}, metric)
        labels = {key: text for key, text in named.items() if text}
        for name, kind, value in zip(names, types, values, strict=True):
            if value is None:
                reading.skip("null_value")
                continue
            full = _metric(metric, name)
            try:
                reading.add(full, labels, self._type(kind), at_ms, number_of(value, full))
            except BadPartError as error:
                reading.columns.reject(reading.record, error.reason, error.detail)


def _add(
    rows: list[tuple[int, _ValueList]], dense: list[list[int]], times: npt.NDArray[np.int64], columns: Columns
) -> None:
    counts = [len(ids) for ids in dense]
    values = [number for _, one in rows for number in one.values]
    there = np.array([number is not None for number in values], np.bool_)
    if not there.all():
        columns.skipped["null_value"] += len(values) - int(there.sum())
    columns.add_arrays(
        np.array(list(chain.from_iterable(dense)), np.int32)[there],
        np.repeat(times, counts)[there],
        np.array(values, np.float64)[there],
        np.repeat(np.array([at for at, _ in rows], np.int32), counts)[there],
    )


def _metric(metric: str, name: object) -> str:
    return metric if name == "value" else f"{metric}_{name}"


def _list(body: dict[str, Any], key: str, metric: str) -> list[Any]:
    value = body.get(key)
    if not isinstance(value, list):
        raise BadPartError("missing_value", f"{metric}: {key} is {kind_of(value)}, not an array")
    return value
