"""Numbers and times of a report, for people. All times are UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from schemas.slo_events import TimeToExhaustion
from slo.report.model import Objective
from slo.words import time_text

NOTHING: Final = "-"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SIZES: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"))


def moment(at_ms: int) -> str:
    """A time to the second.

    Examples
    --------
    >>> moment(1_790_035_205_000)
    '2026-09-22 00:00:05'
    """
    return f"{_EPOCH + timedelta(milliseconds=at_ms // 1000 * 1000):%Y-%m-%d %H:%M:%S}"


def day(at_ms: int) -> str:
    """A day.

    Examples
    --------
    >>> day(1_790_035_205_000)
    '2026-09-22'
    """
    return moment(at_ms)[:10]


def share(value: float | None, digits: int = 6) -> str:
    """A share in percent.

    Examples
    --------
    >>> share(0.9944444), share(-0.388246, 4), share(None)
    ('99.4444 %', '-38.82 %', '-')
    """
    return NOTHING if value is None else f"{100 * value:.{digits}g} %"


def against(value: float | None, target: float) -> str:
    """A share with so many digits that it does not seem to reach a target which it misses.

    Examples
    --------
    >>> against(0.99899999, 0.999), against(0.9944444, 0.999)
    ('99.899999 %', '99.4444 %')
    """
    digits = 6
    while value is not None and digits < 12 and (float(f"{value:.{digits}g}") >= target) != (value >= target):
        digits += 1
    return share(value, digits)


def count(value: float | None) -> str:
    """A number of events.

    Examples
    --------
    >>> count(12_000.0), count(2_160_000.0), count(2.5)
    ('12,000', '2.16 M', '2.5')
    """
    if value is None:
        return NOTHING
    for size, letter in _SIZES:
        if abs(value) >= size:
            return f"{value / size:.4g} {letter}"
    return f"{value:,.0f}" if value == round(value) else f"{value:,.6g}"


def rate(value: float | None) -> str:
    """A burn rate.

    Examples
    --------
    >>> rate(33.3333), rate(0.0)
    ('33.3', '0')
    """
    return NOTHING if value is None else f"{value:.3g}"


def lasted(start_ms: int, end_ms: int | None) -> str:
    """How long something lasted."""
    return "open" if end_ms is None else time_text((end_ms - start_ms) / 1000)


def exhaustion(one: Objective) -> tuple[str, str]:
    """When the budget ends at the pace of late, and between when and when four times out of five.

    A budget that is gone is gone for some time; one that does not burn lasts.
    """
    left = one.budget.remaining_of_period
    if left is None:
        return NOTHING, "nothing was measured"
    if left <= 0:
        return "spent", "nothing is left of it"
    found = one.exhausted_in
    if found is None or found.p50_s is None:
        return "not in sight", _interval(found) or "it hardly burns"
    return time_text(found.p50_s), _interval(found)


def _interval(found: TimeToExhaustion | None) -> str:
    if found is None or found.low_80_s is None:
        return ""
    latest = "or more" if found.high_80_s is None else f"to {time_text(found.high_80_s)}"
    return f"80 %: {time_text(found.low_80_s)} {latest}"
