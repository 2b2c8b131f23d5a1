"""How many calls a far end takes, and the wait that keeps below it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

MAX_WAIT_S: Final = 5.0
"""Who would wait longer is told so instead, and comes again."""
_FORGOTTEN_KEYS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """A token bucket.

    Parameters
    ----------
    per_s
        Tokens that come a second.
    burst
        Tokens that lie in a full bucket. In any ``T`` seconds at most ``burst + per_s * T`` calls go out.
    """

    per_s: float
    burst: int


class Limiter:
    """Token buckets by key: one limiter serves all adapters, so that two of one key share what it allows.

    Parameters
    ----------
    clock
        Monotonic seconds.
    sleep
        Waits so many seconds.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        # When a bucket will be full again; one that is full needs no place here.
        self._full_at: dict[str, float] = {}

    async def take(self, key: str, rate: Rate) -> float:
        """Wait for a token, in the order of arrival.

        Returns
        -------
        float
            0 where a call may go out now; else the seconds after which to come again, and nothing was taken.

        Examples
        --------
        >>> now = [0.0]
        >>> async def sleep(seconds):
        ...     now[0] += seconds
        >>> limiter = Limiter(lambda: now[0], sleep)
        >>> async def five():
        ...     return [await limiter.take("k", Rate(per_s=0.5, burst=2)) for _ in range(5)]
        >>> asyncio.run(five()), now
        ([0.0, 0.0, 0.0, 0.0, 0.0], [6.0])
        """
        now = self._clock()
        self._forget(now)
        full_at = max(now, self._full_at.get(key, now)) + 1 / rate.per_s
        wait_s = full_at - now - rate.burst / rate.per_s
        if wait_s > MAX_WAIT_S:
            return wait_s
        self._full_at[key] = full_at
        if wait_s > 0:
            await self._sleep(wait_s)
        return 0.0

    def _forget(self, now: float) -> None:
        if len(self._full_at) >= _FORGOTTEN_KEYS:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
