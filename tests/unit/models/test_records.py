"""The records detector: what recurs is told once, scale does not matter, nothing looks ahead."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.detectors.records import Records

STEP_MS = 300_000
NOISE = np.random.default_rng(11).normal(0.0, 1.0, 4_000)


def scores(values: np.ndarray, step_ms: int = STEP_MS) -> np.ndarray:
    return Records().run(step_ms * np.arange(1, len(values) + 1, dtype=np.int64), values)


def alarms(values: np.ndarray) -> list[int]:
    return np.flatnonzero(scores(values) > 1.0).tolist()


def test_a_spike_is_told_once_and_its_like_not_again() -> None:
    values = NOISE.copy()
    values[[2_000, 3_000, 3_500]] = 20.0
    assert 2_000 in alarms(values)
    assert not {3_000, 3_500} & set(alarms(values))


def test_a_much_bigger_one_is_told_soon_after_another() -> None:
    values = NOISE.copy()
    values[2_000], values[2_010], values[2_020] = 9.0, 9.5, 60.0
    assert [at for at in alarms(values) if 1_990 < at < 2_030] == [2_000, 2_020]


def test_a_shift_that_lasts_is_seen_though_no_value_is_a_record() -> None:
    values = np.tile([0.0, 10.0], 2_000)
    values[3_000:] = 10.0
    assert any(3_000 <= at < 3_010 for at in alarms(values))


def test_what_comes_every_day_is_known_after_the_first() -> None:
    day = np.zeros(288)
    day[100:120] = 50.0
    values = np.tile(day, 14) + 0.1 * np.resize(NOISE, 288 * 14)
    assert [at for at in alarms(values) if at > 3 * 288] == []


@pytest.mark.parametrize(("factor", "offset"), [(1e-9, 0.0), (1e9, 0.0), (1.0, 1e6), (-1.0, 3.0)])
def test_scale_and_origin_do_not_matter(factor: float, offset: float) -> None:
    values = NOISE.copy()
    values[2_000:] += 30.0
    assert alarms(values * factor + offset) == alarms(values)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=300),
    st.lists(st.integers(min_value=1, max_value=2**45), min_size=300, max_size=300),
    st.integers(min_value=0, max_value=300),
)
def test_any_input_scores_finitely_and_the_future_changes_nothing(
    values: list[float], times: list[int], cut: int
) -> None:
    at = np.array(times[: len(values)], np.int64)
    whole = Records().run(at, np.array(values))
    assert np.isfinite(whole).all()
    assert whole.min() >= 0.0
    first = Records()
    head = first.run(at[:cut], np.array(values[:cut]))
    tail = Records.restore(first.snapshot()).run(at[cut:], np.array(values[cut:]))
    assert np.array_equal(np.concatenate([head, tail]), whole)
