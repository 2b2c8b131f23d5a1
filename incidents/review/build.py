"""A report, made of a case."""

from __future__ import annotations

from incidents.review.case import Case
from incidents.review.cause import causes_of, unknowns_of
from incidents.review.happened import acknowledged_by, helped_of, lanes_of, timeline_of, told_of, verdicts_of
from incidents.review.impact import affected_of, budgets_of
from incidents.review.model import Report
from incidents.review.recurring import recurring_of


def report_of(case: Case) -> Report:
    """The report of an incident.

    Parameters
    ----------
    case
        Everything that is known of it.

    Examples
    --------
    >>> from schemas.incident_events import Incident
    >>> told = {"id": "i1", "tenant": "acme", "title": "CPU of node h1 anomalous", "state": "open", "priority": "P2"}
    >>> counts = {"members": [], "entities": [], "signals": [], "confidence": 0.8, "revision": 1}
    >>> incident = Incident(**told, **counts, severity="warning", started_ms=0, updated_ms=60_000)
    >>> report_of(Case(incident)).unknown[0]
    'No alert is marked as a cause.'
    """
    one = case.incident
    lanes = lanes_of(case)
    return Report(
        tenant=one.tenant,
        incident_id=one.id,
        title=one.title,
        priority=one.priority,
        state=one.state,
        revision=one.revision,
        started_ms=one.started_ms,
        as_of_ms=case.as_of_ms,
        ended_ms=one.ended_ms,
        resolved_ms=one.resolved_ms if one.times.resolved_ms is None else one.times.resolved_ms,
        times=one.times,
        acknowledged_by=acknowledged_by(case),
        alerts=lanes,
        alert_count=max(one.member_count, len(lanes)),
        timeline=timeline_of(case),
        budgets=budgets_of(case),
        affected=affected_of(case),
        causes=causes_of(case),
        helped=helped_of(case),
        verdicts=verdicts_of(case),
        told=told_of(case),
        recurring=recurring_of(case),
        unknown=unknowns_of(case),
    )
