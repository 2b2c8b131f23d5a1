"""prometheus-kafka-adapter's JSON: one sample a message, the value a string.

``NaN`` and ``+Inf`` are skipped and counted as ``not_finite``. Names that end in ``_total``, ``_count``, ``_sum`` or
``_bucket`` are counters, others gauges. ``__name__`` is the metric, not a label.
"""

from __future__ import annotations

from typing import Any

from integrations.formats.json_reading import (
    BadPartError,
    ObjectDecoder,
    Reading,
    labels_of,
    number_of,
    text_of,
)
from integrations.formats.prometheus import type_of


class PrometheusJson(ObjectDecoder):
    """Decoder of prometheus-kafka-adapter's JSON."""

    name = "prometheus_json"

    def _read(self, body: dict[str, Any], reading: Reading) -> None:
        labels = labels_of(body.get("labels"))
        own_name = labels.pop("__name__", "")
        metric = own_name if body.get("name") is None and own_name else text_of(body, "name", "missing_metric")
        at_ms = reading.time(body.get("timestamp"), self.options.time_unit, metric)
        reading.add(
            metric, labels, self.options.type_of(metric, type_of(metric)), at_ms, _value(body.get("value"), metric)
        )


def _value(value: object, metric: str) -> float:
    if not isinstance(value, str):
        return number_of(value, metric)
    try:
        # Go writes NaN, +Inf and -Inf, which float() knows; the underscores that it knows too are not Go's.
        return float(value if "_" not in value else "")
    except ValueError:
        raise BadPartError("bad_value", f"{metric}: {value[:40]!r} is not a number") from None
