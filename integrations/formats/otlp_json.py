"""OTLP metrics in JSON: lowerCamelCase names, 64-bit integers as text or as numbers, kept exactly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from integrations.formats import otlp_walk as walk
from integrations.formats.histograms import (
    ExponentialBuckets,
    Totals,
    explicit_histogram,
    exponential_histogram,
    summary,
)
from integrations.formats.json_reading import BadPartError, Reading, kind_of, number_of, objects_of
from integrations.formats.otlp_points import CUMULATIVE, DELTA, labels_from, type_of_points
from schemas.batch import HistogramPoint

_KINDS: Final = {
    "gauge": walk.GAUGE,
    "sum": walk.SUM,
    "histogram": walk.HISTOGRAM,
    "exponentialHistogram": walk.EXPONENTIAL,
    "summary": walk.SUMMARY,
}
_TEMPORALITIES: Final = {
    "AGGREGATION_TEMPORALITY_DELTA": DELTA,
    "AGGREGATION_TEMPORALITY_CUMULATIVE": CUMULATIVE,
}
_SPECIAL: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_MAX_INT: Final = 2**64

Pairs = list[tuple[str, object]]


def read_json(value: bytes, reading: Reading) -> None:
    """Read one message into the reading's columns; bad parts are rejected, the others stay."""
    for body in objects_of(value, reading.record, reading.columns):
        if not isinstance(body.get("resourceMetrics"), list):
            reading.columns.reject(reading.record, "no_metrics", "no resourceMetrics in the message")
            continue
        for one in body["resourceMetrics"]:
            _guarded(_resource_metrics, one, reading)


def _guarded(read: Any, *arguments: Any) -> None:
    reading: Reading = arguments[-1]
    try:
        read(*arguments)
    except BadPartError as error:
        reading.columns.reject(reading.record, error.reason, error.detail)
    except RecursionError:
        reading.columns.reject(reading.record, "bad_labels", "an attribute nested too deep")


def _resource_metrics(body: object, reading: Reading) -> None:
    resource = _object(_object(body, "resourceMetrics").get("resource") or {}, "resource")
    pairs = attributes_of(resource.get("attributes"), "resource")
    for scope in _list(_object(body, "resourceMetrics"), "scopeMetrics", "resourceMetrics"):
        for metric in _list(_object(scope, "scopeMetrics"), "metrics", "scopeMetrics"):
            read_metric(metric, pairs, reading)


def read_metric(metric: object, resource: Pairs, reading: Reading) -> None:
    """Read one metric into the reading's columns; bad parts are rejected, the others stay."""
    _guarded(_metric, metric, resource, reading)


def _metric(metric: object, resource: Pairs, reading: Reading) -> None:
    body = _object(metric, "a metric")
    name, unit = _text(body, "name"), _text(body, "unit")
    held = next((key for key in _KINDS if body.get(key) is not None), None)
    if held is None:
        return
    data, kind = _object(body[held], f"{name}: {held}"), _KINDS[held]
    temporality = _or(data, "aggregationTemporality")
    temporality = _TEMPORALITIES.get(temporality, 0) if isinstance(temporality, str) else _int(temporality, name)
    type_ = type_of_points(kind, temporality, monotonic=data.get("isMonotonic") is True)
    for point in _list(data, "dataPoints", name):
        _guarded(_point, _object(point, f"{name}: a data point"), (name, unit, kind, type_), resource, reading)


def _point(point: dict[str, Any], metric: tuple[str, str, int, str], resource: Pairs, reading: Reading) -> None:
    name, unit, kind, type_ = metric
    if _int(_or(point, "flags"), f"{name}: flags") & 1:
        reading.skip("no_recorded_value")
        return
    time_ns = _int(_or(point, "timeUnixNano"), f"{name}: timeUnixNano", "bad_timestamp")
    at_ms = reading.time(time_ns or None, "ns", name)
    labels = labels_from(resource, attributes_of(point.get("attributes"), name))
    if kind in {walk.GAUGE, walk.SUM}:
        value = _value(point, name)
        dense = reading.table.intern(name, labels, type_, unit)
        reading.columns.add(dense, at_ms, value, reading.record)
        return
    read = _READERS[kind](point, name)
    reading.add_histogram(reading.table.intern(name, labels, type_, unit), at_ms, read)


def _value(point: dict[str, Any], name: str) -> float:
    if point.get("asInt") is not None:
        return float(_int(point["asInt"], f"{name}: asInt", "bad_value"))
    return _float(point.get("asDouble"), name)


def _totals(point: dict[str, Any], name: str) -> Totals:
    sums = (None if point.get(key) is None else _float(point[key], f"{name}: {key}") for key in ("sum", "min", "max"))
    return Totals(name, _int(_or(point, "count"), f"{name}: count", _MALFORMED), *sums)


def _explicit(point: dict[str, Any], name: str) -> HistogramPoint:
    bounds = [_float(one, f"{name}: a bound") for one in _list(point, "explicitBounds", name)]
    return explicit_histogram(_totals(point, name), bounds, _counts(point, name))


def _exponential(point: dict[str, Any], name: str) -> HistogramPoint:
    positive, negative = (_object(point.get(key) or {}, f"{name}: {key}") for key in ("positive", "negative"))
    buckets = ExponentialBuckets(
        _int(_or(point, "scale"), f"{name}: scale", _MALFORMED),
        _int(_or(point, "zeroCount"), f"{name}: zeroCount", _MALFORMED),
        _float(_or(point, "zeroThreshold"), f"{name}: zeroThreshold"),
        _int(_or(positive, "offset"), f"{name}: offset", _MALFORMED),
        _counts(positive, name),
        _int(_or(negative, "offset"), f"{name}: offset", _MALFORMED),
        _counts(negative, name),
    )
    return exponential_histogram(_totals(point, name), buckets)


def _summary(point: dict[str, Any], name: str) -> HistogramPoint:
    values = [_object(one, f"{name}: a quantile") for one in _list(point, "quantileValues", name)]
    totals = Totals(name, _int(_or(point, "count"), name, _MALFORMED), _float(_or(point, "sum"), f"{name}: sum"))
    quantiles = [_float(_or(one, "quantile"), f"{name}: quantile") for one in values]
    return summary(totals, quantiles, [_float(_or(one, "value"), f"{name}: value") for one in values])


_MALFORMED: Final = "malformed_histogram"
_READERS: Final = {walk.HISTOGRAM: _explicit, walk.EXPONENTIAL: _exponential, walk.SUMMARY: _summary}


def _counts(body: dict[str, Any], name: str) -> list[int]:
    return [_int(one, f"{name}: a bucket's count", _MALFORMED) for one in _list(body, "bucketCounts", name)]


def attributes_of(pairs: object, where: str) -> Pairs:
    """Names and values of a list of attributes.

    Raises
    ------
    BadPartError
        ``bad_labels``.
    """
    if pairs is None:
        return []
    if not isinstance(pairs, list):
        raise BadPartError("bad_labels", f"{where}: attributes is {kind_of(pairs)}, not an array")
    return list(_pairs(pairs, where))


def _pairs(pairs: list[Any], where: str) -> Iterator[tuple[str, object]]:
    for pair in pairs:
        key = pair.get("key") if isinstance(pair, dict) else None
        if not isinstance(key, str):
            raise BadPartError("bad_labels", f"{where}: an attribute without a key")
        yield key, _plain(pair.get("value"), f"{where}: {key}")


def _plain(value: object, where: str) -> object:
    """An AnyValue as Python's own; bytes stay in base64."""
    if value is None or value == {}:
        return None
    if not isinstance(value, dict):
        raise BadPartError("bad_labels", f"{where} is {kind_of(value)}, not an object")
    kind, held = next(iter(value.items()))
    if kind == "arrayValue":
        return [_plain(one, where) for one in _list(_object(held, where), "values", where)]
    if kind == "kvlistValue":
        return dict(_pairs(_list(_object(held, where), "values", where), where))
    return _scalar(kind, held, where)


def _scalar(kind: str, held: object, where: str) -> object:
    if kind == "intValue":
        return _int(held, where, "bad_labels")
    if kind == "doubleValue":
        return _float(held, where)
    expected = bool if kind == "boolValue" else str
    if kind not in {"stringValue", "boolValue", "bytesValue"} or not isinstance(held, expected):
        raise BadPartError("bad_labels", f"{where}: {kind} is {kind_of(held)}")
    return held


def _object(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadPartError("not_an_object", f"{where} is {kind_of(value)}, not an object")
    return value


def _list(body: dict[str, Any], key: str, where: str) -> list[Any]:
    value = body.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise BadPartError("bad_value", f"{where}: {key} is {kind_of(value)}, not an array")
    return value


def _or(body: dict[str, Any], key: str) -> object:
    """A number, 0 where it is absent; null is absent, as everywhere in protobuf's JSON."""
    value = body.get(key)
    return 0 if value is None else value


def _text(body: dict[str, Any], key: str) -> str:
    value = "" if body.get(key) is None else body[key]
    if not isinstance(value, str):
        raise BadPartError("missing_metric", f"a metric's {key} is {kind_of(value)}")
    return value


def _int(value: object, where: str, reason: str = "bad_value") -> int:
    """A 64-bit integer, as a number or as text."""
    number = whole_number(value)
    if number is None or not -_MAX_INT < number < _MAX_INT:
        raise BadPartError(reason, f"{where} is not a 64-bit integer: {str(value)[:40]}")
    return number


def whole_number(value: object) -> int | None:
    """A whole number, or text of one with at most 20 characters (Python refuses to read thousands of digits)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    is_number = isinstance(value, str) and len(value) <= 20 and value.removeprefix("-").isdecimal()
    return int(str(value)) if is_number else None


def _float(value: object, where: str) -> float:
    """A double, as a number or as text (NaN and the infinities have no other form)."""
    if isinstance(value, str):
        special = _SPECIAL.get(value)
        try:
            return float(value if "_" not in value else "") if special is None else special
        except ValueError:
            raise BadPartError("bad_value", f"{where}: {value[:40]!r} is not a number") from None
    return number_of(value, where)
