"""Requests that come again: the second gets the first one's answer."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from integrations.serving.connection import answering
from integrations.serving.keys import TenantKeys

DAY_S: Final = 86_400
# Answers what is there, or takes the place.
_BEGIN: Final = """
local held = redis.call('GET', KEYS[1])
if held then return held end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return false
"""
_ABANDON: Final = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class EarlierRequest(NamedTuple):
    """A request with the same key.

    Parameters
    ----------
    digest
        Of what it asked for; another one's is a mistake of the caller.
    answer
        What it was answered; None while it is still being done.
    """

    digest: str
    answer: str | None


class Requests:
    """Idempotency keys of a tenant's callers.

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
        self._begin = redis.register_script(_BEGIN)
        self._abandon = redis.register_script(_ABANDON)

    def begin(self, tenant: str, key: str, digest: str, hold_s: float = 60.0) -> EarlierRequest | None:
        """Claim a key before doing what is asked; None where it is ours now, otherwise who had it before.

        Parameters
        ----------
        digest
            Of what is asked for, without a colon.
        hold_s
            The claim runs out after so long, should we end before it is done.
        """
        with answering(self._place):
            held = self._begin(keys=[self._key(tenant, key)], args=[f"{digest}:", int(hold_s * 1000)])
        if held is None:
            return None
        before, _, answer = str(held).partition(":")
        return EarlierRequest(before, answer or None)

    def finish(self, tenant: str, key: str, digest: str, answer: str, keep_s: float = DAY_S) -> None:
        """Keep the answer of what was done for those who ask again."""
        with answering(self._place):
            self._redis.set(self._key(tenant, key), f"{digest}:{answer}", px=int(keep_s * 1000))

    def abandon(self, tenant: str, key: str, digest: str) -> None:
        """Give a claim back: it was not done, and may be asked for again."""
        with answering(self._place):
            self._abandon(keys=[self._key(tenant, key)], args=[f"{digest}:"])

    def _key(self, tenant: str, key: str) -> str:
        return TenantKeys(self._prefix, tenant).request(key)
