"""Others that look at an entity's minutes: each series alone, and River's HalfSpaceTrees."""

from __future__ import annotations

import pickle
import time
from typing import Final, NamedTuple

import numpy as np
from river.anomaly import HalfSpaceTrees

from benchmarks.entities.worlds import A_DAY, Array, World

ROW: Final = 3
"""Minutes in a row beyond the limit that begin an alarm, as ours needs."""
_SHARE: Final = 1e-3
"""Of the minutes before, so many lay beyond the limit."""


class Scored(NamedTuple):
    """``scores [minutes]`` of an entity, and what a minute cost."""

    scores: Array
    us_a_minute: float
    bytes: int


def alone(values: Array) -> Array:
    """The largest distance of any series from its own mean so far, in spreads so far."""
    counts = np.arange(1, len(values) + 1)[:, None]
    means = np.cumsum(values, axis=0) / counts
    spreads = np.sqrt(np.maximum(np.cumsum((values - means) ** 2, axis=0) / counts, 1e-12))
    distances = np.zeros(len(values))
    distances[1:] = (np.abs(values[1:] - means[:-1]) / spreads[:-1]).max(axis=1)
    return distances


def half_space_trees(values: Array, seed: int) -> Scored:
    """River's, at their default size, over minutes scaled by the first day's range."""
    low, high = values[:A_DAY].min(axis=0), values[:A_DAY].max(axis=0)
    scaled = np.clip(0.25 + 0.5 * (values - low) / np.maximum(high - low, 1e-12), 0.0, 1.0)
    model = HalfSpaceTrees(seed=seed)
    scores = np.zeros(len(values))
    begin_s = time.process_time()
    for at, row in enumerate(scaled.tolist()):
        minute = dict(enumerate(row))
        scores[at] = model.score_one(minute)
        model.learn_one(minute)
    spent_s = time.process_time() - begin_s
    return Scored(scores, spent_s / len(values) * 1e6, len(pickle.dumps(model)))


def first_alarm(scores: Array, world: World, known: int) -> int | None:
    """The minute in the fault at which an alarm begins, by a limit that the minutes up to ``known`` teach."""
    limit = np.quantile(scores[A_DAY:known], 1.0 - _SHARE)
    beyond = scores > limit
    runs = np.convolve(beyond, np.ones(ROW), "full")[: len(beyond)] >= ROW
    hits = np.flatnonzero(runs[world.start : world.end + 5])
    return int(hits[0]) if len(hits) else None
