"""How a series lies in memory: one record of fixed width.

A series costs 7.5 KiB here: what every sample touches (500 bytes, at the front), buckets in the making and baselines,
89 closed buckets of 39 bytes, 168 hours of the week of 9, and 33 days of the month of 5.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

WIDTHS_MS: Final = (30_000, 60_000, 300_000, 3_600_000, 21_600_000)
"""A window's bucket width; each divides the next, so that closed buckets merge upwards."""
LENGTHS: Final = (10, 15, 12, 24, 28)
"""Buckets of 5m, 15m, 1h, 24h and 7d."""
OFFSETS: Final = (0, 10, 25, 37, 61)
"""Where a window's buckets begin in a series' row of closed buckets."""
BUCKETS: Final = sum(LENGTHS)
WINDOWS: Final = len(LENGTHS)
STAMPS: Final = 32
"""Timestamps that a series remembers, so that a repeat changes nothing."""
MINUTE: Final = 1
"""The window whose closed buckets the drift detectors learn."""
DAY_HOURS: Final = 24
WEEK_HOURS: Final = 168
PEAKS: Final = 8
PEAK_HOURS: Final = 3
"""A day's stretches, of each of which extremes are remembered."""
SEASON_PATIENCE: Final = 6
"""An hour teaches so many hours later: what is slow to be seen must not be usual by then."""
SEASON_GROUP: Final = 6
"""Hours of the week that share a record of a checkpoint."""
MONTH_ENDS: Final = 3
"""Days of a month that are counted from its end."""
MONTH_DAYS: Final = 30 + MONTH_ENDS
"""Days of a month that may be known: from its start, then from its end (the 31st is always the last)."""
MONTH_PLACE: Final = BUCKETS + WEEK_HOURS // SEASON_GROUP
"""The bit of ``ring_dirty`` that says that days of the month changed."""
VITALS: Final = 3
"""Vital signs that are watched: does it move, does it swing as usual, does it come."""
MAX_RULES: Final = 8
"""Threshold rules that may watch one series at a time."""
RULE_PLACES: Final = 2 * MAX_RULES
"""Places for them: rules that are replaced keep theirs until their time is over."""

Field = tuple[str, str] | tuple[str, str, tuple[int, ...]]

FREE, GAUGE, COUNTER, DELTA = 0, 1, 2, 3
"""What a slot holds."""

HOT: Final[list[Field]] = [
    ("id", "u8"),
    ("newest_ms", "i8"),
    ("first_ms", "i8"),
    ("since_ms", "i8"),  # baselines look no further back: the last accepted level shift
    ("stamp_base_ms", "i8"),
    ("fresh_ms", "i8"),  # when a young series' first window was judged anew
    ("interval_ms", "f8"),
    ("raw", "f8"),  # the counter's last value
    ("value", "f8"),  # the last value, as judged
    ("weight", "f8"),  # what it weighs in a bucket's mean: a gauge 1, a rate the seconds that it is of
    ("fast", "f8"),  # mean of the last few samples
    ("score", "f8"),
    ("evidence", "f8"),
    ("peak", "f8"),
    ("told_peak", "f8"),
    ("started_ms", "i8"),
    ("clear_ms", "i8"),
    ("told_ms", "i8"),
    ("muted_ms", "i8"),  # the newest sample within maintenance
    ("same_ms", "i8"),  # since when every value was the same; 0 where that is not known
    ("heard_ms", "i8"),  # the stage's time at the newest sample, if that was late by more than a silence; else 0
    ("drifted_ms", "i8"),  # the last drift that was told
    ("alarmed_ms", "i8"),  # when the last episode ended ...
    ("alarms", "f8"),  # ... and how many ended lately, as of then
    ("known", "f8"),  # how far it went in the week before its episode, as a share of how far it went in it
    ("hits", "i4"),
    ("clear_hits", "i4"),
    ("family", "i2"),
    ("kind", "u1"),
    ("stamp_count", "u1"),
    ("stamp_head", "u1"),
    ("seen", "u1"),  # 0 nothing, 1 the first raw value of a counter, 2 a value to judge
    ("state", "u1"),
    ("direction", "i1"),
    ("severity", "u1"),
    ("agreed", "u1"),
    ("lead", "u1"),
    ("rules", "u1"),
    ("maintenance", "u2"),  # the group of maintenance windows that are about it; 0 for none
    ("shape", "u1"),  # of an episode: 0 a step, 1 a ramp
    ("level", "f8", (4,)),  # exponentially weighted means
    ("stamps", "u4", (STAMPS,)),  # the newest timestamps as a sorted ring, ms since stamp_base_ms
]
"""What every sample touches."""

OPEN: Final[list[Field]] = [
    ("open", "f8", (WINDOWS, 4)),  # mean, squared deviations from it, min, max
    ("open_number", "i4", (WINDOWS,)),  # start / width
    ("open_count", "i4", (WINDOWS,)),
    ("open_weight", "f8", (WINDOWS,)),
    ("open_frozen", "i4", (WINDOWS,)),  # how many of its samples came during an anomaly
]
"""Buckets in the making; a coarser one lacks what finer ones still hold. The first changes with every sample."""

WARM: Final[list[Field]] = [
    ("base", "f8", (WINDOWS, 4)),  # center, spread, and the distances above and below that score 1.0
    ("base_ms", "i8", (WINDOWS,)),
    ("base_ready", "u1", (WINDOWS,)),
    ("inside", "f8"),  # variance of samples around their mean of 5 minutes, within an hour
    ("wander", "f8"),  # and of those means, as far as their samples do not explain it
    ("season_error", "f8"),  # by how much hours differ from what was usual, on average
    ("season_hours", "i4"),  # how many that average knows
    ("season_hour", "i4"),  # the last hour that was noted, since 1970
    ("stretch", "i4"),  # the one that ``reached`` is being written for, since 1970
    # Of the last PEAKS stretches of PEAK_HOURS: least and most of the levels of 15m, 1h and 24h, and how far means of 5
    # minutes were below and above what was usual.
    ("reached", "f4", (3, 2, PEAKS)),
    ("beyond", "f4", (2, PEAKS)),
    ("days", "f4", (4, 2, 7)),  # the same, as ``tail`` has it, of each of the last 7 days
    ("pending", "f4", (3, SEASON_PATIENCE)),  # what the last hours will teach: least, usual and most mean of 5 minutes
    ("usual", "f8", (3,)),  # what is usual now: least, usual and most; NaN where nothing is known
    # The hour of the week that it is of, and how often that was seen; below 0: on how many days like it instead.
    ("usual_of", "i4", (2,)),
    ("usual_month", "u1"),  # 1 + the day of the month that moved it; 0 for none
    ("month_known", "u1"),  # how many days of the month are known
    ("error_hours", "u2"),  # hours that ``month_error`` knows
    ("month_error", "f4"),  # by how much hours of a month differ from their hour of the week, on average
    # What days of the week may still show of an odd one that taught their hours, as a code.
    ("echo", "i2", (7,)),
    ("today_number", "i4"),  # the day that ``today`` is of, where the calendar is, since 1970
    # Hours of that day so far: what was usual, and by how much the hour left it, as codes; 0 where that is not known.
    ("today", "i2", (2, DAY_HOURS)),
    ("tail", "f4", (4, 2)),  # least and most that the levels of 15m, 1h, 24h, and 7d's distance, may reach in a week
    # Low and high that a window's observation reached now and then within each longer window: [window, longer - 1].
    ("habit", "f4", (WINDOWS - 1, WINDOWS - 1, 2)),
    ("vital_ms", "i8", (VITALS, 2)),  # since when a vital sign is bad, 0 for not at all, and when that was told
    ("vital_peak", "f4", (VITALS,)),
    ("longest_s", "f4", (2, 2)),  # the two longest times of standing still, and of silence
    # The logarithm of the samples' variance: what is usual, its mean deviation, cumulative sums above and below.
    ("swing_usual", "f4"),
    ("swing_away", "f4"),
    ("swing_sums", "f4", (2,)),
    ("swing_count", "u2"),
    ("swing_window", "u1"),  # 1 + the window that it is of
    ("tail_told", "f4", (4, 2)),  # what was last written down of ``tail``; NaN for nothing
    ("version", "u2"),  # how many levels were accepted
    ("held", "u1"),  # no shift is accepted before the series is back ...
    ("left_out_ms", "i8", (2,)),  # ... and from when to when it was away, nothing is usual
    ("old_ready", "u1", (WINDOWS,)),  # of the level before the last accepted one, as are ...
    ("old_base", "f4", (WINDOWS, 4)),
    ("old_noise", "f4", (3,)),  # ... inside, wander and the season's error ...
    ("old_since_ms", "i8"),
    ("shifted_ms", "i8"),  # when the present level was accepted; 0 where no older one is kept
    ("rollback_ms", "i8"),  # from when on the older one is asked for; 0 for not at all
    ("rule", "i2", (RULE_PLACES,)),  # threshold rules that watch it, by position in the rule book
    ("rule_firing", "u1", (RULE_PLACES,)),
    ("rule_ms", "i8", (RULE_PLACES, 2)),  # since when the condition holds, and when that was last told
    ("rule_s", "u4", (RULE_PLACES, 2)),  # when it last held, and when a limit was said to be reached
    ("rule_peak", "f4", (RULE_PLACES,)),
]
"""What closing buckets touch."""

RING: Final[list[Field]] = [
    ("ring_round", "u1", (BUCKETS,)),  # of its number (``streams.rings``)
    # Negative: an anomaly or maintenance fell into it, so baselines leave it out; of maintenance, M2 is negative, too.
    ("ring_count", "i4", (BUCKETS,)),
    ("ring", "f8", (BUCKETS, 4)),  # as ``open``
    ("ring_span", "u2", (BUCKETS,)),  # of rates: the time that they are of, in two-thousandths of the width
]
"""Closed buckets, each at ``OFFSETS[w] + number % LENGTHS[w]``."""

SEASON: Final[list[Field]] = [
    ("season", "f4", (WEEK_HOURS,)),  # the usual mean; the first hour is Monday's, UTC
    ("season_range", "u2", (WEEK_HOURS, 2)),  # how far the least and the most mean of 5 minutes are away, as codes
    ("season_weeks", "u1", (WEEK_HOURS,)),  # how many hours it has learned
]
"""What is usual by hour of the week."""

MONTH: Final[list[Field]] = [
    ("month_shift", "i2", (MONTH_DAYS,)),  # by how much hours of the day differ from their hour of the week, as a code
    # From which hour of the day on, and until which; that with ``MONTH_SHARE`` if the shift is a share of the usual.
    ("month_hours", "u1", (MONTH_DAYS, 2)),
    ("month_times", "u1", (MONTH_DAYS,)),  # how often in a row it came
]
"""What days of the month bring."""

DIRT: Final[list[Field]] = [("dirty", "u8"), ("ring_dirty", "u8", (2,))]
"""What changed since the last checkpoint: bits 1 (hot) and 2 (warm); a bit a closed bucket, a group of hours, and one
for the days of the month.
"""

SLOT: Final = np.dtype([*HOT, *OPEN, *WARM, *RING, *SEASON, *MONTH, *DIRT], align=True)
"""All of a series. One record, because compiled code hands it on as one pointer."""

MONTH_SHARE: Final = 32
"""Beyond any hour of a day."""
MEAN, M2, LOW, HIGH = range(4)
"""Columns of a bucket."""
CENTER, SPREAD, UP, DOWN = range(4)
"""Columns of a baseline."""
HOT_DIRTY, WARM_DIRTY = 1, 2

LEVEL_MS: Final = (30_000.0, 150_000.0, 1_800_000.0, 300_000.0)
"""Time constants of the exponentially weighted levels that 15m, 1h, 24h and 7d observe."""

Array = npt.NDArray[Any]
Row = Any
"""One record of a structured array, inside compiled code."""
Number = Any
"""What compiled code returns; Numba infers whether it is an integer, a float or a truth value."""


BLOCK: Final = 256
"""Slots of a checkpoint block."""


def make_slots(count: int) -> Array:
    """Empty slots; memory is taken as they are first written."""
    return np.zeros(count, SLOT)


def grow_slots(old: Array, count: int) -> Array:
    """The same slots and more."""
    grown = make_slots(count)
    grown[: len(old)] = old
    return grown
