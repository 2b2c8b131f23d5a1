"""The benchmark of contributions: its cases, its arithmetic, and that its results are whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from schemas.events import Anomaly, Contribution

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def root_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def anomaly(identity: str, score: float, **shares: float) -> Anomaly:
    told = [Contribution(of=name.lstrip("_"), value=value) for name, value in shares.items()]
    return Anomaly.model_construct(id=identity, score=score, base=0.0, contributions=told)


def test_importance_counts_each_episode_once_by_its_highest_score() -> None:
    from metrics_ai.importance import importance_of

    told = [
        anomaly("a", 2.0, _5m=2.0),
        anomaly("a", 4.0, _5m=3.0, _1h=1.0),
        anomaly("a", 0.5, _1h=0.5),
        anomaly("b", 100.0, _1h=100.0),
    ]
    assert importance_of(told) == {"1h": 0.625, "5m": 0.375}


def test_a_score_that_does_not_add_up_is_found() -> None:
    from benchmarks.contributions.measuring import error_of

    assert error_of([anomaly("a", 2.0, _5m=1.5, _1h=0.5), anomaly("b", 3.0, _5m=2.75)]) == 0.25


@pytest.mark.parametrize(
    ("other", "correlation"),
    [({"5m": 9.0, "1h": 2.0}, 1.0), ({"7d": 3.0, "24h": 2.0, "1h": 1.0}, -0.516), ({"1h": 2.0, "5m": 1.0}, 0.875)],
)
def test_rankings_are_compared_by_spearmans_correlation(other: dict[str, float], correlation: float) -> None:
    from benchmarks.contributions.measuring import spearman

    assert spearman({"5m": 0.9, "1h": 0.1}, other) == pytest.approx(correlation, abs=1e-3)


def test_signals_of_a_node_go_together_and_a_fault_leaks_into_two_others() -> None:
    from benchmarks.contributions.cases import nodes_of, sizes_of

    sizes = np.array([sizes_of(node, 1) for node in range(4)])
    assert np.sort(sizes, axis=1)[:, :3].max() == 0.0
    leaks = np.sort(sizes, axis=1)[:, 3:5]
    assert leaks.min() >= 0.3
    assert leaks.max() <= 0.6
    assert sizes.max(axis=1).tolist() == [1.0] * 4
    found = nodes_of(sizes, 1)
    together = np.corrcoef(found.noise)
    assert together[0, 1:6] == pytest.approx(0.5, abs=0.2)
    assert together[0, 6:] == pytest.approx(0.0, abs=0.2)
    steps = (found.path.max(axis=1) - found.path.min(axis=1)).reshape(4, 6)
    assert steps == pytest.approx(8 * 20.0 * sizes)


@pytest.mark.slow
def test_what_is_planted_is_told_of_and_ranked() -> None:
    from benchmarks.contributions.cases import KINDS, run, run_signals
    from benchmarks.contributions.measuring import error_of

    for kind in KINDS[:2]:
        outcome = run(kind, 10, 1)
        assert (outcome.told, outcome.first) == (10, 10), kind.name
        assert error_of(outcome.anomalies) < 1e-6
    assert run_signals(5, 1).first == 5


def test_the_last_results_are_whole() -> None:
    from benchmarks.contributions.__main__ import CASES, RESULTS
    from benchmarks.contributions.cases import KINDS

    results = json.loads(RESULTS.read_text())
    kinds = [*(kind.name for kind in KINDS), "signal"]
    assert {f"first_{name}_{key}" for name in kinds for key in ("told", "share", "low", "high")} <= set(results)
    assert [results[f"first_{name}_cases"] for name in kinds] == [CASES] * len(kinds)
    assert results["adds_up_error_max"] <= results["adds_up_goal"] == 1e-6
    assert {"adds_up_nab", "importance_spearman_min", "cpu_model", "date"} <= set(results)
