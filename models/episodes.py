"""An anomaly's life, a sample at a time: evidence gathers, it starts, it may say more, it ends.

::

    calm ── score > 1 ──► evidence gathers ── enough ──► open (START)
      ▲                        │ leaks away               │ worse, or a minute passed (UPDATE)
      └────────────────────────┘                          │
      ▲── below the clear level long enough ──────────────┤ (END_RECOVERED)
      ▲── longer than the freeze may last ────────────────┤ (END_SHIFT: the new level is normal now)
      └── silence ────────────────────────────────────────┘ (END_SILENT)
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from models.judge import agreeing, lead_of
from streams.jit import kernel
from streams.layout import WINDOWS, Array, Arrays, Number, Row

CALM, OPEN = 0, 1
START, UPDATE, END_RECOVERED, END_SHIFT, END_SILENT = 1, 2, 3, 4, 5

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
    INTS,
) = range(14)
# ... and floats; a window has a score, a center, and the ends of its expected range.
F_VALUE, F_SCORE, F_PEAK, F_WINDOWS = range(4)
FLOATS: Final = F_WINDOWS + 4 * WINDOWS
EVENTS, MINUTES, AT_ROW, READY = range(4)
_LEAK: Final = 4.0


class EpisodeParams(NamedTuple):
    """``ConfirmSettings`` and ``UpdateSettings`` for kernels; times in ms."""

    samples: int
    evidence: float
    score_cap: float
    sample_cap_s: float
    clear_level: float
    clear_samples: int
    clear_ms: int
    max_freeze_ms: int
    every_ms: int
    growth: float
    warning: float
    critical: float


class Report(NamedTuple):
    """Where kernels write what happened.

    Parameters
    ----------
    ints, floats
        Events, a row each; the columns are the constants above.
    cursor
        ``int64 [4]``: events and closed minutes written; the row at hand; the windows that speak.
    closed, closed_z
        Closed minutes: slot, row and end in ms, ``int64 [rows, 3]``; standardised mean, mean, center and size of a
        spread, ``float64 [rows, 4]``.
    scores
        Scratch, ``float64 [WINDOWS]``.
    counts
        ``int64``: what became of the samples (``streams.intake``).
    scratch
        One bucket.
    """

    ints: Array
    floats: Array
    cursor: Array
    closed: Array
    closed_z: Array
    scores: Array
    counts: Array
    scratch: Array


@kernel
def _windows(arrays: Arrays, slot: int, report: Report, at: int) -> None:
    """Each window's score and expected range."""
    for window in range(WINDOWS):
        base = arrays.bases[slot, window]
        column = F_WINDOWS + 4 * window
        report.floats[at, column] = report.scores[window]
        report.floats[at, column + 1] = base.center
        report.floats[at, column + 2] = base.center - base.down
        report.floats[at, column + 3] = base.center + base.up


@kernel
def tell(arrays: Arrays, slot: int, code: int, time_ms: int, report: Report) -> None:
    """Report an event of a series' episode."""
    row = arrays.hot[slot]
    at = report.cursor[EVENTS]
    report.cursor[EVENTS] = at + 1
    ints = report.ints[at]
    ints[I_ROW] = report.cursor[AT_ROW]
    ints[I_SLOT] = slot
    ints[I_CODE] = code
    ints[I_RULE] = -1
    ints[I_AT] = time_ms
    ints[I_STARTED] = row.started_ms
    ints[I_ENDED] = row.clear_ms
    ints[I_DIRECTION] = row.direction
    ints[I_SEVERITY] = row.severity
    ints[I_AGREED] = row.agreed
    ints[I_READY] = report.cursor[READY]
    ints[I_LEAD] = row.lead
    ints[I_AGE] = time_ms - row.first_ms
    report.floats[at, F_VALUE] = row.value
    report.floats[at, F_SCORE] = row.score
    report.floats[at, F_PEAK] = row.peak
    _windows(arrays, slot, report, at)
    row.told_ms = time_ms
    row.told_peak = row.peak


@kernel
def _severity(row: Row, agreed: int, params: EpisodeParams) -> Number:
    """0, 1 or 2 by the peak; one step more when two windows agree; never less than told before."""
    level = 2 if row.peak >= params.critical else 1 if row.peak >= params.warning else 0
    if agreed & (agreed - 1):
        level = min(2, level + 1)
    return max(level, np.int64(row.severity))


@kernel
def _gather(row: Row, score: float, direction: int, time_ms: int, seconds: float, params: EpisodeParams) -> Number:
    """Evidence for or against; True once there is enough."""
    weight = min(seconds, params.sample_cap_s)
    if score <= 1.0 or (row.evidence > 0.0 and direction != row.direction):
        row.evidence -= _LEAK * max(1.0 - score, 0.0) * weight
        if row.evidence <= 0.0 or score > 1.0:
            row.evidence = 0.0
            row.hits = 0
        if score <= 1.0:
            return False
    if row.evidence <= 0.0:
        row.started_ms = time_ms
        row.hits = 0
        row.direction = direction
        row.peak = 0.0
    row.evidence += min(score - 1.0, params.score_cap) * weight
    row.hits += 1
    row.peak = max(row.peak, score)
    return row.hits >= params.samples and row.evidence >= params.evidence


@kernel
def _recovered(row: Row, score: float, time_ms: int, params: EpisodeParams) -> Number:
    """Whether scores have been below the clear level for long enough."""
    if score >= params.clear_level:
        row.clear_hits = 0
        return False
    if row.clear_hits == 0:
        row.clear_ms = time_ms
    row.clear_hits += 1
    return row.clear_hits >= params.clear_samples and time_ms - row.clear_ms >= params.clear_ms


@kernel
def _worse(row: Row, agreed: int, time_ms: int, params: EpisodeParams) -> Number:
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
def _open_step(row: Row, score: float, agreed: int, time_ms: int, params: EpisodeParams) -> Number:
    """What a sample does to an open episode: an event's code, or 0."""
    row.peak = max(row.peak, score)
    if _recovered(row, score, time_ms, params):
        return END_RECOVERED
    if time_ms - row.started_ms > params.max_freeze_ms:
        row.clear_ms = time_ms
        return END_SHIFT
    if row.clear_hits == 0 and _worse(row, agreed, time_ms, params):
        return UPDATE
    return 0


@kernel
def step_episode(
    arrays: Arrays, slot: int, time_ms: int, seconds: float, params: EpisodeParams, scores: Array
) -> Number:
    """One judged sample; returns an event's code, or 0."""
    row = arrays.hot[slot]
    lead = lead_of(scores)
    score: Number = abs(scores[lead])
    row.score = score
    if row.state == CALM and row.evidence <= 0.0 and score <= 1.0:
        return 0
    agreed = agreeing(scores, lead)
    if row.state == OPEN:
        return _open_step(row, score, agreed, time_ms, params)
    if not _gather(row, score, 1 if scores[lead] > 0.0 else -1, time_ms, seconds, params):
        return 0
    row.state = OPEN
    row.lead = lead
    row.agreed = agreed
    row.severity = 0
    row.severity = _severity(row, agreed, params)
    row.clear_hits = 0
    return START
