"""What is told of a series: its windows, versions of what is normal, hours, drift detector, rules and episode."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.base import Finite
from schemas.events import Direction, Range, Severity, WindowName

WindowPhase = Literal["ready", "warming up", "off"]
RulePhase = Literal["firing", "pending", "quiet", "ended"]


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True)


class WindowState(_Shown):
    """One window of a series.

    Parameters
    ----------
    phase, why
        Whether it speaks; if not, what it waits for.
    ready_ms
        When it may speak, where that is only a matter of time.
    score
        Of the newest value, signed; above 1.0 or below -1.0 is anomalous.
    center, spread, expected
        What is normal, as of ``refreshed_ms``.
    buckets, of, left_out
        Closed buckets that it holds, how many it can hold, and those left out since an anomaly fell into them.
    """

    window: WindowName
    phase: WindowPhase
    why: str = ""
    ready_ms: int | None = None
    score: Finite | None = None
    center: Finite | None = None
    spread: Finite | None = None
    expected: Range | None = None
    refreshed_ms: int | None = None
    buckets: int
    of: int
    left_out: int


class RuleState(_Shown):
    """A threshold rule that watches the series; ``since_ms`` is when its condition began to hold."""

    name: str
    condition: str
    phase: RulePhase
    since_ms: int | None = None
    peak_score: Finite | None = None


class DriftState(_Shown):
    """The drift detector, and what it has learned by name; nothing where it has not begun."""

    detector: str
    reference: WindowName
    told: dict[str, Finite] | None


class MonthDayState(_Shown):
    """A day of the month that is known to differ from its hours of the week.

    Parameters
    ----------
    day
        From 1 on counted from the month's start; from -1 on, its last day, from its end.
    from_hour, to_hour
        Of the day, where the calendar is; the latter is no more part of it.
    shift
        By how much these hours differ, in the series' unit or, if ``is_share``, as a share of what is usual.
    months
        How often in a row it came.
    """

    day: int
    from_hour: int
    to_hour: int
    shift: Finite
    is_share: bool
    months: int


class SeasonState(_Shown):
    """What is known of the hours of the week, and by how much hours differ from what was usual, on average.

    Parameters
    ----------
    hours, of
        How many have been seen.
    forecasts
        Hours that were held against what was usual before them.
    error
        The mean distance of an hour's mean from it; None without a forecast.
    month_days
        Days of the month that are known.
    """

    hours: int
    of: int
    forecasts: int
    error: Finite | None
    month_days: list[MonthDayState] = []


class BaselineState(_Shown):
    """Versions of what is normal, and limits that were learned from what the levels reached.

    Parameters
    ----------
    version
        How many levels were accepted so far.
    before, until_ms
        The level that was normal before the last accepted one, and when that was accepted; None where none is kept.
    limits
        By window: the least and the most that its level may reach; those of 7d are distances from what is usual.
    """

    version: int
    before: Finite | None = None
    until_ms: int | None = None
    limits: dict[WindowName, tuple[Finite, Finite]]


class EpisodeState(_Shown):
    """An open anomaly, or evidence of one that gathers."""

    id: str | None
    is_open: bool
    started_ms: int
    direction: Direction
    severity: Severity
    peak_score: Finite
    evidence: Finite
    agreed: list[WindowName]


class SeriesState(_Shown):
    """All of a series."""

    tenant: str
    series_id: str
    metric: str
    labels: dict[str, str]
    dims: dict[str, str]
    entity: str
    type: str
    unit: str
    family: str
    first_ms: int | None
    normal_since_ms: int | None
    newest_ms: int | None
    interval_s: float | None
    value: Finite | None
    score: Finite | None
    windows: list[WindowState]
    baseline: BaselineState
    season: SeasonState
    drift: DriftState | None
    rules: list[RuleState]
    episode: EpisodeState | None
