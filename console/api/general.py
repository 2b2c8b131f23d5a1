"""``/api/v1/status`` and ``/api/v1/commands``."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from console.access import Viewer
from console.ports import Reads
from console.problems import not_found
from schemas.command_events import CommandResult
from schemas.errors import MetricsAIError

OPEN_TEXT = "no token is needed: everybody on this machine may do everything. Set console.tokens to change that"


class StatusView(BaseModel):
    """What answers here, and whom it takes the caller for."""

    version: str
    tenant: str
    caller: str
    role: str
    needs_token: bool
    note: str = ""
    store_answers: bool


class GeneralRoutes:
    """The paths.

    Parameters
    ----------
    reads
        The store.
    version
        Ours.
    is_open
        Whether nobody needs a token.
    """

    def __init__(self, reads: Reads, version: str, is_open: bool) -> None:
        self._reads = reads
        self._version = version
        self._is_open = is_open

    def router(self) -> APIRouter:
        """Them, as FastAPI takes them."""
        router = APIRouter(tags=["general"])
        router.add_api_route("/status", self.status, methods=["GET"])
        router.add_api_route("/commands/{command_id}", self.command, methods=["GET"])
        return router

    def status(self, caller: Viewer) -> StatusView:
        """What answers here, and whom it takes you for."""
        return StatusView(
            version=self._version,
            tenant=caller.tenant,
            caller=caller.name,
            role=caller.role,
            needs_token=not self._is_open,
            note=OPEN_TEXT if self._is_open else "",
            store_answers=self._answers(),
        )

    def _answers(self) -> bool:
        try:
            self._reads.ping()
        except MetricsAIError:
            return False
        return True

    def command(self, caller: Viewer, command_id: str) -> CommandResult:
        """What became of a command of the last hour."""
        found = self._reads.command_result(caller.tenant, command_id)
        if found is None:
            raise not_found("result of a command", command_id)
        return found
