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


def poisson(events: int, exposure: float) -> Estimate:
    """A rate, with Byar's approximation to the exact interval (within 1 % of it).

    Examples
    --------
    >>> [round(one, 2) for one in poisson(0, 1.0)], [round(one, 1) for one in poisson(10, 1.0)]
    ([0.0, 0.0, 3.67], [10.0, 4.8, 18.4])
    """
    more = events + 1
    low = events * (1 - 1 / (9 * events) - Z95 / (3 * math.sqrt(events))) ** 3 if events else 0.0
    high = more * (1 - 1 / (9 * more) + Z95 / (3 * math.sqrt(more))) ** 3
    return Estimate(events / exposure, low / exposure, high / exposure)


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
