"""What is normal for a series, a window at a time: robust centers and spreads of its closed buckets."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from streams.buckets import merge
from streams.jit import kernel
from streams.layout import (
    CENTER,
    DOWN,
    HIGH,
    LENGTHS,
    LEVEL_MS,
    LOW,
    M2,
    MEAN,
    OFFSETS,
    SPREAD,
    UP,
    WARM_DIRTY,
    WIDTHS_MS,
    WINDOWS,
    Number,
    Row,
)

_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
_MAD_TO_SIGMA: Final = 1.4826
# Few buckets know the spread between them badly: it counts (1 + 3 / n) times; with one or two it is
# not known. Few samples know their own variance badly, too: it counts (1 + 10 / n) times.
_SMALL: Final = 3.0
_UNKNOWN: Final = 2.25
_FEW: Final = 10.0
# A young series' first window is judged anew so often, with the bucket in the making.
YOUNG_MS: Final = 5_000
# What a series reached in so many of its 15 minutes, 12 buckets of 5 minutes, 24 hours, or 28 quarters of a day, it
# may reach again, and a tenth more.
_HABIT_RANKS = np.array([0, 3, 3, 4, 5], np.int64)
_HABIT_MARGIN: Final = 1.1
_LEVEL_MS = np.array(LEVEL_MS, np.float64)

FAMILY: Final = np.dtype(
    [("min_effect", "f8"), ("relative", "f8"), ("scale", "f8"), ("up", "u1"), ("down", "u1")], align=True
)
"""Floors of a metric family, and the directions that are watched."""

SCRATCH: Final[list[tuple[str, str, tuple[int, ...]]]] = [("means", "f8", (32,)), ("bucket", "f8", (4,))]
"""What baselines need of a work record."""

assert max(LENGTHS) < 32


@kernel
def median_of(values: Any, count: int) -> Number:
    """Median of the first values, which are sorted in place (a few dozen at most)."""
    for i in range(1, count):
        one = values[i]
        j = i - 1
        while j >= 0 and values[j] > one:
            values[j + 1] = values[j]
            j -= 1
        values[j + 1] = one
    half = count // 2
    return values[half] if count % 2 == 1 else 0.5 * (values[half - 1] + values[half])


@kernel
def _gather(row: Row, window: int, work: Row) -> tuple[Number, Number, Number]:
    """Means of a window's good buckets into ``work.means``; their number, samples, squared deviations within."""
    oldest = row.open_number[window] - _LENGTHS[window]
    since = row.since_ms // _WIDTHS[window]
    good = 0
    samples = 0
    within = 0.0
    for at in range(_OFFSETS[window], _OFFSETS[window] + _LENGTHS[window]):
        count = row.ring_count[at]
        if count > 0 and row.ring_number[at] >= oldest and row.ring_number[at] >= since:
            work.means[good] = row.ring[at, MEAN]
            good += 1
            samples += count
            within += row.ring[at, M2]
    if window == 0 and good < 5 and row.open_count[0] > 0 and row.open_frozen[0] == 0:
        work.means[good] = row.open[0, MEAN]
        good += 1
        samples += row.open_count[0]
        within += row.open[0, M2]
    return good, samples, within


@kernel
def _spread(work: Row, good: int, samples: int, within: float, window: int) -> tuple[Number, Number]:
    """Center, and the spread of what the window observes: single samples in 5m, means elsewhere."""
    means = work.means
    center = median_of(means, good)
    for i in range(good):
        means[i] = abs(means[i] - center)
    between = _MAD_TO_SIGMA * median_of(means, good) * (1.0 + _SMALL / good)
    inside = within / samples
    if window == 0:
        inside *= 1.0 + _FEW / samples
    else:
        inside *= good / samples * (_UNKNOWN if good < 3 else 1.0)
    return center, np.sqrt(between * between + inside)


@kernel
def _set_reach(row: Row, window: int, params: Row, family: Row) -> None:
    """From center and spread to the distances that score 1.0."""
    center = row.base[window, CENTER]
    floor = max(family.min_effect, family.relative * abs(center))
    reach = max(params.spreads[window] * family.scale * row.base[window, SPREAD], floor)
    reach = max(reach, 1e-9 * abs(center) + 1e-12)
    up = reach
    down = reach
    for longer in range(window, WINDOWS - 1):
        up = max(up, _HABIT_MARGIN * (row.habit[window, longer, 1] - center))
        down = max(down, _HABIT_MARGIN * (center - row.habit[window, longer, 0]))
    row.base[window, UP] = up if family.up else np.inf
    row.base[window, DOWN] = down if family.down else np.inf


@kernel
def refresh(row: Row, window: int, params: Row, family: Row, work: Row) -> None:
    """Make a window's baseline anew; with too few good buckets the old one stays."""
    if row.newest_ms - max(row.first_ms, row.since_ms) < params.warmup_ms[window]:
        return
    good, samples, within = _gather(row, window, work)
    if samples < params.min_samples[window]:
        return
    row.base[window, CENTER], row.base[window, SPREAD] = _spread(work, good, samples, within, window)
    row.base_buckets[window] = good
    row.base_ms[window] = row.newest_ms
    row.base_ready[window] = 1
    _set_reach(row, window, params, family)
    row.dirty |= WARM_DIRTY


@kernel
def _extreme(row: Row, longer: int, share: float, column: int, work: Row) -> Number:
    """What a few buckets of a window reached, counted from the extreme one; NaN if there are too few buckets.

    A level that gives one sample the weight ``share`` goes so far from a bucket's mean towards its extreme.
    """
    sign = 1.0 if column == HIGH else -1.0
    oldest = row.open_number[longer] - _LENGTHS[longer]
    count = 0
    for at in range(_OFFSETS[longer], _OFFSETS[longer] + _LENGTHS[longer]):
        if row.ring_count[at] != 0 and row.ring_number[at] >= oldest:
            mean = row.ring[at, MEAN]
            work.means[count] = sign * (mean + share * (row.ring[at, column] - mean))
            count += 1
    rank = _HABIT_RANKS[longer]
    if count < rank:
        return np.nan
    median_of(work.means, count)
    return sign * work.means[count - rank]


@kernel
def refresh_habits(row: Row, longer: int, work: Row) -> None:
    """What each shorter window's observation reached now and then within a window that has just closed a bucket."""
    for window in range(longer):
        share = 1.0 if window == 0 else row.interval_ms / (row.interval_ms + _LEVEL_MS[window - 1])
        high = _extreme(row, longer, share, HIGH, work)
        known = not np.isnan(high)
        row.habit[window, longer - 1, 0] = _extreme(row, longer, share, LOW, work) if known else np.inf
        row.habit[window, longer - 1, 1] = high if known else -np.inf


@kernel
def silence_after_gap(row: Row, gap_ms: int) -> None:
    """A window that a gap has emptied says nothing until it is filled again."""
    for window in range(WINDOWS):
        if gap_ms >= _LENGTHS[window] * _WIDTHS[window]:
            row.base_ready[window] = 0
    row.dirty |= WARM_DIRTY


@kernel
def merge_recent(row: Row, window: int, since_ms: int, work: Row) -> Number:
    """Merge into ``work.bucket`` what a window holds from a time on, open buckets too, none muted; returns the count.

    Of the bucket that the time falls into, the share after it counts; its extremes count whole.
    """
    width = _WIDTHS[window]
    first = since_ms // width
    oldest = max(row.open_number[window] - _LENGTHS[window], first)
    held = 0
    for at in range(_OFFSETS[window], _OFFSETS[window] + _LENGTHS[window]):
        count = abs(row.ring_count[at])
        if row.ring_number[at] == first:
            end = (first + 1) * width
            share = (end - since_ms) / (end - max(first * width, min(row.first_ms, since_ms)))
            count = np.int64(np.round(count * share))
        if count != 0 and row.ring_number[at] >= oldest and row.ring[at, M2] >= 0.0:
            held = merge(work.bucket, held, row.ring[at], count)
    for finer in range(window + 1):
        if row.open_count[finer] > 0 and row.open_frozen[finer] >= 0:
            held = merge(work.bucket, held, row.open[finer], row.open_count[finer])
    return held
