"""What a sample meets at the door, and the buckets behind it, against plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.params import params_record
from models.settings import DetectSettings
from streams import baselines, buckets, intake
from streams.layout import (
    COUNTER,
    DELTA,
    GAUGE,
    HIGH,
    LENGTHS,
    LOW,
    M2,
    MEAN,
    OFFSETS,
    SLOT,
    STAMPS,
    WIDTHS_MS,
)
from streams.rings import numbers_of

START_MS = 1_700_000_100_000
# The whole record: Numba warns where a compiled function is called with a part of it first and all of it later.
PARAMS = params_record(DetectSettings(late_s=120, stale_s=180, stale_intervals=5))


def slot(kind: int = GAUGE) -> Any:
    row = np.zeros(1, SLOT)
    row["kind"] = kind
    row["weight"] = 1.0
    return row[0]


def arrive(row: Any, *times_ms: int) -> list[str]:
    """Admit timestamps as the walk does."""
    found = []
    for time_ms in times_ms:
        code = intake.admit(row, START_MS + time_ms, PARAMS[0])
        if code == intake.ACCEPTED:
            row["newest_ms"] = START_MS + time_ms
        found.append(intake.COUNT_NAMES[code])
    return found


def test_a_timestamp_that_comes_again_changes_nothing() -> None:
    row = slot()
    assert arrive(row, 0, 1000, 1000, 0, 2000, 1000) == [
        "accepted",
        "accepted",
        "duplicate",
        "duplicate",
        "accepted",
        "duplicate",
    ]


def test_a_late_timestamp_counts_once_and_one_beyond_two_minutes_not_at_all() -> None:
    row = slot()
    assert arrive(row, 0, 200_000, 100_000, 100_000, 50_000, 200_000) == [
        "accepted",
        "accepted",
        "accepted_late",
        "duplicate",
        "late",
        "duplicate",
    ]


def test_a_timestamp_older_than_all_remembered_ones_is_too_late() -> None:
    row = slot()
    arrive(row, *range(0, 1000 * (STAMPS + 3), 1000))
    assert arrive(row, 500, 2000, 2500, 3000, 3500) == [
        "too_late",
        "too_late",
        "too_late",
        "duplicate",
        "accepted_late",
    ]


def test_a_counter_takes_no_sample_from_its_past() -> None:
    assert arrive(slot(COUNTER), 0, 5000, 3000, 5000)[2:] == ["out_of_order", "duplicate"]


def test_timestamps_survive_years_between_samples() -> None:
    row = slot()
    year_ms = 365 * 86_400_000
    assert arrive(row, 0, year_ms, year_ms, 2 * year_ms, year_ms + 5) == [
        "accepted",
        "accepted",
        "duplicate",
        "accepted",
        "late",
    ]


@settings(deadline=None)
@given(st.lists(st.integers(0, 80), max_size=200))
def test_memory_of_timestamps_is_that_of_a_sorted_list(steps: list[int]) -> None:
    row, kept = slot(), list[int]()
    for second in steps:
        time_ms = second * 1000
        before = list(kept)
        (verdict,) = arrive(row, time_ms)
        if verdict in {"accepted", "accepted_late"}:
            assert time_ms not in before
            kept = sorted([*kept, time_ms])[-STAMPS:]
        elif verdict == "duplicate":
            assert time_ms in before
        else:
            assert verdict == "too_late"
            assert len(before) == STAMPS
            assert time_ms < before[0]


def rate(row: Any, raw: float, time_ms: int) -> float:
    counts = np.zeros(len(intake.COUNT_NAMES), np.int64)
    value = intake.value_of(row, raw, START_MS + time_ms, counts)
    row["interval_ms"] = 1000.0
    row["newest_ms"] = START_MS + time_ms
    if not np.isnan(value):
        row["value"] = row["fast"] = value
    return float(value)


def test_a_counter_becomes_a_rate_over_resets_and_wraps() -> None:
    row = slot(COUNTER)
    top = 2**32 - 100
    assert np.isnan(rate(row, top - 300, 0))
    assert rate(row, top, 1000) == 300.0
    assert rate(row, 200.0, 2000) == 300.0
    assert rate(row, 50.0, 3000) == 50.0
    assert rate(row, 250.0, 5000) == 100.0


def test_a_drop_whose_wrapped_rate_is_not_plausible_is_a_reset() -> None:
    row = slot(COUNTER)
    rate(row, 0.8 * 2**32, 0)
    rate(row, 0.8 * 2**32 + 10, 1000)
    assert rate(row, 70.0, 2000) == 70.0


def test_a_delta_covers_its_interval_even_after_a_gap() -> None:
    row = slot(DELTA)
    assert np.isnan(rate(row, 10, 0))
    assert rate(row, 30, 1000) == 30.0
    assert rate(row, 30, 61_000) == 30.0


@settings(deadline=None)
@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), st.integers(0, 60))
def test_merged_buckets_equal_numpy(values: list[float], cut: int) -> None:
    whole, parts = slot(), [values[:cut], values[cut:]]
    for window, part in enumerate(parts):
        for value in part:
            buckets.add(whole, window, value)
    held = 0
    into = np.zeros(4)
    for window, part in enumerate(parts):
        if part:
            held = buckets.merge(into, held, whole["open"][window], len(part))
    assert held == len(values)
    assert (into[LOW], into[HIGH]) == (min(values), max(values))
    assert into[MEAN] == pytest.approx(np.mean(values), abs=1e-3)
    spread = np.sum((np.array(values) - np.mean(values)) ** 2)
    assert into[M2] == pytest.approx(spread, rel=1e-6, abs=1e-3 * (1 + abs(max(values, key=abs))))


def test_a_small_spread_on_a_high_level_is_kept() -> None:
    row = slot()
    for value in np.tile([1e12 + 1, 1e12 - 1], 500):
        buckets.add(row, 0, value)
    assert row["open"][0][M2] / 1000 == pytest.approx(1.0, rel=1e-6)


def feed(row: Any, times_ms: np.ndarray, values: np.ndarray) -> None:
    for time_ms, value in zip(times_ms.tolist(), values.tolist(), strict=True):
        buckets.advance(row, START_MS + time_ms)
        buckets.add(row, 0, value)


def test_closed_buckets_of_every_window_are_what_numpy_says() -> None:
    row = slot()
    random = np.random.default_rng(3)
    times_ms = np.cumsum(random.integers(5_000, 60_000, 30_000))
    values = random.normal(50, 5, len(times_ms))
    feed(row, times_ms, values)
    for window, width_ms in enumerate(WIDTHS_MS):
        numbers = (START_MS + times_ms) // width_ms
        last = numbers[-1]
        for number in range(int(last) - LENGTHS[window], int(last)):
            inside = values[numbers == number]
            at = OFFSETS[window] + number % LENGTHS[window]
            if len(inside):
                assert numbers_of(row, window)[number % LENGTHS[window]] == number
                assert row["ring_count"][at] == len(inside)
                assert row["ring"][at].tolist() == pytest.approx(
                    [inside.mean(), ((inside - inside.mean()) ** 2).sum(), inside.min(), inside.max()]
                )


def test_late_sample_reopens_no_closed_window() -> None:
    row = slot()
    feed(row, np.array([0, 10_000, 31_000]), np.array([1.0, 1.0, 5.0]))
    closed = row["ring"].copy(), row["ring_count"].copy()
    assert buckets.add_late(row, 9.0, START_MS + 15_000)
    assert np.array_equal(row["ring"], closed[0])
    assert np.array_equal(row["ring_count"], closed[1])
    # 15 s lies in the minute that is still open.
    assert row["open"][1][HIGH] == 9.0


def test_what_is_merged_over_a_window_holds_the_open_buckets_too() -> None:
    row, work = slot(), np.zeros(1, baselines.SCRATCH)[0]
    values = np.arange(400.0)
    feed(row, 1000 * np.arange(400), values)
    newest = START_MS + 399_000
    held = baselines.merge_recent(row, 1, newest - 120_000, work)
    assert work["bucket"][HIGH] == 399.0
    # Of the minute that the time falls into a share counts, but its low is the whole minute's.
    assert work["bucket"][LOW] == 240.0
    assert held == 21 + 60 + 40  # that share, a whole minute, and the one in the making


@pytest.mark.parametrize("count", [1, 2, 5, 28])
def test_median_is_numpys(count: int) -> None:
    values = np.random.default_rng(count).normal(size=count)
    assert baselines.median_of(values.copy(), count) == np.median(values)
