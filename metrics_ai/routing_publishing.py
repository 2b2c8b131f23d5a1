"""Tells the route stage which routes hold: what the file says goes to the topic ``settings``, as it changes.

It runs in a thread of the worker that holds partition 0 of the route stage, so that one of many workers does it. A
file that does not hold is told, and changes nothing: the routes that hold go on, as a whole or not at all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from incidents.routing.config import RoutingConfig
from incidents.routing.settings import SUBJECT
from integrations.kafka.settings_topic import publish_settings
from metrics_ai.config import Config
from metrics_ai.routing_files import routing_config
from schemas.errors import MetricsAIError
from schemas.events import Setting

LOG = logging.getLogger("metrics_ai.routing")
_LOOK_EVERY_S: Final = 5.0


class RoutingPublisher:
    """Looks at the file every few seconds and announces what changed.

    Parameters
    ----------
    config
        Names the file and the broker.
    is_ours
        Whether this process is the one that does so now.
    clock
        Seconds since the epoch.
    """

    def __init__(self, config: Config, is_ours: Callable[[], bool], clock: Callable[[], float] = time.time) -> None:
        self._config = config
        self._is_ours = is_ours
        self._clock = clock
        self._announced: RoutingConfig | None = None
        self._last_error = ""

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop; what goes wrong is said once, and tried again."""
        while not stop.wait(_LOOK_EVERY_S):
            try:
                self.look()
                self._last_error = ""
            except MetricsAIError as error:
                if str(error) != self._last_error:
                    LOG.warning("routes are not announced: %s", error)
                self._last_error = str(error)

    def look(self) -> bool:
        """Look once; whether something was announced.

        Raises
        ------
        MetricsAIError
            If the file does not hold, or the broker takes nothing.
        """
        if not self._is_ours():
            self._announced = None
            return False
        found = routing_config(self._config.routing)
        if found == self._announced:
            return False
        setting = Setting(subject=SUBJECT, valid_from_ms=int(self._clock() * 1000), body=found.public())
        publish_settings(self._config.kafka, [(SUBJECT, setting)])
        self._announced = found
        LOG.info("routes are announced", extra={"receivers": ", ".join(found.receivers)})
        return True
