"""Figures of alerts and incidents, for people."""

from __future__ import annotations

from typing import Final

from integrations.records.sre_health import Accuracy, Ratio, RepairTimes, Spread
from metrics_ai.event_listing import duration_text
from slo.report.wording import NOTHING, share

REPAIR_HEAD: Final = ("", "incidents", "to detect", "to acknowledge", "to mitigate", "to resolve")
ACCURACY_HEAD: Final = ("", "alerts", "judged", "needed action", "false", "duplicate")


def ratio_text(one: Ratio) -> str:
    """A share with its 95 % interval and how many it rests on.

    Examples
    --------
    >>> ratio_text(Ratio.wilson(8, 10)), ratio_text(Ratio.wilson(0, 0))
    ('80 % (49 to 94 %)', '-')
    """
    if one.share is None:
        return NOTHING
    return f"{share(one.share, 3)} ({100 * one.low:.0f} to {100 * one.high:.0f} %)"


def spread_text(one: Spread) -> str:
    """Durations: the median with its 95 % interval, nine tenths, the mean, and of how many.

    Examples
    --------
    >>> spread_text(Spread.of([60.0, 120.0, 600.0])), spread_text(Spread(0))
    ('2 min, 90 %: 8 min 24 s, mean 4 min 20 s, n=3', '-')
    >>> spread_text(Spread.of([60.0 * value for value in range(1, 21)]))
    '10 min 30 s (6 min to 15 min), 90 %: 18 min 6 s, mean 10 min 30 s, n=20'
    """
    if one.median_s is None or one.mean_s is None or one.p90_s is None:
        return NOTHING
    between = ""
    if one.median_low_s is not None and one.median_high_s is not None:
        between = f" ({_took(one.median_low_s)} to {_took(one.median_high_s)})"
    return f"{_took(one.median_s)}{between}, 90 %: {_took(one.p90_s)}, mean {_took(one.mean_s)}, n={one.n}"


def _took(seconds: float) -> str:
    return duration_text(seconds * 1000)


def repair_row(one: RepairTimes) -> list[str]:
    """A group's repair times, as ``REPAIR_HEAD`` names them."""
    spreads = (one.detect, one.acknowledge, one.mitigate, one.resolve)
    return [one.group or NOTHING, str(one.incidents), *map(spread_text, spreads)]


def accuracy_row(one: Accuracy) -> list[str]:
    """A group's accuracy, as ``ACCURACY_HEAD`` names it."""
    ratios = (one.actioned, one.false, one.duplicate)
    return [one.group or NOTHING, str(one.alerts), str(one.labelled), *map(ratio_text, ratios)]
