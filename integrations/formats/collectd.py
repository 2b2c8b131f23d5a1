"""collectd's ``write_kafka`` in JSON: arrays of value lists, several data sources each.

A data source becomes ``<plugin>_<type>`` when its name is ``value``, else ``<plugin>_<type>_<dsname>``; labels are
``host`` and, where not empty, ``plugin_instance`` and ``type_instance``. Whether derives and counters are rates
already (write_kafka's StoreRates, on by default) no message says: the source's ``store_rates`` does. Null values
(a rate's first reading) are skipped and counted as ``null_value``.
"""

from __future__ import annotations

from typing import Any, Final

from integrations.formats.json_reading import (
    BadPartError,
    ObjectDecoder,
    Reading,
    kind_of,
    labels_of,
    number_of,
    text_of,
)

_RAW_TYPES: Final = {"counter": "counter", "derive": "counter", "absolute": "delta"}


class Collectd(ObjectDecoder):
    """Decoder of collectd's JSON."""

    name = "collectd"

    def _read(self, body: dict[str, Any], reading: Reading) -> None:
        plugin, kind = text_of(body, "plugin", "missing_metric"), text_of(body, "type", "missing_metric")
        metric = f"{plugin}_{kind}"
        at_ms = reading.time(body.get("time"), self.options.time_unit, metric)
        values, names, types = (_list(body, key, metric) for key in ("values", "dsnames", "dstypes"))
        if not len(values) == len(names) == len(types):
            detail = f"{metric}: {len(values)} values, {len(names)} dsnames, {len(types)} dstypes"
            raise BadPartError("bad_value", detail)
        named = labels_of({key: body.get(key) for key in ("host", "plugin_instance", "type_instance")}, metric)
        labels = {key: text for key, text in named.items() if text}
        for name, type_, value in zip(names, types, values, strict=True):
            if value is None:
                reading.skip("null_value")
                continue
            full = metric if name == "value" else f"{metric}_{name}"
            counted = "gauge" if self.options.store_rates else _RAW_TYPES.get(str(type_).lower(), "gauge")
            try:
                reading.add(full, labels, counted, at_ms, number_of(value, full))
            except BadPartError as error:
                reading.columns.reject(reading.record, error.reason, error.detail)


def _list(body: dict[str, Any], key: str, metric: str) -> list[Any]:
    value = body.get(key)
    if not isinstance(value, list):
        raise BadPartError("missing_value", f"{metric}: {key} is {kind_of(value)}, not an array")
    return value
