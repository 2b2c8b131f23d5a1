from __future__ import annotations

import asyncio
from time import monotonic
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.structs import TopicPartition
from faust.types import TP

from agents.app import make_app
from integrations.kafka.connection import KafkaSettings

PARTITION = TopicPartition("metrics.samples", 0)
STALL_S = 600.0


def _watch(fetched_s_ago: float, now: float) -> None:
    """What Faust's watch of stalled partitions does with one that was fetched, and whose position is looked up anew."""

    async def watch() -> None:
        app = make_app("detect", KafkaSettings(bootstrap="127.0.0.1:1"), transactions=True)
        consumer: Any = app.consumer
        subscriptions = SubscriptionState()
        subscriptions.assign_from_user([PARTITION])
        state = subscriptions.subscription.assignment.state_value(PARTITION)
        state.timestamp = (now - fetched_s_ago) * 1000
        assert not state.has_valid_position
        thread = consumer._thread
        thread._consumer = SimpleNamespace(_fetcher=SimpleNamespace(_subscriptions=subscriptions))
        thread.time_started = now - 2 * STALL_S
        try:
            consumer.verify_event_path(now, TP(*PARTITION))
        finally:
            thread.thread_loop.close()

    asyncio.run(watch())


def test_a_partition_whose_position_is_looked_up_ends_no_worker(caplog: pytest.LogCaptureFixture) -> None:
    _watch(fetched_s_ago=1.0, now=monotonic())
    assert caplog.records == []


def test_a_partition_that_is_not_fetched_any_more_is_told(caplog: pytest.LogCaptureFixture) -> None:
    _watch(fetched_s_ago=STALL_S, now=monotonic())
    assert "metrics.samples" in caplog.text
