"""Token buckets."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from integrations.delivery.pagerduty import RATE as PAGERDUTY_RATE
from integrations.delivery.rates import MAX_WAIT_S, Limiter, Rate


class Clock:
    """A clock that goes on while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(st.lists(st.floats(0, 3), max_size=120), st.floats(0.2, 20), st.integers(1, 20))
def test_no_span_sees_more_than_the_burst_and_what_came_meanwhile(gaps: list[float], per_s: float, burst: int) -> None:
    clock = Clock()
    limiter = Limiter(clock, clock.sleep)

    async def run() -> list[float]:
        out = []
        for gap in gaps:
            clock.now += gap
            wait_s = await limiter.take("k", Rate(per_s, burst))
            if wait_s == 0.0:
                out.append(clock.now)
            else:
                assert wait_s > MAX_WAIT_S
        return out

    out = asyncio.run(run())
    for first in range(len(out)):
        for last in range(first, len(out)):
            assert last - first + 1 <= burst + per_s * (out[last] - out[first]) + 1e-6


def test_a_key_of_pagerduty_makes_at_most_a_hundred_calls_in_a_minute() -> None:
    clock = Clock()
    limiter = Limiter(clock, clock.sleep)

    async def run() -> list[float]:
        out = []
        while clock.now < 300:
            if await limiter.take("k", PAGERDUTY_RATE) == 0.0:
                out.append(clock.now)
        return out

    out = asyncio.run(run())
    assert max(sum(start <= at < start + 60 for at in out) for start in out) <= 101
    assert len(out) > 80 * 5


def test_keys_do_not_share_a_bucket() -> None:
    clock = Clock()
    limiter = Limiter(clock, clock.sleep)

    async def run() -> list[float]:
        return [await limiter.take(key, Rate(0.1, 1)) for key in ("a", "b", "c", "a")]

    assert asyncio.run(run()) == [0.0, 0.0, 0.0, 10.0]
    assert clock.now == 0.0


def test_those_who_wait_go_in_the_order_in_which_they_came() -> None:
    class Slept:
        def __init__(self) -> None:
            self.waits: list[float] = []

        async def sleep(self, seconds: float) -> None:
            self.waits.append(seconds)

    slept = Slept()
    limiter = Limiter(lambda: 0.0, slept.sleep)

    async def run() -> None:
        await asyncio.gather(*(limiter.take("k", Rate(1.0, 1)) for _ in range(5)))

    asyncio.run(run())
    assert slept.waits == [1.0, 2.0, 3.0, 4.0]
