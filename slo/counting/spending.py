"""Who is behind bad events: by objective and entity, over the newest slices."""

from __future__ import annotations

from collections.abc import Container
from typing import Final, NamedTuple
from zlib import crc32

import numpy as np

from slo.counting.layout import SPENT_ROWS, FloatArray, IntArray, grown

SPENDERS_TOLD: Final = 8
"""Of an objective, in a slice of a partition."""
_FIRST: Final = 16


class SpentRows(NamedTuple):
    """Numbers of pairs of an objective and an entity, and their bad events."""

    pairs: IntArray
    bad: FloatArray


class Spending:
    """Bad events of pairs of an objective's place and an entity, in the newest slices."""

    def __init__(self) -> None:
        self.spent: FloatArray = np.zeros((_FIRST, SPENT_ROWS))
        self.pairs: dict[tuple[int, str], int] = {}
        self._pair_of: list[tuple[int, str]] = []
        self._places: IntArray = np.full(_FIRST, -1, np.int64)
        self._ties: IntArray = np.zeros(_FIRST, np.int64)

    def pair(self, place: int, entity: str) -> int:
        """The number of an objective and an entity that may spend of it."""
        known = self.pairs.get((place, entity))
        if known is not None:
            return known
        number = self.pairs[place, entity] = len(self._pair_of)
        self._pair_of.append((place, entity))
        if number >= len(self.spent):
            self.spent = grown(self.spent, 2 * len(self.spent))
            self._places, self._ties = grown(self._places, len(self.spent)), grown(self._ties, len(self.spent))
        self._places[number], self._ties[number] = place, crc32(entity.encode())
        return number

    def spend(self, place: int, entity: str, row: int, bad: float) -> None:
        """Say who is behind bad events that were counted."""
        number = self.pair(place, entity)  # before ``spent`` is looked at: it may make room
        self.spent[number, row % SPENT_ROWS] += bad

    def forget(self, place: int) -> None:
        """An objective is no more."""
        used = len(self._pair_of)
        self.spent[:used][self._places[:used] == place] = 0.0

    def clear(self, members: IntArray, row: int) -> None:
        """Begin a slice of some objectives."""
        used = len(self._pair_of)
        self.spent[:used][np.isin(self._places[:used], members), row % SPENT_ROWS] = 0.0

    def within(self, members: IntArray, row: int) -> SpentRows:
        """Who spent what of some objectives in a slice, which is one of the newest."""
        column = self.spent[: len(self._pair_of), row % SPENT_ROWS]
        found = np.flatnonzero(column)
        found = found[np.isin(self._places[found], members)]
        return SpentRows(found, column[found])

    def most(self, spent: SpentRows) -> SpentRows:
        """Of each objective the few who spent most, the most first; of equal ones always the same."""
        pairs, bad = spent.pairs[spent.bad > 0], spent.bad[spent.bad > 0]
        order = np.lexsort((self._ties[pairs], -bad, self._places[pairs]))
        pairs, bad = pairs[order], bad[order]
        firsts = np.flatnonzero(np.diff(self._places[pairs], prepend=-1))
        rank = np.arange(len(pairs)) - np.repeat(firsts, np.diff(np.append(firsts, len(pairs))))
        return SpentRows(pairs[rank < SPENDERS_TOLD], bad[rank < SPENDERS_TOLD])

    def named(self, spent: SpentRows) -> list[tuple[int, str, float]]:
        """Places, entities and bad events."""
        return [(*self._pair_of[pair], bad) for pair, bad in zip(spent.pairs.tolist(), spent.bad.tolist(), strict=True)]

    def renew(self, held: Container[int]) -> None:
        """Number pairs anew, those first that spent lately; the others come back as they are asked for."""
        sums = np.abs(self.spent[: len(self._pair_of)]).sum(axis=1)
        kept = [(*self._pair_of[at], self.spent[at].copy()) for at in np.flatnonzero(sums).tolist()]
        self.pairs, self._pair_of = {}, []
        self.spent[:] = 0.0
        for place, entity, spent in kept:
            if place in held:
                number = self.pair(place, entity)
                self.spent[number] = spent
