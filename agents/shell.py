"""The life of a stage's partitions in one worker: taken over, restored, checkpointed, handed on."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

from faust.types import TP

from agents.app import StageApp
from agents.checkpoints import FencedError, LostError, Manifest
from agents.log_reader import LogReader
from agents.outputs import OutputProducer
from agents.restore import Restorer, ShellSettings
from agents.stage import Stage
from agents.step import PartitionState, Step, StepTools
from agents.threads import in_thread
from integrations.telemetry import Telemetry
from schemas.errors import BrokerError, CheckpointError, MetricsAIError

LOG = logging.getLogger(__name__)
# A checkpoint that fails this often in a row ends the worker: its state is then read back by the next.
FAILURES_IN_A_ROW: Final = 3
# An orderly handover saves what it can in this time; the rest is replayed.
HANDOVER_S: Final = 5.0
_COMMIT_EVERY_S: Final = 1.0


class Shell:
    """Hosts the operators of the partitions that this worker is given.

    Parameters
    ----------
    stage
        What to host.
    settings
        The world.
    app
        The member of the stage's group.
    telemetry
        Metrics and health.
    """

    def __init__(self, stage: Stage, settings: ShellSettings, app: StageApp, telemetry: Telemetry) -> None:
        self.stage = stage
        self.app = app
        self.telemetry = telemetry
        self.together = stage.precious and settings.transactions
        self.producer = OutputProducer(settings.kafka, idempotent=settings.transactions)
        self.failed: asyncio.Future[MetricsAIError] = asyncio.get_running_loop().create_future()
        self.restored = False
        self.before_handing_on: Callable[[], Awaitable[None]] | None = None
        self._settings = settings
        self.reader = LogReader(settings.kafka, committed=settings.transactions)
        tools = StepTools(
            settings.kafka, telemetry, self.producer, self.reader, self.together, self._relieve, self.fail
        )
        self.step = Step(stage, tools)
        self._restorer = Restorer(stage, settings, self.reader, self.step.report_gap)
        self._interval_s = settings.checkpoint.interval(settings.transactions)
        self._generation = 0
        self._taking_over = asyncio.Lock()
        self._keepers: set[asyncio.Task[None]] = set()
        self._committed_at_s: dict[int, float] = {}
        telemetry.set_ready(stage.name, ready=False)
        app.on_rebalance_complete.connect(self._on_assigned, weak=False)
        app.on_partitions_revoked.connect(self._on_revoked, weak=False)

    @property
    def partitions(self) -> dict[int, PartitionState]:
        """What is ours now."""
        return self.step.partitions

    @property
    def session_s(self) -> float:
        """After which silence the group gives the partitions to others."""
        return self._settings.kafka.session_s

    def name_on_broker(self, topic_name: str) -> str:
        """A catalogue name with the prefix."""
        return self._settings.kafka.topic_prefix + topic_name

    def fail(self, error: BaseException) -> None:
        """End the worker: what it holds can no longer be trusted, and lies safe on the broker."""
        if not self.failed.done():
            LOG.error("the worker must end", extra={"stage": self.stage.name, "error": repr(error)})
            if not isinstance(error, MetricsAIError):
                error = CheckpointError(f"{self.stage.name} failed: {error!r}")
            self.failed.set_result(error)

    # Taking over

    async def _on_assigned(self, *_: Any, **__: Any) -> None:
        """Restore; Faust waits for this before it seeks and resumes."""
        self._generation += 1
        generation = self._generation
        started = time.monotonic()
        try:
            numbers = self._assigned()
            async with self._taking_over:
                states = await self._restorer.take_over(numbers, lambda: generation == self._generation)
                for state in states:
                    await self.step.take_first(state)
            if generation != self._generation:
                await asyncio.gather(*(in_thread(state.writer.close) for state in states))
                return
            self.partitions.update({state.number: state for state in states})
            await self._commit(states)
        except MetricsAIError as error:
            self.fail(error)
            return
        if generation != self._generation:  # handed on meanwhile
            return
        for state in states:
            self._keep(state)
        self.restored = True
        LOG.info(
            "partitions restored",
            extra={"stage": self.stage.name, "partitions": numbers, "seconds": round(time.monotonic() - started, 3)},
        )

    def _assigned(self) -> list[int]:
        """Partition numbers that are ours, the same of every input."""
        assignment = self.app.consumer.assignment()
        by_topic = {
            topic.name: sorted(tp.partition for tp in assignment if tp.topic == self._settings.kafka.topic(topic))
            for topic in self.stage.inputs
        }
        numbers = by_topic[self.stage.source.name]
        if any(other != numbers for other in by_topic.values()):
            raise BrokerError(
                f"{self.stage.name} was given different partitions of its topics: {by_topic}",
                "Give all topics the same number of partitions: metrics-ai topics check",
            )
        return numbers

    # Checkpoints

    def _keep(self, part: PartitionState) -> None:
        task = asyncio.create_task(self._checkpoint_for_ever(part), name=f"{self.stage.name}-checkpoints-{part.number}")
        self._keepers.add(task)
        task.add_done_callback(self._keeper_ended)

    def _keeper_ended(self, task: asyncio.Task[None]) -> None:
        self._keepers.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    async def _checkpoint_for_ever(self, part: PartitionState) -> None:
        failures = 0
        # Partitions take turns: their first checkpoints are spread over one interval.
        part.saved_at_s -= self._interval_s * part.number / max(part.number + 1, self._settings.kafka.partitions)
        while not await part.is_gone_within(self._wait_s(part)):
            if not self._is_due(part):
                continue
            try:
                await self.checkpoint(part)
                failures = 0
            except CheckpointError as error:
                failures += 1
                LOG.warning("a checkpoint failed", extra={"partition": part.number, "error": str(error)})
                if failures >= FAILURES_IN_A_ROW:
                    self.fail(error)
                    return

    def _wait_s(self, part: PartitionState) -> float:
        if self.together:
            return self._settings.checkpoint.outputs_interval_s
        return max(0.05, self._due_at_s(part) - time.monotonic())

    def _due_at_s(self, part: PartitionState) -> float:
        return part.saved_at_s + self._settings.checkpoint.due_after_s(self._interval_s, part.cost_s)

    def _is_due(self, part: PartitionState) -> bool:
        return bool(self.together and part.waiting) or time.monotonic() >= self._due_at_s(part)

    async def checkpoint(self, part: PartitionState, even_if_unchanged: bool = False) -> None:
        """Write what changed in a partition since its last checkpoint; one at a time for each partition.

        Parameters
        ----------
        part
            The partition.
        even_if_unchanged
            Whether to write a manifest alone where nothing changed: the broker takes none of who is no longer the
            owner.

        Raises
        ------
        CheckpointError
            If nothing of it counts; what it held comes again with the next.
        """
        async with part.saving:
            if not self._is_ours(part):
                return
            if not (even_if_unchanged or _has_changed(part)):
                part.saved_at_s = time.monotonic()
                return
            started = time.monotonic()
            try:
                await self._save(part)
            except FencedError as error:
                self._fall_silent(part, error)
                return
            except LostError as error:
                self._fail_of(part, error)
                raise
            finally:
                part.saved_at_s = time.monotonic()
                part.cost_s = part.saved_at_s - started
        await self._commit_sometimes(part)

    async def _relieve(self, part: PartitionState) -> None:
        try:
            await self.checkpoint(part)
        except CheckpointError as error:
            LOG.warning("a checkpoint failed", extra={"partition": part.number, "error": str(error)})

    async def _save(self, part: PartitionState) -> None:
        # The cut: all of this is copied before the first await, so that steps go on meanwhile.
        started = time.monotonic()
        positions = dict(part.positions)
        part.pending_blocks |= dict(part.operator.take_blocks())
        if self.together:
            part.pending_outputs += part.waiting
            part.waiting.clear()
        blocks, outputs = part.pending_blocks, part.pending_outputs
        # Steps between here and the end change what the next checkpoint takes, never what this one writes.
        if not self.together:
            await self._delivered(part)
        part.checkpoints += 1
        manifest = Manifest(number=part.checkpoints, offsets=positions, blocks=len(blocks))
        await in_thread(part.writer.write, outputs, blocks, manifest)
        part.pending_blocks, part.pending_outputs = {}, []
        part.saved = positions
        self._count(part, sum(len(block or b"") for block in blocks.values()), started)

    async def _delivered(self, part: PartitionState) -> None:
        """Wait until the broker has every output of the steps so far."""
        await self.step.send_waiting(part)
        for failure in await asyncio.gather(*part.flying, return_exceptions=True):
            if isinstance(failure, BaseException):
                error = CheckpointError(f"an output of {self.stage.name} was not taken: {failure}")
                self._fail_of(part, error)
                raise error

    def _is_ours(self, part: PartitionState) -> bool:
        """Whether it was not handed on; a save that was late then may go on, and the partition be ours anew."""
        return self.partitions.get(part.number) is part

    def _fail_of(self, part: PartitionState, error: CheckpointError) -> None:
        """End the worker, unless the partition was handed on: who has it now has read what counts."""
        if self._is_ours(part):
            self.fail(error)

    def _count(self, part: PartitionState, size_bytes: int, started_s: float) -> None:
        name = self.stage.name
        self.telemetry.checkpoint_bytes.labels(name).inc(size_bytes)
        self.telemetry.checkpoint_seconds.labels(name).observe(time.monotonic() - started_s)
        self.telemetry.checkpoint_time.labels(name, str(part.number)).set_to_current_time()

    def _fall_silent(self, part: PartitionState, error: FencedError) -> None:
        """A newer owner exists. The group will say so; until then nothing more is written for the partition."""
        # The thread that saved may hold the error a moment longer, whose frames hold the partition's state.
        error.__traceback__ = None
        LOG.warning("fenced", extra={"stage": self.stage.name, "partition": part.number, "error": str(error)})
        self.telemetry.fenced.labels(self.stage.name).inc()
        if not self._is_ours(part):  # handed on while it was saved; the newer owner may be this very worker
            return
        self._forget(part)
        generation = self._generation
        # The newer owner may itself be a zombie that died since: then no rebalance comes, and the partition lies idle.
        grace_s = 2 * self._settings.kafka.session_s
        asyncio.get_running_loop().call_later(grace_s, self._fail_if_still, generation, error)

    def _forget(self, part: PartitionState) -> None:
        """Let go of a partition's state: whoever waits for its next checkpoint holds it no longer."""
        del self.partitions[part.number]
        part.gone.set()

    def _fail_if_still(self, generation: int, error: FencedError) -> None:
        if generation == self._generation:
            self.fail(error)

    async def _commit_sometimes(self, part: PartitionState) -> None:
        now = time.monotonic()
        if now - self._committed_at_s.get(part.number, 0.0) < _COMMIT_EVERY_S:
            return
        self._committed_at_s[part.number] = now
        if self._is_ours(part):
            await self._commit([part])

    async def _commit(self, parts: list[PartitionState]) -> None:
        await self.app.commit_positions(
            {
                TP(self.name_on_broker(name), part.number): offset
                for part in parts
                for name, offset in part.saved.items()
            }
        )

    # Handing on

    async def _on_revoked(self, *_: Any, **__: Any) -> None:
        """Let checkpoints end, make a last one, and forget; awaited before the worker joins again."""
        self._generation += 1
        self.restored = False
        self.telemetry.set_ready(self.stage.name, ready=False)
        async with self._taking_over:  # a writer started late would fence the next owner
            await self._hand_on()

    async def _hand_on(self) -> None:
        """A last checkpoint of everything, in bounded time: who comes next shuts out a writer that is late."""
        if self.before_handing_on is not None:
            await self.before_handing_on()
        tasks = [asyncio.ensure_future(self._let_go(part)) for part in self.partitions.values()]
        try:
            if tasks:
                await asyncio.wait(tasks, timeout=HANDOVER_S)
        finally:
            for part in list(self.partitions.values()):
                self._forget(part)
        if late := sum(not task.done() for task in tasks):
            LOG.warning("partitions are handed on while they are saved", extra={"partitions": late})

    async def _let_go(self, part: PartitionState) -> None:
        try:
            if part.cost_s > HANDOVER_S:
                async with part.saving:  # one that is under way
                    pass
            else:
                await self.checkpoint(part)
        except Exception as error:  # noqa: BLE001  # what was not saved is replayed
            LOG.warning("no checkpoint at the handover", extra={"partition": part.number, "error": repr(error)})
        finally:
            await in_thread(part.writer.close)

    async def drain(self) -> None:
        """Take no more, save everything, and let go of the partitions."""
        self._generation += 1
        self.step.stopped = True
        self.telemetry.set_ready(self.stage.name, ready=False)
        async with self._taking_over:
            await self._hand_on()


def _has_changed(part: PartitionState) -> bool:
    return part.positions != part.saved or bool(part.pending_blocks or part.pending_outputs)
