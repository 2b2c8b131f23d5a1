"""From definitions and series to what each watched series counts for."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.rules import labels_of
from schemas.batch import SampleBatch
from schemas.series import Series, metric_in
from slo.counting.layout import (
    AT_LEAST,
    AT_MOST,
    COUNTER,
    DELTA,
    ENTRY,
    GAUGE,
    LESS,
    LINK,
    MORE,
    NO_LINK,
    PART_BAD,
    PART_GOOD,
    RECEIVED,
    SENT,
    SPEED,
    TOTAL_OF_BAD,
    TOTAL_OF_GOOD,
    VALUE,
    Array,
)
from slo.counting.rows import Rows
from slo.counting.watching import Watching
from slo.definition import BucketIndicator, DerivedIndicator, Operator, RatioIndicator, Slo, ThresholdIndicator
from slo.picks import Pick, PickIndex, Role, picks_of
from streams.bank import Identity

_COMPARE: Final[dict[Operator, int]] = {"lt": LESS, "lte": AT_MOST, "gt": MORE, "gte": AT_LEAST}
BOUNDS_KEPT: Final = 50_000
"""Histograms of which it is remembered; names may come and go without end."""
_SIDES: Final[dict[Role, int]] = {"received": RECEIVED, "sent": SENT, "speed": SPEED}


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a series is to the objectives that it is part of."""

    entries: list[Array]
    side: int
    counts_growth: bool


class Wiring:
    """Which series count for which objectives.

    Parameters
    ----------
    rows, watching
        The objectives, and the series.
    """

    def __init__(self, rows: Rows, watching: Watching) -> None:
        self._rows = rows
        self._watching = watching
        self._index: dict[str, PickIndex] = {}
        self._histograms: dict[str, PickIndex] = {}
        self._bounds: dict[int, tuple[float, ...]] = {}

    def lay(self, series: Iterable[tuple[int, Identity]]) -> None:
        """Wire all series that have slots anew, after definitions changed."""
        self._index = self._by_tenant(picks_of)
        self._histograms = self._by_tenant(_histogram_of)
        self._bounds = {}
        self._watching.forget_entries()
        self._rows.spending.renew(self._rows.held)
        names: dict[tuple[str, str], bool] = {}
        wanted = set()
        for slot, one in series:
            name = one.tenant, metric_in(one.text)
            if name not in names:
                index = self._index.get(one.tenant)
                names[name] = index is not None and index.may_find(name[1])
            if names[name] and self.connect(slot, one.series):
                wanted.add(slot)
        for _, slot in list(self._watching.live()):
            if slot not in wanted:
                self._watching.detach(slot)

    def _by_tenant(self, picks: Callable[[Slo], list[Pick]]) -> dict[str, PickIndex]:
        found: dict[str, list[tuple[Pick, int]]] = {}
        for place, slo in sorted(self._rows.held.items()):
            found.setdefault(slo.tenant, []).extend((pick, place) for pick in picks(slo))
        return {tenant: PickIndex(ones) for tenant, ones in found.items() if ones}

    def bounds(self, points: SampleBatch, position: int) -> tuple[float, ...]:
        """Up to which bounds objectives count a histogram's events; those of all of them among them."""
        index = self._histograms.get(points.tenant)
        if index is None:
            return ()
        identity = int(points.series_ids[position])
        known = self._bounds.get(identity)
        if known is None:
            found = {self._le(place) for _, place in index.find(labels_of(points.series_at(position)))}
            if len(self._bounds) >= BOUNDS_KEPT:
                self._bounds.clear()
            known = self._bounds[identity] = (*sorted(found), math.inf) if found else ()
        return known

    def _le(self, place: int) -> float:
        indicator = self._rows.held[place].indicator
        assert isinstance(indicator, BucketIndicator)
        return indicator.le

    def connect(self, slot: int, series: Series) -> bool:
        """Watch a series if any objective is measured by it."""
        index = self._index.get(series.tenant)
        found = index.find(labels_of(series)) if index is not None else []
        if not found:
            return False
        wanted = self._wanted(series, found)
        at = self._watching.attach(slot, _kind(series, counts_growth=wanted.counts_growth))
        self._watching.enter(at, wanted.entries)
        if wanted.side != NO_LINK:
            self._watching.link(at, wanted.side, f"{series.tenant}\x1f{sorted(series.labels.items())}")
        return True

    def _wanted(self, series: Series, found: Iterable[tuple[Pick, int]]) -> _Wanted:
        entries, side, growth = [], NO_LINK, False
        for pick, place in found:
            slo = self._rows.held[place]
            side = _SIDES.get(pick.role, side)
            if pick.role in {"sent", "speed"}:
                growth = growth or pick.role == "sent"
                continue
            entry = _entry(pick.role, slo, place, self._rows.spending.pair(place, series.entity))
            growth = growth or (entry["op"] != VALUE and not entry["amount"])
            entries.append(entry)
        return _Wanted(entries, side, growth)


def _histogram_of(slo: Slo) -> list[Pick]:
    """The histogram that an objective counts, as its points have it."""
    return [Pick("total", slo.indicator.histogram)] if isinstance(slo.indicator, BucketIndicator) else []


def _kind(series: Series, *, counts_growth: bool) -> int:
    if series.type == "delta":
        return DELTA
    return COUNTER if counts_growth else GAUGE


def _entry(role: Role, slo: Slo, place: int, pair: int) -> Array:
    entry = np.zeros((), ENTRY)
    entry["slo"], entry["pair"] = place, pair
    indicator = slo.indicator
    if isinstance(indicator, ThresholdIndicator | DerivedIndicator):
        entry["op"] = VALUE if role == "value" else LINK
        assert indicator.op is not None
        assert indicator.value is not None
        entry["compare"], entry["value"] = _COMPARE[indicator.op], indicator.value
        return entry
    of_bad = isinstance(indicator, RatioIndicator) and indicator.bad is not None
    total = TOTAL_OF_BAD if of_bad else TOTAL_OF_GOOD
    entry["op"] = {"good": PART_GOOD, "bad": PART_BAD}.get(role, total)
    entry["amount"] = isinstance(indicator, RatioIndicator) and not indicator.counter
    return entry
