"""Series from their birth on, with faults now and then: the population that a probability is about."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from benchmarks.confidence.hearing import Heard, heard_of
from benchmarks.planted.comparison import AFTERMATH_MS
from benchmarks.planted.faults import RAMP, STEP, WIDEN, Fault, lasting
from benchmarks.planted.quiet import SIGNALS, Span
from benchmarks.planted.signals import DAY_MS, Recording, Signal, Times, random_of, record
from schemas.events import Anomaly

A_FAULT_MS: Final = 7 * DAY_MS
"""A series has one in so long, on average, and no fewer than one in two lives."""
_LEAST_A_LIFE: Final = 0.5
FIRST_DAY: Final = 0.5
"""What is new was just deployed: so many have a fault in their first day, likely early as late in its logarithm."""
_FIRST_S: Final = (300.0, 86_400.0)
_SIZES: Final = (2.0, 16.0)
_LASTS_S: Final = (120.0, 7200.0)
_RAMP_LASTS_S: Final = 14_400.0
_RAMPS: Final = (0.5, 3.0)
_WIDER: Final = (2.0, 6.0)


LIVES: Final = (Span(1.0, 0.25, 30), Span(15.0, 4.0, 30), Span(60.0, 10.0, 60), Span(300.0, 14.0, 40))
"""Of each signal, at 300 cases; more or fewer in proportion."""


class Planted(NamedTuple):
    """A fault of a series: which way it goes (0 for both), from its first sample on, before its end."""

    case: int
    sign: int
    begin_ms: int
    end_ms: int


def _fault(random: np.random.Generator, sigma: float) -> tuple[Fault, float]:
    """Any fault of any size that may be seen."""
    kind, sign = random.choice(["step", "step", "ramp", "widen"]), random.choice([-1.0, 1.0])
    if kind == "ramp":
        return lasting(RAMP, _RAMP_LASTS_S), sign * sigma * _log_uniform(random, _RAMPS)
    lasts_s = _log_uniform(random, _LASTS_S)
    if kind == "widen":
        return lasting(WIDEN, max(lasts_s, 1800.0)), _log_uniform(random, _WIDER)
    return lasting(STEP, lasts_s), sign * sigma * _log_uniform(random, _SIZES)


def _log_uniform(random: np.random.Generator, ends: tuple[float, float]) -> float:
    return float(np.exp(random.uniform(np.log(ends[0]), np.log(ends[1]))))


def _beginnings(random: np.random.Generator, times_ms: Times, expected: float) -> Iterator[int]:
    """When a series' faults begin."""
    for _ in range(int(random.poisson(expected))):
        yield int(times_ms[int(random.uniform(0.0, 1.0) * len(times_ms))])
    if random.random() < FIRST_DAY:
        at = int(np.searchsorted(times_ms, times_ms[0] + 1000 * _log_uniform(random, _FIRST_S)))
        if at < len(times_ms):
            yield int(times_ms[at])


def lived(signal: Signal, life: Span, seed: int) -> tuple[Recording, list[Planted]]:
    """Series with their faults."""
    randoms = [random_of(f"confidence {seed} {signal.name} {life.interval_s}", case) for case in range(life.series)]
    recording = record(signal, life.interval_s, life.days, randoms)
    planted: list[Planted] = []
    expected = max(life.days * DAY_MS / A_FAULT_MS, _LEAST_A_LIFE)
    for case, random in enumerate(randoms):
        for begin_ms in _beginnings(random, recording.times_ms[case], expected):
            fault, size = _fault(random, signal.sigma)
            if any(one.case == case and abs(one.begin_ms - begin_ms) < 8 * 3_600_000 for one in planted):
                continue
            mine = np.where(np.arange(life.series)[:, None] == case, (recording.times_ms - begin_ms) / 1000, -1.0)
            recording = fault.plant(recording, mine, size)
            sign = 0 if fault.name == "widen" else int(np.sign(size))
            planted.append(Planted(case, sign, begin_ms, begin_ms + int(fault.lasts_s * 1000)))
    return recording, planted


def is_real(one: Anomaly, faults: list[Planted]) -> bool | None:
    """Whether an anomaly told at its start is of a fault; None just behind one, where nobody can say."""
    real: bool | None = False
    for fault in faults:
        if fault.begin_ms <= one.at_ms < fault.end_ms and one.started_ms >= fault.begin_ms:
            sign = {"up": 1, "down": -1, "none": 0}[one.direction]
            return fault.sign in {0, sign} or None
        if fault.begin_ms <= one.at_ms < fault.end_ms + AFTERMATH_MS:
            real = None
    return real


def heard_lives(seed: int, cases: int) -> Iterator[tuple[Signal, Span, list[Heard], list[Planted]]]:
    """All signals at all intervals."""
    for signal in SIGNALS:
        for life in LIVES:
            scaled = Span(life.interval_s, life.days, max(1, life.series * cases // 300))
            recording, planted = lived(signal, scaled, seed)
            yield signal, scaled, heard_of(recording), planted
