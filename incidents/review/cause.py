"""What events say of the cause, and what none says."""

from __future__ import annotations

from typing import Final

from incidents.review.case import Case
from incidents.review.happened import entries_of, lanes_of, name_of
from incidents.review.model import Evidence, Lane, Line
from models.explain import duration
from schemas.incident_events import Alert

_MOST_SPENDERS: Final = 3


def causes_of(case: Case) -> list[Line]:
    """What is known of the cause, in the order of how much it says."""
    lanes = lanes_of(case)
    return [*_marked(lanes), *_spenders(case), *_changes(case), *_first(lanes)]


def _marked(lanes: list[Lane]) -> list[Line]:
    """Alerts that are marked as a cause: of what spent a budget, or of the rule that says so."""
    return [
        Line(text=f"{_name(lane)} is marked as a cause: {lane.summary}", evidence=lane.evidence)
        for lane in lanes
        if lane.role == "cause"
    ]


def _spenders(case: Case) -> list[Line]:
    """Who spent the most of an objective's budget; what was told of each last."""
    newest: dict[tuple[str, str], tuple[float | None, Evidence]] = {}
    for turn in sorted(case.turns, key=lambda one: one.at_ms):
        if turn.at_ms < case.begin_ms:
            continue
        for one in turn.spenders[:_MOST_SPENDERS]:
            newest[turn.slo, one.who] = one.of_budget, Evidence(of="objective", id=turn.id)
    if newest:
        return [
            Line(text=f"{who} spent {_of_budget(share)} of SLO {slo}", evidence=(evidence,))
            for (slo, who), (share, evidence) in newest.items()
        ]
    return [
        Line(
            text=f"{one.annotations['spenders']}: the most of what was spent of SLO {one.signal.removeprefix('slo:')}",
            evidence=(Evidence(of="alert", id=one.id),),
        )
        for one in _ordered(case)
        if one.annotations.get("spenders")
    ]


def _of_budget(share: float | None) -> str:
    return "some of the budget" if share is None else f"{100 * share:.3g} % of the budget"


def _changes(case: Case) -> list[Line]:
    """Changes that came before: each with the alerts that it was the last one before."""
    before: dict[str, list[Alert]] = {}
    for alert in _ordered(case):
        if alert.change is not None:
            before.setdefault(alert.change.id, []).append(alert)
    found = []
    for alerts in before.values():
        change = alerts[0].change
        if change is None:
            continue
        lead = duration(max(0, alerts[0].started_ms - change.at_ms) / 1000)
        by = f" by {change.by}" if change.by else ""
        where = " ".join(value for _, value in sorted(change.labels.items()))
        what = f"{change.kind} {change.what}{f' of {where}' if where else ''}{by}"
        text = f"{what} took effect {lead} before {name_of(alerts[0])} began; it may be innocent"
        cited = (Evidence(of="change", id=change.id), *(Evidence(of="alert", id=one.id) for one in alerts))
        found.append(Line(text=text, evidence=cited))
    return found


def _first(lanes: list[Lane]) -> list[Line]:
    """What began first; being first makes no cause."""
    return [
        Line(text=f"{_name(lane)} was the first to begin: {lane.summary}", evidence=lane.evidence) for lane in lanes[:1]
    ]


def unknowns_of(case: Case) -> list[str]:
    """What no event says, so that its absence is not taken for an answer."""
    lanes, times = lanes_of(case), case.incident.times
    kinds = {one.kind for one in entries_of(case)}
    listed = len(lanes)
    checks = (
        (any(lane.role == "cause" for lane in lanes), "No alert is marked as a cause."),
        (any(one.change is not None for one in case.alerts), "No change is known that came shortly before an alert."),
        (bool(entries_of(case)), "There is no timeline: it is older than what is kept, or was not read."),
        (times.acknowledged_ms is not None or "acknowledged" in kinds, "Nobody acknowledged it."),
        (times.mitigated_ms is not None or "mitigated" in kinds, "Nobody said when users no longer noticed it."),
        (case.end_ms is not None, "It goes on: what is said here may change."),
        (bool(case.notifications), "No notification of it is known."),
        (bool(case.feedback), "Nobody said whether its alerts needed action."),
        (
            listed >= case.incident.member_count,
            f"{case.incident.member_count - listed} of its {case.incident.member_count} alerts are not listed.",
        ),
    )
    found = [text for is_known, text in checks if not is_known]
    if any(one.change is not None for one in case.alerts):
        found.append("Whether a change made it, or only came before it.")
    return found


def _name(lane: Lane) -> str:
    signal = f" ({lane.signal})" if lane.signal.lower() != lane.name.lower() else ""
    return f"{lane.name}{signal}{f' of {lane.entity}' if lane.entity else ''}"


def _ordered(case: Case) -> list[Alert]:
    return sorted(case.alerts, key=lambda one: (one.started_ms, one.id))
