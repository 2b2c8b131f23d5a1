"""Tells integrations what they are to be told, by the newest file of routes that holds."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Final

from incidents.routing.config import RoutingConfig
from integrations.delivery import Adapter, Memory, Outcome
from integrations.delivery.building import adapters_of
from integrations.delivery.calling import Clients, Surroundings
from metrics_ai.routing_files import RoutingFile
from schemas.errors import MetricsAIError
from schemas.notification_events import Notification

LOG = logging.getLogger("metrics_ai.deliverer")
_LOOK_EVERY_S: Final = 5.0
_KEPT: Final = "Keep a receiver until its incidents are over"


def adapters_for(routing: RoutingConfig, surroundings: Surroundings) -> dict[tuple[str, str], Adapter]:
    """Adapters of all receivers, by receiver and integration.

    Raises
    ------
    ConfigurationError
        If an integration's settings do not hold.
    """
    return adapters_of({one.name: one.integrations for one in routing.receivers.values()}, surroundings)


class Deliverer:
    """Delivers a notification by the adapter of its integration.

    The file of routes is read again when it changes; one that does not hold is told, and that which held goes on.

    Parameters
    ----------
    file
        The routes.
    external_url
        Where people find this system.

    Raises
    ------
    MetricsAIError
        If the settings of an integration do not hold now.
    """

    def __init__(self, file: RoutingFile, external_url: str = "") -> None:
        self._file = file
        self._surroundings = Surroundings(Clients(), external_url=external_url)
        self._looked_s = time.monotonic()
        self._adapters: Mapping[tuple[str, str], Adapter] = adapters_for(file.config, self._surroundings)

    async def __call__(self, notification: Notification, memory: Memory) -> Outcome:
        """Make one attempt."""
        self._look()
        name = notification.receiver, notification.integration
        adapter = self._adapters.get(name)
        if adapter is None:
            return Outcome("refused", text=f"receiver {name[0]} has no {name[1]} any more. {_KEPT}")
        return await adapter.deliver(notification, memory)

    def _look(self) -> None:
        if time.monotonic() - self._looked_s < _LOOK_EVERY_S:
            return
        self._looked_s = time.monotonic()
        if not self._file.look():
            return
        try:
            self._adapters = adapters_for(self._file.config, self._surroundings)
        except MetricsAIError as error:
            LOG.warning("the integrations of the new routes do not hold; those that held go on: %s", error)
