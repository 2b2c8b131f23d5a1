"""The records that figures are counted from, and the time that they are of."""

from __future__ import annotations

import time
from collections.abc import Callable

from pydantic import SecretStr

from integrations.records.store import RecordsStore
from metrics_ai.config import Config
from metrics_ai.event_listing import parse_since
from metrics_ai.stack.stack import default_data_dir
from metrics_ai.stack.stores import records_file
from schemas.errors import ConfigurationError


def records_of(config: Config) -> RecordsStore:
    """The records that are configured, else those that ``up`` keeps.

    Raises
    ------
    ConfigurationError
        If there are none.
    """
    settings = config.records
    if settings.url is None:
        file = records_file(default_data_dir())
        if not file.is_file():
            raise ConfigurationError(f"no records: {file} is not there", "Run metrics-ai up, or set records.url")
        settings = settings.model_copy(update={"url": SecretStr(f"sqlite:///{file}")})
    return RecordsStore(settings)


def span_of(since: str, until: str, now_s: Callable[[], float] = time.time) -> tuple[int, int]:
    """From when to when, in ms; until now, where no end is given.

    Raises
    ------
    ConfigurationError
        If one is neither an age nor a time, or the start is not before the end.

    Examples
    --------
    >>> span_of("2026-09-01", "2026-09-02")
    (1788220800000, 1788307200000)
    """
    start_ms = parse_since(since, now_s)
    end_ms = parse_since(until, now_s) if until else round(now_s() * 1000)
    if start_ms >= end_ms:
        raise ConfigurationError("--since is not before --until", "Give a time that has a length")
    return start_ms, end_ms
