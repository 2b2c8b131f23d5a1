"""Closed minutes on their way to their entities: the one loop.

An entity's minute is judged once every member that goes along has closed it. One that lags by ``PATIENCE`` minutes is
waited for no longer, and counts again so many minutes after it is back: while a partition's series keep abreast of
each other by less than that, the results depend on each series' own order alone.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from models import episodes
from models.entities import fitting, judging, layout, life
from models.entities.layout import DUE, HOUR, LATER, LEAST, MEMBERS, PATIENCE, PENDING, STATISTICS
from models.episodes import END_RECOVERED, END_SHIFT, OPEN
from streams.jit import entry_point, kernel, source_digest
from streams.layout import Array, Number, Row

_MINUTE_MS: Final = 60_000
_FAR: Final = 64
"""Minutes that are looked at one by one; what is older than that passes as a whole."""
_WAITS, _DUE = -1, -2


@kernel
def _receive(ent: Row, place: int, minute: int, mean: float, counts: int) -> None:
    """Take a member's closed minute."""
    if minute != ent.closed[place] + 1:
        ent.since[place] = max(ent.since[place], minute + PATIENCE)
    ent.closed[place] = minute
    if minute > ent.minute and minute >= ent.since[place]:
        ent.ring[minute % PENDING, place] = mean if counts else np.nan


@kernel
def _is_awaited(ent: Row, minute: int) -> Number:
    """Whether a member that goes along has not closed a minute yet."""
    awaited = False
    for i in range(ent.count):
        awaited |= ent.closed[i] < minute and ent.front - ent.closed[i] < PATIENCE
    return awaited


@kernel
def _note(ent: Row, found: Any) -> None:
    """Let the tails know; what is beyond its limit counts as little more than that."""
    for which in range(STATISTICS):
        distance = found[which]
        if ent.limit[which] > 0.0:
            distance = min(distance, 1.25 * ent.limit[which])
        fitting.note_tail(ent, which, distance)
    ent.judged += 1


@kernel
def _judge(ent: Row, minute: int, params: Row, work: Any, finding: Row) -> Number:
    """Judge a minute that waits, then learn it; returns the event's code, or 0."""
    v, away, found = work
    values = ent.ring[minute % PENDING]
    if minute % HOUR == 0 and ent.state != OPEN:
        fitting.fit_precision(ent, params)
        fitting.fit_limits(ent, params)
    fitting.take_levels(ent, values, params)
    code = 0
    if judging.compare(ent, values, v, away, found) >= LEAST:
        code = life.step(ent, judging.score_of(ent, found), away, minute, params)
        if ent.state != OPEN:
            _note(ent, found)
    if ent.state != OPEN and ent.hits == 0:
        fitting.learn(ent, values, params)
    if code:
        life.tell(ent, code, minute, v, away, finding)
    if code >= END_RECOVERED:
        life.close(ent)
        if code == END_SHIFT:
            life.accept(ent)
    return code


@kernel
def _proceed(ent: Row, params: Row, work: Any, finding: Row) -> Number:
    """Judge the next minute if nobody is waited for.

    Returns an event's code, 0, ``_WAITS``, or ``_DUE``: members are to be chosen.
    """
    minute = ent.minute + 1
    if minute > ent.front or _is_awaited(ent, minute):
        return _WAITS
    if ent.choose == DUE and minute % HOUR == 0 and ent.state != OPEN:
        return _DUE
    code = _judge(ent, minute, params, work, finding)
    ent.minute = minute
    ent.ring[minute % PENDING, :] = np.nan
    if ent.choose == LATER:
        ent.choose = DUE
    return code


@kernel
def _arrive(ent: Row, minute: int, params: Row, work: Any, finding: Row) -> Number:
    """A minute that is news to the entity; whether a silence before it ended an episode."""
    ended = ent.state == OPEN and minute - ent.front > params.silent
    if ended:
        life.end_by_silence(ent, params, work[0], work[1], finding)
    ent.front = minute
    if minute - ent.minute > _FAR:
        ent.minute = minute - 1 if ent.minute == 0 else minute - _FAR
        ent.ring[:, :] = np.nan
    return ended


Minutes = tuple[Array, Array]
Where = tuple[Array, Array]
Feed = Callable[[Array, Minutes, Where, Array, Array, Array], int]
_ROW, _TOLD, _ENTERED = 0, 1, 2
"""Places of what ``feed`` has come to: the row, findings so far, and whether the row's minute has entered."""


@kernel
def _enter(ent: Row, minutes: Any, place: int, tools: Any, finding: Row, at: Any) -> None:
    """Let a row's closed minute in; what it ends by coming so late is told."""
    closed, sizes = minutes
    rules, work = tools
    row = at[_ROW]
    minute = closed[row, 2] // _MINUTE_MS - 1
    ent.dirty = 1
    if minute > ent.front:
        at[_TOLD] += _arrive(ent, minute, rules, work, finding)
    if place >= 0:
        _receive(ent, place, minute, sizes[row, 1], closed[row, 3])
    at[_ENTERED] = 1


@kernel
def _go_on(ent: Row, about: Any, tools: Any, findings: Array, at: Any) -> Number:
    """Judge the next minute; whether members are to be chosen first. The row is done when somebody is waited for."""
    finding: Any = findings[at[_TOLD]]
    finding.entity, finding.row = about
    code = _proceed(ent, tools[0], tools[1], finding)
    if code == _WAITS:
        at[_ROW] += 1
        at[_ENTERED] = 0
    elif code > 0:
        at[_TOLD] += 1
    return code == _DUE


def _build(digest: int) -> Feed:
    @entry_point
    def feed(entities: Array, minutes: Minutes, where: Where, params: Array, findings: Array, at: Array) -> int:
        """Hand on closed minutes from row ``at[0]`` on, ``at[1]`` findings being there already.

        Returns the entity whose members are to be chosen before it goes on; -1 when it is done, -2 when there is no
        more room for findings.
        """
        if digest == 0:
            return -3
        work = (np.zeros(MEMBERS), np.full(MEMBERS, np.nan), np.zeros(STATISTICS))
        tools: Any = (params[0], work)
        closed, sizes = minutes
        while at[_ROW] < len(closed):
            slot, row = closed[at[_ROW], 0], closed[at[_ROW], 1]
            index = where[0][slot]
            if index < 0 or sizes[at[_ROW], 3] == 0.0:
                at[_ROW] += 1
                continue
            if at[_TOLD] > len(findings) - 2:
                return -2
            ent: Any = entities[index]
            if not at[_ENTERED]:
                finding: Any = findings[at[_TOLD]]
                finding.entity, finding.row = index, row
                _enter(ent, minutes, where[1][slot], tools, finding, at)
            if _go_on(ent, (index, row), tools, findings, at):
                return int(index)
        return -1

    return feed


def _build_silence(digest: int) -> Callable[[Array, Array, Array, Array, Array], int]:
    @entry_point
    def silence(entities: Array, open_ones: Array, now: Array, params: Array, findings: Array) -> int:
        """End what silence ends by each entity's minute, among those named; returns how many findings there are."""
        if digest == 0:
            return -1
        rules: Any = params[0]
        v, away = np.zeros(MEMBERS), np.full(MEMBERS, np.nan)
        told = 0
        for place in range(len(open_ones)):
            ent: Any = entities[open_ones[place]]
            if ent.state == OPEN and now[open_ones[place]] - ent.front > rules.silent:
                findings[told].entity = open_ones[place]
                findings[told].row = place
                life.end_by_silence(ent, rules, v, away, findings[told])
                ent.dirty = 1
                told += 1
        return told

    return silence


_DIGEST: Final = source_digest(
    __file__, *(str(Path(str(module.__file__))) for module in (episodes, fitting, judging, layout, life))
)
feed: Final = _build(_DIGEST)
silence: Final = _build_silence(_DIGEST)
