"""The pipeline to anomalies: 50,000 series, checkpoints on, broker, producer and workers on the same cores.

Workers are up and have seen some ticks of every series; a producer process that has its messages ready starts, and the
clock runs from its first message until detect has counted the last sample. So the producer's and the broker's work is
inside. Raw: messages through ingest and detect. Columnar: batches as the gateway's batcher cuts them, through detect.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from pathlib import Path

from benchmarks import broker
from benchmarks.feeder import COLUMNAR, Feeder
from benchmarks.messages import Fleet
from benchmarks.workers import Workers, working
from schemas.topics import SAMPLES

HOSTS, CPUS = 1000, 5
WARM_TICKS, RAW_TICKS, COLUMNAR_TICKS = 16, 40, 120
LIMIT_S = 240.0
SAMPLES_METRIC = "metrics_ai_samples_total"
LAG_METRIC = "metrics_ai_lag_offsets"
RAW = {"native": "native_json", "telegraf_json": "telegraf_json", "otlp": "otlp"}


def measure() -> dict[str, float]:
    """All of it; the raw number is the least of the formats'."""
    found: dict[str, float] = {}
    for form, name in RAW.items():
        with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as folder:
            rate, anomalies = through(form, RAW_TICKS, Path(folder))
        found[f"pipeline_{name}_samples_per_s"] = rate
        found[f"pipeline_{name}_anomaly_records"] = anomalies
        print(f"  {name}: {rate:,.0f} samples/s, {anomalies:,.0f} anomaly records", flush=True)
    found["pipeline_raw_samples_per_s"] = min(found[f"pipeline_{name}_samples_per_s"] for name in RAW.values())
    with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as folder:
        rate, anomalies = through(COLUMNAR, COLUMNAR_TICKS, Path(folder))
    found["pipeline_columnar_samples_per_s"] = rate
    found["pipeline_columnar_anomaly_records"] = anomalies
    print(f"  columnar: {rate:,.0f} samples/s, {anomalies:,.0f} anomaly records", flush=True)
    return found


def fleet_until_now(ticks: int) -> Fleet:
    """50,000 series whose last tick is a minute ago."""
    last_ms = (int(time.time()) - 60) // 15 * 15_000
    return Fleet(HOSTS, CPUS, last_ms - (ticks - 1) * 15_000)


def through(form: str, measured_ticks: int, folder: Path) -> tuple[float, float]:
    """Samples a second from messages of one form, and how many anomaly records came out."""
    ticks = WARM_TICKS + measured_ticks
    fleet = fleet_until_now(ticks)
    batches = form == COLUMNAR
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(broker.running(folder))
        workers = Workers(running, folder, {} if batches else {"raw": form})
        stack.enter_context(working(workers, ["detect"] if batches else ["ingest", "detect"]))
        topic = workers.kafka.topic(SAMPLES) if batches else "raw"
        feed(workers, Feeder.start(running.bootstrap, topic, form, fleet, range(WARM_TICKS)), fleet, WARM_TICKS)
        feeder = Feeder.start(running.bootstrap, topic, form, fleet, range(WARM_TICKS, ticks))
        seconds = feed(workers, feeder, fleet, ticks)
        return fleet.series * measured_ticks / seconds, workers.total("detect", "metrics_ai_outputs_total")


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
