"""From a sample's production to its anomaly on the topic, at a quarter and at half of what the pipeline carries.

A fleet has ticked for a while; then every series ticks as often as the load says, in wall-clock time, and every second
some series leave their level. A consumer on ``metrics.anomalies`` takes the time of each start of an anomaly; the
sample that made it carries, as its event time, the moment at which it was produced. How many samples a deviation takes
to be believed is detection's question, not this one's.

The consumer listens until detect has counted every sample and every series that left has been heard of; one that is
missing fails the run, so that a pipeline that falls behind cannot look quick.
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
import numpy.typing as npt
from confluent_kafka import Consumer

from benchmarks import broker
from benchmarks.messages import Fleet, flushed, native, native_head, produce, producer, send
from benchmarks.ours import id_of
from benchmarks.pipeline import await_samples
from benchmarks.workers import Workers, working
from schemas.events import Anomaly
from schemas.topics import ANOMALIES

HOSTS, CPUS = 1000, 5
HISTORY_TICKS = 40
SECONDS = 25
# In the last seconds nobody leaves: each has time for samples enough to be believed.
LEAVING_S = 15
LEAVING_A_SECOND = 10
ARRIVAL_LIMIT_S = 30.0
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
        sent, left = pace(running.bootstrap, fleet, samples_per_s)
        await_samples(workers, fleet.series * HISTORY_TICKS + sent)
        watch.expect({series_text(fleet, one) for one in left})
    return watch.latencies_ms


def series_text(fleet: Fleet, series: int) -> str:
    """A series' id as anomalies carry it."""
    return f"{id_of(fleet, series):016x}"


def leavers(fleet: Fleet) -> npt.NDArray[np.int64]:
    """Series that had no episode yet, in the order in which they leave their level."""
    calm = np.flatnonzero(sum(fleet.episodes(tick) for tick in range(HISTORY_TICKS + 1)) == 0)
    return np.random.default_rng(11).permutation(calm)[: LEAVING_S * LEAVING_A_SECOND]


def pace(bootstrap: str, fleet: Fleet, samples_per_s: float) -> tuple[int, list[int]]:
    """Send the fleet's series in turn, at a rate, each sample stamped with the moment it is sent.

    Returns how many samples were sent, and the series that left their level.
    """
    sender = producer(bootstrap, linger_ms=5)
    heads = [native_head(fleet, one) for one in range(fleet.series)]
    values = fleet.values(HISTORY_TICKS)
    leaving = leavers(fleet)
    begin, sent, left = time.monotonic(), 0, 0
    while (elapsed := time.monotonic() - begin) < SECONDS:
        wanted = min(len(leaving), int(elapsed) * LEAVING_A_SECOND)
        values[leaving[left:wanted]] += STEP
        left = wanted
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
    return sent, leaving[:left].tolist()


@dataclass
class Watch:
    """A consumer that notes when each anomaly's start reached it, and whose it is."""

    latencies_ms: list[float] = field(default_factory=list)
    _heard_of: set[str] = field(default_factory=set)
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

    def expect(self, series: set[str]) -> None:
        """Wait until an anomaly of each of these series has begun.

        Raises
        ------
        RuntimeError
            If some do not come.
        """
        deadline = time.monotonic() + ARRIVAL_LIMIT_S
        while missing := series - self._heard_of:
            if time.monotonic() > deadline:
                raise RuntimeError(f"no anomaly of {len(missing)} of {len(series)} series that left their level")
            time.sleep(0.1)

    def _listen(self, consumer: Consumer, since_ms: int) -> None:
        while not self._stop.is_set():
            for message in consumer.consume(100, 0.05):
                if message.error() is None:
                    anomaly = Anomaly.from_bytes(message.value())
                    if anomaly.state == "start" and anomaly.at_ms >= since_ms:
                        self.latencies_ms.append(time.time() * 1000 - anomaly.at_ms)
                        self._heard_of.add(anomaly.series_id)
        consumer.close()
