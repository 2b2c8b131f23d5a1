"""Disks that never fill, though they move."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from benchmarks.eta.fills import A_DAY, Random, Values, lasting_noise


def _sine(random: Random, days: Values) -> Values:
    size = random.uniform(0.02, 0.2)
    return random.uniform(0.3, 0.9 - size) + size * np.sin(2 * np.pi * (days + random.uniform()))


def _sawtooth(random: Random, days: Values) -> Values:
    size = random.uniform(0.02, 0.4)
    return random.uniform(0.2, 0.9 - size) + size * ((days + random.uniform()) % 1.0)


def _slow_sawtooth(random: Random, days: Values) -> Values:
    """Cleared every few days: before it was once, nobody can know that it will be."""
    size, period = random.uniform(0.05, 0.4), random.uniform(2.0, 5.0)
    return random.uniform(0.1, 0.8 - size) + size * ((days / period + random.uniform()) % 1.0)


def _weekly(random: Random, days: Values) -> Values:
    """Grows by day, is cleaned on the weekend."""
    size = random.uniform(0.05, 0.2)
    week = (days + random.uniform(0.0, 7.0)) % 7.0
    grown = np.minimum(week, 5.0) / 5.0 - np.clip(week - 5.0, 0.0, 1.0)
    return random.uniform(0.2, 0.85 - size) + size * grown


def _noise(random: Random, days: Values) -> Values:
    size, hours = random.uniform(0.001, 0.03), random.uniform(0.1, 6.0)
    return random.uniform(0.3, 0.85) + lasting_noise(random, len(days), size, hours)


def _walk(random: Random, days: Values) -> Values:
    """Wanders without end and without aim, between a tenth and nine tenths."""
    steps = random.normal(0.0, random.uniform(0.005, 0.04) / np.sqrt(A_DAY), len(days))
    free = (random.uniform(0.2, 0.8) + np.cumsum(steps) - 0.1) % 1.6
    return 0.1 + np.minimum(free, 1.6 - free)


def _copied(random: Random, days: Values) -> Values:
    size, at = random.uniform(0.05, 0.3), random.uniform(0.5, 6.0)
    return random.uniform(0.2, 0.6) + size * (days >= at) + random.normal(0.0, 0.0005, len(days))


def _copies(random: Random, days: Values) -> Values:
    """Files come and go, each of them at once."""
    level = np.full(len(days), random.uniform(0.3, 0.5))
    for _ in range(12):
        at, lasts, size = random.uniform(0.0, 14.0), random.uniform(0.1, 2.0), random.uniform(0.01, 0.12)
        level += size * ((days >= at) & (days < at + lasts))
    return np.minimum(level, 0.97)


def _burst(random: Random, days: Values) -> Values:
    size, at, hours = random.uniform(0.05, 0.2), random.uniform(1.0, 6.0), random.uniform(0.3, 3.0)
    return random.uniform(0.2, 0.6) + size * np.clip((days - at) * 24.0 / hours, 0.0, 1.0)


def _constant(random: Random, days: Values) -> Values:
    return np.full(len(days), random.uniform(0.05, 0.94))


QUIETS: Final[Mapping[str, Callable[[Random, Values], Values]]] = {
    "sine": _sine,
    "sawtooth": _sawtooth,
    "slow_sawtooth": _slow_sawtooth,
    "weekly": _weekly,
    "noise": _noise,
    "walk": _walk,
    "copied": _copied,
    "copies": _copies,
    "burst": _burst,
    "constant": _constant,
}
