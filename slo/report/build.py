"""Makes a report of histories."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from schemas.slo_events import SloAlert
from slo.definition import Slo
from slo.packing import FloatArray
from slo.profiles import period_s, tiers_of
from slo.report.history import Burned, Course, SloHistory
from slo.report.model import BurnPanel, Day, Episode, Incident, Objective, Points, Report
from slo.slices import BoolArray, IntArray
from slo.words import indicator_text, objective_text, percent

DAY_MS: Final = 86_400_000
_MOST_STRETCHES: Final = 240
"""Of a line; each keeps its first, lowest, highest and last point."""
_NEAR_MS: Final = 600_000
"""Where nothing was told at a day's very end, the 24 hours before a time so soon after it stand for the day."""
_GAP_STEPS: Final = 6
"""Times without a status for so many usual steps are a gap in a line."""


def report_of(histories: Sequence[SloHistory], from_ms: int | None = None, to_ms: int | None = None) -> Report:
    """A report, the objective of the least budget first.

    Parameters
    ----------
    histories
        Of one or several objectives, each cut off at ``to_ms`` already.
    from_ms
        From when on; the start of each objective's own period, unless given.
    to_ms
        Until when; the newest time among all, unless given.
    """
    end_ms = max((one.newest.at_ms for one in histories), default=0) if to_ms is None else to_ms
    objectives = [_objective(one, from_ms, end_ms) for one in histories]
    return Report(tuple(sorted(objectives, key=_urgency)))


def _urgency(one: Objective) -> tuple[float, str]:
    left = one.budget.remaining_of_period
    return (math.inf if left is None else left), one.key


def _objective(history: SloHistory, from_ms: int | None, to_ms: int) -> Objective:
    newest, course, slo = history.newest, history.course, history.slo
    own = newest.budget("own")
    first_ms = int(course.at_ms[0]) if len(course.at_ms) else newest.at_ms
    start_ms = max(own.start_ms, own.since_ms or 0, _since_ms(newest.at_ms, first_ms)) if from_ms is None else from_ms
    start_ms = min(start_ms, to_ms)
    inside = (course.at_ms >= start_ms) & (course.at_ms <= to_ms)
    times = course.at_ms[inside]
    titles = [one.title for one in history.alerts if one.title]
    return Objective(
        key=newest.key,
        title=(slo.title if slo else "") or (titles[-1] if titles else "") or newest.slo,
        service=newest.service,
        says=objective_text(slo) if slo else f"{percent(newest.target)} are good",
        good=indicator_text(slo) if slo else "",
        from_ms=start_ms,
        to_ms=to_ms,
        at_ms=newest.at_ms,
        target=newest.target,
        sla=newest.sla,
        sla_left=newest.sla_remaining,
        no_data=newest.no_data,
        budget=own,
        exhausted_in=newest.exhausted_in,
        days=_days(course, start_ms, to_ms),
        left=_thinned(times, course.left[inside]),
        burn=tuple(_panel(one, course.burn[one], (course.at_ms, inside), slo) for one in sorted(course.burn)),
        ledger=tuple(newest.spenders),
        alerts=_episodes(history.alerts, start_ms, to_ms),
        incidents=_incidents(history, course, start_ms, to_ms),
    )


def _since_ms(at_ms: int, first_ms: int) -> int:
    """Where a time axis begins that would be empty before the first status."""
    return max(0, first_ms - (at_ms - first_ms) // 50)


# -- days ------------------------------------------------------------------------------------------------------


def _days(course: Course, from_ms: int, to_ms: int) -> tuple[Day, ...]:
    first, last = from_ms // DAY_MS, max(from_ms, to_ms - 1) // DAY_MS
    return tuple(_day(course, day * DAY_MS) for day in range(first, last + 1))


def _day(course: Course, start_ms: int) -> Day:
    """What a day held: the 24 hours before its end, or as much as its shortest windows tell of it."""
    end_ms = start_ms + DAY_MS
    at = int(np.searchsorted(course.at_ms, end_ms))
    known = at < len(course.at_ms) and not math.isnan(course.day.bad[at])
    if known and course.at_ms[at] - end_ms <= _NEAR_MS:
        whole = bool(course.at_ms[at] == end_ms)
        return _counted(start_ms, float(course.day.bad[at]), float(course.day.total[at]), is_whole=whole)
    newest = int(np.searchsorted(course.at_ms, end_ms, side="right")) - 1
    if newest >= 0 and course.at_ms[0] > start_ms and not math.isnan(course.day.bad[newest]):
        # Its first day: all that the last 24 hours hold is of it.
        return _counted(start_ms, float(course.day.bad[newest]), float(course.day.total[newest]), is_whole=False)
    window_s = min((one for one in course.burn if DAY_MS % (one * 1000) == 0), default=None)
    if window_s is None:
        return Day(start_ms, None, None, None, is_whole=False)
    burned = course.burn[window_s]
    seen: BoolArray = (course.at_ms > start_ms) & (course.at_ms <= end_ms) & (course.at_ms % (window_s * 1000) == 0)
    seen &= ~np.isnan(burned.total)
    if not seen.any():
        return Day(start_ms, None, None, None, is_whole=False)
    return _counted(start_ms, float(burned.bad[seen].sum()), float(burned.total[seen].sum()), is_whole=False)


def _counted(start_ms: int, bad: float, total: float, *, is_whole: bool) -> Day:
    return Day(start_ms, bad, total, 1.0 - bad / total if total > 0 else None, is_whole)


# -- lines -----------------------------------------------------------------------------------------------------


def _panel(window_s: int, burned: Burned, at: tuple[IntArray, BoolArray], slo: Slo | None) -> BurnPanel:
    times_ms, inside = at
    times, rate = times_ms[inside], burned.rate[inside]
    known = ~np.isnan(rate)
    highest = int(np.nanargmax(rate)) if known.any() else None
    return BurnPanel(
        window_s,
        _thinned(times, rate),
        _number(rate[-1]) if len(rate) else None,
        None if highest is None else float(rate[highest]),
        None if highest is None else int(times[highest]),
        _threshold(window_s, slo),
    )


def _threshold(window_s: int, slo: Slo | None) -> float | None:
    """Of a window that several tiers look at, the lowest."""
    tiers = tiers_of(slo.alerts, period_s(slo.window)) if slo else ()
    return min((tier.factor for tier in tiers if window_s in (tier.long_s, tier.short_s)), default=None)


def _thinned(times_ms: IntArray, values: FloatArray) -> Points:
    """Points of a line: of each stretch the first, the lowest, the highest and the last, and None where a gap is."""
    if not len(times_ms):
        return ()
    steps = np.diff(times_ms)
    longest_ms = _GAP_STEPS * float(np.median(steps)) if len(steps) else math.inf
    points: list[tuple[int, float | None]] = []
    for stretch in np.array_split(np.arange(len(times_ms)), min(len(times_ms), _MOST_STRETCHES)):
        for at in _kept(stretch, values[stretch]):
            if at and times_ms[at] - times_ms[at - 1] > longest_ms:
                points.append((int(times_ms[at - 1]) + 1, None))
            points.append((int(times_ms[at]), _number(values[at])))
    return tuple(points)


def _kept(stretch: IntArray, values: FloatArray) -> list[int]:
    first, last = int(stretch[0]), int(stretch[-1])
    if np.isnan(values).all():
        return sorted({first, last})
    unknown = [int(stretch[np.isnan(values).argmax()])] if np.isnan(values).any() else []
    return sorted({first, first + int(np.nanargmin(values)), first + int(np.nanargmax(values)), last, *unknown})


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


# -- alerts and incidents --------------------------------------------------------------------------------------


def _episodes(turns: Sequence[SloAlert], from_ms: int, to_ms: int) -> tuple[Episode, ...]:
    """Alerts that were open at some time of the report, by their start."""
    by_id: dict[str, list[SloAlert]] = {}
    for turn in sorted(turns, key=lambda one: (one.at_ms, one.state == "end")):
        by_id.setdefault(turn.id, []).append(turn)
    episodes = (_episode(theirs) for theirs in by_id.values())
    shown = [one for one in episodes if one.start_ms <= to_ms and (one.end_ms is None or one.end_ms >= from_ms)]
    return tuple(sorted(shown, key=lambda one: (one.start_ms, one.priority, one.alert)))


def _episode(turns: Sequence[SloAlert]) -> Episode:
    last = turns[-1]
    rates = [one.burn_rate for one in turns if one.burn_rate is not None]
    left = [one.budget_left for one in turns if one.budget_left is not None]
    return Episode(
        last.id,
        last.alert,
        last.kind,
        min(one.priority for one in turns),
        last.started_ms,
        last.at_ms if last.state == "end" else None,
        max(rates, default=None),
        left[-1] if left else None,
    )


def _incidents(history: SloHistory, course: Course, from_ms: int, to_ms: int) -> tuple[Incident, ...]:
    shown = []
    for one in history.incidents:
        if one.started_ms <= to_ms and one.updated_ms >= from_ms:
            end_ms = one.ended_ms or one.resolved_ms
            spent = _spent(course, one.started_ms, end_ms or to_ms)
            shown.append(Incident(one.id, one.title, one.priority, one.state, one.started_ms, end_ms, spent))
    return tuple(sorted(shown, key=lambda one: (one.start_ms, one.id)))


def _spent(course: Course, start_ms: int, end_ms: int) -> float | None:
    """How much of the period's budget went between two times, as far as statuses lie about them; None if none do."""
    first = max(0, int(np.searchsorted(course.at_ms, start_ms, side="right")) - 1)
    last = min(len(course.at_ms) - 1, int(np.searchsorted(course.at_ms, end_ms)))
    went = float(course.left[first] - course.left[last])
    return None if math.isnan(went) else max(0.0, went)
