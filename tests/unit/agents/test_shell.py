from __future__ import annotations

import asyncio

import pytest

from agents.checkpoints import LostError
from agents.shell import Shell
from agents.step import PartitionState
from schemas.errors import CheckpointError
from tests.unit.agents.shells import FakeWriter, World, take_step


def test_a_checkpoint_holds_the_blocks_and_the_positions_that_made_them() -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        take_step(part)
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
        take_step(part, "output")
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
        take_step(part, "output")
        saving = asyncio.create_task(shell.checkpoint(part))
        await asyncio.sleep(0.05)
        take_step(part)
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
        take_step(part, "output")
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
        take_step(part, "one")
        take_step(part, "two")
        await shell.checkpoint(part)

    world.run(test)
    ((outputs, blocks, manifest),) = world.writer.written
    assert (outputs, blocks, manifest.offsets) == (["one", "two"], {"n/0": b"2"}, {"metrics.samples": 12})
    assert world.producer.delivered == []


def test_what_a_failed_checkpoint_held_comes_again_with_the_next() -> None:
    world = World(precious=True, writer=FakeWriter([CheckpointError("aborted")]))

    async def test(shell: Shell, part: PartitionState) -> None:
        take_step(part, "one")
        with pytest.raises(CheckpointError):
            await shell.checkpoint(part)
        take_step(part, "two")
        await shell.checkpoint(part)

    world.run(test)
    ((outputs, blocks, manifest),) = world.writer.written
    assert (outputs, blocks) == (["one", "two"], {"n/1": b"1", "n/0": b"2"})
    assert manifest.offsets == {"metrics.samples": 12}


def test_a_commit_without_an_answer_ends_the_worker() -> None:
    world = World(writer=FakeWriter([LostError("no answer")]))

    async def test(shell: Shell, part: PartitionState) -> None:
        take_step(part)
        with pytest.raises(LostError):
            await shell.checkpoint(part)
        assert "no answer" in str(shell.failed.result())

    world.run(test)
