"""Buckets of histogram points as counters, those that are asked for: ``NAME_bucket{le="0.3"}``, as Prometheus has."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np

from models.distributions import is_sound
from schemas.batch import HistogramPoint, SampleBatch
from schemas.series import Series

Bounds = Callable[[SampleBatch, int], Sequence[float]]
"""The bounds that events of a batch's histogram are to be counted up to; infinity is all of them."""


def bucket_counts(point: HistogramPoint, bounds: Sequence[float]) -> dict[float, float]:
    """How many events of a point lie at or below each bound; without those that its buckets cannot tell.

    Examples
    --------
    >>> bucket_counts(HistogramPoint(10, bounds=[0.1, 0.3], counts=[5, 3, 2]), [0.3, 0.2, math.inf])
    {0.3: 8.0, inf: 10.0}
    """
    if not is_sound(point):
        return {}
    below = dict(zip(point.bounds or (), accumulate(point.counts or ()), strict=False))
    below[math.inf] = point.count
    return {bound: float(below[bound]) for bound in bounds if bound in below}


def with_buckets(points: SampleBatch, derived: SampleBatch, bounds: Bounds) -> SampleBatch:
    """The samples of ``derived``, and then those of the buckets of the points that are asked for."""
    wanted = [bounds(points, position) for position in range(len(points.series_ids))]
    if not any(wanted):
        return derived
    ids, texts = list(derived.series_ids.tolist()), list(derived.series_text)
    places: dict[tuple[int, float], int] = {}
    rows: list[tuple[int, int, float]] = []
    for position, time_ms, point in zip(
        points.series.tolist(), points.timestamp_ms.tolist(), points.points, strict=True
    ):
        for bound, count in bucket_counts(point, wanted[position]).items():
            if (position, bound) not in places:
                places[position, bound] = len(ids)
                series = _bucket(points.series_at(position), bound)
                ids.append(series.id)
                texts.append(series.text)
            rows.append((places[position, bound], time_ms, count))
    columns = list(zip(*rows, strict=True)) if rows else [(), (), ()]
    return SampleBatch(
        tenant=points.tenant,
        series_ids=np.array(ids, np.uint64),
        series_text=texts,
        series=np.concatenate([derived.series, np.array(columns[0], np.int32)]),
        timestamp_ms=np.concatenate([derived.timestamp_ms, np.array(columns[1], np.int64)]),
        value=np.concatenate([derived.value, np.array(columns[2], np.float64)]),
    )


def _bucket(histogram: Series, bound: float) -> Series:
    labels = {**histogram.labels, "le": "+Inf" if math.isinf(bound) else repr(bound)}
    kind = "delta" if histogram.type == "delta" else "counter"
    return Series(histogram.tenant, f"{histogram.metric}_bucket", labels, histogram.dims, kind, "1")
