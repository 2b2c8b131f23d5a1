"""What an ``SloStatus`` says, as samples of Prometheus.

Names and labels are Sloth's where Sloth has made one customary, so that dashboards and rules made for Sloth find what
they look for; the rest is called ``metrics_ai_slo_...``. Sloth's own names and labels:
https://github.com/slok/sloth/blob/main/internal/prometheus/recording_rules.go
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from schemas.events import Priority
from schemas.slo_events import BudgetShare, PeriodBudget, SloStatus, TimeToExhaustion, WindowBurn
from slo.durations import DAY_S, duration_text
from slo.sloth import SEVERITIES, SLOTH_LABELS, info_labels, sloth_labels
from slo.words import ALERT_NAMES

MAX_SPENDERS: Final = 3
SLO_LABELS: Final = ("tenant", "service", "slo", *SLOTH_LABELS)
"""Of every sample: ours, and Sloth's for the same."""
_ALERT_KINDS: Final = {"no-data": "no_data", "sla": "sla"}

Labels = tuple[tuple[str, str], ...]


class Sample(NamedTuple):
    """A value of a series, at the status's time.

    Parameters
    ----------
    name
        The metric.
    labels
        All others, none of them empty.
    value
        Finite.
    """

    name: str
    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Family:
    """A metric that is served.

    Parameters
    ----------
    name
        As it is served; ``<window>`` stands for a length like 1h.
    text
        What it says.
    labels
        Beside ``SLO_LABELS``.
    """

    name: str
    text: str
    labels: tuple[str, ...] = ()


_ERROR_RATIO: Final = Family("slo:sli_error:ratio_rate<window>", "Bad of all events of a window.", ("sloth_window",))
_BAD_COUNT: Final = Family("slo:sli_bad:count<window>", "Bad events of a window.")
_TOTAL_COUNT: Final = Family("slo:sli_total:count<window>", "All events of a window.")
_OBJECTIVE: Final = Family("slo:objective:ratio", "The target.")
_BUDGET: Final = Family("slo:error_budget:ratio", "What the target leaves to fail.")
_DAYS: Final = Family("slo:time_period:days", "Length of the objective's own period.")
_BURN: Final = Family("slo:current_burn_rate:ratio", "Burn rate of the shortest window.")
_PERIOD_BURN: Final = Family(
    "slo:period_burn_rate:ratio", "Share of the budget that is spent, of what happened so far."
)
_REMAINING: Final = Family("slo:period_error_budget_remaining:ratio", "1 - slo:period_burn_rate:ratio.")
_INFO: Final = Family("sloth_slo_info", "Always 1.", ("sloth_mode", "sloth_objective", "sloth_spec"))
_ALERTS: Final = Family(
    "ALERTS",
    "1 for each alert that is open, as Prometheus has it of its own.",
    ("alertname", "alertstate", "alert", "severity", "priority", "sloth_severity"),
)
_NO_DATA: Final = Family("metrics_ai_slo_no_data", "1 where nothing was measured for so long that nothing can be said.")
_AT: Final = Family("metrics_ai_slo_status_timestamp_seconds", "Event time of the newest status.")
_FIRING: Final = Family("metrics_ai_slo_alert_firing", "1 for each alert that is open.", ("alert", "priority"))
_GOOD: Final = Family("metrics_ai_slo_good_events", "Good events of the own period.")
_BAD: Final = Family("metrics_ai_slo_bad_events", "Bad events of the own period.")
_TOTAL: Final = Family("metrics_ai_slo_total_events", "All events of the own period.")
_UNKNOWN: Final = Family("metrics_ai_slo_unknown_events", "Events of the own period that nobody could judge.")
_COMPLIANCE: Final = Family("metrics_ai_slo_compliance_ratio", "Good of all events of a period.", ("period",))
_LEFT: Final = Family(
    "metrics_ai_slo_budget_remaining_ratio", "What is left of the budget of what happened so far.", ("period",)
)
_LEFT_OF_PERIOD: Final = Family(
    "metrics_ai_slo_budget_remaining_of_period_ratio",
    "What is left of the whole period's budget, if the rest of it sees as much traffic.",
    ("period",),
)
_BURN_RATE: Final = Family("metrics_ai_slo_burn_rate", "How fast the budget burns in a window.", ("window",))
_EXHAUSTED_IN: Final = Family(
    "metrics_ai_slo_exhausted_in_seconds",
    "Time until the budget is spent (bound p50, low_80, high_80); absent where that is beyond the period.",
    ("bound",),
)
_SLA: Final = Family("metrics_ai_slo_sla_ratio", "The SLA.")
_SLA_LEFT: Final = Family("metrics_ai_slo_sla_budget_remaining_ratio", "What is left of the SLA's own budget.")
_SPENDER_BAD: Final = Family(
    "metrics_ai_slo_spender_bad_events", f"Bad events of the {MAX_SPENDERS} that spent the most.", ("who",)
)
_SPENDER_SHARE: Final = Family("metrics_ai_slo_spender_budget_ratio", "What they took of the budget.", ("who",))

FAMILIES: Final = (
    *(_OBJECTIVE, _BUDGET, _DAYS, _ERROR_RATIO, _BAD_COUNT, _TOTAL_COUNT, _BURN, _PERIOD_BURN, _REMAINING, _INFO),
    *(_ALERTS, _FIRING, _NO_DATA, _AT, _GOOD, _BAD, _TOTAL, _UNKNOWN, _COMPLIANCE, _LEFT, _LEFT_OF_PERIOD),
    *(_BURN_RATE, _EXHAUSTED_IN, _SLA, _SLA_LEFT, _SPENDER_BAD, _SPENDER_SHARE),
)
"""All of them, for the reference."""


def slo_samples(status: SloStatus) -> list[Sample]:
    """All samples of a status; no two of them are of one series.

    Parameters
    ----------
    status
        How the objective stands.

    Examples
    --------
    >>> from schemas.slo_events import SloStatus
    >>> status = SloStatus(
    ...     tenant="acme", slo="checkout", service="shop", at_ms=1, target=0.999, no_data=True, budgets=[], burn=[]
    ... )
    >>> [(one.name, one.value) for one in slo_samples(status)][:2]
    [('slo:objective:ratio', 0.999), ('slo:error_budget:ratio', 0.001)]
    """
    base = _base(status)
    own = next((one for one in status.budgets if one.period == "own"), None)
    # Statuses of older versions name alerts without their priorities.
    priorities = {one.alert: one.priority for one in status.open}
    return [
        Sample(_OBJECTIVE.name, base, status.target),
        Sample(_BUDGET.name, base, round(1 - status.target, 15)),
        _info(status, base),
        *_windows(status, base),
        *(_own(own, status, base) if own else ()),
        *(one for budget in status.budgets for one in _period(budget, base)),
        Sample(_NO_DATA.name, base, float(status.no_data)),
        Sample(_AT.name, base, status.at_ms / 1000),
        *_exhausted(status.exhausted_in, base),
        *_sla(status, base),
        *_spenders(status.spenders, base),
        *(one for alert in status.firing for one in _firing(alert, priorities.get(alert), base)),
    ]


def _base(status: SloStatus) -> Labels:
    ours = {"tenant": status.tenant, "service": status.service, "slo": status.slo}
    both = ours | sloth_labels(status.tenant, status.service, status.slo)
    return tuple((name, value) for name, value in both.items() if value)


def _info(status: SloStatus, base: Labels) -> Sample:
    return Sample(_INFO.name, (*base, *info_labels(status.target).items()), 1.0)


def _windows(status: SloStatus, base: Labels) -> Iterator[Sample]:
    for one in status.burn:
        yield from _window(one, base)
    shortest = min(status.burn, key=lambda one: one.window_s, default=None)
    if shortest and shortest.burn_rate is not None:
        yield Sample(_BURN.name, base, shortest.burn_rate)


def _window(one: WindowBurn, base: Labels) -> Iterator[Sample]:
    window = duration_text(one.window_s)
    yield Sample(_named(_BAD_COUNT, window), base, one.bad)
    yield Sample(_named(_TOTAL_COUNT, window), base, one.total)
    if one.error_ratio is not None:
        yield _error_ratio(window, base, one.error_ratio)
    if one.burn_rate is not None:
        yield Sample(_BURN_RATE.name, (*base, ("window", window)), one.burn_rate)


@cache
def _named(family: Family, window: str) -> str:
    return family.name.replace("<window>", window)


def _error_ratio(window: str, base: Labels, ratio: float) -> Sample:
    return Sample(_named(_ERROR_RATIO, window), (*base, ("sloth_window", window)), ratio)


def _own(own: PeriodBudget, status: SloStatus, base: Labels) -> Iterator[Sample]:
    length_s = (own.end_ms - own.start_ms) / 1000
    yield Sample(_DAYS.name, base, length_s / DAY_S)
    yield Sample(_GOOD.name, base, own.good)
    yield Sample(_BAD.name, base, own.bad)
    yield Sample(_TOTAL.name, base, own.total)
    yield Sample(_UNKNOWN.name, base, own.unknown)
    # A calendar's period has another length each month, and its name would wander.
    is_rolling = own.end_ms == status.at_ms
    if own.compliance is not None and is_rolling and all(one.window_s != length_s for one in status.burn):
        yield _error_ratio(duration_text(round(length_s)), base, own.bad / own.total)
    if own.consumed is not None:
        yield Sample(_PERIOD_BURN.name, base, own.consumed)
    if own.remaining is not None:
        yield Sample(_REMAINING.name, base, own.remaining)


def _period(budget: PeriodBudget, base: Labels) -> Iterator[Sample]:
    labels = (*base, ("period", budget.period))
    values = (
        (_COMPLIANCE, budget.compliance),
        (_LEFT, budget.remaining),
        (_LEFT_OF_PERIOD, budget.remaining_of_period),
    )
    for family, value in values:
        if value is not None:
            yield Sample(family.name, labels, value)


def _exhausted(found: TimeToExhaustion | None, base: Labels) -> Iterator[Sample]:
    if found is None:
        return
    for bound, value in (("p50", found.p50_s), ("low_80", found.low_80_s), ("high_80", found.high_80_s)):
        if value is not None:
            yield Sample(_EXHAUSTED_IN.name, (*base, ("bound", bound)), value)


def _sla(status: SloStatus, base: Labels) -> Iterator[Sample]:
    if status.sla is not None:
        yield Sample(_SLA.name, base, status.sla)
    if status.sla_remaining is not None:
        yield Sample(_SLA_LEFT.name, base, status.sla_remaining)


def _spenders(spenders: list[BudgetShare], base: Labels) -> Iterator[Sample]:
    # Two of one name would be one series with two values.
    first = {one.who: one for one in reversed(spenders) if one.who}
    for one in list(reversed(first.values()))[:MAX_SPENDERS]:
        yield Sample(_SPENDER_BAD.name, (*base, ("who", one.who)), one.bad)
        if one.of_budget is not None:
            yield Sample(_SPENDER_SHARE.name, (*base, ("who", one.who)), one.of_budget)


def _firing(alert: str, priority: Priority | None, base: Labels) -> Iterator[Sample]:
    labels = (*base, ("alert", alert), ("priority", priority)) if priority else (*base, ("alert", alert))
    yield Sample(_FIRING.name, labels, 1.0)
    told = (("alertname", alert_name(alert)), ("alertstate", "firing"))
    severity = SEVERITIES[priority] if priority else None
    of_it = (("severity", severity), ("sloth_severity", severity)) if severity else ()
    yield Sample(_ALERTS.name, (*labels, *told, *of_it), 1.0)


def alert_name(alert: str) -> str:
    """What Prometheus calls an alert of an objective.

    Examples
    --------
    >>> [alert_name(one) for one in ("page-quick", "no-data", "budget-0.25", "sla")]
    ['SloBurn', 'SloNoData', 'SloBudgetLow', 'SloBroken']
    """
    kind = "budget" if alert.startswith("budget-") else _ALERT_KINDS.get(alert, "burn")
    return ALERT_NAMES[kind]
