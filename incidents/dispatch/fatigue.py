"""What keeps people from being told too much: buckets of tokens, and alerts that come and go."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """So many at once, and so many a minute.

    Examples
    --------
    >>> bucket = TokenBucket(per_minute=2.0, burst=2.0, tokens=2.0)
    >>> [bucket.take(0), bucket.take(0), bucket.take(0), bucket.take(29_999), bucket.take(30_000)]
    [True, True, False, False, True]
    """

    per_minute: float
    burst: float
    tokens: float
    at_ms: int = 0

    def has(self, now_ms: int) -> bool:
        """Whether there is one now."""
        self._refill(now_ms)
        return self.tokens >= 1.0 - 1e-9

    def take(self, now_ms: int) -> bool:
        """Take one, if there is one."""
        if not self.has(now_ms):
            return False
        self.tokens -= 1.0
        return True

    def is_full(self, now_ms: int) -> bool:
        """Whether it is as if nothing had ever been taken."""
        self._refill(now_ms)
        return self.tokens >= self.burst

    def next_ms(self, now_ms: int) -> int:
        """When there is one again."""
        self._refill(now_ms)
        missing = max(0.0, 1.0 - self.tokens)
        return now_ms + round(missing / self.per_minute * 60_000)

    def _refill(self, now_ms: int) -> None:
        if now_ms > self.at_ms:
            gained = (now_ms - self.at_ms) * self.per_minute / 60_000
            self.tokens, self.at_ms = min(self.burst, self.tokens + gained), now_ms


def is_restless(changes_ms: Iterable[int], now_ms: int, most: int, window_ms: int) -> bool:
    """Whether an alert began or ended too often within a window.

    Examples
    --------
    >>> minutes = [minute * 60_000 for minute in (0, 5, 10, 15)]
    >>> is_restless(minutes, 15 * 60_000, 4, 1_800_000), is_restless(minutes, 30 * 60_000, 4, 1_800_000)
    (True, False)
    """
    return sum(now_ms - at_ms < window_ms for at_ms in changes_ms) >= most
