"""Compile the counting kernels before they are needed."""

from __future__ import annotations

import numpy as np

from schemas.batch import SampleBatch
from schemas.series import Series
from slo.announced import Announced
from slo.counting.hosted import HostedCounter
from slo.counting.settings import CountingSettings
from slo.definition import RollingWindow, Slo, Source, ThresholdIndicator


def warm_up_counting() -> None:
    """Count a few samples by a counter that is thrown away, and put its state back into another."""
    series = Series("warm-up", "warm_up", {}, {})
    slo = Slo(
        tenant=series.tenant,
        name="warm-up",
        service="warm-up",
        method="Occurrences",
        indicator=ThresholdIndicator(source=Source(metric=series.metric), op="lt", value=1.0),
        target=0.9,
        window=RollingWindow(duration_s=86_400),
    )
    counter = HostedCounter(CountingSettings(), 0, 1)
    counter.apply(Announced(slo.key, slo, 0))
    counter.watch(0, series)
    times = np.arange(1, 20, dtype=np.int64) * 1000
    rows, ids = np.zeros(len(times), np.int32), np.array([series.id], np.uint64)
    counter.take(SampleBatch(series.tenant, ids, [series.text], rows, times, np.zeros(len(times))), rows[:1], ())
    counter.on_tick(60_000, 60_000, ())
    fresh = HostedCounter(CountingSettings(), 0, 1)
    for key, value in counter.take_blocks():
        if value is not None:
            fresh.load_block(key, value)
    fresh.finish_load()
