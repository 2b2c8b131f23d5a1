"""Quix Streams with hand-written rings in its keyed state: one packed array a series, totals kept as buckets turn."""

from __future__ import annotations

import math
from array import array
from typing import Any

import orjson
from quixstreams import Application

from benchmarks.peers.job import RING_BUCKETS, WINDOWS_S, Z_LIMIT, Z_WARMUP, Report, read_task

# A window's part of the array: newest slot, total count, sum, sum of squares, then three numbers a bucket.
HEAD = 4
STRIDE = HEAD + 3 * RING_BUCKETS
BUCKET_MS = [size_s * 1000 // RING_BUCKETS for size_s in WINDOWS_S.values()]
HOUR = list(WINDOWS_S).index("1h")
EMPTY = array("d", [0.0] * (STRIDE * len(BUCKET_MS))).tobytes()


def turn(rings: array[float], at: int, slot: int) -> None:
    """Empty the buckets between the newest slot and this one."""
    newest = int(rings[at])
    for passed in range(max(newest + 1, slot - RING_BUCKETS + 1), slot + 1):
        bucket = at + HEAD + 3 * (passed % RING_BUCKETS)
        for column in range(3):
            rings[at + 1 + column] -= rings[bucket + column]
            rings[bucket + column] = 0.0
    rings[at] = slot


def update(rings: array[float], value: float, timestamp_ms: int) -> float:
    """Add a sample to all windows; its z against the last hour before it."""
    z = 0.0
    for position, width_ms in enumerate(BUCKET_MS):
        at = position * STRIDE
        slot = timestamp_ms // width_ms
        if slot > rings[at]:
            turn(rings, at, slot)
        if position == HOUR:
            z = z_against(rings[at + 1], rings[at + 2], rings[at + 3], value)
        bucket = at + HEAD + 3 * (slot % RING_BUCKETS)
        square = value * value
        rings[at + 1] += 1
        rings[at + 2] += value
        rings[at + 3] += square
        rings[bucket] += 1
        rings[bucket + 1] += value
        rings[bucket + 2] += square
    return z


def z_against(count: float, total: float, squares: float, value: float) -> float:
    """How many standard deviations a value is from a ring's mean."""
    if count < Z_WARMUP:
        return 0.0
    mean = total / count
    variance = squares / count - mean * mean
    return (value - mean) / math.sqrt(variance) if variance > 0 else 0.0


def totals(rings: array[float]) -> dict[str, list[float]]:
    """Count, mean and squared deviations of each window."""
    found = {}
    for position, name in enumerate(WINDOWS_S):
        count, total, squares = rings[position * STRIDE + 1 : position * STRIDE + HEAD]
        found[name] = [count, total / count, squares - total * total / count]
    return found


def main() -> None:
    """Five rings of each sample's series, and a verdict where it is far off."""
    task = read_task()
    report = Report(task.report)
    app = Application(
        broker_address=task.bootstrap,
        consumer_group="quix-rings",
        auto_offset_reset="earliest",
        state_dir=task.state_dir,
        loglevel="ERROR",
        commit_interval=5.0,
    )
    samples = app.topic(task.topic, key_deserializer="str", value_deserializer="bytes")

    def step(raw: bytes, key: str, timestamp_ms: int, _headers: Any, state: Any) -> dict[str, Any] | None:
        value = orjson.loads(raw)["value"]
        rings = array("d", state.get_bytes("rings", EMPTY))
        z = update(rings, value, timestamp_ms)
        state.set_bytes("rings", rings.tobytes())
        if key in task.watched:
            report.watched[key] = totals(rings)
            report.newest_ms[key] = timestamp_ms
        report.sample()
        return {"series": key, "value": value, "z": z} if abs(z) > Z_LIMIT else None

    verdicts = app.dataframe(samples).apply(step, stateful=True, metadata=True)
    verdicts = verdicts[verdicts.apply(lambda verdict: verdict is not None)]
    verdicts.to_topic(app.topic(task.output, value_serializer="json", key_serializer="str"))
    report.end_at_sighup()
    app.run()


if __name__ == "__main__":
    main()
