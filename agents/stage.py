"""What the shell must know of a stage: its topics and the operator that it hosts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from integrations.delivery import Memory, Outcome
from schemas.notification_events import Notification
from schemas.topics import Topic
from streams.operator import Operator


class Deliver(Protocol):
    """Tells the outside world."""

    async def __call__(self, notification: Notification, memory: Memory) -> Outcome:
        """Tell one integration something, given what it calls the key; raises nothing."""

    def settle_s(self, notification: Notification) -> float:
        """How long an integration may take until it finds what it was told: before that a repeat would double it."""


class TickSettings(BaseModel):
    """Who makes the passing of time."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    ticks: Annotated[
        Literal["wall", "none"],
        Field(description="wall: a tick on whole seconds of the clock; none: somebody else writes them."),
    ] = "wall"
    detect_interval_s: Annotated[int, Field(ge=1, le=3600, description="Between two ticks of detect.")] = 10
    burn_interval_s: Annotated[int, Field(ge=1, le=3600, description="Between two ticks of burn.")] = 1
    decide_interval_s: Annotated[int, Field(ge=1, le=3600, description="Between two ticks of decide.")] = 1
    route_interval_s: Annotated[int, Field(ge=1, le=3600, description="Between two ticks of route.")] = 1
    notify_interval_s: Annotated[int, Field(ge=1, le=3600, description="Between two ticks of notify.")] = 60


@dataclass(frozen=True)
class Stage:
    """A stage of the flow.

    Parameters
    ----------
    name
        As in the topics' names; also its consumer group.
    inputs
        Co-partitioned topics that it reads; the first is its source.
    ticks, checkpoints, dead_letters
        Its own topics; ticks are among the inputs.
    operator
        Makes the operator of one partition.
    precious
        Whether outputs, state and offsets share a transaction: for small state and outputs that page people.
    tick_interval_s
        Between two ticks.
    first
        Inputs of which all that lies there is applied before the others, whenever a partition is taken over: a stage
        that was away finds out what holds before it reads what it holds for.
    warm_up
        Compiles what a first step would compile; called in a thread before the group is joined.
    deliver
        Tells the outside world what the operator says is due; None of a stage whose outputs are records alone.
    """

    name: str
    inputs: tuple[Topic, ...]
    ticks: Topic
    checkpoints: Topic
    dead_letters: Topic
    operator: Callable[[int], Operator]
    precious: bool
    tick_interval_s: int = 1
    first: tuple[Topic, ...] = ()
    warm_up: Callable[[], None] = lambda: None
    deliver: Deliver | None = None

    @property
    def source(self) -> Topic:
        """The topic whose partitions are the stage's."""
        return self.inputs[0]
