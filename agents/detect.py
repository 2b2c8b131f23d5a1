"""The agent of detect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents.app import StageApp
from agents.shell import Shell
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


def detect_agent(app: StageApp, shell: Shell) -> None:
    """Take every record of the stage's topics; nothing is acked, positions are the checkpoints' own."""
    topics = app.topic(*map(shell.name_on_broker, (topic.name for topic in shell.stage.inputs)))

    @app.agent(topics, name="detect")
    async def detect(stream: Any) -> None:
        async for event in stream.noack().events():
            await shell.step.take(event.message)
