"""What Telegraf's measurements and fields are called here, and which of them accumulate.

A field becomes ``<measurement>_<field>``, as in Telegraf's own Prometheus serializer (``prometheus_<field>`` is plain
``<field>``, again as there). Telegraf's wire formats carry no type: the table below lists the fields that accumulate
since a start, after the documentation of the input plugins; all others are gauges.

Sources: ``plugins/inputs/*/README.md`` and ``plugins/serializers/prometheus/convert.go`` in influxdata/telegraf.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from integrations.formats.base import FormatOptions
from integrations.formats.prometheus import type_of
from integrations.formats.series_table import SeriesTable

_COUNTERS: Final = {
    "cpu": r"time_.*",
    "diskio": r"reads|writes|(read|write)_(bytes|time)|io_time|weighted_io_time|merged_(reads|writes)",
    "docker_container_blkio": r"io_.*_recursive_.*",
    "docker_container_cpu": r"usage_(total|system|in_kernelmode|in_usermode)|throttling_.*",
    "docker_container_mem": r"(total_)?pg(maj)?fault|(total_)?pgpg(in|out)",
    "docker_container_net": r"[rt]x_(bytes|packets|errors|dropped)",
    "kernel": r"context_switches|interrupts|processes_forked|disk_pages_(in|out)",
    "kernel_vmstat": r"(pg|psw|thp_|compact_|numa_|allocstall|oom_kill|drop_|slabs_|kswapd_|unevictable_pgs_).*",
    "net": r"(bytes|packets)_(sent|recv)|(err|drop)_(in|out)|(icmp|icmpmsg|udp|udplite)_.*"
    r"|ip_(in|out|frag|reasm|forwdatagrams).*|tcp_(activeopens|passiveopens|attemptfails|estabresets|insegs|outsegs"
    r"|retranssegs|inerrs|incsumerrors|outrsts)",
    "nginx": r"accepts|handled|requests",
    "postgresql": r"xact_.*|blks_.*|tup_.*|deadlocks|conflicts|temp_.*|blk_(read|write)_time|checkpoints_.*|buffers_.*",
    "redis": r"total_.*|keyspace_(hits|misses)|(expired|evicted)_keys|rejected_connections|used_cpu_.*",
    "swap": r"in|out",
}
_COUNT_AND_SUM: Final = frozenset({"count", "sum"})
# A bucket's bound or a quantile, as Go writes it.
_BOUND: Final = re.compile(r"[+-]?(?:[0-9.]+(?:e[+-]?[0-9]+)?|Inf)")
_PATTERNS: Final = {measurement: re.compile(pattern) for measurement, pattern in _COUNTERS.items()}


def metric_of(measurement: str, field: str) -> str:
    """The metric's name of a field.

    Examples
    --------
    >>> metric_of("cpu", "usage_idle"), metric_of("prometheus", "node_load1")
    ('cpu_usage_idle', 'node_load1')
    """
    return field if measurement == "prometheus" else f"{measurement}_{field}"


def types_of_fields(measurement: str, tags: Mapping[str, str], fields: Sequence[str]) -> list[str]:
    """``counter`` for fields that are known to accumulate, else ``gauge``.

    Those that an input plugin documents; and what ``inputs.prometheus`` makes of a metric: the field ``counter``, all
    of a histogram, count and sum of a summary, buckets that a tag ``le`` bounds.

    Examples
    --------
    >>> types_of_fields("net", {}, ["bytes_recv", "speed"])
    ['counter', 'gauge']
    >>> types_of_fields("latency_seconds", {}, ["0.1", "+Inf", "count", "sum"])
    ['counter', 'counter', 'counter', 'counter']
    >>> types_of_fields("rpc_seconds", {}, ["0.5", "0.99", "count", "sum"])
    ['gauge', 'gauge', 'counter', 'counter']
    """
    pattern = _PATTERNS.get(measurement)
    if pattern is not None:
        return ["counter" if pattern.fullmatch(field) else "gauge" for field in fields]
    if measurement == "prometheus":
        return ["counter" if field == "counter" else type_of(field) for field in fields]
    certain = _counters_of_parts(fields) | {"counter"} | ({"value"} if measurement.endswith("_total") else set())
    bounded = "le" in tags
    return ["counter" if field in certain or (bounded and field.endswith("_bucket")) else "gauge" for field in fields]


def _counters_of_parts(fields: Sequence[str]) -> frozenset[str]:
    """What accumulates if these are the parts of a histogram or a summary: count, sum, and numbers as names."""
    named = frozenset(fields)
    numbers = named - _COUNT_AND_SUM
    if not named >= _COUNT_AND_SUM or not all(map(_BOUND.fullmatch, numbers)):
        return frozenset()
    return named if "+Inf" in numbers else _COUNT_AND_SUM


def intern_fields(
    table: SeriesTable, measurement: str, tags: Mapping[str, str], fields: Iterable[str], options: FormatOptions
) -> list[int]:
    """Dense ids of fields that share a measurement and its tags."""
    names = list(fields)
    typed = zip(names, types_of_fields(measurement, tags, names), strict=True)
    metrics = [(metric_of(measurement, one), guess) for one, guess in typed]
    return [table.intern(metric, tags, options.type_of(metric, guess)) for metric, guess in metrics]
