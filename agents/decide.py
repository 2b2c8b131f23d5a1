"""What the shell must know of decide."""

from __future__ import annotations

from collections.abc import Callable

from agents.stage import Stage
from schemas.topics import (
    ANOMALIES,
    ANOMALIES_DLQ,
    CHANGES,
    COMMANDS,
    DECIDE_CHECKPOINTS,
    DECIDE_TICKS,
    HEALTH,
    SETTINGS,
    SLO_ALERTS,
)
from streams.operator import Operator


def decide_stage(operator: Callable[[int], Operator], tick_interval_s: int) -> Stage:
    """Anomalies, objectives' alerts, changes, commands in, incidents out: little state, outputs that page people."""
    return Stage(
        name="decide",
        inputs=(ANOMALIES, SLO_ALERTS, CHANGES, COMMANDS, HEALTH, SETTINGS, DECIDE_TICKS),
        ticks=DECIDE_TICKS,
        checkpoints=DECIDE_CHECKPOINTS,
        dead_letters=ANOMALIES_DLQ,
        operator=operator,
        precious=True,
        tick_interval_s=tick_interval_s,
    )
