from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from agents.checkpoints import Manifest
from agents.log_reader import LogEnds, LogRecord
from agents.outputs import Envelope, SendableRecord
from agents.stage import Stage
from agents.step import PartitionState, Step, StepTools
from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from schemas import topics
from schemas.errors import BrokerError, NewerVersionError, SchemaError
from schemas.events import Tick
from schemas.topics import MAX_MESSAGE_BYTES, Topic
from streams.operator import Output

KAFKA = KafkaSettings(topic_prefix="x.")


@dataclass
class Echo:
    """Puts out what comes in; its state is the list of what came."""

    inputs: tuple[Topic, ...] = (topics.SAMPLES, topics.SETTINGS, topics.DETECT_TICKS)
    seen: list[tuple[str, bytes]] = field(default_factory=list)

    def step(self, topic: str, value: bytes | None) -> list[Output]:
        if not value or value == b"bad":
            raise SchemaError("not for me")
        if value == b"newer":
            raise NewerVersionError("of version 2")
        if value == b"bug":
            raise KeyError("a bug")
        self.seen.append((topic, value))
        return [Output(topics.ANOMALIES, 0, "t/k", value, 7, f"id-{value.decode()}")]

    def take_blocks(self) -> list[tuple[str, bytes]]:
        return []

    def load_block(self, key: str, value: bytes) -> None:
        raise AssertionError(key)

    def finish_load(self) -> None:
        """Nothing."""


@dataclass
class FakeProducer:
    sent: list[SendableRecord] = field(default_factory=list)

    async def send(self, record: SendableRecord) -> asyncio.Future[Any]:
        self.sent.append(record)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


@dataclass
class FakeReader:
    """A log with holes."""

    log: dict[int, bytes] = field(default_factory=dict)
    oldest: int = 0
    reads: list[tuple[str, int, int]] = field(default_factory=list)

    def between(
        self, topic: str, partition: int, first: int, end: int, still_wanted: Callable[[], bool]
    ) -> Iterator[LogRecord]:
        self.reads.append((topic, first, end))
        for offset in range(first, end):
            if offset in self.log:
                yield LogRecord(topic, partition, offset, None, self.log[offset], (), 0)

    def ends(self, places: list[tuple[str, int]]) -> dict[tuple[str, int], LogEnds]:
        return dict.fromkeys(places, LogEnds(self.oldest, 1000))

    def to_end(self, topic: str, partitions: list[int], first: dict[int, int]) -> Iterator[LogRecord]:
        (partition,) = partitions
        left = sorted((offset, value) for offset, value in self.log.items() if offset >= first[partition])
        return (LogRecord(topic, partition, offset, None, value, (), 0) for offset, value in left)


class NoWriter:
    def take_over(self) -> None: ...
    def write(self, outputs: object, blocks: object, manifest: Manifest) -> None: ...
    def close(self) -> None: ...


@dataclass
class FaustMessage:
    offset: int
    value: bytes | None
    topic: str = "x.metrics.samples"
    partition: int = 0
    timestamp: float | None = 1.5
    key: bytes | None = b"key"


@dataclass
class World:
    together: bool = False
    producer: FakeProducer = field(default_factory=FakeProducer)
    reader: FakeReader = field(default_factory=FakeReader)
    operator: Echo = field(default_factory=Echo)
    telemetry: Telemetry = field(default_factory=lambda: Telemetry("test"))
    relieved: int = 0
    failures: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        async def relieve(part: PartitionState) -> None:
            self.relieved += 1
            part.waiting.clear()

        stage = Stage(
            "detect",
            self.operator.inputs,
            topics.DETECT_TICKS,
            topics.DETECT_CHECKPOINTS,
            topics.SAMPLES_DLQ,
            lambda _: self.operator,
            precious=self.together,
            first=(topics.SETTINGS,),
        )
        tools = StepTools(
            KAFKA, self.telemetry, self.producer, self.reader, self.together, relieve, self.failures.append
        )  # type: ignore[arg-type]
        self.step = Step(stage, tools)

    def take(self, *messages: FaustMessage) -> PartitionState:
        async def run() -> PartitionState:
            positions = {topic.name: 10 for topic in self.operator.inputs}
            part = self.step.partitions.setdefault(0, PartitionState(0, self.operator, NoWriter(), positions))
            for message in messages:
                await self.step.take(message)
            return part

        return asyncio.run(run())

    def value(self, name: str, **labels: str) -> float | None:
        return self.telemetry.registry.get_sample_value(f"metrics_ai_{name}_total", labels)


def _headers(record: SendableRecord) -> dict[str, bytes]:
    return dict(record.record.headers)


def test_a_record_that_was_applied_already_changes_nothing() -> None:
    world = World()
    part = world.take(FaustMessage(10, b"a"), FaustMessage(10, b"a"), FaustMessage(9, b"z"))
    assert world.operator.seen == [("metrics.samples", b"a")]
    assert part.positions["metrics.samples"] == 11


def test_records_that_faust_skipped_are_read_again_in_order() -> None:
    world = World()
    world.reader.log = {10: b"a", 11: b"b"}
    world.take(FaustMessage(12, b"c"))
    assert [value for _, value in world.operator.seen] == [b"a", b"b", b"c"]
    assert world.reader.reads == [("x.metrics.samples", 10, 12)]
    assert world.value("gaps", stage="detect", topic="metrics.samples") is None


def test_records_that_are_gone_are_counted_and_passed_over() -> None:
    world = World()
    world.reader.log, world.reader.oldest = {13: b"c"}, 13
    part = world.take(FaustMessage(14, b"e"))
    assert [value for _, value in world.operator.seen] == [b"c", b"e"]
    assert part.positions["metrics.samples"] == 15
    assert world.value("gaps", stage="detect", topic="metrics.samples") == 3


def test_marks_of_transactions_are_no_records_that_are_gone() -> None:
    world = World()
    world.reader.log = {12: b"c"}
    part = world.take(FaustMessage(14, b"e"))
    assert [value for _, value in world.operator.seen] == [b"c", b"e"]
    assert part.positions["metrics.samples"] == 15
    assert world.value("gaps", stage="detect", topic="metrics.samples") is None


def test_each_input_has_its_own_position() -> None:
    world = World()
    part = world.take(FaustMessage(10, b"a"), FaustMessage(10, b"t", topic="x.detect.ticks"))
    assert part.positions == {"metrics.samples": 11, "settings": 10, "detect.ticks": 11}


def test_what_lies_on_an_input_that_comes_first_is_applied_from_its_position_on() -> None:
    world = World()
    world.reader.log = {9: b"before", 10: b"a", 12: b"b"}
    part = PartitionState(0, world.operator, NoWriter(), {topic.name: 10 for topic in world.operator.inputs})
    asyncio.run(world.step.take_first(part))
    assert world.operator.seen == [("settings", b"a"), ("settings", b"b")]
    assert part.positions == {"metrics.samples": 10, "settings": 13, "detect.ticks": 10}
    assert part.saved["settings"] == 10


def test_a_message_of_a_partition_that_is_not_ours_is_left_alone() -> None:
    world = World()
    world.take(FaustMessage(10, b"a", partition=5))
    assert world.operator.seen == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [(b"bad", "unreadable"), (None, "tombstone"), (b"", "empty"), (b"bug", "failed")],
    ids=["unreadable", "a tombstone", "empty", "a bug in the operator"],
)
def test_poison_goes_to_the_dead_letters_and_the_stage_goes_on(value: bytes | None, reason: str) -> None:
    world = World()
    part = world.take(FaustMessage(10, value), FaustMessage(11, b"next"))
    letter, output = world.producer.sent
    assert (letter.topic, letter.record.key, letter.record.value) == ("x.metrics.samples.dlq", b"key", value or b"")
    headers = _headers(letter)
    assert headers["reason"] == reason.encode()
    assert (headers["topic"], headers["partition"], headers["offset"]) == (b"x.metrics.samples", b"0", b"10")
    assert headers["timestamp"] == b"1500"
    assert headers["error"]
    assert output.record.value == b"next"
    assert part.positions["metrics.samples"] == 12
    assert world.value("rejected", stage="detect", source="metrics.samples", reason=reason) == 1


@pytest.mark.parametrize(
    ("key_bytes", "value_bytes"),
    [(3, MAX_MESSAGE_BYTES - 100), (3, 20 * 1024 * 1024), (MAX_MESSAGE_BYTES - 100, 50)],
    ids=["no room for headers", "more than a message holds", "a key of that size"],
)
def test_a_dead_letter_is_cut_to_what_can_be_sent(key_bytes: int, value_bytes: int) -> None:
    record = LogRecord("x.metrics.samples", 3, 7, b"k" * key_bytes, b"v" * value_bytes, (), 5)
    letter = Envelope(KAFKA, "detect").of_dead_letter(topics.SAMPLES_DLQ, record, "unreadable", "\N{EURO SIGN}" * 5000)
    headers = sum(len(name) + len(value) + 10 for name, value in letter.record.headers)
    value = letter.record.value or b""
    assert len(letter.record.key) + len(value) + headers + 1000 < MAX_MESSAGE_BYTES
    assert len(value) >= min(value_bytes, MAX_MESSAGE_BYTES - 200_000)
    said = _headers(letter).get("truncated_from")
    assert said == (b"%d" % value_bytes if value_bytes > len(value) else None)


def test_an_output_without_a_value_is_a_tombstone() -> None:
    sent = Envelope(KAFKA, "burn").of_output(Output(topics.SLO_STATUS, 1, "acme/checkout", None, 7, "id"))
    assert (sent.topic, sent.partition, sent.record.key, sent.record.value) == (
        "x.slo.status",
        1,
        b"acme/checkout",
        None,
    )


def test_an_output_carries_its_id_its_time_and_its_tenant() -> None:
    world = World()
    world.take(FaustMessage(10, b"a"))
    (output,) = world.producer.sent
    headers = _headers(output)
    assert (output.topic, output.timestamp_ms) == ("x.metrics.anomalies", 7)
    assert headers["ce_id"] == b"id-a"
    assert headers["ce_type"] == b"metrics-ai.metrics.anomalies"
    assert (headers["tenant"], headers["schema"], headers["schema_version"]) == (b"t", b"Anomaly", b"1")


def test_precious_outputs_wait_for_the_transaction() -> None:
    world = World(together=True)
    part = world.take(FaustMessage(10, b"a"), FaustMessage(11, b"bad"))
    assert world.producer.sent == []
    assert [one.topic for one in part.waiting] == ["x.metrics.anomalies", "x.metrics.samples.dlq"]


def test_outputs_that_pile_up_make_the_stage_wait_for_a_checkpoint() -> None:
    world = World(together=True)
    world.take(*(FaustMessage(10 + number, b"%d" % number) for number in range(2001)))
    assert world.relieved == 1


def test_an_output_that_cannot_be_sent_ends_the_worker_instead_of_being_skipped() -> None:
    class Full:
        async def send(self, record: SendableRecord) -> asyncio.Future[Any]:
            raise BrokerError("too large")

    world = World(producer=Full())  # type: ignore[arg-type]
    world.take(FaustMessage(10, b"a"))
    assert [str(error) for error in world.failures] == ["too large"]


def test_a_stopped_stage_takes_nothing() -> None:
    world = World()
    world.step.stopped = True
    world.take(FaustMessage(10, b"a"))
    assert world.operator.seen == []


def _tick(offset: int, after: int) -> FaustMessage:
    tick = Tick(stage="detect", partition=0, at_ms=1000 * offset, after={"metrics.samples": after})
    return FaustMessage(offset, tick.to_bytes(), topic="x.detect.ticks")


def _order(world: World) -> list[str]:
    return [
        f"tick {Tick.from_bytes(value).at_ms}" if topic == "detect.ticks" else value.decode()
        for topic, value in world.operator.seen
    ]


def test_a_tick_that_is_read_again_waits_for_the_samples_that_it_came_after() -> None:
    world = World()
    part = world.take(_tick(10, after=11), _tick(11, after=12))
    assert _order(world) == []
    assert part.positions["detect.ticks"] == 10
    world.take(FaustMessage(10, b"a"))
    assert _order(world) == ["a", "tick 10000"]
    assert part.positions["detect.ticks"] == 11
    world.take(FaustMessage(11, b"b"), FaustMessage(12, b"c"))
    assert _order(world) == ["a", "tick 10000", "b", "tick 11000", "c"]


def test_a_tick_that_waits_and_comes_again_waits_once() -> None:
    world = World()
    world.take(_tick(10, after=11), _tick(10, after=11), FaustMessage(10, b"a"))
    assert _order(world) == ["a", "tick 10000"]


def test_a_tick_whose_inputs_were_made_anew_goes_with_the_next_that_holds() -> None:
    world = World()
    part = world.take(_tick(10, after=99), _tick(11, after=10))
    assert _order(world) == ["tick 10000", "tick 11000"]
    assert part.positions["detect.ticks"] == 12


def test_ticks_that_were_skipped_while_one_waits_are_read_again_behind_it() -> None:
    world = World()
    world.reader.log = {11: _tick(11, after=11).value or b""}
    part = world.take(_tick(10, after=11), _tick(13, after=12))
    assert world.reader.reads == [("x.detect.ticks", 11, 13)]
    assert part.positions["detect.ticks"] == 10
    world.take(FaustMessage(10, b"a"), FaustMessage(11, b"b"))
    assert _order(world) == ["a", "tick 10000", "tick 11000", "b", "tick 13000"]
    assert part.positions["detect.ticks"] == 14


def test_a_record_of_a_newer_version_ends_the_worker_before_it() -> None:
    world = World()
    part = world.take(FaustMessage(10, b"a"), FaustMessage(11, b"newer"))
    assert [str(one) for one in world.failures] == ["of version 2"]
    assert part.positions["metrics.samples"] == 11
    assert not any(b"reason" in dict(one.record.headers) for one in world.producer.sent)
