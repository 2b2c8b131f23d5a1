"""From a sample's production to its anomaly on the topic, at a quarter and at half of what the pipeline carries.

A fleet has ticked for a while; then every series ticks as often as the load says, in wall-clock time, and every second
some series leave their level. A consumer on ``metrics.anomalies`` takes the time of each start of an anomaly; the
sample that made it carries, as its event time, the moment at which it was produced. How many samples a deviation takes
to be believed is detection's question, not this one's.
"""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from confluent_kafka import Consumer

from benchmarks import broker
from benchmarks.messages import Fleet, flushed, native, native_head, produce, producer, send
from benchmarks.pipeline import await_samples
from benchmarks.workers import Workers, working
from schemas.events import Anomaly
from schemas.topics import ANOMALIES

HOSTS, CPUS = 1000, 5
HISTORY_TICKS = 40
SECONDS = 25
LEAVING_A_SECOND = 10
STEP = 60.0
_SLICE_S = 0.05


def measure(raw_samples_per_s: float) -> dict[str, float]:
    """Both loads, as shares of the given rate."""
    found: dict[str, float] = {}
    for name, share in (("quarter", 0.25), ("half", 0.5)):
        with tempfile.TemporaryDirectory(prefix="metrics-ai-bench-") as folder:
            load = share * raw_samples_per_s
            latencies = at_load(load, Path(folder))
        p50, p99 = np.percentile(latencies, [50, 99])
        found |= {
            f"latency_p50_ms_{name}_load": round(float(p50), 1),
            f"latency_p99_ms_{name}_load": round(float(p99), 1),
            f"latency_{name}_load_samples_per_s": round(load),
            f"latency_{name}_load_anomalies": len(latencies),
        }
        print(f"  {name} load, {load:,.0f}/s: p50 {p50:.0f} ms, p99 {p99:.0f} ms of {len(latencies)}", flush=True)
    return found


def at_load(samples_per_s: float, folder: Path) -> list[float]:
    """Milliseconds of every anomaly that began under the load."""
    start_ms = int(time.time() * 1000) - HISTORY_TICKS * 15_000
    fleet = Fleet(HOSTS, CPUS, start_ms)
    with contextlib.ExitStack() as stack:
        running = stack.enter_context(broker.running(folder))
        workers = Workers(running, folder, {"raw": "native"})
        stack.enter_context(working(workers, ["ingest", "detect"]))
        produce(running.bootstrap, "raw", native(fleet, range(HISTORY_TICKS)))
        await_samples(workers, fleet.series * HISTORY_TICKS)
        watch = stack.enter_context(Watch.on(running.bootstrap, workers.kafka.topic(ANOMALIES)))
        pace(running.bootstrap, fleet, samples_per_s)
        time.sleep(5)
    return watch.latencies_ms


def pace(bootstrap: str, fleet: Fleet, samples_per_s: float) -> None:
    """Send the fleet's series in turn, at a rate, each sample stamped with the moment it is sent."""
    sender = producer(bootstrap, linger_ms=5)
    heads = [native_head(fleet, one) for one in range(fleet.series)]
    values = fleet.values(HISTORY_TICKS)
    draw = np.random.default_rng(11)
    begin, sent, left = time.monotonic(), 0, set[int]()
    while (elapsed := time.monotonic() - begin) < SECONDS:
        wanted = {
            int(one) for one in draw.integers(0, fleet.series, max(0, int(elapsed) * LEAVING_A_SECOND - len(left)))
        }
        left |= wanted
        values[list(wanted)] += STEP
        due = int(elapsed * samples_per_s)
        at_ms = int(time.time() * 1000)
        for number in range(sent, due):
            key, head = heads[number % fleet.series]
            value = values[number % fleet.series]
            send(sender, "raw", (key, f'{head}{value:.4f},"timestamp":{at_ms}}}'.encode(), at_ms, -1))
        sender.poll(0)
        sent = due
        time.sleep(max(0.0, _SLICE_S - (time.monotonic() - begin - elapsed)))
    flushed(sender)


@dataclass
class Watch:
    """A consumer that notes when each anomaly's start reached it."""

    latencies_ms: list[float] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    @classmethod
    @contextlib.contextmanager
    def on(cls, bootstrap: str, topic: str) -> Iterator[Watch]:
        """Watch a topic from its end."""
        watch = cls()
        consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "bench-latency",
                "auto.offset.reset": "latest",
                "fetch.wait.max.ms": 10,
            }
        )
        consumer.subscribe([topic])
        until = time.monotonic() + 20
        while not consumer.assignment() and time.monotonic() < until:
            consumer.poll(0.2)
        time.sleep(2)
        thread = threading.Thread(target=watch._listen, args=(consumer, int(time.time() * 1000)))
        thread.start()
        try:
            yield watch
        finally:
            watch._stop.set()
            thread.join()

    def _listen(self, consumer: Consumer, since_ms: int) -> None:
        while not self._stop.is_set():
            for message in consumer.consume(100, 0.05):
                if message.error() is None:
                    anomaly = Anomaly.from_bytes(message.value())
                    if anomaly.state == "start" and anomaly.at_ms >= since_ms:
                        self.latencies_ms.append(time.time() * 1000 - anomaly.at_ms)
        consumer.close()
