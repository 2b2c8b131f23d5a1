"""What a status means, and when to try again."""

from __future__ import annotations

import random

import pytest

from integrations.delivery.adapter import Outcome
from integrations.delivery.retry import (
    MAX_ASKED_S,
    asked_wait_s,
    backoff_s,
    is_given_up,
    next_attempt_ms,
    verdict,
)
from tests.integration.vendors.notifications import AT_MS, notification

DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, "delivered"), (202, "delivered"), (204, "delivered"), (301, "refused"), (307, "refused"),
        (400, "refused"), (404, "refused"), (410, "refused"), (413, "refused"), (422, "refused"),
        (401, "retry"), (403, "retry"), (407, "retry"), (408, "retry"), (425, "retry"), (429, "retry"),
        (500, "retry"), (502, "retry"), (503, "retry"), (504, "retry"), (599, "retry"), (None, "retry"), (999, "retry"),
    ],
)  # fmt: skip
def test_every_status_has_its_meaning(status: int | None, expected: str) -> None:
    assert verdict(status) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "-5"}, 0.0),
        ({"retry-after": "100000"}, MAX_ASKED_S),
        ({"retry-after": "Sun, 01 Mar 2026 00:00:30 GMT"}, 30.0),
        ({"retry-after": "Sat, 28 Feb 2026 00:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "soon", "ratelimit-reset": "9"}, 9.0),
        ({"x-ratelimit-reset": "1772323240"}, 40.0),
        ({"x-ratelimit-reset": "2026-03-01T00:00:50Z"}, 50.0),
        ({"x-ratelimit-period-in-sec": "60"}, 60.0),
        ({}, None),
    ],
)
def test_what_the_far_end_asks_for_is_understood(headers: dict[str, str], expected: float | None) -> None:
    assert asked_wait_s(headers, AT_MS / 1000) == expected


def test_waits_double_up_to_five_minutes_with_chance_that_is_the_same_again() -> None:
    for seed in map(str, range(50)):
        waits = [backoff_s(attempt, seed) for attempt in range(1, 30)]
        assert all(0.5 * 2**at <= wait <= 2**at for at, wait in enumerate(waits[:8]))
        assert all(150 <= wait <= 300 for wait in waits[9:])
        assert waits == [backoff_s(attempt, seed) for attempt in range(1, 30)]
    assert len({backoff_s(3, str(seed)) for seed in range(50)}) == 50
    assert backoff_s(10_000, "n") <= 300


def test_the_next_attempt_is_never_before_what_the_far_end_asks_for() -> None:
    told = notification()
    chance = random.Random(7)
    for attempt in range(1, 40):
        asked = chance.uniform(0, 900)
        at_ms = next_attempt_ms(told, attempt, AT_MS, Outcome("retry", retry_after_s=asked))
        assert at_ms >= AT_MS + int(asked * 1000)
        assert at_ms >= next_attempt_ms(told, attempt, AT_MS, Outcome("retry"))


@pytest.mark.parametrize("priority", ["P0", "P1", "P2", "P3"])
@pytest.mark.parametrize("action", ["open", "update", "resolve", "digest"])
def test_what_opens_or_resolves_a_page_is_never_given_up_and_the_rest_after_a_day(action: str, priority: str) -> None:
    told = notification(action=action, priority=priority)
    is_page = action in {"open", "resolve"} and priority in {"P0", "P1"}
    assert not is_given_up(told, AT_MS, AT_MS + DAY_MS - 1)
    assert is_given_up(told, AT_MS, AT_MS + DAY_MS) is not is_page
    assert is_given_up(told, AT_MS, AT_MS + 365 * DAY_MS) is not is_page
