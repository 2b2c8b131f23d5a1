"""Entities whose series follow hidden causes, with or without a fault."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

Array = npt.NDArray[np.float64]
Random = np.random.Generator
A_DAY: Final = 1440
CAUSES: Final = 3
_MEMORY: Final = 0.95
FAULT_MINUTES: Final = 60


class World(NamedTuple):
    """``values [minutes, series]``, from when to when something is wrong, and with which series."""

    values: Array
    start: int
    end: int
    planted: frozenset[int]


def random_of(seed: int, *about: object) -> Random:
    """A generator for one purpose.

    Examples
    --------
    >>> random_of(1, "a").integers(100) == random_of(1, "a").integers(100)
    True
    """
    return np.random.default_rng([seed, *(ord(letter) for letter in "/".join(map(str, about)))])


def _causes(minutes: int, random: Random, weekly: float = 0.0) -> Array:
    """``[minutes, CAUSES]``: slow noise, on which a day's and a week's course lie."""
    noise = random.standard_normal((minutes, CAUSES)) * np.sqrt(1 - _MEMORY**2)
    causes: Array = lfilter([1.0], [1.0, -_MEMORY], noise, axis=0)
    at = np.arange(minutes)
    causes[:, 0] += 1.2 * np.sin(2 * np.pi * at / A_DAY)
    causes[:, 1] += 0.6 * np.sin(2 * np.pi * (at - 60) / A_DAY)
    causes -= weekly * (at // A_DAY % 7 >= 5)[:, None]
    return causes


def _weights(series: int, random: Random) -> Array:
    """``[CAUSES, series]``: each follows one cause, and the others a little."""
    weights = 0.2 * random.standard_normal((CAUSES, series))
    weights[np.arange(series) % CAUSES, np.arange(series)] += 1.0
    return weights


def _dressed(values: Array, random: Random) -> Array:
    """With noise of each one's own, and in units of each one's own."""
    series = values.shape[1]
    values = values + random.standard_normal(values.shape) * random.uniform(0.2, 0.7, series)
    sizes = random.lognormal(0.0, 2.0, series)
    dressed: Array = sizes * (random.uniform(5, 50, series) + values)
    return dressed


def _does_not_follow(causes: Array, weights: Array, span: slice, one: int) -> Array:
    """A cause rises, and one of those that follow it stays: traffic rises, CPU does not."""
    risen = causes.copy()
    risen[span, one % CAUSES] += 3.0
    values: Array = risen @ weights
    values[:, one] = causes @ weights[:, one]
    return values


def _moves_alone(causes: Array, weights: Array, span: slice, one: int) -> Array:
    """One moves by what it moves by every day, the others do not."""
    values: Array = causes @ weights
    values[span, one] += 2.5
    return values


def _goes_against(causes: Array, weights: Array, span: slice, one: int) -> Array:
    """One does the opposite of what it should."""
    values: Array = causes @ weights
    values[span, one] = -values[span, one] - 1.0
    return values


def _stands_still(causes: Array, weights: Array, span: slice, one: int) -> Array:
    """A cause rises slowly; one that follows it stays where it was when that began."""
    risen = causes.copy()
    risen[span, one % CAUSES] += np.linspace(0.0, 4.0, span.stop - span.start)
    values: Array = risen @ weights
    values[span, one] = values[span.start, one]
    return values


FAULTS: Final = MappingProxyType(
    {
        "does_not_follow": _does_not_follow,
        "moves_alone": _moves_alone,
        "goes_against": _goes_against,
        "stands_still": _stands_still,
    }
)


def faulty(kind: str, minutes: int, series: int, random: Random, length: int = FAULT_MINUTES) -> World:
    """An entity with one fault on the last day but its end."""
    causes, weights = _causes(minutes, random), _weights(series, random)
    start = int(random.integers(minutes - A_DAY, minutes - length - 30))
    one = int(random.integers(series))
    values = FAULTS[kind](causes, weights, slice(start, start + length), one)
    return World(_dressed(values, random), start, start + length, frozenset({one}))


def _daily(minutes: int, series: int, random: Random) -> Array:
    return _dressed(_causes(minutes, random) @ _weights(series, random), random)


def _weekly(minutes: int, series: int, random: Random) -> Array:
    return _dressed(_causes(minutes, random, weekly=2.0) @ _weights(series, random), random)


def _bursty(minutes: int, series: int, random: Random) -> Array:
    """Heavy tails: each series has bursts of minutes now and then, of its own."""
    values = _causes(minutes, random) @ _weights(series, random)
    bursts = random.random(values.shape) < 0.002
    sizes = lfilter([1.0], [1.0, -0.6], bursts * random.pareto(2.5, values.shape), axis=0)
    return _dressed(values + sizes, random)


def _counts(minutes: int, series: int, random: Random) -> Array:
    """Integers: what is counted a minute, from rare to many."""
    rates = random.uniform(-0.5, 4.0, series) + 0.3 * (_causes(minutes, random) @ _weights(series, random))
    counts: Array = random.poisson(np.exp(np.minimum(rates, 12.0))).astype(np.float64)
    return counts


QUIETS: Final = MappingProxyType({"daily": _daily, "weekly": _weekly, "bursty": _bursty, "counts": _counts})
Quiet = Callable[[int, int, Random], Array]
