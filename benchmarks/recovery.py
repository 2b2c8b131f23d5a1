"""Recovery: the detect worker is killed with 100,000 series under load; how long until it has caught up.

All five windows are filled (a week, sparsely at first), a checkpoint holds that, and a feeder sends 100,000 samples a
second. Then comes ``kill -9``; the feeder goes on while a new worker restores, reads what it missed, and stands at the
end of the samples.
"""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from benchmarks import broker
from benchmarks.detect import FILL_MS
from benchmarks.messages import Fleet, columnar, produce
from benchmarks.pipeline import LAG_METRIC, SAMPLES_METRIC, await_samples
from benchmarks.workers import PARTITIONS, Workers
from schemas.topics import SAMPLES

HOSTS, CPUS = 2000, 5
CHECKPOINTED_S = 12
LOADED_S = 15.0
LOAD_TICKS = 150
SECONDS_A_TICK = 1.0
LIMIT_S = 180.0


def measure() -> dict[str, float]:
    """Seconds from the kill to the end of all samples, windows filled, under load."""
    with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as folder:
        seconds = once(Path(folder))
    series = HOSTS * CPUS * 10
    print(f"  {seconds:.1f} s from kill -9 to caught up, {series:,} series, {series:,} samples/s", flush=True)
    return {"recovery_100k_series_s": round(seconds, 2)}


@dataclass(frozen=True, slots=True)
class WeekFleet(Fleet):
    """A fleet whose first ticks lie hours apart, so that they fill a week."""

    def at_ms(self, tick: int) -> int:
        """Event time of a tick; those after the week follow each other as usual."""
        after = max(0, tick - len(FILL_MS) + 1) * self.interval_ms
        return self.start_ms + list(accumulate(FILL_MS))[min(tick, len(FILL_MS) - 1)] + after


def fleet_of_a_week() -> WeekFleet:
    """A fleet whose week and load end now."""
    now_ms = int(time.time()) // 15 * 15_000
    return WeekFleet(HOSTS, CPUS, now_ms - sum(FILL_MS) - (LOAD_TICKS + 1) * 15_000)


@dataclass
class Load:
    """One tick of the fleet a second, until told to end."""

    bootstrap: str
    topic: str
    fleet: Fleet
    _end: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator[threading.Thread]:
        """Load from here to the end of the block."""
        thread = threading.Thread(target=self._send, daemon=True)
        thread.start()
        try:
            yield thread
        finally:
            self._end.set()
            thread.join()

    def _send(self) -> None:
        begin = time.monotonic()
        for number in range(LOAD_TICKS):
            if self._end.wait(max(0.0, begin + number * SECONDS_A_TICK - time.monotonic())):
                return
            tick = len(FILL_MS) + number
            produce(self.bootstrap, self.topic, columnar(self.fleet, range(tick, tick + 1), PARTITIONS))


def once(folder: Path) -> float:
    """One kill."""
    fleet = fleet_of_a_week()
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(broker.running(folder))
        workers = Workers(running, folder, {})
        topic = workers.kafka.topic(SAMPLES)
        stack.callback(workers.stop)
        child = workers.start("detect")
        produce(running.bootstrap, topic, columnar(fleet, range(len(FILL_MS)), PARTITIONS))
        await_samples(workers, fleet.series * len(FILL_MS))
        time.sleep(CHECKPOINTED_S)
        load = stack.enter_context(Load(running.bootstrap, topic, fleet).running())
        time.sleep(LOADED_S)
        before = workers.total("detect", SAMPLES_METRIC)
        begin = time.monotonic()
        os.killpg(child.pid, signal.SIGKILL)
        child.finish(5)
        if before < fleet.series * (len(FILL_MS) + 1):
            raise RuntimeError("the worker was not under load when it was killed")
        workers.start("detect")
        workers.await_(lambda: _caught_up(workers, fleet.series), LIMIT_S, "caught-up detect worker")
        if not load.is_alive():
            raise RuntimeError("the load ended before the worker had caught up")
        return time.monotonic() - begin


def _caught_up(workers: Workers, series: int) -> bool:
    """Whether it has every series, has read what came since its checkpoint, and stands at the end."""
    if not workers.is_ready("detect") or workers.total("detect", "metrics_ai_series") < series:
        return False
    return workers.total("detect", SAMPLES_METRIC) >= series and workers.total("detect", LAG_METRIC) == 0
