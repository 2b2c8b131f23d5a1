"""The five windows as a detector: the stage's own judgement of one series."""

from __future__ import annotations

import numpy as np
import pytest

from models.detect import DetectOperator
from models.detectors.five_windows import FiveWindows
from models.settings import DetectSettings
from models.trace import make_trace
from schemas.series import Series
from tests.unit.models.streams import START_MS, batch_of, stream

STEP_MS = 15_000


@pytest.mark.parametrize("minutes", [4, 90, 400])
@pytest.mark.parametrize("then", [0.0, 60.0])
def test_it_scores_a_fall_and_a_rise_bit_for_bit_as_the_stage_does(minutes: int, then: float) -> None:
    values = np.random.default_rng(minutes).normal(20.0, 1.0, 4 * minutes + 40)
    values[-40:] = then
    operator = DetectOperator(DetectSettings(), 0, 1)
    told = make_trace(len(values))
    operator.step_batch(batch_of(stream(Series("t", "m"), values.tolist(), step_ms=STEP_MS)), told)
    scores = FiveWindows().run(START_MS + STEP_MS * np.arange(len(values)), values)
    assert scores.tolist() == told["score"].tolist()
    assert scores[-40:].max() > 1.0
