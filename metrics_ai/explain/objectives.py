"""An alert of an objective in plain words: whose, how fast its budget goes, who spent it, what to do."""

from __future__ import annotations

from collections.abc import Sequence

from metrics_ai.event_listing import clock_text, is_objective, observed_text, tier_of
from metrics_ai.explain.words import fields_text, value_text
from schemas.incident_events import Alert, IncidentMember

_OWN = ("alertname", "slo", "service", "tier", "share")


def member_value(one: IncidentMember) -> str:
    """What was observed of an incident's member, in its unit."""
    if is_objective(one.signal):
        return observed_text(one.observed, one.unit)
    return "-" if one.observed is None else value_text(one.observed, None, one.unit)


def objective_lines(one: Alert, fields: Sequence[tuple[str, str]]) -> list[str]:
    """All that the alert says.

    Parameters
    ----------
    one
        The alert.
    fields
        What every alert has.
    """
    said = one.annotations
    own = {name: value for name, value in one.labels.items() if name not in _OWN}
    told = [
        ("objective", one.labels.get("slo", one.signal)),
        ("service", one.labels.get("service", "")),
        ("alert", f"{one.labels.get('alertname', '')} {tier_of(one.labels)}".rstrip()),
        ("labels", ", ".join(f"{name} {value}" for name, value in sorted(own.items()))),
        *fields,
        ("at its worst", _worst_text(one)),
        ("burn rate", _but(said.get("burn_rate"), "1 spends the budget by the period's end")),
        ("budget left", said.get("budget_left", "")),
        ("exhausted in", said.get("exhausted_in", "")),
        ("spent by", said.get("spenders", "")),
        ("runbooks", said.get("runbooks", "")),
        ("frozen", said.get("frozen", "")),
    ]
    return [said.get("summary", one.signal), "", *fields_text(told)]


def _worst_text(one: Alert) -> str:
    if one.peak_observed is None:
        return ""
    at = "" if one.peak_ms is None else f" at {clock_text(one.peak_ms)}"
    return f"{observed_text(one.peak_observed, one.unit)}{at}"


def _but(value: str | None, meaning: str) -> str:
    return f"{value} ({meaning})" if value else ""
