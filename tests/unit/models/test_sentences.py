"""Where a value lies among what its hour of the week usually shows."""

from __future__ import annotations

import numpy as np
import pytest

from models.usual import HourState, percentile_of, usual_hour
from models.verdict import Minute, Subject, drift_anomalies
from schemas.series import Series

WEEKS, A_WEEK = 4, 12
DRAWS = {
    "normal": lambda chance, shape: chance.normal(0.0, 1.0, shape),
    "heavy tails": lambda chance, shape: chance.standard_t(3, shape),
    "to one side": lambda chance, shape: chance.lognormal(0.0, 0.6, shape),
}


def hour_of(means: np.ndarray) -> HourState:
    """What four weeks of twelve means leave of an hour, with no chance of their own taken out."""
    weekly = np.median(means, axis=1)
    center = float(weekly.mean())
    error = float(np.abs(weekly - center).mean())
    return HourState(float(means.min()), center, float(means.max()), error, 0.0, 0.0, hour=9, seen=WEEKS)


@pytest.mark.parametrize("kind", DRAWS)
def test_about_so_many_values_lie_beyond_a_percentile_as_it_says(kind: str) -> None:
    chance = np.random.default_rng(11)
    found = []
    for _ in range(300):
        state = hour_of(DRAWS[kind](chance, (WEEKS, A_WEEK)))
        found += [percentile_of(float(one), state, is_sample=False) for one in DRAWS[kind](chance, 100)]
    beyond = {limit: 100.0 * float(np.mean(np.array(found) > limit)) for limit in (90.0, 99.0, 99.9)}
    assert 2.0 < beyond[90.0] < 16.0
    assert 0.05 < beyond[99.0] < 3.0
    assert beyond[99.9] < 0.6


def test_the_chance_of_a_single_sample_counts_where_samples_are_judged() -> None:
    state = HourState(9.9, 10.0, 10.1, 0.01, inside=1.0, share=0.01, hour=9, seen=WEEKS)
    assert percentile_of(12.0, state, is_sample=True) < 99.0
    assert percentile_of(12.0, state, is_sample=False) > 99.9


def test_a_percentile_rises_with_the_value_and_an_hour_that_never_differed_is_no_trouble() -> None:
    state = HourState(2.0, 3.0, 9.0, 0.1, 0.2, 0.5, hour=0, seen=-2)
    found = [percentile_of(value, state, is_sample=False) for value in np.linspace(-50, 90, 200)]
    assert found == sorted(found)
    still = HourState(5.0, 5.0, 5.0, 0.0, 0.0, 1.0, hour=0, seen=9)
    told = [percentile_of(value, still, is_sample=False) for value in (4.9, 5.0, 5.1, 1e300, -1e300)]
    assert told == [pytest.approx(one, abs=1e-3) for one in (0.0, 50.0, 100.0, 100.0, 0.0)]


@pytest.mark.parametrize(
    ("value", "center", "ratio"), [(6.0, 3.0, 2.0), (-6.0, -3.0, 2.0), (5.0, 0.0, None), (-1.0, 3.0, None)]
)
def test_a_ratio_is_said_where_it_means_something(value: float, center: float, ratio: float | None) -> None:
    state = HourState(center - 1.0, center, center + 1.0, 0.1, 0.0, 1.0, hour=0, seen=3)
    found = usual_hour(value, state, is_sample=True)
    assert found is not None
    assert found.ratio == ratio
    assert usual_hour(value, state._replace(seen=0), is_sample=True) is None


@pytest.mark.parametrize(
    ("mean", "since_ms", "said"),
    [
        (0.492, 1_790_078_400_000, "CPU of node h1 is up 20 %: 41 % to 49.2 % since 12:00; seen at 15:31:00"),
        (0.492, 1_789_905_600_000, "CPU of node h1 is up 20 %: 41 % to 49.2 % since Sunday 12:00; seen at 15:31:00"),
        (0.3, 0, "CPU of node h1 is down 27 %: 41 % to 30 %; seen at 15:31:00"),
        (0.411, 1_790_078_400_000, "CPU of node h1 is back at 41.1 % since 12:00; seen at 15:31:00"),
    ],
)
def test_a_drift_says_by_how_much_from_what_to_what_and_since_when(mean: float, since_ms: int, said: str) -> None:
    cpu = Series("t", "node_cpu_ratio", {"host": "h1"}, {"node": "h1"})
    minute = Minute(1_790_091_060_000, mean, 0.41, 0.03, since_ms)
    start, end = drift_anomalies(minute, Subject(cpu, cpu.id), "page_hinkley")
    assert (start.state, end.state, start.explanation) == ("start", "end", said)
    assert start.changed_ms == (since_ms or None)
