"""PagerDuty: one alert of theirs for each dedup key, opened, added to and resolved by events.

=====================  =========  ==========================================================
what came              outcome    source: https://developer.pagerduty.com/docs/events-api-v2
=====================  =========  ==========================================================
202                    delivered  taken, to be worked on
400                    refused    the event is not understood, and never will be
429                    retry      above about 120 calls a minute and key
5xx, no answer         retry
=====================  =========  ==========================================================

An acknowledgement or resolve that comes by another routing key than the trigger did is dropped by PagerDuty. So the
fingerprint of the key that opened is remembered, and what follows goes out by that key: the present one, or one that
still stands among ``retired_routing_keys``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from integrations.delivery.adapter import Memory, Outcome
from integrations.delivery.calling import Call, Caller, Surroundings, safely
from integrations.delivery.pagerduty_event import (
    change_event,
    change_of,
    digest_event,
    key_fingerprint,
    resolve_event,
    trigger_event,
)
from integrations.delivery.rates import Rate
from integrations.delivery.retry import COMMON, RetryTable
from integrations.delivery.settings import Address, HttpDeliverySettings, at_most_one, exactly_one, secret
from schemas.notification_events import Notification

TABLE: Final[RetryTable] = {**COMMON, "400": "refused"}
# 120 calls in any 60 s are taken; at most 100 go out.
# https://developer.pagerduty.com/docs/events-api-v2-rate-limits
RATE: Final = Rate(per_s=80 / 60, burst=20)
_KEY_CHARS: Final = 32
_THEIR_HOST: Final = "pagerduty.com"


class Image(BaseModel):
    """A picture that stands at every alert."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    src: Annotated[Address, Field(description="Served by HTTPS.")]
    href: Annotated[Address | None, Field(description="Where a click leads.")] = None
    alt: Annotated[str | None, Field(description="For who does not see it.")] = None


class PagerDutySettings(HttpDeliverySettings):
    """An entry of ``pagerduty_configs``."""

    UNUSED: ClassVar[frozenset[str]] = frozenset(
        {"client", "client_url", "description", "severity", "source", "class", "component", "group", "links"}
    )

    url: Annotated[Address, Field(description="Where events go.")] = "https://events.pagerduty.com/v2/enqueue"
    routing_key: Annotated[SecretStr | None, Field(description="The integration key of Events API v2.")] = None
    routing_key_file: Annotated[Path | None, Field(description="Holds it; read at each delivery.")] = None
    service_key: Annotated[SecretStr | None, Field(description="Of Events API v1, which is not spoken.")] = None
    service_key_file: Annotated[Path | None, Field(description="Of Events API v1, which is not spoken.")] = None
    retired_routing_keys: Annotated[
        tuple[SecretStr, ...], Field(description="Keys that opened what is still open; it is resolved by them.")
    ] = ()
    send_changes: Annotated[
        bool, Field(description="Whether every change is told, as a change event; read by the routing, not here.")
    ] = False
    details: Annotated[dict[str, str], Field(description="Added to each alert's custom details.")] = {}  # noqa: RUF012
    images: Annotated[tuple[Image, ...], Field(description="Added to each alert.")] = ()

    @model_validator(mode="after")
    def _keys(self) -> Self:
        if self.service_key is not None or self.service_key_file is not None:
            raise ValueError("service_key is of Events API v1; make an integration of v2 and set routing_key")
        exactly_one(self, "routing_key", "routing_key_file")
        at_most_one(self, "routing_key", "routing_key_file")
        host = urlsplit(self.url).hostname or ""
        key = self.routing_key.get_secret_value() if self.routing_key is not None else None
        if key is not None and host.endswith(_THEIR_HOST) and len(key) != _KEY_CHARS:
            raise ValueError(f"routing_key has {len(key)} characters; one of PagerDuty's has {_KEY_CHARS}")
        return self


class PagerDuty:
    """Tells a service of PagerDuty.

    Parameters
    ----------
    settings
        Of the integration.
    surroundings
        Clients, rates and the time.
    """

    kind = "pagerduty"
    settle_s = 0.0

    def __init__(self, settings: PagerDutySettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._client_url = surroundings.external_url
        self._caller = Caller(surroundings, settings.http_config, settings.timeout)

    async def deliver(self, notification: Notification, memory: Memory) -> Outcome:
        """Open, add to or resolve the alert of the dedup key."""
        return await safely(self._deliver(notification, memory))

    async def _deliver(self, notification: Notification, memory: Memory) -> Outcome:
        present = self._present_key()
        if notification.action == "digest":
            change = change_of(notification)
            told = digest_event(notification, present) if change is None else change_event(change, present)
            return await self._send(self._change_url(), told, present)
        key = self._key_for(notification, memory, present)
        if key is None:
            return Outcome(
                "refused",
                text="the routing key that opened this is gone; put it into retired_routing_keys, "
                f"or resolve {notification.dedup_key} by hand",
                reference=dict(memory),
            )
        return await self._send(self._settings.url, self._event(notification, key), key)

    def _event(self, notification: Notification, key: str) -> dict[str, Any]:
        if notification.action == "resolve":
            return resolve_event(key, notification.dedup_key)
        images = [image.model_dump(exclude_none=True) for image in self._settings.images]
        most = self._settings.max_alerts or len(notification.alerts)
        fewer = notification.model_copy(
            update={
                "alerts": notification.alerts[:most],
                "truncated_alerts": notification.truncated_alerts + len(notification.alerts[most:]),
            }
        )
        return trigger_event(fewer, key, self._settings.details, images, self._client_url)

    def _key_for(self, notification: Notification, memory: Memory, present: str) -> str | None:
        opened_by = memory.get("routing_key")
        if notification.action == "open" or opened_by is None:
            return present
        return next((key for key in self._keys(present) if key_fingerprint(key) == opened_by), None)

    def _present_key(self) -> str:
        return secret(self._settings.routing_key, self._settings.routing_key_file, "routing_key")

    def _keys(self, present: str) -> Iterator[str]:
        yield present
        for key in self._settings.retired_routing_keys:
            yield key.get_secret_value().strip()

    def _change_url(self) -> str:
        return self._settings.url.removesuffix("/enqueue") + "/change/enqueue"

    async def _send(self, url: str, event: dict[str, Any], key: str) -> Outcome:
        fingerprint = key_fingerprint(key)
        answer = await self._caller.call(Call(url, event, limit=(f"pagerduty/{fingerprint}", RATE), secrets=(key,)))
        return self._caller.outcome(answer, TABLE, {"routing_key": fingerprint})
