"""What the shell must know of notify."""

from __future__ import annotations

from collections.abc import Callable

from agents.stage import Deliver, Stage
from schemas.topics import (
    NOTIFICATION_RESULTS,
    NOTIFICATIONS,
    NOTIFICATIONS_DLQ,
    NOTIFY_CHECKPOINTS,
    NOTIFY_TICKS,
)
from streams.operator import Operator


def notify_stage(operator: Callable[[int], Operator], tick_interval_s: int, deliver: Deliver) -> Stage:
    """The outbox and what became of it in, the timeline out; in between, people are told."""
    return Stage(
        name="notify",
        inputs=(NOTIFICATIONS, NOTIFICATION_RESULTS, NOTIFY_TICKS),
        ticks=NOTIFY_TICKS,
        checkpoints=NOTIFY_CHECKPOINTS,
        dead_letters=NOTIFICATIONS_DLQ,
        operator=operator,
        precious=True,
        tick_interval_s=tick_interval_s,
        deliver=deliver,
    )
