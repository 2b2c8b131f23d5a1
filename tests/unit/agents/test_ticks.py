from __future__ import annotations

from dataclasses import dataclass, field

from agents.detect import detect_stage
from agents.outputs import OutputProducer
from agents.ticks import TickWriter
from integrations.kafka.connection import KafkaSettings
from schemas.events import Tick
from streams.operator import Operator


@dataclass
class ManualClock:
    now_s: float = 100.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class Standing:
    """A stage that stands where the test says."""

    end: int | None = 0
    position: int = 0
    partitions: list[int] = field(default_factory=lambda: [2])

    def ends(self, partition: int) -> dict[str, int] | None:
        return None if self.end is None else {"metrics.samples": self.end}

    def nexts(self, partition: int) -> dict[str, int]:
        return {"metrics.samples": self.position}

    def owned(self) -> list[int]:
        return self.partitions


def _no_operator(partition: int) -> Operator:
    raise AssertionError(partition)


def _writer(standing: Standing, clock: ManualClock) -> TickWriter:
    stage = detect_stage(_no_operator, tick_interval_s=10)
    return TickWriter(stage, "detect.ticks", OutputProducer(KafkaSettings(), False), standing, clock)


def _times(writer: TickWriter) -> list[int]:
    return [Tick.from_bytes(one.record.value).at_ms for one in writer.due()]


def test_a_tick_falls_on_whole_intervals_of_the_clock() -> None:
    clock = ManualClock(103.7)
    writer = _writer(Standing(), clock)
    assert _times(writer) == [100_000]
    clock.now_s = 109.9
    assert _times(writer) == []
    clock.now_s = 110.0
    assert _times(writer) == [110_000]


def test_a_tick_names_its_partition_and_goes_there() -> None:
    (record,) = _writer(Standing(partitions=[5]), ManualClock()).due()
    assert (record.topic, record.partition, record.timestamp_ms) == ("detect.ticks", 5, 100_000)
    assert Tick.from_bytes(record.record.value) == Tick(
        stage="detect", partition=5, at_ms=100_000, after={"metrics.samples": 0}
    )


def test_a_tick_waits_for_the_records_that_lay_there_at_its_moment() -> None:
    clock, standing = ManualClock(100.0), Standing(end=50, position=20)
    writer = _writer(standing, clock)
    assert _times(writer) == []
    standing.end, clock.now_s = 90, 104.0
    standing.position = 50
    assert _times(writer) == [100_000]


def test_moments_that_come_while_one_waits_are_left_out() -> None:
    clock, standing = ManualClock(100.0), Standing(end=50, position=20)
    writer = _writer(standing, clock)
    for now_s in (100.0, 110.0, 120.0):
        clock.now_s = now_s
        assert _times(writer) == []
    standing.position = 50
    assert _times(writer) == [100_000]
    clock.now_s = 130.0
    assert _times(writer) == [130_000]


def test_no_tick_before_the_broker_said_where_the_inputs_end() -> None:
    assert _times(_writer(Standing(end=None), ManualClock())) == []


def test_a_partition_that_went_away_gets_no_tick_that_waited_for_it() -> None:
    clock, standing = ManualClock(100.0), Standing(end=50, position=20)
    writer = _writer(standing, clock)
    assert _times(writer) == []
    standing.partitions = []
    assert _times(writer) == []
    standing.partitions, standing.position = [2], 50
    assert _times(writer) == []
