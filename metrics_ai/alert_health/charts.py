"""The charts of the report on alerts as SVG inside a page, which gives them their colours by class."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from metrics_ai.alert_health.gather import PAGES_A_SHIFT, AlertHealth
from schemas.topics import DAY_MS
from slo.report.axes import Scale, value_ticks
from slo.report.wording import day, moment

_WIDTH, _LEFT, _RIGHT, _TOP, _FOOT, _HEIGHT = 920, 60, 8, 10, 22, 150
_MOST_NAMES: Final = 10
_PRIORITIES: Final = ("P0", "P1", "P2", "P3")


def days_chart(health: AlertHealth) -> str:
    """Alerts that began, a bar a day, its parts by priority."""
    bars: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for one in health.days:
        bars[one.start_ms or 0][one.group] += one.alerts
    first = health.since_ms - health.since_ms % DAY_MS
    starts = range(first, health.until_ms, DAY_MS)
    stacks = [(day(at), {name: bars[at][name] for name in _PRIORITIES} if at in bars else {}) for at in starts]
    return _stacked(stacks, "alerts by day")


def shifts_chart(health: AlertHealth) -> str:
    """Pages of the receiver that got the most, a bar a shift that had one; the line is at two."""
    most: dict[int, int] = defaultdict(int)
    for one in health.shifts:
        most[one.start_ms] = max(most[one.start_ms], one.pages)
    stacks = [(moment(at)[:16], {"P0": float(pages)}) for at, pages in sorted(most.items())]
    return _stacked(stacks, "pages by shift", PAGES_A_SHIFT)


def weeks_chart(health: AlertHealth) -> str:
    """Share of the judged that needed action, with its interval, by week."""
    known = [(number, one) for number, one in enumerate(health.weeks) if one.accuracy is not None]
    judged = [
        (number, week.start_ms, week.accuracy.actioned)
        for number, week in known
        if week.accuracy is not None and week.accuracy.labelled
    ]
    if not judged:
        return ""
    across = Scale((0, max(1, len(health.weeks))), (_LEFT, _WIDTH - _RIGHT))
    up = Scale((0.0, 1.0), (_HEIGHT - _FOOT, _TOP))
    marks = _grid(up, ((tick, f"{100 * tick:.0f} %") for tick in (0.0, 0.5, 1.0)))
    for number, start_ms, ratio in judged:
        x, share = across(number + 0.5), ratio.share or 0.0
        told = f"from {day(start_ms)}: {100 * share:.0f} %, {100 * ratio.low:.0f} to {100 * ratio.high:.0f} %, "
        marks += (
            f"<g><title>{told}{ratio.of} judged</title>"
            f'<line class="zero" x1="{_n(x)}" x2="{_n(x)}" y1="{_n(up(ratio.low))}" y2="{_n(up(ratio.high))}"/>'
            f'<circle class="dot" cx="{_n(x)}" cy="{_n(up(share))}" r="4"/></g>'
        )
    marks += _names([(across(number + 0.5), day(week.start_ms)) for number, week in enumerate(health.weeks)])
    return _svg(marks, "share of judged alerts that needed action, by week")


def _stacked(stacks: Sequence[tuple[str, Mapping[str, float]]], told: str, rule: float | None = None) -> str:
    highest = max((sum(parts.values()) for _, parts in stacks), default=0.0)
    if not highest:
        return ""
    across = Scale((0, len(stacks)), (_LEFT, _WIDTH - _RIGHT))
    up = Scale((0.0, max(highest, rule or 0.0)), (_HEIGHT - _FOOT, _TOP))
    width = min(44.0, 0.72 * (across(1) - across(0)))
    marks = _grid(up, ((tick, f"{tick:g}") for tick in value_ticks(0.0, up.values[1], 3)))
    for number, (name, parts) in enumerate(stacks):
        marks += _bar(across(number + 0.5) - width / 2, width, up, name, parts)
    if rule is not None:
        y = _n(up(rule))
        marks += f'<line class="threshold" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
    marks += _names([(across(number + 0.5), name[:10]) for number, (name, _) in enumerate(stacks)])
    return _svg(marks, told)


def _bar(left: float, width: float, up: Scale, name: str, parts: Mapping[str, float]) -> str:
    told = ", ".join(f"{count:g} {part}" for part, count in parts.items() if count)
    drawn, base = "", 0.0
    for part, count in parts.items():
        top = up(base + count)
        drawn += (
            f'<rect class="{part.lower()}" x="{_n(left)}" y="{_n(top)}" width="{_n(width)}" '
            f'height="{_n(up(base) - top)}"/>'
        )
        base += count
    return f"<g><title>{name}: {told or 'none'}</title>{drawn}</g>"


def _grid(up: Scale, ticks: Iterable[tuple[float, str]]) -> str:
    marks = ""
    for value, name in ticks:
        y = up(value)
        marks += f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{_n(y)}" y2="{_n(y)}"/>'
        marks += f'<text class="tick end" x="{_LEFT - 7}" y="{_n(y + 4)}">{name}</text>'
    return marks


def _names(places: Sequence[tuple[float, str]]) -> str:
    every = -(-len(places) // _MOST_NAMES)
    return "".join(
        f'<text class="tick middle" x="{_n(x)}" y="{_HEIGHT - 6}">{name}</text>' for x, name in places[::every]
    )


def _svg(marks: str, told: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{told}">{marks}</svg>'


def _n(number: float) -> str:
    """A place to a tenth of a pixel."""
    return f"{number:.1f}".removesuffix(".0")
