"""The one adapter between Faust and an operator: guard the offset, step, send, dead-letter, go on.

The only place that may catch every exception of a step.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

from agents.log_reader import LogReader, LogRecord
from agents.outputs import Envelope, OutputProducer, SendableRecord
from agents.stage import Stage
from agents.threads import in_thread
from agents.writers import CheckpointWriter
from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from schemas.errors import NewerVersionError, SchemaError
from schemas.events import Tick
from schemas.topics import Topic
from streams.operator import Operator

LOG = logging.getLogger(__name__)
# Decisions that wait for their transaction; beyond, the stage waits for it instead of reading on.
WAITING_OUTPUTS: Final = 2000
_REREAD_CHUNK: Final = 50
# Ticks that wait for their inputs; were there more, an input would be shorter than it was.
_HELD: Final = 10_000


class KafkaMessage(Protocol):
    """As much of Faust's message as is needed here."""

    topic: str
    partition: int
    offset: int
    timestamp: float | None
    key: bytes | None
    value: bytes | None


@dataclass(eq=False)
class PartitionState:
    """One partition in this worker's hands.

    Parameters
    ----------
    number
        Of the partition.
    operator
        Its state.
    writer
        Of its checkpoints.
    positions
        The next offset of each input, by catalogue name: the state is exactly what lies before.
    checkpoints
        How many were made so far.
    """

    number: int
    operator: Operator
    writer: CheckpointWriter
    positions: dict[str, int]
    checkpoints: int = 0
    saved: dict[str, int] = field(default_factory=dict)
    waiting: deque[SendableRecord] = field(default_factory=deque)
    flying: set[asyncio.Future[None]] = field(default_factory=set)
    pending_blocks: dict[str, bytes | None] = field(default_factory=dict)
    pending_outputs: list[SendableRecord] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    saving: asyncio.Lock = field(default_factory=asyncio.Lock)
    sending: asyncio.Lock = field(default_factory=asyncio.Lock)
    cost_s: float = 0.0
    saved_at_s: float = field(default_factory=time.monotonic)
    read_ms: dict[str, int] = field(default_factory=dict)
    held: deque[tuple[LogRecord, Mapping[str, int]]] = field(default_factory=deque)
    told: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.saved = dict(self.positions)
        self.told = dict(getattr(self.operator, "counts", {}))  # what it counted before is told already

    async def is_gone_within(self, seconds: float) -> bool:
        """Wait so long, but no longer than the partition is in this worker's hands; whether it has left them."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.gone.wait(), seconds)
        return self.gone.is_set()


@dataclass
class StepTools:
    """What a step needs around it.

    Parameters
    ----------
    kafka
        Names topics.
    telemetry
        Counts.
    producer
        Sends outputs that do not wait for a transaction.
    reader
        Reads again what Faust skipped.
    together
        Whether outputs wait for the partition's transaction.
    relieve
        Makes a checkpoint of a partition whose outputs have piled up.
    fail
        Ends the worker.
    """

    kafka: KafkaSettings
    telemetry: Telemetry
    producer: OutputProducer
    reader: LogReader
    together: bool
    relieve: Callable[[PartitionState], Awaitable[None]]
    fail: Callable[[Exception], None]


class Step:
    """Takes records of all partitions of a stage, in the order in which they come.

    Parameters
    ----------
    stage
        Whose operator steps.
    tools
        The world.
    """

    def __init__(self, stage: Stage, tools: StepTools) -> None:
        self.partitions: dict[int, PartitionState] = {}
        self.stopped = False
        self.taken = 0
        self._stage = stage
        self._tools = tools
        self._envelope = Envelope(tools.kafka, stage.name)
        self._topics: dict[str, Topic] = {tools.kafka.topic(topic): topic for topic in stage.inputs}
        self._seconds = tools.telemetry.batch_seconds.labels(stage.name)
        self._records = {
            topic.name: tools.telemetry.records.labels(stage.name, topic.name) for topic in self._topics.values()
        }

    async def take(self, message: KafkaMessage) -> None:
        """Apply a message, after those before it that never came; ignore one that was applied already."""
        try:
            await self._take(message)
        except Exception as error:
            # Faust would start the agent again after this message, and nobody would know.
            LOG.exception("a message was not taken", extra={"topic": message.topic, "offset": message.offset})
            self._tools.fail(error)

    async def _take(self, message: KafkaMessage) -> None:
        part = self.partitions.get(message.partition)
        if part is None or self.stopped:
            return
        name = self._topics[message.topic].name
        expected = self._expected(part, name)
        if message.offset < expected:
            return
        if message.offset > expected and not await self._take_skipped(part, message.topic, message.offset):
            return
        self._admit(part, name, _log_record(message))
        await self._send(part)

    def _expected(self, part: PartitionState, name: str) -> int:
        """The next offset of an input."""
        if part.held and name == self._stage.ticks.name:
            return part.held[-1][0].offset + 1
        return part.positions[name]

    async def _take_skipped(self, part: PartitionState, topic: str, end: int) -> bool:
        """Read again what lies between the expected offset and the one that came.

        Faust drops messages in some rebalances, and a seek races with its fetcher: so the missing range is read
        by a consumer of our own. What is not there was removed by retention or compaction, or is the mark of a
        transaction. Returns whether the partition is still ours.
        """
        name = self._topics[topic].name
        first = self._expected(part, name)
        found = 0
        wanted = True
        records = self._tools.reader.between(topic, part.number, first, end, lambda: wanted)
        try:
            while chunk := await in_thread(_next_records, records):
                for record in chunk:
                    if not self._is_ours(part):
                        return False
                    found += 1
                    self._admit(part, name, record)
                    await self._send(part)
        finally:
            wanted = False
            with suppress(ValueError):  # cancelled while a thread reads: it ends there, since nobody wants it
                records.close()  # type: ignore[attr-defined]  # a generator
        if not self._is_ours(part):
            return False
        if not (part.held and name == self._stage.ticks.name):
            part.positions[name] = end
        if missing := end - first - found:
            missing = await self._gone(self._topics[topic], part.number, first, missing)
            self.report_gap(self._topics[topic], part.number, first, missing)
        return True

    async def _gone(self, topic: Topic, partition: int, first: int, missing: int) -> int:
        """How many records that are not there are gone: retention takes the oldest, whatever else is no record.

        Alerts of objectives come in transactions, and each leaves a mark.
        """
        if "compact" in topic.cleanup:
            return missing
        place = self._tools.kafka.topic(topic), partition
        ends = await in_thread(self._tools.reader.ends, [place])
        return min(missing, max(0, ends[place].first - first))

    async def take_first(self, part: PartitionState) -> None:
        """Apply what lies on the inputs that come first, of a partition that is not ours yet.

        Raises
        ------
        BrokerError
            If one cannot be read.
        """
        for topic in self._stage.first:
            begin = {part.number: part.positions[topic.name]}
            records = self._tools.reader.to_end(self._tools.kafka.topic(topic), [part.number], first=begin)
            while chunk := await in_thread(_next_records, records):
                for record in chunk:
                    if record.offset >= part.positions[topic.name]:
                        self._admit(part, topic.name, record)

    def _is_ours(self, part: PartitionState) -> bool:
        return self.partitions.get(part.number) is part and not self.stopped

    def report_gap(self, topic: Topic, partition: int, first: int, missing: int) -> None:
        """Count records that are gone; of a topic that is not compacted, that is a loss."""
        if not missing:
            return
        self._tools.telemetry.gaps.labels(self._stage.name, topic.name).inc(missing)
        if "compact" not in topic.cleanup:
            LOG.error(
                "records are gone that were not read yet",
                extra={"topic": topic.name, "partition": partition, "offset": first, "records": missing},
            )

    def _admit(self, part: PartitionState, name: str, record: LogRecord) -> None:
        """Apply a record, and the ticks that waited for it.

        Read again after a restart, a tick may come before records that had been applied when it was written: time
        would then pass without them. It waits; its offset counts as not read until it is applied.
        """
        if name == self._stage.ticks.name:
            part.held.append((record, _after(record)))
        else:
            self._apply(part, name, record)
        while part.held and (_reaches(part, part.held[0]) or _reaches(part, part.held[-1]) or len(part.held) > _HELD):
            self._apply(part, self._stage.ticks.name, part.held.popleft()[0])

    def _apply(self, part: PartitionState, name: str, record: LogRecord) -> None:
        started = time.perf_counter()
        try:
            outputs = part.operator.step(name, record.value)
        except NewerVersionError:
            raise  # the worker ends before it: a newer one reads it
        except SchemaError as error:
            letter = self._dead_letter(part, name, record, _reason(record.value), error)
            part.waiting.append(letter)
        except Exception as error:
            LOG.exception("a step failed", extra={"topic": name, "partition": part.number, "offset": record.offset})
            part.waiting.append(self._dead_letter(part, name, record, "failed", error))
        else:
            for output in outputs:
                part.waiting.append(self._envelope.of_output(output))
                self._tools.telemetry.outputs.labels(self._stage.name, output.topic.name).inc()
        part.positions[name] = record.offset + 1
        part.read_ms[name] = record.timestamp_ms
        self.taken += 1
        self._records[name].inc()
        self._seconds.observe(time.perf_counter() - started)

    def _dead_letter(
        self, part: PartitionState, name: str, record: LogRecord, reason: str, error: Exception
    ) -> SendableRecord:
        self._tools.telemetry.rejected.labels(self._stage.name, name, reason).inc()
        LOG.warning(
            "a record goes to the dead letters",
            extra={"topic": name, "partition": part.number, "offset": record.offset, "reason": reason},
        )
        text = f"{type(error).__name__}: {error}"
        return self._envelope.of_dead_letter(self._stage.dead_letters, record, reason, text)

    async def _send(self, part: PartitionState) -> None:
        if not self._tools.together:
            await self.send_waiting(part)
        elif len(part.waiting) > WAITING_OUTPUTS:
            await self._tools.relieve(part)

    async def send_waiting(self, part: PartitionState) -> None:
        """Send what a partition's steps put out, in order; their futures are in ``part.flying`` then."""
        if not part.waiting and not part.sending.locked():
            return
        async with part.sending:
            while part.waiting:
                # It counts as under way before it is taken from the queue: a checkpoint must wait for it.
                future = await self._tools.producer.send(part.waiting[0])
                part.waiting.popleft()
                part.flying.add(future)
                future.add_done_callback(_forget_delivered(part.flying))


def _after(record: LogRecord) -> Mapping[str, int]:
    """Where the other inputs must stand before a tick holds."""
    try:
        return Tick.from_bytes(record.value or b"").after
    except SchemaError:
        return {}


def _reaches(part: PartitionState, held: tuple[LogRecord, Mapping[str, int]]) -> bool:
    return all(part.positions.get(name, end) >= end for name, end in held[1].items())


def _forget_delivered(flying: set[asyncio.Future[None]]) -> Callable[[asyncio.Future[None]], None]:
    def done(future: asyncio.Future[None]) -> None:
        if not future.cancelled() and future.exception() is None:
            flying.discard(future)

    return done


def _next_records(records: Iterator[LogRecord]) -> list[LogRecord]:
    return list(itertools.islice(records, _REREAD_CHUNK))


def _reason(value: bytes | None) -> str:
    if value is None:
        return "tombstone"
    return "unreadable" if value else "empty"


def _log_record(message: KafkaMessage) -> LogRecord:
    return LogRecord(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        key=message.key,
        value=message.value,
        headers=(),
        timestamp_ms=int((message.timestamp or 0.0) * 1000),
    )
