"""What Prometheus' names say about types."""

from __future__ import annotations

from typing import Final

_COUNTER_SUFFIXES: Final = ("_total", "_count", "_sum", "_bucket")


def type_of(metric: str) -> str:
    """Type of a Prometheus metric by its name: neither remote write nor the JSON adapter carries it along.

    Examples
    --------
    >>> type_of("http_requests_total"), type_of("node_load1")
    ('counter', 'gauge')
    """
    return "counter" if metric.endswith(_COUNTER_SUFFIXES) else "gauge"
