"""The benchmark of habits: its arithmetic, and that its results are whole."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def root_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_what_is_usual_is_seen_before_it_comes() -> None:
    from benchmarks.habits import INTERVAL_S, Watched, mase
    from benchmarks.planted.plans import DAILY
    from benchmarks.planted.signals import random_of, record

    recording = record(DAILY, INTERVAL_S, 21.0, [random_of("habits", case) for case in range(2)])
    watched = Watched(recording)
    assert watched.means.shape == (21 * 24, 2)
    assert np.isnan(watched.usual[:20]).all()
    assert np.isfinite(watched.usual[7 * 24 :]).all()
    assert mase(watched) < 1.0
    recording.noise[:, 20 * 288 + 6 :] += 1000.0  # the second half of an hour, of which the first was seen
    assert np.array_equal(Watched(recording).usual[: 20 * 24 + 1], watched.usual[: 20 * 24 + 1], equal_nan=True)


def test_errors_have_recovered_once_six_hours_are_as_good_as_before() -> None:
    from benchmarks.habits import AFTER_H, SHIFT_H, recovery

    errors = np.ones((SHIFT_H + AFTER_H, 3))
    errors[SHIFT_H : SHIFT_H + 4] = 10.0
    errors[SHIFT_H + 24 :] = 1.1
    found = recovery(errors)
    assert (found["hours"], found["met"], found["speaks"]) == (4, 1, 1.0)
    assert found["ratio"] == pytest.approx(1.1)
    errors[SHIFT_H:] = np.nan
    silent = recovery(errors)
    assert (silent["hours"], silent["met"], silent["speaks"]) == (AFTER_H, 0, 0.0)
    assert "ratio" not in silent


def test_an_alert_counts_beyond_the_probation_and_finds_the_window_that_it_starts_in() -> None:
    from benchmarks.habits import alerts_of, distances
    from benchmarks.nab.data import Recording

    values = np.tile([9.0, 11.0], 100)
    values[[20, 100, 150]] = 30.0
    file = Recording("a", 600_000 * np.arange(200), values, [(95, 105), (170, 180)], 0)
    away = distances(file)
    assert away[20] > 3
    assert alerts_of([file], [away], 3.0) == (1, 2)


def test_the_last_results_hold_every_part_on_the_seed_that_is_held_out() -> None:
    from benchmarks.habits import RESULTS, SIGNALS
    from benchmarks.parts import HELD_OUT_SEED

    results = json.loads(RESULTS.read_text())
    assert results["habits_seed"] == HELD_OUT_SEED
    assert set(results) >= {f"mase_{signal.name}" for signal in SIGNALS}
    assert set(results) >= {"recovery_daily_1h_hours", "static_fewer", "single_batch_us", "single_sample_us", "date"}
