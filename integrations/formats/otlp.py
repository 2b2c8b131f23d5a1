"""OTLP metrics as the OpenTelemetry Collector's Kafka exporter sends them, protobuf or JSON, told apart by content.

========================  ============================================================================
a sum, cumulative         monotonic ``counter``, else ``gauge`` (an up-down counter is a level)
a sum, delta              ``delta``, monotonic or not: the change since the last report
a gauge                   ``gauge``
a histogram               cumulative ``counter``, delta ``delta``
a summary                 ``counter``: its count and sum accumulate
temporality unspecified   ``unknown``
========================  ============================================================================

Labels are the resource's attributes and the point's, names kept; the point's win. The scope is no label.

Points flagged as having no recorded value are skipped and counted as
``no_recorded_value``; a malformed histogram is rejected, the other points of its message stay.
"""

from __future__ import annotations

from collections.abc import Sequence

from integrations.formats.base import Columns, Decoded, FormatOptions, SeriesTable
from integrations.formats.json_reading import Reading
from integrations.formats.otlp_json import read_json
from integrations.formats.otlp_json_quick import read_quickly
from integrations.formats.otlp_protobuf import read_protobuf


class Otlp:
    """Decoder of OTLP metrics."""

    name = "otlp"

    def __init__(self, options: FormatOptions) -> None:
        self._options = options

    def decode(self, values: Sequence[bytes], record_ms: Sequence[int], table: SeriesTable) -> Decoded:
        """Decode records; see ``Decoder``."""
        columns = Columns()
        binary = []
        for record, value in enumerate(values):
            if not value:
                columns.reject(record, "empty", "a record without a value")
            elif _is_json(value):
                reading = Reading(record, record_ms[record], table, columns)
                if not read_quickly(value, reading):
                    read_json(value, reading)
            else:
                binary.append(record)
        if binary:
            messages = [values[record] for record in binary]
            read_protobuf(messages, binary, [record_ms[record] for record in binary], table, columns)
        return columns.decoded()


def _is_json(value: bytes) -> bool:
    # A line end is white space in JSON, but also the first byte of every protobuf message of resourceMetrics.
    return value[:64].lstrip(b" \t\r")[:1] in {b"{", b"["}
