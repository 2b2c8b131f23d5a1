"""How many calls a far end takes, and the wait that keeps below it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

MAX_WAIT_S: Final = 5.0
"""Who would wait longer is given a turn instead, and comes again."""
KEPT_S: Final = 60.0
"""For so long a turn is kept for who does not come in time."""
_SWEEP_AT: Final = 10_000


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
        self._turns: dict[tuple[str, str], float] = {}
        self._paused_until: dict[str, float] = {}

    async def take(self, key: str, rate: Rate, who: str) -> float:
        """Take a token, in the order of arrival.

        Parameters
        ----------
        who
            Whose it is: who comes again has kept its turn, and goes before those who came later.

        Returns
        -------
        float
            0 where a call may go out now; else the seconds after which it is its turn.

        Examples
        --------
        >>> now = [0.0]
        >>> async def sleep(seconds):
        ...     now[0] += seconds
        >>> limiter = Limiter(lambda: now[0], sleep)
        >>> async def all_of(names):
        ...     return [await limiter.take("k", Rate(per_s=0.1, burst=2), name) for name in names]
        >>> asyncio.run(all_of("abcd"))
        [0.0, 0.0, 10.0, 20.0]
        >>> now[0] = 10.0
        >>> asyncio.run(all_of("ec"))
        [20.0, 0.0]
        """
        now = self._clock()
        self._sweep(now)
        turn = self._turns.pop((key, who), None)
        if turn is None:
            full_at = max(now, self._full_at.get(key, now)) + 1 / rate.per_s
            self._full_at[key] = full_at
            turn = full_at - rate.burst / rate.per_s
        turn = max(turn, self._paused_until.get(key, turn))
        if turn - now > MAX_WAIT_S:
            self._turns[key, who] = turn
            return turn - now
        if turn > now:
            await self._sleep(turn - now)
        return 0.0

    def pause(self, key: str, wait_s: float) -> None:
        """Let nothing more of a key go out for so long: the far end asked for it."""
        until = self._clock() + wait_s
        self._paused_until[key] = max(self._paused_until.get(key, until), until)

    def _sweep(self, now: float) -> None:
        if len(self._full_at) + len(self._turns) < _SWEEP_AT:
            return
        self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        self._paused_until = {key: at for key, at in self._paused_until.items() if at > now}
        self._turns = {place: at for place, at in self._turns.items() if at > now - KEPT_S}
