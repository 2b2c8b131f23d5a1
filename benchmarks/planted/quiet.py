"""Noise without a fault: how often an anomaly starts although nothing happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.parts import Keys, on_all_cores
from benchmarks.planted.cases import CHUNK_SAMPLES
from benchmarks.planted.feed import Word, feed, warm_up
from benchmarks.planted.intervals import poisson
from benchmarks.planted.plans import (
    BURSTS,
    COUNTS,
    CPU,
    DAILY,
    GAUGE,
    LATENCY,
    MONDAY,
    OFFICE,
    SKEWED,
    SLIM,
    STICKY,
    TAILED,
)
from benchmarks.planted.signals import DAY_MS, DAY_S, START_MS, Signal, random_of, record

SIGNALS = (GAUGE, SLIM, DAILY, OFFICE, MONDAY, SKEWED, TAILED, COUNTS, BURSTS, STICKY, CPU, LATENCY)


@dataclass(frozen=True, slots=True)
class Span:
    """So many series, so long, so often."""

    interval_s: float
    days: float
    series: int


SPANS = (Span(60.0, 30.0, 100), Span(15.0, 15.0, 40))
"""At 300 cases; more or fewer in proportion."""
WHOLE = 300


def words_of(signal: Signal, span: Span, seed: int) -> list[Word]:
    """What the stage says of series without a fault."""
    size = max(1, int(CHUNK_SAMPLES / (span.days * DAY_S / span.interval_s)))
    found: list[Word] = []
    for first in range(0, span.series, size):
        last = min(span.series, first + size)
        randoms = [random_of(f"quiet {signal.name} {span.interval_s}", case, seed) for case in range(first, last)]
        words = feed(record(signal, span.interval_s, span.days, randoms))
        found += [one._replace(case=one.case + first) for one in words]
    return found


def keys_of(signal: Signal, span: Span, words: Sequence[Word]) -> Keys:
    """Rates after the first days, and how many came before."""
    settled_ms = START_MS + int(signal.settle_days * DAY_MS)
    starts = [one for one in words if one.state == "start"]
    late = [one for one in starts if one.at_ms >= settled_ms]
    series_days = span.series * (span.days - signal.settle_days)
    rate = poisson(len(late), series_days / 30)
    kinds = Counter(one.kind for one in late)
    keys: Keys = {
        "series_days": series_days,
        "per_30d": rate.value,
        "per_30d_low": rate.low,
        "per_30d_high": rate.high,
        "drift_per_90d": kinds["drift"] * 90 / series_days,
        "series_with_any": len({one.case for one in late}) / span.series,
        "settling_per_series": (len(starts) - len(late)) / span.series,
    }
    return keys | {f"kind_{kind}": count for kind, count in sorted(kinds.items())}


def _keys(seed: int, task: tuple[Signal, Span]) -> Keys:
    return keys_of(*task, words_of(*task, seed))


def measure(seed: int, cases: int) -> Iterator[tuple[str, Keys]]:
    """Every signal at every interval that leaves it days to be judged in."""
    warm_up()
    scaled = [Span(one.interval_s, one.days, max(2, one.series * cases // WHOLE)) for one in SPANS]
    tasks = [(signal, span) for span in scaled for signal in SIGNALS if span.days - signal.settle_days >= 2]
    for (signal, span), keys in zip(tasks, on_all_cores(partial(_keys, seed), tasks), strict=True):
        prefix = f"quiet_{signal.name}_{span.interval_s:g}s"
        yield prefix, {f"{prefix}_{name}": value for name, value in keys.items()}
