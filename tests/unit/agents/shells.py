"""A shell among fakes: of its writer, its producer and the group that it is in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.checkpoints import CheckpointSettings, KeyedRecord, Manifest
from agents.outputs import SendableRecord
from agents.restore import ShellSettings
from agents.shell import Shell
from agents.stage import Stage
from agents.step import PartitionState
from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from schemas import topics
from schemas.errors import CheckpointError
from streams.operator import Operator, Output


class Signal:
    def connect(self, handler: Callable[..., Any], *, weak: bool) -> None: ...


@dataclass
class FakeApp:
    committed: list[Mapping[Any, int]] = field(default_factory=list)
    on_rebalance_complete: Signal = field(default_factory=Signal)
    on_partitions_revoked: Signal = field(default_factory=Signal)

    async def commit_positions(self, positions: Mapping[Any, int]) -> None:
        self.committed.append(dict(positions))


@dataclass
class Numbers:
    """A block that holds how many steps there were."""

    steps: int = 0
    dirty: bool = False

    def step(self, topic: str, value: bytes | None) -> list[Output]:
        self.steps, self.dirty = self.steps + 1, True
        return []

    def take_blocks(self) -> list[tuple[str, bytes]]:
        blocks = [(f"n/{self.steps % 2}", b"%d" % self.steps)] if self.dirty else []
        self.dirty = False
        return blocks

    inputs = (topics.SAMPLES,)

    def load_block(self, key: str, value: bytes) -> None: ...
    def finish_load(self) -> None: ...


Written = tuple[list[str], dict[str, bytes], Manifest]


@dataclass
class FakeWriter:
    """Keeps what is written; fails as it is told."""

    failures: list[CheckpointError] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    closed: bool = False

    def take_over(self) -> None: ...

    def write(self, outputs: Sequence[SendableRecord], blocks: Mapping[str, bytes], manifest: Manifest) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.written.append(([one.record.value.decode() for one in outputs], dict(blocks), manifest))

    def close(self) -> None:
        self.closed = True


@dataclass
class HeldWriter(FakeWriter):
    """Writes when the test lets it."""

    begun: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)

    def write(self, outputs: Sequence[SendableRecord], blocks: Mapping[str, bytes], manifest: Manifest) -> None:
        self.begun.set()
        assert self.let_go.wait(5)
        super().write(outputs, blocks, manifest)


@dataclass
class SlowProducer:
    """Takes records at once; the broker has them when the test says so."""

    delivered: list[asyncio.Future[None]] = field(default_factory=list)

    async def send(self, record: SendableRecord) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.delivered.append(future)
        return future


@dataclass
class World:
    precious: bool = False
    writer: FakeWriter = field(default_factory=FakeWriter)
    app: FakeApp = field(default_factory=FakeApp)
    telemetry: Telemetry = field(default_factory=lambda: Telemetry("test"))
    producer: SlowProducer = field(default_factory=SlowProducer)

    def make(self) -> tuple[Shell, PartitionState]:
        """Inside a running loop."""
        stage = Stage(
            "detect",
            (topics.SAMPLES,),
            topics.DETECT_TICKS,
            topics.DETECT_CHECKPOINTS,
            topics.SAMPLES_DLQ,
            _never,
            self.precious,
        )
        settings = ShellSettings(KafkaSettings(session_timeout_s=0.01), CheckpointSettings(), transactions=True)
        shell = Shell(stage, settings, self.app, self.telemetry)  # type: ignore[arg-type]
        shell.step._tools.producer = self.producer  # type: ignore[assignment]
        part = PartitionState(0, Numbers(), self.writer, {"metrics.samples": 10})
        shell.partitions[0] = part
        return shell, part

    def run(self, test: Callable[[Shell, PartitionState], Awaitable[None]]) -> None:
        async def inside() -> None:
            await test(*self.make())

        asyncio.run(inside())


def _never(partition: int) -> Operator:
    raise AssertionError(partition)


def take_step(part: PartitionState, output: str = "") -> None:
    part.operator.step("metrics.samples", b"")
    part.positions["metrics.samples"] += 1
    if output:
        part.waiting.append(SendableRecord("alerts", 0, KeyedRecord(b"k", output.encode()), 1))
