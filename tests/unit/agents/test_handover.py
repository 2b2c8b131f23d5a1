from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from agents.checkpoints import FencedError, LostError
from agents.shell import Shell
from agents.step import PartitionState
from agents.threads import in_thread
from schemas.errors import CheckpointError
from tests.unit.agents.shells import FakeWriter, HeldWriter, Numbers, World, take_step


def test_a_fenced_partition_falls_silent_and_the_worker_ends_if_nobody_takes_it() -> None:
    world = World(writer=FakeWriter([FencedError("newer owner")]))

    async def test(shell: Shell, part: PartitionState) -> None:
        take_step(part)
        await shell.checkpoint(part)
        assert shell.partitions == {}
        assert not shell.failed.done()
        assert "newer owner" in str(await asyncio.wait_for(shell.failed, 5))

    world.run(test)
    assert world.app.committed == []
    assert world.telemetry.registry.get_sample_value("metrics_ai_fenced_total", {"stage": "detect"}) == 1


@pytest.mark.parametrize("failure", [FencedError("newer owner"), LostError("no answer")], ids=["fenced", "lost"])
def test_a_save_that_was_left_behind_harms_neither_the_next_owner_nor_the_worker(failure: CheckpointError) -> None:
    writer = HeldWriter([failure])
    world = World(writer=writer)

    async def test(shell: Shell, part: PartitionState) -> None:
        take_step(part)
        saving = asyncio.create_task(shell.checkpoint(part))
        await in_thread(writer.begun.wait, 5)
        newer = PartitionState(0, Numbers(), FakeWriter(), {"metrics.samples": 10})
        shell.partitions[0] = newer  # the group gave it to this worker again
        writer.let_go.set()
        await asyncio.gather(saving, return_exceptions=True)
        assert shell.partitions == {0: newer}
        with pytest.raises(TimeoutError):  # longer than two sessions
            await asyncio.wait_for(asyncio.shield(shell.failed), 0.1)

    world.run(test)


def test_an_output_that_is_refused_after_the_handover_ends_nobody() -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        take_step(part, "output")
        saving = asyncio.create_task(shell.checkpoint(part))
        await asyncio.sleep(0)
        shell.partitions.clear()
        world.producer.delivered[0].set_exception(CheckpointError("refused"))
        with pytest.raises(CheckpointError, match="was not taken"):
            await saving
        assert not shell.failed.done()

    world.run(test)
    assert world.writer.written == []


@pytest.mark.parametrize("how", ["handed on", "fenced"])
def test_the_state_of_a_partition_that_is_gone_is_not_kept_until_its_next_checkpoint(how: str) -> None:
    world = World(writer=FakeWriter([FencedError("newer owner")] if how == "fenced" else []))

    async def test(shell: Shell, part: PartitionState) -> None:
        state = weakref.ref(part.operator)
        shell._keep(part)
        await asyncio.sleep(0)  # it waits for seconds now
        take_step(part)
        if how == "fenced":
            await shell.checkpoint(part)
        else:
            await shell._on_revoked()
        del part
        await asyncio.wait_for(asyncio.gather(*shell._keepers), 1)
        gc.collect()
        assert state() is None
        assert not shell.failed.done()

    world.run(test)


def test_a_save_under_way_ends_before_the_partition_is_handed_on() -> None:
    writer = HeldWriter()
    world = World(writer=writer)

    async def test(shell: Shell, part: PartitionState) -> None:
        part.saved_at_s = 0.0
        take_step(part)
        shell._keep(part)
        await in_thread(writer.begun.wait, 5)
        leaving = asyncio.create_task(shell._on_revoked())
        await asyncio.sleep(0)
        assert not writer.closed
        writer.let_go.set()
        await leaving
        assert writer.closed

    world.run(test)
    assert [manifest.offsets for _, _, manifest in writer.written] == [{"metrics.samples": 11}]


def test_draining_saves_what_changed_and_lets_go() -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        take_step(part)
        await shell.drain()
        assert shell.partitions == {}
        assert shell.step.stopped

    world.run(test)
    assert len(world.writer.written) == 1
    assert world.writer.closed


def test_a_partition_that_went_away_is_not_saved_again() -> None:
    world = World()

    async def test(shell: Shell, part: PartitionState) -> None:
        take_step(part)
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
        take_step(part, "output")  # which the broker never takes
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

        take_step(part)
        part.operator.take_blocks = broken  # type: ignore[method-assign]
        await shell._on_revoked()
        assert shell.partitions == {}

    world.run(test)
    assert world.writer.closed
