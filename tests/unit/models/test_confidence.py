"""How sure an anomaly is: a probability, its reasons, and that neither depends on how samples were cut into batches."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.confidence import (
    DAY_MS,
    FEATURES,
    HOUR_MS,
    LOW_CONFIDENCE,
    MINUTE_MS,
    Evidence,
    features,
    precision_of,
    probability,
    reasons,
    since,
)
from models.confidence_fit import ORIGIN, PRECISION, WEIGHTS
from models.detect import DetectOperator, DetectSettings
from schemas.series import Series
from tests.unit.models.streams import batch_of, stream

NEVER = 10**15
SURE = Evidence(8.0, 3, 5, 60_000, 20 * DAY_MS, 15_000, NEVER, NEVER, 0.0, 0.2)
QUEUE = Series("t", "queue_depth", {"host": "h"}, {"node": "h"})

times = st.integers(0, 400 * DAY_MS)
evidence = st.builds(
    Evidence,
    peak=st.floats(1, 100),
    agreed=st.integers(0, 5),
    speaking=st.integers(0, 5),
    lasted_ms=times,
    age_ms=times,
    interval_ms=st.integers(0, DAY_MS),
    shifted_ms=times,
    drifted_ms=times,
    alarms=st.floats(0, 1e6),
    known=st.floats(0, 4),
)


@given(evidence)
def test_whatever_is_known_confidence_is_a_probability_and_never_certain(seen: Evidence) -> None:
    assert 0.01 <= probability(seen) <= 0.99
    assert np.isfinite(features(seen)).all()


@given(evidence, st.floats(0.1, 50))
def test_a_series_that_alarms_often_is_trusted_less(seen: Evidence, more: float) -> None:
    assert probability(seen._replace(alarms=seen.alarms + more)) <= probability(seen)


@given(evidence)
@pytest.mark.parametrize(
    ("doubt", "more"),
    [
        ("drifted_ms", lambda seen: seen.drifted_ms // 2),
        ("shifted_ms", lambda seen: seen.shifted_ms // 2),
        ("age_ms", lambda seen: seen.age_ms // 2),
        ("peak", lambda seen: max(1.0, seen.peak / 2)),
        ("agreed", lambda seen: max(0, seen.agreed - 1)),
        ("known", lambda seen: seen.known + 0.5),
    ],
)
def test_what_makes_it_doubtful_makes_it_no_surer(
    doubt: str, more: Callable[[Evidence], float], seen: Evidence
) -> None:
    assert probability(seen._replace(**{doubt: more(seen)})) <= probability(seen)


@pytest.mark.parametrize("on", [2, 3, 4, 5])
def test_windows_that_are_switched_off_are_not_missed(on: int) -> None:
    assert probability(SURE._replace(agreed=on, speaking=on)) >= LOW_CONFIDENCE


@given(evidence)
def test_where_it_has_been_before_is_trusted_less(seen: Evidence) -> None:
    assert probability(seen._replace(known=1.2)) <= probability(seen._replace(known=0.3))


def test_the_weights_that_ship_are_those_of_the_features_and_say_where_they_come_from() -> None:
    assert list(WEIGHTS) == list(FEATURES)
    assert {"planted", "commit"} <= {part.split()[0] for part in ORIGIN}
    assert all(0.0 < value < 1.0 for value in PRECISION.values())
    assert "drift" in PRECISION


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({}, ["2 of 5 windows do not agree"]),
        ({"agreed": 5}, []),
        ({"agreed": 5, "age_ms": 5 * MINUTE_MS}, ["short history: 5 min", "few samples: 20"]),
        ({"agreed": 5, "age_ms": 23 * HOUR_MS}, ["short history: 23 h"]),
        ({"agreed": 1, "speaking": 1}, ["one window speaks"]),
        ({"agreed": 5, "drifted_ms": 3 * HOUR_MS}, ["drift lately: 3 h ago"]),
        ({"agreed": 5, "shifted_ms": 40 * MINUTE_MS}, ["a new level lately: 40 min ago"]),
        ({"agreed": 5, "known": 1.0}, ["it was as far off within the week before"]),
        ({"agreed": 5, "alarms": 4.2}, ["often anomalous lately: about 4 times in some days"]),
        ({"agreed": 5, "age_ms": 90 * DAY_MS, "interval_ms": 2 * DAY_MS}, ["few samples: 45"]),
    ],
)
def test_what_makes_it_unsure_is_said_in_plain_words(changed: dict[str, int], told: list[str]) -> None:
    assert reasons(SURE._replace(**changed)) == told


def test_what_was_never_or_in_an_earlier_life_is_long_ago() -> None:
    assert since(5_000, 0, 1_000) == since(5_000, 900, 1_000) > 100 * DAY_MS
    assert since(5_000, 2_000, 1_000) == 3_000


def test_a_detector_without_a_measured_precision_is_a_coin_and_says_so() -> None:
    assert precision_of("mine") == (0.5, "one detector; how often it is right was not measured")
    assert precision_of("drift")[0] == PRECISION["drift"]


SHIFT = 3 * 1440


def noisy(seed: int, minutes: int) -> np.ndarray:
    return 100 + 5 * np.random.default_rng(seed).standard_normal(minutes)


def life() -> list[float]:
    """A quiet day, a spike, a level that moves up by a fifth, and spikes again."""
    values = 100 + 2 * np.random.default_rng(3).standard_normal(4 * 1440)
    values[1500:1504] += 90
    values[SHIFT:] += 18
    values[SHIFT + 500 : SHIFT + 504] += 120
    values[SHIFT + 700 : SHIFT + 704] += 120
    return values.tolist()


def test_a_drift_and_earlier_episodes_count_as_of_each_anomaly_whatever_the_cuts() -> None:
    samples = stream(QUEUE, life(), step_ms=60_000)
    whole = DetectOperator(DetectSettings(), 0, 1)
    told = whole.step_batch(batch_of(samples))
    starts = [one for one in told if one.state == "start" and one.detector == "windows"]
    assert any(one.kind == "drift" for one in told)
    assert len(starts) >= 3
    assert not any("drift lately" in reason for reason in starts[0].confidence_reasons)
    assert any("drift lately" in reason for one in starts[1:] for reason in one.confidence_reasons)
    for cut in (1, 7, 333):
        operator = DetectOperator(DetectSettings(), 0, 1)
        parts = [samples[at : at + cut] for at in range(0, len(samples), cut)]
        assert [one for part in parts for one in operator.step_batch(batch_of(part))] == told
        whole.mark_all()
        operator.mark_all()
        assert dict(operator.take_blocks()) == dict(whole.take_blocks())


def test_a_restored_stage_is_as_sure_as_one_that_was_never_stopped() -> None:
    samples = stream(QUEUE, life(), step_ms=60_000)
    whole = DetectOperator(DetectSettings(), 0, 1)
    told = whole.step_batch(batch_of(samples))
    for cut in (1502, SHIFT + 300, SHIFT + 502):
        first, second = DetectOperator(DetectSettings(), 0, 1), DetectOperator(DetectSettings(), 0, 1)
        before = first.step_batch(batch_of(samples[:cut]))
        for key, value in first.take_blocks():
            if value is not None:
                second.load_block(key, value)
        second.finish_load()
        assert before + second.step_batch(batch_of(samples[cut:])) == told


def test_the_sixth_spike_of_a_day_is_trusted_less_than_the_first() -> None:
    values = noisy(3, 4 * 1440)
    for hour in range(6):
        values[2 * 1440 + 120 * hour : 2 * 1440 + 120 * hour + 4] += 150
    found = DetectOperator(DetectSettings(), 0, 1).step_batch(batch_of(stream(QUEUE, values.tolist(), step_ms=60_000)))
    starts = [one for one in found if one.state == "start"]
    assert len(starts) >= 3
    assert starts[-1].confidence < starts[0].confidence
    assert "it was as far off within the week before" in starts[-1].confidence_reasons
