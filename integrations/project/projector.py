"""The role ``project``: a thread a sink, each with its own place in the topics."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import Final

from integrations.kafka.connection import KafkaSettings
from integrations.project.feed import Feed, stage_of
from integrations.project.sink import Sink
from integrations.telemetry import Telemetry
from schemas.errors import MetricsAIError

_LOG: Final = logging.getLogger(__name__)
ROLE: Final = "project"
_BACK_OFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A membership that lasted this long was sound: the next trouble starts with the shortest wait again.
_SOUND_S: Final = 60.0


class Projector:
    """Feeds sinks from the topics, at least once, each as fast as it can.

    Parameters
    ----------
    sinks
        Who takes the records.
    kafka
        The broker.
    telemetry
        Metrics and health; each sink is the component ``project-<name>``.
    """

    def __init__(self, sinks: Sequence[Sink], kafka: KafkaSettings, telemetry: Telemetry) -> None:
        self._sinks = sinks
        self._kafka = kafka
        self._telemetry = telemetry

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; then every sink is flushed, and its group left."""
        threads = [threading.Thread(target=self._keep, args=(sink, stop), name=stage_of(sink)) for sink in self._sinks]
        for thread in threads:
            thread.start()
        self._telemetry.set_ready(ROLE, True)
        for thread in threads:
            thread.join()
        self._telemetry.set_ready(ROLE, False)

    def _keep(self, sink: Sink, stop: threading.Event) -> None:
        """Feed a sink; whatever ends that begins it anew, and holds up no other."""
        stage, failures = stage_of(sink), 0
        self._telemetry.set_ready(stage, False)
        while not stop.is_set():
            self._telemetry.beat(stage)
            began = time.monotonic()
            try:
                Feed(sink, self._kafka, self._telemetry).run(stop)
            except Exception as error:  # noqa: BLE001  # a sink of ours or of others: told, and begun anew
                failures = 0 if time.monotonic() - began > _SOUND_S else failures
                wait_s = _BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)]
                failures += 1
                ours = not isinstance(error, MetricsAIError)
                _LOG.warning("%s starts again in %s s: %r", stage, wait_s, error, exc_info=ours)
                stop.wait(wait_s)
