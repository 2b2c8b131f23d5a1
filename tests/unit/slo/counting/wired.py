"""Detect and burn in one process: samples of several partitions in, statuses and alerts of objectives out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from models.detect import DetectOperator, DetectSettings
from schemas.batch import SampleBatch, encode_batch
from schemas.events import Tick
from schemas.ids import decide_partition
from schemas.slo_events import SloAlert, SloStatus
from schemas.topics import BURN_TICKS, DETECT_TICKS, SAMPLES, SETTINGS, SLO_ALERTS, SLO_EVENTS, SLO_STATUS
from slo.announced import Announced, announce
from slo.burning import BurnOperator
from slo.counting.hosted import HostedCounter
from slo.counting.settings import CountingSettings
from slo.definition import Slo
from slo.engine import EngineSettings
from streams.operator import Operator, Output
from tests.unit.slo.counting.feeding import Sample, home

Records = list[tuple[str, bytes]]
"""What one partition of detect reads, in its order: topics and values."""


class Told(NamedTuple):
    """What came of it, in the order in which it came."""

    statuses: list[SloStatus]
    alerts: list[SloAlert]


def batch_of(samples: Sequence[Sample]) -> bytes:
    """A record of samples of one tenant."""
    ids: dict[int, int] = {}
    texts = []
    for one in samples:
        if one.series.id not in ids:
            ids[one.series.id] = len(ids)
            texts.append(one.series.text)
    return encode_batch(
        SampleBatch(
            samples[0].series.tenant,
            np.array(list(ids), np.uint64),
            texts,
            np.array([ids[one.series.id] for one in samples], np.int32),
            np.array([one.at_ms for one in samples], np.int64),
            np.array([one.value for one in samples]),
        )
    )


def by_partition(samples: Iterable[Sample], partitions: int, step_ms: int = 5_000) -> list[Records]:
    """Samples in the order given as records of their partitions, a new record for each so many ms of arrival."""
    found: list[list[list[Sample]]] = [[] for _ in range(partitions)]
    newest: list[int] = [0] * partitions
    for one in samples:
        number = home(one.series, partitions)
        if not found[number] or one.at_ms >= newest[number] + step_ms:
            found[number].append([])
            newest[number] = one.at_ms
        found[number][-1].append(one)
    return [[(SAMPLES.name, batch_of(one)) for one in records] for records in found]


def detect_tick(at_ms: int, partition: int = 0) -> tuple[str, bytes]:
    return DETECT_TICKS.name, Tick(stage="detect", partition=partition, at_ms=at_ms).to_bytes()


class Wired:
    """So many partitions of detect, and the one of burn that their tenant's slices go to."""

    def __init__(self, slos: Iterable[Slo], partitions: int, **settings: Any) -> None:
        self.partitions = partitions
        self.settings = EngineSettings(**settings)
        self.detects: list[Operator] = [self.detect(number) for number in range(partitions)]
        self.burn = self.fresh_burn()
        self.events: list[bytes] = []
        self.outputs: list[Output] = []
        self.logs: list[Records] = [[] for _ in range(partitions)]
        self.saved: list[tuple[int, dict[str, bytes]]] = [(0, {}) for _ in range(partitions)]
        self.burn_log: Records = []
        self.saved_burn: tuple[int, int, dict[str, bytes]] = 0, 0, {}
        for slo in slos:
            self.define(Announced(slo.key, slo, 0))

    def detect(self, number: int) -> DetectOperator:
        counter = HostedCounter(CountingSettings(), number, self.partitions)
        return DetectOperator(DetectSettings(), number, self.partitions, counter)

    def fresh_burn(self) -> BurnOperator:
        return BurnOperator(self.settings, decide_partition("default", self.partitions), self.partitions)

    def define(self, one: Announced) -> None:
        """Tell all partitions."""
        record = SETTINGS.name, announce(*one).to_bytes()
        for number in range(self.partitions):
            self.feed(number, record)
        self._tell_burn(record)

    def feed(self, number: int, record: tuple[str, bytes]) -> None:
        """A record of a partition of detect, and what it tells burn."""
        self.logs[number].append(record)
        self._step(number, record)

    def tick(self, at_ms: int) -> None:
        """Let time pass in burn."""
        self._tell_burn((BURN_TICKS.name, Tick(stage="burn", partition=0, at_ms=at_ms).to_bytes()))

    def end(self, at_ms: int) -> None:
        """Let time pass in all partitions until what was counted is told, and judged."""
        for number in range(self.partitions):
            for later_ms in (0, 60_000, 120_000):
                self.feed(number, detect_tick(at_ms + later_ms, number))
        for later_ms in range(0, 400_000, 1_000):
            self.tick(at_ms + 120_000 + later_ms)

    def save(self, number: int) -> None:
        """A checkpoint of a partition of detect."""
        _, blocks = self.saved[number]
        _save(self.detects[number], blocks)
        self.saved[number] = len(self.logs[number]), blocks

    def kill(self, number: int) -> None:
        """Make a partition of detect anew from its last checkpoint; what came since comes again."""
        position, blocks = self.saved[number]
        self.detects[number] = _restored(self.detect(number), blocks)
        for record in self.logs[number][position:]:
            self._step(number, record)

    def save_burn(self) -> None:
        """A checkpoint of burn, with its outputs."""
        blocks = self.saved_burn[-1]
        _save(self.burn, blocks)
        self.saved_burn = len(self.burn_log), len(self.outputs), blocks

    def kill_burn(self) -> None:
        """Make burn anew from its last checkpoint; what it put out since was never committed."""
        position, outputs, blocks = self.saved_burn
        self.burn = _restored(self.fresh_burn(), blocks)
        del self.outputs[outputs:]
        for record in self.burn_log[position:]:
            self.outputs += self.burn.step(*record)

    def _step(self, number: int, record: tuple[str, bytes]) -> None:
        for output in self.detects[number].step(*record):
            if output.topic is SLO_EVENTS:
                self.events.append(output.value)
                self._tell_burn((SLO_EVENTS.name, output.value))

    def _tell_burn(self, record: tuple[str, bytes]) -> None:
        self.burn_log.append(record)
        self.outputs += self.burn.step(*record)

    @property
    def told(self) -> Told:
        return Told(
            [SloStatus.from_bytes(one.value) for one in self.outputs if one.topic is SLO_STATUS and one.value],
            [SloAlert.from_bytes(one.value) for one in self.outputs if one.topic is SLO_ALERTS],
        )

    def budgets(self) -> dict[str, tuple[float, float, float]]:
        """Bad, total and unknown of each objective's own period."""
        found = {}
        for one in self.burn.statuses():
            own = one.event().budget("own")
            found[one.slo] = own.bad, own.total, own.unknown
        return found


def _save(operator: Operator, blocks: dict[str, bytes]) -> None:
    for key, value in operator.take_blocks():
        if value is None:
            blocks.pop(key, None)
        else:
            blocks[key] = value


def _restored(fresh: Any, blocks: dict[str, bytes]) -> Any:
    for key, value in blocks.items():
        fresh.load_block(key, value)
    fresh.finish_load()
    return fresh


def newest_of(events: Iterable[bytes]) -> dict[tuple[str, int, int], dict[str, Any]]:
    """The last record of each key and slice, as far as it is not about its making."""
    found = {}
    for value in events:
        body = msgspec.json.decode(value)
        del body["counted"]
        found[f"{body['tenant']}/{body['partition']}", body["slice_s"], body["slice_ms"]] = body
    return found
