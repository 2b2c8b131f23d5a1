"""A webhook of one's own: Alertmanager's body, version 4, with keys of ours beside it, signed.

What accepts Alertmanager's webhook accepts this one. Told more than once, after a kill, it has the same
``notification_id``; notifications of one page share ``dedup_key``.

The signature, where a secret is set, is over the time and the body, so that neither can be replaced::

    X-Metrics-AI-Timestamp: 1772323200
    X-Metrics-AI-Signature: sha256=HEX      HMAC-SHA256(secret, timestamp + "." + body)

Statuses mean what they mean for all: 2xx delivered; 401, 403, 407, 408, 425, 429, 5xx and no answer are tried again.
"""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import Field, SecretStr, model_validator

from integrations.delivery.adapter import Memory, Outcome
from integrations.delivery.calling import Call, Caller, Surroundings, as_json, safely
from integrations.delivery.rates import Rate
from integrations.delivery.settings import (
    HttpDeliverySettings,
    SecretAddress,
    at_most_one,
    exactly_one,
    secret,
)
from integrations.delivery.wording import rfc3339
from schemas.notification_events import Notification, NotifiedAlert

# Go's zero time: the alert still fires. prometheus/alertmanager template/template.go
STILL_FIRING: Final = "0001-01-01T00:00:00Z"
SIGNATURE: Final = "X-Metrics-AI-Signature"
TIMESTAMP: Final = "X-Metrics-AI-Timestamp"
RATE: Final = Rate(per_s=50.0, burst=100)


class WebhookSettings(HttpDeliverySettings):
    """An entry of ``webhook_configs``."""

    UNUSED: ClassVar[frozenset[str]] = frozenset({"payload"})

    url: Annotated[SecretAddress | None, Field(description="Where it goes; it may hold a token.")] = None
    url_file: Annotated[Path | None, Field(description="Holds it; read at each delivery.")] = None
    secret: Annotated[SecretStr | None, Field(description="Signs each body.")] = None
    secret_file: Annotated[Path | None, Field(description="Holds it; read at each delivery.")] = None

    @model_validator(mode="after")
    def _keys(self) -> Self:
        exactly_one(self, "url", "url_file")
        at_most_one(self, "secret", "secret_file")
        return self


def signature(key: str, timestamp: str, body: bytes) -> str:
    """What stands in the signature's header.

    Examples
    --------
    >>> signature("s", "1772323200", b"{}")
    'sha256=c2919569ad9bd9cc1297d20bf1c12bf8eb0215820c194335206595aafbfd8ed7'
    """
    return "sha256=" + hmac.new(key.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def webhook_body(notification: Notification, max_alerts: int = 0, external_url: str = "") -> dict[str, Any]:
    """The body.

    Parameters
    ----------
    max_alerts
        How many alerts are listed; 0 is all that the notification has.
    """
    kept = notification.alerts[:max_alerts] if max_alerts else notification.alerts
    left_out = len(notification.alerts) - len(kept) + notification.truncated_alerts
    return {
        "version": "4",
        "groupKey": notification.group_key,
        "truncatedAlerts": left_out,
        "status": notification.status,
        "receiver": notification.receiver,
        "groupLabels": notification.group_labels,
        "commonLabels": notification.common_labels,
        "commonAnnotations": notification.common_annotations,
        "externalURL": external_url,
        "alerts": [_alert(alert) for alert in kept],
        **_ours(notification),
    }


def _alert(alert: NotifiedAlert) -> dict[str, Any]:
    return {
        "status": alert.state,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": rfc3339(alert.started_ms),
        "endsAt": rfc3339(alert.ended_ms) if alert.ended_ms is not None else STILL_FIRING,
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _ours(notification: Notification) -> dict[str, Any]:
    context = notification.context
    found: dict[str, Any] = {
        "notification_id": notification.id,
        "dedup_key": notification.dedup_key,
        "action": notification.action,
        "reason": notification.reason,
        "severity_route": notification.priority,
        "incident_id": notification.incident_id,
        "confidence": notification.confidence.model_dump(exclude_none=True) if notification.confidence else None,
        "windows": notification.windows or None,
        "suggested_actions": [{"runbook": one} for one in context.runbooks] if context is not None else None,
        "context": context.model_dump(mode="json", exclude_none=True) if context is not None else None,
    }
    return {key: value for key, value in found.items() if value is not None}


class Webhook:
    """Tells an address of one's own.

    Parameters
    ----------
    settings
        Of the integration.
    surroundings
        Clients, rates and the time.
    """

    kind = "webhook"
    settle_s = 0.0

    def __init__(self, settings: WebhookSettings, surroundings: Surroundings) -> None:
        self._settings = settings
        self._surroundings = surroundings
        self._caller = Caller(surroundings, settings.http_config, settings.timeout)

    async def deliver(self, notification: Notification, memory: Memory) -> Outcome:
        """Send the body."""
        return await safely(self._deliver(notification, memory))

    async def _deliver(self, notification: Notification, memory: Memory) -> Outcome:
        settings = self._settings
        url = secret(settings.url, settings.url_file, "url")
        key = secret(settings.secret, settings.secret_file, "secret")
        body = as_json(webhook_body(notification, settings.max_alerts, self._surroundings.external_url))
        headers = {"Content-Type": "application/json"}
        if key:
            timestamp = str(int(self._surroundings.now()))
            headers |= {TIMESTAMP: timestamp, SIGNATURE: signature(key, timestamp, body)}
        limit = (f"webhook/{hashlib.sha256(url.encode()).hexdigest()[:16]}", RATE)
        answer = await self._caller.call(Call(url, body, headers=headers, limit=limit))
        return self._caller.outcome(answer, reference=memory)
