"""What series are made of: a path (level, daily and weekly cycle) and noise around it."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Times = npt.NDArray[np.int64]

DAY_S = 86_400
DAY_MS = DAY_S * 1000
START_MS = 1_767_571_200_000
"""A Monday, 00:00 UTC; 1970 began on a Thursday."""
_LOG_SIGMA = 0.5
_EDGE_H = 0.5


@dataclass(frozen=True, slots=True)
class Signal:
    """One way for a series to be normal.

    Parameters
    ----------
    name
        In keys.
    metric, unit
        What the detect stage is told, and picks the metric's family by; ``queue_depth`` is of the family ``any``.
    level, sigma
        Mean and standard deviation of the noise around the path, in the series' unit.
    noise
        One of ``NOISES``.
    daily
        Amplitude of a daily sine, as a share of the level; each series has a phase of its own.
    weekly
        One of ``WEEKS``, or empty; it adds ``rise`` times the level.
    low, high
        What the metric cannot leave.
    memory_s
        Time constant of the noise ``ar1``.
    settle_days
        Days that a series needs before it could know its cycle.
    """

    name: str
    metric: str = "queue_depth"
    unit: str = ""
    level: float = 100.0
    sigma: float = 20.0
    noise: str = "gaussian"
    daily: float = 0.0
    weekly: str = ""
    rise: float = 0.6
    low: float = -np.inf
    high: float = np.inf
    memory_s: float = 600.0
    settle_days: float = 1.0


Noise = Callable[[Signal, np.random.Generator, int, float], Floats]


def _gaussian(_signal: Signal, random: np.random.Generator, count: int, _interval_s: float) -> Floats:
    return random.standard_normal(count)


def _lognormal(_signal: Signal, random: np.random.Generator, count: int, _interval_s: float) -> Floats:
    square = _LOG_SIGMA**2
    spread = np.sqrt(np.expm1(square)) * np.exp(square / 2)
    return (np.exp(_LOG_SIGMA * random.standard_normal(count)) - np.exp(square / 2)) / spread


def _student(_signal: Signal, random: np.random.Generator, count: int, _interval_s: float) -> Floats:
    return random.standard_t(3, count) / np.sqrt(3.0)


def _poisson(signal: Signal, random: np.random.Generator, count: int, _interval_s: float) -> Floats:
    return (random.poisson(signal.level, count) - signal.level) / signal.sigma


def _bursty(signal: Signal, random: np.random.Generator, count: int, interval_s: float) -> Floats:
    """Poisson, and twelve times a day a burst of 1 to 5 minutes of ten times the level."""
    counts = random.poisson(signal.level, count)
    starts = np.flatnonzero(random.random(count) < 12 * interval_s / DAY_S)
    for start, length_s in zip(starts.tolist(), random.uniform(60, 300, len(starts)).tolist(), strict=True):
        part = counts[start : start + max(1, round(length_s / interval_s))]
        part += random.poisson(10 * signal.level, len(part))
    return (counts - signal.level) / signal.sigma


def _ar1(signal: Signal, random: np.random.Generator, count: int, interval_s: float) -> Floats:
    keep = float(np.exp(-interval_s / signal.memory_s))
    steps = random.standard_normal(count)
    steps[1:] *= np.sqrt(1 - keep**2)
    return np.fromiter(accumulate(steps.tolist(), lambda held, step: keep * held + step), np.float64, count)


NOISES: Mapping[str, Noise] = {
    "gaussian": _gaussian,
    "lognormal": _lognormal,
    "student": _student,
    "poisson": _poisson,
    "bursty": _bursty,
    "ar1": _ar1,
}
"""Each of mean 0 and variance 1 (but for the bursts), so many samples, so far apart."""


def _plateau(hour: Floats, begin: float, end: float) -> Floats:
    """1 between two hours of the day, with edges of half an hour."""
    return np.clip(np.minimum((hour - begin) / _EDGE_H, (end - hour) / _EDGE_H), 0.0, 1.0)


def _office(weekday: Times, hour: Floats) -> Floats:
    return np.where(weekday < 5, _plateau(hour, 9, 17), 0.0)


def _monday(weekday: Times, hour: Floats) -> Floats:
    return np.where(weekday == 0, _plateau(hour, 9, 11), 0.0)


WEEKS: Mapping[str, Callable[[Times, Floats], Floats]] = {"office": _office, "monday": _monday}
"""From weekday (Monday is 0) and hour of the day to between 0 and 1."""


def path(signal: Signal, times_ms: Times, phase: float = 0.0) -> Floats:
    """The level that a series moves around.

    Examples
    --------
    >>> path(Signal("s", weekly="monday"), START_MS + 3_600_000 * np.array([8, 10, 34]))
    array([100., 160., 100.])
    """
    found = np.full(times_ms.shape, signal.level)
    if signal.daily:
        found += signal.level * signal.daily * np.sin(2 * np.pi * (times_ms % DAY_MS / DAY_MS + phase))
    if signal.weekly:
        weekday = (times_ms // DAY_MS + 3) % 7
        found += signal.level * signal.rise * WEEKS[signal.weekly](weekday, times_ms % DAY_MS / 3_600_000)
    return found


@dataclass(frozen=True, slots=True)
class Recording:
    """Series of one signal, at one interval.

    Parameters
    ----------
    times_ms
        Shape ``[S, N]``; a series' samples lie as far after the full interval as its scrape does.
    path, noise
        Shape ``[S, N]``; their sum is the series.
    """

    signal: Signal
    interval_s: float
    times_ms: Times
    path: Floats
    noise: Floats

    @property
    def values(self) -> Floats:
        """Within what the metric cannot leave; counts are whole."""
        found = np.clip(self.path + self.noise, self.signal.low, self.signal.high)
        return np.rint(found) if self.signal.noise in {"poisson", "bursty"} else found


def random_of(key: str, case: int, seed: int = 0) -> np.random.Generator:
    """A case's own chance: the same whatever other cases there are."""
    return np.random.default_rng([zlib.crc32(key.encode()), case, seed])


def record(signal: Signal, interval_s: float, days: float, randoms: list[np.random.Generator]) -> Recording:
    """A series for each source of chance."""
    count = int(days * DAY_S / interval_s)
    ticks = START_MS + np.round(np.arange(count) * interval_s * 1000).astype(np.int64)
    times, paths, noises = [], [], []
    for random in randoms:
        times.append(ticks + int(random.integers(1, int(interval_s * 1000))))
        paths.append(path(signal, times[-1], float(random.random())))
        noises.append(signal.sigma * NOISES[signal.noise](signal, random, count, interval_s))
    return Recording(signal, interval_s, np.array(times), np.array(paths), np.array(noises))
