"""Locks: one holder at a time, for a while."""

from __future__ import annotations

import secrets
from typing import Any, Final

from integrations.serving.connection import answering
from integrations.serving.keys import lock_key

# Only who holds it lets go: it may have run out meanwhile, and be another's.
_RELEASE: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Locks:
    """Locks by name, across processes and machines.

    They keep two from doing the same at once; whoever must be certain needs more than a lock that can run out.

    Parameters
    ----------
    redis
        The client.
    prefix
        Before each key.
    place
        Where it is, for messages.
    """

    def __init__(self, redis: Any, prefix: str, place: str) -> None:
        self._redis, self._prefix, self._place = redis, prefix, place
        self._release = redis.register_script(_RELEASE)

    def acquire(self, name: str, hold_s: float) -> str | None:
        """Take a lock; the token to let go with, or None where another holds it.

        Parameters
        ----------
        hold_s
            It runs out after so long.
        """
        token = secrets.token_hex(16)
        with answering(self._place):
            taken = self._redis.set(lock_key(self._prefix, name), token, nx=True, px=max(1, int(hold_s * 1000)))
        return token if taken else None

    def release(self, name: str, token: str) -> bool:
        """Let go of a lock; False where it had run out."""
        with answering(self._place):
            return bool(self._release(keys=[lock_key(self._prefix, name)], args=[token]))
