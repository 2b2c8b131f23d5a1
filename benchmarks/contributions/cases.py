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
_SHARED = 0.5
"""Of each signal's variance, what all of its node have in common."""
_LEAKS = 2
_LEAST_LEAK, _MOST_LEAK = 0.3, 0.6
"""Into so many others, by a share of the fault's size between these."""
ONSET_S, LASTS_S = 14_400.0, 600.0
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


def sizes_of(node: int, seed: int) -> np.ndarray:
    """How much of the fault each of a node's signals shows: one all of it, some others a part, the rest nothing."""
    random = random_of(f"culprit {seed}", node)
    sizes = np.zeros(_SIGNALS)
    culprit, *others = random.permutation(_SIGNALS).tolist()
    sizes[culprit] = 1.0
    sizes[others[:_LEAKS]] = random.uniform(_LEAST_LEAK, _MOST_LEAK, _LEAKS)
    return sizes


def nodes_of(sizes: np.ndarray, seed: int) -> Recording:
    """Signals that go together node by node, each with its part of the fault; ``sizes`` is ``[nodes, signals]``."""
    randoms = [random_of(f"contributions signal {seed}", case) for case in range(sizes.size)]
    quiet = record(PLAIN, 15, 0.2, randoms)
    samples = quiet.noise.shape[1]
    shared = [random_of(f"shared {seed}", node).standard_normal(samples) for node in range(len(sizes))]
    common = PLAIN.sigma * np.repeat(shared, _SIGNALS, axis=0)
    noise = np.sqrt(_SHARED) * common + np.sqrt(1.0 - _SHARED) * quiet.noise
    since_s = (quiet.times_ms - START_MS) / 1000 - ONSET_S
    fault = np.where((since_s >= 0) & (since_s < LASTS_S), 8 * PLAIN.sigma * sizes.reshape(-1, 1), 0.0)
    return replace(quiet, noise=noise, path=quiet.path + fault)


def run_signals(nodes: int, seed: int) -> Outcome:
    """Nodes of six signals, of which one shifts, and two go along with it less far."""
    cases = nodes * _SIGNALS
    sizes = np.array([sizes_of(node, seed) for node in range(nodes)])
    culprits = sizes.argmax(axis=1)
    found, highest = [], np.zeros(cases)
    for case, one in told(nodes_of(sizes, seed)):
        found.append(one)
        if 0 <= (one.at_ms - START_MS) / 1000 - ONSET_S <= LASTS_S:
            highest[case] = max(highest[case], one.peak_score)
    by_node = highest.reshape(nodes, _SIGNALS)
    spoke = by_node.max(axis=1) > 0
    return Outcome(found, int(spoke.sum()), int((spoke & (by_node.argmax(axis=1) == culprits)).sum()))


def outcomes(cases: int, seed: int) -> Iterator[tuple[str, Outcome]]:
    """Every kind, by name."""
    for kind in KINDS:
        yield kind.name, run(kind, cases, seed)
    yield "signal", run_signals(cases, seed)
