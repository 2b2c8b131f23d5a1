"""95 % intervals: for shares, for rates of rare events, for medians of delays."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Z95 = 1.959964


class Estimate(NamedTuple):
    """A number and what it may well be instead."""

    value: float
    low: float
    high: float


def wilson(hits: int, trials: int) -> Estimate:
    """A share, with Wilson's score interval.

    Examples
    --------
    >>> [round(one, 3) for one in wilson(95, 100)]
    [0.95, 0.888, 0.978]
    """
    share, square = hits / trials, Z95**2
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    half = Z95 * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2)) / (1 + square / trials)
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))


def _up_to(events: int, mean: float) -> float:
    """Poisson's chance of at most so many events."""
    counts = np.arange(events + 1)
    log_factorials = np.cumsum(np.log(np.maximum(counts, 1)))
    return float(np.exp(counts * math.log(mean) - mean - log_factorials).sum())


def _mean_at(events: int, chance: float) -> float:
    """The mean at which at most so many events have that chance."""
    low, high = 0.0, 2.0 * events + 10.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _up_to(events, middle) > chance else (low, middle)
    return low


def poisson(events: int, exposure: float) -> Estimate:
    """A rate, with the exact interval.

    Examples
    --------
    >>> [round(one, 2) for one in poisson(0, 1.0)], [round(one, 1) for one in poisson(10, 1.0)]
    ([0.0, 0.0, 3.69], [10.0, 4.8, 18.4])
    """
    low = _mean_at(events - 1, 0.975) if events else 0.0
    return Estimate(events / exposure, low / exposure, _mean_at(events, 0.025) / exposure)


def median(delays: npt.NDArray[np.float64]) -> Estimate:
    """The median with its order statistics; NaN is never, and stands behind all others.

    Examples
    --------
    >>> median(np.array([5.0, 1.0, 2.0, 3.0, np.nan]))
    Estimate(value=3.0, low=1.0, high=inf)
    """
    ordered = np.sort(np.where(np.isnan(delays), np.inf, delays))
    count = len(ordered)
    reach = Z95 * math.sqrt(count) / 2
    low = max(0, math.floor(count / 2 - reach) - 1)
    high = min(count - 1, math.ceil(count / 2 + 1 + reach) - 1)
    return Estimate(float(ordered[(count - 1) // 2]), float(ordered[low]), float(ordered[high]))
