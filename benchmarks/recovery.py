"""Recovery: the detect worker is killed with 100,000 series, samples go on; how long until it has caught up."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from pathlib import Path

from benchmarks import broker
from benchmarks.messages import Fleet, columnar, produce
from benchmarks.pipeline import SAMPLES_METRIC, await_samples
from benchmarks.workers import PARTITIONS, Workers
from schemas.topics import SAMPLES

HOSTS, CPUS = 2000, 5
HISTORY_TICKS = 60
CHECKPOINTED_S = 12


def measure() -> dict[str, float]:
    """Seconds from the kill to having every sample, one tick of which came after the kill."""
    with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as folder:
        seconds = once(Path(folder))
    print(f"  {seconds:.1f} s from kill -9 to caught up, 100,000 series", flush=True)
    return {"recovery_100k_series_s": round(seconds, 2)}


def once(folder: Path) -> float:
    """One kill."""
    start_ms = (int(time.time()) - 60) // 15 * 15_000 - HISTORY_TICKS * 15_000
    fleet = Fleet(HOSTS, CPUS, start_ms)
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(broker.running(folder))
        workers = Workers(running, folder, {})
        topic = workers.kafka.topic(SAMPLES)
        stack.callback(workers.stop)
        child = workers.start("detect")
        produce(running.bootstrap, topic, columnar(fleet, range(HISTORY_TICKS), PARTITIONS))
        await_samples(workers, fleet.series * HISTORY_TICKS)
        time.sleep(CHECKPOINTED_S)
        begin = time.monotonic()
        os.killpg(child.pid, signal.SIGKILL)
        child.finish(5)
        produce(running.bootstrap, topic, columnar(fleet, range(HISTORY_TICKS, HISTORY_TICKS + 1), PARTITIONS))
        workers.start("detect")
        workers.await_(lambda: _caught_up(workers, fleet.series), 180, "caught-up detect worker")
        return time.monotonic() - begin


def _caught_up(workers: Workers, series: int) -> bool:
    if not workers.is_ready("detect") or workers.total("detect", "metrics_ai_series") < series:
        return False
    return workers.total("detect", SAMPLES_METRIC) >= series
