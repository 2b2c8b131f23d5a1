"""``/api/v1/incidents``: changing them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from console.access import Caller, Responder
from console.answers import Done, answered
from console.api.alerts import NoteBody
from console.asking import Desk, Once, OnceKey, Wish, body_of
from console.ports import Reads
from schemas.command_events import (
    CommandBody,
    CommandResult,
    MergeIncidents,
    MoveIncident,
    NoteIncident,
    SplitIncident,
)

Move = Literal["acknowledge", "unacknowledge", "mitigate", "resolve", "review"]
_TO: Final[dict[Move, Literal["acknowledged", "open", "mitigated", "resolved", "reviewed"]]] = {
    "acknowledge": "acknowledged",
    "unacknowledge": "open",
    "mitigate": "mitigated",
    "resolve": "resolved",
    "review": "reviewed",
}


class TextBody(BaseModel):
    """A note on the timeline."""

    model_config = ConfigDict(extra="forbid")
    note: str = Field(min_length=1, max_length=4000)
    by: str = Field("", max_length=200, description="In whose name, where that is not the token's.")


class MergeBody(NoteBody):
    """Which incident is the same; the older one's id stays."""

    other_id: Annotated[str, Field(min_length=1, max_length=200)]


class SplitBody(NoteBody):
    """Which alerts are another incident's."""

    alert_ids: Annotated[list[str], Field(min_length=1, max_length=1000)]


class MoveRoutes:
    """The paths.

    Parameters
    ----------
    reads
        Where incidents are read.
    desk
        Who takes what is asked for.
    """

    def __init__(self, reads: Reads, desk: Desk) -> None:
        self._reads = reads
        self._desk = desk

    def router(self) -> APIRouter:
        """Them, as FastAPI takes them."""
        router = APIRouter(prefix="/incidents/{incident_id}", tags=["incidents"])
        router.add_api_route("/notes", self.note, methods=["POST"])
        router.add_api_route("/merge", self.merge, methods=["POST"])
        router.add_api_route("/split", self.split, methods=["POST"])
        router.add_api_route("/{move}", self.move, methods=["POST"])
        return router

    def move(
        self,
        caller: Responder,
        incident_id: str,
        move: Move,
        response: Response,
        once: OnceKey,
        body: NoteBody | None = None,
    ) -> Done:
        """Say how far people are with an incident: acknowledge, unacknowledge, mitigate, resolve or review it."""
        given = body or NoteBody()
        command = body_of(lambda: MoveIncident(incident_id=incident_id, to=_TO[move], note=given.note))

        def is_seen(_: CommandResult) -> bool:
            found = self._reads.incident(caller.tenant, incident_id)
            return found is not None and found.state == _TO[move]

        return self._asked(caller, (incident_id, command, given.by), response, once, is_seen)

    def note(self, caller: Responder, incident_id: str, body: TextBody, response: Response, once: OnceKey) -> Done:
        """Write something on an incident's timeline."""
        command = body_of(lambda: NoteIncident(incident_id=incident_id, note=body.note))

        def is_seen(_: CommandResult) -> bool:
            entries = self._reads.timeline(caller.tenant, incident_id)
            return any(one.kind == "note" and body.note in one.text for one in entries)

        return self._asked(caller, (incident_id, command, body.by), response, once, is_seen)

    def merge(self, caller: Responder, incident_id: str, body: MergeBody, response: Response, once: OnceKey) -> Done:
        """Make one incident of two."""
        command = body_of(lambda: MergeIncidents(incident_id=incident_id, other_id=body.other_id, note=body.note))

        def is_seen(_: CommandResult) -> bool:
            found = [self._reads.incident(caller.tenant, one) for one in (incident_id, body.other_id)]
            return found[0] is not None and found[1] is not None and found[0].id == found[1].id

        return self._asked(caller, (incident_id, command, body.by), response, once, is_seen)

    def split(self, caller: Responder, incident_id: str, body: SplitBody, response: Response, once: OnceKey) -> Done:
        """Take alerts out of an incident into one of their own; the answer's subject is its id."""
        command = body_of(lambda: SplitIncident(incident_id=incident_id, alert_ids=body.alert_ids, note=body.note))

        def is_seen(result: CommandResult) -> bool:
            return not result.subject or self._reads.incident(caller.tenant, result.subject) is not None

        return self._asked(caller, (incident_id, command, body.by), response, once, is_seen)

    def _asked(
        self,
        caller: Caller,
        asked: tuple[str, CommandBody, str],
        response: Response,
        once: Once | None,
        is_seen: Callable[[CommandResult], bool],
    ) -> Done:
        incident_id, body, by = asked
        outcome = self._desk.ask(caller, Wish(self._desk.new_id(caller, once), body, by, is_seen), once)

        def is_known() -> bool:
            ids = [incident_id, body.other_id] if isinstance(body, MergeIncidents) else [incident_id]
            return all(self._reads.incident(caller.tenant, one) is not None for one in ids)

        return answered(outcome, response, is_known)
