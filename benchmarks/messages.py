"""The messages of a run: deterministic series that tick, in any producer's format, put on a topic fast."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from confluent_kafka import Producer

INTERVAL_MS = 15_000


@dataclass(frozen=True, slots=True)
class Fleet:
    """Hosts with some CPUs each; every CPU is a series that ticks every 15 seconds.

    Parameters
    ----------
    hosts, cpus
        Their product is the number of series.
    start_ms
        Event time of the first tick.
    seed
        Of the values.
    """

    hosts: int
    cpus: int
    start_ms: int
    seed: int = 7

    @property
    def series(self) -> int:
        """How many series there are."""
        return self.hosts * self.cpus

    def key(self, series: int) -> str:
        """The key of a series' messages."""
        return f"h{series // self.cpus:05d}/{series % self.cpus}"

    def at_ms(self, tick: int) -> int:
        """Event time of a tick."""
        return self.start_ms + tick * INTERVAL_MS

    def values(self, tick: int) -> npt.NDArray[np.float64]:
        """One value a series: a level of its own, a slow wave, noise, and one in 5,000 far off; rounded to 1e-4."""
        draw = np.random.default_rng((self.seed, tick))
        level = 20 + 60 * np.random.default_rng(self.seed).random(self.series)
        wave = 3 * np.sin(tick / 40 + np.arange(self.series))
        spikes = (draw.random(self.series) < 1 / 5000) * 40.0
        return np.round(level + wave + draw.normal(0, 2, self.series) + spikes, 4)


def native_messages(fleet: Fleet, ticks: range) -> Iterator[tuple[bytes, bytes, int]]:
    """Key, value and time of native JSON, one sample a message, a tick after the other."""
    heads = [
        (
            fleet.key(one).encode(),
            f'{{"metric":"cpu_usage","labels":{{"host":"{fleet.key(one).split("/")[0]}","cpu":"{one % fleet.cpus}"}}'
            ',"value":',
        )
        for one in range(fleet.series)
    ]
    for tick in ticks:
        at_ms = fleet.at_ms(tick)
        tail = f',"timestamp":{at_ms}}}'
        for (key, head), value in zip(heads, fleet.values(tick).tolist(), strict=True):
            yield key, f"{head}{value!r}{tail}".encode(), at_ms


def produce(bootstrap: str, topic: str, messages: Iterator[tuple[bytes, bytes, int]]) -> int:
    """Put messages on a topic; how many there were."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "linger.ms": 50,
            "batch.size": 1_000_000,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 2_000_000,
            "partitioner": "murmur2_random",
        }
    )
    count = 0
    for key, value, at_ms in messages:
        while True:
            try:
                producer.produce(topic, value, key, timestamp=at_ms)
                break
            except BufferError:
                producer.poll(0.1)
        count += 1
        if count % 10_000 == 0:
            producer.poll(0)
    if (left := producer.flush(120)) > 0:
        raise RuntimeError(f"{left} messages were not delivered")
    return count
