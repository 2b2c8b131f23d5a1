"""The logistic model fitted, and how well probabilities hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.planted.signals import Floats
from models.confidence import FEATURES, SIGNS

BINS: Final = 10
# Keeps weights small where a feature says little; that of the constant is free.
RIDGE: Final = 3.0
_STEPS: Final = 50
_SURE: Final = 4.5
"""As in ``models.confidence``: nothing is more certain than this, in log odds."""


KNOWN_SIGNS: Final = np.array([SIGNS.get(name, 0) for name in FEATURES], float)


def fit(inputs: Floats, real: Floats, counts: Floats, signs: Floats | float = 0.0) -> Floats:
    """Weights of the features; of those that data would turn the wrong way the worst is left out, time and again.

    Parameters
    ----------
    inputs, real, counts
        Shapes ``[N, F]``, ``[N]`` (1 for a real anomaly), ``[N]`` (how much each counts). The first feature is the
        constant.
    signs
        Shape ``[F]``: 1 or -1 where a weight must not have the other sign, 0 where it may.
    """
    used = np.ones(inputs.shape[1], bool)
    while True:
        weights = np.zeros(inputs.shape[1])
        weights[used] = _free_fit(inputs[:, used], real, counts)
        wrong = weights * signs * inputs.std(axis=0)
        if wrong.min() >= 0.0:
            return weights
        used[wrong.argmin()] = False


def _free_fit(inputs: Floats, real: Floats, counts: Floats) -> Floats:
    """Weights by Newton's method."""
    weights = np.zeros(inputs.shape[1])
    scale = inputs.std(axis=0)
    ridge = RIDGE * scale**2
    ridge[0] = 1e-6
    ridge[1:] = np.maximum(ridge[1:], 1e-3)
    for _ in range(_STEPS):
        chance = 1.0 / (1.0 + np.exp(-inputs @ weights))
        slope = inputs.T @ (counts * (real - chance)) - ridge * weights
        curve = (inputs * (counts * chance * (1.0 - chance))[:, None]).T @ inputs + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-9:
            break
    return weights


def chances(inputs: Floats, weights: Floats) -> Floats:
    """Probabilities, none of them certain."""
    return 1.0 / (1.0 + np.exp(-np.clip(inputs @ weights, -_SURE, _SURE)))


def crossfitted(
    inputs: Floats, real: Floats, counts: Floats, groups: Sequence[str], signs: Floats | float = 0.0
) -> Floats:
    """Of each row, what a model says that was fitted to the other groups."""
    found = np.empty(len(real))
    names = np.array(groups)
    for held in sorted(set(groups)):
        out = names == held
        found[out] = chances(inputs[out], fit(inputs[~out], real[~out], counts[~out], signs))
    return found


@dataclass(frozen=True, slots=True)
class Bin:
    """Anomalies of like confidence: what was said of them, and how many were real."""

    count: int
    said: float
    real: float


def bins_of(said: Floats, real: Floats) -> list[Bin]:
    """As many in each; the least sure first."""
    order = np.argsort(said, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return [Bin(len(part), float(said[part].mean()), float(real[part].mean())) for part in parts]


def calibration_error(bins: Sequence[Bin]) -> float:
    """By how much what is said differs from what holds, on average over anomalies.

    Examples
    --------
    >>> calibration_error([Bin(50, 0.5, 0.4), Bin(50, 0.9, 0.9)])
    0.05
    """
    return round(sum(one.count * abs(one.said - one.real) for one in bins) / sum(one.count for one in bins), 12)


def brier(said: Floats, real: Floats) -> float:
    """Mean squared error of the probabilities; 0.25 for a coin's."""
    return float(((said - real) ** 2).mean())


def chance_error(said: Floats, seed: int, draws: int = 200) -> float:
    """The calibration error that a perfectly calibrated model of the same words would show, by chance."""
    random = np.random.default_rng(seed)
    drawn = [calibration_error(bins_of(said, (random.random(len(said)) < said).astype(float))) for _ in range(draws)]
    return float(np.mean(drawn))
