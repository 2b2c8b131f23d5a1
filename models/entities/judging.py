"""How far an entity's levels are from fitting together.

With ``v`` the levels in their own spreads and ``P`` the precision, ``v' P v`` is Mahalanobis' squared distance, and
``(P v)[i] / sqrt(P[i, i])`` how many spreads member ``i`` lies from what all others suggest. Its square is by how much
the distance falls if ``i`` is let go, so the member that broke has the largest (reconstruction-based contributions).
Who is absent, or anomalous by itself, is taken to be as the others suggest: it has no say.

References
----------
C. Alcala and S. J. Qin, Reconstruction-based contribution for process monitoring, Automatica 45, 2009.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from models.entities.fitting import level_spread
from models.entities.layout import DENSE, LEAST, MEMBERS, SPARSE
from streams.jit import kernel
from streams.layout import Number, Row


@kernel
def _pull(ent: Row, place: int, v: Any) -> Number:
    """``(P v)[place]``; ``v`` is 0 for whom the precision does not know. Four sums go on side by side."""
    first = second = third = fourth = 0.0
    for j in range(0, MEMBERS, 4):
        first += ent.precision[place, j] * v[j]
        second += ent.precision[place, j + 1] * v[j + 1]
        third += ent.precision[place, j + 2] * v[j + 2]
        fourth += ent.precision[place, j + 3] * v[j + 3]
    return (first + second) + (third + fourth)


@kernel
def _factor(ent: Row, absent: Any, n: int, low: Any) -> None:
    """Cholesky's factor of the absent members' part of the precision."""
    for a in range(n):
        for b in range(a + 1):
            total = np.float64(ent.precision[absent[a], absent[b]])
            for k in range(b):
                total -= low[a, k] * low[b, k]
            low[a, b] = np.sqrt(max(total, 1e-9)) if a == b else total / low[b, b]


@kernel
def _fill_in(ent: Row, absent: Any, n: int, v: Any) -> None:
    """Give the absent the levels that the others suggest: ``P[m, m] v[m] = -P[m, o] v[o]``."""
    low = np.zeros((MEMBERS, MEMBERS))
    x = np.zeros(MEMBERS)
    _factor(ent, absent, n, low)
    for a in range(n):
        total = -_pull(ent, absent[a], v)
        for k in range(a):
            total -= low[a, k] * x[k]
        x[a] = total / low[a, a]
    for back in range(n):
        a = n - 1 - back
        total = x[a]
        for k in range(a + 1, n):
            total -= low[k, a] * x[k]
        x[a] = total / low[a, a]
    for a in range(n):
        v[absent[a]] = x[a]


@kernel
def _levels(ent: Row, values: Any, v: Any) -> Number:
    """Fill ``v``; returns how many have a say."""
    absent = np.zeros(MEMBERS, np.int64)
    n = said = 0
    v[:] = 0.0
    for i in range(ent.count):
        if not ent.fitted[i]:
            continue
        if np.isnan(values[i]):
            absent[n] = i
            n += 1
        else:
            v[i] = ent.level[i] / level_spread(ent, i)
            said += 1
    if n and said >= LEAST:
        _fill_in(ent, absent, n, v)
    return said


@kernel
def compare(ent: Row, values: Any, v: Any, away: Any, found: Any) -> Number:
    """Fill ``found`` with both distances and ``away`` with each member's; returns how many have a say."""
    said = _levels(ent, values, v)
    if said < LEAST:
        return said
    squared = worst = 0.0
    for i in range(ent.count):
        away[i] = np.nan
        if not ent.fitted[i]:
            continue
        pull = _pull(ent, i, v)
        squared += v[i] * pull
        if not np.isnan(values[i]):
            away[i] = pull / np.sqrt(np.float64(ent.precision[i, i]))
            worst = max(worst, abs(away[i]))
    found[DENSE] = np.sqrt(max(squared, 0.0) / said)
    found[SPARSE] = worst
    return said


@kernel
def score_of(ent: Row, found: Any) -> Number:
    """Above 1 where a distance is beyond its limit; 0 while limits are not known."""
    if ent.limit[DENSE] <= 0.0:
        return 0.0
    return max(found[DENSE] / ent.limit[DENSE], found[SPARSE] / ent.limit[SPARSE])
