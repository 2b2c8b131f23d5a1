"""What Telegraf's measurements and fields are called here, and which of them accumulate.

A field becomes ``<measurement>_<field>``, as in Telegraf's own Prometheus serializer (``prometheus_<field>`` is plain
``<field>``, again as there). Telegraf's wire formats carry no type: the table below lists the fields that accumulate
since a start, after the documentation of the input plugins; all others are gauges.

Sources: ``plugins/inputs/*/README.md`` and ``plugins/serializers/prometheus/convert.go`` in influxdata/telegraf.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

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
_PATTERNS: Final = {measurement: re.compile(pattern) for measurement, pattern in _COUNTERS.items()}


def metric_of(measurement: str, field: str) -> str:
    """The metric's name of a field.

    Examples
    --------
    >>> metric_of("cpu", "usage_idle"), metric_of("prometheus", "node_load1")
    ('cpu_usage_idle', 'node_load1')
    """
    return field if measurement == "prometheus" else f"{measurement}_{field}"


def type_of_field(measurement: str, field: str) -> str:
    """``counter`` where the input plugin documents a field that accumulates, else ``gauge``.

    Examples
    --------
    >>> type_of_field("net", "bytes_recv"), type_of_field("net", "speed"), type_of_field("cpu", "usage_idle")
    ('counter', 'gauge', 'gauge')
    """
    pattern = _PATTERNS.get(measurement)
    if pattern is not None:
        return "counter" if pattern.fullmatch(field) else "gauge"
    # inputs.prometheus: a measurement is a metric, its fields are ``counter``, ``gauge`` or parts of a histogram.
    if field == "counter":
        return "counter"
    return type_of(field) if measurement == "prometheus" else "gauge"


def intern_fields(table: SeriesTable, measurement: str, tags: Mapping[str, str], fields: Iterable[str]) -> list[int]:
    """Dense ids of fields that share a measurement and its tags."""
    return [table.intern(metric_of(measurement, one), tags, type_of_field(measurement, one)) for one in fields]
