"""The gateway alone: raw messages on the embedded broker in, columnar batches out.

First without Kafka: decoding and encoding of native JSON, one sample a message, 50,000 series over 8 partitions. Then
whole: the messages lie on the broker, and the clock runs from the first sample taken in until the last batch is
delivered; time of the gateway's thread is what it costs, the client library's own threads beside it.
"""

from __future__ import annotations

import gc
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.messages import Fleet, native, produce
from integrations.formats import Recogniser, SeriesTable, decoder_for
from integrations.gateway import Gateway, IngestSettings, SourceSettings
from integrations.gateway.batcher import TenantBatcher
from integrations.kafka.admin import create_topics
from integrations.kafka.embedded import EmbeddedBroker
from integrations.telemetry import Telemetry
from schemas.topics import SAMPLES

HOSTS, CPUS, PARTITIONS = 1000, 5, 8
WARM_TICKS, TICKS, CHUNK = 2, 20, 10_000
LIMIT_S = 240.0
SETTLED_S = 1.0


def measure() -> dict[str, float]:
    """Samples a second, by decoding and encoding alone, and whole; CPU time of the gateway's thread a sample."""
    found = {"gateway_decode_encode_samples_per_s": decode_and_encode()}
    with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as folder:
        found |= whole(Path(folder))
        gc.collect()  # its producer, too, which would go on asking for the broker
    for name, value in found.items():
        print(f"  {name}: {value:,.2f}", flush=True)
    return found


def fleet_until_now() -> Fleet:
    """50,000 series whose last tick is a minute ago."""
    last_ms = (int(time.time()) - 60) // 15 * 15_000
    return Fleet(HOSTS, CPUS, last_ms - (WARM_TICKS + TICKS - 1) * 15_000)


def decode_and_encode() -> float:
    """Samples a second of one thread, without Kafka."""
    fleet = fleet_until_now()
    records = [(value, at_ms) for _, value, at_ms, _ in native(fleet, range(WARM_TICKS + TICKS))]
    table, decoder = SeriesTable("default", Recogniser()), decoder_for("native")
    batcher = TenantBatcher(table, PARTITIONS, IngestSettings().batch_samples)
    begin, warm = 0.0, fleet.series * WARM_TICKS
    for at in range(0, len(records), CHUNK):
        if at == warm:
            begin = time.perf_counter()
        values, times = zip(*records[at : at + CHUNK], strict=True)
        batcher.add(decoder.decode(values, times, table))
        if batcher.waiting >= PARTITIONS * batcher.batch_samples:
            for _ in batcher.take(()):
                pass
    for _ in batcher.take(()):
        pass
    return (len(records) - warm) / (time.perf_counter() - begin)


def whole(folder: Path) -> dict[str, float]:
    """From topic to topic."""
    fleet, telemetry, stop = fleet_until_now(), Telemetry("ingest"), threading.Event()
    used_s: list[float] = []
    with EmbeddedBroker(log_path=folder / "broker.log") as broker:
        kafka = broker.settings.model_copy(update={"partitions": PARTITIONS})
        create_topics(kafka, sources=["raw"])
        count = produce(kafka.bootstrap, "raw", native(fleet, range(WARM_TICKS + TICKS)))
        gateway = Gateway(IngestSettings(sources=[SourceSettings(topic="raw", format="native")]), kafka, telemetry)

        def work() -> None:
            gateway.run(stop)
            used_s.append(time.thread_time())

        thread = threading.Thread(target=work)
        thread.start()
        try:
            warm = _await(telemetry, fleet.series * WARM_TICKS)
            begin = time.perf_counter()
            _await(telemetry, count)
            seconds = _last_delivery_s(telemetry) - begin
        finally:
            stop.set()
            thread.join()
        sent = _count(telemetry, "metrics_ai_outputs_total", topic=SAMPLES.name)
    return {
        "gateway_samples_per_s": (count - warm) / seconds,
        "gateway_thread_us_per_sample": used_s[0] / count * 1e6,
        "gateway_samples_per_batch": count / sent,
    }


def _await(telemetry: Telemetry, count: float) -> float:
    deadline = time.monotonic() + LIMIT_S
    while (taken := _count(telemetry, "metrics_ai_samples_total")) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"{taken:,.0f} of {count:,.0f} samples after {LIMIT_S:g} s")
        time.sleep(0.01)
    return taken


def _last_delivery_s(telemetry: Telemetry) -> float:
    """When the last batch was delivered: the moment after which no more are, for a while."""
    last_s, delivered = time.perf_counter(), -1.0
    while time.perf_counter() - last_s < SETTLED_S:
        now = _count(telemetry, "metrics_ai_outputs_total", topic=SAMPLES.name)
        if now != delivered:
            last_s, delivered = time.perf_counter(), now
        time.sleep(0.01)
    return last_s


def _count(telemetry: Telemetry, name: str, **labels: str) -> float:
    return telemetry.registry.get_sample_value(name, {"stage": "ingest", **labels}) or 0.0
