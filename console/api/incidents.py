"""``/api/v1/incidents``: reading them."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from console.access import Viewer
from console.api.pages import Cursor, Limit, Listing
from console.ports import Form, Reads, Records, Reports
from console.problems import RequestError, not_found
from integrations.serving.store import IncidentFilter
from schemas.events import Priority
from schemas.incident_events import Incident, IncidentState, TimelineEntry
from schemas.notification_events import Notification, NotificationResult

MEDIA_TYPES: Final = {
    "md": "text/markdown; charset=utf-8",
    "json": "application/json",
    "html": "text/html; charset=utf-8",
}


class NotificationView(BaseModel):
    """Something that was told, and what became of its last attempt."""

    notification: Notification
    result: NotificationResult | None = None


class IncidentRoutes:
    """The paths that change nothing.

    Parameters
    ----------
    reads
        Where incidents are read.
    records
        Where those are read that ended long ago.
    reports
        Who writes reports.
    """

    def __init__(self, reads: Reads, records: Records | None, reports: Reports | None) -> None:
        self._reads = reads
        self._records = records
        self._reports = reports

    def router(self) -> APIRouter:
        """Them, as FastAPI takes them."""
        router = APIRouter(prefix="/incidents", tags=["incidents"])
        for path, endpoint in (
            ("", self.incidents),
            ("/{incident_id}", self.incident),
            ("/{incident_id}/timeline", self.timeline),
            ("/{incident_id}/notifications", self.notifications),
        ):
            router.add_api_route(path, endpoint, methods=["GET"], response_model_exclude_none=True)
        router.add_api_route("/{incident_id}/report", self.report, methods=["GET"], response_class=Response)
        return router

    def incidents(
        self,
        caller: Viewer,
        state: Annotated[list[IncidentState] | None, Query()] = None,
        priority: Annotated[list[Priority] | None, Query()] = None,
        limit: Limit = 100,
        cursor: Cursor = None,
    ) -> Listing[Incident]:
        """Incidents, the last to change first; one that was merged is told by its survivor."""
        wanted = IncidentFilter(states=frozenset(state or ()), priorities=frozenset(priority or ()))
        page = self._reads.incidents(caller.tenant, wanted, limit, cursor)
        return Listing(items=page.items, cursor=page.cursor)

    def incident(self, caller: Viewer, incident_id: str) -> Incident:
        """One incident, by its id or that of one that was merged into it."""
        found = self._reads.incident(caller.tenant, incident_id)
        if found is None and self._records is not None:
            found = self._records.incident(caller.tenant, incident_id)
        if found is None:
            raise not_found("incident", incident_id)
        return found

    def timeline(self, caller: Viewer, incident_id: str) -> list[TimelineEntry]:
        """What happened to an incident, in order."""
        if self._reads.incident(caller.tenant, incident_id) is not None:
            return self._reads.timeline(caller.tenant, incident_id)
        self.incident(caller, incident_id)
        return self._records.timeline(caller.tenant, incident_id) if self._records else []

    def notifications(self, caller: Viewer, incident_id: str, limit: Limit = 100) -> list[NotificationView]:
        """Who was told of an incident, the last first."""
        self.incident(caller, incident_id)
        sent = self._reads.notifications(caller.tenant, incident_id, limit)
        return [NotificationView(notification=one.notification, result=one.result) for one in sent]

    def report(self, caller: Viewer, incident_id: str, format: Form = "md") -> Response:  # noqa: A002
        """The report of an incident."""
        if self._reports is None:
            raise RequestError(501, "reports are not configured here", "They need records: set records.url")
        text = self._reports.report(caller.tenant, incident_id, format)
        if text is None:
            raise not_found("incident", incident_id)
        return Response(text, media_type=MEDIA_TYPES[format])
