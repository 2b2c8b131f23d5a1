"""Burn-rate tiers: the windows and factors at which an objective speaks, for a period of any length.

A factor is ``share of the budget * period / long window``: the pace at which that share is gone when the long window
is over (https://sre.google/workbook/alerting-on-slos/). The profiles:

``google``
    The Workbook's: 2 % in 1 h, 5 % in 6 h, 10 % in 1 d, 10 % in 3 d.
``sloth``
    The same, and for a week the set that Sloth ships for it: 8 %, 12.5 %, 20 %, 42 %.
``pyrra``
    Factors of 14, 7, 2 and 1; the windows (1 h, 6 h, 1 d, 4 d of 28 d) stretch with the period instead.
``custom``
    The tiers that stand in the definition.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final, NamedTuple

from slo.budget import budget_of
from slo.definition import OCCURRENCES_SLICE_S, AlertPolicy, BurnTier, CalendarUnit, Priority, TimeWindow

_HOUR_S: Final = 3600
_DAY_S: Final = 86_400
_WEEK_S: Final = 7 * _DAY_S
_MONTH_S: Final = 30 * _DAY_S
_SHORTEST_LONG_S: Final = 60
_LEAST_FACTOR: Final = 0.9
"""Below the pace at which the budget just lasts there is nothing to say; the 0.9333 of 28 days is published."""

_UNIT_S: Final[Mapping[CalendarUnit, int]] = {
    "day": _DAY_S,
    "week": _WEEK_S,
    "month": _MONTH_S,
    "quarter": 3 * _MONTH_S,
    "year": 365 * _DAY_S,
}


class _Row(NamedTuple):
    name: str
    priority: Priority
    long_s: int
    short_s: int
    size: float
    """The budget's share, of pyrra the factor."""


_GOOGLE: Final = (
    _Row("page-quick", "P0", _HOUR_S, 300, 0.02),
    _Row("page-slow", "P1", 6 * _HOUR_S, 1800, 0.05),
    _Row("ticket-quick", "P2", _DAY_S, 2 * _HOUR_S, 0.10),
    _Row("ticket-slow", "P2", 3 * _DAY_S, 6 * _HOUR_S, 0.10),
)
TIER_NAMES: Final = tuple(row.name for row in _GOOGLE)
"""Of every profile, the most urgent first."""
# https://github.com/slok/sloth/blob/main/examples/windows/7d.yaml
_SLOTH_WEEK: Final = tuple(
    row._replace(size=share) for row, share in zip(_GOOGLE, (0.08, 0.125, 0.20, 0.42), strict=True)
)
# https://github.com/pyrra-dev/pyrra/blob/main/slo/rules.go, ``Windows``: these are its windows of 28 days.
_PYRRA: Final = (
    _Row("page-quick", "P0", _HOUR_S, 300, 14.0),
    _Row("page-slow", "P1", 6 * _HOUR_S, 1800, 7.0),
    _Row("ticket-quick", "P2", _DAY_S, 2 * _HOUR_S, 2.0),
    _Row("ticket-slow", "P2", 4 * _DAY_S, 6 * _HOUR_S, 1.0),
)


def period_s(window: TimeWindow) -> int:
    """How long an objective's window is; a calendar month counts as 30 days here, whatever it has.

    Examples
    --------
    >>> from slo.definition import CalendarWindow
    >>> period_s(CalendarWindow(unit="month", start="2026-01-01 00:00:00")) // 86400
    30
    """
    return window.duration_s if window.kind == "rolling" else window.count * _UNIT_S[window.unit]


def tiers_of(policy: AlertPolicy, window_s: int) -> tuple[BurnTier, ...]:
    """The tiers of a policy for a period of so many seconds, the most urgent first.

    Below a week the windows of ``google`` and ``sloth`` shrink with the period, since an hour of a day is a large
    part of its budget anyway. A tier whose factor would be below 0.9 is left out: at that pace no budget ends. So are
    those that the policy does not name, where it names some.

    Examples
    --------
    >>> [round(tier.factor, 4) for tier in tiers_of(AlertPolicy(), 28 * 86_400)]
    [13.44, 5.6, 2.8, 0.9333]
    >>> [(tier.long_s, tier.short_s) for tier in tiers_of(AlertPolicy(), 86_400)]
    [(120, 10), (720, 60), (2880, 240), (8640, 720)]
    >>> [tier.name for tier in tiers_of(AlertPolicy(only=("page-quick",)), 86_400)]
    ['page-quick']
    """
    if policy.only:
        every = tiers_of(policy.model_copy(update={"only": ()}), window_s)
        return tuple(tier for tier in every if tier.name in policy.only)
    match policy.profile:
        case "custom":
            return policy.tiers
        case "pyrra":
            return tuple(_pyrra_tier(row, window_s / (28 * _DAY_S)) for row in _PYRRA)
        case "sloth" if window_s == _WEEK_S:
            rows = _SLOTH_WEEK
        case _:
            rows = _GOOGLE if window_s >= _WEEK_S else tuple(_scaled(row, window_s / _MONTH_S) for row in _GOOGLE)
    tiers = (_tier(row, row.size * window_s / row.long_s) for row in rows)
    return tuple(tier for tier in tiers if tier.factor >= _LEAST_FACTOR)


def _tier(row: _Row, factor: float) -> BurnTier:
    return BurnTier(name=row.name, long_s=row.long_s, short_s=row.short_s, factor=factor, priority=row.priority)


def _scaled(row: _Row, by: float) -> _Row:
    """A row of other windows, on whole slices."""
    step = OCCURRENCES_SLICE_S
    long_s = max(_SHORTEST_LONG_S, round(row.long_s * by / step) * step)
    return row._replace(long_s=long_s, short_s=max(step, round(row.short_s * by / step) * step))


def _pyrra_tier(row: _Row, by: float) -> BurnTier:
    """Windows in whole minutes, halves up, as Pyrra has them; but never none, which it leaves of short periods."""
    minutes = [max(1, math.floor(seconds * by / 60 + 0.5)) for seconds in (row.long_s, row.short_s)]
    return _tier(row._replace(long_s=60 * minutes[0], short_s=60 * minutes[1]), row.size)


def outage_s(tier: BurnTier, target: float) -> float | None:
    """How long everything must be bad, after all was good, until a tier speaks; None if it never can.

    The long window decides: the short one is full of what is bad sooner.

    Examples
    --------
    >>> [round(outage_s(tier, 0.999), 2) for tier in tiers_of(AlertPolicy(), 30 * 86_400)][:2]
    [51.84, 129.6]
    >>> outage_s(BurnTier(name="page", long_s=3600, short_s=300, factor=14.4, priority="P0"), 0.9)
    """
    ratio = tier.factor * budget_of(target)
    return ratio * tier.long_s if ratio < 1.0 else None
