"""From anomalies to numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

from benchmarks.contributions.cases import Outcome
from benchmarks.planted.intervals import wilson
from metrics_ai.config import Config
from metrics_ai.importance import importance_of
from metrics_ai.recordings import RecordingOptions
from metrics_ai.replay import anomalies_of
from models.settings import WINDOW_NAMES
from schemas.events import Anomaly

Keys = dict[str, str | int | float]
GOAL_FIRST, GOAL_RANK, GOAL_SUM = 0.95, 0.9, 1e-6


def error_of(anomalies: Iterable[Anomaly]) -> float:
    """The largest difference of base plus contributions from the score.

    Examples
    --------
    >>> error_of([])
    0.0
    """
    return max(
        (abs(one.base + sum(share.value for share in one.contributions) - one.score) for one in anomalies), default=0.0
    )


def first_keys(name: str, cases: int, outcome: Outcome) -> Keys:
    """How often what was planted ranks first."""
    share = wilson(outcome.first, max(outcome.told, 1))
    found: Keys = {"cases": cases, "told": outcome.told, "share": share.value, "low": share.low, "high": share.high}
    found |= {"goal": GOAL_FIRST, "met": int(share.value >= GOAL_FIRST)}
    return {f"first_{name}_{key}": value for key, value in found.items()}


def ranks_of(importance: Mapping[str, float]) -> np.ndarray:
    """Each window's rank, 0 for the largest share; those of equal shares have the mean of their places."""
    shares = np.array([importance.get(name, 0.0) for name in WINDOW_NAMES])
    above = (shares[None, :] > shares[:, None]).sum(axis=1)
    same = (shares[None, :] == shares[:, None]).sum(axis=1)
    return above + (same - 1) / 2


def spearman(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """Correlation of two rankings of the windows.

    Examples
    --------
    >>> spearman({"5m": 0.5, "1h": 0.3, "7d": 0.2}, {"5m": 0.9, "1h": 0.1, "7d": 0.01})
    1.0
    """
    found = np.corrcoef(ranks_of(one), ranks_of(other))[0, 1]
    return round(float(found), 12)


def importance_keys(by_seed: Sequence[Sequence[Anomaly]]) -> Keys:
    """The windows' shares over all seeds, and how far seeds agree on their ranking."""
    each = [importance_of(anomalies) for anomalies in by_seed]
    total: dict[str, float] = defaultdict(float)
    for one in each:
        for name, share in one.items():
            total[name] += share / len(each)
    found: Keys = {f"importance_{name}": total[name] for name in sorted(total, key=lambda name: -total[name])}
    pairs = [spearman(one, other) for one, other in combinations(each, 2)]
    if pairs:
        share = wilson(sum(one >= GOAL_RANK for one in pairs), len(pairs))
        found |= {"importance_seeds": len(each), "importance_spearman_min": min(pairs)}
        found |= {"importance_spearman_mean": sum(pairs) / len(pairs), "importance_pairs_stable": share.value}
        found |= {"importance_goal": GOAL_RANK, "importance_met": int(min(pairs) >= GOAL_RANK)}
    return found


def of_nab(data: Path) -> list[Anomaly]:
    """Every state of every anomaly of NAB's files; none where they are not here."""
    files = sorted(data.glob("*/*.csv"))
    return anomalies_of(files, RecordingOptions(), Config()) if files else []
