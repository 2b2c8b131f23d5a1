"""An entity's episode, a judged minute at a time; told as a series' own is (``models.episodes``)."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.entities.fitting import level_spread, sparse_limit, spread_of
from models.entities.layout import MEMBERS
from models.episodes import CALM, END_RECOVERED, END_SHIFT, END_SILENT, OPEN, START, UPDATE
from streams.jit import kernel
from streams.layout import Number, Row


@kernel
def _lead(ent: Row, away: Any) -> Number:
    """The series that fits least."""
    lead, most = np.uint64(0), -1.0
    for i in range(ent.count):
        if abs(away[i]) > most:
            lead, most = ent.id[i], abs(away[i])
    return lead


@kernel
def _is_worse(ent: Row, minute: int, params: Row) -> Number:
    """Whether there is something to say again; notes it."""
    severity = 1 if ent.peak >= params.warning else 0
    raised = severity > ent.severity
    ent.severity = max(ent.severity, severity)
    return raised or ent.peak >= ent.told_peak * (1.0 + params.growth) or minute - ent.told >= params.every


@kernel
def close(ent: Row) -> None:
    """Back to calm."""
    ent.state = CALM
    ent.severity = 0
    ent.hits = 0
    ent.clear = 0


@kernel
def _go_on(ent: Row, score: float, minute: int, params: Row) -> Number:
    """What a minute does to an open episode."""
    ent.peak = max(ent.peak, score)
    if score < params.clear_level:
        if ent.clear == 0:
            ent.cleared = minute
        ent.clear += 1
        return END_RECOVERED if ent.clear >= params.clear else 0
    ent.clear = 0
    if minute - ent.started > params.freeze:
        ent.cleared = minute
        return END_SHIFT
    return UPDATE if _is_worse(ent, minute, params) else 0


@kernel
def step(ent: Row, score: float, away: Any, minute: int, params: Row) -> Number:
    """One judged minute; returns an event's code, or 0."""
    ent.score = score
    if ent.state == OPEN:
        return _go_on(ent, score, minute, params)
    if score <= 1.0:
        ent.hits = 0
        return 0
    if ent.hits == 0:
        ent.started = minute
        ent.peak = 0.0
    ent.hits += 1
    ent.peak = max(ent.peak, score)
    if ent.hits < params.hits:
        return 0
    ent.state = OPEN
    ent.clear = 0
    ent.severity = 1 if ent.peak >= params.warning else 0
    ent.lead = _lead(ent, away)
    return START


@kernel
def accept(ent: Row) -> None:
    """What is so now is usual from now on: means move there, and correlations are soon learned anew."""
    for i in range(ent.count):
        ent.mean[i] += ent.level[i] * spread_of(ent, i)
        ent.level[i] = 0.0
        ent.learned[i] = min(ent.learned[i], 120)
        ent.fitted[i] = 0


@kernel
def tell(ent: Row, code: int, at: int, v: Any, away: Any, finding: Row) -> None:
    """Report an event of an entity's episode."""
    finding.code = code
    finding.at = at
    finding.started = ent.started
    finding.ended = ent.cleared
    finding.lead = ent.lead
    finding.severity = ent.severity
    finding.score = ent.score
    finding.peak = ent.peak
    finding.limit = sparse_limit(ent)
    finding.count = ent.count
    finding.judged = ent.judged
    for i in range(MEMBERS):
        finding.id[i] = ent.id[i]
        finding.away[i] = np.nan
        finding.value[i] = finding.expected[i] = finding.spread[i] = 0.0
        if i >= ent.count or np.isnan(away[i]):
            continue
        size = spread_of(ent, i) * level_spread(ent, i)
        own = size / np.sqrt(np.float64(ent.precision[i, i]))
        finding.away[i] = away[i]
        finding.value[i] = ent.mean[i] + size * v[i]
        finding.expected[i] = finding.value[i] - own * away[i]
        finding.spread[i] = own
    ent.told = at
    ent.told_peak = ent.peak


@kernel
def end_by_silence(ent: Row, params: Row, v: Any, away: Any, finding: Row) -> None:
    """Nothing closes minutes any more: what is open ended with the last that did."""
    ent.cleared = ent.front
    ent.score = 0.0
    away[:] = np.nan
    tell(ent, END_SILENT, ent.front + params.silent, v, away, finding)
    close(ent)
