"""How well alerts and incidents are dealt with, on a worker's ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, NamedTuple

from integrations.project.sink import Partition, Record
from integrations.prometheus.alert_families import OUTCOMES, VERDICTS, AlertFigures, Of
from integrations.prometheus.joining import Newest, Seen, Waiting
from integrations.telemetry import Telemetry
from schemas import topics
from schemas.errors import MetricsAIError, NewerVersionError
from schemas.incident_events import Alert, EntryKind, Incident, IncidentTimes, TimelineEntry
from schemas.notification_events import Notification, NotificationResult
from schemas.slo_events import Feedback
from schemas.topics import Topic

_FLUSH_S: Final = 5.0
_STAGE: Final = "project"
_MOST_KEPT: Final = 50_000
_MOST_GROUPS: Final = 500
"""Teams and rules that have a series of their own; labels of alerts that others post may hold anything."""
_OTHERS: Final = "others"


class _Whose(NamedTuple):
    tenant: str
    rule: str
    team: str
    priority: str


class _Step(NamedTuple):
    """Something that happened to an incident, and how long that took once the incident tells."""

    of: Of
    at_ms: int
    told: Callable[[IncidentTimes], tuple[int | None, float | None]]


_STEPS: Final[Mapping[EntryKind, tuple[Of, Callable[[IncidentTimes], tuple[int | None, float | None]]]]] = {
    "acknowledged": ("acknowledge", lambda times: (times.acknowledged_ms, times.to_acknowledge_s)),
    "mitigated": ("mitigate", lambda times: (times.mitigated_ms, times.to_mitigate_s)),
    "resolved": ("resolve", lambda times: (times.resolved_ms, times.to_resolve_s)),
}
_TURNS: Final[Mapping[EntryKind, Of]] = {"opened": "opened", "alert_joined": "opened", "alert_resolved": "resolved"}


class AlertMetrics:
    """The sink that counts alerts, notifications and verdicts, and measures how long incidents take.

    What happened is counted from the timeline, which tells it once, and labelled by the alert or the incident that it
    is about, whichever of the two is read first. A record that comes again, after a kill or a rebalance, is known by
    its id and counts once. Counters begin at zero with the process, as Prometheus has it. A verdict or an attempt whose
    alert or notification was read before the process began counts without what only that would tell.

    Parameters
    ----------
    telemetry
        Of the worker, whose ``/metrics`` it joins.

    Examples
    --------
    >>> sink = AlertMetrics(Telemetry("project"))
    >>> sink.name, len(sink.topics)
    ('alert-metrics', 6)
    """

    name = "alert-metrics"
    topics: tuple[Topic, ...] = (
        topics.ALERTS,
        topics.INCIDENTS,
        topics.TIMELINE,
        topics.NOTIFICATIONS,
        topics.NOTIFICATION_RESULTS,
        topics.FEEDBACK,
    )
    flush_s = _FLUSH_S

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._figures = AlertFigures(telemetry.registry)
        self._seen = Seen(4 * _MOST_KEPT)
        self._groups: set[tuple[str, str, str]] = set()
        self._alerts: Newest[tuple[str, str], _Whose] = Newest(_MOST_KEPT)
        self._incidents: Newest[tuple[str, str], Incident] = Newest(_MOST_KEPT // 10)
        self._priorities: Newest[tuple[str, str], str] = Newest(_MOST_KEPT)
        # What waits for the alert, the incident or the notification that it is about.
        self._turns: Waiting[tuple[str, str], Of] = Waiting(_MOST_KEPT)
        self._verdicts: Waiting[tuple[str, str], Feedback] = Waiting(_MOST_KEPT)
        self._steps: Waiting[tuple[str, str], _Step] = Waiting(_MOST_KEPT)
        self._results: Waiting[tuple[str, str], NotificationResult] = Waiting(_MOST_KEPT)
        self._takers: dict[str, Callable[[bytes], None]] = {
            topics.ALERTS.name: lambda value: self._on_alert(Alert.from_bytes(value)),
            topics.INCIDENTS.name: lambda value: self._on_incident(Incident.from_bytes(value)),
            topics.TIMELINE.name: lambda value: self._on_entry(TimelineEntry.from_bytes(value)),
            topics.NOTIFICATIONS.name: lambda value: self._on_notification(Notification.from_bytes(value)),
            topics.NOTIFICATION_RESULTS.name: lambda value: self._on_result(NotificationResult.from_bytes(value)),
            topics.FEEDBACK.name: lambda value: self._on_feedback(Feedback.from_bytes(value)),
        }

    def take(self, records: Sequence[Record]) -> None:
        """Count what is new in records; tombstones say nothing new."""
        for record in records:
            if record.value is None:
                continue
            try:
                self._takers[record.topic](record.value)
            except MetricsAIError as error:
                reason = "newer_version" if isinstance(error, NewerVersionError) else "not_readable"
                self._telemetry.rejected.labels(_STAGE, record.topic, reason).inc()

    def flush(self) -> None:
        """Count what waited for so long that it has nothing to wait for; nothing here outlives the process."""
        for said in self._verdicts.overdue():
            self._judge(self._group(said.tenant, "", said.labels.get("team", "")), said)
        for result in self._results.overdue():
            self._attempted(result, "")

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Nothing is kept of them yet."""

    def revoked(self, partitions: Collection[Partition]) -> None:
        """Go on: what comes back with a partition is known still, and counts once."""

    # -- alerts ------------------------------------------------------------------------------------------------

    def _on_alert(self, alert: Alert) -> None:
        key = alert.tenant, alert.id
        rule, team = self._group(alert.tenant, alert.rule or "", alert.labels.get("team", ""))
        whose = _Whose(alert.tenant, rule, team, alert.priority)
        self._alerts.put(key, whose)
        self._begin(whose)
        for turn in self._turns.pop(key):
            self._figures.count(turn, *whose)
        for said in self._verdicts.pop(key):
            self._judge((rule, team), said)

    def _begin(self, whose: _Whose) -> None:
        """A metric that is first seen above zero has no increase: it begins as soon as its labels are known."""
        for turn in ("opened", "resolved"):
            self._figures.begin(turn, *whose)
        for verdict in VERDICTS:
            self._figures.begin("judged", whose.tenant, whose.rule, whose.team, verdict)

    def _group(self, tenant: str, rule: str, team: str) -> tuple[str, str]:
        key = tenant, rule, team
        if key not in self._groups:
            if len(self._groups) >= _MOST_GROUPS:
                return _OTHERS, _OTHERS
            self._groups.add(key)
        return rule, team

    def _on_feedback(self, said: Feedback) -> None:
        key = said.tenant, said.alert_id
        if not self._seen.is_new(("feedback", *key, said.verdict, said.at_ms)):
            return
        whose = self._alerts.get(key)
        if whose is None:
            self._verdicts.put(key, said)
        else:
            self._judge((whose.rule, whose.team), said)

    def _judge(self, group: tuple[str, str], said: Feedback) -> None:
        self._figures.count("judged", said.tenant, *group, said.verdict)

    # -- incidents ---------------------------------------------------------------------------------------------

    def _on_entry(self, entry: TimelineEntry) -> None:
        if not self._seen.is_new(("entry", entry.tenant, entry.id)):
            return
        if entry.kind in _TURNS and entry.alert_id is not None:
            self._turn((entry.tenant, entry.alert_id), _TURNS[entry.kind])
        if entry.kind == "opened":
            self._step(entry, _Step("detect", entry.at_ms, lambda times: (entry.at_ms, times.to_detect_s)))
        elif entry.kind in _STEPS and entry.alert_id is None:
            of, told = _STEPS[entry.kind]
            self._step(entry, _Step(of, entry.at_ms, told))

    def _turn(self, key: tuple[str, str], turn: Of) -> None:
        whose = self._alerts.get(key)
        if whose is None:
            self._turns.put(key, turn)
        else:
            self._figures.count(turn, *whose)

    def _step(self, entry: TimelineEntry, step: _Step) -> None:
        key = entry.tenant, entry.incident_id
        self._steps.put(key, step)
        if (incident := self._incidents.get(key)) is not None:
            self._settle(incident)

    def _on_incident(self, incident: Incident) -> None:
        known = self._incidents.get((incident.tenant, incident.id))
        if known is None or incident.revision >= known.revision:
            self._incidents.put((incident.tenant, incident.id), incident)
            self._settle(incident)

    def _settle(self, incident: Incident) -> None:
        """Measure the steps that the incident tells of by now; one that it tells of another time is not its first."""
        key = incident.tenant, incident.id
        for step in self._steps.pop(key):
            at_ms, took_s = step.told(incident.times)
            if at_ms is None or took_s is None or at_ms < step.at_ms:
                self._steps.put(key, step)
            elif at_ms == step.at_ms:
                _, team = self._group(incident.tenant, "", _team(incident))
                self._figures.took(step.of, took_s, incident.tenant, team, incident.priority)

    # -- notifications -----------------------------------------------------------------------------------------

    def _on_notification(self, one: Notification) -> None:
        key = one.tenant, one.id
        self._priorities.put(key, one.priority)
        kind = one.integration.partition("[")[0]
        for outcome in OUTCOMES:
            self._figures.begin("notified", one.tenant, one.receiver, kind, one.action, one.priority, outcome)
        for result in self._results.pop(key):
            self._attempted(result, one.priority)

    def _on_result(self, result: NotificationResult) -> None:
        key = result.tenant, result.notification_id
        if not self._seen.is_new(("result", *key, result.attempt)):
            return
        priority = self._priorities.get(key)
        if priority is None:
            self._results.put(key, result)
        else:
            self._attempted(result, priority)

    def _attempted(self, one: NotificationResult, priority: str) -> None:
        kind = one.integration.partition("[")[0]
        self._figures.count("notified", one.tenant, one.receiver, kind, one.action, priority, one.outcome)


def _team(incident: Incident) -> str:
    """That of the first member to begin that has one."""
    named = [one for one in incident.members if one.labels.get("team")]
    return min(named, key=lambda one: (one.started_ms, one.alert_id)).labels["team"] if named else ""
