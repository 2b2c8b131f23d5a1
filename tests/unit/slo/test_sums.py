"""Windows over slices: each advances by the slice, and holds exactly what it says it holds."""

from __future__ import annotations

import numpy as np
import pytest

from slo.definition import CalendarWindow, Method
from slo.packing import COLUMNS
from slo.slices import SliceStore, StoreShape
from slo.sums import WindowSums, join, split

DAY_S = 86_400


def shape(slice_s: int, method: Method = "Occurrences", block: int = 60) -> StoreShape:
    return StoreShape(method, slice_s, fine_s=4 * 3600, longest_s=2 * DAY_S, block_rows=block)


def counts(rng: np.random.Generator, rows: int, *, whole: bool) -> np.ndarray:
    values = rng.poisson(5.0, (rows, 2, COLUMNS)).astype(float)
    values[:, :, 0] = rng.binomial(1, 0.02, (rows, 2)) * values[:, :, 1]
    return values if whole else values * rng.random(values.shape) ** 8


@pytest.mark.parametrize("slice_s", [5, 30, 59, 60, 300])
@pytest.mark.parametrize("whole", [True, False])
def test_every_window_after_every_slice_is_the_sum_of_what_it_holds(slice_s: int, whole: bool) -> None:
    rng = np.random.default_rng(slice_s)
    first = 1_795_446_000 // slice_s
    store = SliceStore(shape(slice_s), 2, first)
    windows = (300, 3600, 4 * 3600, DAY_S, 2 * DAY_S)
    sums = WindowSums(store, windows, None)
    rows = int(2.3 * DAY_S) // slice_s
    values = counts(rng, rows, whole=whole)
    before = np.concatenate([np.zeros((1, 2, COLUMNS)), np.cumsum(values, axis=0)])
    at = 0
    while at < rows:
        count = int(min(rng.integers(1, 61), rows - at))
        store.put_run(first + at, values[at : at + count])
        found = sums.close(store.settle(count)[0])
        store.close(count)
        at += count
        for number in range(len(windows)):
            low = max(0, sums.first_row(number) - first)
            assert found[-1, number] == pytest.approx(before[at] - before[low], rel=1e-9, abs=1e-9)
            if sums.rows[number] <= store.shape.fine_rows and whole:
                ends = np.arange(at - count, at) + 1
                held = before[ends] - before[np.maximum(ends - sums.rows[number], 0)]
                assert np.array_equal(found[:, number], held)


@pytest.mark.parametrize("slice_s", [5, 59])
def test_a_window_begins_where_it_says_or_up_to_a_minute_before(slice_s: int) -> None:
    first = 1_795_446_000 // slice_s
    store = SliceStore(shape(slice_s), 1, first)
    sums = WindowSums(store, (3600, DAY_S), None)
    for _ in range(30):
        sums.close(store.settle(7)[0])
        store.close(7)
        assert sums.first_row(0) == store.closed - sums.rows[0]
        early = store.closed - sums.rows[1] - sums.first_row(1)
        assert 0 <= early * slice_s < 60 + slice_s


def test_windows_summed_anew_are_what_they_were() -> None:
    rng = np.random.default_rng(3)
    first = 1_795_446_000 // 30
    store = SliceStore(shape(30), 2, first)
    calendar = CalendarWindow(unit="day", start="2026-01-01 00:00:00", time_zone="Asia/Kathmandu")
    sums = WindowSums(store, (300, 3600, DAY_S, 2 * DAY_S), calendar)
    values = counts(rng, 7000, whole=False)
    for at in range(0, 7000, 20):
        store.put_run(first + at, values[at : at + 20])
        done = 0
        while done < 20:
            count = min(sums.room, 20 - done)
            sums.close(store.settle(count)[0])
            store.close(count)
            done += count
    was = sums.totals()
    sums.sums[:] = 7.0
    sums.rebuild(0)
    sums.rebuild(1)
    assert sums.totals() == pytest.approx(was, rel=1e-12, abs=1e-12)


def test_months_of_fractions_leave_no_trace() -> None:
    """What a plain running sum would have gathered in errors by now is more than what the window holds."""
    rng = np.random.default_rng(4)
    store = SliceStore(shape(60, "RatioTimeslices", block=1440), 1, 30_000_000)
    store.fractional = True
    sums = WindowSums(store, (300,), None)
    for _ in range(90):
        ratios = np.zeros((1440, 1, COLUMNS))
        ratios[:, 0, 0], ratios[:, 0, 1] = rng.random(1440) * 1e6, 1e6
        store.put_run(store.closed, ratios)
        sums.close(store.settle(1440)[0])
        store.close(1440)
    tiny = np.zeros((5, 1, COLUMNS))
    tiny[:, 0, 0], tiny[:, 0, 1] = 1e-7, 1.0
    store.put_run(store.closed, tiny)
    found = sums.close(store.settle(5)[0])
    assert found[-1, 0, 0, 0] == pytest.approx(5e-7, rel=1e-9)


def test_parts_are_exact() -> None:
    values = np.random.default_rng(5).random((50, COLUMNS)) * 10.0 ** np.arange(-3, 9, 4)
    assert np.array_equal(join(split(values, 3)), values)
    assert np.array_equal(join(split(values, 1)), values)
