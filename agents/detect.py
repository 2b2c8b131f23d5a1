"""What the shell must know of detect."""

from __future__ import annotations

from collections.abc import Callable

from agents.stage import Stage
from schemas.topics import DETECT_CHECKPOINTS, DETECT_TICKS, SAMPLES, SAMPLES_DLQ, SETTINGS
from streams.operator import Operator


def detect_stage(operator: Callable[[int], Operator], tick_interval_s: int) -> Stage:
    """Samples in, anomalies out: much state, outputs that may be repeated."""
    return Stage(
        name="detect",
        inputs=(SAMPLES, SETTINGS, DETECT_TICKS),
        ticks=DETECT_TICKS,
        checkpoints=DETECT_CHECKPOINTS,
        dead_letters=SAMPLES_DLQ,
        operator=operator,
        precious=False,
        tick_interval_s=tick_interval_s,
        first=(SETTINGS,),
    )
