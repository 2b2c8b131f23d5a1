"""An isolation forest, and features of a day that it may look at.

References
----------
F. T. Liu, K. M. Ting and Z.-H. Zhou, Isolation Forest, ICDM 2008.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from benchmarks.entities.worlds import A_DAY, Array, Random

TREES: Final = 100
SAMPLE: Final = 256
_EULER: Final = 0.5772156649


def _usual_length(count: Array) -> Array:
    """The mean depth at which a random tree over so many rows isolates one."""
    many = np.maximum(count, 2.0)
    length: Array = np.where(count < 2, 0.0, 2 * (np.log(np.maximum(many - 1, 1)) + _EULER) - 2 * (many - 1) / many)
    return np.where(count == 2, 1.0, length)


class IsolationForest:
    """Rows that few random cuts isolate are odd: the score is near 1 for those, below a half for the others.

    Examples
    --------
    >>> random = np.random.default_rng(1)
    >>> forest = IsolationForest(random.normal(size=(400, 2)), random)
    >>> usual, odd = forest.score(np.array([[0.0, 0.0], [6.0, 6.0]]))
    >>> bool(odd > 0.65 > 0.5 > usual)
    True
    """

    def __init__(self, rows: Array, random: Random) -> None:
        self._random = random
        self._size = min(SAMPLE, len(rows))
        self._rows = rows
        self._samples = [random.choice(len(rows), self._size, replace=False) for _ in range(TREES)]
        self._seeds = random.integers(2**63, size=TREES)

    def score(self, rows: Array) -> Array:
        """How odd each row is."""
        depths = np.zeros(len(rows))
        for sample, seed in zip(self._samples, self._seeds, strict=True):
            self._descend(self._rows[sample], rows, np.arange(len(rows)), 0, depths, np.random.default_rng(seed))
        usual = float(_usual_length(np.array([float(self._size)]))[0])
        scores: Array = 2.0 ** (-depths / TREES / usual)
        return scores

    def _descend(self, here: Array, rows: Array, at: Array, depth: int, depths: Array, random: Random) -> None:
        """Grow a tree while the rows fall through it: the same cuts, whoever falls."""
        spans = np.ptp(here, axis=0) if len(here) else np.zeros(rows.shape[1])
        if len(here) < 2 or depth >= np.log2(self._size) or not spans.any():
            depths[at] += depth + _usual_length(np.array([float(len(here))]))[0]
            return
        column = random.choice(np.flatnonzero(spans))
        cut = random.uniform(here[:, column].min(), here[:, column].max())
        left, below = here[:, column] < cut, rows[at, column] < cut
        self._descend(here[left], rows, at[below], depth + 1, depths, random)
        self._descend(here[~left], rows, at[~below], depth + 1, depths, random)


def day_features(values: Array) -> Array:
    """``[days - 1, features]`` of an entity: how each day differs from the days before it.

    Parameters
    ----------
    values
        ``[minutes, series]``.
    """
    rows = []
    for end in range(2 * A_DAY, len(values) + 1, A_DAY):
        before, day = values[: end - A_DAY], values[end - A_DAY : end]
        usual, spread = before.mean(axis=0), before.std(axis=0) + 1e-12
        apart = np.corrcoef(day, rowvar=False) - np.corrcoef(before, rowvar=False)
        shift = np.abs(day.mean(axis=0) - usual) / spread
        ratio = np.abs(np.log(day.std(axis=0) / spread + 1e-12))
        reach = np.abs(day - usual).max(axis=0) / spread
        hours = np.abs(day.reshape(24, -1, day.shape[1]).mean(axis=1) - usual).max(axis=0) / spread
        rows.append(
            [stat for each in (shift, ratio, reach, hours, np.abs(apart)) for stat in (each.max(), each.mean())]
        )
    return np.array(rows)


def auc(odd: Array, usual: Array) -> float:
    """How often something odd scores above something usual.

    Examples
    --------
    >>> auc(np.array([3.0, 1.0]), np.array([2.0, 0.0]))
    0.75
    """
    above = (odd[:, None] > usual).mean() + 0.5 * (odd[:, None] == usual).mean()
    return float(above)
