"""The benchmark of several signals together: its worlds, its peers, and that its results are whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def root_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_a_seed_makes_the_same_worlds_and_another_seed_others() -> None:
    from benchmarks.entities.worlds import FAULTS, faulty, random_of

    for kind in FAULTS:
        one, again, other = (faulty(kind, 2880, 6, random_of(seed, kind)) for seed in (3, 3, 4))
        assert np.array_equal(one.values, again.values), kind
        assert not np.array_equal(one.values, other.values), kind
        assert 1440 <= one.start < one.end < 2880, kind


def test_a_fault_lies_within_what_its_series_show_every_day() -> None:
    from benchmarks.entities.worlds import FAULTS, faulty, random_of

    for kind in FAULTS:
        distances = []
        for seed in range(20):
            world = faulty(kind, 2880, 6, random_of(seed, kind))
            (planted,) = world.planted
            before, during = world.values[: world.start, planted], world.values[world.start : world.end, planted]
            distances.append(abs(during.mean() - before.mean()) / before.std())
        assert np.median(distances) < 2.5, kind


def test_a_planted_fault_is_found_and_ranked_first_by_ours() -> None:
    from benchmarks.entities import ours
    from benchmarks.entities.worlds import faulty, random_of

    world = faulty("moves_alone", 4 * 1440, 8, random_of(1, "x"))
    found = [one for one in ours.run([world.values]).found if world.start <= one.told <= world.end]
    assert [one.first for one in found] == list(world.planted)


def test_the_peers_look_at_no_minute_to_come() -> None:
    from benchmarks.entities.peers import alone, half_space_trees
    from benchmarks.entities.worlds import QUIETS, random_of

    values = QUIETS["daily"](1600, 3, random_of(1, "peers"))
    assert np.array_equal(alone(values)[:1500], alone(values[:1500]))
    assert np.array_equal(half_space_trees(values, 1).scores[:1500], half_space_trees(values[:1500], 1).scores)


def test_the_forest_compares_a_day_with_the_days_before_it_alone() -> None:
    from benchmarks.entities.forest import day_features
    from benchmarks.entities.worlds import A_DAY, QUIETS, random_of

    values = QUIETS["daily"](5 * A_DAY, 4, random_of(1, "forest"))
    assert np.array_equal(day_features(values)[:3], day_features(values[: 4 * A_DAY]))
    odd = values.copy()
    odd[4 * A_DAY :, 2] += 100.0
    before, day = odd[: 4 * A_DAY, 2], odd[4 * A_DAY :, 2]
    assert day_features(odd)[-1, 0] == pytest.approx(abs(day.mean() - before.mean()) / before.std())


def test_the_last_results_hold_every_kind_and_what_was_never_tuned_on() -> None:
    from benchmarks.entities.__main__ import RESULTS
    from benchmarks.entities.worlds import FAULTS, QUIETS
    from benchmarks.parts import HELD_OUT_SEED

    if not RESULTS.exists():
        pytest.skip("make bench-entities has not been run for this release")
    results = json.loads(RESULTS.read_text())
    assert results["entities_seed"] == HELD_OUT_SEED
    faults = [f"{who}_{kind}_detected" for who in ("entities", "alone", "hst") for kind in FAULTS]
    quiet = [f"entities_false_{kind}_a_month{end}" for kind in QUIETS for end in ("", "_low", "_high")]
    assert set(results) >= {"entities_us_a_minute", "stage_loss", "forest_auc", "cpu_model", *faults, *quiet}
