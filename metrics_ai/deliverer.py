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
from metrics_ai.config import Config
from metrics_ai.routing_files import content_of, routing_config
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
    config
        Names the file.
    external_url
        Where people find this system.

    Raises
    ------
    MetricsAIError
        If the file does not hold now.
    """

    def __init__(self, config: Config, external_url: str = "") -> None:
        self._config = config
        self._surroundings = Surroundings(Clients(), external_url=external_url)
        self._content: bytes = b""
        self._looked_s = 0.0
        self._adapters: Mapping[tuple[str, str], Adapter] = {}
        self._read()

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
        try:
            self._read()
        except MetricsAIError as error:
            LOG.warning("the file of routes does not hold; the last one that did goes on: %s", error)

    def _read(self) -> None:
        self._looked_s = time.monotonic()
        content, _ = content_of(self._config.routing.file)
        if content == self._content:
            return
        self._content = content  # what does not hold is told once
        self._adapters = adapters_for(routing_config(self._config.routing), self._surroundings)
