"""``/api/v1/alerts``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from console.access import Caller, Responder, Viewer
from console.answers import Done, answered
from console.api.pages import Listing
from console.asking import Desk, Once, OnceKey, Wish, body_of
from console.judging import Judging
from console.labels import routed_labels
from console.matching import fits, parsed
from console.ports import Reads, Records
from console.problems import not_found
from integrations.feedback_links import Verdict
from integrations.serving.store import AlertFilter, StandingAlert
from integrations.stores import MOST_A_PAGE
from schemas.command_events import AcknowledgeAlert, CommandBody, CommandResult, UnacknowledgeAlert
from schemas.events import Priority
from schemas.incident_events import Alert, AlertState
from schemas.notification_events import AlertStatus
from schemas.slo_events import Feedback


class AlertView(BaseModel):
    """An alert, how it stands on its way to people, and what they said of it."""

    alert: Alert
    status: AlertStatus | None = None
    feedback: Feedback | None = None

    @classmethod
    def brief(cls, one: StandingAlert) -> AlertView:
        """Without the decisions, which are many: ``why`` has them."""
        status = one.status.model_copy(update={"decisions": []}) if one.status else None
        return cls(alert=one.alert, status=status, feedback=one.feedback)


class AlertsQuery(BaseModel):
    """Which alerts are asked for."""

    state: AlertState | None = None
    priority: list[Priority] = Field([], max_length=4)
    incident: str | None = Field(None, description="Of this incident, or of one that was merged into it.")
    filter: list[str] = Field([], description='Matchers, as name="value".')
    limit: int = Field(100, ge=1, le=MOST_A_PAGE, description="How many at most.")
    cursor: str | None = Field(None, max_length=500, description="`cursor` of the page before.")


class NoteBody(BaseModel):
    """What to write beside it."""

    model_config = ConfigDict(extra="forbid")
    note: str = Field("", max_length=4000)
    by: str = Field("", max_length=200, description="In whose name, where that is not the token's.")


class VerdictBody(BaseModel):
    """Whether an alert needed action."""

    model_config = ConfigDict(extra="forbid")
    verdict: Verdict
    note: str | None = Field(None, max_length=2000)
    by: str = Field("", max_length=200, description="In whose name, where that is not the token's.")


class AlertRoutes:
    """The paths.

    Parameters
    ----------
    reads
        Where alerts are read.
    records
        Where those are read that ended long ago.
    desk
        Who takes what is asked for.
    judging
        Who takes what is said of an alert.
    """

    def __init__(self, reads: Reads, records: Records | None, desk: Desk, judging: Judging) -> None:
        self._reads = reads
        self._records = records
        self._desk = desk
        self._judging = judging

    def router(self) -> APIRouter:
        """Them, as FastAPI takes them."""
        router = APIRouter(prefix="/alerts", tags=["alerts"])
        router.add_api_route("", self.alerts, methods=["GET"], response_model_exclude_none=True)
        router.add_api_route("/{alert_id}", self.alert, methods=["GET"], response_model_exclude_none=True)
        router.add_api_route("/{alert_id}/why", self.why, methods=["GET"], response_model_exclude_none=True)
        router.add_api_route("/{alert_id}/acknowledge", self.acknowledge, methods=["POST"])
        router.add_api_route("/{alert_id}/unacknowledge", self.unacknowledge, methods=["POST"])
        router.add_api_route("/{alert_id}/feedback", self.feedback, methods=["POST"], response_model_exclude_none=True)
        return router

    def alerts(
        self,
        caller: Viewer,
        asked: Annotated[AlertsQuery, Query()],
    ) -> Listing[AlertView]:
        """Alerts, the latest to begin first."""
        matchers = parsed(asked.filter)
        wanted = AlertFilter(
            state=asked.state,
            priorities=frozenset(asked.priority),
            incident_id=asked.incident,
            where=(lambda one: fits(matchers, routed_labels(one))) if matchers else None,
        )
        page = self._reads.alerts(caller.tenant, wanted, asked.limit, asked.cursor)
        return Listing(items=list(map(AlertView.brief, page.items)), cursor=page.cursor)

    def alert(self, caller: Viewer, alert_id: str) -> AlertView:
        """One alert."""
        if (found := self._reads.alert(caller.tenant, alert_id)) is not None:
            return AlertView(alert=found.alert, status=found.status, feedback=found.feedback)
        old = self._records.alert(caller.tenant, alert_id) if self._records else None
        if old is None or self._records is None:
            raise not_found("alert", alert_id)
        status = self._records.status(caller.tenant, alert_id)
        return AlertView(alert=old, status=status, feedback=self._records.feedback(caller.tenant, alert_id))

    def why(self, caller: Viewer, alert_id: str) -> AlertStatus:
        """Why somebody was told of an alert, or was not: every decision, in order."""
        status = self._reads.status(caller.tenant, alert_id)
        if status is None and self._records is not None:
            status = self._records.status(caller.tenant, alert_id)
        if status is None:
            raise not_found("decision about an alert", alert_id)
        return status

    def acknowledge(
        self, caller: Responder, alert_id: str, response: Response, once: OnceKey, body: NoteBody | None = None
    ) -> Done:
        """Say that you look after an alert; it holds for this episode alone."""
        body = body or NoteBody()
        command = body_of(lambda: AcknowledgeAlert(alert_id=alert_id, note=body.note))
        return self._asked(caller, alert_id, (command, body.by), response, once)

    def unacknowledge(
        self, caller: Responder, alert_id: str, response: Response, once: OnceKey, body: NoteBody | None = None
    ) -> Done:
        """Take an acknowledgement back."""
        body = body or NoteBody()
        command = body_of(lambda: UnacknowledgeAlert(alert_id=alert_id, note=body.note))
        return self._asked(caller, alert_id, (command, body.by), response, once)

    def _asked(
        self, caller: Caller, alert_id: str, asked: tuple[CommandBody, str], response: Response, once: Once | None
    ) -> Done:
        body, by = asked
        is_acknowledging = isinstance(body, AcknowledgeAlert)

        def is_seen(_: CommandResult) -> bool:
            status = self._reads.status(caller.tenant, alert_id)
            return status is None or (status.acknowledged is not None) == is_acknowledging

        outcome = self._desk.ask(caller, Wish(self._desk.new_id(caller, once), body, by, is_seen), once)
        return answered(outcome, response, lambda: self._reads.alert(caller.tenant, alert_id) is not None)

    def feedback(self, caller: Responder, alert_id: str, body: VerdictBody) -> Feedback:
        """Say whether an alert needed action: actioned, false or duplicate. A later word replaces this one."""
        return self._judging.judge(caller, alert_id, body.verdict, caller.acting(body.by), body.note)
