"""Odd samples are no anomaly, however far off and however rarely the series is scraped; huge numbers spoil nothing."""

from __future__ import annotations

import numpy as np
import pytest

from models.detect import DetectOperator, DetectSettings
from schemas.events import Anomaly
from schemas.series import Series
from tests.unit.models.streams import START_MS, Bench, batch_of, stream

WARM = 3_000


def run(values: np.ndarray, step_s: int, **settings: object) -> list[Anomaly]:
    operator = DetectOperator(DetectSettings.model_validate(settings), 0, 1)
    return operator.step_batch(batch_of(stream(Series("t", "queue"), values.tolist(), step_ms=1000 * step_s)))


def noise(seed: int, level: float) -> np.ndarray:
    return level + np.random.default_rng(seed).standard_normal(WARM + 300)


@pytest.mark.parametrize("step_s", [1, 15, 60])
@pytest.mark.parametrize(("level", "glitch"), [(10.0, 60.0), (0.0, 60.0), (1000.0, 5000.0)])
def test_a_single_odd_sample_is_no_anomaly(step_s: int, level: float, glitch: float) -> None:
    for seed in range(10):
        values = noise(seed, level)
        values[WARM] = glitch
        assert run(values, step_s) == []


@pytest.mark.parametrize(("step_s", "needed"), [(1, 3), (15, 2), (60, 2)])
def test_a_few_odd_samples_are_one(step_s: int, needed: int) -> None:
    values = noise(1, 10.0)
    values[WARM : WARM + 3] = 60.0
    start = run(values, step_s)[0]
    assert start.started_ms == START_MS + 1000 * step_s * WARM
    assert start.at_ms == START_MS + 1000 * step_s * (WARM + needed - 1)


def test_without_evidence_asked_for_the_samples_alone_decide() -> None:
    values = noise(1, 10.0)
    values[WARM : WARM + 3] = 60.0
    confirm = {"evidence": 0, "samples": 3}
    assert run(values, 15, confirm=confirm)[0].at_ms == START_MS + 15_000 * (WARM + 2)


@pytest.mark.parametrize("huge", [1.1e100, 1e200, -1.7976931348623157e308])
def test_a_number_that_no_square_fits_is_counted_and_spoils_nothing(bench: Bench, huge: float) -> None:
    series = Series("t", "queue")
    values = noise(1, 10.0)
    values[100:2_000:50] = huge
    values[WARM : WARM + 3] = 60.0
    found = bench.feed_values(series, values.tolist())
    assert [one.started_ms for one in found if one.state == "start"] == [START_MS + 1000 * WARM]
    assert bench.operator.counts["not_finite"] == 38


def test_what_is_told_of_the_largest_numbers_is_json_that_can_be_read(bench: Bench) -> None:
    values = 1e99 * noise(1, 10.0)
    values[:WARM] *= 1e-90
    found = bench.feed_values(Series("t", "queue"), values.tolist())
    assert found
    assert [Anomaly.from_bytes(one.to_bytes()) for one in found] == found
