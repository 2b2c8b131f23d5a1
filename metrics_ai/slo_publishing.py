"""Tells all partitions which objectives hold: what the files say goes to the topic ``settings``, as they change.

It runs in a thread of the worker that holds partition 0 of the burn stage, so that one of many workers does it, and
the next one goes on. It begins with what the topic holds: a restart announces nothing anew, and what was removed from
the files meanwhile ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final

from agents.log_reader import LogReader
from integrations.kafka.connection import KafkaSettings
from integrations.kafka.settings_topic import publish_settings
from metrics_ai.config import Config
from metrics_ai.slo_files import library_of, shipped_slos
from schemas.errors import MetricsAIError, SchemaError
from schemas.events import Setting
from schemas.topics import SETTINGS
from slo.announced import SUBJECT, Announced, announce, announced, news, record_key
from slo.library import Library

LOG = logging.getLogger("metrics_ai.slo")
_NAMED: Final = 5


class SettingsTopic:
    """The announcements on a broker.

    Parameters
    ----------
    kafka
        Which.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka

    def read(self) -> dict[str, Announced]:
        """What was announced last of each objective; one partition holds all of it."""
        reader = LogReader(self._kafka, committed=self._kafka.profile != "embedded")
        found: dict[str, Announced] = {}
        prefix = record_key("").encode()
        for record in reader.to_end(self._kafka.topic(SETTINGS), [0]):
            if record.value and (record.key or b"").startswith(prefix):
                one = _announced(record.value)
                if one is not None:
                    found[one.key] = one
        return found

    def write(self, ones: Sequence[Announced]) -> None:
        """Announce to every partition."""
        publish_settings(self._kafka, ((record_key(one.key), announce(*one)) for one in ones))


def _announced(value: bytes) -> Announced | None:
    """What a record says; what cannot be read is as if it were not there, and is announced anew."""
    try:
        setting = Setting.from_bytes(value)
        return announced(setting) if setting.subject == SUBJECT else None
    except SchemaError as error:
        LOG.warning("an announcement of an objective cannot be read", extra={"error": str(error)})
        return None


class SloPublisher:
    """Looks at the files every few seconds and announces what changed.

    Parameters
    ----------
    config
        Where the files lie.
    topic
        Where to announce.
    is_ours
        Whether this process is the one that does so now.
    clock
        Seconds since the epoch.
    """

    def __init__(
        self,
        config: Config,
        topic: SettingsTopic,
        is_ours: Callable[[], bool],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._topic = topic
        self._is_ours = is_ours
        self._clock = clock
        self._shipped = shipped_slos() if config.slo.shipped else []
        self._library = Library()
        self._known: dict[str, Announced] | None = None
        self._last_error = ""

    def run(self, stop: threading.Event) -> None:
        """Look until told to stop; what goes wrong is said once, and tried again."""
        while not stop.wait(self._config.slo.reload_every_s):
            try:
                self.look()
                self._last_error = ""
            except MetricsAIError as error:
                if str(error) != self._last_error:
                    LOG.warning("objectives are not announced", extra={"error": str(error)})
                self._last_error = str(error)

    def look(self) -> list[Announced]:
        """Look once; what was announced.

        Raises
        ------
        MetricsAIError
            If the folder cannot be read, or the broker takes nothing.
        """
        if not self._is_ours():
            self._known = None
            return []
        before, self._library = self._library, library_of(self._config, self._library, self._shipped)
        for problem in self._library.news:
            LOG.warning("a file of objectives is refused: %s", problem)
        if self._known is not None and self._library.files == before.files:
            return []
        known = self._topic.read() if self._known is None else self._known
        found = news(self._library, known, int(self._clock() * 1000))
        # Known only once it is written: what fails half way is announced again, which does no harm.
        self._known = None
        if found:
            self._topic.write(found)
        self._known = known | {one.key: one for one in found}
        _say(found)
        return found


def _say(found: Sequence[Announced]) -> None:
    if found:
        named = [f"{one.key} ends" if one.slo is None else one.key for one in found[:_NAMED]]
        LOG.info("objectives are announced", extra={"count": len(found), "objectives": ", ".join(named)})
