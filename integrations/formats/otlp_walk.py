"""Walks many OTLP protobuf messages at once and lays their points out as columns.

A point's series is a hash of the bytes of its resource, its metric's name, unit and type, and its attributes: who has
met the hash knows the series without reading any of them. What the columns cannot hold (a histogram's buckets, the
text of a new series) is told as a range of the bytes, to be read by the real protobuf classes.

Field numbers: ``opentelemetry/proto/metrics/v1/metrics.proto``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from numba import njit

from integrations.formats.dense_index import hash_bytes, mixed
from integrations.formats.protobuf_wire import fixed64, next_field

GAUGE: Final = 5
SUM: Final = 7
HISTOGRAM: Final = 9
EXPONENTIAL: Final = 10
SUMMARY: Final = 11

OK: Final = 0
MALFORMED: Final = 1
NO_METRICS: Final = 2
_FULL: Final = 3

HAS_VALUE: Final = 1
NO_RECORDED_VALUE: Final = 2

# Columns of ``points``, ``metrics`` and ``resources``.
RECORD, METRIC, START, END, TIME_NS, FLAGS, POINT_COLUMNS = 0, 1, 2, 3, 4, 5, 6
RESOURCE, KIND, TEMPORALITY, MONOTONIC, NAME, NAME_END, UNIT, UNIT_END, METRIC_COLUMNS = 0, 1, 2, 3, 4, 5, 6, 7, 8

_BYTES_PER_POINT: Final = 24
_BYTES_PER_METRIC: Final = 24
_BYTES_PER_RESOURCE: Final = 24
_MIN_ROWS: Final = 64


@dataclass(frozen=True, slots=True)
class Walked:
    """What the messages hold.

    Parameters
    ----------
    points
        One row a point: record, metric, its bytes' start and end, time in ns (0: none), flags; int64.
    hashes
        Series of each point, uint64.
    values
        Value of each number point, float64.
    metrics
        One row a metric: resource, kind, temporality, monotonic, and where name and unit stand; int64.
    resources
        One row a resource: its bytes' start and end.
    status
        One a record: ``OK``, ``MALFORMED`` (then none of its points stand here) or ``NO_METRICS``.
    """

    points: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    values: npt.NDArray[np.float64]
    metrics: npt.NDArray[np.int64]
    resources: npt.NDArray[np.int64]
    status: npt.NDArray[np.int8]


def walk(data: npt.NDArray[np.uint8], starts: npt.NDArray[np.int64]) -> Walked:
    """Lay out messages that stand one behind the other.

    Parameters
    ----------
    data
        The messages' bytes.
    starts
        Where each begins, and as the last entry where the last one ends.
    """
    factor = 1
    while True:
        rows = [factor * (len(data) // size) + _MIN_ROWS for size in (_BYTES_PER_POINT, _BYTES_PER_METRIC)]
        points = np.empty((rows[0], POINT_COLUMNS), np.int64)
        hashes, values = np.empty(rows[0], np.uint64), np.empty(rows[0], np.float64)
        metrics = np.empty((rows[1], METRIC_COLUMNS), np.int64)
        resources = np.empty((factor * (len(data) // _BYTES_PER_RESOURCE) + _MIN_ROWS, 2), np.int64)
        status, used = np.zeros(len(starts) - 1, np.int8), np.zeros(3, np.int64)
        if _walk(data, starts, (points, hashes, values, metrics, resources, used, values.view(np.uint64)), status):
            n_points, n_metrics, n_resources = used.tolist()
            return Walked(
                points[:n_points],
                hashes[:n_points],
                values[:n_points],
                metrics[:n_metrics],
                resources[:n_resources],
                status,
            )
        # Many points smaller than any real one: the shortest takes two bytes.
        factor *= 4


@njit(cache=True)
def _walk(data: Any, starts: Any, out: Any, status: Any) -> bool:
    used = out[5]
    before = np.zeros(3, np.int64)
    for record in range(len(starts) - 1):
        before[:] = used
        status[record] = _message(data, starts[record], starts[record + 1], record, out)
        if status[record] == _FULL:
            return False
        if status[record] != OK:
            used[:] = before
    return True


@njit(cache=True)
def _message(data: Any, start: Any, end: Any, record: Any, out: Any) -> int:
    found = NO_METRICS
    at = start
    while at < end:
        field, wire, first, last, at = next_field(data, at, end)
        if at < 0:
            return MALFORMED
        if field == 1 and wire == 2:
            found = _resource_metrics(data, first, last, record, out)
            if found != OK:
                return found
    return found


@njit(cache=True)
def _resource_metrics(data: Any, start: Any, end: Any, record: Any, out: Any) -> int:
    resources, used = out[4], out[5]
    if used[2] == len(resources):
        return _FULL
    resources[used[2], :] = start
    at = start
    while at < end:
        field, wire, first, last, at = next_field(data, at, end)
        if at < 0:
            return MALFORMED
        if field == 1 and wire == 2:
            resources[used[2], 0] = first
            resources[used[2], 1] = last
    used[2] += 1
    seed = hash_bytes(data, resources[used[2] - 1, 0], resources[used[2] - 1, 1], np.uint64(0))
    at = start
    while at < end:
        field, wire, first, last, at = next_field(data, at, end)
        if field == 2 and wire == 2:
            status = _scope_metrics(data, first, last, record, seed, out)
            if status != OK:
                return status
    return OK


@njit(cache=True)
def _scope_metrics(data: Any, start: Any, end: Any, record: Any, seed: Any, out: Any) -> int:
    at = start
    while at < end:
        field, wire, first, last, at = next_field(data, at, end)
        if at < 0:
            return MALFORMED
        if field == 2 and wire == 2:
            status = _metric(data, first, last, record, seed, out)
            if status != OK:
                return status
    return OK


@njit(cache=True)
def _is_points(field: Any, first: Any, last: Any, row: Any) -> bool:
    """Note a metric's name, unit or kind; whether the field holds its points."""
    if field == 1:
        row[NAME], row[NAME_END] = first, last
    elif field == 3:
        row[UNIT], row[UNIT_END] = first, last
    elif field in (GAUGE, SUM, HISTOGRAM, EXPONENTIAL, SUMMARY):
        row[KIND] = field
        return True
    return False


@njit(cache=True)
def _metric(data: Any, start: Any, end: Any, record: Any, seed: Any, out: Any) -> int:
    metrics, used = out[3], out[5]
    if used[1] == len(metrics):
        return _FULL
    row = metrics[used[1]]
    row[:] = 0
    row[RESOURCE] = used[2] - 1
    body, body_end = start, start
    at = start
    while at < end:
        field, wire, first, last, at = next_field(data, at, end)
        if at < 0:
            return MALFORMED
        if wire == 2 and _is_points(field, first, last, row):
            body, body_end = first, last
    if row[KIND] == 0:
        return OK
    used[1] += 1
    return _points(data, body, body_end, record, seed, out)


@njit(cache=True)
def _points(data: Any, start: Any, end: Any, record: Any, seed: Any, out: Any) -> int:
    metrics, used = out[3], out[5]
    row = metrics[used[1] - 1]
    at = start
    while at < end:
        field, wire, first, last, at = next_field(data, at, end)
        if at < 0:
            return MALFORMED
        if wire == 0 and field == 2:
            row[TEMPORALITY] = first
        elif wire == 0 and field == 3:
            row[MONOTONIC] = first
    seed = hash_bytes(data, row[NAME], row[NAME_END], seed)
    seed = hash_bytes(data, row[UNIT], row[UNIT_END], seed)
    seed = mixed(seed, np.uint64((row[KIND] << 8) ^ (row[TEMPORALITY] << 1) ^ (row[MONOTONIC] != 0)))
    at = start
    while at < end:
        field, wire, first, last, at = next_field(data, at, end)
        if field == 1 and wire == 2:
            status = _point(data, first, last, record, seed, out)
            if status != OK:
                return status
    return OK


@njit(cache=True)
def _attributes_and_flags(kind: Any) -> Any:
    """Field numbers of a point's attributes and of its flags."""
    if kind == HISTOGRAM:
        return 9, 10
    return (1, 10) if kind == EXPONENTIAL else (7, 8)


@njit(cache=True)
def _value_field(data: Any, field: Any, first: Any, at: Any, out: Any) -> int:
    """Note a number point's value; the flag that it has one."""
    if field == 4:
        out[6][at] = fixed64(data, first)
    elif field == 6:
        out[2][at] = np.float64(np.int64(fixed64(data, first)))
    return HAS_VALUE if field in (4, 6) else 0


@njit(cache=True)
def _point(data: Any, start: Any, end: Any, record: Any, seed: Any, out: Any) -> int:
    points, hashes, metrics, used = out[0], out[1], out[3], out[5]
    if used[0] == len(points):
        return _FULL
    kind = metrics[used[1] - 1, KIND]
    attributes, flags_field = _attributes_and_flags(kind)
    row = points[used[0]]
    row[RECORD], row[METRIC], row[START], row[END], row[TIME_NS], row[FLAGS] = record, used[1] - 1, start, end, 0, 0
    out[2][used[0]] = 0.0
    at = start
    while at < end:
        field, wire, first, last, at = next_field(data, at, end)
        if at < 0:
            return MALFORMED
        if wire == 2 and field == attributes:
            seed = hash_bytes(data, first, last, seed)
        elif wire == 0 and field == flags_field:
            row[FLAGS] |= NO_RECORDED_VALUE if first & 1 else 0
        elif wire == 1 and field == 3:
            row[TIME_NS] = np.int64(fixed64(data, first))
        elif wire == 1 and kind <= SUM:
            row[FLAGS] |= _value_field(data, field, first, used[0], out)
    hashes[used[0]] = seed
    used[0] += 1
    return OK
