"""The benchmark of times to a limit: its series, its arithmetic, and that its results are whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from schemas.events import TimeToLimit

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def root_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_a_seed_makes_the_same_fills_and_another_seed_others() -> None:
    from benchmarks.eta.fills import FILLS, fills

    one, again, other = fills(3, 1), fills(3, 1), fills(4, 1)
    assert [fill.kind for fill in one] == list(FILLS)
    assert all(np.array_equal(a.values, b.values) for a, b in zip(one, again, strict=True))
    assert not any(np.array_equal(a.values, b.values) for a, b in zip(one, other, strict=True))


def test_a_fill_is_full_where_it_says_and_not_before() -> None:
    from benchmarks.eta.fills import fills

    for fill in fills(5, 1):
        assert fill.values[fill.full_at] == 1.0, fill.kind
        assert fill.values[: fill.full_at].max() < 1.0, fill.kind


def test_what_never_fills_stays_below_its_limit() -> None:
    from benchmarks.eta.fills import A_DAY, days_of, random_of
    from benchmarks.eta.quiets import QUIETS

    for kind, make in QUIETS.items():
        values = make(random_of(6, kind), days_of(14 * A_DAY))
        assert len(values) == 14 * A_DAY, kind
        assert 0.0 < values.min() <= values.max() < 1.0, kind


@pytest.mark.parametrize(
    ("actual_s", "held"),
    [(50.0, (False, False)), (80.0, (False, True)), (100.0, (True, True)), (500.0, (False, True))],
)
def test_an_interval_holds_between_its_ends_and_beyond_an_open_one(actual_s: float, held: tuple[bool, bool]) -> None:
    from benchmarks.eta.measuring import Answer

    left = TimeToLimit(limit=1, per_day=1, p50_s=100, low_80_s=90, high_80_s=120, low_95_s=70)
    answer = Answer(left, actual_s)
    assert (answer.holds(80), answer.holds(95)) == held


def test_an_even_fill_is_estimated_and_paged_for() -> None:
    from benchmarks.eta.fills import A_DAY, Fill, days_of
    from benchmarks.eta.measuring import score, watched

    fill = Fill("even", 0.4 + 0.15 * days_of(4 * A_DAY), 4 * A_DAY)
    (found,) = watched([fill])
    keys = score([found])
    assert len(found.sure) == 3
    assert keys["error_p90"] < 0.01
    assert keys["paged_24h_share"] == 1.0


def test_the_last_results_hold_every_kind_and_what_was_never_tuned_on() -> None:
    from benchmarks.eta.__main__ import RESULTS
    from benchmarks.eta.fills import FILLS
    from benchmarks.eta.quiets import QUIETS
    from benchmarks.parts import HELD_OUT_SEED

    if not RESULTS.exists():
        pytest.skip("make bench-eta has not been run for this release")
    results = json.loads(RESULTS.read_text())
    assert results["eta_seed"] == HELD_OUT_SEED
    assert results["eta_fills"] >= 200
    kinds = [f"eta_{kind}_coverage_{share}" for kind in FILLS for share in (80, 95)]
    quiet = [f"false_{kind}_pages_a_month" for kind in QUIETS]
    assert set(results) >= {"eta_coverage_80", "eta_coverage_95", "cpu_model", "date", *kinds, *quiet}
    assert all(isinstance(value, str | int | float) for value in results.values())
