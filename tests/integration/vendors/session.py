"""Adapters for tests: built from settings as a configuration has them, used, and hung up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import httpx

from integrations.delivery import Adapter, Limiter
from integrations.delivery.building import adapter_of, settings_for
from integrations.delivery.calling import Clients, Surroundings
from integrations.delivery.slack_blocks import FeedbackLink
from tests.integration.vendors.notifications import AT_MS

NOW_S = AT_MS / 1000
_Found = TypeVar("_Found")


class Entry:
    """An integration as a configuration has it.

    Parameters
    ----------
    kind
        As ``pagerduty``.
    settings
        Its keys.
    """

    def __init__(self, kind: str, **settings: Any) -> None:
        self.kind, self.index, self.settings = kind, 0, settings


class Session:
    """Builds adapters, and hangs up at the end.

    Parameters
    ----------
    now
        Seconds since the epoch.
    limiter
        Of rates; one that lets everything through at once where absent.
    """

    def __init__(self, now: Callable[[], float] = lambda: NOW_S, limiter: Limiter | None = None) -> None:
        self.now = now
        self.limiter = limiter
        # The far ends are on loopback and speak no TLS: authorities, which take a while to read, are not wanted.
        self._clients = Clients(httpx.AsyncClient(verify=False, trust_env=False, timeout=None))

    def adapter(self, kind: str, feedback: FeedbackLink | None = None, **settings: Any) -> Adapter:
        """An adapter with rates of its own, as a new process has them."""
        around = Surroundings(self._clients, self.limiter or Limiter(), self.now, "https://console.example.com")
        return adapter_of(kind, settings_for(Entry(kind, **settings), "a test"), around, feedback)

    def run(self, work: Callable[[], Coroutine[Any, Any, _Found]]) -> _Found:
        """Do something, then hang up."""

        async def run() -> _Found:
            try:
                return await work()
            finally:
                await self._clients.aclose()

        return asyncio.run(run())
