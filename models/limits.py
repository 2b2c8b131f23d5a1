"""Threshold rules on the bank's own buckets, a sample at a time."""

from __future__ import annotations

from typing import Final, NamedTuple

from models.episodes import (
    AT_ROW,
    END_RECOVERED,
    END_SILENT,
    EVENTS,
    F_PEAK,
    F_SCORE,
    F_VALUE,
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
    Report,
)
from streams.baselines import merge_recent
from streams.jit import kernel
from streams.layout import GAUGE, Array, Arrays, Number, Row

LAST, AVG, MIN, MAX, COUNT, INCREASE, RATE = range(7)
_MAX_SCORE: Final = 100.0


class RuleParams(NamedTuple):
    """Threshold rules as columns; ``from_ms`` to ``until_ms`` is when a rule holds."""

    function: Array
    comparison: Array
    window: Array
    window_ms: Array
    threshold: Array
    for_ms: Array
    from_ms: Array
    until_ms: Array
    every_ms: Array


@kernel
def _plain(bucket: Row, function: int) -> Number:
    """What a bucket says as it is."""
    if function == AVG:
        return bucket.mean
    if function == MIN:
        return bucket.min
    return bucket.max if function == MAX else float(bucket.count)


@kernel
def _growth(arrays: Arrays, slot: int, bucket: Row) -> Number:
    """Increase over what a bucket holds: of a counter from its rates, of a gauge above its minimum."""
    row = arrays.hot[slot]
    if row.kind == GAUGE:
        return row.value - bucket.min
    return bucket.mean * bucket.count * row.interval_ms / 1000.0


@kernel
def _measure(arrays: Arrays, slot: int, rule: int, params: RuleParams, scratch: Array, time_ms: int) -> Number:
    """The rule's function of the series, now."""
    row = arrays.hot[slot]
    function = params.function[rule]
    if function == LAST:
        return row.value
    bucket = scratch[0]
    bucket.count = 0
    merge_recent(arrays, slot, params.window[rule], time_ms - params.window_ms[rule], bucket)
    if function <= COUNT:
        return _plain(bucket, function)
    growth = _growth(arrays, slot, bucket)
    if function == INCREASE:
        return growth
    return bucket.mean if row.kind != GAUGE else growth * 1000.0 / params.window_ms[rule]


@kernel
def _holds(value: float, comparison: int, threshold: float) -> Number:
    if comparison < 2:
        return value > threshold or (comparison == 1 and value == threshold)
    if comparison < 4:
        return value < threshold or (comparison == 3 and value == threshold)
    return (value == threshold) == (comparison == 4)


@kernel
def _tell(arrays: Arrays, slot: int, state: Row, code: int, report: Report) -> None:
    """Report an event of a rule; times and the measure are filled in by the caller's ``report.scores``."""
    row = arrays.hot[slot]
    at = report.cursor[EVENTS]
    report.cursor[EVENTS] = at + 1
    report.ints[at, :] = 0
    report.floats[at, :] = 0.0
    report.ints[at, I_ROW] = report.cursor[AT_ROW]
    report.ints[at, I_SLOT] = slot
    report.ints[at, I_CODE] = code
    report.ints[at, I_RULE] = state.rule
    report.ints[at, I_AT] = row.newest_ms
    report.ints[at, I_STARTED] = state.pending_ms
    report.ints[at, I_ENDED] = row.newest_ms
    report.ints[at, I_AGE] = row.newest_ms - row.first_ms
    report.floats[at, F_VALUE] = report.scores[0]
    report.floats[at, F_SCORE] = report.scores[1]
    report.floats[at, F_PEAK] = state.peak
    state.told_ms = row.newest_ms


@kernel
def _apply(state: Row, holds: bool, score: float, time_ms: int, for_ms: int, every_ms: int) -> Number:
    """Move a rule's state; returns an event's code, or 0."""
    if not holds:
        return END_RECOVERED if state.firing else 0
    if state.pending_ms == 0:
        state.pending_ms = time_ms
        state.peak = 0.0
    state.peak = max(state.peak, score)
    if state.firing:
        return UPDATE if time_ms - state.told_ms >= every_ms else 0
    if time_ms - state.pending_ms < for_ms:
        return 0
    state.firing = 1
    return START


@kernel
def check_rules(arrays: Arrays, slot: int, time_ms: int, params: RuleParams, report: Report) -> None:
    """Apply every rule that watches a series to its newest value."""
    for i in range(arrays.hot[slot].rules):
        state = arrays.rules[slot, i]
        rule = state.rule
        if time_ms < params.from_ms[rule] or (time_ms >= params.until_ms[rule] and state.firing == 0):
            continue
        measure = _measure(arrays, slot, rule, params, report.scratch, time_ms)
        threshold = params.threshold[rule]
        holds = _holds(measure, params.comparison[rule], threshold) and time_ms < params.until_ms[rule]
        size = abs(threshold) if threshold != 0.0 else 1.0
        score = min(_MAX_SCORE, 1.0 + abs(measure - threshold) / size) if holds else 0.0
        code = _apply(state, holds, score, time_ms, params.for_ms[rule], params.every_ms[rule])
        if code:
            report.scores[0] = measure
            report.scores[1] = score
            _tell(arrays, slot, state, code, report)
        if not holds:
            state.firing = 0
            state.pending_ms = 0


@kernel
def silence_rules(arrays: Arrays, slot: int, time_ms: int, report: Report) -> None:
    """End what fires, at the series' last sample."""
    for i in range(arrays.hot[slot].rules):
        state = arrays.rules[slot, i]
        if state.firing:
            report.scores[0] = arrays.hot[slot].value
            report.scores[1] = 0.0
            _tell(arrays, slot, state, END_SILENT, report)
            report.ints[report.cursor[EVENTS] - 1, I_AT] = time_ms
        state.firing = 0
        state.pending_ms = 0
