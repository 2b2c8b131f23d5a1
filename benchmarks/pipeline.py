"""The pipeline to anomalies: 50,000 series, checkpoints on, broker, producer and workers on the same cores.

Raw: workers are up and have seen some ticks of every series; a producer process that has its messages ready starts,
and the clock runs from its first message until detect has counted the last sample. So the producer's and the broker's
work is inside. Columnar: batches as the gateway writes them lie on ``metrics.samples``, and the clock runs from the
start of the detect worker's reading until its last sample.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

from benchmarks import broker
from benchmarks.feeder import Feeder
from benchmarks.messages import Fleet, columnar, produce
from benchmarks.workers import PARTITIONS, Workers, working
from schemas.topics import SAMPLES

HOSTS, CPUS = 1000, 5
WARM_TICKS, RAW_TICKS, COLUMNAR_TICKS = 16, 40, 120
LIMIT_S = 240.0
SAMPLES_METRIC = "metrics_ai_samples_total"
RAW = {"native": "native_json", "telegraf_json": "telegraf_json", "otlp": "otlp"}


def measure() -> dict[str, float]:
    """All of it; the raw number is the least of the formats'."""
    found: dict[str, float] = {}
    for form, name in RAW.items():
        with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as folder:
            rate, anomalies = raw(form, Path(folder))
        found[f"pipeline_{name}_samples_per_s"] = rate
        found[f"pipeline_{name}_anomaly_records"] = anomalies
        print(f"  {name}: {rate:,.0f} samples/s, {anomalies:,.0f} anomaly records", flush=True)
    found["pipeline_raw_samples_per_s"] = min(found[f"pipeline_{name}_samples_per_s"] for name in RAW.values())
    with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as folder:
        found["pipeline_columnar_samples_per_s"] = from_batches(Path(folder))
    print(f"  columnar: {found['pipeline_columnar_samples_per_s']:,.0f} samples/s", flush=True)
    return found


def fleet_until_now(ticks: int) -> Fleet:
    """50,000 series whose last tick is a minute ago."""
    last_ms = (int(time.time()) - 60) // 15 * 15_000
    return Fleet(HOSTS, CPUS, last_ms - (ticks - 1) * 15_000)


def raw(form: str, folder: Path) -> tuple[float, float]:
    """Samples a second from raw messages, and how many anomaly records came out."""
    ticks = WARM_TICKS + RAW_TICKS
    fleet = fleet_until_now(ticks)
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(broker.running(folder))
        workers = Workers(running, folder, {"raw": form})
        stack.enter_context(working(workers, ["ingest", "detect"]))
        feed(workers, Feeder.start(running.bootstrap, "raw", form, fleet, range(WARM_TICKS)), fleet, WARM_TICKS)
        feeder = Feeder.start(running.bootstrap, "raw", form, fleet, range(WARM_TICKS, ticks))
        seconds = feed(workers, feeder, fleet, ticks)
        return fleet.series * RAW_TICKS / seconds, workers.total("detect", "metrics_ai_outputs_total")


def feed(workers: Workers, feeder: Feeder, fleet: Fleet, ticks: int) -> float:
    """Seconds from a feeder's start until detect has counted so many ticks of the fleet."""
    try:
        begin = time.monotonic()
        feeder.go()
        await_samples(workers, fleet.series * ticks)
        seconds = time.monotonic() - begin
        feeder.finish()
    finally:
        feeder.kill()
    return seconds


def await_samples(workers: Workers, count: int) -> None:
    """Wait until detect has counted so many samples."""
    workers.await_(lambda: workers.total("detect", SAMPLES_METRIC) >= count, LIMIT_S, f"{count:,} samples")


def from_batches(folder: Path) -> float:
    """Samples a second from columnar batches."""
    fleet = fleet_until_now(COLUMNAR_TICKS)
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(broker.running(folder))
        workers = Workers(running, folder, {})
        topic = workers.kafka.topic(SAMPLES)
        produce(running.bootstrap, topic, columnar(fleet, range(COLUMNAR_TICKS), PARTITIONS))
        stack.callback(workers.stop)
        workers.start("detect")
        warm = fleet.series * WARM_TICKS
        await_samples(workers, warm)
        begin, already = time.monotonic(), workers.total("detect", SAMPLES_METRIC)
        await_samples(workers, fleet.series * COLUMNAR_TICKS)
        return (fleet.series * COLUMNAR_TICKS - already) / (time.monotonic() - begin)
