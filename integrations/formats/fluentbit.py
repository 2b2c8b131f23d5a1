"""Fluent Bit's ``out_kafka`` in JSON: flat numbers, each a metric under its own name.

Nested objects (the Kubernetes filter's) get dotted names. Text becomes a label where the recogniser knows its name
(``hostname``, ``kubernetes.pod_name`` ...) or the source's ``label_fields`` lists it; other text, a log line say, is
skipped and counted as ``string_field``, arrays as ``array``. Booleans are 0 and 1. Nothing says what accumulates: all
are gauges but those that the source's ``counters`` lists.

Fluent Bit's own inputs write no host: without a ``hostname`` in the record the series of all hosts are one. Its
``record_modifier`` filter adds it.
"""

from __future__ import annotations

from typing import Any, Final

from integrations.formats.json_reading import ObjectDecoder, Reading, number_of
from integrations.formats.nested import leaves

_TIME_KEYS: Final = ("@timestamp", "timestamp", "date")


class FluentBit(ObjectDecoder):
    """Decoder of Fluent Bit's JSON."""

    name = "fluentbit"

    def _read(self, body: dict[str, Any], reading: Reading) -> None:
        time_key = next((key for key in _TIME_KEYS if key in body), "")
        at_ms = reading.time(body.get(time_key), self.options.time_unit, time_key or "the record")
        labels: dict[str, str] = {}
        numbers: list[tuple[str, float]] = []
        for name, value in leaves(body):
            if name == time_key:
                continue
            if isinstance(value, str):
                self._text(name, value, labels, reading)
            elif isinstance(value, list):
                reading.skip("array")
            elif value is None:
                reading.skip("null_value")
            else:
                numbers.append((name, float(value) if isinstance(value, bool) else number_of(value, name)))
        for name, number in numbers:
            reading.add(name, labels, self.options.type_of(name, "gauge"), at_ms, number)

    def _text(self, name: str, value: str, labels: dict[str, str], reading: Reading) -> None:
        if name in reading.table.recognise.names or name in self.options.label_fields:
            labels[name] = value
        else:
            reading.skip("string_field")
