"""What the peers say: their verdicts on the topic, and the same from numpy's reading of the messages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, TopicPartition

from benchmarks.messages import INTERVAL_MS
from benchmarks.peers.job import RING_BUCKETS, WINDOWS_S, Z_LIMIT, Z_WARMUP

Verdicts = dict[int, list[tuple[int, float]]]
"""Tick and z of each verdict, by series."""

WIDTH_MS = WINDOWS_S["1h"] * 1000
# A program that is stopped may leave the last of its verdicts unsent.
UNSENT_TICKS = 4
TOLERANCE = 1e-6


def expected_verdicts(history: npt.NDArray[np.float64], start_ms: int, rings: bool) -> Verdicts:
    """The verdicts of values of shape ``[ticks, series]``: each against its hour before it."""
    found: Verdicts = {}
    at_ms = start_ms + np.arange(len(history)) * INTERVAL_MS
    width_ms = WIDTH_MS // RING_BUCKETS if rings else WIDTH_MS
    oldest = at_ms // width_ms - (RING_BUCKETS - 1 if rings else 0)
    first = np.searchsorted(at_ms // width_ms, oldest)
    for tick, begin in enumerate(first.tolist()):
        if tick - begin < Z_WARMUP:
            continue
        before = history[begin:tick]
        z = (history[tick] - before.mean(axis=0)) / before.std(axis=0)
        for series in np.flatnonzero(np.abs(z) > Z_LIMIT).tolist():
            found.setdefault(series, []).append((tick, float(z[series])))
    return found


def read_verdicts(bootstrap: str, topic: str, partitions: int) -> dict[str, list[float]]:
    """The z of every verdict on a topic, by series' key, in order."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench-verdicts", "enable.partition.eof": True})
    consumer.assign([TopicPartition(topic, one, 0) for one in range(partitions)])
    found: dict[str, list[float]] = {}
    ends = 0
    while ends < partitions:
        for message in consumer.consume(1000, 1.0):
            if message.error() is not None:
                ends += 1
                continue
            body = json.loads(message.value())
            z = body["moments"][3] if "moments" in body else body["z"]
            found.setdefault(message.key().decode().strip('"'), []).append(z)
    consumer.close()
    return found


def compare(found: Mapping[str, Sequence[float]], expected: Verdicts, keys: Mapping[str, int], ticks: int) -> int:
    """How many verdicts agree, of a program that has read so many ticks.

    Raises
    ------
    RuntimeError
        If one is wrong, or one of the ticks that were read is missing.
    """
    compared = 0
    for key, series in keys.items():
        told, wanted = found.get(key, ()), expected.get(series, [])
        due = sum(tick < ticks - UNSENT_TICKS for tick, _ in wanted)
        alike = [abs(z - right) <= TOLERANCE * abs(right) for z, (_, right) in zip(told, wanted, strict=False)]
        if not due <= len(told) <= len(wanted) or not all(alike):
            raise RuntimeError(f"{key}: {len(told)} verdicts, {due} to {len(wanted)} expected, {sum(alike)} alike")
        compared += len(told)
    return compared
