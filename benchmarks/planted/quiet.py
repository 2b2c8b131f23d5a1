"""Noise without a fault: how often an anomaly starts although nothing happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.planted.cases import CHUNK_SAMPLES, Keys
from benchmarks.planted.feed import Word, feed
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


def words_of(signal: Signal, span: Span) -> list[Word]:
    """What the stage says of series without a fault."""
    size = max(1, int(CHUNK_SAMPLES / (span.days * DAY_S / span.interval_s)))
    found: list[Word] = []
    for first in range(0, span.series, size):
        last = min(span.series, first + size)
        randoms = [random_of(f"quiet {signal.name} {span.interval_s}", case) for case in range(first, last)]
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


def measure(cases: int) -> Iterator[tuple[str, Keys]]:
    """Every signal at every interval that leaves it days to be judged in."""
    for span in SPANS:
        scaled = Span(span.interval_s, span.days, max(2, span.series * cases // WHOLE))
        for signal in SIGNALS:
            if span.days - signal.settle_days < 2:
                continue
            keys = keys_of(signal, scaled, words_of(signal, scaled))
            prefix = f"quiet_{signal.name}_{span.interval_s:g}s"
            yield prefix, {f"{prefix}_{name}": value for name, value in keys.items()}
