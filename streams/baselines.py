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
from streams.priors import FAMILY_PRIOR, warm_up, with_prior
from streams.ranks import median_of
from streams.rings import number_of
from streams.seasons import HIGHEST, LOWEST, SEASON_SCRATCH, TRUSTED, USUAL

_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
_HELD = np.array([2, 3, 2, 2, 0], np.int64)
_MAD_TO_SIGMA: Final = 1.4826
# Few buckets know the spread between them badly: it counts (1 + 3 / n) times; with one or two it is
# not known, and what their samples leave is taken for it. Few samples know their own variance badly, too: it counts
# (1 + 10 / n) times.
_SMALL: Final = 3.0
_FEWEST: Final = 3
_FEW: Final = 10.0
# The variance of a median of many is so many times that of their mean.
_MEDIAN: Final = 0.5 * np.pi
# A window that a series' own interval fills with so many samples knows its center and spread; shorter ones borrow them.
_ENOUGH: Final = 50.0
# How much more a series may wander than it has within its first minutes, as a variance.
_YOUNG: Final = 3.0
# Windows that are shorter than an hour must allow for how its means wander.
_HOUR, _WEEK = 2, 4
# What is known of an hour's variance grows by no more than so many times with one window.
_JUMP: Final = 9.0
_REMEMBERED_MS: Final = 3 * 3_600_000
# The mean of a normal deviation's size, to its standard deviation.
_SELDOM_MS: Final = 1_800_000.0
_MEAN_TO_SIGMA: Final = 1.2533
_SINGLE: Final = 1.2e-7
# A young series' first window is judged anew so often, with the bucket in the making.
YOUNG_MS: Final = 5_000
# What a series reached in so many of its 15 minutes, 12 buckets of 5 minutes, 24 hours, or 28 quarters of a day, it
# may reach again, and a tenth more.
_HABIT_RANKS = np.array([0, 3, 3, 4, 5], np.int64)
_HABIT_MARGIN: Final = 1.1
_LEVEL_MS = np.array(LEVEL_MS, np.float64)

GOOD, SAMPLES, RISE, MIDDLE, INSIDE, BETWEEN, BY_SAMPLES = range(7)
"""Of a window's buckets: how many are good, their samples, by how much now differs from their middle, that middle,
variance of samples around their bucket's mean, that of the means, and what of it the samples explain.
"""

FAMILY: Final = np.dtype(
    [("min_effect", "f8"), ("relative", "f8"), ("scale", "f8"), ("up", "u1"), ("down", "u1"), *FAMILY_PRIOR], align=True
)
"""Floors of a metric family, and the directions that are watched."""

SCRATCH: Final[list[tuple[str, str, tuple[int, ...]]]] = [
    ("means", "f8", (32,)),
    ("sorted", "f8", (32,)),
    ("summary", "f8", (7,)),
    ("summary_of", "i8", ()),
    ("bucket", "f8", (4,)),
    *SEASON_SCRATCH,
]
"""What baselines need of a work record."""

assert max(LENGTHS) < 32


@kernel
def source_window(interval_ms: float, window: int) -> Number:
    """The window whose buckets tell a window what to expect: itself, or the next one that a sparse series fills."""
    for source in range(window, WINDOWS):
        if _LENGTHS[source] * _WIDTHS[source] >= _ENOUGH * interval_ms:
            return source
    return WINDOWS - 1


@kernel
def _held_back(row: Row, window: int) -> Number:
    """How many of the newest buckets a baseline leaves out, once it has enough: what begins there may be a fault."""
    begin_ms = max(row.first_ms, row.since_ms)
    return _HELD[window] if row.open_number[window] - begin_ms // _WIDTHS[window] > _LENGTHS[window] else 0


@kernel
def _gather(row: Row, window: int, work: Row) -> tuple[Number, Number, Number]:
    """Means of a window's good buckets into ``work.means``, oldest first; their number, samples, squares within."""
    newest = row.open_number[window] - _held_back(row, window)
    oldest = max(row.open_number[window] - _LENGTHS[window], row.since_ms // _WIDTHS[window])
    good = 0
    samples = 0
    within = 0.0
    for number in range(oldest, newest):
        at = _OFFSETS[window] + number % _LENGTHS[window]
        count = row.ring_count[at]
        if count > 0 and number_of(row, window, at) == number:
            work.means[good] = row.ring[at, MEAN]
            work.sorted[good] = row.ring[at, M2] / max(count - 1, 1)
            good += 1
            samples += count
            within += row.ring[at, M2]
    if good >= _FEWEST:
        within = _without_glitches(row, window, (oldest, newest), good, work)
    if window == 0 and good < 5 and row.open_count[0] > 0 and row.open_frozen[0] == 0:
        work.means[good] = row.open[0, MEAN]
        good += 1
        samples += row.open_count[0]
        within += row.open[0, M2]
    return good, samples, within


@kernel
def _without_glitches(row: Row, window: int, span: tuple[int, int], good: int, work: Row) -> Number:
    """Squared deviations within good buckets, of none more than some times what a usual one has.

    Where more than half have none at all, a bucket of bursts is all that is known, and counts.
    """
    most = _JUMP * median_of(work.sorted, good)
    within = 0.0
    for number in range(span[0], span[1]):
        at = _OFFSETS[window] + number % _LENGTHS[window]
        count = row.ring_count[at]
        if count > 0 and number_of(row, window, at) == number:
            square = row.ring[at, M2]
            within += min(square, most * (count - 1)) if most > 0.0 else square
    return within


@kernel
def _flatten(work: Row, good: int, held: int) -> Number:
    """Take out of the means how the second half differs from the first.

    Returns by how much now differs from their middle, as far as it is more than chance.
    """
    half = good // 2
    if half < _FEWEST:
        return 0.0
    copy, means = work.sorted, work.means
    for i in range(half):
        copy[i] = means[i]
    first = median_of(copy, half)
    for i in range(half):
        copy[i] = means[good - half + i]
    rise = median_of(copy, half) - first
    squares = 0.0
    for i in range(good):
        means[i] -= rise * (i - 0.5 * (good - 1)) / (good - half)
    for i in range(1, good):
        squares += 0.5 * (means[i] - means[i - 1]) ** 2
    chance = np.sqrt(2.0 * _MEDIAN * squares / (good - 1) / half)
    certain = max(0.0, abs(rise) - chance) * (good - half + held) / (good - half)
    return certain if rise > 0.0 else -certain


@kernel
def _moments(work: Row, good: int, samples: int, within: float) -> tuple[Number, Number, Number]:
    """Center; variance of single samples around their bucket's mean; and that of the means."""
    means = work.means
    center = median_of(means, good)
    for i in range(good):
        means[i] = abs(means[i] - center)
    between = _MAD_TO_SIGMA * median_of(means, good)
    inside = 0.0
    if samples > good:
        inside = within / (samples - good) * (1.0 + _FEW / samples)
    return center, inside, between * between


@kernel
def _wander(row: Row, window: int, summary: Any) -> Number:
    """Variance of means as far as their samples do not explain it; windows shorter than an hour allow for the hour's.

    A dozen means know it badly: the hour's is that of some hours.
    """
    if window <= _HOUR and row.base_ready[_HOUR]:
        return max(0.0, row.wander)
    if summary[GOOD] < _FEWEST:
        return max(summary[BETWEEN], summary[BY_SAMPLES])
    few = 1.0 + _SMALL / summary[GOOD]
    young = _YOUNG if window < _HOUR else 1.0
    return young * max(0.0, few * few * summary[BETWEEN] - summary[BY_SAMPLES])


@kernel
def _note_variances(row: Row, summary: Any) -> None:
    """Move what is known of an hour's variances, which may be below zero by chance, towards the newest."""
    share = _WIDTHS[_HOUR] / min(max(row.newest_ms - max(row.first_ms, row.since_ms), _WIDTHS[_HOUR]), _REMEMBERED_MS)
    inside, wander = summary[INSIDE], summary[BETWEEN] - summary[BY_SAMPLES]
    if not row.base_ready[_HOUR]:
        share = 1.0
    elif row.inside > 0.0:
        inside = min(inside, _JUMP * row.inside)
        # Below zero it is chance, or a glitch's doing.
        wander = max(wander, -row.inside / max(summary[SAMPLES] / summary[GOOD], 1.0))
    row.inside += share * (inside - row.inside)
    row.wander += share * (wander - row.wander)


@kernel
def _spread(row: Row, window: int, summary: Any) -> Number:
    """Standard deviation of what a window observes from its center: a sample in 5m, a level elsewhere."""
    wander = _wander(row, window, summary)
    center = _MEDIAN * (summary[BY_SAMPLES] + wander) / summary[GOOD]
    if window == 0:
        return np.sqrt(summary[INSIDE] + wander + center)
    share = row.interval_ms / (row.interval_ms + _LEVEL_MS[window - 1])
    return np.sqrt(summary[INSIDE] * share / (2.0 - share) + wander + center)


@kernel
def set_reach(row: Row, window: int, rise: float, params: Row, family: Row) -> None:
    """From center and spread to the distances that score 1.0.

    What is usual at this hour of the week is expected, and so is what the series reached now and then.
    """
    center = row.base[window, CENTER]
    floor = max(family.min_effect, family.relative * abs(center))
    reach = max(params.spreads[window] * family.scale * row.base[window, SPREAD], floor)
    reach = max(reach, 1e-9 * abs(center) + 1e-12)
    # A climb widens a range, but not without end.
    up = reach + min(max(0.0, rise), reach)
    down = reach + min(max(0.0, -rise), reach)
    if not np.isnan(row.usual[USUAL]):
        more, less = reach, reach
        if window == _WEEK:
            more, less = max(more, row.tail[_WEEK - 1, 1]), max(less, row.tail[_WEEK - 1, 0])
        up = max(up, row.usual[HIGHEST] + more - center)
        down = max(down, center - row.usual[LOWEST] + less)
    if 0 < window < _WEEK:
        up = max(up, row.tail[window - 1, 1] - center)
        down = max(down, center - row.tail[window - 1, 0])
    for longer in range(window, WINDOWS - 1):
        up = max(up, _HABIT_MARGIN * (row.habit[window, longer, 1] - center))
        down = max(down, _HABIT_MARGIN * (center - row.habit[window, longer, 0]))
    row.base[window, UP] = up if family.up else np.inf
    row.base[window, DOWN] = down if family.down else np.inf


@kernel
def _summarise(row: Row, source: int, work: Row) -> None:
    """What a window's closed buckets say, into ``work.summary``; kept until ``work.summary_of`` is another window."""
    if work.summary_of == source:
        return
    work.summary_of = source
    summary = work.summary
    good, samples, within = _gather(row, source, work)
    summary[GOOD], summary[SAMPLES] = good, samples
    if good == 0:
        return
    summary[RISE] = _flatten(work, good, _held_back(row, source))
    summary[MIDDLE], summary[INSIDE], summary[BETWEEN] = _moments(work, good, samples, within)
    summary[BY_SAMPLES] = summary[INSIDE] * good / samples


@kernel
def refresh(row: Row, window: int, params: Row, family: Row, work: Row) -> None:
    """Make a window's baseline anew; with too few good buckets the old one stays."""
    if row.newest_ms - max(row.first_ms, row.since_ms) < warm_up(row, window, params, family):
        return
    summary = work.summary
    _summarise(row, source_window(row.interval_ms, window), work)
    if summary[SAMPLES] < params.min_samples[window]:
        return
    if window == _HOUR:
        _note_variances(row, summary)
    row.base[window, CENTER] = summary[MIDDLE]
    row.base[window, SPREAD] = with_prior(row, window, summary[MIDDLE], _spread(row, window, summary), family)
    row.base_ms[window] = row.newest_ms
    row.base_ready[window] = 1
    set_reach(row, window, summary[RISE], params, family)
    row.dirty |= WARM_DIRTY


@kernel
def refresh_week(row: Row, params: Row, family: Row) -> None:
    """The week's baseline once its hours are known: what is usual now; silent where nothing is known of now."""
    if row.season_hours < TRUSTED or row.newest_ms - max(row.first_ms, row.since_ms) < params.warmup_ms[_WEEK]:
        return
    row.base_ready[_WEEK] = row.base_ready[_HOUR] and not np.isnan(row.usual[USUAL])
    if not row.base_ready[_WEEK]:
        return
    share = row.interval_ms / (row.interval_ms + _LEVEL_MS[_WEEK - 1])
    error = _MEAN_TO_SIGMA * row.season_error
    rounding = _SINGLE * abs(row.usual[USUAL])
    variance = error * error + rounding * rounding
    # Where a sample or two are all of an hour, how they differ is in its error, and in the others the day's cycle.
    if row.interval_ms < _SELDOM_MS:
        variance += row.inside * share / (2.0 - share) + max(0.0, row.wander)
    row.base[_WEEK, CENTER] = row.usual[USUAL]
    row.base[_WEEK, SPREAD] = np.sqrt(variance)
    row.base_ms[_WEEK] = row.newest_ms
    set_reach(row, _WEEK, 0.0, params, family)
    row.dirty |= WARM_DIRTY


@kernel
def _is_left_out(row: Row, begin_ms: int, end_ms: int) -> Number:
    """Whether a stretch of time holds some of a level that was rolled back."""
    return end_ms > row.left_out_ms[0] and (row.held or begin_ms < row.left_out_ms[1])


@kernel
def _extreme(row: Row, longer: int, share: float, column: int, work: Row) -> Number:
    """What a few buckets of a window reached, counted from the extreme one; NaN if there are too few buckets.

    A level that gives one sample the weight ``share`` goes so far from a bucket's mean towards its extreme.
    """
    sign = 1.0 if column == HIGH else -1.0
    oldest = row.open_number[longer] - _LENGTHS[longer]
    count = 0
    for at in range(_OFFSETS[longer], _OFFSETS[longer] + _LENGTHS[longer]):
        number = number_of(row, longer, at)
        begin_ms = number * _WIDTHS[longer]
        known = row.ring_count[at] != 0 and number >= oldest
        if known and not _is_left_out(row, begin_ms, begin_ms + _WIDTHS[longer]):
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
    """A window whose buckets a gap has emptied says nothing until they are filled again."""
    for window in range(WINDOWS):
        source = source_window(row.interval_ms, window)
        if gap_ms >= _LENGTHS[source] * _WIDTHS[source]:
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
        count, number = abs(row.ring_count[at]), number_of(row, window, at)
        if number == first:
            end = (first + 1) * width
            share = (end - since_ms) / (end - max(first * width, min(row.first_ms, since_ms)))
            count = np.int64(np.round(count * share))
        if count != 0 and number >= oldest and row.ring[at, M2] >= 0.0:
            held = merge(work.bucket, held, row.ring[at], count)
    for finer in range(window + 1):
        if row.open_count[finer] > 0 and row.open_frozen[finer] >= 0:
            held = merge(work.bucket, held, row.open[finer], row.open_count[finer])
    return held
