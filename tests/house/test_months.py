"""The benchmark of days of the month: its series, its days, and that its results are whole."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def root_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_a_seed_makes_the_same_series_and_another_seed_others() -> None:
    from benchmarks.months import KINDS, YEAR, lives_of

    one, again, other = (lives_of(KINDS[0], YEAR, key, 1)[0].values for key in ("3", "3", "4"))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_loads_lie_on_their_day_of_the_month_and_a_missed_one_is_none() -> None:
    from benchmarks.months import HALF_YEAR, KINDS, MISSED, START_MS, lives_of

    for kind in KINDS:
        (life,), (missed,) = (lives_of(kind, HALF_YEAR, "3", 1, number) for number in (-1, MISSED))
        for number, (first, last) in enumerate(life.loads):
            day = datetime.fromtimestamp(START_MS / 1000, UTC) + timedelta(hours=first)
            assert (day.day if kind.day > 0 else -1 if (day + timedelta(days=1)).day == 1 else 0) == kind.day
            span = slice(first * HALF_YEAR.an_hour, last * HALF_YEAR.an_hour)
            same = np.array_equal(life.values[span], missed.values[span])
            assert same == (number != MISSED), kind.name


def test_what_is_usual_is_asked_as_soon_as_it_is_known() -> None:
    from benchmarks.months import BOTH, HALF_YEAR, KINDS, judged, lives_of

    values = np.array([one.values for one in lives_of(KINDS[0], HALF_YEAR, "3", 1)])[:, : 8 * 1440]
    (_, make), _ = BOTH
    told = judged(values, HALF_YEAR, make)
    assert np.isfinite(told.usual[0, 30:192]).sum() > 100
    assert np.isnan(told.usual[0, 192:]).all()


def test_the_last_results_hold_every_kind_and_what_was_never_tuned_on() -> None:
    from benchmarks.months import KINDS, RESULTS
    from benchmarks.parts import HELD_OUT_SEED

    if not RESULTS.exists():
        pytest.skip("make bench-months has not been run for this release")
    results = json.loads(RESULTS.read_text())
    assert results["months_seed"] == HELD_OUT_SEED
    measures = ("mase", "mase_day", "quiet", "fault_day", "fault_ordinary", "absent")
    wanted = {f"months_{kind.name}_{name}{end}" for kind in KINDS for name in measures for end in ("", "_without")}
    assert set(results) >= {"cpu_model", "date", "months_gaussian_false_per_year", *wanted}
    assert all(isinstance(value, str | int | float) for value in results.values())
