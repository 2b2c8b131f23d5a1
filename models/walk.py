"""A batch, sample by sample in its order: the one loop that every sample goes through.

Whatever the batch's cut, a series' samples meet the same operations in the same order, so the results are equal
bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from models import episodes, judge, lately, limits, minutes, shapes, slopes, trace, trend, versions, vitals
from models.episodes import (
    END_MAINTENANCE,
    END_RECOVERED,
    END_SHIFT,
    END_SILENT,
    EVENT_ROOM,
    MINUTE_ROOM,
    OPEN,
    START,
    close_episode,
    step_episode,
    tell,
)
from models.limits import check_rules, silence_rules
from models.minutes import close_minute
from models.trace import note
from models.versions import AUDIT_EVENTS
from models.vitals import VITAL_EVENTS, check_vitals, forget_swing, miss, note_change, return_after, stop_vitals
from streams import baselines, buckets, clocks, intake, layout, months, mutes, priors, ranks, rings, seasons, tails
from streams.baselines import (
    YOUNG_MS,
    refresh,
    refresh_habits,
    refresh_week,
    set_reach,
    silence_after_gap,
    source_window,
)
from streams.buckets import add, add_late, advance, start_anew, untaint
from streams.intake import (
    ACCEPTED_LATE,
    BAD_TIME,
    IN_MAINTENANCE,
    MAX_VALUE,
    NOT_FINITE,
    OVER_LIMIT,
    admit,
    heard_at,
    note_interval,
    silence_of,
    stale_limit,
    value_of,
)
from streams.jit import entry_point, kernel, source_digest
from streams.layout import (
    FREE,
    HOT_DIRTY,
    MINUTE,
    RULE_PLACES,
    WINDOWS,
    Array,
    Number,
    Row,
)
from streams.mutes import add_muted, is_muted
from streams.seasons import TRUSTED, look_up, note_hours
from streams.tails import forget_tails, note_levels

_FINE, _HOUR = 2, 3
_EVENTS_A_SAMPLE: Final = 2 + 2 * RULE_PLACES + VITAL_EVENTS + AUDIT_EVENTS
_YOUNG_AGE_MS: Final = 300_000
# The year 3000: what lies beyond is no time, and would not fit a bucket's number.
MAX_TIME_MS: Final = 32_503_680_000_000


@kernel
def end_by_silence(row: Row, limit_ms: int, work: Row) -> None:
    """A series stopped: what is open ends at its last sample, whoever notices."""
    time_ms = row.newest_ms + limit_ms
    if row.state == OPEN:
        work.scores[:] = 0.0
        work.ready = 0
        row.clear_ms = row.newest_ms
        tell(row, END_SILENT, time_ms, work)
    if row.state == OPEN or row.evidence > 0.0:
        close_episode(row)
        row.dirty |= HOT_DIRTY
    stop_vitals(row, END_SILENT, row.newest_ms, work)
    silence_rules(row, time_ms, work)


@kernel
def _sweep_silent(row: Row, now_ms: int, silent_ms: int, params: Row, work: Row) -> None:
    """A series that sends nothing: what is open ends, and it is missed if that is not its way."""
    if row.state == OPEN or row.rules > 0 or row.evidence > 0.0 or row.same_ms > 0:
        end_by_silence(row, stale_limit(row, params), work)
    miss(row, now_ms, silent_ms, params, work)


@kernel
def _from_buckets(row: Row) -> Number:
    """How many windows expect what their buckets say; once the hours of the week are known, 7d expects what they do."""
    return WINDOWS if row.season_hours < TRUSTED else WINDOWS - 1


@kernel
def _relearn(row: Row, closed: int, params: Row, family: Row, work: Row) -> None:
    """Make anew what closed buckets feed: habits and hours first, since baselines reach as far."""
    work.summary_of = -1
    if closed & (1 << _FINE):
        note_hours(row, params, work)
        versions.audit_limits(row, work)
        look_up(row, row.newest_ms, params, work)
    for window in range(1, WINDOWS):
        if closed & (1 << window):
            refresh_habits(row, window, work)
    for window in range(_from_buckets(row)):
        # What may be an anomaly must not move the short windows' own baselines.
        if closed & (1 << source_window(row.interval_ms, window)) and (row.evidence <= 0.0 or window > _FINE):
            refresh(row, window, params, family, work)
    if closed & (1 << _FINE):
        refresh_week(row, params, family)


@kernel
def _is_young(row: Row) -> Number:
    """Whether a new series' first window is due again."""
    return (
        row.newest_ms - row.first_ms < _YOUNG_AGE_MS
        and row.newest_ms - row.fresh_ms >= YOUNG_MS
        and row.evidence <= 0.0
    )


@kernel
def _expect_anew(row: Row, params: Row, family: Row, work: Row) -> None:
    """What is usual now, where nothing is learned: during an anomaly, and after maintenance."""
    look_up(row, row.newest_ms, params, work)
    for window in range(WINDOWS - 1):
        if row.base_ready[window]:
            set_reach(row, window, 0.0, params, family)
    refresh_week(row, params, family)


@kernel
def _on_time(row: Row, params: Row, family: Row, work: Row) -> None:
    """Close buckets that ended, and make the baselines anew that they feed."""
    minute: Number = row.open_number[MINUTE]
    closed = advance(row, row.newest_ms)
    work.ended = closed
    if closed & (1 << MINUTE):
        versions.roll_back(row, params, work)
        if not row.held:
            odd = row.state == OPEN or row.evidence > 0.0
            note_levels(row, row.newest_ms, row.started_ms if odd else row.newest_ms)
        check_vitals(row, closed, params, family, work)
        close_minute(row, minute, params, family, work)
    if row.state == OPEN:
        if closed & (1 << _FINE):
            _expect_anew(row, params, family, work)
        return
    if closed:
        _relearn(row, closed, params, family, work)
    elif _is_young(row):
        row.fresh_ms = row.newest_ms
        work.summary_of = -1
        refresh(row, 0, params, family, work)


@kernel
def _accept_shift(row: Row, params: Row, family: Row, work: Row) -> None:
    """The new level is normal from when it began; windows with too little of it fall silent."""
    before = versions.level_of(row)
    versions.keep_version(row)
    row.since_ms = row.started_ms
    untaint(row, row.started_ms)
    row.level[:] = row.fast = row.value
    forget_tails(row)
    forget_swing(row)
    row.base_ready[:] = 0
    work.summary_of = -1
    look_up(row, row.newest_ms, params, work)
    for window in range(_from_buckets(row)):
        refresh(row, window, params, family, work)
    refresh_week(row, params, family)
    versions.write_down(row, versions.ACCEPTED, (before, row.value), 0, work)


@kernel
def _judge(row: Row, gap_ms: int, params: Row, family: Row, work: Row) -> None:
    """Score the newest value and move the series' episode."""
    observe(row, float(gap_ms))
    ready = judge_windows(row, work.scores)
    if ready == 0 and row.state != OPEN:
        row.score = 0.0
        return
    work.ready = ready
    code = step_episode(row, gap_ms / 1000.0, ready, params, work.scores)
    if row.held:
        versions.hold(row, params)
    if code == 0:
        return
    tell(row, code, row.newest_ms, work)
    if code == START:
        row.open_frozen[0] += row.hits - 1
    elif code >= END_RECOVERED:
        close_episode(row)
        if code == END_SHIFT:
            _accept_shift(row, params, family, work)


@kernel
def _feed(row: Row, gap_ms: int, params: Row, family: Row, work: Row) -> None:
    """A value of a series, in order."""
    _on_time(row, params, family, work)
    if work.resumed:
        _expect_anew(row, params, family, work)
    _judge(row, gap_ms, params, family, work)
    add(row, 0, row.value)
    if row.state == OPEN:
        row.open_frozen[0] += 1


@kernel
def _mute(row: Row, time_ms: int, value: float, work: Row) -> None:
    """A value within maintenance: what is open ends, nothing is judged or learned."""
    if row.state == OPEN:
        work.scores[:] = 0.0
        work.ready = 0
        row.clear_ms = time_ms
        tell(row, END_MAINTENANCE, time_ms, work)
    close_episode(row)
    stop_vitals(row, END_MAINTENANCE, time_ms, work)
    work.ended = 0
    add_muted(row, time_ms, value)


@kernel
def _pass_time(row: Row, time_ms: int, params: Row, work: Row) -> Number:
    """The gap to the sample before, in ms; a series that had stopped ends what was open."""
    if row.first_ms == 0:
        row.first_ms = time_ms
        return 0
    gap_ms = time_ms - row.newest_ms
    limit_ms = stale_limit(row, params)
    if gap_ms > min(limit_ms, params.forget_ms):
        end_by_silence(row, limit_ms, work)
        silence_after_gap(row, gap_ms)
    return_after(row, gap_ms, params, work)
    if gap_ms <= params.forget_ms:
        return gap_ms
    # As if a tick had come meanwhile and forgotten it.
    start_anew(row)
    row.first_ms = time_ms
    at = work.minutes
    work.minutes = at + 1
    work.closed[at, 0] = work.slot
    work.closed[at, 1] = work.at_row
    work.closed_z[at, :] = 0.0
    return 0


@kernel
def _take(row: Row, time_ms: int, raw: float, params: Row, family: Row, work: Row) -> Number:
    """One sample; returns whether it made a new value."""
    code = admit(row, time_ms, params)
    work.counts[code] += 1
    if code > ACCEPTED_LATE:
        return False
    row.dirty |= HOT_DIRTY
    row.heard_ms = heard_at(row, time_ms, work.frontier_ms, params)
    work.counts[IN_MAINTENANCE] += work.muted
    if code == ACCEPTED_LATE:
        if not work.muted:
            add_late(row, raw, time_ms)
        return False
    was_muted = row.muted_ms > 0 and row.muted_ms == row.newest_ms
    gap_ms = _pass_time(row, time_ms, params, work)
    value = value_of(row, raw, time_ms, work.counts)
    row.newest_ms = time_ms
    note_interval(row, gap_ms)
    if np.isnan(value):
        return False
    if work.muted:
        _mute(row, time_ms, value, work)
        return True
    note_change(row, value, time_ms, work)
    row.value = value
    work.resumed = was_muted
    _feed(row, gap_ms, params, family, work)
    return True


@kernel
def _usable(time_ms: int, value: float, work: Row) -> Number:
    """Whether a sample has a number and a time."""
    if not abs(value) <= MAX_VALUE:
        work.counts[NOT_FINITE] += 1
        return False
    if time_ms <= 0 or time_ms >= MAX_TIME_MS:
        work.counts[BAD_TIME] += 1
        return False
    return True


@kernel
def _apply(row: Row, time_ms: int, value: float, tables: Any, work: Row, told: Any) -> None:
    """One usable sample of a series: windows, then rules; then the note of it, where notes are taken."""
    all_params, families, rules, muted = tables
    work.muted = row.maintenance > 0 and is_muted(row, time_ms, muted)
    if not _take(row, time_ms, value, all_params[0], families[row.family], work):
        return
    if row.rules > 0:
        check_rules(row, rules, work)
    if len(told) > 0 and not work.muted:
        note(row, told[work.at_row])


@kernel
def _full(work: Row) -> Number:
    return work.events > EVENT_ROOM - _EVENTS_A_SAMPLE or work.minutes == MINUTE_ROOM


observe: Final = judge.observe
judge_windows: Final = judge.judge
Tables = tuple[Array, Array, Array, Array]
Walk = Callable[[Array, tuple[Array, ...], int, Tables, Array, Array], int]
Sweep = Callable[[Array, int, int, Tables, Array, Array], int]


def _build(digest: int) -> Walk:
    @entry_point
    def walk(slots: Array, batch: tuple[Array, ...], start: int, tables: Tables, works: Array, told: Array) -> int:
        """Apply rows from ``start`` on; returns the first row that was not applied (the report is full).

        ``told`` is a ``TRACE`` for each row, or for none.
        """
        if digest == 0:
            return -1
        places, series, times, values = batch
        work: Any = works[0]
        for i in range(start, len(times)):
            if _full(work):
                return i
            slot = int(places[series[i]])
            if slot < 0:
                work.counts[OVER_LIMIT] += 1
            elif _usable(times[i], values[i], work):
                work.at_row = i
                work.slot = slot
                _apply(slots[slot], times[i], values[i], tables, work, told)
            if 0 < times[i] < MAX_TIME_MS:
                work.frontier_ms = max(work.frontier_ms, times[i])
        return len(times)

    return walk


def _build_sweep(digest: int) -> Sweep:
    @entry_point
    def sweep(slots: Array, start: int, now_ms: int, tables: Tables, works: Array, silent_ms: Array) -> int:
        """End what silence ends; ``silent_ms`` becomes each slot's silence. Returns as ``walk`` does."""
        if digest == 0:
            return -1
        params: Any = tables[0][0]
        muted: Any = tables[3]
        work: Any = works[0]
        for slot in range(start, len(silent_ms)):
            if _full(work):
                return slot
            row: Any = slots[slot]
            if row.kind == FREE:
                continue
            silent_ms[slot] = silence_of(row, now_ms)
            if row.first_ms == 0:
                continue
            if silent_ms[slot] > min(stale_limit(row, params), params.forget_ms):
                work.at_row = slot
                work.slot = slot
                work.muted = row.maintenance > 0 and is_muted(row, now_ms, muted)
                _sweep_silent(row, now_ms, silent_ms[slot], params, work)
        return len(silent_ms)

    return sweep


_JUDGES = (episodes, judge, lately, limits, minutes, shapes, slopes, trace, trend, versions, vitals)
_STREAMS = (baselines, buckets, clocks, intake, layout, months, mutes, priors, ranks, rings, seasons, tails)
_FILES = [str(Path(str(module.__file__))) for module in (*_JUDGES, *_STREAMS)]
_DIGEST: Final = source_digest(__file__, *_FILES)

walk: Final = _build(_DIGEST)
sweep: Final = _build_sweep(_DIGEST)
