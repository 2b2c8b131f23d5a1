"""Histograms and summaries as series of their own: how often, how much on average, how much for the slowest 5 %."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np

from schemas.batch import HistogramPoint, SampleBatch
from schemas.ids import series_id
from schemas.series import Series

QUANTILE: Final = 0.95
COUNTS: Final = ("histogram_points", "histogram_out_of_order", "histogram_over_limit")
_GROUPS: Final = 64
"""Records that the state of all histograms is spread over."""


class Last(msgspec.Struct, array_like=True):
    """The newest point of a histogram: what the next one is compared with."""

    time_ms: int
    count: int
    total: float
    cells: dict[str, int]


@dataclass(frozen=True, slots=True)
class Derived:
    """The series made from a histogram, id and text by suffix; and whether its points are increases."""

    is_delta: bool
    series: dict[str, tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Cells:
    """A distribution as cells with an upper and a lower bound, and how many fell into each."""

    bounds: Sequence[tuple[float, float]]
    counts: Sequence[int]

    def quantile(self, share: float) -> float:
        """Value below which a share lies, by interpolation inside a cell; NaN when nothing fell.

        Examples
        --------
        >>> Cells([(0.0, 1.0), (1.0, 2.0)], [50, 50]).quantile(0.75)
        1.5
        """
        total = sum(self.counts)
        if total <= 0:
            return math.nan
        wanted = share * total
        seen = 0.0
        for (low, high), count in zip(self.bounds, self.counts, strict=True):
            if count > 0 and seen + count >= wanted:
                if math.isinf(high) or math.isinf(low):
                    return low if math.isinf(high) else high
                return low + (high - low) * (wanted - seen) / count
            seen += count
        return self.bounds[-1][0]


def _explicit(point: HistogramPoint) -> dict[str, int]:
    bounds = [*(point.bounds or ()), math.inf]
    return {str(bound): int(count) for bound, count in zip(bounds, point.counts or (), strict=False)}


def _exponential(point: HistogramPoint) -> dict[str, int]:
    cells = {f"p{(point.positive_offset or 0) + at}": int(n) for at, n in enumerate(point.positive or ()) if n}
    cells |= {f"n{(point.negative_offset or 0) + at}": int(n) for at, n in enumerate(point.negative or ()) if n}
    return cells | {"z": int(point.zero_count or 0), f"s{point.scale}": 0}


def _cells_of(point: HistogramPoint, counts: dict[str, int]) -> Cells:
    """Counts since the last point, with their bounds, in rising order."""
    if point.bounds is not None:
        edges = [-math.inf, *point.bounds, math.inf]
        if point.bounds and point.bounds[0] > 0:
            edges[0] = 0.0
        return Cells(list(pairwise(edges)), [counts.get(str(edge), 0) for edge in edges[1:]])
    base = 2.0 ** (2.0 ** -(point.scale or 0))
    rows = [((base ** int(key[1:]), base ** (int(key[1:]) + 1)), n) for key, n in counts.items() if key[0] == "p"]
    rows += [
        ((-(base ** (int(key[1:]) + 1)), -(base ** int(key[1:]))), n) for key, n in counts.items() if key[0] == "n"
    ]
    edge = point.zero_threshold or 0.0
    rows.append(((-edge, edge), counts.get("z", 0)))
    rows.sort()
    return Cells([bounds for bounds, _ in rows], [count for _, count in rows])


class HistogramBank:
    """The newest point of every histogram, and the series that are derived from the differences.

    ``METRIC:rate`` per second, ``METRIC:mean`` and ``METRIC:p95`` of what came since the point before; all three
    are gauges. Points of one histogram that do not come in order are dropped and counted.
    """

    def __init__(self, max_histograms: int) -> None:
        self._max = max_histograms
        self._last: dict[int, Last] = {}
        self._derived: dict[int, Derived] = {}
        self._dirty: set[int] = set()
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))

    def derive(self, batch: SampleBatch) -> SampleBatch:
        """The derived series' samples.

        Raises
        ------
        SchemaError
            If a series cannot be read; nothing is changed then.
        """
        all_derived = [self._derived_of(batch, position) for position in range(len(batch.series_ids))]
        found: dict[int, int] = {}
        texts: list[str] = []
        rows: list[tuple[int, int, float]] = []
        for position, time_ms, point in zip(
            batch.series.tolist(), batch.timestamp_ms.tolist(), batch.points, strict=True
        ):
            derived = all_derived[position]
            for suffix, value in self._values(int(batch.series_ids[position]), derived.is_delta, time_ms, point):
                identity, text = derived.series[suffix]
                if identity not in found:
                    found[identity] = len(found)
                    texts.append(text)
                rows.append((found[identity], time_ms, value))
        columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
        return SampleBatch(
            tenant=batch.tenant,
            series_ids=np.array(list(found), np.uint64),
            series_text=texts,
            series=np.array(columns[0], np.int32),
            timestamp_ms=np.array(columns[1], np.int64),
            value=np.array(columns[2], np.float64),
        )

    def _derived_of(self, batch: SampleBatch, position: int) -> Derived:
        identity = int(batch.series_ids[position])
        if (known := self._derived.get(identity)) is not None:
            return known
        derived = _derive(batch.series_at(position))
        if len(self._derived) < self._max:
            self._derived[identity] = derived
        return derived

    def _refused(self, identity: int, time_ms: int) -> str | None:
        """The name of the count of points that this one belongs to, if it is to be dropped."""
        last = self._last.get(identity)
        if last is None:
            return "histogram_over_limit" if len(self._last) >= self._max else None
        return "histogram_out_of_order" if time_ms <= last.time_ms else None

    def _values(
        self, identity: int, is_delta: bool, time_ms: int, point: HistogramPoint
    ) -> Iterator[tuple[str, float]]:
        self.counts["histogram_points"] += 1
        if refused := self._refused(identity, time_ms):
            self.counts[refused] += 1
            return
        last = self._last.get(identity)
        cells = _explicit(point) if point.bounds is not None else _exponential(point) if point.scale is not None else {}
        total = math.nan if point.sum is None else point.sum
        self._last[identity] = Last(time_ms, point.count, total, cells)
        self._dirty.add(identity % _GROUPS)
        if last is None:
            return
        reset = is_delta or point.count < last.count or last.cells.keys() - cells.keys()
        count = point.count - (0 if reset else last.count)
        grown = total - (0.0 if reset else last.total)
        yield "rate", count / ((time_ms - last.time_ms) / 1000.0)
        if count > 0 and math.isfinite(grown):
            yield "mean", grown / count
        if (high := _high(point, cells, {} if reset else last.cells)) is not None:
            yield "p95", high

    def forget(self, before_ms: int) -> None:
        """Let go of histograms whose newest point is older."""
        gone = [identity for identity, last in self._last.items() if last.time_ms < before_ms]
        for identity in gone:
            del self._last[identity]
            self._derived.pop(identity, None)
            self._dirty.add(identity % _GROUPS)

    def mark_all(self) -> None:
        """Call everything changed."""
        self._dirty.update(identity % _GROUPS for identity in self._last)

    def take_blocks(self) -> Iterator[tuple[str, bytes]]:
        """``histograms/G``: a 64th of the histograms each."""
        for group in sorted(self._dirty):
            members = sorted((one, last) for one, last in self._last.items() if one % _GROUPS == group)
            yield f"histograms/{group}", msgspec.msgpack.encode(members)
        self._dirty.clear()

    def load_block(self, key: str, value: bytes) -> None:
        """Put a record back."""
        assert key.startswith("histograms/")
        self._last.update(msgspec.msgpack.decode(value, type=list[tuple[int, Last]]))


def _high(point: HistogramPoint, cells: dict[str, int], before: dict[str, int]) -> float | None:
    """The 95th percentile of what is new: from the cells, or as a summary has it."""
    if not cells:
        near = zip(point.quantiles or (), point.quantile_values or (), strict=True)
        return next((value for share, value in near if abs(share - QUANTILE) < 0.001), None)
    grown = {key: max(0, count - before.get(key, 0)) for key, count in cells.items()}
    high = _cells_of(point, grown).quantile(QUANTILE)
    return high if math.isfinite(high) else None


def _derive(series: Series) -> Derived:
    named = {}
    for suffix in ("rate", "mean", "p95"):
        unit = "1/s" if suffix == "rate" else series.unit
        one = Series(series.tenant, f"{series.metric}:{suffix}", series.labels, series.dims, "gauge", unit)
        named[suffix] = (series_id(one.tenant, one.metric, one.labels), one.text)
    return Derived(series.type == "delta", named)
