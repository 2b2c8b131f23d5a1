"""From the checkpoint topic to operators: the writer first, which shuts out the earlier owner, then the state."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from agents.checkpoints import CheckpointSettings, Manifest, Restored, read_states
from agents.log_reader import LogEnds, LogReader
from agents.stage import Stage
from agents.step import PartitionState
from agents.threads import in_thread
from agents.writers import CheckpointTarget, CheckpointWriter, writer_for
from integrations.kafka.connection import KafkaSettings
from schemas.topics import Topic

LOG = logging.getLogger(__name__)

WriterFactory = Callable[[CheckpointTarget, CheckpointSettings, bool], CheckpointWriter]


@dataclass(frozen=True)
class ShellSettings:
    """The world of a shell.

    Parameters
    ----------
    kafka
        The broker, its profile known.
    checkpoint
        How often, and at what cost.
    transactions
        Whether the broker has them.
    writer
        Makes the writer of a partition's checkpoints.
    """

    kafka: KafkaSettings
    checkpoint: CheckpointSettings
    transactions: bool
    writer: WriterFactory = writer_for


class Restorer:
    """Takes partitions over.

    Parameters
    ----------
    stage
        Whose.
    settings
        The world.
    reader
        Reads checkpoints.
    report_gap
        Told of (topic, partition, first offset, count) of inputs that the broker no longer holds.
    """

    def __init__(
        self,
        stage: Stage,
        settings: ShellSettings,
        reader: LogReader,
        report_gap: Callable[[Topic, int, int, int], None],
    ) -> None:
        self.stage = stage
        self._settings = settings
        self._reader = reader
        self._report_gap = report_gap

    def _on_broker(self, topic: Topic) -> str:
        return self._settings.kafka.topic(topic)

    async def take_over(self, numbers: list[int], still_wanted: Callable[[], bool]) -> list[PartitionState]:
        """The partitions as their last checkpoints left them; none when they are no longer wanted.

        Raises
        ------
        BrokerError
            If the broker cannot be read.
        CheckpointError
            If it refuses the writer, or holds a state that cannot be understood.
        """
        if not numbers:
            return []
        writers = await asyncio.gather(*(in_thread(self._take_over, number) for number in numbers))
        topic = self._settings.kafka.topic(self.stage.checkpoints)
        states = await in_thread(read_states, self._reader, topic, numbers, still_wanted)
        if not still_wanted():
            await asyncio.gather(*(in_thread(writer.close) for writer in writers))
            return []
        places = [(self._on_broker(one), number) for one in self.stage.inputs for number in numbers]
        ends = await in_thread(self._reader.ends, places)
        return [
            await in_thread(self._build, states[number], writer, ends)
            for number, writer in zip(numbers, writers, strict=True)
        ]

    def _take_over(self, number: int) -> CheckpointWriter:
        topic = self._settings.kafka.topic(self.stage.checkpoints)
        target = CheckpointTarget(self._settings.kafka, self.stage.name, number, topic)
        writer = self._settings.writer(target, self._settings.checkpoint, self._settings.transactions)
        writer.take_over()
        return writer

    def _build(
        self, restored: Restored, writer: CheckpointWriter, ends: Mapping[tuple[str, int], LogEnds]
    ) -> PartitionState:
        operator = self.stage.operator(restored.partition)
        while restored.blocks:
            key, value = restored.blocks.popitem()
            operator.load_block(key, value)
        operator.finish_load()
        manifest = restored.manifest
        positions = self._positions(restored.partition, manifest, ends)
        LOG.info(
            "partition restored",
            extra={
                "stage": self.stage.name,
                "partition": restored.partition,
                "checkpoint": manifest.number if manifest else 0,
                "bytes": restored.size_bytes,
                "unfinished": restored.unfinished,
                "positions": positions,
            },
        )
        return PartitionState(restored.partition, operator, writer, positions, manifest.number if manifest else 0)

    def _positions(
        self, number: int, manifest: Manifest | None, ends: Mapping[tuple[str, int], LogEnds]
    ) -> dict[str, int]:
        known = manifest.offsets if manifest else {}
        return {
            topic.name: self._position(topic, number, known.get(topic.name), ends[self._on_broker(topic), number])
            for topic in self.stage.inputs
        }

    def _position(self, topic: Topic, number: int, saved: int | None, ends: LogEnds) -> int:
        """Where to go on: after what the state holds, unless the log no longer reaches there.

        A log that ends before that was made anew, or lost its end: what it holds was not read, and nobody knows from
        where on. It is read from its start: what is in the state already changes nothing.
        """
        if saved is None:
            return ends.first
        if saved < ends.first:
            self._report_gap(topic, number, saved, ends.first - saved)
            return ends.first
        # The embedded broker's listed end is that of its last batch's first record.
        if self._settings.transactions and saved > ends.next:
            LOG.error(
                "the topic is shorter than the state made of it; was it made anew?",
                extra={"topic": topic.name, "partition": number, "state_at": saved, "end": ends.next},
            )
            self._report_gap(topic, number, ends.next, saved - ends.next)
            return ends.first
        return saved
