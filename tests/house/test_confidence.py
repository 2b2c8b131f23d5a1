"""The benchmark of confidence: its arithmetic, its series, and that its results are whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def root_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def drawn(count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and truths by a logistic law of them."""
    random = np.random.default_rng(seed)
    inputs = np.column_stack([np.ones(count), random.standard_normal((count, 2))])
    chance = 1 / (1 + np.exp(-(0.5 + 1.5 * inputs[:, 1] - 1.0 * inputs[:, 2])))
    return inputs, (random.random(count) < chance).astype(float)


def test_the_fit_finds_the_law_that_made_the_data() -> None:
    from benchmarks.confidence.fitting import fit

    inputs, real = drawn(20_000)
    assert fit(inputs, real, np.ones(len(real))) == pytest.approx([0.5, 1.5, -1.0], abs=0.08)


def test_what_counts_twice_is_as_if_it_were_there_twice() -> None:
    from benchmarks.confidence.fitting import fit

    inputs, real = drawn(400)
    twice = fit(np.vstack([inputs, inputs[:100]]), np.concatenate([real, real[:100]]), np.ones(500))
    counts = np.concatenate([np.full(100, 2.0), np.ones(300)])
    assert fit(inputs, real, counts) == pytest.approx(twice, abs=0.05)


def test_a_group_is_judged_by_a_model_that_never_saw_it() -> None:
    from benchmarks.confidence.fitting import chances, crossfitted, fit

    inputs, real = drawn(300)
    groups = ["a"] * 100 + ["b"] * 200
    said = crossfitted(inputs, real, np.ones(300), groups)
    assert np.array_equal(said[:100], chances(inputs[:100], fit(inputs[100:], real[100:], np.ones(200))))


def test_the_calibration_error_is_0_where_what_is_said_holds_and_the_gap_where_it_does_not() -> None:
    from benchmarks.confidence.fitting import bins_of, brier, calibration_error

    said = np.repeat([0.2, 0.8], 50)
    real = np.concatenate([np.repeat([1.0, 0.0], [10, 40]), np.repeat([1.0, 0.0], [40, 10])])
    halves = [said[:50], said[50:]], [real[:50], real[50:]]
    assert all(one.mean() == pytest.approx(two.mean()) for one, two in zip(*halves, strict=True))
    assert calibration_error(bins_of(np.full(100, 0.9), np.ones(100))) == pytest.approx(0.1)
    assert sum(one.count for one in bins_of(said, real)) == 100
    assert brier(np.array([1.0, 0.5]), np.array([1.0, 0.0])) == 0.125


def test_a_seed_makes_the_same_lives_and_another_seed_others() -> None:
    from benchmarks.confidence.lives import LIVES, lived
    from benchmarks.planted.quiet import SIGNALS, Span

    life = Span(LIVES[2].interval_s, 2.0, 4)
    (one, faults), (again, _), (other, _) = (lived(SIGNALS[0], life, seed) for seed in (3, 3, 4))
    assert np.array_equal(one.values, again.values)
    assert not np.array_equal(one.values, other.values)
    assert all(fault.begin_ms < fault.end_ms for fault in faults)


@pytest.mark.parametrize(
    ("at_s", "direction", "real"),
    [
        (50, "up", False),
        (150, "up", True),
        (150, "down", None),
        (300, "up", None),
        (1999, "up", None),
        (9000, "up", False),
    ],
)
def test_an_anomaly_is_real_within_a_fault_and_nobody_knows_just_behind_it(
    at_s: int, direction: str, real: bool | None
) -> None:
    from benchmarks.confidence.lives import Planted, is_real
    from tests.unit.incidents.conftest import make_anomaly

    one = make_anomaly(start_s=at_s, at_s=at_s, direction=direction)
    assert is_real(one, [Planted(0, 1, 100_000, 200_000)]) is real


def test_what_ships_is_written_as_a_module_that_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.confidence import shipping

    monkeypatch.setattr(shipping, "MODULE", tmp_path / "fit.py")
    shipping.write({"one": -1.5}, {"drift": 0.64}, ["seed 1", "commit abc"])
    read: dict[str, object] = {}
    exec((tmp_path / "fit.py").read_text(), read)
    assert (dict(read["WEIGHTS"]), dict(read["PRECISION"])) == ({"one": -1.5}, {"drift": 0.64})  # type: ignore[call-overload]
    assert read["ORIGIN"] == ("seed 1", "commit abc")


def test_the_last_results_are_whole_and_of_the_weights_that_ship() -> None:
    from benchmarks.confidence.__main__ import HELD_OUT_SEED, RESULTS
    from models.confidence_fit import ORIGIN, PRECISION

    if not RESULTS.exists():
        pytest.skip("make bench-confidence has not been run for this release")
    results = json.loads(RESULTS.read_text())
    assert results["confidence_seed"] == HELD_OUT_SEED
    assert f"seed {HELD_OUT_SEED} " in " ".join(ORIGIN)
    for population in ("planted", "nab", "pooled"):
        rows = results[f"confidence_{population}_start_reliability"]
        assert sum(row["count"] for row in rows) == results[f"confidence_{population}_start_count"]
    assert results["confidence_pooled_start_ece"] <= 0.1
    assert PRECISION["drift"] == pytest.approx(results["confidence_drift"], abs=0.006)
