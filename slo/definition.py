"""What an objective is: which events are good, over which time how many of them must be, and when to say so.

The terms are OpenSLO's (https://github.com/OpenSLO/OpenSLO, v1). ``Occurrences`` weighs every event alike;
``Timeslices`` calls a slice of time good or bad, and ``RatioTimeslices`` averages the slices' own ratios.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Method = Literal["Occurrences", "Timeslices", "RatioTimeslices"]
Operator = Literal["lt", "lte", "gt", "gte"]
Unknown = Literal["ignore", "good", "bad"]
CalendarUnit = Literal["day", "week", "month", "quarter", "year"]
OCCURRENCES_SLICE_S: Final = 5
"""Events are counted in slices of so many seconds, and every window moves on by one of them."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Part):
    """Series: their metric's name, and conditions on labels in PromQL's syntax (``{job="api",code=~"5.."}``)."""

    metric: str
    selector: str = "{}"


class RatioIndicator(_Part):
    """Good events, or bad ones, of all."""

    kind: Literal["ratio"] = "ratio"
    good: Source | None = None
    bad: Source | None = None
    total: Source
    counter: bool = True

    @model_validator(mode="after")
    def _one_side(self) -> Self:
        if (self.good is None) == (self.bad is None):
            raise ValueError("a ratio has either good or bad, and total")
        return self


class BucketIndicator(_Part):
    """Events of a histogram that lie at or below a bound are good."""

    kind: Literal["bucket"] = "bucket"
    histogram: Source
    le: float


class ThresholdIndicator(_Part):
    """A sample, or a quantile of a slice's samples, that compares so to a value is good."""

    kind: Literal["threshold"] = "threshold"
    source: Source
    op: Operator
    value: float
    quantile: Annotated[float | None, Field(gt=0, lt=1)] = None


Indicator = Annotated[RatioIndicator | BucketIndicator | ThresholdIndicator, Field(discriminator="kind")]


class RollingWindow(_Part):
    """The last so many seconds."""

    kind: Literal["rolling"] = "rolling"
    duration_s: Annotated[int, Field(gt=0)]


class CalendarWindow(_Part):
    """A day, week, month ... of a time zone's own clock, whatever the clocks do in it."""

    kind: Literal["calendar"] = "calendar"
    unit: CalendarUnit
    count: Annotated[int, Field(gt=0)] = 1
    start: Annotated[str, Field(description="When the first one began, in the time zone: 2026-01-01 00:00:00.")]
    time_zone: str = "UTC"


TimeWindow = Annotated[RollingWindow | CalendarWindow, Field(discriminator="kind")]


class BurnTier(_Part):
    """Speaks while the error ratios of a long and a short window are both above ``factor * (1 - target)``."""

    name: str
    long_s: Annotated[int, Field(gt=0)]
    short_s: Annotated[int, Field(gt=0)]
    factor: Annotated[float, Field(gt=0)]
    priority: Literal["P0", "P1", "P2", "P3"]


class AlertPolicy(_Part):
    """When an objective speaks up."""

    profile: Literal["google", "sloth", "pyrra", "custom"] = "google"
    tiers: tuple[BurnTier, ...] = ()
    min_events: Annotated[int, Field(ge=0, description="Of Occurrences, in the long window.")] = 100
    min_bad: Annotated[int, Field(ge=0, description="Of Occurrences, in the long window.")] = 3
    remaining: Annotated[
        tuple[float, ...], Field(description="Shares of the budget that are left; each is told once it is reached.")
    ] = (0.5, 0.25, 0.0)


class Slo(_Part):
    """An objective of one tenant; ``name`` is unique within it."""

    tenant: str = "default"
    name: Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
    title: str = ""
    description: str = ""
    service: str
    labels: dict[str, str] = {}
    method: Method
    indicator: Indicator
    target: Annotated[float, Field(gt=0, lt=1)]
    sla: Annotated[float | None, Field(gt=0, lt=1, description="What customers are promised: below the target.")] = None
    window: TimeWindow
    slice_s: Annotated[int, Field(gt=0)] = OCCURRENCES_SLICE_S
    slice_target: Annotated[
        float | None, Field(gt=0, le=1, description="Of Timeslices: the share of good in a slice that is good.")
    ] = None
    unknown: Annotated[Unknown, Field(description="What a slice without data counts as.")] = "ignore"
    alerts: AlertPolicy = AlertPolicy()

    @property
    def key(self) -> str:
        """Its name among all tenants'."""
        return f"{self.tenant}/{self.name}"

    @property
    def budget(self) -> float:
        """The share that may be bad."""
        return 1.0 - self.target
