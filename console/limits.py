"""How many requests one caller may make."""

from __future__ import annotations

import math

from fastapi import Request

from console.access import caller_of
from console.ports import Reads
from console.problems import RequestError
from integrations.stores import StoreError


class Limits:
    """What the routes depend on, once it is known who asks.

    Parameters
    ----------
    reads
        Where requests are counted, for all processes.
    per_minute
        Of one token, or of one address without a token; 0 sets no limit.
    """

    def __init__(self, reads: Reads, per_minute: int) -> None:
        self._reads = reads
        self._per_minute = per_minute

    def take(self, request: Request) -> None:
        """Count a request of somebody who is known, or refuse it with 429."""
        self._count(f"token/{name}" if (name := caller_of(request).name) else _address(request))

    def take_unknown(self, request: Request) -> None:
        """Count a request that carries its own proof."""
        self._count(_address(request))

    def _count(self, name: str) -> None:
        if not self._per_minute:
            return
        try:
            wait_s = self._reads.rates.take(f"api/{name}", self._per_minute / 60, self._per_minute)
        except StoreError:
            # What needs the store says so itself; what does not must not fail for this.
            return
        if wait_s > 0:
            raise RequestError(
                429,
                f"more than {self._per_minute} requests a minute",
                "Ask less often, or raise console.requests_per_minute",
                {"Retry-After": str(math.ceil(wait_s))},
            )


def _address(request: Request) -> str:
    return f"address/{request.client.host if request.client else ''}"
