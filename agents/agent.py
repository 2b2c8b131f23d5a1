"""The agent of a stage: all that Faust runs of ours."""

from __future__ import annotations

from typing import Any

from agents.app import StageApp
from agents.shell import Shell


def stage_agent(app: StageApp, shell: Shell) -> None:
    """Take every record of the stage's topics; nothing is acked, positions are the checkpoints' own."""
    topics = app.topic(*map(shell.name_on_broker, (topic.name for topic in shell.stage.inputs)))

    @app.agent(topics, name=shell.stage.name)
    async def take(stream: Any) -> None:
        async for event in stream.noack().events():
            await shell.step.take(event.message)
