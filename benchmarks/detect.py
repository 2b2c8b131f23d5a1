"""The detect operator alone: samples a second of one core, and bytes a series.

``python -m benchmarks.detect`` prints JSON. Each size runs in a process of its own, so that the peak memory is its
own too. Series tick every 15 s over two hours of event time in batches as the gateway makes them; before that all
five windows are filled (a week, sparsely at first). The rate is samples by CPU time of the process (one thread), so
a busy neighbour does not count as slowness; the wall clock's rate stands beside it.

All that a worker asks of the operator is inside the clock: batches, a tick as often as a worker that is as busy writes
one, the blocks of a checkpoint as often as it takes one (both by the operator's own working time). A checkpoint's
blocks are kept while the next batches go on, as they are while they are written, so the peak memory holds them too.

    python -m benchmarks.detect --series 50000     # one size
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from agents.checkpoints import CheckpointSettings
from agents.stage import TickSettings
from models.detect import DetectOperator, DetectSettings
from schemas.batch import SampleBatch
from schemas.series import Series

SIZES = {"50k": 50_000, "500k": 500_000}
BATCH = 4_000
TICK_INTERVAL_S = TickSettings().detect_interval_s
TICK_MS = 15_000
HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000 // (6 * HOUR_MS) * (6 * HOUR_MS)
# A week: each window's buckets get their samples, older ones less often; two days of hours, so that they are known.
FILL_MS = [6 * HOUR_MS] * 20 + [HOUR_MS] * 46 + [300_000] * 14 + [TICK_MS] * 80
METRICS = (("node_cpu_ratio", "gauge", "1"), ("queue_length", "gauge", ""), ("requests_total", "counter", "1"))


class Fleet:
    """Many series with plain noise; every tenth counts something."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._random = np.random.default_rng(7)
        self._ids, self._texts = [], []
        for start in range(0, count, BATCH):
            members = [self._member(at) for at in range(start, min(count, start + BATCH))]
            self._ids.append(np.array([one.id for one in members], np.uint64))
            self._texts.append(pa.array([one.text for one in members]))
        self._counters = np.arange(count) % 10 == 2
        self._totals = np.zeros(count)

    @staticmethod
    def _member(at: int) -> Series:
        metric, kind, unit = METRICS[2 if at % 10 == 2 else at % 2]
        labels = {"host": f"node-{at // 100:05d}", "cluster": f"c{at // 10_000}", "instance": f"i{at % 100}"}
        return Series("default", metric, labels, {"node": labels["host"], "cluster": labels["cluster"]}, kind, unit)

    def tick(self, at_ms: int, step_ms: int) -> Iterator[SampleBatch]:
        """One sample of every series, spread over the tick as scrapes are."""
        values = 0.3 + 0.02 * self._random.standard_normal(self.count)
        self._totals += values * step_ms
        values = np.where(self._counters, self._totals, values)
        times = at_ms + np.arange(self.count) * TICK_MS // self.count
        for number, ids in enumerate(self._ids):
            part = slice(number * BATCH, number * BATCH + len(ids))
            rows = np.arange(len(ids), dtype=np.int32)
            yield SampleBatch("default", ids, self._texts[number], rows, times[part], values[part])


class Clock:
    """CPU and wall time inside the operator, which is asked for all that a worker asks of it."""

    def __init__(self, operator: DetectOperator) -> None:
        self._operator = operator
        self._settings = CheckpointSettings()
        self._next_tick_s = self._next_checkpoint_s = 0.0
        self._blocks: list[tuple[str, bytes]] = []
        self.cpu_s = self.wall_s = 0.0
        self.found = self.ticks = self.checkpoints = self.written = 0

    def feed(self, batch: SampleBatch) -> None:
        """Step; and tick, and take a checkpoint's blocks, when they are due."""
        with self._running():
            self.found += len(self._operator.step_batch(batch))
        if self.wall_s >= self._next_tick_s:
            self._next_tick_s = self.wall_s + TICK_INTERVAL_S
            with self._running():
                self.found += len(self._operator.on_tick(int(batch.timestamp_ms.max())))
            self.ticks += 1
        if self.wall_s >= self._next_checkpoint_s:
            self.checkpoint()

    def checkpoint(self) -> None:
        """Take the blocks, and hold them as their writer does."""
        self._blocks, began_s = [], self.wall_s
        with self._running():
            self._blocks = self._operator.take_blocks()
        cost_s = self.wall_s - began_s
        self._next_checkpoint_s = self.wall_s + self._settings.due_after_s(self._settings.interval(True), cost_s)
        self.checkpoints += 1
        self.written += sum(len(value) for _, value in self._blocks)

    @contextlib.contextmanager
    def _running(self) -> Iterator[None]:
        cpu, wall = time.process_time(), time.perf_counter()
        yield
        self.cpu_s += time.process_time() - cpu
        self.wall_s += time.perf_counter() - wall


def measure_size(count: int, hours: float = 2.0) -> dict[str, float]:
    """Run one size in this process."""
    fleet, now_ms = Fleet(count), START_MS
    operator = DetectOperator(DetectSettings(max_series=count), 0, 1)
    filling = Clock(operator)
    for step_ms in FILL_MS:
        now_ms += step_ms
        for batch in fleet.tick(now_ms, step_ms):
            filling.feed(batch)
    filling.checkpoint()
    del filling
    before, clock = operator.counts, Clock(operator)
    for _ in range(int(hours * HOUR_MS / TICK_MS)):
        now_ms += TICK_MS
        for batch in fleet.tick(now_ms, TICK_MS):
            clock.feed(batch)
    clock.checkpoint()
    counts = operator.counts
    samples = counts["accepted"] - before["accepted"]
    return {
        "samples_per_s_core": samples / clock.cpu_s,
        "samples_per_s_wall": samples / clock.wall_s,
        "bytes_per_series": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / count,
        "checkpoint_bytes_per_series": clock.written / count / clock.checkpoints,
        "checkpoints": clock.checkpoints,
        "ticks": clock.ticks,
        "samples": samples,
        "closed_buckets": counts["closed_buckets"] - before["closed_buckets"],
        "river_updates": counts["river_updates"] - before["river_updates"],
        "anomalies": clock.found,
    }


def measure(sizes: dict[str, int] | None = None) -> dict[str, float]:
    """All sizes, each in its own process; flat, with the names of the issue."""
    numbers: dict[str, float] = {}
    for name, count in (sizes or SIZES).items():
        command = [sys.executable, "-m", "benchmarks.detect", "--series", str(count)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        one = json.loads(output.splitlines()[-1])
        numbers[f"detect_samples_per_s_core_{name}"] = round(one["samples_per_s_core"])
        numbers[f"detect_samples_per_s_wall_{name}"] = round(one["samples_per_s_wall"])
        numbers[f"bytes_per_series_{name}"] = round(one["bytes_per_series"])
        numbers[f"detect_closed_buckets_{name}"] = one["closed_buckets"]
        numbers[f"detect_river_updates_{name}"] = one["river_updates"]
    # With few series the interpreter, Numba, Arrow and River's imports (290 MB before the first series) weigh most.
    largest = max(sizes or SIZES, key=lambda name: (sizes or SIZES)[name])
    numbers["bytes_per_series"] = numbers[f"bytes_per_series_{largest}"]
    return numbers


run = measure


def main() -> None:
    """Print JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detect", description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, help="one size, in this process")
    parser.add_argument("--hours", type=float, default=2.0, help="event time that is measured")
    given = parser.parse_args()
    print(json.dumps(measure_size(given.series, given.hours) if given.series else measure()))


if __name__ == "__main__":
    main()
