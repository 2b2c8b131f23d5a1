"""The quick way through OTLP JSON: messages without anything unusual, their series known by the bytes of attributes.

Whatever is unusual makes ``read_quickly`` say no and leave the message to ``otlp_json.read_json``, untouched.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import UNSET, UnsetType

from integrations.formats.json_reading import DECODE_ERRORS, BadPartError, Reading
from integrations.formats.otlp_json import Pairs, attributes_of, read_metric, whole_number
from integrations.formats.otlp_points import labels_from, type_of_points
from integrations.formats.otlp_walk import SUM
from integrations.formats.times import MAX_TIME_MS

_NONE = msgspec.Raw(b"[]")
_any = msgspec.json.Decoder()


class _Point(msgspec.Struct, gc=False):
    attributes: msgspec.Raw = _NONE
    timeUnixNano: int | str = 0  # noqa: N815 - the wire's names
    asDouble: float | UnsetType = UNSET  # noqa: N815
    asInt: int | str | UnsetType = UNSET  # noqa: N815
    flags: int = 0


class _Data(msgspec.Struct, gc=False):
    dataPoints: list[_Point] = msgspec.field(default_factory=list)  # noqa: N815
    aggregationTemporality: int = 0  # noqa: N815
    isMonotonic: bool = False  # noqa: N815


class _Metric(msgspec.Struct, gc=False):
    name: str = ""
    unit: str = ""
    gauge: _Data | UnsetType = UNSET
    sum: _Data | UnsetType = UNSET
    histogram: msgspec.Raw | UnsetType = UNSET
    exponentialHistogram: msgspec.Raw | UnsetType = UNSET  # noqa: N815
    summary: msgspec.Raw | UnsetType = UNSET


class _Scope(msgspec.Struct, gc=False):
    metrics: list[_Metric] = msgspec.field(default_factory=list)


class _Resource(msgspec.Struct, gc=False):
    attributes: msgspec.Raw = _NONE


class _ResourceMetrics(msgspec.Struct, gc=False):
    resource: _Resource = msgspec.field(default_factory=_Resource)
    scopeMetrics: list[_Scope] = msgspec.field(default_factory=list)  # noqa: N815


class _Message(msgspec.Struct, gc=False):
    resourceMetrics: list[_ResourceMetrics]  # noqa: N815


_message = msgspec.json.Decoder(_Message)
_Series = tuple[bytes, str, str, str]


class _UnusualError(ValueError):
    """Something that the slow reading must look at."""


class _Cache:
    """Dense ids by the bytes of a point's attributes, for each series of the same resource, name, unit and type."""

    def __init__(self) -> None:
        self.dense: dict[_Series, dict[bytes, int]] = {}
        self.entries = 0


class _Rows:
    """The samples of one message, until it is known that all of it is usual."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.cache: _Cache = reading.table.scratch("otlp_json", _Cache)
        if self.cache.entries > reading.table.scratch_limit:
            self.cache.dense.clear()
            self.cache.entries = 0
        self.series: list[int] = []
        self.timestamp_ms: list[int] = []
        self.value: list[float] = []
        self.unrecorded = 0
        self._times: dict[int | str, int] = {}

    def add(self, data: _Data, series: _Series) -> None:
        dense_of = self.cache.dense.setdefault(series, {})
        for point in data.dataPoints:
            if point.flags & 1:
                self.unrecorded += 1
                continue
            self.value.append(_value(point))
            at_ms = self._times.get(point.timeUnixNano)
            self.timestamp_ms.append(self._time(point.timeUnixNano) if at_ms is None else at_ms)
            key = bytes(point.attributes)
            dense = dense_of.get(key)
            if dense is None:
                dense = dense_of[key] = self._intern(series, key)
            self.series.append(dense)

    def _time(self, time: int | str) -> int:
        time_ns = whole_number(time)
        if time_ns is None or time_ns >= 2**64:
            raise _UnusualError
        at_ms = time_ns // 1_000_000 if time_ns else self.reading.record_ms
        if not 0 <= at_ms <= MAX_TIME_MS:
            raise _UnusualError
        self._times[time] = at_ms
        return at_ms

    def _intern(self, series: _Series, key: bytes) -> int:
        self.cache.entries += 1
        resource, name, unit, kind = series
        outer, inner = (attributes_of(_any.decode(raw), name) for raw in (resource, key))
        return self.reading.table.intern(name, labels_from(outer, inner), kind, unit)

    def commit(self) -> None:
        columns, count = self.reading.columns, len(self.series)
        columns.series += self.series
        columns.timestamp_ms += self.timestamp_ms
        columns.value += self.value
        columns.record += [self.reading.record] * count
        if self.unrecorded:
            columns.skipped["no_recorded_value"] += self.unrecorded


def read_quickly(value: bytes, reading: Reading) -> bool:
    """Read a message whole, or not at all and say so."""
    rows = _Rows(reading)
    others: list[tuple[dict[str, object], Pairs]] = []
    try:
        for resource, metric in _metrics(_message.decode(value)):
            if isinstance(metric.gauge, _Data):
                rows.add(metric.gauge, (resource, metric.name, metric.unit, "gauge"))
            elif isinstance(metric.sum, _Data):
                rows.add(metric.sum, (resource, metric.name, metric.unit, _type(metric.sum)))
            else:
                others.append((_plain(metric), attributes_of(_any.decode(resource), "resource")))
    except (*DECODE_ERRORS, BadPartError, _UnusualError):
        return False
    rows.commit()
    for body, pairs in others:
        read_metric(body, pairs, reading)
    return True


def _metrics(message: _Message) -> Iterator[tuple[bytes, _Metric]]:
    for resource in message.resourceMetrics:
        key = bytes(resource.resource.attributes)
        for scope in resource.scopeMetrics:
            for metric in scope.metrics:
                yield key, metric


def _type(data: _Data) -> str:
    return type_of_points(SUM, data.aggregationTemporality, monotonic=data.isMonotonic)


def _value(point: _Point) -> float:
    if isinstance(point.asInt, UnsetType):
        if isinstance(point.asDouble, UnsetType):
            raise _UnusualError
        return point.asDouble
    number = whole_number(point.asInt)
    if number is None or not -(2**64) < number < 2**64:
        raise _UnusualError
    return float(number)


def _plain(metric: _Metric) -> dict[str, object]:
    held = ("histogram", "exponentialHistogram", "summary")
    raw = {key: getattr(metric, key) for key in held}
    body: dict[str, object] = {key: _any.decode(one) for key, one in raw.items() if one is not UNSET}
    return {"name": metric.name, "unit": metric.unit} | body
