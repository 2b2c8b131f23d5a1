"""A series' vital signs: does it still come, does it still move, does it swing as it used to.

The five windows judge levels. Three things escape them, and each has an episode of its own:

``flatline``
    The very same value again and again, for three times as long as the series stood still twice before: a sensor that
    hangs, an exporter that repeats itself. Zero is left to the windows: where nothing happens, nothing moves.
``variance``
    Samples that differ more, or less, from one another than they used to, whatever the level does. A stretch's
    variance is the mean of its buckets', the highest left out, so that neither a step nor a glitch is one; its
    logarithm is held against what is usual by a two-sided cumulative sum (Page, Continuous inspection schemes, 1954,
    https://doi.org/10.1093/biomet/41.1-2.100).
``missing``
    No sample for three times as long as the series was silent twice before. A sweep sees it, or the next sample.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from models.episodes import (
    END_RECOVERED,
    END_SHIFT,
    END_SILENT,
    F_PEAK,
    F_SCORE,
    F_VALUE,
    F_WINDOWS,
    I_AGE,
    I_AT,
    I_CODE,
    I_DIRECTION,
    I_ENDED,
    I_ROW,
    I_RULE,
    I_SLOT,
    I_STARTED,
    OPEN,
    START,
    UPDATE,
)
from models.judge import MAX_SCORE
from models.lately import note_recent
from streams.intake import stale_limit
from streams.jit import kernel
from streams.layout import CENTER, HOT_DIRTY, LENGTHS, M2, MEAN, OFFSETS, VITALS, WARM_DIRTY, WIDTHS_MS, Number, Row
from streams.ranks import median_of
from streams.rings import number_of

FLATLINE, VARIANCE, MISSING = range(VITALS)
"""The vital signs, in the order of a series' record."""
VITAL_EVENTS: Final = 7
"""The most that one sample may report of them."""
FIRST_VITAL: Final = -2
"""In place of a rule's position: that of a flatline, and each next sign one less."""
F_NOW, F_USUAL = F_WINDOWS, F_WINDOWS + 1
"""Columns of a report: seconds of standing still or silence, or a standard deviation; and what is usual of it."""
SINCE, TOLD = range(2)
"""Times of a sign: since when, and when that was told."""
STILL, SILENT = range(2)
"""What a series remembers the longest times of."""

_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 86_400_000.0
_FINE: Final = 2
# Windows whose centers say what is usual.
_HOUR, _DAY = 2, 3
# A sign is a sign where a series has been known by so many samples.
_KNOWN_SAMPLES: Final = 40.0
_TIMES: Final = 3.0
_LEAST_STILL_SAMPLES: Final = 20.0
# What was the longest is forgotten by half in so long.
_HALF_MS: Final = 5.0 * _DAY_MS
_EVERY_MS: Final = _HOUR_MS
# Variances are those of the first window whose buckets hold so many samples: of its newest buckets, by window, judged
# when they are all new.
_BUCKET_SAMPLES: Final = 4.0
_BUCKETS = np.array([10, 5, 3, 3], np.int64)
_FEWEST_BUCKETS: Final = 3
_LEARNED: Final = 24
# A standard deviation that matters, as a share of the smallest deviation that does.
_SHARE_OF_FLOOR: Final = 0.1
_TINY: Final = 1e-24
# Of the cumulative sum, in mean deviations of the logarithm: what is usual and not gathered, the most that one stretch
# may say, and what is enough.
_SLACK: Final = 1.5
_CLIP: Final = 6.0
_ENOUGH: Final = 10.0
_FULL: Final = 13.0
_OVER: Final = 5.0
_LEAST_DEVIATION: Final = 0.15
# A new variance that has lasted so long is the usual one.
_ACCEPTED_MS: Final = 6 * _HOUR_MS


@kernel
def _tell(row: Row, sign: int, code: int, time_ms: int, sizes: tuple[float, float, float], work: Row) -> None:
    """Report an event of a sign: its score, what is now, and what is usual."""
    score, now, usual = sizes
    at = work.events
    work.events = at + 1
    work.ints[at, :] = 0
    work.floats[at, :] = 0.0
    row.vital_peak[sign] = max(row.vital_peak[sign], score)
    work.ints[at, I_ROW] = work.at_row
    work.ints[at, I_SLOT] = work.slot
    work.ints[at, I_CODE] = code
    work.ints[at, I_RULE] = FIRST_VITAL - sign
    work.ints[at, I_AT] = time_ms
    work.ints[at, I_STARTED] = row.vital_ms[sign, SINCE]
    work.ints[at, I_ENDED] = time_ms
    work.ints[at, I_DIRECTION] = 1 if now >= usual else -1
    work.ints[at, I_AGE] = time_ms - row.first_ms
    work.floats[at, F_VALUE] = row.value
    work.floats[at, F_SCORE] = score
    work.floats[at, F_PEAK] = row.vital_peak[sign]
    work.floats[at, F_NOW] = now
    work.floats[at, F_USUAL] = usual
    if code == START:
        note_recent(row, time_ms, work)
    row.vital_ms[sign, TOLD] = time_ms
    row.dirty |= WARM_DIRTY


@kernel
def _begin(row: Row, sign: int, since_ms: int) -> None:
    row.vital_ms[sign, SINCE] = since_ms
    row.vital_peak[sign] = 0.0


@kernel
def _end(row: Row, sign: int, code: int, time_ms: int, sizes: tuple[float, float, float], work: Row) -> None:
    """End a sign's episode, if it has one."""
    if row.vital_ms[sign, SINCE] > 0:
        _tell(row, sign, code, time_ms, sizes, work)
        _begin(row, sign, 0)


@kernel
def _is_known(row: Row, now_ms: int, params: Row) -> Number:
    """Whether a series is old enough to have habits."""
    age_ms = now_ms - row.first_ms
    return row.first_ms > 0 and age_ms >= params.known_ms and age_ms >= _KNOWN_SAMPLES * row.interval_ms


@kernel
def _keep_longest(row: Row, sign: int, seconds: float) -> None:
    """Keep the two longest times of standing still or of silence: what happened once may have been a fault."""
    if seconds <= row.longest_s[sign, 1]:
        return
    row.longest_s[sign, 1] = min(seconds, np.float64(row.longest_s[sign, 0]))
    row.longest_s[sign, 0] = max(seconds, np.float64(row.longest_s[sign, 0]))
    row.dirty |= WARM_DIRTY


@kernel
def note_change(row: Row, value: float, time_ms: int, work: Row) -> None:
    """A value that differs from the one before ends what stood still; called before it is the series' own."""
    if value == row.value and row.same_ms > 0:
        return
    if row.same_ms > 0:
        still_s = (time_ms - row.same_ms) / 1000.0
        _end(row, FLATLINE, END_RECOVERED, time_ms, (0.0, still_s, np.float64(row.longest_s[STILL, 1])), work)
        _keep_longest(row, STILL, still_s)
    row.same_ms = time_ms


@kernel
def _check_still(row: Row, params: Row, work: Row) -> None:
    """Once a minute: whether the series has stood still for too long."""
    if not params.flatline or row.value == 0.0 or row.same_ms == 0:
        return
    still_ms = row.newest_ms - row.same_ms
    usual_ms = 1000.0 * row.longest_s[STILL, 1]
    limit_ms = max(_TIMES * usual_ms, params.still_ms, _LEAST_STILL_SAMPLES * row.interval_ms)
    # One that has always stood still, or moves once a day, does so on.
    if still_ms < limit_ms or usual_ms == 0.0 or not _is_known(row, row.same_ms, params):
        return
    sizes = (min(MAX_SCORE, still_ms / limit_ms), still_ms / 1000.0, usual_ms / 1000.0)
    if row.vital_ms[FLATLINE, SINCE] == 0:
        _begin(row, FLATLINE, row.same_ms)
        _tell(row, FLATLINE, START, row.newest_ms, sizes, work)
    elif row.newest_ms - row.vital_ms[FLATLINE, TOLD] >= _EVERY_MS:
        _tell(row, FLATLINE, UPDATE, row.newest_ms, sizes, work)


@kernel
def _variance_window(interval_ms: float) -> Number:
    """The window whose buckets hold enough samples each; -1 where none does."""
    for window in range(len(_BUCKETS)):
        if _WIDTHS[window] >= _BUCKET_SAMPLES * interval_ms:
            return window
    return -1


@kernel
def _variance_of(row: Row, window: int, work: Row) -> Number:
    """The newest buckets' mean variance, without the highest, none muted; NaN where there are too few."""
    newest = row.open_number[window]
    good = 0
    for number in range(newest - _BUCKETS[window], newest):
        at = _OFFSETS[window] + number % _LENGTHS[window]
        count = abs(row.ring_count[at])
        if number_of(row, window, at) == number and count >= 3 and row.ring[at, M2] >= 0.0:
            work.means[good] = row.ring[at, M2] / (count - 1)
            good += 1
    if good < _FEWEST_BUCKETS:
        return np.nan
    median_of(work.means, good)
    kept = good - (good + 4) // 5
    total = 0.0
    for i in range(kept):
        total += work.means[i]
    return total / kept


@kernel
def _learn_swing(row: Row, swing: float, since_last_ms: int) -> None:
    """Move what is usual of the variance's logarithm, and by how much it differs from that."""
    count: Number = min(np.int64(row.swing_count) + 1, 60_000)
    share = max(1.0 / count, min(1.0, since_last_ms / _DAY_MS))
    if count > 1:
        row.swing_away += max(1.0 / (count - 1), share) * (abs(swing - row.swing_usual) - row.swing_away)
    row.swing_usual += share * (swing - row.swing_usual)
    row.swing_count = count


@kernel
def _gather_swing(row: Row, swing: float) -> Number:
    """Add a stretch to the cumulative sums, and return the larger, as a score."""
    away = (swing - row.swing_usual) / max(row.swing_away, _LEAST_DEVIATION)
    away = max(-_CLIP, min(_CLIP, away))
    row.swing_sums[0] = max(0.0, min(_FULL, row.swing_sums[0] + away - _SLACK))
    row.swing_sums[1] = max(0.0, min(_FULL, row.swing_sums[1] - away - _SLACK))
    return max(row.swing_sums[0], row.swing_sums[1]) / _ENOUGH


@kernel
def forget_swing(row: Row) -> None:
    """What is usual of a variance is learned anew."""
    row.swing_count = 0
    row.swing_usual = row.swing_away = 0.0
    row.swing_sums[:] = 0.0


@kernel
def _judge_swing(row: Row, score: float, sizes: tuple[float, float, float], work: Row) -> None:
    """Move the episode of a variance that changed."""
    time_ms = row.newest_ms
    since_ms = row.vital_ms[VARIANCE, SINCE]
    if since_ms == 0:
        if score >= 1.0:
            _begin(row, VARIANCE, time_ms)
            _tell(row, VARIANCE, START, time_ms, sizes, work)
    elif score * _ENOUGH < _OVER:
        _end(row, VARIANCE, END_RECOVERED, time_ms, sizes, work)
        row.swing_sums[:] = 0.0
    elif time_ms - since_ms >= _ACCEPTED_MS:
        _end(row, VARIANCE, END_SHIFT, time_ms, sizes, work)
        forget_swing(row)
    elif time_ms - row.vital_ms[VARIANCE, TOLD] >= _EVERY_MS:
        _tell(row, VARIANCE, UPDATE, time_ms, sizes, work)


@kernel
def _usual_level(row: Row, window: int) -> Number:
    """What a share of the level is taken of: of the usual one, so that a shift does not look like another variance."""
    for longer in (_DAY, _HOUR):
        if row.base_ready[longer]:
            return row.base[longer, CENTER]
    return row.ring[_OFFSETS[window] + (row.open_number[window] - 1) % _LENGTHS[window], MEAN]


@kernel
def _check_swing(row: Row, closed: int, params: Row, family: Row, work: Row) -> None:
    """When buckets have closed: whether samples differ from one another as they used to."""
    window = _variance_window(row.interval_ms)
    if not params.variance or window < 0:
        return
    judged = max(window, _FINE)
    if closed & (1 << judged) == 0 or (window == judged and row.open_number[judged] % _BUCKETS[window] != 0):
        return
    if row.swing_window != window + 1:
        _end(row, VARIANCE, END_RECOVERED, row.newest_ms, (0.0, 0.0, 0.0), work)
        forget_swing(row)
        row.swing_window = window + 1
    variance = _variance_of(row, window, work)
    if np.isnan(variance):
        return
    row.dirty |= WARM_DIRTY
    level = _usual_level(row, judged)
    floor = _SHARE_OF_FLOOR * max(family.min_effect, family.relative * abs(level))
    swing = np.log(variance + floor * floor + _TINY)
    score = 0.0
    if row.swing_count >= _LEARNED:
        score = _gather_swing(row, swing)
        usual = np.sqrt(max(0.0, np.exp(row.swing_usual) - floor * floor))
        _judge_swing(row, score, (score, np.sqrt(variance), usual), work)
    if row.state != OPEN and row.vital_ms[VARIANCE, SINCE] == 0 and score < 1.0:
        _learn_swing(row, swing, int(_WIDTHS[window] * _BUCKETS[window]))


@kernel
def _missing_limit(row: Row, params: Row) -> Number:
    """How long a series may be silent, in ms, before it is missed."""
    return np.int64(max(np.float64(stale_limit(row, params)), _TIMES * 1000.0 * row.longest_s[SILENT, 1]))


@kernel
def _misses(row: Row, gap_ms: int, params: Row) -> Number:
    """Whether a silence is longer than usual; one that may last until a series is forgotten is not missed before."""
    limit_ms = _missing_limit(row, params)
    return (
        params.missing and limit_ms < gap_ms and limit_ms < params.forget_ms and _is_known(row, row.newest_ms, params)
    )


@kernel
def _missing_score(row: Row, gap_ms: int, params: Row) -> Number:
    return min(MAX_SCORE, gap_ms / _missing_limit(row, params))


@kernel
def _end_missing(row: Row, code: int, missed_ms: int, params: Row, work: Row) -> None:
    """A silence is over after so long, or forgotten; its peak is that of all of it, however often it was told."""
    if row.vital_ms[MISSING, SINCE] > 0:
        row.vital_peak[MISSING] = max(row.vital_peak[MISSING], _missing_score(row, missed_ms, params))
    sizes = (0.0, missed_ms / 1000.0, row.interval_ms / 1000.0)
    _end(row, MISSING, code, row.newest_ms + missed_ms, sizes, work)


@kernel
def _start_missing(row: Row, gap_ms: int, params: Row, work: Row) -> None:
    """Tell of a silence that is longer than usual, as of when it became so; not of one in maintenance."""
    if not work.muted and _misses(row, gap_ms, params):
        limit_ms = _missing_limit(row, params)
        _begin(row, MISSING, row.newest_ms)
        sizes = (1.0, limit_ms / 1000.0, row.interval_ms / 1000.0)
        _tell(row, MISSING, START, row.newest_ms + limit_ms, sizes, work)


@kernel
def miss(row: Row, now_ms: int, gap_ms: int, params: Row, work: Row) -> None:
    """A sweep: tell of a series that has said nothing for ``gap_ms``, that it still does, and that it is forgotten."""
    if row.vital_ms[MISSING, SINCE] == 0:
        _start_missing(row, gap_ms, params, work)
    elif gap_ms <= params.forget_ms and now_ms - row.vital_ms[MISSING, TOLD] >= _EVERY_MS:
        sizes = (_missing_score(row, gap_ms, params), gap_ms / 1000.0, row.interval_ms / 1000.0)
        _tell(row, MISSING, UPDATE, now_ms, sizes, work)
    if gap_ms > params.forget_ms:
        _end_missing(row, END_SILENT, params.forget_ms, params, work)


@kernel
def return_after(row: Row, gap_ms: int, params: Row, work: Row) -> None:
    """A sample after a gap: what was missed is back; a gap that no sweep saw is told with its end."""
    if row.vital_ms[MISSING, SINCE] == 0:
        _start_missing(row, gap_ms, params, work)
    is_over = gap_ms > params.forget_ms
    _end_missing(row, END_SILENT if is_over else END_RECOVERED, min(gap_ms, params.forget_ms), params, work)
    _keep_longest(row, SILENT, gap_ms / 1000.0)


@kernel
def _fade(row: Row, closed: int) -> None:
    """Forget slowly how long a series stood still or was silent at the longest."""
    if closed & (1 << _FINE):
        row.longest_s[:] *= 0.5 ** (_WIDTHS[_FINE] / _HALF_MS)


@kernel
def stop_vitals(row: Row, code: int, time_ms: int, work: Row) -> None:
    """End what stands still or swings, for another reason than itself: silence, or maintenance."""
    if row.same_ms == 0:
        return
    still_s = (row.newest_ms - row.same_ms) / 1000.0
    _end(row, FLATLINE, code, time_ms, (0.0, still_s, np.float64(row.longest_s[STILL, 1])), work)
    _end(row, VARIANCE, code, time_ms, (0.0, 0.0, 0.0), work)
    row.swing_sums[:] = 0.0
    row.same_ms = 0
    row.dirty |= HOT_DIRTY | WARM_DIRTY


@kernel
def check_vitals(row: Row, closed: int, params: Row, family: Row, work: Row) -> None:
    """Once a minute: does the series still move, and swing as it used to."""
    _fade(row, closed)
    if family.up == 0 and family.down == 0:
        return
    _check_still(row, params, work)
    _check_swing(row, closed, params, family, work)
