"""Tells integrations what they are to be told, by the newest file of routes that holds."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from incidents.routing.config import RoutingConfig
from integrations.delivery import Adapter, Memory, Outcome
from integrations.delivery.building import adapters_of
from integrations.delivery.calling import Clients, Surroundings
from integrations.delivery.slack_blocks import FeedbackLink
from metrics_ai.routing_files import RoutingFile
from schemas.errors import MetricsAIError
from schemas.notification_events import Notification

LOG = logging.getLogger("metrics_ai.deliverer")
_KEPT: Final = "Keep a receiver until its incidents are over"
# Whoever wrote the notification may read a file that reaches this machine later.
_PATIENCE_S: Final = 600.0


def adapters_for(
    routing: RoutingConfig, surroundings: Surroundings, folder: Path, feedback: FeedbackLink | None = None
) -> dict[tuple[str, str], Adapter]:
    """Adapters of all receivers, by receiver and integration.

    Parameters
    ----------
    routing
        The receivers.
    surroundings
        Clients, rates and the time.
    folder
        Where relative paths of secrets begin.
    feedback
        Where a click on a verdict leads.

    Raises
    ------
    ConfigurationError
        If an integration's settings do not hold.
    """
    integrations = {one.name: one.integrations for one in routing.receivers.values()}
    return adapters_of(integrations, surroundings, folder, feedback)


class Deliverer:
    """Delivers a notification by the adapter of its integration.

    The file of routes is read again when it changes; one that does not hold is told, and that which held goes on. The
    adapter of a receiver that left the file is kept, so that what it was told can still be resolved. A receiver that
    is not known yet is waited for: the file may reach other machines sooner.

    Parameters
    ----------
    file
        The routes.
    external_url
        Where people find this system.
    feedback
        Links with which they say whether an alert needed action.
    look_every_s
        How often the file is looked at.
    clock
        Seconds since the epoch.

    Raises
    ------
    MetricsAIError
        If the settings of an integration do not hold now.
    """

    def __init__(
        self,
        file: RoutingFile,
        external_url: str = "",
        feedback: FeedbackLink | None = None,
        look_every_s: float = 5.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._look_every_s = look_every_s
        self._surroundings = Surroundings(Clients(), external_url=external_url)
        self._feedback = feedback
        self._clock = clock
        self._looked_s = time.monotonic()
        self._adapters: Mapping[tuple[str, str], Adapter] = self._made()

    async def __call__(self, notification: Notification, memory: Memory) -> Outcome:
        """Make one attempt."""
        if time.monotonic() - self._looked_s >= self._look_every_s:
            self._look()
        name = notification.receiver, notification.integration
        if name not in self._adapters:
            self._look()
        adapter = self._adapters.get(name)
        return self._missing(notification) if adapter is None else await adapter.deliver(notification, memory)

    def settle_s(self, notification: Notification) -> float:
        """How long its integration may take until it finds what it was told."""
        adapter = self._adapters.get((notification.receiver, notification.integration))
        return 0.0 if adapter is None else adapter.settle_s

    def _made(self) -> dict[tuple[str, str], Adapter]:
        return adapters_for(self._file.config, self._surroundings, self._file.folder, self._feedback)

    def _missing(self, notification: Notification) -> Outcome:
        """What becomes of a notification whose integration is not in the file of routes."""
        where = f"receiver {notification.receiver} has no {notification.integration} in the file of routes"
        if self._clock() - notification.at_ms / 1000 < _PATIENCE_S:
            return Outcome("retry", text=f"{where} of this worker yet. Give every worker the same file")
        return Outcome("refused", text=f"{where} of this worker. {_KEPT}, and give every worker the same file")

    def _look(self) -> None:
        self._looked_s = time.monotonic()
        if not self._file.look():
            return
        try:
            self._adapters = {**self._adapters, **self._made()}
        except MetricsAIError as error:
            LOG.warning("the integrations of the new routes do not hold; those that held go on: %s", error)
