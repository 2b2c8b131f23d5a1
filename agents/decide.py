"""The agent of decide."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents.app import StageApp
from agents.shell import Shell
from agents.stage import Stage
from schemas.topics import (
    ANOMALIES,
    ANOMALIES_DLQ,
    CHANGES,
    DECIDE_CHECKPOINTS,
    DECIDE_TICKS,
    SETTINGS,
    SLO_ALERTS,
)
from streams.operator import Operator


def decide_stage(operator: Callable[[int], Operator], tick_interval_s: int) -> Stage:
    """Anomalies, alerts of objectives and changes in, incidents out: little state, outputs that page people."""
    return Stage(
        name="decide",
        inputs=(ANOMALIES, SLO_ALERTS, CHANGES, SETTINGS, DECIDE_TICKS),
        ticks=DECIDE_TICKS,
        checkpoints=DECIDE_CHECKPOINTS,
        dead_letters=ANOMALIES_DLQ,
        operator=operator,
        precious=True,
        tick_interval_s=tick_interval_s,
    )


def decide_agent(app: StageApp, shell: Shell) -> None:
    """Take every record of the stage's topics; nothing is acked, positions are the checkpoints' own."""
    topics = app.topic(*map(shell.name_on_broker, (topic.name for topic in shell.stage.inputs)))

    @app.agent(topics, name="decide")
    async def decide(stream: Any) -> None:
        async for event in stream.noack().events():
            await shell.step.take(event.message)
