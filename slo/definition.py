"""What an objective is: which events are good, over which time how many of them must be, and when to say so.

The terms are OpenSLO's (https://github.com/OpenSLO/OpenSLO, v1). ``Occurrences`` weighs every event alike;
``Timeslices`` calls a slice of time good or bad, and ``RatioTimeslices`` averages the slices' own ratios.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Method = Literal["Occurrences", "Timeslices", "RatioTimeslices"]
Operator = Literal["lt", "lte", "gt", "gte"]
Unknown = Literal["ignore", "good", "bad"]
DerivedSource = Literal["node_health", "alert_feedback", "network_utilisation"]
Priority = Literal["P0", "P1", "P2", "P3"]
CalendarUnit = Literal["day", "week", "month", "quarter", "year"]
MOST_SHARES: Final = 6
"""Of a budget, that may be told of as they remain."""
OCCURRENCES_SLICE_S: Final = 5
"""Events are counted in slices of so many seconds, and every window moves on by one of them."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Source(_Part):
    """Series: their metric's name, and conditions on labels in PromQL's syntax (``{job="api",code=~"5.."}``)."""

    metric: Annotated[str, Field(description="Empty where a condition on ``__name__`` says which.")]
    selector: str = "{}"

    @property
    def select(self) -> str:
        """Both as one selector.

        Examples
        --------
        >>> Source(metric="http_requests_total", selector='{code=~"5.."}').select
        'http_requests_total{code=~"5.."}'
        """
        return self.metric if self.metric and self.selector == "{}" else f"{self.metric}{self.selector}"


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


class DerivedIndicator(_Part):
    """What no series says by itself.

    ``node_health``: in each slice every node of the cluster is an event, good while it has no critical anomaly; a
    node that left is none. ``alert_feedback``: every alert that somebody judged is an event, good if it needed action;
    those that nobody judged are none. ``network_utilisation``: of every interface, the larger of the rates of bytes
    received and sent (``node_network_{receive,transmit}_bytes_total``) as a share of its speed
    (``node_network_speed_bytes``); a sample of it is good if it compares so to ``value``, and unknown while the speed
    is. Conditions on labels are on those of the node, the alert or the interface.
    """

    kind: Literal["derived"] = "derived"
    source: DerivedSource
    selector: str = "{}"
    op: Operator | None = None
    value: float | None = None

    @model_validator(mode="after")
    def _compares(self) -> Self:
        wanted = self.source == "network_utilisation"
        if (self.op is not None) != wanted or (self.value is not None) != wanted:
            raise ValueError("network_utilisation compares with op and value, and no other source does")
        return self


Indicator = Annotated[
    RatioIndicator | BucketIndicator | ThresholdIndicator | DerivedIndicator, Field(discriminator="kind")
]


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
    priority: Priority

    @model_validator(mode="after")
    def _short_is_shorter(self) -> Self:
        if self.short_s > self.long_s:
            raise ValueError(f"the short window of {self.name} is longer than its long one")
        return self


def are_shares(values: Sequence[float]) -> bool:
    """Whether they are shares of a budget that can be told of, and written down in a line."""
    return len(values) <= MOST_SHARES and all(0 <= one < 1 and round(one, 6) == one for one in values)


class AlertPolicy(_Part):
    """When an objective speaks up."""

    profile: Literal["google", "sloth", "pyrra", "custom"] = "google"
    tiers: tuple[BurnTier, ...] = ()
    only: Annotated[
        tuple[str, ...], Field(description="Names of the profile's tiers that speak; all where empty.")
    ] = ()
    min_events: Annotated[int, Field(ge=0, description="Of Occurrences, in the long window.")] = 100
    min_bad: Annotated[int, Field(ge=0, description="Of Occurrences, in the long window.")] = 3
    remaining: Annotated[
        tuple[float, ...], Field(description="Shares of the budget that are left; each is told once it is reached.")
    ] = (0.5, 0.25, 0.0)

    @model_validator(mode="after")
    def _tiers_are_custom(self) -> Self:
        if self.tiers and self.profile != "custom":
            raise ValueError(f"the profile {self.profile} brings tiers of its own: those given are of custom")
        if self.only and self.profile == "custom":
            raise ValueError("only chooses among the tiers of a profile, and custom brings none")
        names = [tier.name for tier in self.tiers]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"tiers of one name: {', '.join(twice)}")
        if not are_shares(self.remaining):
            raise ValueError("at most six shares remain, from 0 up to, not at, 1, with six decimals at the most")
        return self


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

    @model_validator(mode="after")
    def _sla_is_below(self) -> Self:
        if self.sla is not None and self.sla >= self.target:
            raise ValueError(f"the SLA {self.sla:g} is not below the target {self.target:g}")
        return self

    @property
    def key(self) -> str:
        """Its name among all tenants'."""
        return f"{self.tenant}/{self.name}"
