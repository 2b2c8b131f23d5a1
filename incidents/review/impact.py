"""What an incident cost: the budgets of objectives, and what was affected."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from incidents.review.case import Case, budget_evidence, objectives_of
from incidents.review.happened import lanes_of
from incidents.review.model import Evidence, Lane, Line, Spent
from schemas.slo_events import PeriodBudget


class _Reading(NamedTuple):
    """How much of a budget was left when."""

    at_ms: int
    left: float
    evidence: Evidence


def budgets_of(case: Case) -> list[Spent]:
    """What it cost each objective that its alerts are about.

    From the last that was told before it began to the first that was told once it had ended, or the newest: of
    statuses where two of them lie about it, else of the turns of the objective's alerts.
    """
    return [_spent(case, slo) for slo in sorted(objectives_of(case.alerts))]


def _spent(case: Case, slo: str) -> Spent:
    statuses = [
        _Reading(one.at_ms, left, budget_evidence(one))
        for one in case.statuses
        if one.slo == slo and (left := _left(one.budgets)) is not None
    ]
    turns = [one for one in case.turns if one.slo == slo]
    told = [
        _Reading(one.at_ms, one.budget_left, Evidence(of="objective", id=one.id))
        for one in turns
        if one.budget_left is not None
    ]
    found = _between(case, statuses) or _between(case, told)
    burns = [(one.burn_rate, Evidence(of="objective", id=one.id)) for one in turns if one.burn_rate is not None]
    alerts = [one for one in case.alerts if one.signal == f"slo:{slo}"]
    burns += [
        (value, Evidence(of="alert", id=one.id))
        for one in alerts
        for value in (one.peak_observed, one.observed)
        if value is not None and one.unit == "x"
    ]
    worst = max(burns, key=lambda one: one[0], default=None)
    cited = [Evidence(of="alert", id=one.id) for one in alerts]
    cited += [one.evidence for one in found or ()] + ([worst[1]] if worst else [])
    return Spent(
        slo=slo,
        spent=None if found is None else max(0.0, found[0].left - found[1].left),
        left=None if found is None else found[1].left,
        worst_burn=None if worst is None else worst[0],
        evidence=tuple(dict.fromkeys(cited)),
    )


def _left(budgets: Sequence[PeriodBudget]) -> float | None:
    return next((one.remaining_of_period for one in budgets if one.period == "own"), None)


def _between(case: Case, readings: Sequence[_Reading]) -> tuple[_Reading, _Reading] | None:
    """The readings at the two ends of the incident; None where there are no two."""
    ordered = sorted({one.at_ms: one for one in readings}.values())
    if len(ordered) < 2:
        return None
    first = next((one for one in reversed(ordered) if one.at_ms <= case.begin_ms), ordered[0])
    after = (one for one in ordered if case.end_ms is not None and one.at_ms >= case.end_ms)
    last = next(after, ordered[-1])
    return (first, last) if first.at_ms < last.at_ms else None


def affected_of(case: Case) -> list[Line]:
    """Each entity with its alerts, the one that was hit first at first."""
    lanes: dict[str, list[Lane]] = defaultdict(list)
    for lane in lanes_of(case):
        lanes[lane.entity].append(lane)
    found = []
    for entity, hit in lanes.items():
        signals = list(dict.fromkeys(lane.signal for lane in hit))
        many = f"{len(hit)} alerts" if len(hit) > 1 else "1 alert"
        what = f"{entity or 'Something that is not named'}: {many} on {', '.join(signals)}"
        found.append(Line(text=what, evidence=tuple(lane.evidence[0] for lane in hit)))
    return found
