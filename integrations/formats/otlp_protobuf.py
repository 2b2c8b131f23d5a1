"""OTLP metrics in protobuf: walked as a whole, read by the protobuf classes only where something is new."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2

from integrations.formats import otlp_walk as walk
from integrations.formats.base import Columns, HistogramSample, SeriesTable
from integrations.formats.dense_index import UNKNOWN, DenseIndex
from integrations.formats.histograms import (
    ExponentialBuckets,
    Totals,
    explicit_histogram,
    exponential_histogram,
    summary,
)
from integrations.formats.json_reading import BadPartError
from integrations.formats.otlp_points import labels_from, type_of_points
from integrations.formats.times import MAX_TIME_MS
from schemas.batch import HistogramPoint

_NS_PER_MS: Final = 1_000_000
_BROKEN: Final = -2
_POINT_CLASSES: Final[dict[int, type[Message]]] = {
    walk.GAUGE: metrics_pb2.NumberDataPoint,
    walk.SUM: metrics_pb2.NumberDataPoint,
    walk.HISTOGRAM: metrics_pb2.HistogramDataPoint,
    walk.EXPONENTIAL: metrics_pb2.ExponentialHistogramDataPoint,
    walk.SUMMARY: metrics_pb2.SummaryDataPoint,
}


def read_protobuf(
    values: Sequence[bytes], records: Sequence[int], record_ms: Sequence[int], table: SeriesTable, columns: Columns
) -> None:
    """Read messages into columns.

    Parameters
    ----------
    values
        The messages.
    records, record_ms
        Each one's place among all records, and its own time.
    """
    _Messages(values, records, table, columns).read(record_ms)


class _Messages:
    """The messages of one call, walked."""

    def __init__(self, values: Sequence[bytes], records: Sequence[int], table: SeriesTable, columns: Columns) -> None:
        self.data = b"".join(values)
        self.records = np.array(records, np.int32)
        self.table = table
        self.columns = columns
        starts = np.zeros(len(values) + 1, np.int64)
        np.cumsum([len(value) for value in values], out=starts[1:])
        self.walked = walk.walk(np.frombuffer(self.data, np.uint8), starts)
        self.resources: dict[int, list[tuple[str, object]]] = {}
        self.index: DenseIndex = table.scratch("otlp_protobuf", DenseIndex)
        self.index.keep_below(table.scratch_limit)

    def read(self, record_ms: Sequence[int]) -> None:
        self._reject_records()
        points = self.walked.points
        record = self.records[points[:, walk.RECORD]]
        at_ms = self._times(np.array(record_ms, np.int64))
        alive = self._recorded(record, at_ms)
        dense = self._dense(alive)
        number = self.walked.metrics[points[:, walk.METRIC], walk.KIND] <= walk.SUM
        good = alive & number & (dense >= 0)
        self.columns.add_arrays(dense[good], at_ms[good], self.walked.values[good], record[good])
        for at in np.flatnonzero(alive & ~number & (dense >= 0)).tolist():
            self._histogram(at, int(dense[at]), int(at_ms[at]), int(record[at]))

    def _reject_records(self) -> None:
        for at in np.flatnonzero(self.walked.status).tolist():
            if self.walked.status[at] == walk.NO_METRICS:
                self.columns.reject(int(self.records[at]), "no_metrics", "no resourceMetrics in the message")
            else:
                self.columns.reject(int(self.records[at]), "not_protobuf", "truncated, or not OTLP metrics at all")

    def _times(self, record_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Event milliseconds of the points; what has none takes its record's."""
        points = self.walked.points
        time_ns = points[:, walk.TIME_NS].view(np.uint64)
        own_ms = (time_ns // np.uint64(_NS_PER_MS)).astype(np.int64)
        return np.where(time_ns == 0, record_ms[points[:, walk.RECORD]], own_ms)

    def _recorded(self, record: npt.NDArray[np.int32], at_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        """Which points hold something; the others are counted or rejected here."""
        points = self.walked.points
        flags = points[:, walk.FLAGS]
        empty = (flags & walk.NO_RECORDED_VALUE) != 0
        if empty.any():
            self.columns.skipped["no_recorded_value"] += int(empty.sum())
        kinds = self.walked.metrics[points[:, walk.METRIC], walk.KIND]
        missing = ~empty & (kinds <= walk.SUM) & ((flags & walk.HAS_VALUE) == 0)
        bad_time = ~empty & ((at_ms < 0) | (at_ms > MAX_TIME_MS))
        for reason, which in (("missing_value", missing), ("bad_timestamp", bad_time)):
            for at in np.flatnonzero(which).tolist():
                self.columns.reject(int(record[at]), reason, self._name(int(points[at, walk.METRIC])))
        alive: npt.NDArray[np.bool_] = ~(empty | missing | bad_time)
        return alive

    def _dense(self, alive: npt.NDArray[np.bool_]) -> npt.NDArray[np.int32]:
        dense = self.index.find(self.walked.hashes)
        new: dict[int, int] = {}
        for at in np.flatnonzero(alive & (dense == UNKNOWN)).tolist():
            hash_ = int(self.walked.hashes[at])
            known = new.get(hash_)
            if known is None:
                known = new[hash_] = self._intern(at)
                if known != _BROKEN:
                    self.index.put(hash_, known)
            if known == _BROKEN:
                record = int(self.records[self.walked.points[at, walk.RECORD]])
                self.columns.reject(record, "bad_labels", "a name or an attribute that is not UTF-8 text")
            dense[at] = known
        return dense

    def _intern(self, at: int) -> int:
        row = self.walked.points[at].tolist()
        metric = self.walked.metrics[row[walk.METRIC]].tolist()
        kind = metric[walk.KIND]
        try:
            point: Any = _POINT_CLASSES[kind].FromString(self.data[row[walk.START] : row[walk.END]])
            labels = labels_from(self._resource(metric[walk.RESOURCE]), _attributes(point.attributes))
            name = self.data[metric[walk.NAME] : metric[walk.NAME_END]].decode()
            unit = self.data[metric[walk.UNIT] : metric[walk.UNIT_END]].decode()
        except (DecodeError, UnicodeDecodeError, RecursionError):
            return _BROKEN
        type_ = type_of_points(kind, metric[walk.TEMPORALITY], monotonic=metric[walk.MONOTONIC] != 0)
        return self.table.intern(name, labels, type_, unit)

    def _resource(self, at: int) -> list[tuple[str, object]]:
        known = self.resources.get(at)
        if known is None:
            start, end = self.walked.resources[at].tolist()
            resource = resource_pb2.Resource.FromString(self.data[start:end])
            known = self.resources[at] = _attributes(resource.attributes)
        return known

    def _name(self, metric: int) -> str:
        row = self.walked.metrics[metric].tolist()
        return self.data[row[walk.NAME] : row[walk.NAME_END]].decode(errors="replace")

    def _histogram(self, at: int, dense: int, at_ms: int, record: int) -> None:
        row = self.walked.points[at].tolist()
        kind = int(self.walked.metrics[row[walk.METRIC], walk.KIND])
        try:
            point = _POINT_CLASSES[kind].FromString(self.data[row[walk.START] : row[walk.END]])
            read = _READERS[kind](point, self._name(row[walk.METRIC]))
        except DecodeError as error:
            self.columns.reject(record, "malformed_histogram", error)
        except BadPartError as error:
            self.columns.reject(record, error.reason, error.detail)
        else:
            self.columns.histograms.append(HistogramSample(dense, at_ms, read, record))


def _attributes(pairs: Any) -> list[tuple[str, object]]:
    return [(pair.key, _plain(pair.value)) for pair in pairs]


def _plain(value: Any) -> object:
    """An AnyValue as Python's own."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    held: Any = getattr(value, kind)
    if kind == "array_value":
        return [_plain(one) for one in held.values]
    if kind == "kvlist_value":
        return {one.key: _plain(one.value) for one in held.values}
    return held


def _totals(point: Any, where: str) -> Totals:
    sums = (getattr(point, name) if point.HasField(name) else None for name in ("sum", "min", "max"))
    return Totals(where, point.count, *sums)


def _explicit(point: Any, where: str) -> HistogramPoint:
    return explicit_histogram(_totals(point, where), list(point.explicit_bounds), list(point.bucket_counts))


def _exponential(point: Any, where: str) -> HistogramPoint:
    buckets = ExponentialBuckets(
        point.scale,
        point.zero_count,
        point.zero_threshold,
        point.positive.offset,
        list(point.positive.bucket_counts),
        point.negative.offset,
        list(point.negative.bucket_counts),
    )
    return exponential_histogram(_totals(point, where), buckets)


def _summary(point: Any, where: str) -> HistogramPoint:
    values = point.quantile_values
    return summary(Totals(where, point.count, point.sum), [q.quantile for q in values], [q.value for q in values])


_READERS: Final = {walk.HISTOGRAM: _explicit, walk.EXPONENTIAL: _exponential, walk.SUMMARY: _summary}
