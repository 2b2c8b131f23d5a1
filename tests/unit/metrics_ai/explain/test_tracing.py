"""The line that is drawn is the line that was judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from metrics_ai.explain.tracing import MAX_BANDS, Line, judged, line_of, trace
from models.detect import DetectOperator
from models.settings import DetectSettings
from schemas.batch import SampleBatch
from schemas.series import Series

MakeBatch = Callable[..., SampleBatch]


@pytest.mark.parametrize("kind", ["gauge", "counter", "delta"])
def test_values_are_those_that_detect_judges(make_batch: MakeBatch, kind: str) -> None:
    rng = np.random.default_rng(5)
    raw = rng.uniform(1, 9, 200)
    if kind == "counter":
        raw = np.cumsum(raw)
        raw[120:] -= raw[120]  # it was reset
    series = Series("t", "orders", {}, {"service": "shop"}, kind)
    batch = make_batch(series, raw.tolist())
    operator = DetectOperator(DetectSettings(), 0, 1)
    seen = []
    for at in range(len(batch)):
        one = slice(at, at + 1)
        cut = replace(batch, series=batch.series[one], timestamp_ms=batch.timestamp_ms[one], value=batch.value[one])
        operator.step_batch(cut)
        slot = int(operator.bank.slots_of(batch.series_ids)[0])
        if operator.bank.slots["seen"][slot] > 1:
            seen.append(float(operator.bank.slots["value"][slot]))
    assert line_of([batch], series.id).values.tolist() == seen


def test_repeats_and_late_samples_make_no_second_value() -> None:
    line = judged("counter", np.array([0, 10_000, 10_000, 5_000, 20_000]), np.array([0.0, 10, 10, 4, 30]))
    assert (line.times_ms.tolist(), line.values.tolist()) == ([10_000, 20_000], [1.0, 2.0])
    gauge = judged("gauge", np.array([10_000, 0, 10_000]), np.array([2.0, 1.0, 3.0]))
    assert gauge.values.tolist() == [1.0, 2.0]


def test_a_delta_after_a_gap_covers_one_interval() -> None:
    times = np.array([0, 10_000, 20_000, 30_000, 230_000])
    assert judged("delta", times, np.full(5, 20.0)).values.tolist() == [2.0] * 4


def test_of_a_series_that_is_not_there_nothing_is_drawn(make_batch: MakeBatch) -> None:
    assert len(line_of([make_batch(Series("t", "cpu"), [1.0])], 7)) == 0
    assert len(Line(np.zeros(0, np.int64), np.zeros(0)).between(0, 9)) == 0


def test_the_band_is_what_was_expected_before_the_value_came(make_batch: MakeBatch) -> None:
    cpu = Series("t", "node_cpu_ratio", {}, {"node": "h1"})
    batch = make_batch(cpu, [*([0.09, 0.11] * 90), *([0.9] * 12), *([0.1] * 60)])
    found = trace([batch], DetectSettings())
    assert len(found.line) == len(batch)
    assert [one.state for one in found.anomalies][:1] == ["start"]
    assert found.band.window == "5m"
    during = (found.band.times_ms >= batch.timestamp_ms[180]) & (found.band.times_ms < batch.timestamp_ms[192])
    assert np.nanmax(found.band.high[during]) < 0.9
    assert np.isnan(found.band.high[0])


def test_a_long_recording_is_asked_for_its_band_no_more_often_than_a_plot_is_wide(make_batch: MakeBatch) -> None:
    batch = make_batch(Series("t", "cpu"), [1.0, 2.0] * 2000, every_s=1)
    found = trace([batch], DetectSettings())
    assert len(found.line) == 4000
    assert 0.5 * MAX_BANDS < len(found.band.times_ms) <= MAX_BANDS
