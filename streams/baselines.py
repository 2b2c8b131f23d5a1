"""What is normal for a series, a window at a time: robust centers and spreads of its closed buckets."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from streams.buckets import merge
from streams.jit import kernel
from streams.layout import BLOCK, LENGTHS, OFFSETS, WIDTHS_MS, Array, Arrays, Number, Row

_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
_MAD_TO_SIGMA: Final = 1.4826
# Few buckets know the spread between them badly: it counts (1 + 3 / n) times; with one or two it is not known.
_SMALL: Final = 3.0
_UNKNOWN: Final = 2.25
# A young series' first window is judged anew so often, with the bucket in the making.
YOUNG_MS: Final = 5_000
# What a series reached in so many of its 12 buckets of 5 minutes, or 24 hours, it may reach again.
_HABIT_RANKS = np.array([0, 0, 4, 5, 0], np.int64)


class BaseParams(NamedTuple):
    """Per window and per metric family; see ``DetectSettings``.

    Parameters
    ----------
    spreads, warmup_ms, min_samples
        Per window.
    min_effect, relative, scale, up, down
        Per family; ``up`` and ``down`` say which directions are watched.
    """

    spreads: Array
    warmup_ms: Array
    min_samples: Array
    min_effect: Array
    relative: Array
    scale: Array
    up: Array
    down: Array


@kernel
def median_of(values: Array, count: int) -> Number:
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
def _gather(arrays: Arrays, slot: int, window: int, means: Array) -> tuple[Number, Number, Number]:
    """Means of a window's good buckets; their number, samples, and squared deviations within them."""
    current = np.int64(arrays.opens[slot, window].number)
    since = arrays.hot[slot].since_ms
    ring = arrays.rings[slot]
    good = 0
    samples = 0
    within = 0.0
    for i in range(_LENGTHS[window]):
        bucket = ring[_OFFSETS[window] + i]
        number = np.int64(bucket.number)
        if bucket.count > 0 and number >= current - _LENGTHS[window] and (number + 1) * _WIDTHS[window] > since:
            means[good] = bucket.mean
            good += 1
            samples += bucket.count
            within += bucket.m2
    return good, samples, within


@kernel
def _spread(means: Array, good: int, samples: int, within: float, window: int) -> tuple[Number, Number]:
    """Center, and the spread of what the window observes: single samples in 5m, means elsewhere."""
    center = median_of(means, good)
    for i in range(good):
        means[i] = abs(means[i] - center)
    between = _MAD_TO_SIGMA * median_of(means, good) * (1.0 + _SMALL / good)
    inside = within / samples
    if window > 0:
        inside *= good / samples
    if good < 3:
        inside *= _UNKNOWN
    return center, np.sqrt(between * between + inside)


@kernel
def _set_base(base: Row, row: Row, habit: Array, window: int, params: BaseParams) -> None:
    """From center and spread to the distances that score 1.0."""
    family = row.family
    floor = max(params.min_effect[family], params.relative[family] * abs(base.center))
    reach = max(params.spreads[window] * params.scale[family] * base.spread, floor)
    reach = max(reach, 1e-9 * abs(base.center) + 1e-12)
    base.up = reach
    base.down = reach
    if window == 0 and habit[1] >= habit[0]:
        base.up = max(base.up, habit[1] - base.center)
        base.down = max(base.down, base.center - habit[0])
    if params.up[family] == 0:
        base.up = np.inf
    if params.down[family] == 0:
        base.down = np.inf


@kernel
def refresh(arrays: Arrays, slot: int, window: int, time_ms: int, params: BaseParams) -> None:
    """Make a window's baseline anew; with too few good buckets the old one stays."""
    means = np.empty(32, np.float64)
    good, samples, within = _gather(arrays, slot, window, means)
    if window == 0 and good < _LENGTHS[0] // 2 and arrays.opens[slot, 0].count > 0 and arrays.frozen[slot, 0] == 0:
        bucket = arrays.opens[slot, 0]
        means[good] = bucket.mean
        good += 1
        samples += bucket.count
        within += bucket.m2
    row = arrays.hot[slot]
    if good == 0 or samples < params.min_samples[window]:
        return
    if time_ms - max(row.first_ms, row.since_ms) < params.warmup_ms[window]:
        return
    base = arrays.bases[slot, window]
    base.center, base.spread = _spread(means, good, samples, within, window)
    base.buckets = good
    base.made_ms = time_ms
    base.ready = 1
    _set_base(base, row, arrays.habits[slot], window, params)
    arrays.warm_dirty[slot // BLOCK] = 1


@kernel
def _extreme(arrays: Arrays, slot: int, window: int, highest: bool) -> Number:
    """The value that a few buckets of a window reached, counted from the extreme one; NaN if there are too few."""
    current = np.int64(arrays.opens[slot, window].number)
    values = np.empty(32, np.float64)
    count = 0
    for i in range(_LENGTHS[window]):
        bucket = arrays.rings[slot, _OFFSETS[window] + i]
        if bucket.count != 0 and np.int64(bucket.number) >= current - _LENGTHS[window]:
            values[count] = bucket.max if highest else -bucket.min
            count += 1
    rank = _HABIT_RANKS[window]
    if count < rank:
        return np.nan
    median_of(values, count)
    return values[count - rank] if highest else -values[count - rank]


@kernel
def refresh_habit(arrays: Arrays, slot: int) -> None:
    """What the series reaches now and then: in 4 of 12 five-minute buckets, or in 5 of 24 hours."""
    habit = arrays.habits[slot]
    high = -np.inf
    low = np.inf
    for window in (2, 3):
        upper = _extreme(arrays, slot, window, True)
        if not np.isnan(upper):
            high = max(high, upper)
            low = min(low, _extreme(arrays, slot, window, False))
    habit[0] = low
    habit[1] = high


@kernel
def silence_after_gap(arrays: Arrays, slot: int, gap_ms: int) -> None:
    """A window that a gap has emptied says nothing until it is filled again."""
    for window in range(len(_LENGTHS)):
        if gap_ms >= _LENGTHS[window] * _WIDTHS[window]:
            arrays.bases[slot, window].ready = 0
            arrays.warm_dirty[slot // BLOCK] = 1


@kernel
def merge_recent(arrays: Arrays, slot: int, window: int, since_ms: int, into: Row) -> None:
    """Merge what a window holds from a time on, buckets in the making included."""
    current = np.int64(arrays.opens[slot, window].number)
    for i in range(_LENGTHS[window]):
        bucket = arrays.rings[slot, _OFFSETS[window] + i]
        number = np.int64(bucket.number)
        if bucket.count != 0 and number >= current - _LENGTHS[window] and number * _WIDTHS[window] >= since_ms:
            merge(into, bucket, abs(bucket.count))
    for finer in range(window + 1):
        bucket = arrays.opens[slot, finer]
        if bucket.count > 0:
            merge(into, bucket, bucket.count)
