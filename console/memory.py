"""Everything the API stands on, in memory: a store, and a stage that does what is asked for at once. For tests."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from console.ports import RouteMatch
from incidents.routing.matchers import all_hold, matcher_of
from integrations.serving.requests import EarlierRequest
from integrations.serving.store import AlertFilter, IncidentFilter, SentNotification, StandingAlert, Update
from integrations.stores import Mark, Page
from schemas.command_events import CommandResult, Silence
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.notification_events import AlertStatus
from schemas.slo_events import Feedback

_ALL_ALERTS: Final = AlertFilter()
_ALL_INCIDENTS: Final = IncidentFilter()


@dataclass
class MemoryRates:
    """Never full, unless told so.

    Parameters
    ----------
    wait_s
        What it answers.
    """

    wait_s: float = 0.0
    taken: list[str] = field(default_factory=list)

    def take(self, name: str, rate_per_s: float, burst: int, tokens: int = 1) -> float:
        """Take note of who asks."""
        self.taken.append(name)
        return self.wait_s


@dataclass
class MemoryRequests:
    """Idempotency keys."""

    held: dict[tuple[str, str], EarlierRequest] = field(default_factory=dict)

    def begin(self, tenant: str, key: str, digest: str, hold_s: float = 60.0) -> EarlierRequest | None:
        """Claim a key."""
        if (before := self.held.get((tenant, key))) is not None:
            return before
        self.held[tenant, key] = EarlierRequest(digest, None)
        return None

    def finish(self, tenant: str, key: str, digest: str, answer: str, keep_s: float = 86_400) -> None:
        """Keep the answer."""
        self.held[tenant, key] = EarlierRequest(digest, answer)


@dataclass
class MemoryStore:
    """The latest state.

    Parameters
    ----------
    now_ms
        Milliseconds since the epoch.
    """

    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    rates: MemoryRates = field(default_factory=MemoryRates)
    requests: MemoryRequests = field(default_factory=MemoryRequests)
    alerts_of: dict[str, dict[str, Alert]] = field(default_factory=lambda: defaultdict(dict))
    statuses_of: dict[str, dict[str, AlertStatus]] = field(default_factory=lambda: defaultdict(dict))
    feedback_of: dict[str, dict[str, Feedback]] = field(default_factory=lambda: defaultdict(dict))
    incidents_of: dict[str, dict[str, Incident]] = field(default_factory=lambda: defaultdict(dict))
    silences_of: dict[str, dict[str, Silence]] = field(default_factory=lambda: defaultdict(dict))
    timelines: dict[tuple[str, str], list[TimelineEntry]] = field(default_factory=lambda: defaultdict(list))
    results: dict[tuple[str, str], CommandResult] = field(default_factory=dict)
    told: list[Update] = field(default_factory=list)
    sent: list[SentNotification] = field(default_factory=list)

    def ping(self) -> float:
        """At once."""
        return 0.0

    def alert(self, tenant: str, alert_id: str) -> StandingAlert | None:
        """An alert."""
        alert = self.alerts_of[tenant].get(alert_id)
        return None if alert is None else self._standing(alert)

    def _standing(self, alert: Alert) -> StandingAlert:
        where = alert.tenant, alert.id
        return StandingAlert(alert, self.statuses_of[where[0]].get(where[1]), self.feedback_of[where[0]].get(where[1]))

    def alerts(
        self, tenant: str, wanted: AlertFilter = _ALL_ALERTS, limit: int = 100, cursor: str | None = None
    ) -> Page[StandingAlert]:
        """Alerts, the latest to begin first."""
        ids = frozenset({wanted.incident_id} if wanted.incident_id else ())
        found = [one for one in map(self._standing, self.alerts_of[tenant].values()) if wanted.accepts(one, ids)]
        return _page(found, lambda one: Mark(one.alert.started_ms, one.alert.id), limit, cursor)

    def status(self, tenant: str, alert_id: str) -> AlertStatus | None:
        """How an alert stands."""
        return self.statuses_of[tenant].get(alert_id)

    def incident(self, tenant: str, incident_id: str) -> Incident | None:
        """An incident."""
        found = self.incidents_of[tenant].get(incident_id)
        return self.incident(tenant, found.merged_into) if found and found.merged_into else found

    def incidents(
        self, tenant: str, wanted: IncidentFilter = _ALL_INCIDENTS, limit: int = 100, cursor: str | None = None
    ) -> Page[Incident]:
        """Incidents, the last to change first."""
        found = [one for one in self.incidents_of[tenant].values() if not one.merged_into and wanted.accepts(one)]
        return _page(found, lambda one: Mark(one.updated_ms, one.id), limit, cursor)

    def timeline(self, tenant: str, incident_id: str) -> list[TimelineEntry]:
        """What happened to an incident."""
        return self.timelines[tenant, incident_id]

    def silence(self, tenant: str, silence_id: str) -> Silence | None:
        """A silence."""
        return self.silences_of[tenant].get(silence_id)

    def silences(self, tenant: str) -> list[Silence]:
        """All silences."""
        return list(self.silences_of[tenant].values())

    def command_result(self, tenant: str, command_id: str, wait_s: float = 0.0) -> CommandResult | None:
        """What became of a command."""
        return self.results.get((tenant, command_id))

    def notifications(self, tenant: str, incident_id: str | None = None, limit: int = 100) -> list[SentNotification]:
        """What was told."""
        return [one for one in self.sent if incident_id in (None, one.notification.incident_id)][:limit]

    def updates(self, tenant: str, after: str = "$", wait_s: float = 1.0) -> Iterator[Update | None]:
        """What has changed, then silence."""
        yield from self.told
        while True:
            yield None

    def put(self, alert: Alert, receivers: tuple[str, ...] = ("default",)) -> None:
        """Keep an alert, and how it stands under the silences of now."""
        self.alerts_of[alert.tenant][alert.id] = alert
        before = self.statuses_of[alert.tenant].get(alert.id)
        now_ms = self.now_ms()
        muting = [
            one.id
            for one in self.silences(alert.tenant)
            if one.state_at(now_ms) == "active" and all_hold(map(matcher_of, one.matchers), alert.labels)
        ]
        state = "resolved" if alert.state == "resolved" else "suppressed" if muting else "new"
        self.statuses_of[alert.tenant][alert.id] = AlertStatus(
            tenant=alert.tenant,
            alert_id=alert.id,
            fingerprint=alert.fingerprint,
            state="acknowledged" if before and before.acknowledged and state == "new" else state,
            since_ms=alert.started_ms,
            at_ms=now_ms,
            priority=alert.priority,
            acknowledged=before.acknowledged if before else None,
            silenced_by=muting,
            receivers=list(receivers),
            decisions=before.decisions if before else [],
            incident_id=alert.incident_id,
        )


def _page(found: list[Any], mark: Callable[[Any], Mark], limit: int, cursor: str | None) -> Page[Any]:
    after = Mark.read(cursor) if cursor else None
    left = sorted((one for one in found if after is None or mark(one) < after), key=mark, reverse=True)
    return Page(left[:limit], mark(left[limit - 1]).text() if len(left) > limit else None)


@dataclass(frozen=True, slots=True)
class OneRoute:
    """Routing where all goes to one receiver, grouped by the name of the alert.

    Parameters
    ----------
    receiver
        Its name.
    """

    receiver: str = "default"

    def receivers(self) -> list[str]:
        """The one."""
        return [self.receiver]

    def original(self) -> str:
        """As Alertmanager would have it."""
        return f"route:\n  receiver: {self.receiver}\n  group_by: [alertname]\nreceivers:\n- name: {self.receiver}\n"

    def tree(self) -> dict[str, Any]:
        """The same for programs."""
        return {"route": {"receiver": self.receiver, "group_by": ["alertname"]}, "receivers": [{"name": self.receiver}]}

    def matches(self, labels: Mapping[str, str]) -> list[RouteMatch]:
        """The root."""
        return [RouteMatch(self.receiver, {"alertname": labels.get("alertname", "")})]

    def explained(self, labels: Mapping[str, str], at_ms: int) -> list[dict[str, Any]]:
        """The root, whenever it is."""
        return [{"receiver": self.receiver, "group_labels": dict(self.matches(labels)[0].group_labels)}]
