"""The chart of a report: a lane an alert, with marks where people did something."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

from incidents.review.model import Lane, Report
from slo.report.axes import Scale, time_ticks
from slo.report.wording import lasted, moment

_WIDTH, _LEFT, _RIGHT, _TOP, _FOOT, _LANE = 920, 190, 8, 10, 22, 26
_MOST_LANES: Final = 24
_LONGEST_NAME: Final = 28
_DEEDS: Final = frozenset({"acknowledged", "mitigated", "resolved", "reviewed", "note", "escalated"})
# An incident of one moment still has a width.
_LEAST_MS: Final = 60_000


def lanes_chart(report: Report) -> str:
    """The alerts over time, those that began first on top."""
    lanes = report.alerts[:_MOST_LANES]
    begin_ms = min(one.started_ms for one in lanes)
    ends = [one.ended_ms or report.as_of_ms for one in lanes]
    end_ms = max(begin_ms + _LEAST_MS, *ends, *(one.at_ms for one in report.timeline if one.kind in _DEEDS))
    time = Scale((begin_ms, end_ms), (_LEFT, _WIDTH - _RIGHT))
    height = len(lanes) * _LANE + _TOP + _FOOT
    marks = [*_ticks(time, height), *_deeds(report, time, height)]
    marks += [_lane(lane, time, _TOP + (number + 0.5) * _LANE, end_ms) for number, lane in enumerate(lanes)]
    told = f"{len(lanes)} alerts over time"
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{told}">{"".join(marks)}</svg>'


def _ticks(time: Scale, height: float) -> Iterable[str]:
    begin, end = (int(one) for one in time.values)
    for at_ms, name in time_ticks(begin, end):
        yield f'<text class="tick middle" x="{_n(time(at_ms))}" y="{_n(height - 6)}">{escape(name)}</text>'


def _deeds(report: Report, time: Scale, height: float) -> Iterable[str]:
    for one in report.timeline:
        if one.kind in _DEEDS:
            x = _n(time(one.at_ms))
            what = escape(f"{moment(one.at_ms)} {one.kind}{f' by {one.by}' if one.by else ''}")
            line = f'<line class="mark" x1="{x}" x2="{x}" y1="{_TOP}" y2="{_n(height - _FOOT)}"/>'
            yield f"<g><title>{what}</title>{line}</g>"


def _lane(lane: Lane, time: Scale, middle: float, end_ms: int) -> str:
    left = time(lane.started_ms)
    width = max(3.0, time(end_ms if lane.ended_ms is None else lane.ended_ms) - left)
    name = f"{lane.name} {lane.entity}".strip()
    short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}\u2026"
    what = f"{name} {lane.priority}: {moment(lane.started_ms)}, {lasted(lane.started_ms, lane.ended_ms)}"
    is_open = " open" if lane.ended_ms is None else ""
    return (
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_n(middle)}" y2="{_n(middle)}"/>'
        f'<text class="lane" x="0" y="{_n(middle + 4)}">{escape(short)}</text>'
        f"<g><title>{escape(what)}</title>"
        f'<rect class="{lane.priority.lower()}{is_open}" x="{_n(left)}" y="{_n(middle - 6)}" width="{_n(width)}" '
        f'height="12" rx="2"/></g>'
    )


def _n(number: float) -> str:
    """A place to a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0")
