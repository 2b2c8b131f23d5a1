"""What keeps people from being told too much: buckets of tokens, alerts that flap, and signals that were just told."""

from __future__ import annotations

from dataclasses import dataclass, field


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


@dataclass(slots=True)
class FlapWatch:
    """When the alerts of one fingerprint began and ended, of late.

    Parameters
    ----------
    changes
        So many within the window, and it flaps.
    window_ms
        It has settled once nothing changed for as long.

    Examples
    --------
    >>> watch = FlapWatch(changes=4, window_ms=1_800_000)
    >>> [watch.note(minute * 60_000) for minute in (0, 5, 10)], watch.note(15 * 60_000)
    ([False, False, False], True)
    >>> watch.is_flapping(44 * 60_000), watch.is_flapping(45 * 60_000)
    (True, False)
    """

    changes: int
    window_ms: int
    at_ms: list[int] = field(default_factory=list)
    held: bool = False

    def note(self, now_ms: int) -> bool:
        """Take note of a change; whether it flaps now."""
        self._forget(now_ms)
        self.at_ms.append(now_ms)
        self.held = self.held or len(self.at_ms) >= self.changes
        return self.held

    def is_flapping(self, now_ms: int) -> bool:
        """Whether it has not settled yet."""
        if self.held and now_ms - self.at_ms[-1] >= self.window_ms:
            self.held = False
        return self.held

    @property
    def settles_ms(self) -> int:
        """When it has settled, if nothing changes until then."""
        return self.at_ms[-1] + self.window_ms if self.at_ms else 0

    def is_stale(self, now_ms: int) -> bool:
        """Whether nothing of it counts any more."""
        return not self.is_flapping(now_ms) and (not self.at_ms or now_ms - self.at_ms[-1] >= self.window_ms)

    def _forget(self, now_ms: int) -> None:
        """Those that are older than the window; while it is held, only the newest tells when it settles."""
        self.is_flapping(now_ms)
        self.at_ms = [one for one in self.at_ms if now_ms - one < self.window_ms][-max(self.changes, 1) :]
