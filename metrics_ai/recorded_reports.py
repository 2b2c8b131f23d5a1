"""Reports of incidents, made of the records that the role ``project`` keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from incidents.review import Case, report_of
from incidents.review.case import PAST_DAYS, newest_feedback, objectives_of
from integrations.records.store import AlertQuery, IncidentQuery
from integrations.stores import MOST_A_PAGE, Page
from metrics_ai.incident_reports import WRITERS, Form
from schemas.errors import ConfigurationError
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.notification_events import Notification, NotificationResult
from schemas.slo_events import Feedback, SloAlert
from schemas.topics import DAY_MS

T = TypeVar("T")


class CaseRecords(Protocol):
    """What ``integrations.records.store.RecordsStore`` tells of cases."""

    def incident(self, tenant: str, incident_id: str) -> Incident | None:
        """An incident by its id, or by that of one that was merged into it."""

    def incidents(
        self, tenant: str, wanted: IncidentQuery = ..., limit: int = 100, cursor: str | None = None
    ) -> Page[Incident]:
        """Incidents, the latest to begin first."""

    def timeline(self, tenant: str, incident_id: str) -> list[TimelineEntry]:
        """Everything that happened to it, and to what was merged into it."""

    def alerts(self, tenant: str, wanted: AlertQuery = ..., limit: int = 100, cursor: str | None = None) -> Page[Alert]:
        """Alerts, the latest to begin first."""

    def notifications(
        self, tenant: str, incident_id: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[Notification]:
        """What was told."""

    def results(self, tenant: str, notification_id: str) -> list[NotificationResult]:
        """Every attempt to deliver a notification."""

    def feedback(self, tenant: str, alert_id: str) -> Feedback | None:
        """What was said of an alert."""


class RecordedReports:
    """Reports made of the records, as the API asks for them.

    Parameters
    ----------
    records
        The records.
    history
        The folder of history, where there is one: it knows what budgets paid.
    """

    def __init__(self, records: CaseRecords, history: Path | None = None) -> None:
        self._records = records
        self._history = history

    def report(self, tenant: str, incident_id: str, form: Form) -> str | None:
        """The report of an incident; None where it is not known.

        Raises
        ------
        StoreError
            If the records do not answer.
        """
        case = recorded_case(self._records, tenant, incident_id, self._history)
        return None if case is None else WRITERS[form](report_of(case))


def recorded_case(records: CaseRecords, tenant: str, incident_id: str, history: Path | None = None) -> Case | None:
    """The case of an incident; None where the records do not know it.

    Parameters
    ----------
    records
        The records.
    incident_id
        Its id, or that of one that was merged into it.
    history
        The folder in which history is kept: it tells what objectives went through. Without one, or where it holds
        nothing, what was spent of budgets is not known.

    Raises
    ------
    StoreError
        If the records do not answer.
    """
    incident = records.incident(tenant, incident_id)
    if incident is None:
        return None
    ids = [incident.id, *incident.aliases]
    alerts = [alert for one in ids for alert in _alerts(records, tenant, one)]
    told = [sent for one in ids for sent in _notifications(records, tenant, one)]
    since = IncidentQuery(since_ms=incident.started_ms - PAST_DAYS * DAY_MS, until_ms=incident.started_ms + 1)
    past = _all(lambda cursor: records.incidents(tenant, since, MOST_A_PAGE, cursor))
    said = (records.feedback(tenant, one.id) for one in alerts)
    return Case(
        incident=incident,
        timeline=records.timeline(tenant, incident.id),
        alerts=alerts,
        notifications=told,
        results=[result for one in told for result in records.results(tenant, one.id)],
        turns=_turns(history, incident, alerts),
        feedback=newest_feedback(one for one in said if one is not None),
        past=[one for one in past if one.id not in ids],
    )


def _alerts(records: CaseRecords, tenant: str, incident_id: str) -> Iterator[Alert]:
    wanted = AlertQuery(incident_id=incident_id)
    return _all(lambda cursor: records.alerts(tenant, wanted, MOST_A_PAGE, cursor))


def _notifications(records: CaseRecords, tenant: str, incident_id: str) -> Iterator[Notification]:
    return _all(lambda cursor: records.notifications(tenant, incident_id, MOST_A_PAGE, cursor))


def _all(page_of: Callable[[str | None], Page[T]]) -> Iterator[T]:
    cursor: str | None = None
    while True:
        page = page_of(cursor)
        yield from page.items
        cursor = page.cursor
        if cursor is None:
            return


def _turns(folder: Path | None, incident: Incident, alerts: Sequence[Alert]) -> list[SloAlert]:
    """What the objectives of an incident went through while it lasted, and the day before."""
    slos = objectives_of(alerts)
    if folder is None or not slos:
        return []
    from integrations.history.reader import History, Span  # noqa: PLC0415  # pyarrow takes its time

    begin_ms = min([incident.started_ms, *(one.started_ms for one in alerts)]) - DAY_MS
    turns: list[SloAlert] = []
    for slo in sorted(slos):
        try:
            found = History(folder).of(f"{incident.tenant}/{slo}", Span(begin_ms, incident.updated_ms))
        except ConfigurationError:  # history holds nothing of it: then it is not known
            continue
        turns += [one for one in found.alerts if begin_ms <= one.at_ms <= incident.updated_ms]
    return turns
