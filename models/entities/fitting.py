"""What is usual together: levels, covariances, the precision made of them, and limits learned from the tails.

The precision is the inverse of the levels' correlations, shrunk towards none: what two series nearly always share must
not make the little that they do not share an alarm.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.entities.layout import BINS, HIGHEST, HOUR, LOWEST, MEMBERS, SPARSE, STATISTICS
from streams.jit import kernel
from streams.layout import Number, Row

YOUNG: Final = 30
"""Minutes from which on a member has a level."""
_LOG_STEP: Final = np.log(HIGHEST / LOWEST) / BINS
# The limit begins where so much of the minutes lies beyond, and moves by no more than a share an hour.
_TAIL: Final = 0.02
_STEP: Final = 0.1
_LIGHT, _HEAVIEST = 0.01, 0.4
"""Shapes of a tail: below the first as good as exponential, above the second never believed."""
# A tail that has just become known reaches no further than it has seen: its limit is wider by this share at first.
_YOUNG_TAIL: Final = 0.25
# Counts of the tails forget a week.
_KEEP: Final = float(np.exp(-HOUR / 10_080.0))
_FLOORS: Final = np.array([0.8, 3.0])


@kernel
def spread_of(ent: Row, place: int) -> Number:
    """A member's own spread; of a constant one hardly more than nothing."""
    return max(np.sqrt(ent.var[place]), 1e-9 * abs(ent.mean[place]) + 1e-12)


@kernel
def take_levels(ent: Row, values: Any, params: Row) -> None:
    """Move the levels towards a minute's means."""
    for i in range(ent.count):
        if np.isnan(values[i]) or ent.learned[i] < YOUNG:
            continue
        away = (values[i] - ent.mean[i]) / spread_of(ent, i)
        away = max(-params.clip, min(params.clip, away))
        ent.level[i] += params.smooth * (away - ent.level[i])


@kernel
def _learn_pairs(ent: Row, present: Any, n: int, params: Row) -> None:
    """How those that have levels go together; of a pair the younger one says how much a minute weighs.

    Only the lower triangle is kept.
    """
    weights = np.zeros(MEMBERS)
    levels = np.zeros(MEMBERS)
    for a in range(n):
        i = present[a]
        levels[a] = ent.level[i]
        weights[a] = max(1.0 / (ent.learned[i] - YOUNG + 1), 1.0 / params.cov_minutes)
    for a in range(n):
        i = present[a]
        for b in range(a + 1):
            j = present[b]
            before = np.float64(ent.cov[i, j])
            ent.cov[i, j] = before + max(weights[a], weights[b]) * (levels[a] * levels[b] - before)


@kernel
def learn(ent: Row, values: Any, params: Row) -> None:
    """Learn a minute: how pairs go together, then of each member mean and variance."""
    present = np.zeros(MEMBERS, np.int64)
    n = 0
    for i in range(ent.count):
        if not np.isnan(values[i]) and ent.learned[i] >= YOUNG:
            present[n] = i
            n += 1
    _learn_pairs(ent, present, n, params)
    for i in range(ent.count):
        if np.isnan(values[i]):
            continue
        away = values[i] - ent.mean[i]
        if ent.learned[i] >= YOUNG:
            reach = params.clip * spread_of(ent, i)
            away = max(-reach, min(reach, away))
        weight = max(1.0 / (ent.learned[i] + 1), 1.0 / params.mean_minutes)
        ent.mean[i] += weight * away
        ent.var[i] = (1.0 - weight) * (ent.var[i] + weight * away * away)
        ent.learned[i] += 1


@kernel
def level_spread(ent: Row, place: int) -> Number:
    """The spread of a member's level."""
    return np.sqrt(max(np.float64(ent.cov[place, place]), 1e-12))


@kernel
def _correlation(ent: Row, i: int, j: int) -> Number:
    """Of two levels, ``i`` the later, as far as their numbers allow: they were not learned in the same minutes."""
    return max(-1.0, min(1.0, ent.cov[i, j] / (level_spread(ent, i) * level_spread(ent, j))))


@kernel
def _factor(ent: Row, places: Any, n: int, shrink: float, low: Any) -> Number:
    """Cholesky's factor of the shrunk correlations; whether there is one."""
    for a in range(n):
        for b in range(a + 1):
            total = 1.0 if a == b else (1.0 - shrink) * _correlation(ent, places[a], places[b])
            for k in range(b):
                total -= low[a, k] * low[b, k]
            if a == b and total < 0.5 * shrink:
                return False
            low[a, b] = np.sqrt(total) if a == b else total / low[b, b]
    return True


@kernel
def fit_precision(ent: Row, params: Row) -> None:
    """Invert the correlations of those that are known for long enough, by Cholesky.

    Where pairs were learned in too different minutes to make a matrix, they are shrunk until they do.
    """
    places = np.zeros(MEMBERS, np.int64)
    n = 0
    for i in range(ent.count):
        known = ent.learned[i] >= params.warm and ent.cov[i, i] > 1e-6 and ent.var[i] > (1e-6 * ent.mean[i]) ** 2
        ent.fitted[i] = known
        if known:
            places[n] = i
            n += 1
    low = np.zeros((MEMBERS, MEMBERS))
    shrink = params.shrink
    while not _factor(ent, places, n, shrink, low):
        shrink += 0.5 * (1.0 - shrink)
    _invert(ent, low, places, n)


@kernel
def _invert(ent: Row, low: Any, places: Any, n: int) -> None:
    """The precision from its Cholesky factor."""
    inverse = np.zeros((MEMBERS, MEMBERS))
    for b in range(n):
        inverse[b, b] = 1.0 / low[b, b]
        for a in range(b + 1, n):
            total = 0.0
            for k in range(b, a):
                total -= low[a, k] * inverse[k, b]
            inverse[a, b] = total / low[a, a]
    for a in range(n):
        for b in range(a + 1):
            total = 0.0
            for k in range(a, n):
                total += inverse[k, a] * inverse[k, b]
            ent.precision[places[a], places[b]] = total
            ent.precision[places[b], places[a]] = total


@kernel
def note_tail(ent: Row, which: int, distance: float) -> None:
    """Count a distance in its tail."""
    at = int(np.log(max(distance, LOWEST) / LOWEST) / _LOG_STEP)
    ent.tail[which, min(at, BINS - 1)] += np.float32(1.0)


@kernel
def _tail_start(tail: Any, total: float) -> Number:
    """The bin from which on the tail lies, so much of the whole."""
    beyond, at = 0.0, BINS
    while at > 0 and beyond < _TAIL * total:
        at -= 1
        beyond += tail[at]
    return at


@kernel
def _tail_limit(tail: Any, risk: float) -> Number:
    """Peaks over a threshold: a generalised Pareto tail by its moments, as far out as the risk says.

    The shape is never lighter than exponential.
    """
    total = 0.0
    for at in range(BINS):
        total += tail[at]
    first = _tail_start(tail, total)
    start = LOWEST * np.exp(first * _LOG_STEP)
    beyond = mean = square = 0.0
    for at in range(first, BINS):
        excess = LOWEST * np.exp((at + 0.5) * _LOG_STEP) - start
        beyond += tail[at]
        mean += tail[at] * excess
        square += tail[at] * excess * excess
    if beyond <= 0.0 or mean <= 0.0:
        return start
    mean /= beyond
    shape = min(_HEAVIEST, 0.5 * (1.0 - mean * mean / max(square / beyond - mean * mean, 1e-12)))
    share = beyond / total / risk
    if shape <= _LIGHT:
        return start + mean * np.log(share)
    return start + mean * (1.0 - shape) / shape * (share**shape - 1.0)


@kernel
def fit_limits(ent: Row, params: Row) -> None:
    """Let the limits follow the tails, by little steps, once these are known."""
    if ent.judged < params.warm:
        return
    for which in range(STATISTICS):
        wanted = max(_FLOORS[which], _tail_limit(ent.tail[which], params.risk))
        wanted *= 1.0 + _YOUNG_TAIL * params.warm / ent.judged
        before = ent.limit[which]
        if before > 0.0:
            wanted = max(before * (1.0 - _STEP), min(before * (1.0 + _STEP), wanted))
        ent.limit[which] = min(wanted, HIGHEST)
        for at in range(BINS):
            ent.tail[which, at] *= np.float32(_KEEP)


@kernel
def sparse_limit(ent: Row) -> Number:
    """How far one member alone may be from what the others suggest."""
    return ent.limit[SPARSE]
