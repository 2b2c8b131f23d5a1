"""``/api/v1/webhooks``: what pagers and ticket systems tell us; a signature stands for the token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import anyio.to_thread
from fastapi import APIRouter, Request
from pydantic import BaseModel

from console.access import Caller, secret_of
from console.asking import Desk, Wish
from console.ports import ReadWebhook, Vendor
from console.problems import RequestError
from console.settings import WebhookSecrets, WebhookSettings
from schemas.errors import ConfigurationError, SchemaError

_SPACE: Final = uuid5(NAMESPACE_URL, "metrics-ai/webhooks")


class Taken(BaseModel):
    """How much of a webhook was for us."""

    commands: int


class WebhookRoutes:
    """The path.

    Parameters
    ----------
    readers
        Who reads a vendor's webhooks.
    settings
        Whose secrets.
    desk
        Who takes what they ask for.
    tenant
        Whose incidents they tell of, unless the settings say so.
    """

    def __init__(self, readers: Mapping[str, ReadWebhook], settings: WebhookSettings, desk: Desk, tenant: str) -> None:
        self._readers = readers
        self._settings = settings
        self._desk = desk
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
            intents = reader(headers, body, secrets, self._desk.now_ms())
        except SchemaError as error:
            raise RequestError(401, error.what) from error
        caller = Caller(vendor, "admin", settings.tenant or self._tenant)
        for one in intents:
            # The same event that is sent again is the same command. That it was not done is no reason to send it again.
            self._desk.ask(caller, Wish(str(uuid5(_SPACE, f"{vendor}/{one.key}")), one.body, one.by))
        return Taken(commands=len(intents))


def _secrets(settings: WebhookSecrets, vendor: str) -> list[str]:
    found = [one.get_secret_value() for one in settings.secrets]
    if settings.secrets_file is None:
        return found
    try:
        return found + secret_of(settings.secrets_file, f"console.webhooks.{vendor}").splitlines()
    except ConfigurationError as error:
        raise RequestError(503, "the secrets of this webhook cannot be read now") from error
