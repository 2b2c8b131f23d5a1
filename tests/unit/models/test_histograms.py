"""Histograms that grow coarser, begin anew, are malformed, or are many."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest

from models import histograms
from models.detect import DetectOperator, DetectSettings
from models.histograms import HistogramBank
from schemas.batch import HistogramPoint, SampleBatch
from schemas.series import Series
from tests.unit.models.streams import START_MS


def batch_of(points: Sequence[HistogramPoint], kind: str = "counter", tenant: str = "t", at: int = 0) -> SampleBatch:
    series = Series(tenant, "latency", {}, {}, kind, "s")
    times = START_MS + 10_000 * (at + np.arange(len(points)))
    rows = np.zeros(len(points), np.int32)
    return SampleBatch(tenant, np.array([series.id], np.uint64), [series.text], rows, times, np.empty(0), list(points))


def derived(bank: HistogramBank, batch: SampleBatch) -> dict[str, list[float]]:
    made = bank.derive(batch)
    names = [json.loads(text)["metric"].partition(":")[2] for text in made.series_text]
    found: dict[str, list[float]] = {}
    for row, value in zip(made.series.tolist(), made.value.tolist(), strict=True):
        found.setdefault(names[row], []).append(value)
    return found


def exponential(scale: int, offset: int, cells: list[int], total: float | None = None) -> HistogramPoint:
    return HistogramPoint(
        sum(cells), sum=total, scale=scale, zero_count=0, positive_offset=offset, positive=cells, zero_threshold=0.0
    )


def test_a_coarser_scale_is_no_reset() -> None:
    # Cells (1, 1.41], (1.41, 2], (2, 2.83] ... become (1, 2], (2, 4].
    before = exponential(1, 0, [50_000, 50_000], 150_000.0)
    after = exponential(0, 0, [100_000, 100], 150_300.0)
    found = derived(HistogramBank(9), batch_of([before, after]))
    assert found == {"rate": [10.0], "mean": [3.0], "p95": [pytest.approx(3.9)]}


def test_a_finer_scale_leaves_the_percentile_out_once() -> None:
    points = [exponential(0, 0, [100]), exponential(1, 0, [50, 60]), exponential(1, 0, [50, 160])]
    found = derived(HistogramBank(9), batch_of(points))
    assert found["rate"] == [1.0, 10.0]
    assert len(found["p95"]) == 1


@pytest.mark.parametrize(
    ("what", "points", "rates"),
    [
        ("the count fell", [HistogramPoint(50, sum=5.0), HistogramPoint(20, sum=9.0)], [2.0]),
        ("the sum fell", [HistogramPoint(50, sum=500.0), HistogramPoint(60, sum=6.0)], [6.0]),
        (
            "the sum fell by negative values",
            [
                HistogramPoint(50, sum=500.0, bounds=[0.0], counts=[10, 40]),
                HistogramPoint(60, sum=400.0, bounds=[0.0], counts=[20, 40]),
            ],
            [1.0],
        ),
    ],
)
def test_a_reset_is_told_by_count_and_sum(what: str, points: list[HistogramPoint], rates: list[float]) -> None:
    assert derived(HistogramBank(9), batch_of(points))["rate"] == rates, what


MALFORMED = {
    "a scale beyond all": exponential(-40, 0, [1, 2]),
    "quantiles without their values": HistogramPoint(3, quantiles=[0.5, 0.95], quantile_values=[1.0]),
    "counts that do not fit the bounds": HistogramPoint(3, bounds=[1.0, 2.0], counts=[1, 2]),
    "bounds that fall": HistogramPoint(3, bounds=[2.0, 1.0], counts=[1, 1, 1]),
    "a negative count": HistogramPoint(3, bounds=[1.0], counts=[-1, 4]),
    "too many cells": HistogramPoint(0, scale=0, positive_offset=0, positive=[0] * 5_000),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_point_is_counted_and_the_others_are_read(what: str) -> None:
    bank = HistogramBank(9)
    good = [HistogramPoint(10 * at, sum=10.0 * at) for at in range(1, 4)]
    found = derived(bank, batch_of([good[0], MALFORMED[what], good[1], MALFORMED[what], good[2]]))
    assert found["rate"] == [0.5, 0.5]
    assert bank.counts["histogram_malformed"] == 2


@pytest.mark.parametrize("scale", [-11, -10, 0, 20])
@pytest.mark.parametrize("offset", [-(2**31), -1100, 1023, 2**31 - 5])
def test_cells_at_the_ends_of_all_numbers_are_read(scale: int, offset: int) -> None:
    points = [exponential(scale, offset, [at, at]) for at in (1, 3)]
    found = derived(HistogramBank(9), batch_of(points, "delta"))
    assert np.isfinite(found["p95"]).all()


def test_the_limit_is_each_tenants_own() -> None:
    operator = DetectOperator(DetectSettings(max_series=3), 0, 1)
    for tenant in ("a", "b"):
        members = [Series(tenant, f"m{at}", {}, {}, "counter") for at in range(5)]
        ids = np.array([one.id for one in members], np.uint64)
        rows, times = np.arange(5, dtype=np.int32), np.full(5, START_MS)
        texts = [one.text for one in members]
        operator.step_batch(SampleBatch(tenant, ids, texts, rows, times, np.empty(0), [HistogramPoint(1)] * 5))
    assert operator.counts["histogram_over_limit"] == 4
    other = DetectOperator(DetectSettings(max_series=3), 0, 1)
    for key, value in operator.take_blocks():
        other.load_block(key, value)
    other.finish_load()
    other.step_batch(batch_of([HistogramPoint(1)], tenant="a"))
    other.step_batch(batch_of([HistogramPoint(1)], tenant="c"))
    assert other.counts["histogram_over_limit"] == 1


def test_a_record_of_many_histograms_stays_small_and_a_part_that_empties_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(histograms, "PART_BYTES", 2_000)
    bank, blocks = HistogramBank(1_000), dict[str, bytes]()
    point = HistogramPoint(400, sum=1.0, bounds=list(range(1, 100)), counts=[4] * 100)
    ids = np.arange(64, 64 * 20, 64, dtype=np.uint64)
    texts = [Series("t", f"m{at}").text for at in range(len(ids))]
    rows = np.arange(len(ids), dtype=np.int32)
    for turn, kept in enumerate((len(ids), 2)):
        times = np.full(kept, START_MS + 1_000_000 * turn)
        bank.derive(SampleBatch("t", ids[:kept], texts[:kept], rows[:kept], times, np.empty(0), [point] * kept))
        bank.forget(START_MS + 1_000_000 * turn, 400_000)
        blocks |= dict(bank.take_blocks())
        assert max(map(len, blocks.values())) < 2_500
        other = HistogramBank(1_000)
        for key, value in blocks.items():
            other.load_block(key, value)
        assert other._last == bank._last
    assert len(blocks) > 3
    assert len(bank._last) == 2


def test_a_histogram_whose_points_are_late_is_kept_while_they_come() -> None:
    bank, series = HistogramBank(10), Series("t", "m")
    ids = np.array([series.id], np.uint64)
    for turn in range(5):
        times = np.array([START_MS + 1_000 * turn])
        points = [HistogramPoint(10 * turn, sum=float(turn))]
        batch = SampleBatch("t", ids, [series.text], np.zeros(1, np.int32), times, np.empty(0), points)
        found = bank.derive(batch, START_MS + 90_000_000 + turn)
        assert len(found) == (2 if turn else 0)
        bank.forget(START_MS + 90_000_000 + turn, 400_000)
    bank.forget(START_MS + 90_500_000, 400_000)
    assert not bank._last
