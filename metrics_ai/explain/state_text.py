"""What is known of a series, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from metrics_ai.event_listing import clock_text, number_text, range_text
from metrics_ai.explain.series_models import (
    BaselineState,
    DriftState,
    EpisodeState,
    MonthDayState,
    RuleState,
    SeasonState,
    SeriesState,
    WindowState,
)
from metrics_ai.explain.words import columns_text, duration_text, fields_text, indented, series_text, unit_text
from models.usual import month_day_text

MOST_ROWS: Final = 50
"""Series of a table."""
_HEAD: Final = ("series", "entity", "value", "score", "windows", "expected", "seen", "state")


def state_lines(one: SeriesState) -> list[str]:
    """All of one series."""
    lines = [series_text(one.metric, one.labels), "", *indented(fields_text(_identity(one)))]
    lines += ["", "Windows", *indented(_window_lines(one.windows, one.unit))]
    lines += ["", "Baseline", *indented(_baseline_lines(one.baseline, one.unit))]
    lines += ["", "Hours of the week", *indented(_season_lines(one.season, one.unit))]
    lines += ["", "Drift", *indented([_drift_text(one.drift)])]
    lines += ["", "Threshold rules", *indented(_rule_lines(one.rules))]
    lines += ["", "Episode", *indented(_episode_lines(one.episode))]
    return lines


def state_table(states: Sequence[SeriesState]) -> list[str]:
    """A line for each of several series, and how many more there are."""
    rows = [_row(one) for one in states[:MOST_ROWS]]
    more = len(states) - len(rows)
    tail = [f"and {more} more; name labels to see fewer"] if more > 0 else []
    return [*columns_text([_HEAD, *rows], right=[3]), *tail]


def _row(one: SeriesState) -> list[str]:
    finest = next((window for window in one.windows if window.phase == "ready"), None)
    return [
        series_text(one.metric, one.labels),
        one.entity,
        _number(one.value, one.unit),
        "-" if one.score is None else f"{one.score:.2f}",
        " ".join(window.window for window in one.windows if window.phase == "ready") or "-",
        "-" if finest is None else range_text(finest.expected),
        _clock(one.newest_ms),
        _state_text(one),
    ]


def _state_text(one: SeriesState) -> str:
    firing = [rule.name for rule in one.rules if rule.phase == "firing"]
    if one.episode is not None and one.episode.is_open:
        firing.insert(0, "anomalous")
    if firing:
        return ", ".join(firing)
    if all(window.phase == "off" for window in one.windows):
        return "not judged"
    return "calm" if any(window.phase == "ready" for window in one.windows) else "warming up"


def _identity(one: SeriesState) -> list[tuple[str, str]]:
    return [
        ("tenant", one.tenant),
        ("id", one.series_id),
        ("entity", one.entity),
        ("dimensions", ", ".join(f"{name}={value}" for name, value in one.dims.items())),
        ("type", one.type + (", judged as a rate per second" if one.type in ("counter", "delta") else "")),
        ("unit", one.unit),
        ("family", one.family),
        ("known since", _clock(one.first_ms)),
        ("normal since", "" if one.normal_since_ms is None else f"{clock_text(one.normal_since_ms)}, a level shift"),
        ("last sample", _clock(one.newest_ms)),
        ("interval", "" if one.interval_s is None else _interval_text(one.interval_s)),
        ("value", _number(one.value, one.unit)),
        ("score", "" if one.score is None else f"{one.score:.2f} (above 1.00 = anomalous)"),
    ]


def _baseline_lines(one: BaselineState, unit: str) -> list[str]:
    """Its version, the level before it, and the limits that were learned."""
    text = f"version {one.version}"
    if one.before is not None:
        text += f"; {_number(one.before, unit)} was normal before, until {_clock(one.until_ms)}"
    rows = [
        (window, f"{'distance ' if window == '7d' else ''}{_number(low, unit)}", _number(high, unit))
        for window, (low, high) in one.limits.items()
    ]
    return [text, "limits learned from what levels reach in a week:", *columns_text(rows)] if rows else [text]


def _interval_text(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds < 60 else duration_text(seconds * 1000)


def _clock(ms: int | None) -> str:
    return "-" if ms is None else clock_text(ms)


def _number(value: float | None, unit: str) -> str:
    return "-" if value is None else number_text(value) + unit_text(unit)


def _window_lines(windows: Sequence[WindowState], unit: str) -> list[str]:
    head = ["window", "state", "score", "center", "spread", f"expected{unit_text(unit)}", "buckets", ""]
    return columns_text([head, *(_window_row(one) for one in windows)], right=[2, 3, 4, 6])


def _window_row(one: WindowState) -> list[str]:
    notes = [one.why] if one.why else []
    if one.ready_ms is not None:
        notes.append(f"not before {clock_text(one.ready_ms)}")
    if one.left_out:
        notes.append(f"{one.left_out} left out: an anomaly fell into them")
    return [
        one.window,
        one.phase,
        "-" if one.score is None else f"{one.score:+.2f}",
        _number(one.center, ""),
        _number(one.spread, ""),
        range_text(one.expected),
        f"{one.buckets} of {one.of}",
        "; ".join(notes),
    ]


def _season_lines(season: SeasonState, unit: str) -> list[str]:
    """How many hours are known and how well; then each day of the month that differs from them."""
    lines = [_season_text(season, unit)]
    if season.month_days:
        lines += ["days of the month that differ:", *columns_text([_month_row(one, unit) for one in season.month_days])]
    return lines


def _month_row(one: MonthDayState, unit: str) -> list[str]:
    size = f"{abs(one.shift):.0%}" if one.is_share else _number(abs(one.shift), unit)
    way = "above" if one.shift > 0 else "below"
    return [
        month_day_text(one.day),
        f"{one.from_hour:02d} to {one.to_hour:02d} h",
        f"{size} {way} the usual",
        f"in {one.months} months running",
    ]


def _season_text(season: SeasonState, unit: str) -> str:
    known = f"{season.hours} of {season.of} known"
    if season.error is None:
        return f"{known}; none has been held against another yet"
    return f"{known}; {season.forecasts} came as usual but for {_number(season.error, unit)} on average"


def _drift_text(drift: DriftState | None) -> str:
    if drift is None:
        return "switched off"
    if drift.told is None:
        return (
            f"{drift.detector} has learned nothing yet: until the hours of the week are known it counts in spreads of "
            f"the {drift.reference} window, which has to speak first"
        )
    told = ", ".join(f"{name} {number_text(value)}" for name, value in drift.told.items())
    return f"{drift.detector} on means of minutes, in what would matter to the series: {told}"


def _rule_lines(rules: Sequence[RuleState]) -> list[str]:
    if not rules:
        return ["none watches it"]
    return columns_text([[one.name, one.condition, _rule_text(one)] for one in rules])


def _rule_text(one: RuleState) -> str:
    if one.since_ms is None:
        return one.phase
    word = "holds" if one.phase == "pending" else one.phase
    return f"{word} since {clock_text(one.since_ms)}"


def _episode_lines(episode: EpisodeState | None) -> list[str]:
    if episode is None:
        return ["none: it is calm"]
    way = {"up": "above", "down": "below"}.get(episode.direction, "outside")
    since = clock_text(episode.started_ms)
    if not episode.is_open:
        return [f"evidence gathers: {way} what is expected since {since}, {episode.evidence:.1f} so far"]
    windows = " ".join(episode.agreed) or "none"
    return [
        f"anomalous since {since}, {way} what is expected, {episode.severity}",
        f"peak score {episode.peak_score:.2f}; windows that said so: {windows}",
        f"metrics-ai explain {episode.id}",
    ]
