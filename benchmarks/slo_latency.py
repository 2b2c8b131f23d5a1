"""From the end of a slice to the status that holds it: samples on the broker, real detect and burn workers.

Every series is told every ten seconds of wall-clock time, spread over the ten seconds, by its own time, as collectors
do; 100 objectives lie over 2,000 series on four partitions. A consumer on ``slo.status`` takes the wall-clock time at
which each status reached the broker, and sets it against the end of the slice that it is told after. So what is
measured is the grace for samples that are late, detect, burn, and how long burn's transactions take.

``python -m benchmarks.slo_latency`` prints JSON.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Final

import numpy as np
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks import broker
from benchmarks.workers import PARTITIONS, Workers, working
from integrations.kafka.connection import KafkaSettings
from schemas.batch import SampleBatch, encode_batch
from schemas.ids import partition_of
from schemas.series import Series
from schemas.topics import SAMPLES, SLO_STATUS
from slo.definition import RatioIndicator, RollingWindow, Slo, Source, ThresholdIndicator
from slo.export import to_openslo

HOSTS: Final = 500
OBJECTIVES: Final = 100
EVERY_S: Final = 10.0
WARM_S: Final = 30.0
SECONDS: Final = 60.0
_TURN_S: Final = 0.1
_METRICS: Final = (("requests", "counter"), ("errors", "counter"), ("used", "gauge"), ("load", "gauge"))

Numbers = dict[str, float | int | str]


def objectives() -> Iterator[Slo]:
    """Half of them ratios of counters, half thresholds; each over a tenth of the hosts."""
    for number in range(OBJECTIVES):
        where = f'{{host=~"h.*{number % 10}"}}'
        errors, requests = (Source(metric=one, selector=where) for one in ("errors", "requests"))
        used = ThresholdIndicator(source=Source(metric="used", selector=where), op="lt", value=0.9)
        yield Slo(
            name=f"slo-{number}",
            service="bench",
            method="Occurrences",
            indicator=RatioIndicator(bad=errors, total=requests) if number % 2 else used,
            target=0.999,
            window=RollingWindow(duration_s=30 * 86_400),
        )


class Fleet:
    """Hosts, each telling all its series at its own moment of every ten seconds."""

    def __init__(self) -> None:
        self.hosts = [
            [Series("default", name, {"host": f"h{at}"}, {"node": f"h{at}"}, kind) for name, kind in _METRICS]
            for at in range(HOSTS)
        ]
        self.partitions = [partition_of(f"default/{one[0].entity}", PARTITIONS) for one in self.hosts]
        self.told = 0

    def due(self, elapsed_s: float, begin_ms: int) -> Iterator[tuple[int, bytes]]:
        """Batches of the hosts whose moment came, by partition."""
        until = int(elapsed_s / EVERY_S * HOSTS)
        batches: dict[int, list[int]] = {}
        for number in range(self.told, until):
            batches.setdefault(self.partitions[number % HOSTS], []).append(number)
        self.told = until
        for partition, numbers in batches.items():
            yield partition, encode_batch(self._batch(numbers, begin_ms))

    def _batch(self, numbers: list[int], begin_ms: int) -> SampleBatch:
        series = [one for number in numbers for one in self.hosts[number % HOSTS]]
        turns = np.repeat(np.array(numbers), len(_METRICS))
        times_ms = begin_ms + (turns * (EVERY_S * 1000 / HOSTS)).astype(np.int64)
        grown = np.tile([50.0, 0.0, 0.0, 0.0], len(numbers)) * (turns // HOSTS)
        values = np.tile([0.0, 0.0, 0.5, 0.5], len(numbers)) + grown
        ids = np.array([one.id for one in series], np.uint64)
        texts = [one.text for one in series]
        return SampleBatch("default", ids, texts, np.arange(len(series), dtype=np.int32), times_ms, values)


def define(folder: Path) -> None:
    """Files of the objectives, which a worker of the role burn tells all partitions."""
    folder.mkdir()
    for slo in objectives():
        (folder / f"{slo.name}.yaml").write_text(to_openslo(slo))


def pace(kafka: KafkaSettings) -> None:
    """Send the fleet's samples at their moments."""
    producer, fleet = Producer(kafka.librdkafka(linger_ms=5)), Fleet()
    begin, begin_ms = time.monotonic(), int(time.time() * 1000)
    while (elapsed := time.monotonic() - begin) < WARM_S + SECONDS:
        for partition, value in fleet.due(elapsed, begin_ms):
            producer.produce(kafka.topic(SAMPLES), value, b"default", partition, timestamp=int(time.time() * 1000))
        producer.poll(0)
        time.sleep(max(0.0, _TURN_S - (time.monotonic() - begin - elapsed)))
    producer.flush(30)


def watch(kafka: KafkaSettings) -> Consumer:
    """A reader of committed statuses, at their beginning."""
    consumer = Consumer(
        kafka.librdkafka(group_id="bench-slo-latency", isolation_level="read_committed", fetch_wait_max_ms=10)
    )
    consumer.assign([TopicPartition(kafka.topic(SLO_STATUS), number, 0) for number in range(kafka.partitions)])
    return consumer


def listen(consumer: Consumer, until_s: float) -> list[tuple[int, float]]:
    """Ends of slices, and when their statuses could be read, milliseconds, until a monotonic time."""
    found: list[tuple[int, float]] = []
    while time.monotonic() < until_s:
        statuses = [one.value() for one in consumer.consume(500, 0.05) if one.error() is None and one.value()]
        came_ms = time.time() * 1000
        found += [(json.loads(one)["at_ms"], came_ms) for one in statuses]
    consumer.close()
    return found


def measure() -> Numbers:
    """Delays of all statuses after the first half minute."""
    with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        running = stack.enter_context(broker.running(folder))
        define(folder / "slos")
        workers = Workers(running, folder, {}, {"slo": {"shipped": False, "folder": str(folder / "slos")}})
        stack.enter_context(working(workers, ["detect", "burn"]))
        told = _listened(workers.kafka)
    begin_ms = min(at_ms for at_ms, _ in told) + WARM_S * 1000
    delays = [(came_ms - at_ms) / 1000 for at_ms, came_ms in told if at_ms >= begin_ms]
    slices = {at_ms for at_ms, _ in told if at_ms >= begin_ms}
    if len(delays) < len(slices) * OBJECTIVES or len(slices) < (SECONDS - 20) / 5:
        raise RuntimeError(f"{len(delays)} statuses of {len(slices)} slices: some are missing")
    p50, p95 = np.percentile(delays, [50, 95])
    print(f"  status latency: p50 {p50:.2f} s, p95 {p95:.2f} s, max {max(delays):.2f} s of {len(delays)}", flush=True)
    return {
        "slo_status_latency_p50_s": round(float(p50), 2),
        "slo_status_latency_p95_s": round(float(p95), 2),
        "slo_status_latency_max_s": round(max(delays), 2),
        "slo_status_latency_statuses": len(delays),
    }


def _listened(kafka: KafkaSettings) -> list[tuple[int, float]]:
    """Statuses while the samples are sent."""
    consumer = watch(kafka)
    sender = Thread(target=pace, args=(kafka,))
    sender.start()
    found = listen(consumer, time.monotonic() + WARM_S + SECONDS)
    sender.join()
    return found


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
