"""Everything that is known of an incident, and how it is found among the events of topics."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from incidents.review.model import Evidence
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.notification_events import Notification, NotificationResult
from schemas.slo_events import Feedback, SloAlert, SloStatus
from schemas.topics import DAY_MS

PAST_DAYS: Final = 90
"""An incident that began so many days before, or later, may have been the same."""


@dataclass(frozen=True, slots=True)
class Case:
    """An incident with all that belongs to it.

    Parameters
    ----------
    incident
        As it stands.
    timeline
        In any order; what comes twice counts once.
    alerts
        The newest state of each.
    notifications, results
        What was told of it, and what became of that.
    turns, statuses
        Of the objectives that its alerts are about, while it lasted and a little before.
    feedback
        What people said of its alerts.
    past
        Other incidents of the tenant.
    """

    incident: Incident
    timeline: Sequence[TimelineEntry] = ()
    alerts: Sequence[Alert] = ()
    notifications: Sequence[Notification] = ()
    results: Sequence[NotificationResult] = ()
    turns: Sequence[SloAlert] = ()
    statuses: Sequence[SloStatus] = ()
    feedback: Sequence[Feedback] = ()
    past: Sequence[Incident] = ()

    @property
    def begin_ms(self) -> int:
        """When its first alert began."""
        return min([self.incident.started_ms, *(one.started_ms for one in self.alerts)])

    @property
    def end_ms(self) -> int | None:
        """When its last alert ended, or a person ended it; None while it goes on."""
        one = self.incident
        return one.resolved_ms if one.ended_ms is None else one.ended_ms

    @property
    def as_of_ms(self) -> int:
        """The time of the newest event of its own."""
        times = [self.incident.updated_ms]
        times += [one.at_ms for one in self.timeline]
        times += [one.updated_ms for one in self.alerts]
        times += [one.at_ms for one in self.notifications]
        times += [one.at_ms for one in self.results]
        times += [one.at_ms for one in self.feedback]
        return max(times)

    def evidence(self) -> frozenset[Evidence]:
        """Everything that a line may cite."""
        found = {Evidence(of="incident", id=one.id) for one in [self.incident, *self.past]}
        found |= {Evidence(of="entry", id=one.id) for one in self.timeline}
        found |= {Evidence(of="alert", id=one.id) for one in self.alerts}
        found |= {Evidence(of="alert", id=one.alert_id) for one in self.incident.members}
        found |= {Evidence(of="change", id=one.change.id) for one in self.alerts if one.change is not None}
        found |= {Evidence(of="notification", id=one.id) for one in self.notifications}
        found |= {Evidence(of="feedback", id=one.alert_id) for one in self.feedback}
        found |= {Evidence(of="objective", id=one.id) for one in self.turns}
        return frozenset(found | {budget_evidence(one) for one in self.statuses})


@dataclass(frozen=True, slots=True)
class Told:
    """Events as topics have them, of all incidents; the order is that of the log.

    Parameters
    ----------
    incidents, alerts, feedback
        All states, or the newest of each.
    """

    incidents: Sequence[Incident] = ()
    timeline: Sequence[TimelineEntry] = ()
    alerts: Sequence[Alert] = ()
    notifications: Sequence[Notification] = ()
    results: Sequence[NotificationResult] = ()
    turns: Sequence[SloAlert] = ()
    statuses: Sequence[SloStatus] = ()
    feedback: Sequence[Feedback] = field(default=())


def budget_evidence(status: SloStatus) -> Evidence:
    """How a status is cited: it has no id of its own."""
    return Evidence(of="budget", id=f"{status.key}@{status.at_ms}")


def collected(tenant: str, incident_id: str, told: Told) -> Case | None:
    """The case of an incident, by its id or that of one that was merged into it; None where it is not among the events.

    Examples
    --------
    >>> collected("acme", "i1", Told()) is None
    True
    """
    known = {one.id: one for one in told.incidents if one.tenant == tenant}
    incident = known.get(incident_id)
    seen = set()
    while incident is not None and incident.merged_into is not None and incident.id not in seen:
        seen.add(incident.id)
        incident = known.get(incident.merged_into)
    if incident is None:
        return None
    ids = {incident.id, *incident.aliases}
    alerts = _of(incident, ids, told.alerts)
    named = {one.id for one in alerts}
    slos = objectives_of(alerts)
    span = (min([incident.started_ms, *(one.started_ms for one in alerts)]) - DAY_MS, incident.updated_ms)
    return Case(
        incident=incident,
        timeline=[one for one in told.timeline if one.tenant == tenant and one.incident_id in ids],
        alerts=alerts,
        notifications=[one for one in told.notifications if one.tenant == tenant and one.incident_id in ids],
        results=[one for one in told.results if one.tenant == tenant and one.incident_id in ids],
        turns=[one for one in told.turns if one.tenant == tenant and one.slo in slos and within(one.at_ms, span)],
        statuses=[one for one in told.statuses if one.tenant == tenant and one.slo in slos and within(one.at_ms, span)],
        feedback=newest_feedback(one for one in told.feedback if one.tenant == tenant and one.alert_id in named),
        past=[one for one in known.values() if one.id not in ids],
    )


def objectives_of(alerts: Iterable[Alert]) -> set[str]:
    """Names of the objectives that alerts are about."""
    return {one.signal.removeprefix("slo:") for one in alerts if one.signal.startswith("slo:")}


def within(at_ms: int, span: tuple[int, int]) -> bool:
    """Whether a time lies in one."""
    return span[0] <= at_ms <= span[1]


def newest_feedback(said: Iterable[Feedback]) -> list[Feedback]:
    """The last word on each alert."""
    newest: dict[str, Feedback] = {}
    for one in said:
        if one.alert_id not in newest or newest[one.alert_id].at_ms <= one.at_ms:
            newest[one.alert_id] = one
    return list(newest.values())


def _of(incident: Incident, ids: set[str], alerts: Iterable[Alert]) -> list[Alert]:
    """The newest states of an incident's alerts: those that it lists, and those that say that they are its own."""
    listed = {one.alert_id for one in incident.members}
    newest: dict[str, Alert] = {}
    for one in alerts:
        if one.tenant == incident.tenant:
            newest[one.id] = one
    # A split may have moved one to another: the newest word is the alert's own.
    return [one for one in newest.values() if one.incident_id in ids or (one.incident_id is None and one.id in listed)]
