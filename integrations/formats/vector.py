"""Vector's metric events in JSON, one a message or an array.

The metric is ``<namespace>_<name>``; tags are labels (of several values of one tag the last stands, as in Vector's own
exporters). By ``kind``, absolute and incremental:

=====================  ==========================================================  ===================
value                  becomes                                                     type
=====================  ==========================================================  ===================
counter                a number                                                    counter, delta
gauge                  a number (incremental: the change)                          gauge, delta
set                    the number of its values                                    gauge, delta
distribution           an explicit histogram whose bounds are the values seen,     counter, delta
                       so nothing is lost
aggregated_histogram   an explicit histogram                                       counter, delta
aggregated_summary     a summary                                                   counter, delta
sketch                 skipped, counted as ``sketch``
=====================  ==========================================================  ===================
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from integrations.formats.histograms import Totals, explicit_histogram, summary
from integrations.formats.json_reading import BadPartError, ObjectDecoder, Reading, kind_of, number_of, text_of
from schemas.batch import HistogramPoint


class Vector(ObjectDecoder):
    """Decoder of Vector's JSON."""

    name = "vector"

    def _read(self, body: dict[str, Any], reading: Reading) -> None:
        metric = text_of(body, "name", "missing_metric")
        if isinstance(namespace := body.get("namespace"), str) and namespace:
            metric = f"{namespace}_{metric}"
        kind = body.get("kind", "absolute")
        if kind not in ("absolute", "incremental"):
            raise BadPartError("bad_type", f"{metric}: kind {str(kind)[:40]!r} is neither absolute nor incremental")
        delta = kind == "incremental"
        at_ms = reading.time(body.get("timestamp"), self.options.time_unit, metric)
        labels = _tags(body.get("tags"), metric)
        if "sketch" in body:
            reading.skip("sketch")
            return
        name, value = _one_of(body, metric)
        if name in _NUMBERS:
            number = _NUMBERS[name](value, metric)
            accumulated = "counter" if name == "counter" else "gauge"
            reading.add(metric, labels, "delta" if delta else accumulated, at_ms, number)
        else:
            dense = reading.table.intern(metric, labels, "delta" if delta else "counter")
            reading.add_histogram(dense, at_ms, _POINTS[name](value, metric))


def _one_of(body: dict[str, Any], metric: str) -> tuple[str, dict[str, Any]]:
    for name in (*_NUMBERS, *_POINTS):
        if name in body:
            value = body[name]
            if not isinstance(value, dict):
                raise BadPartError("bad_value", f"{metric}: {name} is {kind_of(value)}, not an object")
            return name, value
    raise BadPartError("missing_value", f"{metric} has none of {', '.join((*_NUMBERS, *_POINTS))}")


def _tags(tags: object, metric: str) -> dict[str, str]:
    if tags is None:
        return {}
    if not isinstance(tags, dict):
        raise BadPartError("bad_labels", f"{metric}: tags is {kind_of(tags)}, not an object")
    labels = {}
    for name, value in tags.items():
        last = next((one for one in reversed(value) if one is not None), None) if isinstance(value, list) else value
        if isinstance(last, str):
            labels[name] = last
        elif last is not None:
            raise BadPartError("bad_labels", f"{metric}: tag {name} is {kind_of(last)}")
    return labels


def _plain(value: dict[str, Any], metric: str) -> float:
    return number_of(value.get("value"), metric)


def _set_size(value: dict[str, Any], metric: str) -> float:
    return float(len(_list(value, "values", metric)))


def _distribution(value: dict[str, Any], metric: str) -> HistogramPoint:
    rates: Counter[float] = Counter()
    for sample in _list(value, "samples", metric):
        number, rate = _field(sample, "value", metric), _count(sample, "rate", metric)
        if not math.isfinite(number):
            raise BadPartError("malformed_histogram", f"{metric}: a sample that is not finite")
        rates[number] += rate
    bounds = sorted(rates)
    totals = Totals(
        metric,
        sum(rates.values()),
        _sum(rates),
        bounds[0] if bounds else None,
        bounds[-1] if bounds else None,
    )
    return explicit_histogram(totals, bounds, [rates[bound] for bound in bounds] + [0] * bool(bounds))


def _sum(rates: Counter[float]) -> float:
    try:
        return math.fsum(number * rate for number, rate in rates.items())
    except (OverflowError, ValueError):  # beyond what a float holds, or both infinities
        return math.nan


def _aggregated_histogram(value: dict[str, Any], metric: str) -> HistogramPoint:
    buckets = _list(value, "buckets", metric)
    # serde writes an infinite limit as null.
    limits = [_field(bucket, "upper_limit", metric, if_null=math.inf) for bucket in buckets]
    counts = [_count(bucket, "count", metric) for bucket in buckets]
    totals = Totals(metric, _count(value, "count", metric), _field(value, "sum", metric, if_null=math.nan))
    if limits and limits[-1] == math.inf:
        limits.pop()
    elif limits:
        counts.append(max(0, totals.count - sum(counts)))
    return explicit_histogram(totals, limits, counts)


def _aggregated_summary(value: dict[str, Any], metric: str) -> HistogramPoint:
    quantiles = _list(value, "quantiles", metric)
    totals = Totals(metric, _count(value, "count", metric), _field(value, "sum", metric, if_null=math.nan))
    return summary(
        totals,
        [_field(one, "quantile", metric) for one in quantiles],
        [_field(one, "value", metric, if_null=math.nan) for one in quantiles],
    )


def _list(value: dict[str, Any], key: str, metric: str) -> list[Any]:
    found = value.get(key)
    if not isinstance(found, list):
        raise BadPartError("bad_value", f"{metric}: {key} is {kind_of(found)}, not an array")
    return found


def _field(body: object, key: str, metric: str, if_null: float | None = None) -> float:
    value = body.get(key) if isinstance(body, dict) else None
    if value is None and if_null is not None:
        return if_null
    try:
        return number_of(value, f"{metric}: {key}")
    except BadPartError as error:
        raise BadPartError("malformed_histogram", error.detail) from error


def _count(body: object, key: str, metric: str) -> int:
    value = _field(body, key, metric)
    if not math.isfinite(value) or value != int(value):
        raise BadPartError("malformed_histogram", f"{metric}: {key} is no whole number")
    assert isinstance(body, dict)
    return int(body[key])


_NUMBERS: Final[dict[str, Callable[[dict[str, Any], str], float]]] = {
    "counter": _plain,
    "gauge": _plain,
    "set": _set_size,
}
_POINTS: Final[dict[str, Callable[[dict[str, Any], str], HistogramPoint]]] = {
    "distribution": _distribution,
    "aggregated_histogram": _aggregated_histogram,
    "aggregated_summary": _aggregated_summary,
}
