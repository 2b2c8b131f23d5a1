"""The planted cases: what goes in, and what must come first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.planted.faults import DROP, STEP, Fault, lasting
from benchmarks.planted.feed import SIGNS, told
from benchmarks.planted.signals import DAY_MS, START_MS, Recording, Signal, random_of, record
from schemas.events import Anomaly

CHUNK_SAMPLES = 2_000_000
_HOUR_MS = 3_600_000
_SIGNALS = 6
PLAIN = Signal("plain")
CYCLE = Signal("cycle", sigma=3.0, daily=0.4)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of case.

    Parameters
    ----------
    fault, size
        What is planted, in the signal's sigmas.
    onset_s, within_s
        When, from the first sample on, and for how long the first word of it is waited for.
    first
        Windows of which one must rank first.
    """

    name: str
    signal: Signal
    interval_s: float
    days: float
    fault: Fault
    size: float
    onset_s: float
    within_s: float
    first: frozenset[str]


def _hold(recording: Recording, since_s: np.ndarray, _size: float) -> Recording:
    """The path stays where it was at the onset."""
    last = np.maximum((since_s < 0).cumprod(axis=1).sum(axis=1, dtype=np.int64) - 1, 0)
    held = recording.path[np.arange(len(last)), last][:, None]
    return replace(recording, path=np.where(since_s >= 0, held, recording.path))


KINDS: tuple[Kind, ...] = (
    Kind("spike", PLAIN, 10, 0.13, lasting(STEP, 30), 8, 10_800, 60, frozenset({"5m"})),
    Kind(
        "drop", replace(PLAIN, level=1000.0, sigma=60.0), 10, 0.13, lasting(DROP, 30), -8, 10_800, 60, frozenset({"5m"})
    ),
    Kind("shift", PLAIN, 15, 1.2, lasting(STEP, 7_200), 3, 90_000, 3_600, frozenset({"15m", "1h"})),
    Kind("week", CYCLE, 60, 8.95, Fault("hold", 0, _hold), 0, 8 * 86_400 + 50_400, 30_000, frozenset({"7d"})),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of the cases of a kind.

    Parameters
    ----------
    anomalies
        Every state of every anomaly.
    told, first
        Cases whose fault was told of in time, and those in which what was planted ranked first.
    """

    anomalies: list[Anomaly]
    told: int
    first: int


def run(kind: Kind, cases: int, seed: int) -> Outcome:
    """All cases of a kind, so many at a time."""
    size = max(1, int(CHUNK_SAMPLES / (kind.days * 86_400 / kind.interval_s)))
    found: list[Anomaly] = []
    words: dict[int, Anomaly] = {}
    for begin in range(0, cases, size):
        recording = _recording(kind, range(begin, min(cases, begin + size)), seed)
        for case, one in told(recording):
            found.append(one)
            if _is_of(kind, one):
                words.setdefault(begin + case, one)
    first = sum(one.contributions[0].of in kind.first for one in words.values())
    return Outcome(found, len(words), first)


def _recording(kind: Kind, cases: range, seed: int) -> Recording:
    randoms = [random_of(f"contributions {kind.name} {seed}", case) for case in cases]
    quiet = record(kind.signal, kind.interval_s, kind.days, randoms)
    if kind.signal.daily:  # one phase for all: the warmest hour is 14:00
        quiet = replace(quiet, path=_afternoons(kind.signal, quiet.times_ms))
    since_s = (quiet.times_ms - START_MS) / 1000 - kind.onset_s
    return kind.fault.plant(quiet, since_s, kind.size * kind.signal.sigma)


def _afternoons(signal: Signal, times_ms: np.ndarray) -> np.ndarray:
    swing = np.cos(2 * np.pi * (times_ms % DAY_MS - 14 * _HOUR_MS) / DAY_MS)
    return signal.level * (1.0 + signal.daily * swing)


def _is_of(kind: Kind, one: Anomaly) -> bool:
    """Whether it is the first word of the fault, by the five windows."""
    since_s = (one.at_ms - START_MS) / 1000 - kind.onset_s
    way = not kind.size or SIGNS[one.direction] * kind.size > 0
    return one.detector == "windows" and one.state == "start" and way and 0 <= since_s <= kind.within_s


def run_signals(nodes: int, seed: int) -> Outcome:
    """Nodes of six signals, of which one shifts."""
    cases = nodes * _SIGNALS
    randoms = [random_of(f"contributions signal {seed}", case) for case in range(cases)]
    quiet = record(PLAIN, 15, 0.2, randoms)
    culprits = np.array([int(random_of(f"culprit {seed}", node).integers(_SIGNALS)) for node in range(nodes)])
    onset_s = 14_400
    since_s = (quiet.times_ms - START_MS) / 1000 - onset_s
    innocent = np.arange(cases) % _SIGNALS != np.repeat(culprits, _SIGNALS)
    since_s[innocent] = -1.0
    faulty = lasting(STEP, 600).plant(quiet, since_s, 8 * PLAIN.sigma)
    found, highest = [], np.zeros(cases)
    for case, one in told(faulty):
        found.append(one)
        if 0 <= (one.at_ms - START_MS) / 1000 - onset_s <= 600:
            highest[case] = max(highest[case], one.peak_score)
    by_node = highest.reshape(nodes, _SIGNALS)
    spoke = by_node.max(axis=1) > 0
    return Outcome(found, int(spoke.sum()), int((spoke & (by_node.argmax(axis=1) == culprits)).sum()))


def outcomes(cases: int, seed: int) -> Iterator[tuple[str, Outcome]]:
    """Every kind, by name."""
    for kind in KINDS:
        yield kind.name, run(kind, cases, seed)
    yield "signal", run_signals(cases, seed)
