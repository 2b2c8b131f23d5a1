"""Histograms and summaries as series of their own: how often, how much on average, how much for the slowest 5 %."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from models.distributions import Counts, cells_of, coarser, holds_negatives, is_sound, quantile_of
from schemas.batch import HistogramPoint, SampleBatch
from schemas.ids import series_id
from schemas.series import Series

QUANTILE: Final = 0.95
COUNTS: Final = ("histogram_points", "histogram_out_of_order", "histogram_over_limit", "histogram_malformed")
_GROUPS: Final = 64
"""Groups that the state of all histograms is spread over."""
_LATE_MS: Final = 3_600_000
PART_BYTES: Final = 256 * 1024
"""A group's record holds no more than this, or one histogram."""


class Last(msgspec.Struct, array_like=True):
    """The newest point of a histogram: what the next one is compared with."""

    time_ms: int
    count: int
    total: float
    cells: Counts
    scale: int | None
    tenant: str
    heard_ms: int = 0
    """The stage's time at the point, if that was late; else 0."""


@dataclass(frozen=True, slots=True)
class Derived:
    """The series made from a histogram, id and text by suffix; and whether its points are increases."""

    tenant: str
    is_delta: bool
    series: dict[str, tuple[int, str]]


class HistogramBank:
    """The newest point of every histogram, and the series that are derived from the differences.

    ``METRIC:rate`` per second, ``METRIC:mean`` and ``METRIC:p95`` of what came since the point before; all three
    are gauges. Points of one histogram that do not come in order, and those whose fields do not fit each other, are
    dropped and counted.

    Parameters
    ----------
    max_histograms
        Of a tenant; further ones are dropped and counted.
    """

    def __init__(self, max_histograms: int) -> None:
        self._max = max_histograms
        self._tenants: Counter[str] = Counter()
        self._parts: dict[int, int] = {}
        self._last: dict[int, Last] = {}
        self._derived: dict[int, Derived] = {}
        self._dirty: set[int] = set()
        self._frontier_ms = 0
        self.counts: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))

    def derive(self, batch: SampleBatch, frontier_ms: int = 0) -> SampleBatch:
        """The derived series' samples.

        Parameters
        ----------
        batch
            Points of histograms.
        frontier_ms
            The newest time of all before them.

        Raises
        ------
        SchemaError
            If a series cannot be read; nothing is changed then.
        """
        self._frontier_ms = frontier_ms
        all_derived = [self._derived_of(batch, position) for position in range(len(batch.series_ids))]
        found: dict[int, int] = {}
        texts: list[str] = []
        rows: list[tuple[int, int, float]] = []
        for position, time_ms, point in zip(
            batch.series.tolist(), batch.timestamp_ms.tolist(), batch.points, strict=True
        ):
            derived = all_derived[position]
            for suffix, value in self._values(derived, int(batch.series_ids[position]), time_ms, point):
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
        if identity in self._last or self._tenants[batch.tenant] < self._max:
            self._derived[identity] = derived
        return derived

    def _refused(self, tenant: str, identity: int, time_ms: int, point: HistogramPoint) -> str | None:
        """The name of the count of points that this one belongs to, if it is to be dropped."""
        if not is_sound(point):
            return "histogram_malformed"
        last = self._last.get(identity)
        if last is None:
            return "histogram_over_limit" if self._tenants[tenant] >= self._max else None
        return "histogram_out_of_order" if time_ms <= last.time_ms else None

    def _values(self, derived: Derived, identity: int, time_ms: int, point: HistogramPoint) -> list[tuple[str, float]]:
        self.counts["histogram_points"] += 1
        if refused := self._refused(derived.tenant, identity, time_ms, point):
            self.counts[refused] += 1
            return []
        last = self._last.get(identity)
        total = math.nan if point.sum is None else point.sum
        now = Last(time_ms, point.count, total, cells_of(point), point.scale, derived.tenant)
        now.heard_ms = self._frontier_ms if self._frontier_ms - time_ms > _LATE_MS else 0
        values = [] if last is None else list(_grown(point, now, last, derived.is_delta))
        self._tenants[derived.tenant] += last is None
        self._last[identity] = now
        self._dirty.add(identity % _GROUPS)
        return values

    def forget(self, now_ms: int, after_ms: int) -> None:
        """Let go of histograms that have been silent for longer; for those whose points are late, since they came."""
        before_ms = now_ms - after_ms
        gone = [identity for identity, last in self._last.items() if max(last.time_ms, last.heard_ms) < before_ms]
        for identity in gone:
            self._tenants[self._last.pop(identity).tenant] -= 1
            self._dirty.add(identity % _GROUPS)
        for identity in self._derived.keys() - self._last.keys():
            del self._derived[identity]

    def mark_all(self) -> None:
        """Call everything changed."""
        self._dirty.update(identity % _GROUPS for identity in self._last)
        self._dirty.update(self._parts)

    def take_blocks(self) -> Iterator[tuple[str, bytes]]:
        """``histograms/G/N``: a 64th of the histograms each, in parts of bounded size; a part may be empty."""
        members: dict[int, list[int]] = {group: [] for group in sorted(self._dirty)}
        for identity in self._last:
            if (group := identity % _GROUPS) in members:
                members[group].append(identity)
        for group, identities in members.items():
            parts = list(self._encoded(sorted(identities)))
            parts += [[]] * (self._parts.get(group, 0) - len(parts))
            self._parts[group] = len(parts)
            for number, part in enumerate(parts):
                yield f"histograms/{group}/{number}", msgspec.msgpack.encode(part)
        self._dirty.clear()

    def _encoded(self, identities: Sequence[int]) -> Iterator[list[msgspec.Raw]]:
        part: list[msgspec.Raw] = []
        size = 0
        for identity in identities:
            one = msgspec.msgpack.encode((identity, self._last[identity]))
            if part and size + len(one) > PART_BYTES:
                yield part
                part, size = [], 0
            part.append(msgspec.Raw(one))
            size += len(one)
        yield part

    def load_block(self, key: str, value: bytes) -> None:
        """Put a record back."""
        _, group, number = key.split("/")
        self._parts[int(group)] = max(self._parts.get(int(group), 0), int(number) + 1)
        for identity, last in msgspec.msgpack.decode(value, type=list[tuple[int, Last]]):
            self._tenants[last.tenant] += identity not in self._last
            self._last[identity] = last


def _grown(point: HistogramPoint, now: Last, last: Last, is_delta: bool) -> Iterator[tuple[str, float]]:
    """What came since the point before, by suffix."""
    began = is_delta or _is_reset(point, last)
    count = now.count - (0 if began else last.count)
    total = now.total - (0.0 if began else last.total)
    yield "rate", count / ((now.time_ms - last.time_ms) / 1000.0)
    if count > 0 and math.isfinite(total):
        yield "mean", total / count
    high = _high(point, now, {} if began else _comparable(now, last))
    if high is not None and math.isfinite(high):
        yield "p95", high


def _is_reset(point: HistogramPoint, last: Last) -> bool:
    """Whether a cumulative histogram began anew: its count fell, or its sum where nothing negative was observed.

    Cells say nothing of it: an exponential histogram joins its cells when their range grows.
    """
    if point.count < last.count:
        return True
    return point.sum is not None and 0.0 <= point.sum < last.total and not holds_negatives(point)


def _comparable(now: Last, last: Last) -> Counts | None:
    """The last point's cells as this one's are cut; None if that cannot be."""
    if now.scale is not None and last.scale is not None:
        return coarser(last.cells, last.scale - now.scale) if last.scale >= now.scale else None
    return last.cells if now.scale == last.scale and now.cells.keys() == last.cells.keys() else None


def _high(point: HistogramPoint, now: Last, before: Counts | None) -> float | None:
    """The 95th percentile of what is new: from the cells, or as a summary has it."""
    if not now.cells:
        near = zip(point.quantiles or (), point.quantile_values or (), strict=True)
        return next((value for share, value in near if abs(share - QUANTILE) < 0.001), None)
    if before is None:
        return None
    grown = {key: max(0, count - before.get(key, 0)) for key, count in now.cells.items()}
    return quantile_of(point, grown, QUANTILE)


def _derive(series: Series) -> Derived:
    named = {}
    for suffix in ("rate", "mean", "p95"):
        unit = "1/s" if suffix == "rate" else series.unit
        one = Series(series.tenant, f"{series.metric}:{suffix}", series.labels, series.dims, "gauge", unit)
        named[suffix] = (series_id(one.tenant, one.metric, one.labels), one.text)
    return Derived(series.tenant, series.type == "delta", named)
