"""Tells the route stage which routes and schedules hold: they go to the topic ``settings``, as they change.

It runs in a thread of the worker that holds partition 0 of the route stage, so that one of many workers does it. A
file that does not hold is told, and changes nothing: the routes that hold go on, as a whole or not at all.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from incidents.oncall.book import SUBJECT as ONCALL
from incidents.routing.config import RoutingConfig
from incidents.routing.settings import SUBJECT
from integrations.kafka.connection import KafkaSettings
from integrations.kafka.settings_topic import publish_settings
from metrics_ai.oncall_files import oncall_book
from metrics_ai.routing_files import RoutingFile
from schemas.errors import ConfigurationError, MetricsAIError
from schemas.events import Setting

LOG = logging.getLogger("metrics_ai.routing")
_LOOK_EVERY_S: Final = 5.0


class RoutingPublisher:
    """Looks at the file every few seconds and announces what changed.

    Parameters
    ----------
    file, path
        The routes, and where their file lies, if it is not the one that ships.
    kafka
        The broker.
    is_ours
        Whether this process is the one that announces now.
    clock
        Seconds since the epoch.
    """

    def __init__(
        self,
        file: RoutingFile,
        path: Path | None,
        kafka: KafkaSettings,
        is_ours: Callable[[], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._path = path
        self._kafka = kafka
        self._is_ours = is_ours
        self._clock = clock
        self._announced: tuple[RoutingConfig, dict[str, Any]] | None = None
        self._said: Sequence[ConfigurationError] = ()
        self._failed = ""

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop; what goes wrong is said once, and tried again."""
        while not stop.wait(_LOOK_EVERY_S):
            try:
                self.look()
                self._failed = ""
            except MetricsAIError as error:
                if str(error) != self._failed:
                    LOG.warning("routes are not announced: %s", error)
                self._failed = str(error)

    def look(self) -> bool:
        """Look once; whether something was announced.

        Raises
        ------
        MetricsAIError
            If a calendar does not hold, or the broker takes nothing.
        """
        self._file.look()
        if self._file.problems != self._said:
            self._said = self._file.problems
            for problem in self._said:
                LOG.warning("the file of routes does not hold; that which held goes on: %s", problem)
        if not self._is_ours():
            self._announced = None
            return False
        found = self._file.config, oncall_book(self._path).public()
        if found == self._announced:
            return False
        now_ms = int(self._clock() * 1000)
        schedules = Setting(subject=ONCALL, valid_from_ms=now_ms, body=found[1])
        publish_settings(self._kafka, [(SUBJECT, found[0].setting(now_ms)), (ONCALL, schedules)])
        self._announced = found
        LOG.info("routes are announced", extra={"receivers": ", ".join(found[0].receivers)})
        return True
