"""Opsgenie, and the operations of Jira Service Management that follow it: one open alert for each alias.

Both speak the same integration API at different addresses. Requests are worked on later: 202 says that one was taken.
Opsgenie ends on 2027-04-05 (https://www.atlassian.com/software/opsgenie); use ``jsm_configs`` in its place.

=====================  =========  ====================================================
what came              outcome    source: https://docs.opsgenie.com/docs/response
=====================  =========  ====================================================
202                    delivered  taken, to be worked on
401, 403               retry      a key that is rotated, or of another region
422, other 4xx         refused
429                    retry      after ``X-RateLimit-Period-In-Sec``
5xx, no answer         retry
=====================  =========  ====================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal, Self
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from integrations.delivery.adapter import Memory, Outcome
from integrations.delivery.calling import Call, Caller, Surroundings, safely
from integrations.delivery.limits import cut, one_line
from integrations.delivery.rates import Rate
from integrations.delivery.settings import Address, HttpDeliverySettings, exactly_one, secret
from integrations.delivery.wording import as_text, headline, sections, source_of
from schemas.events import Priority
from schemas.notification_events import Notification

# https://docs.opsgenie.com/docs/alert-api: Create Alert
MAX_MESSAGE: Final = 130
MAX_ALIAS: Final = 512
MAX_DESCRIPTION: Final = 15_000
MAX_TAGS: Final = 20
MAX_TAG: Final = 50
MAX_SOURCE: Final = 100
MAX_ENTITY: Final = 512
MAX_DETAILS: Final = 8000
MAX_NOTE: Final = 25_000
USER: Final = "Metrics AI"
PRIORITY: Final[Mapping[Priority, str]] = {"P0": "P1", "P1": "P2", "P2": "P3", "P3": "P4"}
# Plans differ, the lowest is two a second with a bucket of ten: https://docs.opsgenie.com/docs/api-rate-limiting
RATE: Final = Rate(per_s=2.0, burst=10)
_LABEL_TAGS: Final = ("team", "service", "cluster", "namespace", "node", "alertname")


@dataclass(frozen=True, slots=True)
class Flavour:
    """What tells the two apart.

    Parameters
    ----------
    base_url
        Below which the API stands.
    raises_priority
        Whether an open alert's priority can be changed.
    """

    base_url: str
    raises_priority: bool


FLAVOURS: Final[Mapping[str, Flavour]] = {
    "opsgenie": Flavour("https://api.opsgenie.com", raises_priority=True),
    # https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events
    "jsm": Flavour("https://api.atlassian.com/jsm/ops/integration", raises_priority=False),
}


class Responder(BaseModel):
    """Who is told."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    type: Annotated[Literal["team", "user", "escalation", "schedule"], Field(description="What it is.")]
    id: Annotated[str | None, Field(description="Its id.")] = None
    name: Annotated[str | None, Field(description="Or its name.")] = None
    username: Annotated[str | None, Field(description="Or, of a user, the address.")] = None

    @field_validator("type", mode="before")
    @classmethod
    def _small(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _named(self) -> Self:
        exactly_one(self, "id", "name", "username")
        return self


class OpsgenieSettings(HttpDeliverySettings):
    """An entry of ``opsgenie_configs`` or of ``jsm_configs``."""

    UNUSED: ClassVar[frozenset[str]] = frozenset(
        {"message", "description", "source", "entity", "note", "actions", "update_alerts"}
    )

    api_key: Annotated[SecretStr | None, Field(description="Of an API integration.")] = None
    api_key_file: Annotated[Path | None, Field(description="Holds it; read at each delivery.")] = None
    api_url: Annotated[Address | None, Field(description="Of another region; the kind's own where absent.")] = None
    responders: Annotated[
        tuple[Responder, ...], Field(description="Who is told; the integration's team if empty.")
    ] = ()
    details: Annotated[dict[str, str], Field(description="Added to each alert's details.")] = {}  # noqa: RUF012
    tags: Annotated[str, Field(description="Added to each alert's tags, with commas between them.")] = ""
    priority: Annotated[
        Literal["P1", "P2", "P3", "P4", "P5"] | None, Field(description="Of all; by our priority where absent.")
    ] = None

    @model_validator(mode="after")
    def _keys(self) -> Self:
        exactly_one(self, "api_key", "api_key_file")
        return self


def alias_of(dedup_key: str) -> str:
    """The alias of a key."""
    return cut(dedup_key, MAX_ALIAS)


def create_body(notification: Notification, settings: OpsgenieSettings) -> dict[str, Any]:
    """The alert to open; of an alias that is open it raises the count, and tells nobody anew."""
    body: dict[str, Any] = {
        "message": cut(headline(notification), MAX_MESSAGE),
        "alias": alias_of(notification.dedup_key),
        "description": cut(as_text(sections(notification, settings.max_alerts or 50)), MAX_DESCRIPTION),
        "tags": _tags(notification, settings),
        "details": _details(notification, settings),
        "entity": cut(source_of(notification), MAX_ENTITY),
        "source": cut(USER, MAX_SOURCE),
        "user": USER,
        "priority": priority_of(notification, settings),
    }
    if settings.responders:
        body["responders"] = [one.model_dump(exclude_none=True) for one in settings.responders]
    return body


def priority_of(notification: Notification, settings: OpsgenieSettings) -> str:
    """Their priority."""
    return settings.priority or PRIORITY[notification.priority]


def _tags(notification: Notification, settings: OpsgenieSettings) -> list[str]:
    given = [tag.strip() for tag in settings.tags.split(",")]
    labels = notification.common_labels
    ours = [notification.priority, *(f"{name}:{labels[name]}" for name in _LABEL_TAGS if labels.get(name))]
    tags = dict.fromkeys(cut(one_line(tag), MAX_TAG) for tag in [*given, *ours] if one_line(tag))
    return list(tags)[:MAX_TAGS]


def _details(notification: Notification, settings: OpsgenieSettings) -> dict[str, str]:
    pairs = {**settings.details, "notification_id": notification.id, "group_key": notification.group_key}
    if notification.incident_id:
        pairs["incident_id"] = notification.incident_id
    pairs |= {f"label_{name}": value for name, value in sorted(notification.common_labels.items())}
    kept: dict[str, str] = {}
    left = MAX_DETAILS
    for name, value in pairs.items():
        short_name, short = cut(one_line(name), 200), cut(one_line(value), 1000)
        left -= 2 * (len(short_name) + len(short))
        if left < 0:
            break
        kept[short_name] = short
    return kept


class Opsgenie:
    """Tells Opsgenie, or the operations of Jira Service Management.

    Parameters
    ----------
    settings
        Of the integration.
    surroundings
        Clients, rates and the time.
    kind
        ``opsgenie`` or ``jsm``.
    """

    settle_s = 0.0

    def __init__(self, settings: OpsgenieSettings, surroundings: Surroundings, kind: str = "opsgenie") -> None:
        self.kind = kind
        self._settings = settings
        self._flavour = FLAVOURS[kind]
        self._base_url = (settings.api_url or self._flavour.base_url).rstrip("/").removesuffix("/v2/alerts")
        self._caller = Caller(surroundings, settings.http_config, settings.timeout)

    async def deliver(self, notification: Notification, memory: Memory) -> Outcome:
        """Open, note on or close the alert of the alias."""
        return await safely(self._deliver(notification, memory))

    async def _deliver(self, notification: Notification, memory: Memory) -> Outcome:
        match notification.action:
            case "open" | "digest":
                return await self._open(notification)
            case "update":
                return await self._update(notification, memory)
            case "resolve":
                note = {"user": USER, "source": USER, "note": self._note(notification)}
                return await self._send("POST", self._of_alias(notification, "close"), note, memory)

    async def _open(self, notification: Notification) -> Outcome:
        body = create_body(notification, self._settings)
        return await self._send("POST", "/v2/alerts", body, {"priority": body["priority"]})

    async def _update(self, notification: Notification, memory: Memory) -> Outcome:
        if not memory:
            # Nothing was ever told of it: what should have opened it was refused, or given up.
            return await self._open(notification)
        priority = priority_of(notification, self._settings)
        reference = {**memory, "priority": priority}
        if self._flavour.raises_priority and memory.get("priority", priority) != priority:
            raised = await self._send("PUT", self._of_alias(notification, "priority"), {"priority": priority}, memory)
            if not raised.is_delivered:
                return raised
        note = {"user": USER, "source": USER, "note": self._note(notification)}
        return await self._send("POST", self._of_alias(notification, "notes"), note, reference)

    def _note(self, notification: Notification) -> str:
        told = as_text(sections(notification, self._settings.max_alerts or 50))
        return cut(f"{headline(notification)}\n\n{told}", MAX_NOTE)

    def _of_alias(self, notification: Notification, what: str) -> str:
        return f"/v2/alerts/{quote(alias_of(notification.dedup_key), safe='')}/{what}?identifierType=alias"

    async def _send(self, method: str, path: str, body: Mapping[str, Any], reference: Memory) -> Outcome:
        key = secret(self._settings.api_key, self._settings.api_key_file, "api_key")
        limit = (f"{self.kind}/{hashlib.sha256(key.encode()).hexdigest()[:16]}", RATE)
        headers = {"Authorization": f"GenieKey {key}"}
        answer = await self._caller.call(Call(self._base_url + path, dict(body), method, headers, limit))
        request_id = answer.mapping().get("requestId")
        more = {"request_id": request_id} if isinstance(request_id, str) else {}
        return self._caller.outcome(answer, reference={**reference, **more})
