"""What is counted for objectives, and what is told of them.

Topics ``slo.events``, ``feedback``, ``slo.status`` and ``slo.alerts``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.base import Event, Finite, GivenMs, TimeMs
from schemas.events import Priority

PeriodName = Literal["daily", "weekly", "monthly", "own"]
AlertKind = Literal["burn", "budget", "sla", "no_data"]
Count = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Share = Annotated[Finite, Field(description="1 is all of it; below zero once more was spent than there was.")]


class Spender(BaseModel):
    """Bad events that one entity caused."""

    model_config = ConfigDict(frozen=True)
    entity: str
    bad: Count


class SloSlice(Event):
    """What one partition counted in one slice for a tenant, as columns over its SLOs.

    Where good and all events are counted by series of their own, the two of one event may fall into neighbouring
    slices: what is left is then below zero in one of them, and sums over both are right.

    An SLO whose series are there has a place in every slice, with zeros where nothing happened: absence of its row,
    or a row that knows of unknown events only, says that it was not measured. A later record of the same slice and
    partition replaces what an earlier one said of the SLOs that it names, unless it had ``counted`` less: then it is a
    repeat of what was said before.
    """

    v: Literal[1] = 1
    tenant: str = "default"
    partition: Annotated[int, Field(ge=0, description="Which partition of samples was counted.")]
    slice_ms: Annotated[TimeMs, Field(description="When the slice begins, a multiple of its length.")]
    slice_s: Annotated[int, Field(gt=0)]
    counted: Annotated[
        int, Field(ge=0, description="Samples that the partition had counted by then: more know more of the slice.")
    ] = 0
    slos: Annotated[list[str], Field(description="Tenant and name of each.")]
    good: list[Finite]
    bad: list[Finite]
    unknown: Annotated[list[Count], Field(description="Empty where nothing is unknown.")] = []
    spenders: Annotated[
        dict[str, list[Spender]], Field(description="Who caused bad events, by SLO, the most first.")
    ] = {}

    @model_validator(mode="after")
    def _columns_are_even(self) -> Self:
        if not len(self.slos) == len(self.good) == len(self.bad) or len(self.unknown) not in {0, len(self.slos)}:
            raise ValueError("columns of different lengths")
        return self

    @property
    def key(self) -> str:
        """The record's."""
        return f"{self.tenant}/{self.partition}/{self.slice_s}"


class PeriodBudget(BaseModel):
    """What became of the budget of one period."""

    model_config = ConfigDict(frozen=True)
    period: PeriodName
    start_ms: Annotated[TimeMs, Field(description="When the period began.")]
    end_ms: Annotated[TimeMs, Field(description="When it ends; of a rolling one, now.")]
    since_ms: Annotated[TimeMs | None, Field(description="When the counts begin, if that is later.")] = None
    good: Count
    bad: Count
    total: Count
    unknown: Count
    compliance: Annotated[Finite | None, Field(description="Good of all; absent without data.")] = None
    consumed: Annotated[Finite | None, Field(description="Bad / (total * (1 - target)); absent without data.")] = None
    remaining: Annotated[Share | None, Field(description="1 - consumed, of what happened so far.")] = None
    remaining_of_period: Annotated[
        Share | None, Field(description="The same of the whole period, if the rest of it sees as much traffic.")
    ] = None


class WindowBurn(BaseModel):
    """How fast the budget burns in one window."""

    model_config = ConfigDict(frozen=True)
    window_s: int
    bad: Count
    total: Count
    error_ratio: Annotated[Finite | None, Field(description="Bad of all; absent without events.")] = None
    burn_rate: Annotated[Finite | None, Field(description="1 spends exactly the budget by the period's end.")] = None


class TimeToExhaustion(BaseModel):
    """When the budget is spent if it burns on as lately; an end that is absent is beyond the period."""

    model_config = ConfigDict(frozen=True)
    p50_s: Finite | None = None
    low_80_s: Finite | None = None
    high_80_s: Finite | None = None


class BudgetShare(BaseModel):
    """What one spender took of the period's budget."""

    model_config = ConfigDict(frozen=True)
    who: str
    bad: Count
    of_budget: Finite | None = None


class OpenAlert(BaseModel):
    """An alert of an objective that is open."""

    model_config = ConfigDict(frozen=True)
    alert: Annotated[str, Field(description="A tier's name, or budget-0.25, sla, no-data.")]
    kind: AlertKind
    priority: Priority
    started_ms: TimeMs
    frozen: Annotated[bool, Field(description="Nothing is measured: it stays as it was.")] = False


class SloStatus(Event):
    """How an objective stands."""

    v: Literal[1] = 1
    tenant: str
    slo: str
    service: str
    at_ms: Annotated[TimeMs, Field(description="The end of the last slice that is in it.")]
    slice_s: Annotated[
        int | None,
        Field(gt=0, description="Slices are so long, and it is told once one closes; of old ones not known."),
    ] = None
    target: Finite
    no_data: Annotated[bool, Field(description="Nothing was measured for so long that nothing can be said.")]
    budgets: list[PeriodBudget]
    burn: list[WindowBurn]
    exhausted_in: Annotated[TimeToExhaustion | None, Field(description="Absent where it does not burn.")] = None
    sla: Finite | None = None
    sla_remaining: Annotated[Share | None, Field(description="Of the SLA's own budget over the own period.")] = None
    spenders: Annotated[list[BudgetShare], Field(description="Of the own period, the most first.")] = []
    firing: Annotated[list[str], Field(description="The alerts that are open.")] = []
    open: Annotated[list[OpenAlert], Field(description="The same, with what else is known of them.")] = []

    @property
    def key(self) -> str:
        """The record's."""
        return f"{self.tenant}/{self.slo}"

    def budget(self, period: PeriodName) -> PeriodBudget:
        """That of one period.

        Raises
        ------
        KeyError
            If it is not told.
        """
        return {one.period: one for one in self.budgets}[period]


class Feedback(Event):
    """What a person or their tool says of an alert; a later one of the same alert replaces it."""

    v: Literal[1] = 1
    tenant: Annotated[str, Field(min_length=1)]
    alert_id: Annotated[str, Field(min_length=1, max_length=200)]
    verdict: Annotated[
        Literal["actioned", "false", "duplicate"],
        Field(description="It needed action; it did not; another one had said it already."),
    ]
    at_ms: Annotated[GivenMs, Field(description="When it was said.")]
    labels: Annotated[dict[str, str], Field(description="The alert's, as far as they are known.")] = {}
    by: Annotated[str | None, Field(max_length=200)] = None
    note: Annotated[str | None, Field(max_length=2000)] = None

    @property
    def key(self) -> str:
        """The record's."""
        return f"{self.tenant}/{self.alert_id}"


class SloAlert(Event):
    """A turn in the life of one alert of an objective: its start, an update, or its end."""

    v: Literal[1] = 1
    id: Annotated[str, Field(description="Of the episode: SLO, alert and start, the same in all its states.")]
    tenant: str
    slo: str
    service: str = ""
    title: Annotated[str, Field(description="The objective's own, or its name.")] = ""
    labels: Annotated[dict[str, str], Field(description="The objective's.")] = {}
    alert: Annotated[str, Field(description="A tier's name, or budget-0.25, sla, no-data.")]
    kind: AlertKind
    state: Literal["start", "update", "end"]
    priority: Priority
    started_ms: TimeMs
    at_ms: TimeMs
    since_ms: Annotated[
        TimeMs | None,
        Field(
            description="When the oldest alert began of those that were open with it: of tiers and ``no-data``, or of "
            "budgets and the SLA. Absent where that is not known."
        ),
    ] = None
    frozen: Annotated[bool, Field(description="Nothing is measured: it stays as it was.")] = False
    long_ratio: Finite | None = None
    short_ratio: Finite | None = None
    burn_rate: Finite | None = None
    budget_left: Share | None = None
    exhausted_in: TimeToExhaustion | None = None
    spenders: Annotated[list[BudgetShare], Field(description="Who spent the most, at most three.")] = []
    runbooks: Annotated[list[str], Field(description="Ids of those that fit.")] = []
    summary: str = ""

    @property
    def key(self) -> str:
        """The record's."""
        return f"{self.tenant}/{self.slo}/{self.alert}"
