"""What the API stands on: stores to read from, routing, reports, webhooks. The fakes stand in ``memory.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

from integrations.feedback_links import Verdict
from integrations.records.sre_health import Accuracy, RepairTimes
from integrations.records.store import IncidentGroup, Volume, VolumeGroup, VolumePeriod
from integrations.serving.requests import EarlierRequest
from integrations.serving.store import AlertFilter, IncidentFilter, SentNotification, StandingAlert, Update
from integrations.stores import Page
from schemas.command_events import (
    AcknowledgeAlert,
    CommandResult,
    MoveIncident,
    NoteIncident,
    Silence,
    UnacknowledgeAlert,
)
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.notification_events import AlertStatus
from schemas.slo_events import Feedback

Form = Literal["md", "json", "html"]
Vendor = Literal["pagerduty", "opsgenie", "slack", "jira"]
AccuracyGroup = Literal["all", "rule", "team"]


class Rates(Protocol):
    """Rate limits that all processes share."""

    def take(self, name: str, rate_per_s: float, burst: int, tokens: int = 1) -> float:
        """Take tokens; 0 where they were there, else the seconds to wait."""


class Requests(Protocol):
    """Requests that may come again."""

    def begin(self, tenant: str, key: str, digest: str, hold_s: float = 60.0) -> EarlierRequest | None:
        """Claim a key; None where it is ours now, else who had it before."""

    def finish(self, tenant: str, key: str, digest: str, answer: str, keep_s: float = 86_400) -> None:
        """Keep the answer for those who ask again."""


class Reads(Protocol):
    """The latest state, as ``integrations.serving.store.ServingStore`` reads it."""

    @property
    def rates(self) -> Rates:
        """Rate limits."""

    @property
    def requests(self) -> Requests:
        """Requests that may come again."""

    def ping(self) -> float:
        """Seconds that an answer takes."""

    def alert(self, tenant: str, alert_id: str) -> StandingAlert | None:
        """An alert episode."""

    def alerts(
        self, tenant: str, wanted: AlertFilter = ..., limit: int = 100, cursor: str | None = None
    ) -> Page[StandingAlert]:
        """Alerts, the latest to begin first."""

    def status(self, tenant: str, alert_id: str) -> AlertStatus | None:
        """How an alert stands, with every decision."""

    def incident(self, tenant: str, incident_id: str) -> Incident | None:
        """An incident, by its id or that of one that was merged into it."""

    def incidents(
        self, tenant: str, wanted: IncidentFilter = ..., limit: int = 100, cursor: str | None = None
    ) -> Page[Incident]:
        """Incidents, the last to change first."""

    def timeline(self, tenant: str, incident_id: str) -> list[TimelineEntry]:
        """What happened to an incident."""

    def silence(self, tenant: str, silence_id: str) -> Silence | None:
        """A silence."""

    def silences(self, tenant: str) -> list[Silence]:
        """All silences."""

    def command_result(self, tenant: str, command_id: str, wait_s: float = 0.0) -> CommandResult | None:
        """What became of a command; waits for it so long."""

    def notifications(self, tenant: str, incident_id: str | None = None, limit: int = 100) -> list[SentNotification]:
        """What was told, the last first."""

    def updates(self, tenant: str, after: str = "$", wait_s: float = 1.0) -> Iterator[Update | None]:
        """What changes, as it does."""


class RouteMatch(NamedTuple):
    """A route that takes an alert.

    Parameters
    ----------
    receiver
        Whom it tells.
    group_labels
        What the alert is grouped by there, with its values.
    """

    receiver: str
    group_labels: Mapping[str, str]


class Routing(Protocol):
    """Where alerts go, as the configuration says."""

    def receivers(self) -> list[str]:
        """Names of all receivers."""

    def original(self) -> str:
        """The configuration in Alertmanager's shape, in YAML, without secrets."""

    def tree(self) -> dict[str, Any]:
        """The configuration without secrets, with what Alertmanager does not know."""

    def matches(self, labels: Mapping[str, str]) -> list[RouteMatch]:
        """The routes that take an alert with these labels."""

    def explained(self, labels: Mapping[str, str], at_ms: int) -> list[dict[str, Any]]:
        """The same with the reasons, and whether it is told at a time."""


class Reports(Protocol):
    """Writes reports of incidents."""

    def report(self, tenant: str, incident_id: str, form: Form) -> str | None:
        """The report of an incident; None where it is not known."""


class Records(Protocol):
    """What was, as ``integrations.records.store.RecordsStore`` tells it."""

    def alert(self, tenant: str, alert_id: str) -> Alert | None:
        """An alert of the last 13 months."""

    def status(self, tenant: str, alert_id: str) -> AlertStatus | None:
        """How it stood at last, with every decision."""

    def feedback(self, tenant: str, alert_id: str) -> Feedback | None:
        """What was said of it."""

    def incident(self, tenant: str, incident_id: str) -> Incident | None:
        """An incident of the last 13 months."""

    def timeline(self, tenant: str, incident_id: str) -> list[TimelineEntry]:
        """Everything that happened to it."""

    def mttr(
        self, tenant: str, by: IncidentGroup = "all", since_ms: int | None = None, until_ms: int | None = None
    ) -> list[RepairTimes]:
        """How long incidents took."""

    def volume(
        self,
        tenant: str,
        period: VolumePeriod = "day",
        by: VolumeGroup = "all",
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> list[Volume]:
        """How many alerts began."""

    def accuracy(
        self,
        tenant: str,
        by: AccuracyGroup = "rule",
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> list[Accuracy]:
        """How many of them needed action."""


@runtime_checkable
class Asked(Protocol):
    """What somebody asks for elsewhere, of an incident or an alert; its id is the same when it is told again."""

    @property
    def id(self) -> str:
        """Of the wish."""

    @property
    def by(self) -> str:
        """Who asks."""

    @property
    def body(self) -> MoveIncident | NoteIncident | AcknowledgeAlert | UnacknowledgeAlert:
        """What for."""


@runtime_checkable
class Said(Protocol):
    """What somebody says elsewhere of an alert."""

    @property
    def alert_id(self) -> str:
        """Of which."""

    @property
    def verdict(self) -> Verdict:
        """Whether it needed action."""

    @property
    def by(self) -> str:
        """Who says it."""


ReadWebhook = Callable[[Mapping[str, str], bytes, Sequence[str], int], Sequence[Asked] | Sequence[Said]]
"""Headers, body, secrets and now (ms) to what is asked for or said; ``SchemaError`` where it is not to be believed."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What the API has only where it is configured.

    Parameters
    ----------
    records
        The last 13 months.
    reports
        Of incidents.
    webhooks
        Readers of vendors' webhooks, by vendor.
    """

    records: Records | None = None
    reports: Reports | None = None
    webhooks: Mapping[str, ReadWebhook] = field(default_factory=dict)
