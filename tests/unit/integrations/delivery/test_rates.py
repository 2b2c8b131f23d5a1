"""Token buckets."""

from __future__ import annotations

import asyncio

import pytest
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
        for number, gap in enumerate(gaps):
            clock.now += gap
            wait_s = await limiter.take("k", Rate(per_s, burst), str(number))
            if wait_s > 0:
                assert wait_s > MAX_WAIT_S
                clock.now += wait_s
                assert await limiter.take("k", Rate(per_s, burst), str(number)) == 0.0
            out.append(clock.now)
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
        for number in range(500):
            assert await limiter.take("k", PAGERDUTY_RATE, str(number)) == 0.0
            out.append(clock.now)
        return out

    out = asyncio.run(run())
    assert max(sum(start <= at < start + 60 for at in out) for start in out) <= 101
    assert out[-1] == pytest.approx((500 - 20) / 80 * 60)


def test_keys_do_not_share_a_bucket() -> None:
    clock = Clock()
    limiter = Limiter(clock, clock.sleep)

    async def run() -> list[float]:
        return [await limiter.take(key, Rate(0.1, 1), "n") for key in ("a", "b", "c", "a")]

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
        await asyncio.gather(*(limiter.take("k", Rate(1.0, 1), str(number)) for number in range(5)))

    asyncio.run(run())
    assert slept.waits == [1.0, 2.0, 3.0, 4.0]


def test_who_is_held_back_has_its_turn_and_goes_before_those_who_came_later() -> None:
    clock = Clock()
    limiter = Limiter(clock, clock.sleep)
    rate = Rate(0.1, 1)

    async def run() -> list[float]:
        first = [await limiter.take("k", rate, name) for name in "abc"]
        clock.now = 10.0
        late = await limiter.take("k", rate, "d")
        return [*first, await limiter.take("k", rate, "b"), late, await limiter.take("k", rate, "c")]

    assert asyncio.run(run()) == [0.0, 10.0, 20.0, 0.0, 20.0, 10.0]


def test_a_far_end_that_asks_for_a_pause_gets_it_from_everybody() -> None:
    clock = Clock()
    limiter = Limiter(clock, clock.sleep)
    limiter.pause("k", 30.0)
    assert asyncio.run(limiter.take("k", Rate(1.0, 10), "a")) == 30.0
    assert asyncio.run(limiter.take("k", Rate(1.0, 10), "b")) == 30.0
    assert asyncio.run(limiter.take("other", Rate(1.0, 10), "a")) == 0.0
    clock.now = 30.0
    assert asyncio.run(limiter.take("k", Rate(1.0, 10), "a")) == 0.0


def test_turns_that_nobody_takes_and_buckets_that_are_full_are_forgotten() -> None:
    clock = Clock()
    limiter = Limiter(clock, clock.sleep)

    async def run() -> None:
        for number in range(30_000):
            clock.now += 1.0
            await limiter.take(f"k{number}", Rate(0.05, 1), "a")
            await limiter.take(f"k{number}", Rate(0.05, 1), "b")

    asyncio.run(run())
    assert len(limiter._full_at) + len(limiter._turns) <= 10_002
