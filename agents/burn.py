"""What the shell must know of burn."""

from __future__ import annotations

from collections.abc import Callable

from agents.stage import Stage
from schemas.topics import BURN_CHECKPOINTS, BURN_TICKS, FEEDBACK, SETTINGS, SLO_EVENTS, SLO_EVENTS_DLQ
from streams.operator import Operator


def burn_stage(operator: Callable[[int], Operator], tick_interval_s: int) -> Stage:
    """Counts of slices, feedback and definitions in, budgets and alerts of objectives out: outputs that page people."""
    return Stage(
        name="burn",
        inputs=(SLO_EVENTS, FEEDBACK, SETTINGS, BURN_TICKS),
        ticks=BURN_TICKS,
        checkpoints=BURN_CHECKPOINTS,
        dead_letters=SLO_EVENTS_DLQ,
        operator=operator,
        precious=True,
        tick_interval_s=tick_interval_s,
        first=(SETTINGS,),
    )
