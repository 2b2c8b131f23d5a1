"""Threshold rules on the bank's own buckets, a sample at a time."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.episodes import (
    END_MAINTENANCE,
    END_RECOVERED,
    END_SILENT,
    F_PEAK,
    F_SCORE,
    F_VALUE,
    F_WINDOWS,
    I_AGE,
    I_AT,
    I_CODE,
    I_ENDED,
    I_ROW,
    I_RULE,
    I_SLOT,
    I_STARTED,
    START,
    UPDATE,
)
from models.judge import MAX_SCORE
from models.lately import note_recent
from models.slopes import LEVEL, SLOPE
from models.trend import ETAS, FINE, LATE, MEDIAN, fit, is_sure, time_to
from streams.baselines import merge_recent
from streams.jit import kernel
from streams.layout import GAUGE, HIGH, LENGTHS, LOW, M2, MEAN, OFFSETS, WARM_DIRTY, WIDTHS_MS, Number, Row
from streams.mutes import merge_muted
from streams.rings import number_of

LAST, AVG, MIN, MAX, COUNT, INCREASE, RATE, ETA = range(8)

RULE: Final = np.dtype(
    [
        ("function", "i8"),
        ("comparison", "i8"),
        ("window", "i8"),
        ("window_ms", "i8"),
        ("threshold", "f8"),
        ("for_ms", "i8"),
        ("keep_ms", "i8"),
        ("limit", "f8"),
        ("towards", "i8"),
        ("latest_s", "f8"),
        ("from_ms", "i8"),
        ("until_ms", "i8"),
        ("every_ms", "i8"),
        ("safety", "i8"),
    ],
    align=True,
)
"""A threshold rule for compiled code; ``from_ms`` to ``until_ms`` is when it holds."""
GROWN, COVERED = range(2)
"""Of rates over a window, in the scratch of a bucket: by how much they grew, in how many seconds."""
SINCE, TOLD = range(2)
"""Times of a rule in ms: since when its condition holds, and when that was told."""
HELD, DUE = range(2)
"""And in seconds: when it last held, and when a limit was said to be reached."""
_FURTHEST_S: Final = 4294967295.0
F_SLOPE: Final = F_WINDOWS + ETAS
"""Of a rule on ``eta``, the columns from ``F_WINDOWS`` on are the times to its limit, and the slope a second."""
_WIDTHS = np.array(WIDTHS_MS, np.int64)
_LENGTHS = np.array(LENGTHS, np.int64)
_OFFSETS = np.array(OFFSETS, np.int64)
# What fires goes on until this much more time is left than it took to start.
_SLACK: Final = 1.25
# A time to a limit is news where it differs by this share from what is left of the time that was told, and by so much.
_MOVED: Final = 0.25
_LEAST_MOVE_S: Final = 900.0


@kernel
def _plain(bucket: Any, held: int, function: int) -> Number:
    """What a bucket says as it is."""
    if function == AVG:
        return bucket[MEAN]
    if function == MIN:
        return bucket[LOW]
    return bucket[HIGH] if function == MAX else float(held)


@kernel
def _take(mean: float, span_ms: float, until_ms: float, since_ms: int, bucket: Any) -> None:
    """Add what rates grew after a time: by their mean over the time that they are of."""
    seconds = min(span_ms, max(0.0, until_ms - since_ms)) / 1000.0
    bucket[GROWN] += mean * seconds
    bucket[COVERED] += seconds


@kernel
def _grow(row: Row, window: int, since_ms: int, muted: bool, work: Row) -> None:
    """Add up how much rates grew since a time, and over how many seconds; those that are muted, or all others.

    From the newest bucket backwards: where the rates of one begin, those of the one before end. So the first rate after
    a gap stands for the whole gap, as far as the window reaches into it.
    """
    until_ms = float(row.newest_ms)
    for finer in range(window + 1):
        span_ms = 1000.0 * row.open_weight[finer]
        if row.open_count[finer] > 0 and (row.open_frozen[finer] < 0) == muted:
            _take(row.open[finer, MEAN], span_ms, until_ms, since_ms, work.bucket)
        until_ms -= span_ms
    number: Number = row.open_number[window]
    oldest = max(number - _LENGTHS[window], since_ms // _WIDTHS[window])
    while number > oldest and until_ms > since_ms:
        number -= 1
        at = _OFFSETS[window] + number % _LENGTHS[window]
        if row.ring_count[at] == 0 or number_of(row, window, at) != number:
            continue
        until_ms = min(until_ms, float((number + 1) * _WIDTHS[window]))
        span_ms = row.ring_span[at] * (_WIDTHS[window] / 2000.0)
        if (row.ring[at, M2] < 0.0) == muted:
            _take(row.ring[at, MEAN], span_ms, until_ms, since_ms, work.bucket)
        until_ms -= span_ms


@kernel
def _measure_rates(row: Row, rule: Row, since_ms: int, work: Row) -> Number:
    """Increase of a counter or of deltas over a window, or their mean rate."""
    work.bucket[GROWN] = work.bucket[COVERED] = 0.0
    _grow(row, rule.window, since_ms, False, work)
    if rule.safety and row.muted_ms >= since_ms:
        _grow(row, 0, since_ms, True, work)
    return work.bucket[GROWN] if rule.function == INCREASE else work.bucket[GROWN] / work.bucket[COVERED]


@kernel
def _measure(row: Row, rule: Row, work: Row) -> Number:
    """The rule's function of the series, now; a gauge has grown by what it is above its minimum."""
    if rule.function == LAST:
        return row.value
    since_ms = row.newest_ms - rule.window_ms
    if row.kind != GAUGE and rule.function in (AVG, INCREASE, RATE):
        return _measure_rates(row, rule, since_ms, work)
    held = merge_recent(row, rule.window, since_ms, work)
    if rule.safety:
        held = merge_muted(row, held, since_ms, work)
    if rule.function <= COUNT:
        return _plain(work.bucket, held, rule.function)
    growth = row.value - work.bucket[LOW]
    return growth if rule.function == INCREASE else growth * 1000.0 / rule.window_ms


@kernel
def _holds(value: float, comparison: int, threshold: float) -> Number:
    if comparison < 2:
        return value > threshold or (comparison == 1 and value == threshold)
    if comparison < 4:
        return value < threshold or (comparison == 3 and value == threshold)
    return (value == threshold) == (comparison == 4)


@kernel
def _tell(row: Row, at_rule: int, code: int, time_ms: int, measure: float, work: Row) -> None:
    """Report an event of a rule; its score is in ``work.scores[0]``."""
    at = work.events
    work.events = at + 1
    work.ints[at, :] = 0
    work.floats[at, :] = 0.0
    work.ints[at, I_ROW] = work.at_row
    work.ints[at, I_SLOT] = work.slot
    work.ints[at, I_CODE] = code
    work.ints[at, I_RULE] = row.rule[at_rule]
    work.ints[at, I_AT] = time_ms
    work.ints[at, I_STARTED] = row.rule_ms[at_rule, SINCE]
    work.ints[at, I_ENDED] = row.newest_ms
    work.ints[at, I_AGE] = time_ms - row.first_ms
    work.floats[at, F_VALUE] = measure
    work.floats[at, F_SCORE] = work.scores[0]
    work.floats[at, F_PEAK] = row.rule_peak[at_rule]
    if code == START:
        note_recent(row, time_ms, work)
    row.rule_ms[at_rule, TOLD] = time_ms


@kernel
def _apply(row: Row, at: int, holds: bool, news: bool, score: float, rule: Row) -> Number:
    """Move a rule's state; returns an event's code, or 0. What is news is told at once."""
    if not holds:
        return END_RECOVERED if row.rule_firing[at] else 0
    time_ms = row.newest_ms
    if row.rule_ms[at, SINCE] == 0:
        row.rule_ms[at, SINCE] = time_ms
        row.rule_peak[at] = 0.0
        row.dirty |= WARM_DIRTY
    if score > row.rule_peak[at]:
        row.rule_peak[at] = score
        row.dirty |= WARM_DIRTY
    if row.rule_firing[at]:
        return UPDATE if news or time_ms - row.rule_ms[at, TOLD] >= rule.every_ms else 0
    if time_ms - row.rule_ms[at, SINCE] < rule.for_ms:
        return 0
    row.rule_firing[at] = 1
    return START


@kernel
def _rest(row: Row, at: int) -> None:
    """Nothing holds any more."""
    if row.rule_ms[at, SINCE] != 0:
        row.dirty |= WARM_DIRTY
    row.rule_firing[at] = 0
    row.rule_ms[at, SINCE] = 0


@kernel
def _time_left(row: Row, rule: Row, work: Row) -> Number:
    """Seconds until the trend reaches the rule's limit, as ``work.etas`` has them."""
    if work.line_sign != rule.towards:
        fit(row, rule.towards, work)
    time_to(row, rule.limit, work)
    return work.etas[MEDIAN]


@kernel
def _is_soon(row: Row, at: int, rule: Row, work: Row) -> Number:
    """Whether a limit is near enough, and that sure enough; one that is reached starts nothing, and ends nothing.

    What is not sure to move at all starts nothing either, however near the limit is.
    """
    left = work.etas[MEDIAN]
    firing = row.rule_firing[at] != 0
    if left == 0.0:
        return firing
    slack = _SLACK if firing else 1.0
    if not _holds(left, rule.comparison, slack * rule.threshold):
        return False
    if rule.latest_s > 0.0 and work.etas[LATE] >= slack * rule.latest_s:
        return False
    return (firing and rule.latest_s > 0.0) or is_sure(row, firing, work)


@kernel
def _lasts(row: Row, at: int, holds: bool, rule: Row) -> Number:
    """Whether a rule goes on: its condition holds, or held not long ago while it fired."""
    if rule.keep_ms == 0:
        return holds
    if holds:
        row.rule_s[at, HELD] = np.uint32(min(row.newest_ms / 1000.0, _FURTHEST_S))
        row.dirty |= WARM_DIRTY
        return True
    return row.rule_firing[at] != 0 and row.newest_ms - 1000.0 * row.rule_s[at, HELD] < rule.keep_ms


@kernel
def _has_moved(row: Row, at: int, left_s: float) -> Number:
    """Whether the time left is another than what was told lets expect; that none is known any more is, once."""
    due_s = float(row.rule_s[at, DUE])
    now_s = row.newest_ms / 1000.0
    if not np.isfinite(left_s) or due_s == 0.0:
        return np.isfinite(left_s) != (due_s != 0.0)
    expected_s = due_s - now_s
    return abs(min(left_s, _FURTHEST_S - now_s) - expected_s) > max(_MOVED * expected_s, _LEAST_MOVE_S)


@kernel
def _report(row: Row, at: int, code: int, measure: float, rule: Row, work: Row) -> None:
    """Tell an event of a rule; of a rule on ``eta`` where the series stands and where it is heading."""
    told = work.events
    if rule.function != ETA:
        _tell(row, at, code, row.newest_ms, measure, work)
        return
    _tell(row, at, code, row.newest_ms, rule.towards * work.line[LEVEL], work)
    due_s = min(row.newest_ms / 1000.0 + measure, _FURTHEST_S) if np.isfinite(measure) else 0.0
    row.rule_s[at, DUE] = np.uint32(due_s)
    for quantile in range(ETAS):
        work.floats[told, F_WINDOWS + quantile] = work.etas[quantile]
    work.floats[told, F_SLOPE] = rule.towards * work.line[SLOPE]


@kernel
def _check(row: Row, at: int, rule: Row, work: Row) -> None:
    """Apply one rule to the newest value."""
    time_ms = row.newest_ms
    if time_ms < rule.from_ms or (time_ms >= rule.until_ms and row.rule_firing[at] == 0):
        return
    if rule.function == ETA:
        if work.ended & (1 << FINE) == 0 and time_ms < rule.until_ms:
            return
        measure = _time_left(row, rule, work)
        holds = _is_soon(row, at, rule, work)
        news = _has_moved(row, at, measure)
    else:
        measure = _measure(row, rule, work)
        holds = _holds(measure, rule.comparison, rule.threshold)
        news = False
    size = abs(rule.threshold) if rule.threshold != 0.0 else 1.0
    score = min(MAX_SCORE, 1.0 + abs(measure - rule.threshold) / size) if holds else 1.0
    lasts = time_ms < rule.until_ms and _lasts(row, at, holds, rule)
    code = _apply(row, at, lasts, news, score, rule)
    if code:
        work.scores[0] = score if lasts else 0.0
        _report(row, at, code, measure, rule, work)
        row.dirty |= WARM_DIRTY
    if not lasts:
        _rest(row, at)


@kernel
def _waits(row: Row, rule: Row) -> Number:
    """Whether a rule would look into the hole that maintenance left, and might take it for something."""
    if rule.safety or rule.function in (LAST, ETA):
        return False
    if rule.function in (COUNT, INCREASE):
        # A hole makes them smaller.
        return rule.comparison >= 2 and row.newest_ms - rule.window_ms <= row.muted_ms
    return row.open_frozen[0] < 0


@kernel
def check_rules(row: Row, rules: Any, work: Row) -> None:
    """Apply every rule that watches a series to its newest value; in maintenance only those of the safety list."""
    work.line_sign = 0
    for at in range(row.rules):
        rule = rules[row.rule[at]]
        if row.muted_ms == row.newest_ms and not rule.safety:
            _stop(row, at, END_MAINTENANCE, row.newest_ms, work)
        elif row.muted_ms == 0 or not _waits(row, rule):
            _check(row, at, rule, work)


@kernel
def _stop(row: Row, at: int, code: int, time_ms: int, work: Row) -> None:
    """End a rule's episode, if it has one, for another reason than its measure."""
    if row.rule_firing[at]:
        work.scores[0] = 0.0
        _tell(row, at, code, time_ms, row.value, work)
    _rest(row, at)


@kernel
def silence_rules(row: Row, time_ms: int, work: Row) -> None:
    """End what fires, at the series' last sample."""
    for at in range(row.rules):
        _stop(row, at, END_SILENT, time_ms, work)
