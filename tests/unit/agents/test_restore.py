from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pytest

from agents.checkpoints import CheckpointSettings, Manifest, records_of
from agents.log_reader import LogEnds, LogRecord
from agents.restore import Restorer, ShellSettings
from agents.stage import Stage
from agents.step import PartitionState
from integrations.kafka.connection import KafkaSettings
from schemas import topics
from schemas.topics import Topic
from streams.operator import Output


class Nothing:
    """An operator and a writer without state."""

    inputs = (topics.SAMPLES,)

    def step(self, topic: str, value: bytes | None) -> list[Output]:
        raise AssertionError(topic)

    def take_blocks(self) -> list[tuple[str, bytes]]:
        return []

    def load_block(self, key: str, value: bytes) -> None: ...
    def finish_load(self) -> None: ...
    def take_over(self) -> None: ...
    def write(self, outputs: object, blocks: object, manifest: Manifest) -> None: ...
    def close(self) -> None: ...


@dataclass
class FakeReader:
    """One checkpoint, and an input between two ends."""

    saved: int
    input: LogEnds

    def to_end(
        self, topic: str, partitions: Iterable[int], still_wanted: Callable[[], bool] = lambda: True
    ) -> Iterator[LogRecord]:
        _, manifest = records_of(0, {}, Manifest(number=1, offsets={"metrics.samples": self.saved}, blocks=0), claim="")
        yield LogRecord(topic, 0, 1, manifest.key, manifest.value, (), 0)

    def ends(self, places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], LogEnds]:
        return dict.fromkeys(places, self.input)


def _restore(reader: FakeReader, transactions: bool = True) -> tuple[int, list[tuple[str, int, int, int]]]:
    """Where it goes on, and the gaps that it reports."""
    gaps: list[tuple[str, int, int, int]] = []

    def report(topic: Topic, partition: int, first: int, missing: int) -> None:
        gaps.append((topic.name, partition, first, missing))

    stage = Stage(
        "detect",
        (topics.SAMPLES,),
        topics.DETECT_TICKS,
        topics.DETECT_CHECKPOINTS,
        topics.SAMPLES_DLQ,
        lambda _: Nothing(),
        precious=False,
    )
    settings = ShellSettings(KafkaSettings(), CheckpointSettings(), transactions, lambda *_: Nothing())
    restorer = Restorer(stage, settings, reader, report)  # type: ignore[arg-type]
    (part,) = asyncio.run(_take_over(restorer))
    assert part.saved == part.positions
    return part.positions["metrics.samples"], gaps


async def _take_over(restorer: Restorer) -> list[PartitionState]:
    return await restorer.take_over([0], lambda: True)


def test_a_stage_goes_on_after_what_its_state_holds() -> None:
    assert _restore(FakeReader(50, LogEnds(0, 100))) == (50, [])


def test_what_retention_removed_is_reported_and_passed_over() -> None:
    assert _restore(FakeReader(50, LogEnds(70, 100))) == (70, [("metrics.samples", 0, 50, 20)])


@pytest.mark.parametrize("first", [0, 10])
def test_a_topic_that_was_made_anew_is_read_from_its_start_and_the_loss_reported(first: int) -> None:
    found = _restore(FakeReader(50_000, LogEnds(first, 1000)))
    assert found == (first, [("metrics.samples", 0, 1000, 49_000)])


def test_the_end_that_the_embedded_broker_lists_is_not_believed() -> None:
    assert _restore(FakeReader(50, LogEnds(0, 40)), transactions=False) == (50, [])
