"""What counting for objectives costs the detect stage: the same samples through it with and without.

``python -m benchmarks.counting`` prints JSON. 100 objectives lie over 50,000 series, each series in two of them:
thresholds, and counters of bad events of all. Batches go through both operators in turn in one process, on one
thread, with ticks and checkpoints; the cost is a ratio of CPU times.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.detect import FILL_MS, START_MS, TICK_MS, Fleet
from models.detect import DetectOperator, DetectSettings
from schemas.batch import SampleBatch
from slo.announced import announce
from slo.counting.hosted import HostedCounter
from slo.counting.settings import CountingSettings
from slo.definition import RatioIndicator, RollingWindow, Slo, Source, ThresholdIndicator

SERIES = 50_000
CLUSTERS = 5
GROUPS = 5
CHECKPOINT_TICKS = 2
"""A worker that is as busy as this one takes a checkpoint every 30 s of event time or rarer."""


def objectives() -> Iterator[Slo]:
    """100: in each cluster, for each fifth of its instances, two of either gauge's samples, and of the counter's."""
    for cluster in range(CLUSTERS):
        for group in range(GROUPS):
            where = f'{{cluster="c{cluster}",instance=~"i[{2 * group}{2 * group + 1}]|i[{2 * group}{2 * group + 1}]."}}'
            for name, indicator in (
                (
                    "cpu",
                    ThresholdIndicator(source=Source(metric="node_cpu_ratio", selector=where), op="lt", value=0.34),
                ),
                ("busy", ThresholdIndicator(source=Source(metric="", selector=where), op="lt", value=0.9)),
                (
                    "queue",
                    ThresholdIndicator(source=Source(metric="queue_length", selector=where), op="lt", value=0.34),
                ),
                (
                    "requests",
                    RatioIndicator(
                        bad=Source(metric="requests_total", selector=where.replace("}", ',host=~".*7"}')),
                        total=Source(metric="requests_total", selector=where),
                    ),
                ),
            ):
                yield Slo(
                    name=f"{name}-{cluster}-{group}",
                    service="bench",
                    method="Occurrences",
                    indicator=indicator,
                    target=0.99,
                    window=RollingWindow(duration_s=30 * 86_400),
                )


class Timed:
    """An operator, and the CPU time in it."""

    def __init__(self, operator: DetectOperator) -> None:
        self.operator = operator
        self.cpu_s = self.checkpoint_cpu_s = 0.0
        self.written = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of what is done."""
        began = time.process_time()
        yield
        self.cpu_s += time.process_time() - began

    def feed(self, batch: SampleBatch) -> None:
        """A batch."""
        with self.running():
            self.operator.step_batch(batch)

    def end_of_tick(self, now_ms: int, number: int) -> None:
        """A tick, and now and then a checkpoint."""
        with self.running():
            self.operator.on_tick(now_ms)
        if number % CHECKPOINT_TICKS == 0:
            with self.running():
                self.written += sum(len(value or b"") for _, value in self.operator.take_blocks())

    def reset(self) -> None:
        """Forget what it took so far."""
        self.cpu_s, self.written = 0.0, 0


def measure(minutes: float = 20.0) -> dict[str, float]:
    """Both, in one run."""
    fleet, now_ms = Fleet(SERIES), START_MS
    counter = HostedCounter(CountingSettings(), 0, 1)
    settings = DetectSettings(max_series=SERIES)
    plain, counting = Timed(DetectOperator(settings, 0, 1)), Timed(DetectOperator(settings, 0, 1, counter))
    for slo in objectives():
        counting.operator.apply_setting(announce(slo.key, slo, 0))
    for number, step_ms in enumerate(FILL_MS):
        now_ms += step_ms
        for batch in fleet.tick(now_ms, step_ms):
            plain.feed(batch)
            counting.feed(batch)
        plain.end_of_tick(now_ms, number)
        counting.end_of_tick(now_ms, number)
    plain.reset()
    counting.reset()
    before = counter.counted
    for number in range(int(minutes * 60_000 / TICK_MS)):
        now_ms += TICK_MS
        for at, batch in enumerate(fleet.tick(now_ms, TICK_MS)):
            for one in (plain, counting) if at % 2 else (counting, plain):
                one.feed(batch)
        plain.end_of_tick(now_ms, number)
        counting.end_of_tick(now_ms, number)
    samples = counter.counted - before
    return {
        "slo_counting_cost": round(1.0 - plain.cpu_s / counting.cpu_s, 4),
        "slo_counting_samples_per_s_core": round(samples / counting.cpu_s),
        "slo_counting_without_samples_per_s_core": round(samples / plain.cpu_s),
        "slo_counting_checkpoint_bytes_ratio": round(counting.written / plain.written, 3),
        "slo_counting_bytes_per_series": round(counter.watching.nbytes / SERIES),
        "slo_counting_bytes_per_slo": round(counter.rows.nbytes / len(counter.rows.held)),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
