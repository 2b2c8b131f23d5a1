"""What Prometheus' metadata say about types: a remote-write sender tells each metric family's once in a while."""

from __future__ import annotations

from typing import Final

from integrations.formats.prometheus import type_of

# MetricMetadata.MetricType in prompb/types.proto of prometheus/prometheus.
COUNTER: Final = 1
_HISTOGRAM, _GAUGE_HISTOGRAM, _SUMMARY = 3, 4, 5
_PARTS: Final = ("_bucket", "_count", "_sum", "_gcount", "_gsum", "_created", "_total")


class Families:
    """Types of metric families, as far as they are known.

    A family keeps the type that it was given first: servers that disagree must not turn series to and fro.

    Examples
    --------
    >>> families = Families()
    >>> families.type_of("queue_count"), families.learn("queue_count", 2), families.type_of("queue_count")
    ('counter', True, 'gauge')
    """

    def __init__(self) -> None:
        self._types: dict[str, int] = {}

    def learn(self, family: str, kind: int) -> bool:
        """Take in a family's type; whether it says other than the names do."""
        if not kind or family in self._types:
            return False
        self._types[family] = kind
        by_name = type_of(family)
        return by_name == "gauge" if kind == COUNTER else kind == _GAUGE_HISTOGRAM or by_name == "counter"

    def keep_below(self, limit: int) -> None:
        """Forget everything if there are more families than that."""
        if len(self._types) > limit:
            self._types.clear()

    def type_of(self, metric: str) -> str:
        """Type of a metric: its family's, else what its name says."""
        kind = self._types.get(metric)
        if kind is not None:
            return "counter" if kind == COUNTER else "gauge"
        part = next((one for one in _PARTS if metric.endswith(one)), "")
        kind = self._types.get(metric.removesuffix(part)) if part else None
        if part == "_created" and kind is not None:
            return "gauge"
        if kind == COUNTER or kind in {_HISTOGRAM, _SUMMARY}:
            return "counter"
        return "gauge" if kind == _GAUGE_HISTOGRAM else type_of(metric)
