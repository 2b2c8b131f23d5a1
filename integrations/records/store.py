"""Reads of the records: incidents and their history, how long they took, how good alerts are."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, TypeVar

import sqlalchemy as sa

from integrations.records.database import Database
from integrations.records.settings import RecordsSettings
from integrations.records.sre_health import (
    Accuracy,
    IncidentDurations,
    RepairTimes,
    accuracies,
    groups_of,
    repair_times,
    shift_of,
)
from integrations.records.tables import (
    ALERTS,
    FEEDBACK,
    INCIDENTS,
    NOTIFICATIONS,
    PLACES,
    RESULTS,
    SILENCES,
    STATUSES,
    TIMELINE,
)
from integrations.stores import MOST_A_PAGE, Mark, Page
from schemas.base import Event
from schemas.command_events import Silence
from schemas.events import Priority
from schemas.incident_events import Alert, AlertState, Incident, IncidentState, TimelineEntry
from schemas.notification_events import AlertStatus, Notification, NotificationResult
from schemas.slo_events import Feedback
from schemas.topics import DAY_MS

E = TypeVar("E", bound=Event)
IncidentGroup = Literal["all", "route", "team", "rule", "service", "cause"]
VolumeGroup = Literal["all", "team", "rule", "route", "priority"]
VolumePeriod = Literal["day", "shift", "all"]
_NOT_TOLD: Final = ""


@dataclass(frozen=True, slots=True)
class IncidentQuery:
    """Which incidents are meant; what is left out holds of all.

    Parameters
    ----------
    states, priorities
        Any of these; merged ones only where they are asked for.
    team, service, cause
        As it stands in their columns.
    since_ms, until_ms
        They began at or after the one, and before the other.
    """

    states: frozenset[IncidentState] = frozenset()
    priorities: frozenset[Priority] = frozenset()
    team: str | None = None
    service: str | None = None
    cause: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class AlertQuery:
    """Which alerts are meant; what is left out holds of all.

    Parameters
    ----------
    state
        Firing or resolved.
    rule, team, incident_id
        As it stands in their columns.
    since_ms, until_ms
        They began at or after the one, and before the other.
    """

    state: AlertState | None = None
    rule: str | None = None
    team: str | None = None
    incident_id: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Volume:
    """How many alerts began.

    Parameters
    ----------
    start_ms
        Of the day or the shift (UTC); None of the whole time.
    group
        Team, rule, receiver or priority; empty where they have none.
    alerts
        So many.
    """

    start_ms: int | None
    group: str
    alerts: int


class RecordsStore:
    """Reads what the role ``project`` keeps in the database. Threads may share one.

    Every call may raise ``StoreError`` where the database does not answer: ask again later.

    Parameters
    ----------
    settings
        Where it is.
    """

    def __init__(self, settings: RecordsSettings) -> None:
        self._settings = settings
        self._database = Database(settings, writes=False)
        self.place = self._database.place

    def close(self) -> None:
        """Let go of its connections."""
        self._database.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ping(self) -> None:
        """Ask it for nothing; raises where it does not answer, or holds no records yet."""
        self._rows(sa.select(INCIDENTS.c.id).limit(1))

    def applied(self) -> dict[tuple[str, int], int]:
        """How far they are: the next offset of each partition of each topic."""
        rows = self._rows(sa.select(PLACES.c.topic, PLACES.c.partition, PLACES.c.next))
        return {(topic, partition): offset for topic, partition, offset in rows}

    # -- incidents ---------------------------------------------------------------------------------------------

    def incident(self, tenant: str, incident_id: str) -> Incident | None:
        """An incident by its id, or by that of one that was merged into it."""
        for _ in range(16):
            where = (INCIDENTS.c.tenant == tenant) & (INCIDENTS.c.id == incident_id)
            found = self._one(sa.select(INCIDENTS.c.body).where(where), Incident)
            if found is None or found.merged_into is None:
                return found
            incident_id = found.merged_into
        return None

    def incidents(
        self, tenant: str, wanted: IncidentQuery = IncidentQuery(), limit: int = 100, cursor: str | None = None
    ) -> Page[Incident]:
        """Incidents, the latest to begin first.

        Raises
        ------
        CursorError
            If no page ended with the cursor.
        """
        c = INCIDENTS.c
        query = sa.select(c.started_ms, c.id, c.body).where(c.tenant == tenant)
        query = query.where(c.state.in_(wanted.states) if wanted.states else c.state != "merged")
        if wanted.priorities:
            query = query.where(c.priority.in_(wanted.priorities))
        for column, value in ((c.team, wanted.team), (c.service, wanted.service), (c.cause, wanted.cause)):
            if value is not None:
                query = query.where(column == value)
        return self._page(_between(query, c.started_ms, wanted.since_ms, wanted.until_ms), Incident, limit, cursor)

    def timeline(self, tenant: str, incident_id: str) -> list[TimelineEntry]:
        """Everything that happened to an incident, and to what was merged into it, in order."""
        incident = self.incident(tenant, incident_id)
        ids = [incident_id] if incident is None else [incident.id, *incident.aliases]
        c = TIMELINE.c
        query = sa.select(c.body).where(c.tenant == tenant, c.incident_id.in_(ids)).order_by(c.at_ms, c.place)
        return self._events(query, TimelineEntry)

    # -- alerts ------------------------------------------------------------------------------------------------

    def alert(self, tenant: str, alert_id: str) -> Alert | None:
        """An alert episode by its id."""
        return self._one(sa.select(ALERTS.c.body).where(ALERTS.c.tenant == tenant, ALERTS.c.id == alert_id), Alert)

    def alerts(
        self, tenant: str, wanted: AlertQuery = AlertQuery(), limit: int = 100, cursor: str | None = None
    ) -> Page[Alert]:
        """Alerts, the latest to begin first.

        Raises
        ------
        CursorError
            If no page ended with the cursor.
        """
        c = ALERTS.c
        query = sa.select(c.started_ms, c.id, c.body).where(c.tenant == tenant)
        named = ((c.state, wanted.state), (c.rule, wanted.rule), (c.team, wanted.team))
        for column, value in (*named, (c.incident_id, wanted.incident_id)):
            if value is not None:
                query = query.where(column == value)
        return self._page(_between(query, c.started_ms, wanted.since_ms, wanted.until_ms), Alert, limit, cursor)

    def status(self, tenant: str, alert_id: str) -> AlertStatus | None:
        """How an alert stood at last on its way to people, with every decision."""
        c = STATUSES.c
        return self._one(sa.select(c.body).where(c.tenant == tenant, c.alert_id == alert_id), AlertStatus)

    def feedback(self, tenant: str, alert_id: str) -> Feedback | None:
        """What was said of an alert."""
        c = FEEDBACK.c
        return self._one(sa.select(c.body).where(c.tenant == tenant, c.alert_id == alert_id), Feedback)

    def silence(self, tenant: str, silence_id: str) -> Silence | None:
        """A silence, long after its end."""
        c = SILENCES.c
        return self._one(sa.select(c.body).where(c.tenant == tenant, c.id == silence_id), Silence)

    def silences(
        self, tenant: str, since_ms: int | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[Silence]:
        """Silences that end at or after a time, the last to begin first."""
        c = SILENCES.c
        query = sa.select(c.starts_ms, c.id, c.body).where(c.tenant == tenant)
        query = query if since_ms is None else query.where(c.ends_ms >= since_ms)
        return self._page(query, Silence, limit, cursor)

    def notifications(
        self, tenant: str, incident_id: str | None = None, limit: int = 100, cursor: str | None = None
    ) -> Page[Notification]:
        """What was told, the last first; of one incident, or of all."""
        c = NOTIFICATIONS.c
        query = sa.select(c.at_ms, c.id, c.body).where(c.tenant == tenant)
        query = query if incident_id is None else query.where(c.incident_id == incident_id)
        return self._page(query, Notification, limit, cursor)

    def results(self, tenant: str, notification_id: str) -> list[NotificationResult]:
        """Every attempt to deliver a notification, in order."""
        c = RESULTS.c
        where = (c.tenant == tenant, c.notification_id == notification_id)
        return self._events(sa.select(c.body).where(*where).order_by(c.attempt, c.at_ms), NotificationResult)

    # -- how well it goes --------------------------------------------------------------------------------------

    def mttr(
        self, tenant: str, by: IncidentGroup = "all", since_ms: int | None = None, until_ms: int | None = None
    ) -> list[RepairTimes]:
        """How long incidents that began in a time took to be detected, acknowledged, mitigated and resolved.

        Those that were merged into another are not counted. One that is of several teams, rules or receivers counts
        for each.

        Parameters
        ----------
        by
            ``route`` is the receiver that was told.
        """
        c = INCIDENTS.c
        columns = (c.id, c.team, c.service, c.cause, c.aliases)
        durations = (c.to_detect_s, c.to_acknowledge_s, c.to_mitigate_s, c.to_resolve_s)
        query = sa.select(*columns, *durations).where(c.tenant == tenant, c.state != "merged").order_by(c.id)
        rows = self._rows(_between(query, c.started_ms, since_ms, until_ms))
        groups = self._groups(tenant, by)
        incidents = []
        for identity, team, service, cause, aliases, *took in rows:
            named = {"all": [_NOT_TOLD], "team": [team], "service": [service], "cause": [cause]}.get(by)
            ids = [identity, *json.loads(aliases)]
            incidents.append((groups_of(ids, groups) if named is None else named, IncidentDurations(*took)))
        return repair_times(incidents)

    def _groups(self, tenant: str, by: IncidentGroup) -> dict[str, set[str]]:
        """Rules or receivers by incident."""
        if by == "rule":
            source, column = ALERTS.c, ALERTS.c.rule
        elif by == "route":
            source, column = NOTIFICATIONS.c, NOTIFICATIONS.c.receiver
        else:
            return {}
        query = sa.select(source.incident_id, column).distinct()
        groups: dict[str, set[str]] = {}
        for incident_id, name in self._rows(query.where(source.tenant == tenant, source.incident_id.is_not(None))):
            groups.setdefault(incident_id, set()).add(name)
        return groups

    def volume(
        self,
        tenant: str,
        period: VolumePeriod = "day",
        by: VolumeGroup = "all",
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> list[Volume]:
        """How many alerts began in each day or shift, by team, rule, receiver or priority; none is not listed."""
        c = ALERTS.c
        column = {"team": c.team, "rule": c.rule, "priority": c.priority}.get(by, sa.literal(_NOT_TOLD))
        query = _between(
            sa.select(c.started_ms, column, c.id).where(c.tenant == tenant), c.started_ms, since_ms, until_ms
        )
        receivers = self._receivers(tenant) if by == "route" else {}
        counts: dict[tuple[int | None, str], int] = {}
        for at_ms, name, identity in self._rows(query):
            start_ms = self._start(period, at_ms)
            for group in receivers.get(identity, [_NOT_TOLD]) if by == "route" else [name]:
                counts[start_ms, group] = counts.get((start_ms, group), 0) + 1
        return [
            Volume(*key, count) for key, count in sorted(counts.items(), key=lambda one: (one[0][0] or 0, one[0][1]))
        ]

    def _start(self, period: VolumePeriod, at_ms: int) -> int | None:
        if period == "all":
            return None
        return at_ms - at_ms % DAY_MS if period == "day" else shift_of(at_ms, self._settings.shift_starts_h)

    def _receivers(self, tenant: str) -> dict[str, list[str]]:
        c = STATUSES.c
        rows = self._rows(sa.select(c.alert_id, c.receivers).where(c.tenant == tenant))
        return {identity: json.loads(receivers) or [_NOT_TOLD] for identity, receivers in rows}

    def accuracy(
        self,
        tenant: str,
        by: Literal["all", "rule", "team"] = "rule",
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> list[Accuracy]:
        """How many of the alerts that began in a time were labelled, and of these needed action, or not.

        Shares are of the labelled alone, each with its 95 % interval (Wilson's).
        """
        c, said = ALERTS.c, FEEDBACK.c
        column = {"rule": c.rule, "team": c.team}.get(by, sa.literal(_NOT_TOLD))
        joined = ALERTS.outerjoin(FEEDBACK, (said.tenant == c.tenant) & (said.alert_id == c.id))
        query = sa.select(column, said.verdict, sa.func.count()).select_from(joined).where(c.tenant == tenant)
        query = _between(query, c.started_ms, since_ms, until_ms).group_by(column, said.verdict)
        return accuracies((name, verdict, count) for name, verdict, count in self._rows(query))

    # -- rows --------------------------------------------------------------------------------------------------

    def _rows(self, query: sa.Select[Any]) -> Sequence[Any]:
        with self._database.answering(), self._database.begin() as connection:
            return connection.execute(query).all()

    def _one(self, query: sa.Select[Any], model: type[E]) -> E | None:
        rows = self._rows(query)
        return model.from_bytes(rows[0][0].encode()) if rows else None

    def _events(self, query: sa.Select[Any], model: type[E]) -> list[E]:
        return [model.from_bytes(row[0].encode()) for row in self._rows(query)]

    def _page(self, query: sa.Select[Any], model: type[E], limit: int, cursor: str | None) -> Page[E]:
        """A page of a query of time, id and body."""
        limit = max(1, min(limit, MOST_A_PAGE))
        at_ms, identity = query.selected_columns[0], query.selected_columns[1]
        if cursor is not None:
            mark = Mark.read(cursor)
            query = query.where((at_ms < mark.at_ms) | ((at_ms == mark.at_ms) & (identity < mark.id)))
        rows = self._rows(query.order_by(at_ms.desc(), identity.desc()).limit(limit + 1))
        items = [model.from_bytes(row[2].encode()) for row in rows[:limit]]
        return Page(items, Mark(rows[limit - 1][0], rows[limit - 1][1]).text() if len(rows) > limit else None)


def _between(query: sa.Select[Any], column: Any, since_ms: int | None, until_ms: int | None) -> sa.Select[Any]:
    if since_ms is not None:
        query = query.where(column >= since_ms)
    return query if until_ms is None else query.where(column < until_ms)
