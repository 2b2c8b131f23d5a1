"""A notification in words, for whatever shows them: sections of lines, and times as people read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from integrations.delivery.limits import one_line, web_address
from models.explain import duration
from schemas.change_events import NearestChange
from schemas.notification_events import (
    Notification,
    NotificationContext,
    NotifiedAlert,
    NotifiedConfidence,
    SignalExcerpt,
)

SHOWN_ALERTS: Final = 20
# Of five minutes each, in an hour; beside the newest value.
SPARK_COLUMNS: Final = 12
_TICKS: Final = "▁▂▃▄▅▆▇█"
_SOURCE_LABELS: Final = ("instance", "node", "host", "pod", "service", "job", "cluster")


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and its lines."""

    heading: str
    lines: tuple[str, ...]


def at(ms: int) -> str:
    """A time for people, in UTC.

    Examples
    --------
    >>> at(1_772_323_200_000)
    '2026-03-01 00:00:00 UTC'
    """
    return _time(ms).strftime("%Y-%m-%d %H:%M:%S UTC")


def rfc3339(ms: int) -> str:
    """A time for programs.

    Examples
    --------
    >>> rfc3339(1_772_323_200_250)
    '2026-03-01T00:00:00.250Z'
    """
    return _time(ms).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _time(ms: int) -> datetime:
    # A year that no calendar has is shown as the last one that it has.
    seconds = min(ms / 1000, 253_402_300_799.0)
    return datetime.fromtimestamp(seconds, UTC)


def headline(notification: Notification) -> str:
    """What it is, in a line."""
    state = "Resolved" if notification.status == "resolved" else notification.priority
    return f"[{state}] {one_line(notification.title) or 'untitled'}"


def source_of(notification: Notification) -> str:
    """What is affected: the first alert's instance, node or service; who tells, where it names none."""
    labels = {**notification.common_labels, **(notification.alerts[0].labels if notification.alerts else {})}
    return next((one_line(labels[name]) for name in _SOURCE_LABELS if one_line(labels.get(name, ""))), "metrics-ai")


def alert_line(alert: NotifiedAlert) -> str:
    """An alert in a line."""
    summary = alert.annotations.get("summary") or alert.labels.get("alertname") or alert.alert_id
    ended = f", ended {at(alert.ended_ms)}" if alert.ended_ms is not None else ""
    return one_line(f"{alert.priority} {alert.state}: {summary} (since {at(alert.started_ms)}{ended})")


def change_line(change: NearestChange) -> str:
    """A change in a line."""
    by = f" by {change.by}" if change.by else ""
    return one_line(f"{change.kind} {change.what}{by} at {at(change.at_ms)}")


def sections(notification: Notification, shown_alerts: int = SHOWN_ALERTS) -> list[Section]:
    """All that is told, in the order in which people need it; what is empty is left out."""
    found = [
        Section("Why now", (one_line(notification.reason),) if notification.reason else ()),
        Section("On call", tuple(one_line(one) for one in notification.assignees)),
        Section("Alerts", _alert_lines(notification, shown_alerts)),
        *(_estimates(notification) if notification.status == "firing" else ()),
        *_context_sections(notification.context or NotificationContext()),
        Section("Common labels", _pairs(notification.common_labels.items())),
    ]
    return [section for section in found if section.lines]


def _alert_lines(notification: Notification, shown: int) -> tuple[str, ...]:
    lines = [alert_line(alert) for alert in notification.alerts[:shown]]
    more = len(notification.alerts) - len(lines) + notification.truncated_alerts
    return (*lines, f"and {more} more") if more else tuple(lines)


def _context_sections(context: NotificationContext) -> Sequence[Section]:
    return (
        Section("Forecast", tuple(one_line(one) for one in context.forecasts)),
        Section("Objectives", tuple(one_line(one) for one in context.budgets)),
        Section("Changes", tuple(change_line(change) for change in context.changes)),
        Section("Signals", tuple(_signal_line(signal) for signal in context.signals)),
        Section("Runbooks", tuple(one_line(one) for one in context.runbooks)),
        Section("Links", tuple(f"{name}: {address}" for name, address in links_of(context))),
        Section("Left out", ("Something was left out to stay within the size of a notification.",) * context.truncated),
    )


def _signal_line(excerpt: SignalExcerpt) -> str:
    where = "" if excerpt.entity == "unknown" else f" of {excerpt.entity.replace(':', ' ', 1)}"
    name = f"{excerpt.signal}{where}"
    if not excerpt.points:
        return one_line(name)
    values = [value for _, value in excerpt.points]
    last = f"{values[-1]:.4g} {'' if excerpt.unit == '1' else excerpt.unit}".strip()
    if len(values) == 1:
        return one_line(f"{name}: {last}")
    span = f"in the hour before from {min(values):.4g} to {max(values):.4g}"
    return one_line(f"{name}: {sparkline(excerpt.points)} {last} at {at(excerpt.points[-1][0])}, {span}")


def sparkline(points: Sequence[tuple[int, float]]) -> str:
    """Points as a line of text: a column a stretch of time, as high as the mean in it; the last is the newest value.

    Longer stretches without a point are dots.

    Examples
    --------
    >>> sparkline([(0, 1.0), (60, 1.0), (120, 2.0), (180, 9.0)])
    '▁▁▂█'
    >>> sparkline([(0, 5.0), (60, 5.0)])
    '▁▁'
    """
    # A quarter of each: the sum of the largest numbers is no number.
    *before, newest = [(at_ms, value / 4) for at_ms, value in points]
    width = min(SPARK_COLUMNS, len(before))
    first_ms, last_ms = before[0][0], before[-1][0]
    columns: list[list[float]] = [[] for _ in range(width)]
    for at_ms, value in before:
        place = (at_ms - first_ms) * width // max(1, last_ms - first_ms)
        columns[min(width - 1, max(0, place))].append(value)
    means = [sum(one / len(values) for one in values) if values else None for values in columns]
    means = [*_bridged(means), newest[1]]
    known = [mean for mean in means if mean is not None]
    low, high = min(known), max(known)
    return "".join("·" if mean is None else _TICKS[_height(mean, low, high)] for mean in means)


def _bridged(means: Sequence[float | None]) -> list[float | None]:
    # A mean of five minutes may stand for a little more than a column: one that is empty between two is as that before.
    filled = list(means)
    for place in range(1, len(means) - 1):
        if means[place] is None and means[place + 1] is not None:
            filled[place] = means[place - 1]
    return filled


def _height(value: float, low: float, high: float) -> int:
    return round((value - low) / (high - low) * (len(_TICKS) - 1)) if high > low else 0


def _estimates(notification: Notification) -> Sequence[Section]:
    return (
        Section("How sure", _confidence_lines(notification.confidence)),
        Section("Windows", tuple(one_line(f"{name}: {told}") for name, told in notification.windows.items())),
    )


def _between(low: float | None, high: float | None) -> str:
    if high is None:
        return f"{duration(low or 0.0)} or more"
    return f"up to {duration(high)}" if low is None else f"{duration(low)} to {duration(high)}"


def _confidence_lines(found: NotifiedConfidence | None) -> tuple[str, ...]:
    if found is None:
        return ()
    lines = [] if found.value is None else [f"{100 * found.value:.0f} % likely to be a real one"]
    if found.of == "seconds_left" and found.level is not None:
        lines.append(f"time left, in {100 * found.level:.0f} % of such cases: {_between(found.lo, found.hi)}")
    return tuple(lines)


def links_of(context: NotificationContext | None) -> list[tuple[str, str]]:
    """Names and addresses that can be followed."""
    if context is None:
        return []
    return [(one_line(name) or address, address) for name, address in context.links.items() if web_address(address)]


def _pairs(items: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(one_line(f"{name} = {value}") for name, value in sorted(items))


def as_text(told: Sequence[Section]) -> str:
    """Sections as plain text.

    Examples
    --------
    >>> print(as_text([Section("Why now", ("It is new.",)), Section("Alerts", ("a", "b"))]))
    Why now
    - It is new.
    <BLANKLINE>
    Alerts
    - a
    - b
    """
    return "\n\n".join("\n".join([section.heading, *(f"- {line}" for line in section.lines)]) for section in told)
