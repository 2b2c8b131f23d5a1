"""The gateway's life: consume, decode, send, and commit what is delivered."""

from __future__ import annotations

import contextlib
import gc
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from integrations.gateway.batcher import FRAMING_BYTES
from integrations.gateway.outlet import DeliveryFailedError
from integrations.gateway.session import Session
from integrations.gateway.settings import IngestSettings
from integrations.kafka.admin import TopicState, create_topics, describe_topics, is_embedded
from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from schemas.errors import BrokerError, ConfigurationError
from schemas.topics import MAX_MESSAGE_BYTES, REJECTED, SAMPLES

_LOG: Final = logging.getLogger(__name__)
_BACK_OFF_S: Final = (0.5, 1.0, 2.0, 5.0, 10.0)
_LEAST_BYTES: Final = 4 * FRAMING_BYTES
_COLLECT_AFTER: Final = 200_000
# A session that lasted this long was sound: the next trouble starts with the shortest wait again.
_SOUND_S: Final = 60.0


class Gateway:
    """Turns producers' records into columnar batches, at least once.

    Parameters
    ----------
    settings
        What is read.
    kafka
        The broker.
    telemetry
        Metrics and health; the component is called ``ingest``.
    clock
        Seconds since the epoch.
    """

    def __init__(
        self,
        settings: IngestSettings,
        kafka: KafkaSettings,
        telemetry: Telemetry,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._kafka = kafka
        self._telemetry = telemetry
        self._clock = clock

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; then all that was read is delivered and committed, and the group is left.

        Raises
        ------
        ConfigurationError
            If a source's format does not exist, or the topics have another number of partitions than configured.
        """
        with _rare_collections():
            self._run(stop)

    def _run(self, stop: threading.Event) -> None:
        failures = 0
        self._telemetry.set_ready("ingest", False)
        while not stop.is_set():
            self._telemetry.beat("ingest")
            began = time.monotonic()
            try:
                limit = self._prepare()
                Session(self._settings, self._kafka, self._telemetry, self._clock, limit).run(stop)
            except BrokerError as error:
                failures = 0 if time.monotonic() - began > _SOUND_S else failures
                wait_s = _BACK_OFF_S[min(failures, len(_BACK_OFF_S) - 1)]
                failures += 1
                again = "from the last commit " if isinstance(error, DeliveryFailedError) else ""
                _LOG.warning("ingest starts again %sin %s s: %s", again, wait_s, error, extra={"failures": failures})
                stop.wait(wait_s)
            finally:
                self._telemetry.set_ready("ingest", False)

    def _prepare(self) -> int:
        """Find out what broker this is, and see to the topics; the largest message that they take."""
        if self._kafka.profile == "auto":
            profile = "embedded" if is_embedded(self._kafka) else "kafka"
            self._kafka = self._kafka.model_copy(update={"profile": profile})
        outputs = (SAMPLES, REJECTED)
        if self._settings.create_topics:
            sources = [source.topic for source in self._settings.sources]
            create_topics(self._kafka, outputs, sources, mend=False)
        names = [self._kafka.topic(topic) for topic in outputs]
        found = describe_topics(self._kafka, names)
        if missing := [name for name in names if name not in found]:
            raise BrokerError(f"{', '.join(missing)} does not exist", "Run: metrics-ai topics create")
        for name in names:
            if found[name].partitions != self._kafka.partitions:
                raise ConfigurationError(
                    f"{name} has {found[name].partitions} partitions, kafka.partitions says {self._kafka.partitions}",
                    "Set kafka.partitions to what the topics have, or choose another kafka.topic_prefix",
                )
        return message_limit(found.values())


def message_limit(topics: Iterable[TopicState]) -> int:
    """The largest message that topics take; ours where the broker does not tell.

    Raises
    ------
    ConfigurationError
        If one takes so little that no batch fits.

    Examples
    --------
    >>> message_limit([TopicState("metrics.samples", 8, {"max.message.bytes": "1048588"})])
    1048588
    """
    limit = MAX_MESSAGE_BYTES
    for topic in topics:
        theirs = int(topic.config.get("max.message.bytes", MAX_MESSAGE_BYTES))
        if theirs < _LEAST_BYTES:
            raise ConfigurationError(
                f"{topic.name} takes messages of {theirs} bytes at most (max.message.bytes): too little for a batch",
                f"Run: metrics-ai topics create (it sets max.message.bytes to {MAX_MESSAGE_BYTES})",
            )
        limit = min(limit, theirs)
    if limit < MAX_MESSAGE_BYTES:
        _LOG.warning("batches are cut to %d bytes, a topic's max.message.bytes; topics create raises it", limit)
    return limit


@contextlib.contextmanager
def _rare_collections() -> Iterator[None]:
    """Let thousands of short-lived messages pass between two collections of cyclic garbage.

    They hold no cycles, and walking them by default thresholds takes three quarters of the time of consuming them.
    """
    before = gc.get_threshold()
    gc.set_threshold(_COLLECT_AFTER, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
