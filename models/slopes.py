"""What closed buckets say of a slope: its median over pairs, what it leaves over, and what speaks against it.

All work on ``work.number``, ``work.when`` and ``work.what``, which ``gather`` fills.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from streams.jit import kernel
from streams.layout import LENGTHS, M2, MEAN, OFFSETS, WIDTHS_MS, Number, Row
from streams.ranks import median_of
from streams.rings import number_of

HOURS: Final = 3
"""The window of a day in hours."""
QUARTERS: Final = 4
"""The window of a week in quarters of a day."""
DAY: Final = 4
"""So many quarters."""
DAY_S: Final = 86_400.0
HOUR_S: Final = 3_600.0
_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)

SLOPE, WANDER, WALK, NOISE, SPAN, FREEDOM, DOUBT, BEND, REACH, UNEVEN, CYCLIC, LEVEL, LINE = range(13)
"""Of a line: units and variance a second, the variance without what a bend adds, that of a bucket of five minutes;
seconds looked back, degrees of freedom; squares of what is in doubt about the slope, and of how it changes a second;
seconds seen ahead, how much its steps differ, whether days repeat themselves; and where it stands now."""

# A bucket that lacks more of its beginning has no fellow a day later.
_MISSING_MS: Final = 1_800_000
# A bucket with less than this share of the usual samples has a hole, of maintenance or of an outage: its mean
# is not that of its middle.
_FEWEST_SHARE: Final = 0.5
# A slope changes if its change is twice what the walk makes of one, in squares.
_SURELY: Final = 4.0
_LEAST_WALK: Final = 0.1
# One step, or two of very few, that makes so much of all that was moved is no trend.
_ONE_STEP: Final = 0.4
# Of a climb, at least so many steps go so much of what an even one would.
_SELDOM: Final = 0.25
_FAIR_PART: Final = 0.25
# Before a day is known a climb that slows down, to less than this share of its slope, may be a morning's.
_STEADY: Final = 0.85
# Overlapping stretches know more than those that do not overlap.
_OVERLAP: Final = 1.5


@kernel
def is_learned(row: Row, window: int, at: int, number: int) -> Number:
    """Whether a place in the ring holds a bucket, and none of maintenance: nothing is learned from that."""
    return row.ring_count[at] != 0 and number_of(row, window, at) == number and row.ring[at, M2] >= 0.0


@kernel
def _usual_count(row: Row, window: int, least: int, work: Row) -> Number:
    """Samples that a window's closed buckets hold, as a median. Sorts ``work.slopes``."""
    found = 0
    for number in range(max(row.open_number[window] - _LENGTHS[window], least), row.open_number[window]):
        at = _OFFSETS[window] + number % _LENGTHS[window]
        if is_learned(row, window, at, number):
            work.slopes[found] = abs(row.ring_count[at])
            found += 1
    return median_of(work.slopes, found) if found else 0.0


@kernel
def gather(row: Row, window: int, least: int, sign: float, work: Row) -> Number:
    """A window's closed buckets from a number on, oldest first: number, seconds since now, mean towards the limit."""
    width = _WIDTHS[window]
    fewest = _FEWEST_SHARE * _usual_count(row, window, least, work)
    count = 0
    for number in range(max(row.open_number[window] - _LENGTHS[window], least), row.open_number[window]):
        at = _OFFSETS[window] + number % _LENGTHS[window]
        if not is_learned(row, window, at, number):
            continue
        # A series that began within a bucket fills its end only; that has no fellow a day later.
        start = max(number * width, row.first_ms)
        if window == QUARTERS and start - number * width > _MISSING_MS:
            continue
        if abs(row.ring_count[at]) * width < fewest * ((number + 1) * width - start):
            continue
        work.number[count] = number
        work.when[count] = (0.5 * (start + (number + 1) * width) - row.newest_ms) / 1000.0
        work.what[count] = sign * row.ring[at, MEAN]
        count += 1
    return count


@kernel
def slope_of(count: int, nearest: int, every: int, work: Row) -> Number:
    """Median slope of pairs at least ``nearest`` buckets apart, and a multiple of ``every``; NaN without a pair."""
    pairs = 0
    for j in range(count):
        for i in range(j):
            apart = work.number[j] - work.number[i]
            if apart >= nearest and apart % every == 0:
                work.slopes[pairs] = (work.what[j] - work.what[i]) / (work.when[j] - work.when[i])
                pairs += 1
    return median_of(work.slopes, pairs) if pairs else np.nan


@kernel
def left_over(count: int, apart: int, slope: float, work: Row) -> Number:
    """Variance a second of what a slope leaves over stretches of so many buckets; NaN without a stretch."""
    found = 0
    total = 0.0
    for j in range(count):
        for i in range(j):
            if work.number[j] - work.number[i] == apart:
                seconds = work.when[j] - work.when[i]
                away = work.what[j] - work.what[i] - slope * seconds
                total += away * away / seconds
                found += 1
    return total / found if found else np.nan


@kernel
def is_cyclic(count: int, slope: float, work: Row) -> Number:
    """Whether a day resembles the day before more than an evening its morning."""
    day, half = left_over(count, DAY, slope, work), left_over(count, DAY // 2, slope, work)
    # Variances a second: of a walk both are equal, of a cycle the day's is nothing.
    return day < 0.25 * half


@kernel
def is_one_step(count: int, work: Row) -> Number:
    """Whether one step makes most of what was moved: a copy, or a rotation."""
    most = 0.0
    for i in range(1, count):
        most = max(most, abs(work.what[i] - work.what[i - 1]))
    return most > max(_ONE_STEP, 2.0 / (count - 1)) * abs(work.what[count - 1] - work.what[0])


@kernel
def moves_seldom(count: int, slope: float, work: Row) -> Number:
    """Whether few of the steps go a fair part of the slope: files that were copied, one by one."""
    moved = 0
    for i in range(1, count):
        if work.what[i] - work.what[i - 1] > _FAIR_PART * slope * (work.when[i] - work.when[i - 1]):
            moved += 1
    return moved < _SELDOM * (count - 1)


@kernel
def slows_down(count: int, slope: float, work: Row) -> Number:
    """Whether the last third of a climb is less steep than the whole."""
    begin = count - 1 - max(1, (count - 1) // 3)
    late = (work.what[count - 1] - work.what[begin]) / (work.when[count - 1] - work.when[begin])
    return late < _STEADY * slope


@kernel
def moves_seldom_of_late(row: Row, slope: float, sign: float) -> Number:
    """As ``moves_seldom``, of the last day's hours; leaves what is gathered as it is."""
    steps, moved, before = 0, 0, np.nan
    for number in range(row.open_number[HOURS] - _LENGTHS[HOURS], row.open_number[HOURS]):
        at = _OFFSETS[HOURS] + number % _LENGTHS[HOURS]
        mean = sign * row.ring[at, MEAN] if is_learned(row, HOURS, at, number) else np.nan
        if not np.isnan(mean) and not np.isnan(before):
            steps += 1
            if mean - before > _FAIR_PART * slope * HOUR_S:
                moved += 1
        before = mean
    return moved < _SELDOM * steps


@kernel
def between_ends(count: int, every: int, work: Row) -> Number:
    """The mean slope over the longest stretches, of a multiple of so many buckets."""
    longest = (work.number[count - 1] - work.number[0]) // every * every
    total, found = 0.0, 0
    for j in range(count):
        for i in range(j):
            if work.number[j] - work.number[i] == longest:
                total += (work.what[j] - work.what[i]) / (work.when[j] - work.when[i])
                found += 1
    return total / found if found else np.nan


@kernel
def set_bend(count: int, line: Any, work: Row) -> None:
    """How the slope changes, by second differences, as far as the walk does not explain it.

    It only widens the band. A slope moved on by it would take a copied file for the beginning of something.
    """
    days = (count - DAY) // (2 * DAY)
    apart = days * DAY
    total, found = 0.0, 0
    for j in range(max(count - DAY, 2 * apart), count):
        total += work.what[j] - 2.0 * work.what[j - apart] + work.what[j - 2 * apart]
        found += 1
    seconds = days * DAY_S
    change = total / found / (seconds * seconds)
    # A slope that changes leaves more over a stretch than the walk alone.
    by_change = apart * _WIDTHS[QUARTERS] / 1000.0 * (change * line[SPAN]) ** 2 / 12.0
    walk = max(line[WANDER] - by_change, _LEAST_WALK * line[WANDER])
    by_walk = 2.0 * walk / seconds**3
    if change * change > _SURELY * by_walk:
        line[BEND] = change * change - by_walk
        line[WALK] = walk


@kernel
def set_doubt(count: int, every: int, line: Any, work: Row) -> None:
    """What two ways to take the slope differ by is in doubt: rotations pull the ends, and not the median."""
    away = line[SLOPE] - between_ends(count, every, work)
    line[DOUBT] = 0.0 if np.isnan(away) else away * away
    line[BEND] = 0.0


@kernel
def set_wander(count: int, apart: int, width_s: float, line: Any, work: Row) -> Number:
    """How far a line wanders, from stretches of so many buckets; whether that could be told."""
    wander = left_over(count, apart, line[SLOPE], work)
    if np.isnan(wander):
        return False
    # The slope was fitted to the same stretches: what they leave is too little by their share of the whole.
    steps = work.number[count - 1] - work.number[0]
    line[WANDER] = line[WALK] = wander / max(1.0 - apart / steps, 0.1)
    line[SPAN] = work.when[count - 1] - work.when[0] + width_s
    line[FREEDOM] = max(1.0, (_OVERLAP if apart > 1 else 1.0) * (count - 1) / apart - 1.0)
    return True


@kernel
def unevenness(count: int, slope: float, work: Row) -> Number:
    """By how much the steps from bucket to bucket differ from the slope at the most, as a share of it."""
    most = 0.0
    for i in range(1, count):
        step = (work.what[i] - work.what[i - 1]) / (work.when[i] - work.when[i - 1])
        most = max(most, abs(step - slope))
    return most / slope if slope > 0.0 else np.inf
