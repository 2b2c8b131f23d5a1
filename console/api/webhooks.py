"""``/api/v1/webhooks``: what pagers and ticket systems tell us; a signature stands for the token."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import anyio.to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel

from console.access import Caller
from console.asking import Desk, Wish
from console.judging import Judging
from console.ports import Asked, ReadWebhook, Said, Vendor
from console.problems import RequestError
from console.settings import WebhookSecrets, WebhookSettings, secret_of
from incidents.names import named_by
from schemas.command_events import CommandBody, MoveIncident, NoteIncident
from schemas.errors import ConfigurationError, SchemaError

LOG = logging.getLogger("metrics_ai.console")


class Taken(BaseModel):
    """How much of a webhook was for us."""

    taken: int


class WebhookRoutes:
    """The path.

    Parameters
    ----------
    readers
        Who reads a vendor's webhooks.
    settings
        Whose secrets.
    desk, judging
        Who takes what they ask for, and what they say.
    tenant
        Whose incidents they tell of, unless the settings say so.
    """

    def __init__(
        self,
        readers: Mapping[str, ReadWebhook],
        settings: WebhookSettings,
        desk: Desk,
        judging: Judging,
        tenant: str,
    ) -> None:
        self._readers = readers
        self._settings = settings
        self._desk = desk
        self._judging = judging
        self._tenant = tenant

    def router(self) -> APIRouter:
        """It, as FastAPI takes it."""
        router = APIRouter(tags=["webhooks"])
        router.add_api_route("/webhooks/{vendor}", self.take, methods=["POST"])
        return router

    async def take(self, request: Request, vendor: Vendor) -> Taken:
        """Take an acknowledgement or a resolution that was made elsewhere."""
        body = await request.body()
        return await anyio.to_thread.run_sync(self._take, vendor, dict(request.headers), body)

    def _take(self, vendor: Vendor, headers: Mapping[str, str], body: bytes) -> Taken:
        settings: WebhookSecrets = getattr(self._settings, vendor)
        reader, secrets = self._readers.get(vendor), _secrets(settings, vendor)
        if reader is None or not secrets:
            raise RequestError(403, f"webhooks of {vendor} are not taken here", f"Set console.webhooks.{vendor}")
        try:
            told = reader(headers, body, secrets, self._desk.now_ms())
        except SchemaError as error:
            raise RequestError(401, error.what) from error
        caller = Caller(vendor, "admin", settings.tenant or self._tenant)
        for one in told:
            self._do(caller, vendor, one)
        return Taken(taken=len(told))

    def _do(self, caller: Caller, vendor: Vendor, one: Asked | Said) -> None:
        """Ask for it, or write it down; that it could not be done is no reason for a vendor to send it again."""
        if isinstance(one, Asked):
            outcome = self._desk.ask(caller, Wish(f"{vendor}-{one.id}", self._of_incident(caller, one.body), one.by))
            if outcome.result is not None and not outcome.is_done:
                LOG.info("what a webhook asks for is refused", extra={"vendor": vendor, "why": outcome.result.reason})
            return
        try:
            self._judging.judge(caller, one.alert_id, one.verdict, one.by)
        except RequestError as error:
            LOG.info("a verdict is left out", extra={"vendor": vendor, "why": error.what})

    def _of_incident(self, caller: Caller, body: CommandBody) -> CommandBody:
        """What is asked for of an alert's incident, by the incident's own id: a page may have been the alert's."""
        if not isinstance(body, MoveIncident | NoteIncident) or named_by(body.incident_id) != "alert":
            return body
        incident_id = self._desk.incident_of(caller, body.incident_id)
        return body if incident_id is None else body.model_copy(update={"incident_id": incident_id})


def _secrets(settings: WebhookSecrets, vendor: str) -> list[str]:
    found = [one.get_secret_value() for one in settings.secrets]
    if settings.secrets_file is None:
        return found
    try:
        return found + secret_of(settings.secrets_file, f"console.webhooks.{vendor}").splitlines()
    except ConfigurationError as error:
        raise RequestError(503, "the secrets of this webhook cannot be read now") from error
