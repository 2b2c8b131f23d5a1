from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agents.detect import detect_stage
from agents.step import PartitionState
from agents.watch import Watch
from integrations.telemetry import HEARTBEAT_LIMIT_S, Telemetry
from streams.operator import Operator


@dataclass
class ManualClock:
    now_s: float = 1000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass
class FakeConsumer:
    ends: dict[tuple[str, int], int] = field(default_factory=dict)
    flow_active: bool = True

    def highwater(self, tp: Any) -> int | None:
        return self.ends.get((tp.topic, tp.partition))


@dataclass
class FakeApp:
    consumer: FakeConsumer = field(default_factory=FakeConsumer)
    rebalancing: bool = False


@dataclass
class Counting:
    series_count: int = 0
    counts: dict[str, int] = field(default_factory=dict)


@dataclass
class FakeStep:
    taken: int = 0


def _no_operator(partition: int) -> Operator:
    raise AssertionError(partition)


@dataclass
class FakeShell:
    """As much of a shell as is looked at."""

    clock: ManualClock = field(default_factory=ManualClock)
    app: FakeApp = field(default_factory=FakeApp)
    step: FakeStep = field(default_factory=FakeStep)
    partitions: dict[int, PartitionState] = field(default_factory=dict)
    restored: bool = True

    def __post_init__(self) -> None:
        self.stage = detect_stage(_no_operator, 10)
        self.telemetry = Telemetry("test", clock=self.clock)

    def name_on_broker(self, name: str) -> str:
        return name

    def own(self, number: int, operator: object) -> PartitionState:
        positions = {topic.name: 10 for topic in self.stage.inputs}
        part = PartitionState(number, operator, None, positions)  # type: ignore[arg-type]
        self.partitions[number] = part
        return part

    def watch(self) -> Watch:
        return Watch(self, self.clock)  # type: ignore[arg-type]

    def value(self, name: str, **labels: str) -> float | None:
        return self.telemetry.registry.get_sample_value(f"metrics_ai_{name}", {"stage": "detect", **labels})


def test_lag_is_told_in_offsets_and_in_the_age_of_what_was_read() -> None:
    shell = FakeShell()
    shell.app.consumer.ends["metrics.samples", 3] = 25
    shell.own(3, Counting()).read_ms["metrics.samples"] = 940_000
    shell.watch().look()
    labels = {"topic": "metrics.samples", "partition": "3"}
    assert shell.value("lag_offsets", **labels) == 15
    assert shell.value("lag_seconds", **labels) == 60


def test_a_partition_that_went_elsewhere_is_told_of_no_more() -> None:
    shell = FakeShell()
    watch = shell.watch()
    shell.own(3, Counting(series_count=7))
    watch.look()
    assert shell.value("series", partition="3") == 7
    shell.partitions.clear()
    watch.look()
    assert shell.value("series", partition="3") is None
    assert shell.value("lag_offsets", topic="metrics.samples", partition="3") is None


def test_what_an_operator_counts_is_told_once() -> None:
    shell = FakeShell()
    operator = Counting(counts={"accepted": 100, "too_late": 1})
    watch = shell.watch()
    shell.own(3, operator)
    operator.counts |= {"accepted": 150, "too_late": 3, "closed_buckets": 9, "in_maintenance": 4}
    watch.look()
    watch.look()
    assert shell.value("samples_total") == 50
    assert shell.value("skipped_total", source="metrics.samples", reason="too_late") == 2
    assert shell.value("skipped_total", source="metrics.samples", reason="closed_buckets") is None
    assert shell.value("noted_total", event="in_maintenance") == 4


def test_a_stage_with_records_to_read_that_takes_none_loses_its_heartbeat() -> None:
    shell = FakeShell()
    shell.app.consumer.ends["metrics.samples", 3] = 25
    shell.own(3, Counting())
    watch = shell.watch()
    watch.look()
    shell.clock.now_s += HEARTBEAT_LIMIT_S + 1
    watch.look()
    assert not shell.telemetry.is_healthy
    shell.step.taken += 1
    watch.look()
    assert shell.telemetry.is_healthy


def test_a_stage_is_ready_once_it_is_restored_and_reads() -> None:
    shell = FakeShell(restored=False)
    watch = shell.watch()
    watch.look()
    assert not shell.telemetry.is_ready
    shell.restored = True
    watch.look()
    assert shell.telemetry.is_ready
    shell.app.rebalancing = True
    watch.look()
    assert not shell.telemetry.is_ready
