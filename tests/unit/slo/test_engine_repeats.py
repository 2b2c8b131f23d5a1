"""What partitions say again after a restart, and who spent what of slices that are not over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from schemas.slo_events import Spender
from tests.unit.slo.feeding import KEY, START_MS, Feed


def test_what_a_restarted_partition_says_again_does_not_undo_what_it_said_since(feed: Callable[..., Feed]) -> None:
    counting = feed()
    engine = counting.engine
    first = counting.record(START_MS, 1.0, 100.0, counted=100)
    late = counting.record(START_MS, 2.0, 101.0, counted=150)
    following = counting.record(START_MS + 5000, 0.0, 100.0, counted=140)
    for one in (first, following, late, first):
        engine.on_slice(one)
    engine.on_tick(START_MS + 20_000)
    status = engine.status(counting.key)
    assert status is not None
    assert (status.event().budget("own").bad, engine.counts["repeated"]) == (2.0, 1)


def test_a_partition_that_counts_from_the_beginning_again_is_heard(feed: Callable[..., Feed]) -> None:
    counting = feed()
    counting.engine.on_slice(counting.record(START_MS, 1.0, 100.0, counted=1_000_000))
    counting.engine.on_slice(counting.record(START_MS + 5000, 1.0, 100.0, counted=10))
    counting.engine.on_tick(START_MS + 20_000)
    status = counting.engine.status(counting.key)
    assert status is not None
    assert status.event().budget("own").bad == 2.0


def test_spenders_spent_no_more_than_was_bad_and_their_share_is_of_the_whole_budget(feed: Callable[..., Feed]) -> None:
    counting = feed()
    counting.go(10, bad=5.0)
    for one in range(3):  # of which only the first is over
        told = counting.record(counting.at_ms + 5000 * one, 5.0, 100.0)
        counting.engine.on_slice(told.model_copy(update={"spenders": {KEY: [Spender(entity="node:n1", bad=5.0)]}}))
    status = counting.engine.status(KEY)
    assert status is not None
    event = status.event()
    own = event.budget("own")
    named = sum(one.bad for one in event.spenders)
    assert named <= own.bad
    assert own.remaining_of_period is not None
    shares = sum(one.of_budget or 0.0 for one in event.spenders)
    assert shares == pytest.approx(1.0 - own.remaining_of_period)
