"""The messages of a run: deterministic series that tick, in any producer's format."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from confluent_kafka import Producer
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from integrations.formats import Decoded, Recogniser, SeriesTable
from integrations.gateway import IngestSettings
from integrations.gateway.batcher import TenantBatcher

INTERVAL_MS = 15_000
PERIOD_TICKS, EPISODE_TICKS = 48, 8
FIELDS = ("user", "system", "idle", "iowait", "irq", "softirq", "steal", "nice", "guest", "guest_nice")

Message = tuple[bytes, bytes, int, int]
"""Key, value, event time in ms, partition (-1: by the key)."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """Hosts with CPUs, each with ten values that tick together.

    Parameters
    ----------
    hosts
        A host has ``cpus * 10`` series.
    cpus
        CPUs a host.
    start_ms
        Event time of the first tick.
    interval_ms
        Between two ticks.
    seed
        Of the values.
    """

    hosts: int
    cpus: int
    start_ms: int
    interval_ms: int = INTERVAL_MS
    seed: int = 7

    @property
    def series(self) -> int:
        """How many series there are."""
        return self.hosts * self.cpus * len(FIELDS)

    def host(self, series: int) -> str:
        """The host of a series."""
        return f"h{series // (self.cpus * len(FIELDS)):05d}"

    def cpu(self, series: int) -> int:
        """The CPU of a series, within its host."""
        return series // len(FIELDS) % self.cpus

    def field(self, series: int) -> str:
        """What a series measures."""
        return FIELDS[series % len(FIELDS)]

    def key(self, series: int) -> str:
        """The key of a series' own messages."""
        return f"{self.host(series)}/{self.cpu(series)}/{self.field(series)}"

    def at_ms(self, tick: int) -> int:
        """Event time of a tick."""
        return self.start_ms + tick * self.interval_ms

    def values(self, tick: int) -> npt.NDArray[np.float64]:
        """One value a series: a level of its own, a slow wave, noise, and now and then an episode; rounded to 1e-4."""
        draw = np.random.default_rng((self.seed, tick))
        level = 20 + 60 * np.random.default_rng(self.seed).random(self.series)
        wave = 3 * np.sin(tick / 40 + np.arange(self.series))
        return np.round(level + wave + draw.normal(0, 2, self.series) + self.episodes(tick), 4)

    def episodes(self, tick: int) -> npt.NDArray[np.float64]:
        """In every 12 minutes one series in 50 leaves its level for two minutes, when windows have filled."""
        period, at = divmod(tick, PERIOD_TICKS)
        draw = np.random.default_rng((self.seed, 1, period))
        leaves = draw.random(self.series) < 1 / 50
        begin = draw.integers(PERIOD_TICKS // 3, PERIOD_TICKS - EPISODE_TICKS, self.series)
        height: npt.NDArray[np.float64] = 60.0 * (leaves & (begin <= at) & (at < begin + EPISODE_TICKS))
        return height


def native(fleet: Fleet, ticks: range) -> Iterator[Message]:
    """Native JSON, one sample a message, keyed by series, a tick after the other."""
    heads = [native_head(fleet, one) for one in range(fleet.series)]
    for tick in ticks:
        at_ms = fleet.at_ms(tick)
        tail = f',"timestamp":{at_ms}}}'
        for (key, head), value in zip(heads, fleet.values(tick).tolist(), strict=True):
            yield key, f"{head}{value!r}{tail}".encode(), at_ms, -1


def native_head(fleet: Fleet, series: int) -> tuple[bytes, str]:
    """Key and beginning of a series' messages, up to the value."""
    labels = f'{{"host":"{fleet.host(series)}","cpu":"{fleet.cpu(series)}"}}'
    return fleet.key(series).encode(), f'{{"metric":"cpu_{fleet.field(series)}","labels":{labels},"value":'


def telegraf(fleet: Fleet, ticks: range) -> Iterator[Message]:
    """Telegraf's JSON, a CPU's ten fields a message, keyed by host."""
    cpus = range(0, fleet.series, len(FIELDS))
    heads = [
        (fleet.host(one).encode(), f'"name":"cpu","tags":{{"cpu":"cpu{fleet.cpu(one)}","host":"{fleet.host(one)}"}}')
        for one in cpus
    ]
    for tick in ticks:
        at_ms = fleet.at_ms(tick)
        rows = fleet.values(tick).reshape(-1, len(FIELDS)).tolist()
        for (key, head), row in zip(heads, rows, strict=True):
            fields = ",".join(f'"{name}":{value!r}' for name, value in zip(FIELDS, row, strict=True))
            yield key, f'{{"fields":{{{fields}}},{head},"timestamp":{at_ms // 1000}}}'.encode(), at_ms, -1


def otlp(fleet: Fleet, ticks: range) -> Iterator[Message]:
    """OTLP protobuf, a host's series a message, as the collector's Kafka exporter sends them, keyed by host."""
    per_host = fleet.cpus * len(FIELDS)
    for tick in ticks:
        at_ms = fleet.at_ms(tick)
        rows = fleet.values(tick).reshape(-1, per_host)
        for number, row in enumerate(rows):
            host = fleet.host(number * per_host)
            yield host.encode(), _otlp_request(fleet, host, row, at_ms), at_ms, -1


def _otlp_request(fleet: Fleet, host: str, row: npt.NDArray[np.float64], at_ms: int) -> bytes:
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add()
    resource.resource.attributes.add(key="host.name").value.string_value = host
    scope = resource.scope_metrics.add()
    scope.scope.name = "hostmetrics"
    table = row.reshape(fleet.cpus, len(FIELDS))
    for position, name in enumerate(FIELDS):
        metric = scope.metrics.add(name=f"system.cpu.{name}", unit="1")
        for cpu in range(fleet.cpus):
            point = metric.gauge.data_points.add(
                time_unix_nano=at_ms * 1_000_000, as_double=float(table[cpu, position])
            )
            point.attributes.add(key="cpu").value.string_value = f"cpu{cpu}"
    data: bytes = request.SerializeToString()
    return data


def columnar(fleet: Fleet, ticks: range, partitions: int) -> Iterator[Message]:
    """What the gateway writes on ``metrics.samples``: its own batcher's cuts of samples that come host after host.

    The hosts spread over a tick's interval, as scrapes do.
    """
    settings, table = IngestSettings(), SeriesTable("default", Recogniser())
    numbers = range(fleet.series)
    dense = np.array(
        [
            table.intern(f"cpu_{fleet.field(one)}", {"host": fleet.host(one), "cpu": str(fleet.cpu(one))})
            for one in numbers
        ],
        np.int32,
    )
    after_ms = np.arange(fleet.series) // (fleet.cpus * len(FIELDS)) * fleet.interval_ms // fleet.hosts
    batcher = TenantBatcher(table, partitions, settings.batch_samples)
    for tick in ticks:
        values, times = fleet.values(tick), fleet.at_ms(tick) + after_ms
        for begin in range(0, fleet.series, settings.consume_records):
            cut = slice(begin, begin + settings.consume_records)
            rows = len(dense[cut])
            batcher.add(Decoded(dense[cut], times[cut], values[cut], np.arange(rows, dtype=np.int32)))
            if batcher.waiting >= settings.batch_samples * partitions:
                yield from _batches(batcher, tick, fleet.at_ms(tick))
    if batcher.waiting:
        yield from _batches(batcher, ticks[-1], fleet.at_ms(ticks[-1]))


def _batches(batcher: TenantBatcher, tick: int, at_ms: int) -> Iterator[Message]:
    for one in batcher.take((("bench", 0, tick, tick),)):
        assert one.data is not None
        yield one.tenant.encode(), one.data, at_ms, one.partition


FORMATS: dict[str, Callable[[Fleet, range], Iterator[Message]]] = {
    "native": native,
    "telegraf_json": telegraf,
    "otlp": otlp,
}


def producer(bootstrap: str, linger_ms: int = 50) -> Producer:
    """A producer that partitions as Java's does, and holds a lot."""
    return Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": linger_ms,
            "batch.size": 1_000_000,
            "message.max.bytes": 8_000_000,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 2_000_000,
            "queue.buffering.max.kbytes": 1_048_576,
            "partitioner": "murmur2_random",
        }
    )


def produce(bootstrap: str, topic: str, messages: Iterator[Message]) -> int:
    """Put messages on a topic; how many there were."""
    sender = producer(bootstrap)
    count = 0
    for message in messages:
        send(sender, topic, message)
        count += 1
        if count % 10_000 == 0:
            sender.poll(0)
    flushed(sender)
    return count


def send(sender: Producer, topic: str, message: Message) -> None:
    """Put one message on its way, waiting while the producer is full."""
    key, value, at_ms, partition = message
    while True:
        try:
            sender.produce(topic, value, key, partition, timestamp=at_ms)
            return
        except BufferError:
            sender.poll(0.05)


def flushed(sender: Producer) -> None:
    """Wait until everything is on the broker."""
    if (left := sender.flush(120)) > 0:
        raise RuntimeError(f"{left} messages were not delivered")
