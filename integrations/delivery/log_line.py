"""The log as a receiver: one line for each notification, with its keys; it is always delivered."""

from __future__ import annotations

import logging
from typing import Annotated, Final

from pydantic import Field

from integrations.delivery.adapter import Memory, Outcome
from integrations.delivery.settings import DeliverySettings
from integrations.delivery.wording import headline
from schemas.notification_events import Notification

LOG: Final = logging.getLogger("metrics_ai.notifications")


class LogSettings(DeliverySettings):
    """An entry of ``log_configs``; it needs no key."""

    level: Annotated[str, Field(pattern="^(debug|info|warning|error)$", description="Of the line.")] = "info"


class LogLine:
    """Writes the log.

    Parameters
    ----------
    settings
        Of the integration.
    log
        Where to.
    """

    kind = "log"
    settle_s = 0.0

    def __init__(self, settings: LogSettings, log: logging.Logger = LOG) -> None:
        self._level = logging.getLevelNamesMapping()[settings.level.upper()]
        self._log = log

    async def deliver(self, notification: Notification, memory: Memory) -> Outcome:
        """Write the line."""
        keys = {
            "notification_id": notification.id,
            "tenant": notification.tenant,
            "receiver": notification.receiver,
            "action": notification.action,
            "priority": notification.priority,
            "status": notification.status,
            "dedup_key": notification.dedup_key,
            "incident_id": notification.incident_id,
            "alerts": len(notification.alerts) + notification.truncated_alerts,
            "reason": notification.reason,
        }
        self._log.log(self._level, headline(notification), extra=keys)
        return Outcome("delivered", reference=dict(memory))
