from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from agents.checkpoints import CheckpointSettings, FencedError, KeyedRecord, LostError, Manifest
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


def _step(part: PartitionState, output: str = "") -> None:
    part.operator.step("metrics.samples", b"")
    part.positions["metrics.samples"] += 1
    if output:
        part.waiting.append(SendableRecord("alerts", 0, KeyedRecord(b"k", output.encode()), 1))


def test_a_checkpoint_holds_the_blocks_and_the_positions_that_made_them() -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        _step(part)
        await shell.checkpoint(part)

    world.run(test)
    ((_, blocks, manifest),) = world.writer.written
    assert (blocks, manifest.offsets, manifest.number) == ({"n/1": b"1"}, {"metrics.samples": 11}, 1)
    ((position,),) = [list(one.values()) for one in world.app.committed]
    assert position == 11


def test_nothing_is_written_where_nothing_changed() -> None:
    world = World()
    world.run(lambda shell, part: shell.checkpoint(part))
    assert world.writer.written == []


def test_no_checkpoint_before_the_broker_has_every_output() -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        _step(part, "output")
        saving = asyncio.create_task(shell.checkpoint(part))
        await asyncio.sleep(0.05)
        assert world.writer.written == []
        world.producer.delivered[0].set_result(None)
        await saving

    world.run(test)
    assert len(world.writer.written) == 1


def test_steps_that_go_on_during_a_checkpoint_belong_to_the_next() -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        _step(part, "output")
        saving = asyncio.create_task(shell.checkpoint(part))
        await asyncio.sleep(0.05)
        _step(part)
        world.producer.delivered[0].set_result(None)
        await saving
        await shell.checkpoint(part)

    world.run(test)
    assert [(blocks, one.offsets["metrics.samples"]) for _, blocks, one in world.writer.written] == [
        ({"n/1": b"1"}, 11),
        ({"n/0": b"2"}, 12),
    ]


def test_an_output_that_the_broker_refuses_ends_the_worker_without_a_checkpoint() -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        _step(part, "output")
        saving = asyncio.create_task(shell.checkpoint(part))
        await asyncio.sleep(0.05)
        world.producer.delivered[0].set_exception(CheckpointError("refused"))
        with pytest.raises(CheckpointError, match="was not taken"):
            await saving
        assert "was not taken" in str(shell.failed.result())

    world.run(test)
    assert world.writer.written == []


def test_precious_outputs_go_with_the_state_that_they_come_from() -> None:
    world = World(precious=True)

    async def test(shell: Shell, part: PartitionState) -> None:
        _step(part, "one")
        _step(part, "two")
        await shell.checkpoint(part)

    world.run(test)
    ((outputs, blocks, manifest),) = world.writer.written
    assert (outputs, blocks, manifest.offsets) == (["one", "two"], {"n/0": b"2"}, {"metrics.samples": 12})
    assert world.producer.delivered == []


def test_what_a_failed_checkpoint_held_comes_again_with_the_next() -> None:
    world = World(precious=True, writer=FakeWriter([CheckpointError("aborted")]))

    async def test(shell: Shell, part: PartitionState) -> None:
        _step(part, "one")
        with pytest.raises(CheckpointError):
            await shell.checkpoint(part)
        _step(part, "two")
        await shell.checkpoint(part)

    world.run(test)
    ((outputs, blocks, manifest),) = world.writer.written
    assert (outputs, blocks) == (["one", "two"], {"n/1": b"1", "n/0": b"2"})
    assert manifest.offsets == {"metrics.samples": 12}


def test_a_fenced_partition_falls_silent_and_the_worker_ends_if_nobody_takes_it() -> None:
    world = World(writer=FakeWriter([FencedError("newer owner")]))

    async def test(shell: Shell, part: PartitionState) -> None:
        _step(part)
        await shell.checkpoint(part)
        assert shell.partitions == {}
        assert not shell.failed.done()
        assert "newer owner" in str(await asyncio.wait_for(shell.failed, 5))

    world.run(test)
    assert world.app.committed == []
    assert world.telemetry.registry.get_sample_value("metrics_ai_fenced_total", {"stage": "detect"}) == 1


def test_a_commit_without_an_answer_ends_the_worker() -> None:
    world = World(writer=FakeWriter([LostError("no answer")]))

    async def test(shell: Shell, part: PartitionState) -> None:
        _step(part)
        with pytest.raises(LostError):
            await shell.checkpoint(part)
        assert "no answer" in str(shell.failed.result())

    world.run(test)


def test_draining_saves_what_changed_and_lets_go() -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        _step(part)
        await shell.drain()
        assert shell.partitions == {}
        assert shell.step.stopped

    world.run(test)
    assert len(world.writer.written) == 1
    assert world.writer.closed


def test_a_partition_that_went_away_is_not_saved_again() -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        _step(part)
        shell.partitions.clear()
        await shell.checkpoint(part)

    world.run(test)
    assert world.writer.written == []


def test_what_is_handed_on_while_its_positions_are_told_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        async def take_over(_numbers: list[int], _wanted: Callable[[], bool]) -> list[PartitionState]:
            return [part]

        async def commit(_positions: Mapping[Any, int]) -> None:
            await shell._on_revoked()

        shell.partitions.clear()
        monkeypatch.setattr(shell, "_assigned", lambda: [0])
        monkeypatch.setattr(shell._restorer, "take_over", take_over)
        monkeypatch.setattr(world.app, "commit_positions", commit)
        await shell._on_assigned()
        assert not shell.restored
        assert not shell._keepers
        assert not shell.failed.done()

    world.run(test)
    assert world.writer.closed


def test_a_handover_does_not_wait_for_a_broker_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agents.shell.HANDOVER_S", 0.2)
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        _step(part, "output")  # which the broker never takes
        started = asyncio.get_running_loop().time()
        await shell._on_revoked()
        assert asyncio.get_running_loop().time() - started < 2.0
        assert shell.partitions == {}

    world.run(test)
    assert world.writer.written == []


def test_a_bug_in_a_last_checkpoint_lets_the_partition_go_all_the_same() -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        def broken() -> list[tuple[str, bytes]]:
            raise KeyError("a bug")

        _step(part)
        part.operator.take_blocks = broken  # type: ignore[method-assign]
        await shell._on_revoked()
        assert shell.partitions == {}

    world.run(test)
    assert world.writer.closed
