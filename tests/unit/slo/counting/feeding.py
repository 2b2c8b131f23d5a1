"""Series, batches of their samples, and the counts that a counter told, by slice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from schemas.batch import SampleBatch
from schemas.ids import partition_of
from schemas.series import Series
from slo.announced import Announced
from slo.counting.counter import SloCounter
from slo.counting.settings import CountingSettings
from slo.definition import Slo
from streams.bank import Identity
from streams.operator import Output

START_MS = 1_795_446_000_000


class Sample(NamedTuple):
    series: Series
    at_ms: int
    value: float


Told = dict[tuple[str, int], tuple[float, float, float]]
"""Bad, total and unknown by objective and beginning of a slice."""


def node(name: str, metric: str = "up", kind: str = "gauge", **labels: str) -> Series:
    return Series("default", metric, {"host": name, **labels}, {"node": name}, kind)


class Partition:
    """A counter with slots for series, and what it told."""

    def __init__(self, slos: Iterable[Slo], number: int = 0, **settings: Any) -> None:
        self.counter = SloCounter(CountingSettings(**settings), number, 1)
        self.slots: dict[int, int] = {}
        self.known: dict[int, Series] = {}
        self.outputs: list[Output] = []
        self.counter.know(self.series)
        for slo in slos:
            self.counter.apply(Announced(slo.key, slo, 0))

    def series(self) -> Iterable[tuple[int, Identity]]:
        return [(slot, Identity("default", self.known[one].text)) for one, slot in self.slots.items()]

    def feed(self, samples: Sequence[Sample]) -> None:
        """A batch."""
        ids: dict[int, int] = {}
        for one in samples:
            ids.setdefault(one.series.id, len(ids))
            if one.series.id not in self.slots:
                taken = set(self.slots.values())
                self.slots[one.series.id] = next(slot for slot in range(len(taken) + 1) if slot not in taken)
                self.known[one.series.id] = one.series
                self.counter.watch(self.slots[one.series.id], one.series)
        batch = SampleBatch(
            "default",
            np.array(list(ids), np.uint64),
            [self.known[one].text for one in ids],
            np.array([ids[one.series.id] for one in samples], np.int32),
            np.array([one.at_ms for one in samples], np.int64),
            np.array([one.value for one in samples]),
        )
        slots = np.array([self.slots[one] for one in ids], np.int32)
        self.outputs += self.counter.take(batch, slots, ())

    def tick(self, at_ms: int, now_ms: int | None = None) -> None:
        self.outputs += self.counter.on_tick(at_ms, at_ms if now_ms is None else now_ms, ())

    @property
    def records(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(one.value) for one in self.outputs]


def told_by(records: Iterable[dict[str, Any]]) -> Told:
    """The counts of all partitions, each slice as it was told last."""
    last: dict[tuple[str, int, int], npt.NDArray[np.float64]] = {}
    for one in records:
        unknown = one.get("unknown") or [0.0] * len(one["slos"])
        for key, good, bad, missing in zip(one["slos"], one["good"], one["bad"], unknown, strict=True):
            last[key, one["slice_ms"], one["partition"]] = np.array([bad, good + bad, missing])
    found: Told = {}
    for (key, slice_ms, _), counts in sorted(last.items()):
        before = np.array(found.get((key, slice_ms), (0.0, 0.0, 0.0)))
        found[key, slice_ms] = tuple((before + counts).tolist())  # type: ignore[assignment]
    return found


def home(series: Series, partitions: int) -> int:
    return partition_of(f"{series.tenant}/{series.entity}", partitions)
