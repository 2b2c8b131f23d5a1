"""Where a series is heading: a robust slope over its closed buckets, and the time until a limit is reached.

A series is taken for a line that wanders: what it does in a time ``t`` is ``slope * t``, give or take the square root
of ``wander * t``. The slope is the median over pairs of buckets (Theil and Sen), the wander the variance of what is
left over long stretches, so that one step, a drop after a rotation or a copied file, makes the slope doubtful instead
of steep: of a single step, slope and doubt are equal. The slope of ``span`` seconds is itself uncertain by
``wander / span``, and after ``t`` seconds the value lies around the line with the variance
``wander * t * (1 + t / span)``. The limit is reached where that band crosses it; Student's t makes up for how badly a
few stretches know their variance.

Five scales look: a week and two and a half days of quarters of a day, in pairs that lie whole days apart, so that a
daily cycle is no trend; and a day, six hours and an hour, each of which sees half as far ahead as it has looked back.
A shorter scale is heard where nothing longer is known, or where it is clearly steeper and, of the last three, takes
the series where it has not been lately.

Sources: Sen, Estimates of the regression coefficient based on Kendall's tau (1968),
https://doi.org/10.1080/01621459.1968.10480934; Fieller, Some problems in interval estimation (1954), for the roots.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from streams.baselines import median_of
from streams.jit import kernel
from streams.layout import HIGH, LENGTHS, LOW, MEAN, OFFSETS, WIDTHS_MS, Number, Row

FINE: Final = 2
"""The window whose closed buckets bring a new estimate: five minutes."""
_HOURS: Final = 3
_QUARTERS: Final = 4
_DAY: Final = 4  # quarters
_DAY_S: Final = 86_400.0
_DAY_HOURS: Final = 24
_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)

SLOPE, WANDER, SPAN, FREEDOM, REACH, UNEVEN, CYCLIC, LEVEL, LINE = range(9)
"""Of a line: units and variance a second, seconds looked back and ahead, and the degrees of freedom of the variance;
how much its steps differ, whether days repeat themselves; and where it stands now."""
EARLIEST, EARLY, MEDIAN, LATE, LATEST, ETAS = range(6)
"""Quantiles of the time to a limit: 2.5, 10, 50, 90 and 97.5 %, in seconds."""

TREND_SCRATCH: Final[list[tuple[str, str] | tuple[str, str, tuple[int, ...]]]] = [
    ("ended", "i8"),  # windows that closed a bucket with this sample, as bits
    ("line_sign", "i8"),  # the direction that ``line`` looks in; 0 where there is none yet
    ("line", "f8", (LINE,)),
    ("other", "f8", (LINE,)),
    ("etas", "f8", (ETAS,)),
    ("number", "i8", (32,)),
    ("when", "f8", (32,)),
    ("what", "f8", (32,)),
    ("slopes", "f8", (288,)),
]
"""What a trend needs of a work record."""

# Buckets that a scale needs: five quarters of a day give the first pairs that lie a day apart.
_FEWEST_QUARTERS: Final = 6
_FEWEST_HOURS: Final = 4
_FEWEST_FINE: Final = 6
_SIX: Final = 6
# Quarters of a day in which a trend that has begun lately shows.
_FEW_DAYS: Final = 10
# A short scale sees so much of what it looked back ahead.
_FORESIGHT: Final = 0.5
# A climb is even if no step from bucket to bucket is so much more or less than the slope. Before a day is known a page
# needs the first; the second, over six hours, is as straight as no cycle is.
_EVEN: Final = 0.5
_STRAIGHT: Final = 0.15
_STRAIGHT_S: Final = 21_600.0
# By so many standard errors a shorter scale must be steeper.
_CLEARLY: Final = 2.0
# Of what a shorter scale claims to have moved, so much must be new ground.
_NEW_GROUND: Final = 0.5
# Overlapping stretches know more than those that do not overlap.
_OVERLAP: Final = 1.5
_T90 = np.array([3.078, 1.886, 1.638, 1.533, 1.476, 1.440, 1.415, 1.397, 1.383, 1.372])
_T975 = np.array([12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228])
_Z90: Final = 1.2816
_Z975: Final = 1.9600


@kernel
def student(freedom: float, table: Any, normal: float) -> Number:
    """A quantile of Student's t: from the table, between its rows, beyond them by the first term of its series."""
    if freedom >= len(table):
        return normal + (normal**3 + normal) / (4.0 * freedom)
    below = np.int64(max(1.0, freedom))
    share = max(1.0, freedom) - below
    return table[below - 1] * (1.0 - share) + table[min(below, len(table) - 1)] * share


@kernel
def _gather(row: Row, window: int, least: int, sign: float, work: Row) -> Number:
    """A window's closed buckets from a number on, oldest first: number, seconds since now, mean towards the limit."""
    width = _WIDTHS[window]
    count = 0
    for number in range(max(row.open_number[window] - _LENGTHS[window], least), row.open_number[window]):
        at = _OFFSETS[window] + number % _LENGTHS[window]
        if row.ring_count[at] == 0 or row.ring_number[at] != number:
            continue
        # A series that began within a bucket fills its end only.
        start = max(number * width, row.first_ms)
        work.number[count] = number
        work.when[count] = (0.5 * (start + (number + 1) * width) - row.newest_ms) / 1000.0
        work.what[count] = sign * row.ring[at, MEAN]
        count += 1
    return count


@kernel
def _slope(count: int, nearest: int, every: int, work: Row) -> Number:
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
def _left_over(count: int, apart: int, slope: float, work: Row) -> Number:
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
def _is_cyclic(count: int, slope: float, work: Row) -> Number:
    """Whether a day resembles the day before more than an evening its morning."""
    day, half = _left_over(count, _DAY, slope, work), _left_over(count, _DAY // 2, slope, work)
    # Variances a second: of a walk both are equal, of a cycle the day's is nothing.
    return day < 0.25 * half


@kernel
def _set_wander(count: int, apart: int, width_s: float, line: Any, work: Row) -> Number:
    """How far a line wanders, from stretches of so many buckets; whether that could be told."""
    wander = _left_over(count, apart, line[SLOPE], work)
    if np.isnan(wander):
        return False
    line[WANDER] = wander
    line[SPAN] = work.when[count - 1] - work.when[0] + width_s
    line[FREEDOM] = max(1.0, _OVERLAP * (count - 1) / apart - 1.0)
    return True


@kernel
def _days(row: Row, buckets: int, line: Any, work: Row) -> Number:
    """The line through the last quarters of a day, in pairs whole days apart; whether there is one."""
    count = _gather(row, _QUARTERS, row.open_number[_QUARTERS] - buckets, float(work.line_sign), work)
    if count < _FEWEST_QUARTERS:
        return False
    line[SLOPE] = _slope(count, _DAY, _DAY, work)
    if np.isnan(line[SLOPE]):
        return False
    line[REACH] = np.inf
    line[UNEVEN] = np.inf
    line[CYCLIC] = 1.0 if _is_cyclic(count, line[SLOPE], work) else 0.0
    apart = max(1, count // 6)
    if line[CYCLIC] > 0.0:
        apart = _DAY * max(1, count // 16)
    return _set_wander(count, apart, _WIDTHS[_QUARTERS] / 1000.0, line, work)


@kernel
def _unevenness(count: int, slope: float, work: Row) -> Number:
    """By how much the steps from bucket to bucket differ from the slope at the most, as a share of it."""
    most = 0.0
    for i in range(1, count):
        step = (work.what[i] - work.what[i - 1]) / (work.when[i] - work.when[i - 1])
        most = max(most, abs(step - slope))
    return most / slope if slope > 0.0 else np.inf


@kernel
def _short(row: Row, window: int, buckets: int, fewest: int, line: Any, work: Row) -> Number:
    """The line through the last few buckets of a finer window, which sees as far ahead as back."""
    count = _gather(row, window, row.open_number[window] - buckets, float(work.line_sign), work)
    if count < fewest:
        return False
    line[SLOPE] = _slope(count, 1, 1, work)
    if np.isnan(line[SLOPE]):
        return False
    line[CYCLIC] = 0.0
    line[UNEVEN] = _unevenness(count, line[SLOPE], work)
    if not _set_wander(count, max(1, count // 6), _WIDTHS[window] / 1000.0, line, work):
        return False
    line[REACH] = _FORESIGHT * line[SPAN]
    return True


@kernel
def _highest_before(row: Row, window: int, least_ms: int, sign: float) -> Number:
    """The most that a window's buckets reached towards the limit before a time; -inf where nothing is known."""
    most = -np.inf
    column = HIGH if sign > 0.0 else LOW
    for number in range(row.open_number[window] - _LENGTHS[window], row.open_number[window]):
        at = _OFFSETS[window] + number % _LENGTHS[window]
        if row.ring_count[at] != 0 and row.ring_number[at] == number and (number + 1) * _WIDTHS[window] <= least_ms:
            most = max(most, sign * row.ring[at, column])
    return most


@kernel
def _is_steeper(line: Any, other: Any) -> Number:
    """Whether a shorter scale's line is clearly steeper; any is, where there is no longer one."""
    if line[SPAN] == 0.0:
        return True
    least = max(line[SLOPE], 0.0) + _CLEARLY * np.sqrt(line[WANDER] / line[SPAN])
    return other[SLOPE] - _CLEARLY * np.sqrt(other[WANDER] / other[SPAN]) > least


@kernel
def _is_new_ground(row: Row, other: Any, older: int, work: Row) -> Number:
    """Whether a line leads where the series has not been lately: what climbs every morning does not.

    Where nothing before is known, it must climb evenly.
    """
    before = _highest_before(row, older, row.newest_ms - np.int64(1000.0 * other[SPAN]), float(work.line_sign))
    if before == -np.inf:
        return other[UNEVEN] <= _EVEN
    return other[LEVEL] - before >= _NEW_GROUND * other[SLOPE] * other[SPAN]


@kernel
def _stands_at(row: Row, slope: float, sign: float, work: Row) -> Number:
    """The level now: the median of the last three buckets, each moved on by the slope."""
    count = _gather(row, FINE, row.open_number[FINE] - 3, sign, work)
    for i in range(count):
        work.slopes[i] = work.what[i] - slope * work.when[i]
    return median_of(work.slopes, count) if count else sign * row.value


@kernel
def _try_short(row: Row, window: int, buckets: int, fewest: int, older: int, work: Row) -> None:
    """Let a shorter scale's line replace the one at hand, if it has more to say."""
    if not _short(row, window, buckets, fewest, work.other, work):
        return
    work.other[LEVEL] = _stands_at(row, work.other[SLOPE], float(work.line_sign), work)
    if _is_steeper(work.line, work.other) and _is_new_ground(row, work.other, older, work):
        work.line[:] = work.other


@kernel
def fit(row: Row, sign: int, work: Row) -> None:
    """Fill ``work.line``: where a series is heading in a direction, 1 up or -1 down."""
    work.line_sign = sign
    work.line[:] = 0.0
    for buckets in (LENGTHS[_QUARTERS], _FEW_DAYS):
        if _days(row, buckets, work.other, work) and _is_steeper(work.line, work.other):
            work.other[LEVEL] = _stands_at(row, work.other[SLOPE], float(sign), work)
            work.line[:] = work.other
    _try_short(row, _HOURS, _DAY_HOURS, _FEWEST_HOURS, _QUARTERS, work)
    _try_short(row, _HOURS, _SIX, _FEWEST_HOURS, _HOURS, work)
    _try_short(row, FINE, LENGTHS[FINE], _FEWEST_FINE, _HOURS, work)


@kernel
def crossing(gap: float, line: Any, deviations: float) -> Number:
    """Seconds until a band's edge crosses a gap: positive deviations for the early edge, negative for the late one.

    The roots of ``(slope t - gap)² = deviations² wander t (1 + t / span)``.
    """
    if gap <= 0.0:
        return 0.0
    slope, doubt = line[SLOPE], deviations * deviations * line[WANDER]
    if slope <= 0.0:
        return np.inf
    if doubt == 0.0:
        return gap / slope
    square = slope * slope - doubt / line[SPAN]
    middle = 2.0 * slope * gap + doubt
    root = np.sqrt(middle * middle - 4.0 * square * gap * gap)
    if deviations > 0.0:
        return 2.0 * gap * gap / (middle + root)
    return (middle + root) / (2.0 * square) if square > 0.0 else np.inf


@kernel
def _crossing_by_day(limit: float, count: int, line: Any, deviations: float, work: Row) -> Number:
    """As ``crossing``, of a day that repeats itself: the first hour of a later day that reaches the limit."""
    first = np.inf
    for i in range(count):
        needs = crossing(limit - work.what[i], line, deviations)
        if not np.isfinite(needs):
            continue
        days = max(1.0, np.ceil((needs - 1800.0) / _DAY_S))
        first = min(first, max(needs, days * _DAY_S - 1800.0) + work.when[i])
    return max(first, 0.0)


@kernel
def time_to(row: Row, limit: float, work: Row) -> None:
    """Fill ``work.etas``: when ``work.line`` reaches a limit; what it cannot see is infinitely far."""
    line, sign = work.line, float(work.line_sign)
    cyclic = line[CYCLIC] > 0.0
    count = _gather(row, _HOURS, 0, sign, work) if cyclic else 0
    t90, t975 = student(line[FREEDOM], _T90, _Z90), student(line[FREEDOM], _T975, _Z975)
    edges = (t975, t90, 0.0, -t90, -t975)
    for at in range(ETAS):
        if cyclic:
            work.etas[at] = _crossing_by_day(sign * limit, count, line, edges[at], work)
        else:
            work.etas[at] = crossing(sign * limit - line[LEVEL], line, edges[at])
    if work.etas[MEDIAN] > line[REACH]:
        work.etas[LATE] = work.etas[LATEST] = np.inf


@kernel
def is_sure(work: Row) -> Number:
    """Whether it surely moves towards the limit: the whole 95 % interval does, or it climbed straight for hours."""
    if not np.isfinite(work.etas[MEDIAN]):
        return False
    straight = work.line[UNEVEN] <= _STRAIGHT and work.line[SPAN] >= _STRAIGHT_S
    return straight or np.isfinite(work.etas[LATEST])
