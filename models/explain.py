"""One plain sentence about an anomaly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from schemas.events import Range, TimeToLimit
from schemas.series import Series

# What people call the metrics that our collector and common agents send.
_NOUNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "node_cpu_ratio": "CPU",
        "node_cpu_iowait_ratio": "CPU time waiting for disks",
        "node_memory_used_ratio": "Memory in use",
        "node_memory_available_bytes": "Memory available",
        "node_swap_used_ratio": "Swap in use",
        "node_disk_used_ratio": "Disk in use",
        "node_disk_free_bytes": "Free disk space",
        "node_filesystem_used_ratio": "Disk in use",
        "node_filesystem_avail_bytes": "Free disk space",
        "node_filesystem_free_bytes": "Free disk space",
        "node_filesystem_files_free": "Free inodes",
        "disk_used_percent": "Disk in use, in percent",
        "node_processes": "Number of processes",
        "node_oom_kills_total": "Out-of-memory kills",
    }
)
_SHOWN_LABELS: Final = ("device", "mount", "mountpoint", "path", "interface", "cpu", "container", "route")


def subject_of(series: Series) -> str:
    """What a series is about, in words.

    Examples
    --------
    >>> subject_of(Series("t", "node_cpu_ratio", {"host": "h1"}, {"node": "h1"}))
    'CPU of node h1'
    """
    noun = _NOUNS.get(series.metric, series.metric)
    if series.metric not in _NOUNS and series.type in {"counter", "delta"}:
        noun += " per second"
    shown = [series.labels[name] for name in _SHOWN_LABELS if name in series.labels]
    if shown:
        noun += f" ({', '.join(shown)})"
    kind, _, name = series.entity.partition(":")
    return f"{noun} of {kind} {name}" if name else noun


def number(value: float) -> str:
    """A number as people write it: three digits that matter, large ones with a prefix.

    Examples
    --------
    >>> number(0.97312), number(1234567.0), number(0.0), number(41.0)
    ('0.973', '1.23M', '0', '41')
    """
    for prefix, size in (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            return f"{value / (1e3 if prefix == 'k' else size):.3g}{prefix}"
    text = f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"
    return re.sub(r"e([+-])0*(\d)", r"e\1\2", text)


def _span(seconds: float) -> tuple[float, str]:
    """A time as so many of a unit that suits it."""
    for size, unit in ((172_800, "days"), (7_200, "hours")):
        if seconds >= size:
            return seconds / (size / 2), unit
    return seconds / 60, "minutes"


def duration(seconds: float) -> str:
    """How long, in words.

    Examples
    --------
    >>> duration(200_000.0), duration(50_000.0), duration(300.0)
    ('2.3 days', '14 hours', '5 minutes')
    """
    size, unit = _span(seconds)
    return f"{size:.{1 if size < 10 and unit != 'minutes' else 0}f} {unit}"


def heading(left: TimeToLimit) -> str:
    """Where a series is heading, and when it is there; the unit of the interval is that of the median.

    Examples
    --------
    >>> heading(TimeToLimit(limit=1, per_day=0.08, p50_s=200_000, low_80_s=180_000, high_80_s=240_000))
    'grows 0.08 a day: at 1 in about 2.3 days (80 %: 2.1 to 2.8)'
    >>> heading(TimeToLimit(limit=0, per_day=-4e9, p50_s=50_000, low_80_s=45_000))
    'falls 4G a day: at 0 in about 14 hours (80 %: 12 or more)'
    """
    way = "grows" if left.per_day >= 0 else "falls"
    sentence = f"{way} {number(abs(left.per_day))} a day: at {number(left.limit)} in about {duration(left.p50_s)}"
    if left.low_80_s is None:
        return sentence
    size, _ = _span(left.p50_s)
    digits = 1 if size < 10 else 0
    scale = size / max(left.p50_s, 1e-9)
    low = f"{left.low_80_s * scale:.{digits}f}"
    high = "or more" if left.high_80_s is None else f"to {left.high_80_s * scale:.{digits}f}"
    return f"{sentence} (80 %: {low} {high})"


def clock(time_ms: int) -> str:
    """Time of day, UTC.

    Examples
    --------
    >>> clock(1_000)
    '00:00:01'
    """
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%H:%M:%S")


def explain(
    series: Series, observed: float, expected: Range | None, windows: Sequence[str], since_ms: int, tail: str = ""
) -> str:
    """Observed against expected, by which windows, since when.

    Examples
    --------
    >>> cpu = Series("t", "node_cpu_ratio", {"host": "h1"}, {"node": "h1"})
    >>> explain(cpu, 0.97, Range(low=0.05, center=0.1, high=0.31), ["5m", "15m"], 54_003_000)
    'CPU of node h1 is 0.97, expected 0.05 to 0.31 (5m, 15m); since 15:00:03'
    """
    sentence = f"{subject_of(series)} is {number(observed)}"
    if expected is not None:
        low, high = number(expected.low), number(expected.high)
        sentence += f", expected {low}" if low == high else f", expected {low} to {high}"
    if windows:
        sentence += f" ({', '.join(windows)})"
    return f"{sentence}; since {clock(since_ms)}{tail}"
