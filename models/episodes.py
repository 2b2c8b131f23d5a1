"""An anomaly's life, a sample at a time: evidence gathers, it starts, it may say more, it ends.

::

    calm ── score > 1 ──► evidence gathers ── enough ──► open (START)
      ▲                        │ leaks away               │ worse, or a minute passed (UPDATE)
      └────────────────────────┘                          │
      ▲── below the clear level long enough ──────────────┤ (END_RECOVERED; also on the way to the other side)
      ▲── longer than the freeze may last ────────────────┤ (END_SHIFT: the new level is normal now)
      ▲── silence ────────────────────────────────────────┤ (END_SILENT)
      └── maintenance ────────────────────────────────────┘ (END_MAINTENANCE)
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.judge import agreeing, farthest, lead_of
from models.lately import RECENT, alarms_lately, note_alarm, note_known, note_recent
from models.shapes import RAMP, STEP, is_ramp
from models.trend import TREND_SCRATCH
from streams.baselines import SCRATCH
from streams.clocks import WEEK
from streams.intake import COUNT_NAMES
from streams.jit import kernel
from streams.layout import CENTER, DOWN, UP, WINDOWS, Number, Row
from streams.seasons import TRUSTED, USUAL

CALM, OPEN = 0, 1
FINEST: Final = 8
"""Added to the lead: no shorter window spoke."""
START, UPDATE, END_RECOVERED, END_SHIFT, END_SILENT, END_MAINTENANCE = 1, 2, 3, 4, 5, 6

# Columns of a reported event, integers ...
(
    I_ROW,
    I_SLOT,
    I_CODE,
    I_RULE,
    I_AT,
    I_STARTED,
    I_ENDED,
    I_DIRECTION,
    I_SEVERITY,
    I_AGREED,
    I_READY,
    I_LEAD,
    I_AGE,
    I_SHAPE,
    I_HOUR,
    I_SEEN,
    I_MONTH,
    I_SINCE,
    I_INTERVAL,
    I_DRIFTED,
    INTS,
) = range(21)
# ... and floats; a window has a score, a center, the ends of its expected range, and what it observed.
F_VALUE, F_SCORE, F_PEAK, F_ALARMS, F_KNOWN, F_WINDOWS = range(6)
WINDOW_FLOATS: Final = 5
# What is usual at the hour of the week (I_HOUR, seen so often, 0 where it says nothing), moved as 1 + the day of the
# month I_MONTH does: least, usual, most; the mean error of that; the variance of samples, and which share of it a mean
# of five minutes has.
F_USUAL: Final = F_WINDOWS + WINDOW_FLOATS * WINDOWS
F_ERROR, F_INSIDE, F_SHARE, FLOATS = range(F_USUAL + 3, F_USUAL + 7)
EVENT_ROOM: Final = 512
MINUTE_ROOM: Final = 4096
_LEAK: Final = 4.0
# However seldom samples come, a new level takes so many intervals before it is the usual one.
_LEVEL_INTERVALS: Final = 6
_FIVE_MINUTES_MS: Final = 300_000.0
_LITTLE: Final = 1e-6

PARAMS: Final = np.dtype(
    [
        ("late_ms", "i8"),
        ("stale_ms", "f8"),
        ("stale_intervals", "f8"),
        ("forget_ms", "i8"),
        ("spreads", "f8", (WINDOWS,)),
        ("patience", "f8", (WINDOWS,)),
        ("warmup_ms", "i8", (WINDOWS,)),
        ("min_samples", "i8", (WINDOWS,)),
        ("samples", "i8"),
        ("evidence", "f8"),
        ("score_cap", "f8"),
        ("sample_cap_s", "f8"),
        ("clear_level", "f8"),
        ("clear_samples", "i8"),
        ("clear_ms", "i8"),
        ("max_freeze_ms", "i8"),
        ("every_ms", "i8"),
        ("growth", "f8"),
        ("warning", "f8"),
        ("critical", "f8"),
        ("clip", "f8"),
        ("reference", "i8"),
        ("flatline", "i8"),
        ("variance", "i8"),
        ("missing", "i8"),
        ("known_ms", "i8"),
        ("still_ms", "i8"),
        *WEEK,
    ],
    align=True,
)
"""``DetectSettings`` for compiled code; times in ms."""

WORK: Final = np.dtype(
    [
        ("events", "i8"),  # how many are written
        ("minutes", "i8"),
        ("frontier_ms", "i8"),  # the newest time of all samples so far
        ("at_row", "i8"),  # the batch's row at hand
        ("slot", "i8"),
        ("muted", "i8"),  # whether maintenance mutes the sample at hand
        ("resumed", "i8"),  # whether it muted the one before, and not this one
        ("ready", "i8"),  # windows that speak, as bits
        ("scores", "f8", (WINDOWS,)),
        ("counts", "i8", (len(COUNT_NAMES),)),  # what became of the samples
        *SCRATCH,
        *TREND_SCRATCH,
        ("ints", "i8", (EVENT_ROOM, INTS)),
        ("floats", "f8", (EVENT_ROOM, FLOATS)),
        # Of a start, the hour that led to it.
        ("recent_count", "i8", (EVENT_ROOM,)),
        ("recent_ms", "i8", (EVENT_ROOM, RECENT)),
        ("recent", "f8", (EVENT_ROOM, RECENT)),
        # Closed minutes: slot, row, end in ms, whether it counts for the series' entity.
        ("closed", "i8", (MINUTE_ROOM, 4)),
        # Standardised mean, mean, center, size of a spread; of size 0 is no minute, but a series that begins anew; a
        # negative one is not known, and nothing for drift detectors.
        ("closed_z", "f8", (MINUTE_ROOM, 4)),
    ],
    align=True,
)
"""Where compiled code writes what happened, and its scratch."""


@kernel
def _tell_usual(row: Row, ints: Any, floats: Any) -> None:
    """What is usual at this hour of the week, once its hours have been held against others."""
    ints[I_HOUR] = row.usual_of[0]
    ints[I_SEEN] = row.usual_of[1] if row.season_hours >= TRUSTED and not np.isnan(row.usual[USUAL]) else 0
    ints[I_MONTH] = row.usual_month
    for i in range(3):
        floats[F_USUAL + i] = row.usual[i]
    floats[F_ERROR] = row.season_error
    floats[F_INSIDE] = max(0.0, row.inside)
    floats[F_SHARE] = min(row.interval_ms / _FIVE_MINUTES_MS, 1.0)


@kernel
def tell(row: Row, code: int, time_ms: int, work: Row) -> None:
    """Report an event of a series' episode."""
    at = work.events
    work.events = at + 1
    work.ints[at, I_ROW] = work.at_row
    work.ints[at, I_SLOT] = work.slot
    work.ints[at, I_CODE] = code
    work.ints[at, I_RULE] = -1
    work.ints[at, I_AT] = time_ms
    work.ints[at, I_STARTED] = row.started_ms
    work.ints[at, I_ENDED] = row.clear_ms
    work.ints[at, I_DIRECTION] = row.direction
    work.ints[at, I_SEVERITY] = row.severity
    work.ints[at, I_AGREED] = row.agreed
    work.ints[at, I_READY] = work.ready
    work.ints[at, I_LEAD] = row.lead
    work.ints[at, I_AGE] = time_ms - row.first_ms
    work.ints[at, I_SHAPE] = row.shape
    work.ints[at, I_SINCE] = row.since_ms
    work.ints[at, I_INTERVAL] = np.int64(row.interval_ms)
    work.ints[at, I_DRIFTED] = row.drifted_ms
    work.floats[at, F_VALUE] = row.value
    work.floats[at, F_SCORE] = row.score
    work.floats[at, F_PEAK] = row.peak
    work.floats[at, F_KNOWN] = row.known
    work.floats[at, F_ALARMS] = alarms_lately(row, time_ms)
    if code >= END_RECOVERED:
        note_alarm(row, time_ms)
    elif code == START:
        note_recent(row, time_ms, work)
    for window in range(WINDOWS):
        column = F_WINDOWS + WINDOW_FLOATS * window
        center = row.base[window, CENTER]
        work.floats[at, column] = work.scores[window]
        work.floats[at, column + 1] = center
        work.floats[at, column + 2] = center - row.base[window, DOWN]
        work.floats[at, column + 3] = center + row.base[window, UP]
        work.floats[at, column + 4] = row.value if window == 0 else row.level[window - 1]
    _tell_usual(row, work.ints[at], work.floats[at])
    row.told_ms = time_ms
    row.told_peak = row.peak


@kernel
def _severity(row: Row, agreed: int, params: Row) -> Number:
    """0, 1 or 2 by the peak; one step more when two windows agree; never less than told before."""
    level = 2 if row.peak >= params.critical else 1 if row.peak >= params.warning else 0
    if agreed & (agreed - 1):
        level = min(2, level + 1)
    return max(level, np.int64(row.severity))


@kernel
def _own_score(row: Row, window: int, direction: int) -> Number:
    """How far the sample itself lies outside a window's range, whatever the levels remember of samples before it."""
    away = direction * (row.value - row.base[window, CENTER])
    return max(0.0, away / (row.base[window, UP] if direction > 0 else row.base[window, DOWN]))


@kernel
def _gather(row: Row, score: float, direction: int, lead: int, seconds: float, params: Row) -> Number:
    """Evidence for or against; True once there is enough."""
    weight = min(seconds, params.sample_cap_s) / params.patience[lead]
    if score <= 1.0 or (row.evidence > 0.0 and direction != row.direction):
        row.evidence -= _LEAK * max(1.0 - score, 0.0) * weight
        if row.evidence <= 0.0 or score > 1.0:
            row.evidence = 0.0
            row.hits = 0
        if score <= 1.0:
            return False
    # A level remembers a glitch for many samples, each of them normal: they are no evidence.
    score = min(score, _own_score(row, lead, direction))
    if score <= 1.0:
        return False
    if row.evidence <= 0.0:
        row.started_ms = row.newest_ms
        row.hits = 0
        row.direction = direction
        row.peak = 0.0
    above = score - 1.0
    # However much time a sample stands for, it takes ``samples`` of them.
    most = max(params.evidence, _LITTLE) / (params.samples - 0.5)
    row.evidence += min(min(above * np.sqrt(above), params.score_cap) * weight, most)
    row.hits += 1
    row.peak = max(row.peak, score)
    return row.hits >= params.samples and row.evidence >= params.evidence


@kernel
def _recovered(row: Row, score: float, time_ms: int, params: Row) -> Number:
    """Whether scores have been below the clear level for long enough."""
    if score >= params.clear_level:
        row.clear_hits = 0
        return False
    if row.clear_hits == 0:
        row.clear_ms = time_ms
    row.clear_hits += 1
    return row.clear_hits >= params.clear_samples and time_ms - row.clear_ms >= params.clear_ms


@kernel
def _worse(row: Row, agreed: int, time_ms: int, params: Row) -> Number:
    """Whether there is something to say again; notes it."""
    severity = _severity(row, agreed, params)
    worse = severity > row.severity or (agreed & ~np.int64(row.agreed)) != 0
    row.severity = severity
    row.agreed |= agreed
    return worse or row.peak >= row.told_peak * (1.0 + params.growth) or time_ms - row.told_ms >= params.every_ms


@kernel
def close_episode(row: Row) -> None:
    """Back to calm."""
    row.state = CALM
    row.evidence = 0.0
    row.hits = 0
    row.clear_hits = 0
    row.severity = 0
    row.agreed = 0


@kernel
def _open_step(row: Row, score: float, agreed: int, time_ms: int, params: Row) -> Number:
    """What a sample does to an open episode: an event's code, or 0. What is on its way back is no new level."""
    row.peak = max(row.peak, score)
    if _recovered(row, score, time_ms, params):
        return END_RECOVERED
    if row.clear_hits > 0:
        return 0
    still_ms = max(float(params.max_freeze_ms), _LEVEL_INTERVALS * row.interval_ms)
    still_away = _own_score(row, row.lead % FINEST, row.direction) >= params.clear_level
    if time_ms - row.started_ms > still_ms and still_away and not row.held:
        row.clear_ms = time_ms
        return END_SHIFT
    return UPDATE if _worse(row, agreed, time_ms, params) else 0


@kernel
def step_episode(row: Row, seconds: float, ready: int, params: Row, scores: Any) -> Number:
    """One judged sample; returns an event's code, or 0. An open episode knows its own direction only."""
    if row.state == OPEN:
        row.score = farthest(scores, row.direction)
        return _open_step(row, row.score, agreeing(scores, row.direction), row.newest_ms, params)
    lead = lead_of(scores)
    score: Number = abs(scores[lead])
    row.score = score
    if row.evidence <= 0.0 and score <= 1.0:
        return 0
    direction = 1 if scores[lead] > 0.0 else -1
    agreed = agreeing(scores, direction)
    if not _gather(row, score, direction, lead, seconds, params):
        return 0
    row.state = OPEN
    row.lead = lead if ready & ((1 << lead) - 1) else lead | FINEST
    row.agreed = agreed
    row.shape = RAMP if is_ramp(row, lead, row.direction) else STEP
    row.severity = 0
    row.severity = _severity(row, agreed, params)
    row.clear_hits = 0
    note_known(row, lead)
    return START
