"""A batch, sample by sample in its order: the one loop that every sample goes through.

Whatever the batch's cut, a series' samples meet the same operations in the same order, so the results are equal
bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from models.episodes import (
    AT_ROW,
    END_RECOVERED,
    END_SHIFT,
    END_SILENT,
    EVENTS,
    MINUTES,
    OPEN,
    READY,
    START,
    EpisodeParams,
    Report,
    close_episode,
    step_episode,
    tell,
)
from models.judge import judge, observe
from models.limits import RuleParams, check_rules, silence_rules
from streams import baselines, buckets, intake, layout
from streams.baselines import BaseParams, refresh, refresh_habit, silence_after_gap
from streams.buckets import add, add_late, advance, untaint
from streams.intake import ACCEPTED, ACCEPTED_LATE, NOT_FINITE, OVER_LIMIT, IntakeParams, admit, stale_limit, value_of
from streams.jit import entry_point, kernel, source_digest
from streams.layout import BLOCK, LENGTHS, MAX_RULES, MINUTE, OFFSETS, WINDOWS, Array, Arrays, Number

_MINUTES: Final = LENGTHS[MINUTE]
_MINUTE_AT: Final = OFFSETS[MINUTE]
MINUTE_MS: Final = layout.WIDTHS_MS[MINUTE]
# The reference of the drift detectors: the slowest of these that speaks.
_REFERENCES: Final = (3, 2)
_YOUNG_MS: Final = 300_000
EVENTS_A_SAMPLE: Final = 2 + 2 * MAX_RULES


class Params(NamedTuple):
    """All that the walk needs to know."""

    intake: IntakeParams
    base: BaseParams
    episode: EpisodeParams
    rules: RuleParams
    clip: float


@kernel
def end_by_silence(arrays: Arrays, slot: int, limit_ms: int, report: Report) -> None:
    """A series stopped: what is open ends at its last sample, whoever notices."""
    row = arrays.hot[slot]
    time_ms = row.newest_ms + limit_ms
    if row.state == OPEN:
        report.scores[:] = 0.0
        row.clear_ms = row.newest_ms
        report.cursor[READY] = 0
        tell(arrays, slot, END_SILENT, time_ms, report)
    close_episode(row)
    if row.rules > 0:
        silence_rules(arrays, slot, time_ms, report)
    arrays.hot_dirty[slot // BLOCK] = 1


@kernel
def _close_minute(arrays: Arrays, slot: int, number: Number, clip: float, report: Report) -> None:
    """Hand a closed minute to the drift detectors, in spreads of the slowest window that speaks."""
    bucket = arrays.rings[slot, _MINUTE_AT + number % _MINUTES]
    if bucket.count <= 0:
        return
    for window in _REFERENCES:
        base = arrays.bases[slot, window]
        if base.ready == 0:
            continue
        reach = min(base.up, base.down)
        size = max(base.spread, 0.5 * reach if np.isfinite(reach) else 0.0)
        if size <= 0.0:
            return
        at = report.cursor[MINUTES]
        report.cursor[MINUTES] = at + 1
        report.closed[at, 0] = slot
        report.closed[at, 1] = report.cursor[AT_ROW]
        report.closed[at, 2] = (number + 1) * MINUTE_MS
        report.closed_z[at, 0] = max(-clip, min(clip, (bucket.mean - base.center) / size))
        report.closed_z[at, 1] = bucket.mean
        report.closed_z[at, 2] = base.center
        report.closed_z[at, 3] = size
        return


@kernel
def _on_time(arrays: Arrays, slot: int, time_ms: int, params: Params, report: Report) -> None:
    """Close buckets that ended, and make the baselines anew that they feed."""
    row = arrays.hot[slot]
    minute = np.int64(arrays.opens[slot, MINUTE].number)
    closed = advance(arrays, slot, time_ms)
    if row.state == OPEN:
        return
    if closed == 0:
        if time_ms - row.first_ms < _YOUNG_MS and time_ms - row.fresh_ms >= baselines.YOUNG_MS:
            row.fresh_ms = time_ms
            refresh(arrays, slot, 0, time_ms, params.base)
        return
    if closed & (1 << MINUTE):
        _close_minute(arrays, slot, minute, params.clip, report)
    if closed & 12:
        refresh_habit(arrays, slot)
    for window in range(WINDOWS):
        if closed & (1 << window):
            refresh(arrays, slot, window, time_ms, params.base)


@kernel
def _accept_shift(arrays: Arrays, slot: int, time_ms: int, params: BaseParams) -> None:
    """The new level is normal from when it began; windows with too little of it fall silent."""
    row = arrays.hot[slot]
    row.since_ms = row.started_ms
    untaint(arrays, slot, row.started_ms)
    for window in range(WINDOWS):
        arrays.bases[slot, window].ready = 0
        refresh(arrays, slot, window, time_ms, params)


@kernel
def _judge(arrays: Arrays, slot: int, gap_ms: int, params: Params, report: Report) -> None:
    """Score the newest value and move the series' episode."""
    row = arrays.hot[slot]
    observe(arrays, slot, row.value, float(gap_ms))
    ready = judge(arrays, slot, row.value, report.scores)
    if ready == 0 and row.state != OPEN:
        return
    code = step_episode(arrays, slot, row.newest_ms, gap_ms / 1000.0, params.episode, report.scores)
    if code == 0:
        return
    report.cursor[READY] = ready
    tell(arrays, slot, code, row.newest_ms, report)
    if code == START:
        arrays.frozen[slot, 0] += row.hits - 1
    elif code >= END_RECOVERED:
        close_episode(row)
        if code == END_SHIFT:
            _accept_shift(arrays, slot, row.newest_ms, params.base)


@kernel
def _feed(arrays: Arrays, slot: int, gap_ms: int, params: Params, report: Report) -> None:
    """A value of a series, in order."""
    row = arrays.hot[slot]
    _on_time(arrays, slot, row.newest_ms, params, report)
    _judge(arrays, slot, gap_ms, params, report)
    add(arrays.opens[slot, 0], row.value)
    if row.state == OPEN:
        arrays.frozen[slot, 0] += 1
    if row.rules > 0:
        check_rules(arrays, slot, row.newest_ms, params.rules, report)


@kernel
def _late(arrays: Arrays, slot: int, raw: float, time_ms: int) -> None:
    add_late(arrays, slot, raw, time_ms)
    arrays.hot_dirty[slot // BLOCK] = 1


@kernel
def _take(arrays: Arrays, slot: int, time_ms: int, raw: float, params: Params, report: Report) -> None:
    """One sample."""
    row = arrays.hot[slot]
    code = admit(row, arrays.stamps[slot], time_ms, params.intake)
    report.counts[code] += 1
    if code == ACCEPTED_LATE:
        _late(arrays, slot, raw, time_ms)
    if code != ACCEPTED:
        return
    arrays.hot_dirty[slot // BLOCK] = 1
    first = row.first_ms == 0
    gap_ms = 0 if first else time_ms - row.newest_ms
    if first:
        row.first_ms = time_ms
    elif gap_ms > stale_limit(row, params.intake):
        end_by_silence(arrays, slot, stale_limit(row, params.intake), report)
        silence_after_gap(arrays, slot, gap_ms)
    value = value_of(row, raw, time_ms, report.counts)
    row.newest_ms = time_ms
    if gap_ms > 0:
        row.interval_ms += (gap_ms - row.interval_ms) * (0.1 if row.interval_ms > 0.0 else 1.0)
    if not np.isnan(value):
        row.value = value
        _feed(arrays, slot, gap_ms, params, report)


Walk = Callable[[Arrays, tuple[Array, ...], int, Params, Report], int]


def _build(digest: int) -> Walk:
    @entry_point
    def walk(arrays: Arrays, batch: tuple[Array, ...], start: int, params: Params, report: Report) -> int:
        """Apply rows from ``start`` on; returns the first row that was not applied (the report is full)."""
        if digest == 0:
            return -1
        slots, series, times, values = batch
        room = len(report.ints) - EVENTS_A_SAMPLE
        for i in range(start, len(times)):
            if report.cursor[EVENTS] > room:
                return i
            report.cursor[AT_ROW] = i
            slot = int(slots[series[i]])
            if slot < 0:
                report.counts[OVER_LIMIT] += 1
            elif not np.isfinite(values[i]):
                report.counts[NOT_FINITE] += 1
            else:
                _take(arrays, slot, times[i], values[i], params, report)
        return len(times)

    return walk


Sweep = Callable[[Arrays, int, int, Params, Report, Array], int]


def _build_sweep(digest: int) -> Sweep:
    @entry_point
    def sweep(arrays: Arrays, start: int, now_ms: int, params: Params, report: Report, silent_ms: Array) -> int:
        """End what silence ends; ``silent_ms`` becomes each slot's silence. Returns as ``walk`` does."""
        if digest == 0:
            return -1
        room = len(report.ints) - EVENTS_A_SAMPLE
        for slot in range(start, len(silent_ms)):
            if report.cursor[EVENTS] > room:
                return slot
            report.cursor[AT_ROW] = slot
            row = arrays.hot[slot]
            silent_ms[slot] = 0
            if row.kind == layout.FREE or row.first_ms == 0:
                continue
            silent_ms[slot] = now_ms - row.newest_ms
            limit_ms = stale_limit(row, params.intake)
            if silent_ms[slot] > limit_ms and (row.state == OPEN or row.rules > 0 or row.evidence > 0.0):
                end_by_silence(arrays, slot, limit_ms, report)
        return len(silent_ms)

    return sweep


_HERE = Path(__file__).parent
_FILES = [str(_HERE / name) for name in ("walk.py", "episodes.py", "judge.py", "limits.py")]
_FILES += [str(module.__file__) for module in (baselines, buckets, intake, layout)]
_DIGEST: Final = source_digest(*_FILES)

walk: Final = _build(_DIGEST)
sweep: Final = _build_sweep(_DIGEST)
