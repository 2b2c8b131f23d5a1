"""Disks that fill, in ways that are planted and seeded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

STEP_S: Final = 300
A_DAY: Final = 288
HOUR_S: Final = 3_600
LONGEST_DAYS: Final = 24
_SHORTEST_S: Final = 54 * HOUR_S

Values = npt.NDArray[np.float64]
Random = np.random.Generator


class Fill(NamedTuple):
    """A disk that fills: its samples, and how many there are before it is full."""

    kind: str
    values: Values
    full_at: int


def days_of(count: int) -> Values:
    """Time of so many samples, in days."""
    return np.arange(count) / A_DAY


def lasting_noise(random: Random, count: int, size: float, hours: float) -> Values:
    """Noise that forgets itself within so many hours."""
    keep = np.exp(-STEP_S / (hours * HOUR_S))
    shocks = random.normal(0.0, size * np.sqrt(1.0 - keep * keep), count)
    noise = np.zeros(count)
    for at in range(1, count):
        noise[at] = keep * noise[at - 1] + shocks[at]
    return noise


def even(random: Random, count: int, rate: float) -> Values:
    """At one rate."""
    return rate * days_of(count) + random.normal(0.0, 0.0005, count)


def _noisy(random: Random, count: int, rate: float) -> Values:
    return rate * days_of(count) + lasting_noise(random, count, random.uniform(0.002, 0.015), random.uniform(1.0, 8.0))


def _wandering(random: Random, count: int, rate: float) -> Values:
    """Each quarter of a day has a rate of its own."""
    rates = rate * random.lognormal(-0.125, 0.5, count // 72 + 1)
    return np.cumsum(np.repeat(rates, 72)[:count]) / A_DAY


def _by_day(random: Random, count: int, rate: float) -> Values:
    """Written in office hours, at rates that differ."""
    phase = random.uniform(0.0, 1.0)
    busy = np.maximum(0.0, np.sin(2.0 * np.pi * (days_of(count) + phase)))
    daily = np.repeat(random.lognormal(-0.045, 0.3, count // A_DAY + 1), A_DAY)[:count]
    return np.cumsum(rate * np.pi * busy * daily) / A_DAY


def _cycling(random: Random, count: int, rate: float) -> Values:
    cycle = random.uniform(0.01, 0.06) * np.sin(2.0 * np.pi * (days_of(count) + random.uniform(0.0, 1.0)))
    return _wandering(random, count, rate) + cycle


def _rotated(random: Random, count: int, rate: float) -> Values:
    """Rotations come when they come, a few days apart, and free a part of what a day brings."""
    drops = np.where(random.uniform(size=count) < 1.0 / (random.uniform(0.5, 3.0) * A_DAY), 1.0, 0.0)
    return rate * days_of(count) - np.cumsum(drops * random.uniform(0.1, 0.6, count) * rate)


def _once_rotated(random: Random, count: int, rate: float) -> Values:
    at = int(random.uniform(0.2, 0.8) / rate * 0.3 * A_DAY)
    return _wandering(random, count, rate) - np.where(np.arange(count) >= at, random.uniform(0.2, 1.0) * rate, 0.0)


def _quickening(random: Random, count: int, rate: float) -> Values:
    faster = random.uniform(0.02, 0.08)
    return rate * np.expm1(faster * days_of(count)) / faster + random.normal(0.0, 0.001, count)


FILLS: Final[Mapping[str, Callable[[Random, int, float], Values]]] = {
    "even": even,
    "noisy": _noisy,
    "wandering": _wandering,
    "by_day": _by_day,
    "cycling": _cycling,
    "rotated": _rotated,
    "once_rotated": _once_rotated,
    "quickening": _quickening,
}
"""By name: evenly; with noise that lasts for hours; at rates that differ from quarter to quarter of a day; by day more
than by night; with a daily cycle on top; with rotations, time and again or once; ever quicker."""


def random_of(seed: int, part: str) -> Random:
    """A part's own numbers."""
    return np.random.default_rng([seed, *part.encode()])


def fills(seed: int, cases: int) -> list[Fill]:
    """So many of each kind, all full after 54 hours to 24 days."""
    found: list[Fill] = []
    for kind, make in FILLS.items():
        random = random_of(seed, f"fills {kind}")
        while sum(one.kind == kind for one in found) < cases:
            start, days = random.uniform(0.1, 0.7), np.exp(random.uniform(np.log(3.0), np.log(20.0)))
            values = start + make(random, LONGEST_DAYS * A_DAY, (1.0 - start) / days)
            full = np.flatnonzero(values >= 1.0)
            if len(full) and full[0] * STEP_S > _SHORTEST_S and values.min() > 0.0:
                found.append(Fill(kind, np.minimum(values, 1.0), int(full[0])))
    return found
