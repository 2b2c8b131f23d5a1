"""What the shell must know of route."""

from __future__ import annotations

from collections.abc import Callable

from agents.stage import Stage
from schemas.topics import (
    ALERTS,
    ALERTS_DLQ,
    CHANGES,
    COMMANDS,
    FEEDBACK,
    INCIDENTS,
    NOTIFICATIONS,
    ROUTE_CHECKPOINTS,
    ROUTE_TICKS,
    SETTINGS,
)
from streams.operator import Operator


def route_stage(operator: Callable[[int], Operator], tick_interval_s: int) -> Stage:
    """Alerts, incidents, commands, feedback and changes in, the outbox and the reasons out: outputs that page people.

    It reads its own outbox first: on a broker without transactions what was told may be newer than its state.
    """
    return Stage(
        name="route",
        inputs=(ALERTS, INCIDENTS, COMMANDS, FEEDBACK, CHANGES, SETTINGS, NOTIFICATIONS, ROUTE_TICKS),
        ticks=ROUTE_TICKS,
        checkpoints=ROUTE_CHECKPOINTS,
        dead_letters=ALERTS_DLQ,
        operator=operator,
        precious=True,
        tick_interval_s=tick_interval_s,
        first=(NOTIFICATIONS,),
    )
