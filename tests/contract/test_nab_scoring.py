"""Our scorer makes of the published scores the published figures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "../shared/data"
needs_data = pytest.mark.skipif(
    not (DATA / "nab-scores").is_dir(), reason="the NAB files are not beside the repository"
)


@pytest.fixture(autouse=True)
def root_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


@needs_data
@pytest.mark.parametrize(
    ("detector", "published"),
    [("numenta", 70.10), ("contextOSE", 69.90), ("ARTime", 74.85), ("knncad", 57.99), ("windowedGaussian", 39.65)],
)
def test_published_scores_become_the_published_figure(detector: str, published: float) -> None:
    from benchmarks.nab.data import read_recordings, read_scores
    from benchmarks.nab.scoring import best

    recordings = read_recordings(DATA / "nab")
    scores = read_scores(DATA / "nab-scores" / f"{detector}.csv.gz")
    assert best(recordings, [scores[one.name] for one in recordings]).score == pytest.approx(published, abs=0.01)


def test_a_held_threshold_counts_what_reaches_it() -> None:
    from benchmarks.nab.data import Recording
    from benchmarks.nab.scoring import alarms, total_at

    one = Recording("a", np.arange(100), np.zeros(100), [(50, 59)], 0)
    scores = np.zeros(100)
    scores[[20, 50, 55]] = 0.5, 0.7, 0.9
    assert total_at([one], [scores], 1.0) == 0.0
    assert total_at([one], [scores], 0.6) == pytest.approx(100.0)
    assert total_at([one], [scores], 0.5) == pytest.approx(100.0 - 5.5)
    assert 50.0 < total_at([one], [scores], 0.8) < 100.0
    assert alarms([one], [scores], 0.5) == 3
