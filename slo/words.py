"""An SLO in words and round numbers, for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from slo.budget import budget_of
from slo.definition import (
    BucketIndicator,
    BurnTier,
    DerivedIndicator,
    Operator,
    RatioIndicator,
    RollingWindow,
    Slo,
    ThresholdIndicator,
    TimeWindow,
)
from slo.durations import DAY_S, duration_text
from slo.profiles import outage_s, period_s, tiers_of

_SIGNS: Final[dict[Operator, str]] = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_DERIVED: Final = {
    "node_health": "nodes without a critical anomaly, of all nodes",
    "alert_feedback": "alerts that needed action, of those that somebody judged",
    "network_utilisation": "samples of network interfaces' use of their speed",
}
ALERT_NAMES: Final[Mapping[str, str]] = {
    "burn": "SloBurn",
    "budget": "SloBudgetLow",
    "sla": "SloBroken",
    "no_data": "SloNoData",
}
"""What alerts of objectives are called, by their kind, wherever they are told."""
_BUDGETS_S: Final = (DAY_S, 7 * DAY_S, 30 * DAY_S)


def percent(share: float) -> str:
    """A share in percent, without the noise of binary fractions.

    Examples
    --------
    >>> percent(0.9995), percent(14.4 * (1 - 0.999))
    ('99.95 %', '1.44 %')
    """
    return f"{share * 100:.8g} %"


def window_text(window: TimeWindow) -> str:
    """A time window.

    Examples
    --------
    >>> window_text(RollingWindow(duration_s=2_592_000))
    '30d'
    """
    if isinstance(window, RollingWindow):
        return duration_text(window.duration_s)
    count = f"{window.count} {window.unit}s" if window.count > 1 else window.unit
    return f"calendar {count} of {window.time_zone} from {window.start}"


def time_text(seconds: float) -> str:
    """A length of time.

    Examples
    --------
    >>> [time_text(seconds) for seconds in (51.84, 2592.0, 25_920.0)]
    ['51.84 s', '43.2 min', '7.2 h']
    """
    for unit, size in (("d", DAY_S), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.4g} {unit}"
    return f"{seconds:.4g} s"


def indicator_text(slo: Slo) -> str:
    """What is good."""
    match slo.indicator:
        case RatioIndicator(good=good, bad=bad, total=total):
            side = f"all but {bad.select}" if bad is not None else good.select if good is not None else ""
            return f"{side}, of {total.select}"
        case BucketIndicator(histogram=histogram, le=le):
            return f"events of {histogram.select} up to {le:g}"
        case ThresholdIndicator(source=source, op=op, value=value, quantile=quantile):
            what = "samples" if quantile is None else f"the p{quantile * 100:g}"
            return f"{what} of {source.select} {_SIGNS[op]} {value:g}"
        case DerivedIndicator(source=derived, selector=selector, op=op, value=value):
            compared = f" {_SIGNS[op]} {value:g}" if op is not None else ""
            return f"{_DERIVED[derived]}{compared}" + (f" {selector}" if selector != "{}" else "")


def objective_text(slo: Slo) -> str:
    """What share of what must be good, over which time."""
    slices = duration_text(slo.slice_s)
    what = {
        "Occurrences": "of events are good",
        "Timeslices": f"of slices of {slices} are good",
        "RatioTimeslices": f"is the mean of the good shares of slices of {slices}",
    }[slo.method]
    whole = isinstance(slo.indicator, ThresholdIndicator) and slo.indicator.quantile is not None
    if slo.method == "Timeslices" and slo.slice_target is not None and not whole:
        what += f", those in which {percent(slo.slice_target)} of events are"
    return f"{percent(slo.target)} {what}, over {window_text(slo.window)}"


def budgets_s(slo: Slo) -> dict[str, float]:
    """By window, how long everything may be bad, at even traffic: a day's, a week's, 30 days' and the SLO's own."""
    sizes = sorted({*_BUDGETS_S, period_s(slo.window)})
    return {duration_text(size): round(size * budget_of(slo.target), 6) for size in sizes}


@dataclass(frozen=True, slots=True)
class TierRow:
    """A tier of an SLO.

    Parameters
    ----------
    tier
        The tier.
    error_ratio
        Above which share of bad events it speaks.
    budget_share
        Which share of the budget is gone when the long window has been so bad throughout.
    outage_s
        How long everything must be bad until it speaks; None if it never does.
    """

    tier: BurnTier
    error_ratio: float
    budget_share: float
    outage_s: float | None


def tier_rows(slo: Slo) -> Sequence[TierRow]:
    """The tiers of an SLO, with what they come to."""
    period = period_s(slo.window)
    return [
        TierRow(
            tier,
            _round(tier.factor * budget_of(slo.target)),
            _round(tier.factor * tier.long_s / period),
            None if (seconds := outage_s(tier, slo.target)) is None else _round(seconds),
        )
        for tier in tiers_of(slo.alerts, period)
    ]


def _round(number: float) -> float:
    """A number to twelve digits, which is what binary fractions are good for."""
    return round(number, 11 - math.floor(math.log10(number)))
