"""What came again: the same alert or the same cause in several incidents, and what would guard against it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from incidents.review.case import PAST_DAYS, Case
from incidents.review.model import Before, Evidence, Line, Recurrence
from schemas.incident_events import Alert, Incident
from schemas.topics import DAY_MS

_MOST_LISTED: Final = 10


class _Trait(NamedTuple):
    """What two incidents may share: a signal of an entity, or a signal as a cause anywhere."""

    same: str
    signal: str
    entity: str

    @property
    def words(self) -> str:
        return f"{self.signal} of {self.entity}" if self.entity else self.signal


def recurring_of(case: Case) -> list[Recurrence]:
    """What this incident shares with others that began in the 90 days before it, the most frequent first."""
    since_ms = case.incident.started_ms - PAST_DAYS * DAY_MS
    past = [
        one for one in case.past if one.state != "merged" and since_ms <= one.started_ms <= case.incident.started_ms
    ]
    others = {one.id: _traits(one) for one in past}
    found, said = [], set()
    for trait in sorted(_traits(case.incident)):
        shared = sorted((one for one in past if trait in others[one.id]), key=lambda one: (-one.started_ms, one.id))
        which = trait.signal, tuple(one.id for one in shared)
        # A cause on the same entity each time was told of as an alert.
        if shared and (trait.same == "alert" or which not in said):
            found.append(_recurrence(case, trait, shared))
            said.add(which)
    return sorted(found, key=lambda one: (-one.times, one.same, one.what))


def _traits(incident: Incident) -> set[_Trait]:
    alerts = {_Trait("alert", one.signal, one.entity) for one in incident.members}
    causes = {_Trait("cause", one.signal, "") for one in incident.members if one.role == "cause"}
    return alerts | causes


def _recurrence(case: Case, trait: _Trait, shared: Sequence[Incident]) -> Recurrence:
    cited = (Evidence(of="incident", id=case.incident.id), *(Evidence(of="incident", id=one.id) for one in shared))
    return Recurrence(
        same="cause" if trait.same == "cause" else "alert",
        what=trait.words,
        times=len(shared) + 1,
        days=PAST_DAYS,
        before=[
            Before(id=one.id, title=one.title, priority=one.priority, started_ms=one.started_ms)
            for one in shared[:_MOST_LISTED]
        ],
        guards=_guards(case, trait),
        evidence=cited,
    )


def _guards(case: Case, trait: _Trait) -> list[Line]:
    """What the facts of its alerts suggest; nothing where they suggest nothing."""
    alerts = [one for one in case.alerts if one.signal == trait.signal and trait.entity in ("", one.entity)]
    if not alerts:
        return []
    cited = tuple(Evidence(of="alert", id=one.id) for one in alerts)
    rejected = _rejected(case, alerts)
    changes = {one.change.id: one.change for one in alerts if one.change is not None}
    guards = []
    if rejected:
        text = "People said that it needed no action: raise where it begins, or lower its priority."
        guards.append(Line(text=text, evidence=rejected))
    for change in changes.values():
        text = f"A check of {trait.words} before a {change.kind} goes on: {change.what} came before it this time."
        guards.append(Line(text=text, evidence=(Evidence(of="change", id=change.id), *cited)))
    if any(one.kind == "trend" for one in alerts):
        guards.append(Line(text=f"A limit or a quota: {trait.words} rises towards one.", evidence=cited))
    if not any(one.runbooks or one.annotations.get("runbooks") for one in alerts):
        guards.append(Line(text=f"A runbook: none fits the alerts on {trait.words}.", evidence=cited))
    if not any(_is_by_rule(one) for one in alerts):
        text = f"An alert rule: only anomalies told of {trait.words}, none of the rules that give a priority."
        guards.append(Line(text=text, evidence=cited))
    return guards


def _rejected(case: Case, alerts: Sequence[Alert]) -> tuple[Evidence, ...]:
    ids = {one.id for one in alerts}
    said = sorted(one.alert_id for one in case.feedback if one.verdict == "false" and one.alert_id in ids)
    return tuple(Evidence(of="feedback", id=one) for one in said)


def _is_by_rule(alert: Alert) -> bool:
    """Whether a rule, an objective or another system raised it."""
    return alert.rule is not None or alert.source in ("slo", "posted") or alert.signal.startswith("slo:")
