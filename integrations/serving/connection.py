"""A client of the serving store, and its errors in our words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from integrations.serving.settings import ServingSettings
from integrations.stores import StoreError
from schemas.errors import ConfigurationError

_IDLE_CHECK_S: Final = 15


def connect(settings: ServingSettings) -> Any:
    """A client; it opens a connection when it is first used, and another when that is gone.

    Raises
    ------
    ConfigurationError
        If there is no address, or it cannot be one.
    """
    if settings.url is None:
        raise ConfigurationError("there is no serving store", "Set serving.url")
    try:
        return redis.Redis.from_url(
            settings.url.get_secret_value(),
            decode_responses=True,
            socket_timeout=settings.timeout_s,
            socket_connect_timeout=settings.timeout_s,
            health_check_interval=_IDLE_CHECK_S,
            # A connection that was cut while nobody used it is no trouble; more is told.
            retry=Retry(NoBackoff(), 1),
            client_name="metrics-ai",
        )
    except ValueError as error:
        raise ConfigurationError(f"serving.url is no address: {error}", "redis://:PASSWORD@HOST:PORT/0") from None


def place_of(settings: ServingSettings) -> str:
    """Where the store is, without its password.

    Examples
    --------
    >>> from pydantic import SecretStr
    >>> place_of(ServingSettings(url=SecretStr("redis://:hidden@127.0.0.1:6379/0")))
    '127.0.0.1:6379'
    """
    url = urlsplit(settings.url.get_secret_value() if settings.url else "")
    return f"{url.hostname}:{url.port or 6379}" if url.hostname else url.path


@contextlib.contextmanager
def answering(place: str) -> Iterator[None]:
    """Tell in our words that the store at a place does not answer, or refuses.

    Raises
    ------
    StoreError
        In place of the client's own errors.
    """
    try:
        yield
    except redis.AuthenticationError as error:
        raise StoreError(f"the serving store at {place} refuses us: {error}", "See serving.url") from None
    except redis.RedisError as error:
        raise StoreError(f"the serving store at {place} does not serve: {error}", "It is asked again") from None
