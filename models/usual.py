"""An observed value among what its hour of the week usually shows: how many times that, and which percentile."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final, NamedTuple

from schemas.events import UsualHour
from streams.months import day_of

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_DAY_HOURS: Final = 24
# Means of five minutes that an hour shows, and the weeks that hold three quarters of what it remembers.
_A_WEEK: Final = 12
_WEEKS: Final = 4
# Of Student's t of three degrees: its mean distance from its center, and its variance.
_MEAN_DISTANCE: Final = 2.0 * math.sqrt(3.0) / math.pi
_VARIANCE: Final = 3.0
_NOTHING: Final = 1e-9


class HourState(NamedTuple):
    """What a series' record says of the hour of the week.

    Parameters
    ----------
    low, center, high
        Least, usual and most mean of five minutes, without the chance that such a mean has.
    error
        By how much hours differ from what was usual of them, on average.
    inside, share
        Variance of samples around their mean of five minutes, and which share of it such a mean has.
    hour
        Of the week; 0 begins on Monday at midnight.
    seen
        How often it was seen; below 0, on how many days like it instead.
    month
        1 + the place of the day of the month that moved it (``streams.months``); 0 for none.
    """

    low: float
    center: float
    high: float
    error: float
    inside: float
    share: float
    hour: int
    seen: int
    month: int = 0


def student_cdf(value: float) -> float:
    """Distribution function of Student's t of three degrees of freedom: heavy tails, in closed form.

    Examples
    --------
    >>> round(student_cdf(0.0), 3), round(student_cdf(4.541), 3), round(student_cdf(-4.541), 3)
    (0.5, 0.99, 0.01)
    """
    scaled = value / math.sqrt(3.0)
    return 0.5 + (scaled / (1.0 + scaled * scaled) + math.atan(scaled)) / math.pi


@lru_cache(maxsize=64)
def _extreme(count: int) -> float:
    """Where the most of so many draws lies, as the quantile that ``count`` of ``count + 1`` are below."""
    share, low, high = count / (count + 1.0), 0.0, 100.0
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if student_cdf(middle) < share else (low, middle)
    return high


def percentile_of(value: float, of: HourState, *, is_sample: bool) -> float:
    """The share of what the hour usually shows that lies below a value, in percent.

    A location-scale estimate, since an hour keeps three numbers and not its samples: around the usual mean, on either
    side, lies Student's t of three degrees. Its scale is such that the most (or least) of the means that were seen
    stands where the most of so many draws does; the mean error of hours and the chance of the value itself (a sample's
    or, of a level, that of a mean of five minutes) come on top. Beyond what was seen it is extrapolated: words for
    people say *about*, and stop at p99.9.

    Examples
    --------
    >>> nine = HourState(0.19, 0.21, 0.24, 0.005, 0.0, 0.1, hour=9, seen=4)
    >>> [round(percentile_of(value, nine, is_sample=False), 1) for value in (0.15, 0.21, 0.24, 0.45)]
    [0.2, 50.0, 97.3, 100.0]
    """
    away = value - of.center
    reach = of.high - of.center if away > 0.0 else of.center - of.low
    chance = of.inside if is_sample else of.inside * of.share
    seen = max(1, min(abs(of.seen), _WEEKS)) * _A_WEEK
    squares = (reach / _extreme(seen)) ** 2 + (of.error / _MEAN_DISTANCE) ** 2 + chance / _VARIANCE
    scale = max(math.sqrt(squares), _NOTHING * abs(of.center), 1e-300)
    return 100.0 * student_cdf(max(-1e9, min(1e9, away / scale)))


def usual_hour(value: float, of: HourState, *, is_sample: bool) -> UsualHour | None:
    """What is usual at the hour, and where a value lies among it; None where nothing is known."""
    if of.seen == 0:
        return None
    return UsualHour(
        low=of.low,
        center=of.center,
        high=of.high,
        hour=of.hour,
        seen=abs(of.seen),
        same_day=of.seen > 0,
        month_day=day_of(of.month - 1) if of.month else None,
        percentile=round(percentile_of(value, of, is_sample=is_sample), 3),
        ratio=_ratio(value, of),
    )


def _ratio(value: float, of: HourState) -> float | None:
    """How many times the usual; None where that says nothing: around zero, and with signs that differ."""
    if not abs(of.center) > _NOTHING * max(abs(value), of.high - of.low) or value / of.center < 0.0:
        return None
    return value / of.center


def month_day_text(day: int) -> str:
    """A day of the month, in words; from -1 on it is counted from the month's end.

    Examples
    --------
    >>> [month_day_text(day) for day in (1, 12, 23, -1, -2, -3)]
    ['the 1st', 'the 12th', 'the 23rd', 'the last day', 'the last day but one', 'the last day but two']
    """
    if day < 0:
        return ("the last day", "the last day but one", "the last day but two")[-day - 1]
    ending = "th" if day in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"the {day}{ending}"


def days_text(of: UsualHour) -> str:
    """Which hours it is held against, in words.

    Examples
    --------
    >>> nine = UsualHour(low=0.1, center=0.2, high=0.3, hour=9, seen=6, same_day=True, percentile=99.7, ratio=2.1)
    >>> days_text(nine), days_text(nine.model_copy(update={"same_day": False, "seen": 1}))
    ('the last 4 Mondays at 09 h', 'a day like it at 09 h')
    >>> days_text(nine.model_copy(update={"month_day": -1}))
    'the last 4 Mondays at 09 h, moved as on the last day of a month'
    """
    text = f"at {of.hour % _DAY_HOURS:02d} h"
    if of.month_day is not None:
        text += f", moved as on {month_day_text(of.month_day)} of a month"
    if of.same_day:
        return f"the last {min(of.seen, _WEEKS)} {WEEKDAYS[of.hour // _DAY_HOURS]}s {text}"
    return f"{of.seen} days like it {text}" if of.seen > 1 else f"a day like it {text}"


def percentile_text(percentile: float) -> str:
    """A percentile as far as it is known.

    Examples
    --------
    >>> [percentile_text(one) for one in (0.01, 0.52, 42.3, 98.96, 99.72, 99.97)]
    ['below p0.1', 'about p0.5', 'about p42', 'about p98', 'about p99.7', 'above p99.9']
    """
    if percentile > 99.9:
        return "above p99.9"
    if percentile < 0.1:
        return "below p0.1"
    inner = 1.0 < percentile < 99.0
    return f"about p{math.floor(percentile) if inner else math.floor(10.0 * percentile) / 10.0:g}"


def times_text(ratio: float | None) -> str:
    """How much of the usual a value is, as words before "the usual"; empty where it is about that or cannot be said.

    Examples
    --------
    >>> [times_text(one) for one in (2.14, 1.25, 1.02, 0.8, 0.4, 400.0, None)]
    ['2.1 times ', '25 % above ', '', '20 % below ', '0.4 times ', 'over 100 times ', '']
    """
    if ratio is None or 0.95 < ratio < 1.05:
        return ""
    if ratio > 100.0:
        return "over 100 times "
    if 0.5 < ratio < 1.5:
        return f"{abs(ratio - 1.0) * 100.0:.0f} % {'above' if ratio > 1.0 else 'below'} "
    return f"{ratio:.2g} times "
