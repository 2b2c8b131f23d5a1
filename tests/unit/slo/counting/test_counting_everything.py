"""All kinds of objectives at once, definitions that change, series that come and go: a restart changes no record."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.events import Anomaly
from schemas.series import Series
from slo.announced import Announced
from slo.counting.hosted import HostedCounter
from slo.counting.settings import CountingSettings
from slo.definition import BucketIndicator, DerivedIndicator, RatioIndicator, Slo, Source, ThresholdIndicator
from tests.unit.slo.counting.feeding import START_MS, Partition, Sample, node
from tests.unit.slo.counting.test_counter import anomaly
from tests.unit.slo.feeding import make_slo

NODES = 30
SLOS = (
    make_slo("ratio", indicator=RatioIndicator(good=Source(metric="fine"), total=Source(metric="requests"))),
    make_slo("below", indicator=ThresholdIndicator(source=Source(metric="used"), op="lt", value=0.5)),
    make_slo(
        "minutes",
        method="Timeslices",
        slice_s=60,
        slice_target=0.9,
        indicator=ThresholdIndicator(source=Source(metric="", selector='{__name__=~"used|fine"}'), op="gt", value=0.1),
    ),
    make_slo("nodes", indicator=DerivedIndicator(source="node_health")),
    make_slo("links", indicator=DerivedIndicator(source="network_utilisation", op="lt", value=0.5)),
    make_slo("fast", indicator=BucketIndicator(histogram=Source(metric="latency"), le=0.3)),
)
KINDS = {"used": "gauge", "fine": "counter", "requests": "counter", "node_network_speed_bytes": "gauge"}
METRICS = (
    *KINDS,
    "node_network_receive_bytes_total",
    "node_network_transmit_bytes_total",
    "latency_bucket",
)
Step = Callable[["Life"], None]


@dataclass
class Life(Partition):
    """A partition that is made anew from its blocks now and then."""

    blocks: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(())
        self.counter = self.made()

    def made(self) -> HostedCounter:
        counter = HostedCounter(CountingSettings(), 0, 1)
        counter.know(self.series)
        return counter

    def restart(self) -> None:
        assert isinstance(self.counter, HostedCounter)
        for key, value in self.counter.take_blocks():
            if value is None:
                self.blocks.pop(key, None)
            else:
                self.blocks[key] = value
        counter = self.made()
        for key, block in self.blocks.items():
            counter.load_block(key, block)
        for series_id, slot in sorted(self.slots.items(), key=lambda one: one[1]):
            counter.watch(slot, self.known[series_id])
        counter.finish_load()
        self.counter = counter

    def forget(self, name: str) -> None:
        for series_id in [one for one in self.slots if self.known[one].labels["host"] == name]:
            self.counter.forget(self.slots[series_id])
            del self.slots[series_id]


def series(name: str, metric: str) -> list[Series]:
    kind = KINDS.get(metric, "counter")
    if metric == "latency_bucket":
        return [node(name, metric, kind, le=bound) for bound in ("0.3", "+Inf")]
    return [node(name, metric, kind)]


def feeding(rng: np.random.Generator, at_ms: int) -> Step:
    samples = []
    for number in rng.permutation(NODES)[: int(rng.integers(1, NODES))]:
        for metric in METRICS:
            for one in series(f"n{number}", metric):
                late_ms = int(rng.integers(0, 400_000)) if rng.random() < 0.1 else int(rng.integers(0, 15_000))
                value = round(float(rng.random()), 2) if KINDS.get(metric) == "gauge" else float(rng.integers(0, 10**6))
                samples.append(Sample(one, at_ms - late_ms, math.nan if rng.random() < 0.02 else value))
    rng.shuffle(samples)  # type: ignore[arg-type]
    return lambda life: life.feed(samples)


def defining(rng: np.random.Generator, at_ms: int) -> Step:
    slo: Slo = SLOS[int(rng.integers(len(SLOS)))]
    if rng.random() < 0.2:
        return lambda life: life.counter.apply(Announced(slo.key, None, at_ms + 5000))
    from_ms = at_ms + int(rng.integers(-60_000, 10_000))
    if slo.name == "below":
        indicator = slo.indicator.model_copy(update={"value": round(float(rng.random()), 1)})
        slo = slo.model_copy(update={"indicator": indicator})
    return lambda life: life.counter.apply(Announced(slo.key, slo, from_ms))


def falling_ill(rng: np.random.Generator, at_ms: int) -> Step:
    number = int(rng.integers(NODES))
    state = "start" if rng.random() < 0.6 else "end"
    found: Anomaly = anomaly(state, at_ms, id=f"a{number}", entity=f"node:n{number}")
    return lambda life: life.counter.nodes.absorb([found])


def ticking(rng: np.random.Generator, at_ms: int) -> Step:
    ahead_ms = int(rng.integers(0, 60_000))
    return lambda life: life.tick(at_ms + ahead_ms)


def leaving(rng: np.random.Generator, at_ms: int) -> Step:
    del at_ms
    name = f"n{rng.integers(NODES)}"
    return lambda life: life.forget(name)


def steps_of(seed: int, count: int = 40) -> list[Step]:
    rng = np.random.default_rng(seed)
    kinds = (feeding, feeding, feeding, feeding, ticking, falling_ill, defining, leaving)
    found: list[Step] = []
    at_ms = START_MS
    for _ in range(count):
        at_ms += int(rng.integers(1000, 20_000))
        found.append(kinds[int(rng.integers(len(kinds)))](rng, at_ms))
    return found


def lived(seed: int, restarts: set[int]) -> Life:
    life = Life()
    for slo in SLOS:
        life.counter.apply(Announced(slo.key, slo, 0))
    for number, step in enumerate(steps_of(seed)):
        if number in restarts:
            life.restart()
        step(life)
    life.tick(START_MS + 3_000_000)
    return life


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 100_000), restarts=st.sets(st.integers(0, 40), min_size=1, max_size=8))
def test_a_restart_changes_no_record(seed: int, restarts: set[int]) -> None:
    whole, broken = lived(seed, set()), lived(seed, restarts)
    for told, expected in zip(broken.records, whole.records, strict=True):
        assert told == expected
    assert broken.counter.counts == whole.counter.counts
