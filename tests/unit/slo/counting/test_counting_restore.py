"""A counter that was put back from its blocks, at any moment, tells what one tells that never stopped."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from slo.announced import Announced
from slo.counting.hosted import HostedCounter
from slo.counting.settings import CountingSettings
from tests.unit.slo.counting.feeding import Partition, Sample, told_by
from tests.unit.slo.counting.test_counting_random import SLOS, reordered, streams


class Restarting(Partition):
    """A partition whose counter is made anew from its blocks now and then."""

    def __init__(self) -> None:
        super().__init__(())
        self.counter = HostedCounter(CountingSettings(), 0, 1)
        self.counter.know(self.series)
        self.blocks: dict[str, bytes] = {}
        self.define()

    def define(self) -> None:
        for slo in SLOS:
            self.counter.apply(Announced(slo.key, slo, 0))

    def save(self) -> None:
        assert isinstance(self.counter, HostedCounter)
        for key, value in self.counter.take_blocks():
            if value is None:
                self.blocks.pop(key, None)
            else:
                self.blocks[key] = value

    def restart(self) -> None:
        self.save()
        fresh = HostedCounter(CountingSettings(), 0, 1)
        fresh.know(self.series)
        for key, value in self.blocks.items():
            fresh.load_block(key, value)
        for series_id, slot in self.slots.items():
            fresh.watch(slot, self.known[series_id])
        fresh.finish_load()
        self.counter = fresh


def run(samples: list[Sample], step: int, saves: set[int], restarts: set[int]) -> Restarting:
    part = Restarting()
    for number, first in enumerate(range(0, len(samples), step)):
        if number in restarts:
            part.restart()
        elif number in saves:
            part.save()
        part.feed(samples[first : first + step])
    part.tick(max(one.at_ms for one in samples) + 120_000)
    return part


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    step=st.sampled_from([7, 40, 200]),
    saves=st.sets(st.integers(0, 100), max_size=60),
    restarts=st.sets(st.integers(0, 100), max_size=6),
)
def test_restarts_change_no_count(seed: int, step: int, saves: set[int], restarts: set[int]) -> None:
    samples = reordered(streams(seed), seed, 200_000)
    whole, broken = run(samples, step, set(), set()), run(samples, step, saves, restarts)
    assert told_by(broken.records) == told_by(whole.records)
    assert broken.records == whole.records
    assert broken.counter.counts == whole.counter.counts
