"""The benchmark of new series: its arithmetic, what it ships, and that its results are whole."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAB = ROOT.parent / "shared" / "data" / "nab"


@pytest.fixture(autouse=True)
def root_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_false_alarms_of_young_series_stand_beside_what_mature_ones_have_in_as_much_time() -> None:
    from benchmarks.cold_start.measuring import Pace, _rates

    pace = Pace(60.0, steps=10, young=100, mature=10, mature_days=11.0)
    day = 86_400.0
    keys = _rates(pace, [30.0, 3000.0, 3700.0], [100.0, 2 * day, 3 * day, 9 * day])
    assert (keys["first_60_false"], keys["first_hour_false"]) == (2, 2)
    assert keys["mature_per_series_day"] == pytest.approx(0.03)
    assert keys["first_hour_expected"] == pytest.approx(0.03 / 24 * 100)


def test_a_tenth_of_the_cases_takes_a_tenth_of_the_series() -> None:
    from benchmarks.cold_start.measuring import PACES, scaled

    one = scaled(PACES[0], 30)
    assert (one.steps, one.young) == (PACES[0].steps // 10, PACES[0].young // 10)
    assert one.interval_s == PACES[0].interval_s


def test_the_priors_that_ship_are_what_nab_teaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.cold_start import shipped
    from models.priors import SHIPPED, SHIPPED_SHA256

    if not (NAB / "windows.json").is_file():
        pytest.skip("NAB's data are not here")
    module = tmp_path / "priors.py"
    module.write_text('SHIPPED_SHA256: Final = "0"\n')
    monkeypatch.setattr(shipped, "SHIPPED", tmp_path / "priors.json")
    monkeypatch.setattr(shipped, "_MODULE", module)
    assert shipped.ship(shipped.learned(NAB)) == SHIPPED_SHA256
    assert (tmp_path / "priors.json").read_bytes() == SHIPPED.read_bytes()
    assert SHIPPED_SHA256 in module.read_text()
    assert hashlib.sha256(SHIPPED.read_bytes()).hexdigest() == SHIPPED_SHA256


def test_the_last_results_hold_every_generator_at_every_interval() -> None:
    from benchmarks.cold_start.__main__ import HELD_OUT_SEED, RESULTS
    from benchmarks.cold_start.measuring import PACES
    from benchmarks.planted.quiet import SIGNALS

    if not RESULTS.exists():
        pytest.skip("the benchmark has not been run for this release")
    results = json.loads(RESULTS.read_text())
    assert results["cold_seed"] == HELD_OUT_SEED
    for pace in PACES:
        assert results[f"cold_{pace.interval_s:g}s_found"] > 0.8
        assert {f"cold_{one.name}_{pace.interval_s:g}s_found" for one in SIGNALS} <= set(results)
