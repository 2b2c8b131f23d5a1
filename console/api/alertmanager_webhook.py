"""``/api/v1/webhooks/alertmanager``: what an Alertmanager tells its receivers, told to us; a token, no signature.

Alertmanager blanks the end of an alert that fires, and tells it again after its ``repeat_interval``, hours later. So
what it says fires goes on until it says that it is over, or until it has been quiet for much longer than that.

References
----------
The body, version 4: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from console.access import Responder
from console.alertmanager.bodies import PostableAlert
from console.alertmanager.posting import post, taken
from console.api.webhooks import Taken
from console.asking import Desk, OnceKey
from console.problems import RequestError

_MOST_NAMED = 20


class ToldAlert(PostableAlert):
    """An alert as a receiver is told of it."""

    status: Literal["firing", "resolved"]

    def posted(self, now_ms: int, timeout_ms: int) -> PostableAlert:
        """As it would be posted: what is over says since when, and what fires until when at the longest.

        Examples
        --------
        >>> one = ToldAlert(status="firing", labels={"alertname": "Disk"}, endsAt="0001-01-01T00:00:00Z")
        >>> one.posted(1_000, 60_000).ends_ms
        61000
        >>> one.model_copy(update={"status": "resolved"}).posted(1_000, 60_000).ends_ms
        1000
        """
        ends_ms = now_ms + timeout_ms if self.status == "firing" else self.ends_ms
        ends_ms = now_ms if ends_ms is None else ends_ms
        return self.model_copy(update={"endsAt": datetime.fromtimestamp(ends_ms / 1000, UTC)})


class AlertmanagerWebhook(BaseModel):
    """What a receiver is told; of it all the alerts are taken, each for itself."""

    version: Annotated[Literal["4"], Field(description="Of the body.")]
    alerts: list[ToldAlert]
    truncatedAlerts: Annotated[  # noqa: N815  # its name there
        int, Field(ge=0, description="How many are left out: that webhook's max_alerts. Better 0.")
    ] = 0


class AlertmanagerWebhookRoutes:
    """The path.

    Parameters
    ----------
    desk
        Who takes what is told.
    timeout_s
        How long what fires goes on if it is not told of again.
    """

    def __init__(self, desk: Desk, timeout_s: int) -> None:
        self._desk = desk
        self._timeout_ms = 1000 * timeout_s

    def router(self) -> APIRouter:
        """It, as FastAPI takes it."""
        router = APIRouter(tags=["webhooks"])
        router.add_api_route("/webhooks/alertmanager", self.take, methods=["POST"])
        return router

    def take(self, caller: Responder, told: AlertmanagerWebhook, once: OnceKey) -> Taken:
        """Take the alerts that an Alertmanager tells of; one that is told again is the same alert."""
        now_ms = self._desk.now_ms()
        alerts, wrong = taken([one.posted(now_ms, self._timeout_ms) for one in told.alerts], now_ms)
        wrong += post(self._desk, caller, alerts, self._desk.new_id(caller, once))
        if wrong:
            raise RequestError(400, "; ".join(wrong[:_MOST_NAMED]))
        return Taken(taken=len(alerts))
