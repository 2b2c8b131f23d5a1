"""The log as a receiver."""

from __future__ import annotations

import asyncio
import logging

from integrations.delivery.log_line import LogLine, LogSettings
from tests.integration.vendors.notifications import alert, notification


class Kept(logging.Handler):
    """Keeps records."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def test_a_line_has_the_keys_of_its_notification_and_is_always_delivered() -> None:
    kept = Kept()
    log = logging.Logger("a test")  # noqa: LOG001 (nobody else's)
    log.addHandler(kept)
    told = notification(alerts=[alert(), alert(1)], truncated_alerts=3)
    outcome = asyncio.run(LogLine(LogSettings(level="warning"), log).deliver(told, {"a": 1}))
    assert (outcome.outcome, outcome.reference) == ("delivered", {"a": 1})
    (record,) = kept.records
    assert record.levelno == logging.WARNING
    keys = vars(record)
    assert (keys["notification_id"], keys["action"], keys["priority"], keys["alerts"]) == ("n1", "open", "P0", 5)
