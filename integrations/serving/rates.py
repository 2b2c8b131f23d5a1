"""Rate limits: buckets of tokens that fill as time goes by."""

from __future__ import annotations

from typing import Any, Final

from integrations.serving.connection import answering
from integrations.serving.keys import rate_key

# By the server's clock, so that callers on several machines agree. Answers the microseconds to wait.
_TAKE: Final = """
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(held[1] or burst), tonumber(held[2] or now)
tokens = math.min(burst, tokens + math.max(0, now - at) * rate / 1000000)
local wait = 0
if tokens >= wanted then tokens = tokens - wanted else wait = math.ceil((wanted - tokens) * 1000000 / rate) end
redis.call('HSET', KEYS[1], 'tokens', string.format('%.17g', tokens), 'at', string.format('%.0f', math.max(now, at)))
redis.call('PEXPIRE', KEYS[1], math.ceil(burst / rate * 1000) + 1000)
return wait
"""


class RateLimits:
    """Buckets of tokens by name, shared by all who ask the same store.

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
        self._take = redis.register_script(_TAKE)

    def take(self, name: str, rate_per_s: float, burst: int, tokens: int = 1) -> float:
        """Take tokens; 0 where they were there, otherwise the seconds after which they would be, and none is taken.

        Parameters
        ----------
        rate_per_s
            So many come a second.
        burst
            So many lie there at most.

        Raises
        ------
        ValueError
            If the rate is not above 0, or more is wanted than can ever lie there.
        """
        if rate_per_s <= 0 or not 0 < tokens <= burst:
            raise ValueError("a rate above 0, and not more tokens than can lie there")
        with answering(self._place):
            wait_us = self._take(keys=[rate_key(self._prefix, name)], args=[repr(float(rate_per_s)), burst, tokens])
        return int(wait_us) / 1_000_000
