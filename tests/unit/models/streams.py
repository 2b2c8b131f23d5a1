"""Seeded streams for the detect stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.detect import DetectOperator, DetectSettings
from schemas.batch import SampleBatch
from schemas.events import Anomaly
from schemas.series import Series

START_MS = 1_700_000_100_000
# A day's worth of checks in minutes of data: windows speak early.
QUICK = {"5m": {"warmup_s": 60}, "15m": {"warmup_s": 120}, "1h": {"warmup_s": 600}}


@dataclass(frozen=True)
class Sample:
    """A sample on its way."""

    series: Series
    time_ms: int
    value: float


def batch_of(samples: Sequence[Sample]) -> SampleBatch:
    """A batch as the gateway makes it."""
    positions: dict[int, int] = {}
    texts: list[str] = []
    for sample in samples:
        if sample.series.id not in positions:
            positions[sample.series.id] = len(texts)
            texts.append(sample.series.text)
    return SampleBatch(
        tenant=samples[0].series.tenant,
        series_ids=np.array(list(positions), np.uint64),
        series_text=texts,
        series=np.array([positions[one.series.id] for one in samples], np.int32),
        timestamp_ms=np.array([one.time_ms for one in samples], np.int64),
        value=np.array([one.value for one in samples], np.float64),
    )


def stream(series: Series, values: Sequence[float], start_ms: int = START_MS, step_ms: int = 1000) -> list[Sample]:
    """Values at a steady pace."""
    return [Sample(series, start_ms + step_ms * at, float(value)) for at, value in enumerate(values)]


class Bench:
    """An operator with a short way in and out."""

    def __init__(self, **settings: object) -> None:
        self.operator = DetectOperator(DetectSettings.model_validate({"windows": QUICK, **settings}), 0, 1)

    def feed(self, samples: Sequence[Sample]) -> list[Anomaly]:
        return self.operator.step_batch(batch_of(samples))

    def feed_values(self, series: Series, values: Sequence[float], step_ms: int = 1000) -> list[Anomaly]:
        return self.feed(stream(series, values, step_ms=step_ms))
