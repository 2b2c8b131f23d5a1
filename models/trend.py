"""Where a series is heading: a robust slope over its closed buckets, and the time until a limit is reached.

A series is taken for a line that wanders: what it does in a time ``t`` is ``slope * t``, give or take the square root
of ``wander * t``. The slope is the median over pairs of buckets (Theil and Sen), the wander the variance of what is
left over long stretches, so that one step, a drop after a rotation or a copied file, makes the slope doubtful instead
of steep: of a single step, slope and doubt are equal. The slope of ``span`` seconds is itself uncertain by
``wander / span``, and after ``t`` seconds the value lies around the line with the variance
``wander * t * (1 + t / span)``. The limit is reached where that band crosses it; Student's t makes up for how badly a
few stretches know their variance. Where the ends of the span say another slope than the median does,
or its two halves do, that is in doubt too.

Five scales look: a week and two and a half days of quarters of a day, in pairs that lie whole days apart, so that a
daily cycle is no trend; and a day, six hours and an hour, each of which sees half as far ahead as it has looked back.
A shorter scale is heard where nothing longer is known, or where it is clearly steeper and, of the last three, takes
the series where it has not been lately; of a limit that it cannot see days speak again. A climb that a few steps make
is none unless three days show it; buckets with holes and those of maintenance are left out.

Sources: Sen, Estimates of the regression coefficient based on Kendall's tau (1968),
https://doi.org/10.1080/01621459.1968.10480934; Fieller, Some problems in interval estimation (1954), for the roots.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.slopes import (
    BEND,
    CYCLIC,
    DAY,
    DAY_S,
    DOUBT,
    FREEDOM,
    HOURS,
    LEVEL,
    LINE,
    NOISE,
    QUARTERS,
    REACH,
    SLOPE,
    SPAN,
    UNEVEN,
    WALK,
    WANDER,
    gather,
    is_cyclic,
    is_learned,
    is_one_step,
    moves_seldom,
    moves_seldom_of_late,
    set_bend,
    set_doubt,
    set_wander,
    slope_of,
    slows_down,
    unevenness,
)
from streams.jit import kernel
from streams.layout import HIGH, LENGTHS, LOW, OFFSETS, WIDTHS_MS, Number, Row
from streams.ranks import median_of

FINE: Final = 2
"""The window whose closed buckets bring a new estimate: five minutes."""
_DAY_HOURS: Final = 24
_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)

EARLIEST, EARLY, MEDIAN, LATE, LATEST, ETAS = range(6)
"""Quantiles of the time to a limit: 2.5, 10, 50, 90 and 97.5 %, in seconds."""

TREND_SCRATCH: Final[list[tuple[str, str] | tuple[str, str, tuple[int, ...]]]] = [
    ("ended", "i8"),  # windows that closed a bucket with this sample, as bits
    ("line_sign", "i8"),  # the direction that ``line`` looks in; 0 where there is none yet
    ("line", "f8", (LINE,)),
    ("other", "f8", (LINE,)),
    ("long", "f8", (LINE,)),  # what days say
    ("newest", "f8", (LINE,)),  # what is heard first: days, or a shorter scale
    ("noise", "f8"),
    ("etas", "f8", (ETAS,)),
    ("number", "i8", (32,)),
    ("when", "f8", (32,)),
    ("what", "f8", (32,)),
    ("slopes", "f8", (288,)),
]
"""What a trend needs of a work record."""

# Buckets that a scale needs: five quarters of a day give the first pairs that lie a day apart.
_FEWEST_QUARTERS: Final = 5
# So many tell whether a day repeats itself, and so many whether the slope changes.
_TWO_DAYS: Final = 8
_THREE_DAYS: Final = 12
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
_STRAIGHT: Final = 0.08
_STRAIGHT_S: Final = 21_600.0
_A_DAY_MS: Final = 86_400_000
# Until three days tell how a slope changes, it may do so by this share a day: chosen once, on the planted fills.
_USUAL_CHANGE: Final = 0.03
# By so many standard errors a shorter scale must be steeper.
_CLEARLY: Final = 2.0
# The slope of a line through a walk is so much less certain than that between its ends.
_THROUGH_A_WALK: Final = 1.2
# Of what a shorter scale claims to have moved, so much must be new ground.
_NEW_GROUND: Final = 0.5
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
def _is_jumpy(row: Row, count: int, line: Any, work: Row) -> Number:
    """Whether a few steps may make all of a line; three days show whether such steps come again."""
    if line[CYCLIC] > 0.0 or count >= _THREE_DAYS:
        return False
    return is_one_step(count, work) or moves_seldom_of_late(row, line[SLOPE], float(work.line_sign))


@kernel
def _days(row: Row, buckets: int, line: Any, work: Row) -> Number:
    """The line through the last quarters of a day, in pairs whole days apart; whether there is one."""
    count = gather(row, QUARTERS, row.open_number[QUARTERS] - buckets, float(work.line_sign), work)
    if count < _FEWEST_QUARTERS:
        return False
    line[SLOPE] = slope_of(count, DAY, DAY, work)
    if np.isnan(line[SLOPE]):
        return False
    line[REACH] = np.inf
    line[UNEVEN] = np.inf
    line[CYCLIC] = 1.0 if count >= _TWO_DAYS and is_cyclic(count, line[SLOPE], work) else 0.0
    if _is_jumpy(row, count, line, work):
        return False
    apart = max(1, count // 6)
    if line[CYCLIC] > 0.0:
        apart = DAY * max(1, count // 16)
    if not set_wander(count, apart, _WIDTHS[QUARTERS] / 1000.0, line, work):
        return False
    set_doubt(count, DAY if count > _TWO_DAYS else 1, line, work)
    if count < _THREE_DAYS:
        line[BEND] = (_USUAL_CHANGE * line[SLOPE] / DAY_S) ** 2
    elif work.number[count - 1] - work.number[0] == count - 1:
        set_bend(count, line, work)
    return True


@kernel
def _is_young(row: Row) -> Number:
    """Whether no day of a series is known yet."""
    return row.newest_ms - row.first_ms < _A_DAY_MS


@kernel
def _short(row: Row, window: int, buckets: int, fewest: int, line: Any, work: Row) -> Number:
    """The line through the last few buckets of a finer window, which sees half as far ahead as back."""
    count = gather(row, window, row.open_number[window] - buckets, float(work.line_sign), work)
    if count < fewest or is_one_step(count, work):
        return False
    line[SLOPE] = slope_of(count, 1, 1, work)
    if np.isnan(line[SLOPE]) or moves_seldom(count, line[SLOPE], work):
        return False
    if _is_young(row) and slows_down(count, line[SLOPE], work):
        return False
    line[CYCLIC] = 0.0
    line[UNEVEN] = unevenness(count, line[SLOPE], work)
    if not set_wander(count, max(1, count // 6), _WIDTHS[window] / 1000.0, line, work):
        return False
    set_doubt(count, 1, line, work)
    line[REACH] = _FORESIGHT * line[SPAN]
    return True


@kernel
def _highest_before(row: Row, window: int, least_ms: int, sign: float) -> Number:
    """The most that a window's buckets reached towards the limit before a time; -inf where nothing is known."""
    most = -np.inf
    column = HIGH if sign > 0.0 else LOW
    for number in range(row.open_number[window] - _LENGTHS[window], row.open_number[window]):
        at = _OFFSETS[window] + number % _LENGTHS[window]
        if is_learned(row, window, at, number) and (number + 1) * _WIDTHS[window] <= least_ms:
            most = max(most, sign * row.ring[at, column])
    return most


@kernel
def _mean_variance(line: Any) -> Number:
    """How uncertain a slope is, on the average of what was looked back."""
    return _THROUGH_A_WALK * line[WANDER] / line[SPAN] + line[DOUBT]


@kernel
def _slope_variance(line: Any, ahead_s: float) -> Number:
    """How uncertain a slope is, on the average of a time ahead."""
    from_middle_s = 0.5 * (line[SPAN] + ahead_s)
    return _mean_variance(line) + line[BEND] * from_middle_s * from_middle_s


@kernel
def _is_steeper(line: Any, other: Any) -> Number:
    """Whether a shorter scale's line is clearly steeper; any is, where there is no longer one."""
    if line[SPAN] == 0.0:
        return True
    least = max(line[SLOPE], 0.0) + _CLEARLY * np.sqrt(_THROUGH_A_WALK * line[WALK] / line[SPAN])
    if other[SLOPE] - _CLEARLY * np.sqrt(_mean_variance(other)) <= least:
        return False
    # What wandered or bent lately may do so again, however calm the last hours were.
    other[WANDER] = max(other[WANDER], line[WALK])
    other[BEND] = line[BEND]
    return True


@kernel
def _is_new_ground(row: Row, other: Any, work: Row) -> Number:
    """Whether a line leads where the series has not been lately: what climbs every morning does not.

    Where nothing before is known, it must climb evenly.
    """
    least_ms, sign = row.newest_ms - np.int64(1000.0 * other[SPAN]), float(work.line_sign)
    before = max(_highest_before(row, HOURS, least_ms, sign), _highest_before(row, QUARTERS, least_ms, sign))
    if before == -np.inf:
        return other[UNEVEN] <= _EVEN
    return other[LEVEL] - before >= _NEW_GROUND * other[SLOPE] * other[SPAN]


@kernel
def _stands_at(row: Row, slope: float, sign: float, work: Row) -> Number:
    """The level now: the median of the last three buckets, each moved on by the slope. Sets ``work.noise``."""
    count = gather(row, FINE, 0, sign, work)
    total = 0.0
    for i in range(1, count):
        step = work.what[i] - work.what[i - 1] - slope * (work.when[i] - work.when[i - 1])
        total += 0.5 * step * step
    work.noise = total / max(1, count - 1)
    count = gather(row, FINE, row.open_number[FINE] - 3, sign, work)
    for i in range(count):
        work.slopes[i] = work.what[i] - slope * work.when[i]
    return median_of(work.slopes, count) if count else sign * row.value


@kernel
def _try_short(row: Row, window: int, buckets: int, fewest: int, work: Row) -> None:
    """Let a shorter scale's line replace the one at hand, if it has more to say."""
    if not _short(row, window, buckets, fewest, work.other, work):
        return
    work.other[LEVEL] = _stands_at(row, work.other[SLOPE], float(work.line_sign), work)
    work.other[NOISE] = work.noise
    if _is_steeper(work.line, work.other) and _is_new_ground(row, work.other, work):
        work.line[:] = work.other


@kernel
def fit(row: Row, sign: int, work: Row) -> None:
    """Fill ``work.newest`` and ``work.long``: where a series is heading in a direction, 1 up or -1 down."""
    work.line_sign = sign
    work.line[:] = 0.0
    work.line[LEVEL] = sign * row.value
    for buckets in (LENGTHS[QUARTERS], _FEW_DAYS):
        if _days(row, buckets, work.other, work) and _is_steeper(work.line, work.other):
            work.other[LEVEL] = _stands_at(row, work.other[SLOPE], float(sign), work)
            work.other[NOISE] = work.noise
            work.line[:] = work.other
    work.long[:] = work.line
    _try_short(row, HOURS, _DAY_HOURS, _FEWEST_HOURS, work)
    _try_short(row, HOURS, _SIX, _FEWEST_HOURS, work)
    _try_short(row, FINE, LENGTHS[FINE], _FEWEST_FINE, work)
    work.newest[:] = work.line


@kernel
def crossing(gap: float, line: Any, deviations: float) -> Number:
    """Seconds until a band's edge crosses a gap: positive deviations for the early edge, negative for the late one.

    The roots of ``(slope t - gap)² = deviations² (wander t + variance t² + noise)``, where the variance is the slope's.
    """
    if gap <= 0.0:
        return 0.0
    slope, many = line[SLOPE], deviations * deviations
    if slope <= 0.0:
        return np.inf
    if many == 0.0:
        return gap / slope
    square = slope * slope - many * _slope_variance(line, gap / slope)
    middle = 2.0 * slope * gap + many * line[WANDER]
    rest = gap * gap - many * line[NOISE]
    root = np.sqrt(max(0.0, middle * middle - 4.0 * square * rest))
    if deviations > 0.0:
        return max(0.0, 2.0 * rest / (middle + root))
    return (middle + root) / (2.0 * square) if square > 0.0 else np.inf


@kernel
def _crossing_by_day(limit: float, count: int, line: Any, deviations: float, work: Row) -> Number:
    """As ``crossing``, of a day that repeats itself: the first hour of a later day that reaches the limit."""
    first = np.inf
    for i in range(count):
        needs = crossing(limit - work.what[i], line, deviations)
        if not np.isfinite(needs):
            continue
        days = max(1.0, np.ceil((needs - 1800.0) / DAY_S))
        first = min(first, max(needs, days * DAY_S - 1800.0) + work.when[i])
    return max(first, 0.0)


@kernel
def _cross(row: Row, limit: float, work: Row) -> None:
    """Fill ``work.etas``: when ``work.line`` reaches a limit; what it cannot see is infinitely far."""
    line, sign = work.line, float(work.line_sign)
    cyclic = line[CYCLIC] > 0.0
    count = gather(row, HOURS, 0, sign, work) if cyclic else 0
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
def time_to(row: Row, limit: float, work: Row) -> None:
    """Fill ``work.etas``, and ``work.line`` that they are of: where a short scale cannot see the limit days speak."""
    work.line[:] = work.newest
    _cross(row, limit, work)
    if work.etas[MEDIAN] > work.line[REACH] and work.long[SPAN] > 0.0:
        work.line[:] = work.long
        _cross(row, limit, work)


@kernel
def _climbs(line: Any, deviations: float) -> Number:
    """Whether a slope is more than so many of its standard errors."""
    return line[SPAN] > 0.0 and line[SLOPE] > deviations * np.sqrt(_mean_variance(line))


@kernel
def is_sure(row: Row, firing: bool, work: Row) -> Number:
    """Whether it surely moves towards the limit: the slope is more than chance, or all that is known is straight.

    Once a day is known straight hours are not enough: they may be a morning's. What fires goes on while a slope, of
    days or of hours, is more than its standard error.
    """
    line = work.line
    if line[SPAN] == 0.0 or not np.isfinite(work.etas[MEDIAN]):
        return False
    if firing:
        return _climbs(line, 1.0) or _climbs(work.newest, 1.0)
    if line[UNEVEN] <= _STRAIGHT and line[SPAN] >= _STRAIGHT_S and _is_young(row):
        return True
    return work.etas[MEDIAN] <= line[REACH] and _climbs(line, student(line[FREEDOM], _T975, _Z975))
