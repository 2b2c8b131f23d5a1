"""What every detector must hold; its test calls ``check_detector``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from models.base import Detector

Floats = npt.NDArray[np.float64]
Factory = Callable[[], Detector]
STEP_MS: Final = 15_000
_START_MS: Final = 1_700_000_000_000
_SAMPLES: Final = 3_000
# Positive after a fall, too, as most of what is measured.
_LEVEL: Final = 20.0


def check_detector(factory: Factory) -> None:
    """Raise AssertionError with a sentence if a detector breaks the house's rules.

    Snapshot and restore give the same scores; input is never mutated; memory reaches a plateau; NaN, infinities and
    constants are survived; scores are finite and never negative, stay at 1.0 or below on plain noise, and exceed 1.0
    where a level rises or falls.

    Examples
    --------
    >>> from models.detectors.page_hinkley import PageHinkley
    >>> check_detector(PageHinkley)
    """
    noise = _LEVEL + np.random.default_rng(5).standard_normal(_SAMPLES)
    for shift in (12.0, -12.0):
        _check_convention(factory, noise, shift)
    _check_snapshot(factory, noise)
    _check_scoring_changes_nothing(factory, noise)
    _check_odd_values(factory, noise)
    _check_plateau(factory, noise)


def _times(count: int) -> npt.NDArray[np.int64]:
    return _START_MS + STEP_MS * np.arange(count, dtype=np.int64)


def _check_convention(factory: Factory, noise: Floats, shift: float) -> None:
    values = noise.copy()
    values[2_000:] += shift
    times, kept = _times(len(values)), values.copy()
    scores = factory().run(times, values)
    assert np.array_equal(values, kept), "a detector changed its input"
    assert len(scores) == len(values), "not one score a sample"
    assert np.isfinite(scores).all(), "a score is not finite"
    assert scores.min() >= 0.0, "a score is negative"
    assert np.mean(scores[:2_000] > 1.0) <= 0.01, "plain noise scores above 1.0 in more than 1 %"
    assert scores[2_000:2_240].max() > 1.0, f"a shift of {shift:+g} sigma is not seen within an hour"


def _check_snapshot(factory: Factory, noise: Floats) -> None:
    times = _times(len(noise))
    one = factory()
    one.run(times[:2_000], noise[:2_000])
    other = type(one).restore(one.snapshot(), one.settings)
    tail = noise[2_000:] + 3.0
    assert np.array_equal(one.run(times[2_000:], tail), other.run(times[2_000:], tail)), "restored scores differ"


def _check_scoring_changes_nothing(factory: Factory, noise: Floats) -> None:
    times = _times(200)
    one = factory()
    one.run(times[:-1], noise[:199])
    at_ms = int(times[-1])
    first = one.score_one(at_ms, 50.0)
    assert one.score_one(at_ms, 50.0) == first, "scoring twice gives two scores"


def _check_odd_values(factory: Factory, noise: Floats) -> None:
    times = _times(len(noise))
    values = noise.copy()
    values[100::97] = math.nan
    values[150::131] = math.inf
    assert np.isfinite(factory().run(times, values)).all(), "NaN or infinity came through"
    scores = factory().run(times, np.full(len(times), _LEVEL))
    assert scores.max() <= 1.0, "a constant is called anomalous"


def _check_plateau(factory: Factory, noise: Floats) -> None:
    one = factory()
    times = _times(2 * len(noise))
    one.run(times[: len(noise)], noise)
    half = len(one.snapshot())
    one.run(times[len(noise) :], noise[::-1])
    assert len(one.snapshot()) <= 1.5 * half + 1_024, "memory grows with the samples"
