"""Who is told next, and what an acknowledgement stops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from incidents.oncall.escalation import EscalationChain

CHAIN = EscalationChain(after_s=(300, 900, 1800))
TIMES = st.integers(0, 4_000_000)


@pytest.mark.parametrize(("now_s", "step"), [(0, 0), (299.9, 0), (300, 1), (900, 2), (1800, 3), (99_999, 3)])
def test_steps_are_due_one_after_the_other(now_s: float, step: int) -> None:
    assert CHAIN.due_step(1000, None, 1000 + round(now_s * 1000)) == step


def test_nothing_more_is_due_once_somebody_looks_after_it() -> None:
    assert CHAIN.due_step(0, 400_000, 10_000_000) == 1
    assert CHAIN.next_due_ms(0, 400_000, 500_000) is None


def test_an_acknowledgement_of_an_earlier_episode_stops_nothing() -> None:
    assert CHAIN.due_step(1_000_000, 900_000, 1_000_000 + 300_000) == 1
    assert CHAIN.next_due_ms(1_000_000, 900_000, 1_000_000) == 1_300_000


def test_after_the_last_step_nothing_is_due() -> None:
    assert CHAIN.next_due_ms(0, None, 1_800_000) is None


@given(TIMES, st.none() | TIMES, TIMES, TIMES)
def test_time_never_takes_a_step_back_and_an_acknowledgement_never_adds_one(
    opened_ms: int, acked_ms: int | None, now_ms: int, later_ms: int
) -> None:
    step = CHAIN.due_step(opened_ms, acked_ms, now_ms)
    assert step <= CHAIN.due_step(opened_ms, acked_ms, now_ms + later_ms)
    assert step <= CHAIN.due_step(opened_ms, None, now_ms)
    due_ms = CHAIN.next_due_ms(opened_ms, acked_ms, now_ms)
    if due_ms is not None and now_ms >= opened_ms:
        assert due_ms > now_ms
        assert CHAIN.due_step(opened_ms, acked_ms, due_ms) == step + 1


@pytest.mark.parametrize("after_s", [(300, 300), (900, 300), (0,), (-1,)])
def test_steps_that_do_not_rise_are_refused(after_s: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError):
        EscalationChain(after_s=after_s)
