"""Histogram points that hold together; what does not is ``malformed_histogram``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from integrations.formats.json_reading import BadPartError
from schemas.batch import HistogramPoint

_MAX_COUNT: Final = 2**64 - 1
# OpenTelemetry's SDKs use -10 to 20; the protocol itself sets no bound below that of its integer.
_SCALE_LIMIT: Final = 64
_OFFSET_LIMIT: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Totals:
    """What every histogram point has or may have; a total that is not finite counts as unknown."""

    where: str
    count: int
    sum: float | None = None
    min: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True)
class ExponentialBuckets:
    """Both halves of an exponential histogram."""

    scale: int
    zero_count: int = 0
    zero_threshold: float = 0.0
    positive_offset: int = 0
    positive: Sequence[int] = field(default=())
    negative_offset: int = 0
    negative: Sequence[int] = field(default=())


def explicit_histogram(totals: Totals, bounds: Sequence[float], counts: Sequence[int]) -> HistogramPoint:
    """A histogram with explicit buckets: one count more than bounds, together the total; or none of both.

    Raises
    ------
    BadPartError
        ``malformed_histogram``.

    Examples
    --------
    >>> explicit_histogram(Totals("latency", 3, 1.5), [0.1, 1.0], [1, 2, 0]).counts
    [1, 2, 0]
    """
    if len(counts) != len(bounds) + 1 and (counts or bounds):
        raise _malformed(totals, f"{len(counts)} bucket counts for {len(bounds)} bounds")
    if not all(map(math.isfinite, bounds)) or any(low >= high for low, high in pairwise(bounds)):
        raise _malformed(totals, "bounds do not rise")
    _check_counts(totals, counts)
    _check_total(totals, counts)
    return HistogramPoint(totals.count, *_finite(totals), bounds=list(bounds), counts=list(counts))


def exponential_histogram(totals: Totals, buckets: ExponentialBuckets) -> HistogramPoint:
    """A histogram with exponential buckets.

    Raises
    ------
    BadPartError
        ``malformed_histogram``.
    """
    if not -_SCALE_LIMIT <= buckets.scale <= _SCALE_LIMIT:
        raise _malformed(totals, f"scale {buckets.scale}")
    if max(abs(buckets.positive_offset), abs(buckets.negative_offset)) > _OFFSET_LIMIT:
        raise _malformed(totals, "offset out of range")
    _check_counts(totals, (*buckets.positive, *buckets.negative, buckets.zero_count))
    if buckets.positive or buckets.negative:
        _check_total(totals, (*buckets.positive, *buckets.negative, buckets.zero_count))
    return HistogramPoint(
        totals.count,
        *_finite(totals),
        scale=buckets.scale,
        zero_count=buckets.zero_count,
        zero_threshold=buckets.zero_threshold,
        positive_offset=buckets.positive_offset,
        positive=list(buckets.positive),
        negative_offset=buckets.negative_offset,
        negative=list(buckets.negative),
    )


def summary(totals: Totals, quantiles: Sequence[float], values: Sequence[float]) -> HistogramPoint:
    """A summary: estimated values of quantiles (NaN where nothing was observed).

    Raises
    ------
    BadPartError
        ``malformed_histogram``.
    """
    if not all(0 <= quantile <= 1 for quantile in quantiles):
        raise _malformed(totals, "a quantile outside of 0 to 1")
    _check_counts(totals, ())
    return HistogramPoint(totals.count, *_finite(totals), quantiles=list(quantiles), quantile_values=list(values))


def _check_counts(totals: Totals, counts: Sequence[int]) -> None:
    if not all(0 <= count <= _MAX_COUNT for count in (totals.count, *counts)):
        raise _malformed(totals, "a count outside of 0 to 2^64-1")


def _check_total(totals: Totals, counts: Sequence[int]) -> None:
    if counts and sum(counts) != totals.count:
        raise _malformed(totals, f"its buckets hold {sum(counts)}, its count says {totals.count}")


def _finite(totals: Totals) -> tuple[float | None, float | None, float | None]:
    sums = (totals.sum, totals.min, totals.max)
    kept = [None if one is None or not math.isfinite(one) else one for one in sums]
    return kept[0], kept[1], kept[2]


def _malformed(totals: Totals, what: str) -> BadPartError:
    return BadPartError("malformed_histogram", f"{totals.where}: {what}")
