"""A recording through the detect stage as it ships: what started, and what ended, series by series."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from benchmarks.planted.signals import Recording, Signal, random_of, record
from models.detect import DetectOperator, DetectSettings
from schemas.batch import SampleBatch
from schemas.events import Anomaly
from schemas.series import Series

TENANT = "planted"
SIGNS = {"up": 1, "down": -1, "none": 0}


class Word(NamedTuple):
    """The start or the end of an anomaly."""

    case: int
    state: str
    at_ms: int
    kind: str
    sign: int
    detector: str
    id: str


def series_of(signal: Signal, case: int) -> Series:
    """A case's series."""
    labels = {"case": f"{case:05d}"}
    return Series(TENANT, signal.metric, labels, {"node": labels["case"]}, "gauge", signal.unit)


def feed(recording: Recording, tick_s: float = 3600.0) -> list[Word]:
    """What the operator says, in order of time; it is told the time after each ``tick_s`` of samples."""
    words = [_word(case, one) for case, one in told(recording, tick_s) if one.state != "update"]
    return sorted(words, key=lambda one: one.at_ms)


def warm_up() -> None:
    """Compile, so that processes that begin after this find it done."""
    signal = Signal("warm")
    feed(record(signal, 60.0, 0.05, [random_of(signal.name, 0)]))


def told(recording: Recording, tick_s: float = 3600.0) -> Iterator[tuple[int, Anomaly]]:
    """Every state of every anomaly, with its case."""
    members = [series_of(recording.signal, case) for case in range(len(recording.times_ms))]
    ids = np.array([one.id for one in members], np.uint64)
    texts = [one.text for one in members]
    case_of = {f"{one.id:016x}": case for case, one in enumerate(members)}
    operator = DetectOperator(DetectSettings(), 0, 1)
    values = recording.values
    step = max(1, int(tick_s / recording.interval_s))
    for first in range(0, values.shape[1], step):
        part = values[:, first : first + step]
        present = np.isfinite(part)
        rows = np.nonzero(present)[0].astype(np.int32)
        times_ms = recording.times_ms[:, first : first + step]
        batch = SampleBatch(TENANT, ids, texts, rows, times_ms[present], part[present])
        found = operator.step_batch(batch)
        found += operator.on_tick(int(times_ms.max()))
        yield from ((case_of[one.series_id], one) for one in found)


def _word(case: int, anomaly: Anomaly) -> Word:
    sign = SIGNS[anomaly.direction]
    return Word(case, anomaly.state, anomaly.at_ms, anomaly.kind, sign, anomaly.detector, anomaly.id)
