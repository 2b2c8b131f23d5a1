"""Cases, made short."""

from __future__ import annotations

from typing import Any

from incidents.review import Case
from schemas.change_events import NearestChange
from schemas.incident_events import Incident, IncidentMember, TimelineEntry
from schemas.notification_events import Notification, NotificationResult
from schemas.slo_events import Feedback, PeriodBudget, SloStatus
from tests.unit.incidents.dispatch.conftest import T0_MS, make_alert, make_incident, make_member

TENANT = "acme"
DEPLOY = NearestChange(id="d1", kind="deploy", what="2.14", labels={"service": "shop"}, at_ms=T0_MS - 240_000, by="ci")


def entry(name: str, at_s: float, kind: str = "note", **fields: Any) -> TimelineEntry:
    told = {"tenant": TENANT, "incident_id": "i1", "at_ms": T0_MS + round(at_s * 1000), "text": name}
    return TimelineEntry.model_validate({"id": name, "kind": kind, **told, **fields})


def member(name: str = "DiskFull", node: str = "h1", **fields: Any) -> IncidentMember:
    made = make_member(make_alert(name, node))
    return made.model_copy(update={"labels": {"alertname": name, "node": node}, **fields})


def past(number: int, days: float, *members: IncidentMember, **fields: Any) -> Incident:
    """An incident that began so many days before."""
    started_ms = T0_MS - round(days * 86_400_000)
    return make_incident(f"old{number}", members=list(members), started_ms=started_ms, **fields)


def status(at_s: float, left: float | None, slo: str = "checkout") -> SloStatus:
    own = PeriodBudget(period="own", start_ms=0, end_ms=1, good=0, bad=0, total=0, unknown=0, remaining_of_period=left)
    at_ms = T0_MS + round(at_s * 1000)
    return SloStatus(
        tenant=TENANT, slo=slo, service="shop", at_ms=at_ms, target=0.999, no_data=False, budgets=[own], burn=[]
    )


def notification(name: str = "n1", **fields: Any) -> Notification:
    told = {"tenant": TENANT, "receiver": "pager", "integration": "log[0]", "action": "open", "dedup_key": "i1"}
    more = {"sequence": 1, "group_key": "g", "at_ms": T0_MS, "status": "firing", "reason": "it is new"}
    body = {"id": name, "priority": "P2", "severity": "warning", "title": "t", "alerts": [], "incident_id": "i1"}
    return Notification.model_validate({**told, **more, **body, **fields})


def result(attempt: int, outcome: str, of: str = "n1", at_s: float = 1) -> NotificationResult:
    told = {"tenant": TENANT, "receiver": "pager", "integration": "log[0]", "action": "open", "dedup_key": "i1"}
    more = {"sequence": 1, "attempt": attempt, "at_ms": T0_MS + round(at_s * 1000), "outcome": outcome}
    return NotificationResult.model_validate({**told, **more, "notification_id": of, "incident_id": "i1"})


def verdict(alert_id: str, said: str, at_s: float = 0) -> Feedback:
    at_ms = T0_MS + round(at_s * 1000)
    return Feedback.model_validate({"tenant": TENANT, "alert_id": alert_id, "verdict": said, "at_ms": at_ms})


def case(*alerts: Any, **parts: Any) -> Case:
    """An incident of some alerts, with parts of a case and fields of the incident."""
    names = {"timeline", "notifications", "results", "turns", "statuses", "feedback", "past"}
    given = {name: parts.pop(name) for name in names & set(parts)}
    members = parts.pop("members", [make_member(one) for one in alerts])
    incident = make_incident(members=members, member_count=len(members), **parts)
    return Case(incident, alerts=list(alerts), **given)
