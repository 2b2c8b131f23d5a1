"""The charts of a report as SVG inside a page, which gives them their colours by class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final, NamedTuple

from slo.budget import budget_of
from slo.durations import duration_text
from slo.report.axes import Scale, pieces, time_ticks, value_ticks
from slo.report.model import BurnPanel, Day, Episode, Objective, Points
from slo.report.wording import count, day, lasted, moment, rate, share
from slo.words import percent

WIDTH: Final = 920
_LEFT, _RIGHT, _TOP, _FOOT = 96, 8, 10, 22
_LINE_HEIGHT, _DAYS_HEIGHT, _LANE_HEIGHT = 190, 150, 26
_PANEL_WIDTH, _PANEL_HEIGHT = 290, 112
_LONGEST_NAME: Final = 14
_WIDEST_BAR: Final = 44
_LEAST_SPAN: Final = 1e-4


class _Plot(NamedTuple):
    """Where a chart lies, and its scales."""

    time: Scale
    value: Scale
    height: float

    @property
    def left(self) -> float:
        return self.time.places[0]

    @property
    def right(self) -> float:
        return self.time.places[1]


def budget_chart(one: Objective) -> str:
    """The share of the budget that is left over time, with its zero line."""
    values = [value for _, value in one.left if value is not None]
    if not values:
        return ""
    low, high = min(0.0, *values), max(1.0, *values)
    low -= 0.04 * (high - low) if low < 0 else 0.0
    plot = _plot((one.from_ms, one.to_ms), (low, high), _LINE_HEIGHT)
    marks = [_grid(plot, [(tick, share(tick, 3)) for tick in value_ticks(low, high)]), _times(plot)]
    marks += [_area(plot, piece) for piece in pieces(one.left)]
    marks.append(_rule(plot, 0.0, "zero"))
    marks += [_path(plot, piece, "line") for piece in pieces(one.left)]
    at_ms, last = next((at, value) for at, value in reversed(one.left) if value is not None)
    marks.append(f'<circle class="dot" cx="{_n(plot.time(at_ms))}" cy="{_n(plot.value(last))}" r="3.5"/>')
    return _svg(marks, plot.height, f"budget left, from {share(values[0], 4)} to {share(last, 4)}")


def days_chart(one: Objective) -> str:
    """Compliance by day, as far below 100 % as matters, with the target as a line."""
    shown = [row.compliance for row in one.days if row.compliance is not None]
    if not shown:
        return ""
    low = min(_floor(shown, one.target), 1.0 - _LEAST_SPAN)
    plot = _plot((0, max(1, len(one.days))), (low, 1.0), _DAYS_HEIGHT)
    marks = [_grid(plot, [(tick, percent(tick)) for tick in value_ticks(low, 1.0, 3)])]
    marks += [_bar(plot, number, row, one.target) for number, row in enumerate(one.days)]
    every = -(-len(one.days) // 9)
    marks += [
        _text(plot.time(number + 0.5), plot.height - 6, time_ticks(row.start_ms, row.start_ms)[0][1], "tick middle")
        for number, row in enumerate(one.days)
        if number % every == 0
    ]
    marks.append(_rule(plot, one.target, "target"))
    return _svg(marks, plot.height, "compliance by day")


def _floor(shown: Sequence[float], target: float) -> float:
    """The foot of the bars: the worst day, but not so far below the target that all others look alike."""
    budget = budget_of(target)
    return max(0.0, min(target - 0.5 * budget, max(min(shown) - 0.15 * budget, target - 9 * budget)))


def _bar(plot: _Plot, number: int, row: Day, target: float) -> str:
    step = plot.time(1) - plot.time(0)
    width = min(_WIDEST_BAR, 0.72 * step)
    left, foot = plot.time(number + 0.5) - width / 2, plot.value.places[0]
    if row.compliance is None:
        what = "nothing was measured"
        body = f'<rect class="none" x="{_n(left)}" y="{_n(foot - 3)}" width="{_n(width)}" height="3"/>'
    else:
        kind = "good" if row.compliance >= target else "bad"
        top = min(plot.value(row.compliance), foot - 2)
        body = (
            f'<rect class="{kind}{"" if row.is_whole else " part"}" x="{_n(left)}" y="{_n(top)}" width="{_n(width)}" '
            f'height="{_n(foot - top)}" rx="1.5"/>'
        )
        what = f"{share(row.compliance)}, {count(row.bad)} bad of {count(row.total)}"
    part = "" if row.is_whole else " (in part)"
    return f"<g><title>{day(row.start_ms)}{part}: {what}</title>{body}</g>"


def burn_chart(panel: BurnPanel, span: tuple[int, int]) -> str:
    """How fast the budget burned in one window; the same times as all others, a height of its own."""
    highest = max(1.25, panel.peak or 0.0, 1.1 * (panel.threshold or 0.0))
    plot = _plot(span, (0.0, highest), _PANEL_HEIGHT, (_PANEL_WIDTH, 34))
    marks = [_grid(plot, [(tick, f"{tick:g}") for tick in value_ticks(0.0, highest, 2)]), _times(plot, 3)]
    for piece in pieces(panel.points):
        marks += [_area(plot, piece), _path(plot, piece, "line thin")]
    if panel.threshold is not None:
        marks.append(_rule(plot, panel.threshold, "threshold"))
    told = f"burn rate over {duration_text(panel.window_s)}, now {rate(panel.now)}, at most {rate(panel.peak)}"
    return _svg(marks, plot.height, told, _PANEL_WIDTH)


def alert_lanes(one: Objective) -> str:
    """A lane an alert, the most urgent first, on the time axis of the budget."""
    if not one.alerts:
        return ""
    order = {row.alert: (row.priority, row.start_ms) for row in reversed(one.alerts)}
    names = sorted(order, key=lambda name: (order[name], name))
    plot = _plot((one.from_ms, one.to_ms), (0.0, 1.0), len(names) * _LANE_HEIGHT + _TOP + _FOOT)
    marks = [_times(plot)]
    for number, name in enumerate(names):
        middle = _TOP + (number + 0.5) * _LANE_HEIGHT
        marks.append(
            f'<line class="grid" x1="{_n(plot.left)}" x2="{_n(plot.right)}" y1="{_n(middle)}" y2="{_n(middle)}"/>'
        )
        marks.append(_text(0, middle + 4, _short(name), "lane"))
        marks += [_episode(plot, row, middle, one.to_ms) for row in one.alerts if row.alert == name]
    return _svg(marks, plot.height, f"{len(one.alerts)} alerts over time")


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}\u2026"


def _episode(plot: _Plot, row: Episode, middle: float, to_ms: int) -> str:
    left = plot.time(row.start_ms)
    width = max(3.0, plot.time(to_ms if row.end_ms is None else row.end_ms) - left)
    what = f"{row.alert} {row.priority}: {moment(row.start_ms)}, {lasted(row.start_ms, row.end_ms)}"
    return (
        f"<g><title>{escape(what)}</title>"
        f'<rect class="{row.priority.lower()}{" open" if row.end_ms is None else ""}" x="{_n(left)}" '
        f'y="{_n(middle - 6)}" width="{_n(width)}" height="12" rx="2"/></g>'
    )


# -- parts of a chart ------------------------------------------------------------------------------------------


def _plot(
    times: tuple[int, int], values: tuple[float, float], height: float, size: tuple[int, int] = (WIDTH, _LEFT)
) -> _Plot:
    width, left = size
    return _Plot(Scale(times, (left, width - _RIGHT)), Scale(values, (height - _FOOT, _TOP)), height)


def _grid(plot: _Plot, ticks: Iterable[tuple[float, str]]) -> str:
    lines = []
    for value, name in ticks:
        y = plot.value(value)
        lines.append(f'<line class="grid" x1="{_n(plot.left)}" x2="{_n(plot.right)}" y1="{_n(y)}" y2="{_n(y)}"/>')
        lines.append(_text(plot.left - 7, y + 4, name, "tick end"))
    return "".join(lines)


def _times(plot: _Plot, most: int = 8) -> str:
    begin, end = (int(one) for one in plot.time.values)
    ticks = [(plot.time(at_ms), name) for at_ms, name in time_ticks(begin, end, most)]
    # A name at an edge would be cut off.
    return "".join(
        _text(x, plot.height - 6, name, "tick middle") for x, name in ticks if plot.left - 4 <= x <= plot.right - 12
    )


def _rule(plot: _Plot, value: float, kind: str) -> str:
    y = plot.value(value)
    return f'<line class="{kind}" x1="{_n(plot.left)}" x2="{_n(plot.right)}" y1="{_n(y)}" y2="{_n(y)}"/>'


def _path(plot: _Plot, piece: Points | list[tuple[int, float]], kind: str) -> str:
    return f'<path class="{kind}" d="M{_places(plot, piece)}"/>'


def _area(plot: _Plot, piece: list[tuple[int, float]]) -> str:
    """Between a line and zero; what lies below zero has another colour."""
    zero = plot.value(0.0)
    begin, end = _n(plot.time(piece[0][0])), _n(plot.time(piece[-1][0]))
    found = []
    for kind, is_side in (("above", max), ("below", min)):
        side = [(at_ms, is_side(0.0, value)) for at_ms, value in piece]
        if any(value for _, value in side):
            found.append(f'<path class="{kind}" d="M{begin} {_n(zero)}L{_places(plot, side)}L{end} {_n(zero)}Z"/>')
    return "".join(found)


def _places(plot: _Plot, piece: Iterable[tuple[int, float | None]]) -> str:
    return "L".join(f"{_n(plot.time(at))} {_n(plot.value(value))}" for at, value in piece if value is not None)


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{_n(x)}" y="{_n(y)}">{escape(text)}</text>'


def _svg(marks: Iterable[str], height: float, told: str, width: int = WIDTH) -> str:
    return (
        f'<svg viewBox="0 0 {width} {_n(height)}" role="img" aria-label="{escape(told, quote=True)}">'
        f"{''.join(marks)}</svg>"
    )


def _n(number: float) -> str:
    """A place to a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0")
