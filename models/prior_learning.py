"""Priors learned from series that are known: how far each lies from an hour's center, hour by hour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from models.priors import Prior, Priors

_HOUR_MS: Final = 3_600_000
_A_SAMPLE_HOUR: Final = 6
"""An hour with fewer samples says nothing."""
FEWEST_HOURS: Final = 24
"""Nor does a series with fewer hours: a day."""
FEWEST_SERIES: Final = 3
"""Nor a family with fewer series."""
QUANTILE: Final = 0.25
"""A prior is as quiet as a quarter of the known series: it must not hide what is odd on the quieter ones, and what a
series shows of itself counts from the start."""


class Spread(NamedTuple):
    """A known series: the medians over its hours of the standard deviation and of the level's size."""

    spread: float
    level: float


@dataclass(slots=True)
class _Hours:
    """A series as it goes by: the hour at hand, and what closed ones had."""

    number: int = -1
    values: list[float] = field(default_factory=list)
    odd: bool = False
    spreads: list[float] = field(default_factory=list)
    levels: list[float] = field(default_factory=list)

    def close(self) -> None:
        """Keep the hour if nothing was wrong in it."""
        if len(self.values) >= _A_SAMPLE_HOUR and not self.odd:
            self.spreads.append(float(np.std(self.values, ddof=1)))
            self.levels.append(abs(float(np.mean(self.values))))
        self.values, self.odd = [], False


class PriorLearner:
    """Gathers spreads of series, and makes a fleet's priors of them.

    Examples
    --------
    >>> learner = PriorLearner()
    >>> for series in range(3):
    ...     values = 100.0 + np.tile([-1.0, 1.0], 750)
    ...     learner.add("any", series, 60_000 * np.arange(1500), values, np.zeros(1500, bool))
    >>> learner.priors("ours").families
    {'any': Prior(spread=0.0, relative=0.01)}
    """

    def __init__(self) -> None:
        self._series: dict[tuple[str, int], _Hours] = {}

    def add(
        self,
        family: str,
        series_id: int,
        times_ms: npt.NDArray[np.int64],
        values: npt.NDArray[np.float64],
        odd: npt.NDArray[np.bool_],
    ) -> None:
        """Samples of a series in their order; an hour in which some are odd teaches nothing."""
        hours = self._series.setdefault((family, series_id), _Hours())
        numbers = times_ms // _HOUR_MS
        bounds = np.flatnonzero(np.diff(numbers)) + 1
        for part in np.split(np.arange(len(numbers)), bounds):
            if not len(part):
                continue
            if (number := int(numbers[part[0]])) != hours.number:
                hours.close()
                hours.number = number
            hours.values += values[part].tolist()
            hours.odd = hours.odd or bool(odd[part].any())

    def spreads(self) -> dict[str, list[Spread]]:
        """Of each family, the series that are known well enough."""
        found: dict[str, list[Spread]] = {}
        for (family, _), hours in self._series.items():
            if len(hours.spreads) >= FEWEST_HOURS:
                known = Spread(float(np.median(hours.spreads)), float(np.median(hours.levels)))
                found.setdefault(family, []).append(known)
        return found

    def priors(self, version: str, source: str = "") -> Priors:
        """Of each family with enough of them."""
        families = {}
        for family, known in sorted(self.spreads().items()):
            moving = [one for one in known if one.spread > 0.0]
            if len(moving) >= FEWEST_SERIES:
                families[family] = _prior_of(moving)
        return Priors(version=version, source=source, families=families)


def _prior_of(known: Sequence[Spread]) -> Prior:
    """In the unit, or as a share of the level: whichever is more alike from series to series."""
    spreads = [one.spread for one in known]
    shares = [one.spread / one.level for one in known if one.level > 0.0]
    if len(shares) == len(spreads) and _differ(shares) <= _differ(spreads):
        return Prior(relative=_rounded(float(np.quantile(shares, QUANTILE))))
    return Prior(spread=_rounded(float(np.quantile(spreads, QUANTILE))))


def _differ(values: Sequence[float]) -> float:
    return float(np.std([math.log(one) for one in values]))


def _rounded(value: float) -> float:
    return float(f"{value:.2g}")
