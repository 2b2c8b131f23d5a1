"""How many drifts that are told are real: half of some series change their level for good, the others never."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from benchmarks.confidence.hearing import heard_of
from benchmarks.planted.faults import STEP
from benchmarks.planted.intervals import Estimate, wilson
from benchmarks.planted.quiet import SIGNALS
from benchmarks.planted.signals import DAY_MS, Signal, random_of, record

_DAYS: Final = 10.0
_SERIES: Final = 20
"""Of each signal, at 300 cases."""
_AFTER_MS: Final = DAY_MS
"""A drift that is told so soon after the change is of it."""
_SHARES: Final = (0.1, 0.6)


def _changed(signal: Signal, seed: int, count: int) -> tuple[list[bool], list[bool]]:
    """Drifts of a signal's series that are told: real ones, and all."""
    randoms = [random_of(f"drifts {seed} {signal.name}", case) for case in range(count)]
    recording = record(signal, 60.0, _DAYS, randoms)
    since = np.full(recording.times_ms.shape, -1.0)
    sizes, begin_ms = np.zeros(count), np.zeros(count, np.int64)
    for case, random in enumerate(randoms):
        begin_ms[case] = recording.times_ms[case, int(random.uniform(0.3, 0.9) * since.shape[1])]
        sizes[case] = signal.level * random.uniform(*_SHARES) * random.choice([-1.0, 1.0])
        if case % 2:
            since[case] = (recording.times_ms[case] - begin_ms[case]) / 1000
    changed = STEP.plant(replace(recording, path=recording.path), since, 1.0)
    changed = replace(recording, path=recording.path + (changed.path - recording.path) * sizes[:, None])
    real: list[bool] = []
    for one in heard_of(changed):
        if one.anomaly.kind == "drift" and one.anomaly.state == "start":
            after_ms = one.anomaly.at_ms - int(begin_ms[one.case])
            sign = 1.0 if one.anomaly.direction == "up" else -1.0
            real.append(bool(one.case % 2 and 0 <= after_ms < _AFTER_MS and sign == np.sign(sizes[one.case])))
    return [one for one in real if one], real


def measure(seed: int, cases: int) -> Estimate:
    """Over all signals; the share of drifts that are real."""
    count = max(2, _SERIES * cases // 300)
    found = [_changed(signal, seed, count) for signal in SIGNALS]
    return wilson(sum(len(real) for real, _ in found), sum(len(all_of) for _, all_of in found))
