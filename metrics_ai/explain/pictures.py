"""From cases and traces to the panels of a figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Final

import numpy as np

from metrics_ai.explain.cases import AlertCase, AnomalyCase, Case, IncidentCase
from metrics_ai.explain.plots import MAX_PANELS, Panel, Span
from metrics_ai.explain.series_models import SeriesState
from metrics_ai.explain.tracing import Band, Line, Trace
from metrics_ai.explain.words import series_text
from schemas.events import Anomaly, Range
from schemas.series import Series

_LEAST_MS: Final = 300_000
_MOST_MS: Final = 6 * 3_600_000
# A drift begins and ends at one moment: what led there took hours.
_MOMENT_MS: Final = 3 * 3_600_000

Lines = Callable[[Series, int, int | None], Line]
"""The values of a series from a time to another, or to now."""


def panels_of(case: Case, lines: Lines) -> list[Panel]:
    """A panel for each anomaly of a case, the most urgent first, at most ``MAX_PANELS``; all from the same time on."""
    shown = anomalies_of(case)[:MAX_PANELS]
    reach = [reach_of(one.latest) for one in shown]
    from_ms = min((one for one, _ in reach), default=0)
    ends = [one for _, one in reach if one is not None]
    until_ms = max(ends, default=0) if len(ends) == len(reach) else None
    return [_anomaly_panel(one, lines, (from_ms, until_ms)) for one in shown]


def title_of(case: Case) -> str:
    """What stands above several panels."""
    return case.incident.title if isinstance(case, IncidentCase) else ""


def anomalies_of(case: Case) -> list[AnomalyCase]:
    """The anomalies of a case that are known, each once."""
    match case:
        case IncidentCase():
            found = [one.anomaly for _, one in case.members if one is not None and one.anomaly is not None]
            return list({one.latest.id: one for one in found}.values())
        case AlertCase():
            return [] if case.anomaly is None else [case.anomaly]
        case AnomalyCase():
            return [case]


def series_of(one: Anomaly) -> Series:
    """The series of an anomaly, as far as its identity goes."""
    return Series(one.tenant, one.metric, one.labels, one.dims, unit=one.unit)


def reach_of(one: Anomaly) -> tuple[int, int | None]:
    """From when to when its surroundings are shown; to now, while it goes on."""
    until_ms = one.at_ms if one.ended_ms is None else one.ended_ms
    lasted = until_ms - one.started_ms
    margin = max(_LEAST_MS, min(_MOST_MS, 2 * lasted)) if lasted > 0 else _MOMENT_MS
    return one.started_ms - margin, None if one.ended_ms is None else one.ended_ms + margin


def _anomaly_panel(case: AnomalyCase, lines: Lines, reach: tuple[int, int | None]) -> Panel:
    """The samples around an episode; what its states reported, where there are none any more."""
    now = case.latest
    line = lines(series_of(now), *reach)
    is_gone = not len(line)
    if is_gone:
        reports = sorted({one.at_ms: one.observed for one in case.states}.items())
        line = Line(np.array([at for at, _ in reports], np.int64), np.array([value for _, value in reports]))
    return Panel(
        title=series_text(now.metric, now.labels),
        sentence=case.worst.explanation,
        line=line,
        unit=_judged_unit(now.unit, line),
        band=_band(case, line),
        spans=[_span(case, line)],
        dots=is_gone,
    )


def _span(case: AnomalyCase, line: Line) -> Span:
    """The episode; its peak lies on the line, at the value that lay farthest out while it went on."""
    now, worst = case.latest, case.worst
    end_ms = now.ended_ms if now.ended_ms is not None else int(line.times_ms[-1])
    inside = line.between(now.started_ms, max(end_ms, now.started_ms))
    if not len(inside):
        return Span(now.started_ms, now.ended_ms, worst.at_ms, worst.observed)
    at = int(np.argmin(inside.values) if now.direction == "down" else np.argmax(inside.values))
    return Span(now.started_ms, now.ended_ms, int(inside.times_ms[at]), float(inside.values[at]))


def _band(case: AnomalyCase, line: Line) -> Band | None:
    """What the window that was surest expected, as the states told it; before the first as in the first."""
    worst = case.worst
    window = max(worst.windows, key=lambda one: one.score).window if worst.windows else ""
    told = [(one.at_ms, _expected(one, window)) for one in case.states]
    known = [(at, one) for at, one in told if one is not None]
    if not known or not len(line):
        return None
    first, last = int(line.times_ms[0]), int(line.times_ms[-1])
    points = [(min(first, known[0][0]), known[0][1]), *known[1:], (max(last, known[-1][0]), known[-1][1])]
    return Band.of(points, window)


def _expected(one: Anomaly, window: str) -> Range | None:
    own = next((verdict.expected for verdict in one.windows if verdict.window == window), None)
    return own or one.expected


def trace_panel(state: SeriesState, found: Trace) -> Panel:
    """A recorded series: its values, what was expected as it went, and its anomalies."""
    return Panel(
        title=series_text(state.metric, state.labels),
        sentence=f"{len(found.line):,} samples; {_counted(found.anomalies)}",
        line=found.line,
        unit=_judged_unit(state.unit, found.line),
        band=found.band,
        spans=spans_of(found.anomalies, found.line),
    )


def state_panel(state: SeriesState, line: Line) -> Panel:
    """A live series: its last values, and what is expected now."""
    window = next((one for one in state.windows if one.expected is not None), None)
    points = [] if window is None or not len(line) else [(int(at), window.expected) for at in line.times_ms[[0, -1]]]
    episode = state.episode
    spans = [Span(episode.started_ms, None)] if episode is not None and episode.is_open else []
    return Panel(
        title=series_text(state.metric, state.labels),
        sentence="No window speaks yet." if window is None else "The band is what is expected now.",
        line=line,
        unit=_judged_unit(state.unit, line),
        band=Band.of(points, window.window) if window is not None and points else None,
        spans=spans,
    )


def _judged_unit(unit: str, line: Line) -> str:
    """The unit of what is judged: counters are rates."""
    if not line.is_rate:
        return unit
    return f"{unit}/s" if unit not in ("", "1") else "per second"


def spans_of(anomalies: Iterable[Anomaly], line: Line) -> list[Span]:
    """A stretch for each episode."""
    ordered = sorted(anomalies, key=lambda one: (one.started_ms, one.id, one.at_ms))
    cases = [AnomalyCase(list(states)) for _, states in groupby(ordered, key=lambda one: one.id)]
    return [_span(case, line) for case in cases]


def _counted(anomalies: Sequence[Anomaly]) -> str:
    count = len({one.id for one in anomalies})
    return "no anomaly" if count == 0 else "1 anomaly" if count == 1 else f"{count} anomalies"
