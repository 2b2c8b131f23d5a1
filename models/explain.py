"""One plain sentence about an anomaly."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from models.usual import WEEKDAYS, days_text, percentile_text, times_text
from schemas.events import Range, TimeToLimit, UsualHour
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
_DAY_MS: Final = 86_400_000
_SHOWN_LABELS: Final = ("device", "mount", "mountpoint", "path", "interface", "cpu", "container", "route")


def shown_labels(labels: Mapping[str, str]) -> str:
    """The labels that tell the series of one entity apart, as they stand behind a name; empty where there are none.

    Examples
    --------
    >>> shown_labels({"host": "h1", "mount": "/data"})
    ' (/data)'
    """
    shown = [labels[name] for name in _SHOWN_LABELS if name in labels]
    return f" ({', '.join(shown)})" if shown else ""


def noun_of(series: Series) -> str:
    """What a series measures, in words.

    Examples
    --------
    >>> noun_of(Series("t", "net_bytes", {"device": "eth0"}, {"node": "h1"}, "counter"))
    'net_bytes per second (eth0)'
    """
    noun = _NOUNS.get(series.metric, series.metric)
    if series.metric not in _NOUNS and series.type in {"counter", "delta"}:
        noun += " per second"
    return noun + shown_labels(series.labels)


def subject_of(series: Series) -> str:
    """What a series is about, in words.

    Examples
    --------
    >>> subject_of(Series("t", "node_cpu_ratio", {"host": "h1"}, {"node": "h1"}))
    'CPU of node h1'
    """
    noun = noun_of(series)
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
    >>> duration(200_000.0), duration(50_000.0), duration(300.0), duration(15.0)
    ('2.3 days', '14 hours', '5 minutes', '15 seconds')
    """
    if seconds < 100:
        return f"{seconds:.3g} seconds"
    size, unit = _span(seconds)
    return f"{size:.{1 if size < 10 and unit != 'minutes' else 0}f} {unit}"


def reaching(left: TimeToLimit) -> str:
    """When a series is at its limit; the unit of the interval is that of the median.

    Examples
    --------
    >>> reaching(TimeToLimit(limit=1, per_day=0.08, p50_s=200_000, low_80_s=180_000, high_80_s=240_000))
    'will reach 1 in 2.3 days (80 %: 2.1 to 2.8 days)'
    >>> reaching(TimeToLimit(limit=0, per_day=-4e9, p50_s=50_000, low_80_s=45_000))
    'will reach 0 in 14 hours (80 %: 12 hours or more)'
    >>> reaching(TimeToLimit(limit=1, per_day=0.08, p50_s=0))
    'has reached 1'
    """
    return _reaching(left, f" ({_interval(left, 80)})")


def forecast(left: TimeToLimit) -> str:
    """When a series is at its limit, by both intervals, and how fast it goes there.

    Examples
    --------
    >>> ends = {"low_80_s": 180_000, "high_80_s": 240_000, "low_95_s": 160_000, "high_95_s": 280_000}
    >>> forecast(TimeToLimit(limit=1, per_day=0.08, p50_s=200_000, **ends))
    'will reach 1 in 2.3 days (80 %: 2.1 to 2.8 days; 95 %: 1.9 to 3.2 days), at +0.08 a day'
    """
    sign = "+" if left.per_day >= 0 else "-"
    text = _reaching(left, f" ({_interval(left, 80)}; {_interval(left, 95)})")
    return f"{text}, at {sign}{number(abs(left.per_day))} a day"


def _reaching(left: TimeToLimit, interval: str) -> str:
    if left.p50_s <= 0:
        return f"has reached {number(left.limit)}"
    return f"will reach {number(left.limit)} in {duration(left.p50_s)}{interval}"


def _interval(left: TimeToLimit, share: int) -> str:
    """An interval in the median's unit; without an end where it may never come to it."""
    low_s, high_s = (left.low_80_s, left.high_80_s) if share == 80 else (left.low_95_s, left.high_95_s)
    size, unit = _span(left.p50_s)
    digits = 1 if size < 10 and unit != "minutes" else 0
    scale = size / left.p50_s if left.p50_s else 0.0
    low = f"{(low_s or 0.0) * scale:.{digits}f}"
    if high_s is None:
        return f"{share} %: {low} {unit} or more"
    return f"{share} %: {low} to {high_s * scale:.{digits}f} {unit}"


def clock(time_ms: int) -> str:
    """Time of day, UTC.

    Examples
    --------
    >>> clock(1_000)
    '00:00:01'
    """
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%H:%M:%S")


class Seen(NamedTuple):
    """What was observed, what was expected, and what is usual at the hour of the week."""

    observed: float
    expected: Range | None
    usual: UsualHour | None = None


def explain(series: Series, seen: Seen, windows: Sequence[str], since_ms: int, tail: str = "") -> str:
    """Observed against expected, by which windows, since when; and against what is usual at the hour of the week.

    Where the week alone says so, it is the hour that makes it odd.

    Examples
    --------
    >>> cpu = Series("t", "node_cpu_ratio", {"host": "h1"}, {"node": "h1"})
    >>> expected = Range(low=0.05, center=0.1, high=0.31)
    >>> explain(cpu, Seen(0.97, expected), ["5m", "15m"], 54_003_000)
    'CPU of node h1 is 0.97, expected 0.05 to 0.31 (5m, 15m); since 15:00:03'
    >>> explain(cpu, Seen(0.45, expected), ["7d"], 10_800_000)
    'CPU of node h1 is 0.45, usual at this hour of the week is 0.05 to 0.31 (7d); since 03:00:00'
    >>> usual = UsualHour(low=0.19, center=0.21, high=0.24, hour=9, seen=4, same_day=True, percentile=99.7, ratio=2.14)
    >>> explain(cpu, Seen(0.45, expected, usual), ["7d"], 10_800_000)
    'CPU of node h1 is 0.45, 2.1 times the usual 0.21 (about p99.7 of the last 4 Mondays at 09 h), expected \
0.05 to 0.31 (7d); since 03:00:00'
    """
    sentence = f"{subject_of(series)} is {number(seen.observed)}"
    if (usual := seen.usual) is not None:
        place = f"{percentile_text(usual.percentile)} of {days_text(usual)}"
        times = times_text(usual.ratio)
        sentence += f", {f'{times}the usual' if times else 'usual is'} {number(usual.center)} ({place})"
    if (expected := seen.expected) is not None:
        low, high = number(expected.low), number(expected.high)
        plain = usual is not None or list(windows) != ["7d"]
        sentence += ", expected " if plain else ", usual at this hour of the week is "
        sentence += low if low == high else f"{low} to {high}"
    if windows:
        sentence += f" ({', '.join(windows)})"
    return f"{sentence}; since {clock(since_ms)}{tail}"


def is_share(series: Series) -> bool:
    """Whether its values are parts of a whole, so that people read them as percent.

    Examples
    --------
    >>> is_share(Series("t", "node_cpu_ratio")), is_share(Series("t", "system.cpu.utilization", unit="1"))
    (True, True)
    >>> is_share(Series("t", "cpu_utilization")), is_share(Series("t", "workers", unit="1"))
    (False, False)
    """
    return series.metric.endswith("_ratio") or (series.unit == "1" and "utili" in series.metric)


def change_of(before: float, now: float, share: bool = False) -> str:
    """From what to what, and by which share; parts of a whole as percent.

    Examples
    --------
    >>> change_of(0.41, 0.492), change_of(200.0, 150.0), change_of(0.0, 3.0)
    ('up 20 %: 0.41 to 0.492', 'down 25 %: 200 to 150', 'up: 0 to 3')
    >>> change_of(0.41, 0.492, share=True)
    'up 20 %: 41 % to 49.2 %'
    """
    by = f" {abs(now / before - 1.0) * 100:.0f} %" if before else ""
    return f"{'up' if now >= before else 'down'}{by}: {level(before, share)} to {level(now, share)}"


def level(value: float, share: bool) -> str:
    """A number; a part of a whole as percent."""
    return f"{number(100.0 * value)} %" if share else number(value)


def moment(time_ms: int, now_ms: int) -> str:
    """A minute, UTC, seen from a later time: a day ago or more with its day of the week, a week ago with its date.

    Examples
    --------
    >>> noon, day = 1_790_078_400_000, 86_400_000
    >>> moment(noon, noon + day // 4), moment(noon, noon + 2 * day), moment(noon, noon + 9 * day)
    ('12:00', 'Tuesday 12:00', '2026-09-22 12:00')
    """
    at, ago_ms = datetime.fromtimestamp(time_ms / 1000, UTC), now_ms - time_ms
    if ago_ms >= 6 * _DAY_MS:
        return f"{at:%Y-%m-%d %H:%M}"
    return f"{WEEKDAYS[at.weekday()]} {at:%H:%M}" if ago_ms >= _DAY_MS else f"{at:%H:%M}"
