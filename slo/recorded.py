"""Recorded counters and samples as counts per slice.

A counter's growth lies before its sample: it counts in the slice that ends at it or holds it, so that a window that
ends with a scrape holds what Prometheus' ``increase`` over it does. A sample of a gauge counts in the slice that begins
at it or holds it. A counter that drops was reset, unless it was about to pass 32 bits and goes on at its pace. What it
grew by over a gap of more than an hour is in no slice, as it is where counters are counted live: nobody knows when it
was.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.errors import ConfigurationError
from slo.counting.layout import MISSED_FOR_MS
from slo.definition import Operator, Slo, ThresholdIndicator
from slo.packing import COLUMNS, FloatArray
from slo.picks import Role, roles_of
from slo.slices import BAD, TOTAL, UNKNOWN, BoolArray, IntArray

WRAP_32: Final = 4294967296.0
_OPERATORS: Final[dict[Operator, Callable[[FloatArray, float], BoolArray]]] = {
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}


class Series(NamedTuple):
    """Samples of one series, by time; a value that is NaN is known to be missing."""

    times_ms: IntArray
    values: FloatArray


Recording = Mapping[Role, Sequence[Series]]


class Counts(NamedTuple):
    """Counts of consecutive slices from ``start_ms`` on, shape (slices, columns); NaN is not measured."""

    start_ms: int
    slices: FloatArray


class _Events(NamedTuple):
    rows: IntArray
    amounts: FloatArray


def growth(series: Series) -> FloatArray:
    """How much a counter grew before each of its samples but the first; NaN where nobody knows when in over an hour.

    Examples
    --------
    >>> growth(Series(np.arange(4) * 15_000, np.array([10.0, 14.0, 3.0, 3.0]))).tolist()
    [4.0, 3.0, 0.0]
    """
    raw: FloatArray = np.diff(series.values)
    steps = raw.copy()
    seconds = np.diff(series.times_ms) / 1000.0
    for at in np.flatnonzero(raw < 0).tolist():
        before, now = float(series.values[at]), float(series.values[at + 1])
        rate = max(0.0, float(raw[at - 1] / seconds[at - 1])) if at else 0.0
        near_top = 0.75 * WRAP_32 < before <= WRAP_32 and now < 0.25 * WRAP_32
        wraps = near_top and (steps[at] + WRAP_32) / seconds[at] <= 4.0 * rate + 1.0
        steps[at] = steps[at] + WRAP_32 if wraps else max(now, 0.0)
    steps[np.diff(series.times_ms) > MISSED_FOR_MS] = np.nan
    return steps


def counts_of(slo: Slo, recording: Recording) -> Counts:
    """What an SLO's slices hold by a recording.

    Raises
    ------
    ConfigurationError
        If the recording lacks a role that the indicator is measured by.
    """
    roles = roles_of(slo)
    if not roles or "received" in roles:
        raise ConfigurationError(
            f"{slo.key} is measured by what is known live only", "Evaluate one of a ratio, a histogram or a threshold"
        )
    # A label set such as code="500" has no series before its first event: without it there was none.
    needed = [role for role in roles if role not in {"good", "bad"}]
    missing = [role for role in needed if not any(len(one.times_ms) for one in recording.get(role, ()))]
    if missing:
        raise ConfigurationError(
            f"no samples of {' and '.join(missing)} for {slo.key}", "metrics-ai slo show says which series they are"
        )
    slice_ms = slo.slice_s * 1000
    if roles == ["value"]:
        return _of_samples(slo, recording["value"], slice_ms)
    counter = slo.indicator.kind == "bucket" or (slo.indicator.kind == "ratio" and slo.indicator.counter)
    part, total = (_events(recording.get(role, ()), slice_ms, counter=counter) for role in roles)
    if not total.rows.size:
        raise ConfigurationError(f"counters of {slo.key} with a single sample an hour", "Record two of each at least")
    rows = np.unique(np.concatenate([part.rows, total.rows]))
    first, last = int(rows.min()), int(rows.max())
    slices = np.full((last - first + 1, COLUMNS), np.nan)
    slices[rows - first] = 0.0
    sums = [_sum(one, first, len(slices)) for one in (part, total)]
    measured = ~np.isnan(slices[:, TOTAL])
    # Scrapes of two counters are not of the same instant: good may be a slice ahead of total, and bad below zero.
    slices[measured, BAD] = (sums[0] if roles[0] == "bad" else sums[1] - sums[0])[measured]
    slices[measured, TOTAL] = sums[1][measured]
    return Counts(first * slice_ms, slices)


def _of_samples(slo: Slo, series: Sequence[Series], slice_ms: int) -> Counts:
    rows = np.concatenate([one.times_ms for one in series]) // slice_ms
    values = np.concatenate([one.values for one in series])
    indicator = slo.indicator
    assert isinstance(indicator, ThresholdIndicator) or indicator.kind == "derived"
    assert indicator.op is not None
    assert indicator.value is not None
    first = int(rows.min())
    known = ~np.isnan(values)
    good = _OPERATORS[indicator.op](values, indicator.value)
    length = int(rows.max()) - first + 1
    slices = np.full((length, COLUMNS), np.nan)
    slices[np.unique(rows) - first] = 0.0
    for column, marked in ((BAD, known & ~good), (TOTAL, known), (UNKNOWN, ~known)):
        slices[:, column] += np.bincount(rows - first, marked, length)
    return Counts(first * slice_ms, slices)


def _events(series: Sequence[Series], slice_ms: int, *, counter: bool) -> _Events:
    rows: list[npt.NDArray[np.int64]] = []
    amounts: list[FloatArray] = []
    for one in series:
        known = ~np.isnan(one.values)
        times_ms, values = one.times_ms[known], one.values[known]
        if counter:
            grown = growth(Series(times_ms, values))
            placed = ~np.isnan(grown)
            amounts.append(grown[placed])
            rows.append((times_ms[1:][placed] - 1) // slice_ms)
        else:
            amounts.append(np.maximum(values, 0.0))
            rows.append(times_ms // slice_ms)
    return _Events(np.concatenate(rows), np.concatenate(amounts)) if rows else _Events(np.zeros(0, int), np.zeros(0))


def _sum(events: _Events, first: int, length: int) -> FloatArray:
    inside = (events.rows >= first) & (events.rows < first + length)
    sums: FloatArray = np.zeros(length)
    np.add.at(sums, events.rows[inside] - first, events.amounts[inside])
    return sums
