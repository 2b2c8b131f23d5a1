"""Threshold rules: matchers, a function over a window, a comparison, and how long it must hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.events import Priority, Severity
from schemas.series import Series

Function = Literal["last", "avg", "min", "max", "count", "increase", "rate", "eta"]
Comparison = Literal[">", ">=", "<", "<=", "==", "!="]
FUNCTIONS: Final[tuple[Function, ...]] = ("last", "avg", "min", "max", "count", "increase", "rate", "eta")
COMPARISONS: Final[tuple[Comparison, ...]] = (">", ">=", "<", "<=", "==", "!=")

_SELECTOR = re.compile(r"\s*([A-Za-z_:][\w:.]*)?\s*(?:\{(.*)\})?\s*", re.DOTALL)
_MATCHER = re.compile(r'\s*([A-Za-z_][\w.]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')

RESERVED_NAMES: Final = frozenset({"windows", "five_windows", "adwin", "page_hinkley", "MetricAnomaly", "MetricDrift"})
"""Names of detectors and of their alerts: a rule of such a name would share their episodes."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label, a dimension or the metric's name (``__name__``)."""

    label: str
    negative: bool
    text: str
    pattern: re.Pattern[str] | None

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether a series' labels satisfy it; a label that is absent is empty, as in PromQL."""
        value = labels.get(self.label, "")
        found = self.pattern.fullmatch(value) is not None if self.pattern else value == self.text
        return found != self.negative


@lru_cache(maxsize=1024)
def matchers_of(selector: str) -> tuple[Matcher, ...]:
    """Read a PromQL-like selector.

    Raises
    ------
    ValueError
        If it is not one; the message says where.

    Examples
    --------
    >>> [m.label for m in matchers_of('cpu{node=~"a.*", zone!="z1"}')]
    ['__name__', 'node', 'zone']
    """
    whole = _SELECTOR.fullmatch(selector)
    if whole is None or not selector.strip():
        raise ValueError(f'not a selector like metric{{label="value"}}: {selector!r}')
    found = [Matcher("__name__", False, whole[1], None)] if whole[1] else []
    rest = (whole[2] or "").strip()
    at = 0
    while at < len(rest):
        one = _MATCHER.match(rest, at)
        if one is None:
            raise ValueError(f"not a matcher at {rest[at : at + 30]!r} of {selector!r}")
        text = one[3].replace('\\"', '"').replace("\\\\", "\\")
        try:
            pattern = re.compile(text) if "~" in one[2] else None
        except re.error as error:
            raise ValueError(f"not a regular expression in {selector!r}: {error}") from error
        found.append(Matcher(one[1], one[2].startswith("!"), text, pattern))
        at = one.end()
    return tuple(found)


class ThresholdRule(BaseModel):
    """A limit that is known, such as a disk at 95 %.

    Examples
    --------
    >>> rule = ThresholdRule(name="hot", select='temperature{room="a"}', threshold=30)
    >>> rule.matches(Series("t", "temperature", {"room": "a"})), rule.matches(Series("t", "temperature"))
    (True, False)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=100)]
    select: Annotated[str, Field(description='Series: metric{label="x", label!="x", label=~"a|b", label!~"c.*"}.')]
    function: Annotated[
        Function,
        Field(
            description=(
                "What is compared; counters are rates per second here. eta is the seconds until the trend reaches "
                "the limit, looked at as buckets of 5 minutes close."
            )
        ),
    ] = "last"
    window_s: Annotated[
        float,
        Field(
            ge=30,
            le=604_800,
            description=(
                "What the function looks back over, in buckets of 30 s up to 5 minutes, 1 min up to 15, 5 min up to "
                "an hour, 1 h up to a day, then 6 h. Of the oldest bucket min and max take the whole, others its share."
            ),
        ),
    ] = 300.0
    comparison: Comparison = ">"
    threshold: Annotated[float, Field(allow_inf_nan=False)]
    for_s: Annotated[float, Field(ge=0, description="How long it must hold without a break.")] = 0.0
    keep_firing_for_s: Annotated[
        float, Field(ge=0, description="What fires ends only after it did not hold for so long.")
    ] = 0.0
    limit: Annotated[
        float | None, Field(allow_inf_nan=False, description="Of eta: the value that is not to be reached.")
    ] = None
    towards: Annotated[
        Literal["up", "down"], Field(description="Of eta: whether the limit is a ceiling or a floor.")
    ] = "up"
    latest_s: Annotated[
        float,
        Field(
            ge=0,
            description=(
                "Of eta: by then the limit is reached nine times out of ten, else nothing is said. At 0 the trend "
                "only has to be sure."
            ),
        ),
    ] = 0.0
    priority: Priority = "P2"
    severity: Severity = "warning"
    safety: Annotated[bool, Field(description="On the safety list: it always pages.")] = False
    summary: Annotated[str, Field(description="What it means, in words.")] = ""

    @field_validator("name")
    @classmethod
    def _is_its_own(cls, name: str) -> str:
        if name in RESERVED_NAMES:
            raise ValueError(f"{name} is a detector's name, a rule needs one of its own")
        return name

    @field_validator("select")
    @classmethod
    def _reads(cls, selector: str) -> str:
        matchers_of(selector)
        return selector

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if (self.function == "eta") != (self.limit is not None):
            raise ValueError("a rule on eta needs a limit, and no other has one")
        if self.function == "eta" and not self.comparison.startswith("<"):
            raise ValueError("a rule on eta compares with < or <=: it fires when little time is left")
        return self

    def may_match(self, metric: str) -> bool:
        """Whether it could be about a series of that metric."""
        return all(one.holds({"__name__": metric}) for one in matchers_of(self.select) if one.label == "__name__")

    def matches(self, series: Series) -> bool:
        """Whether the rule is about a series; dimensions count as labels where no label has their name."""
        labels = {**series.dims, **series.labels, "__name__": series.metric}
        return all(matcher.holds(labels) for matcher in matchers_of(self.select))


def distinct_rules(rules: list[ThresholdRule]) -> list[ThresholdRule]:
    """Rules no two of which have one name: an episode's id is made of the rule's name.

    Raises
    ------
    ValueError
        If two have.
    """
    twice = sorted(name for name, count in Counter(rule.name for rule in rules).items() if count > 1)
    if twice:
        raise ValueError(f"threshold rules of one name: {', '.join(twice)}")
    return rules


_DAY_S: Final = 86_400.0
_FREE_SPACE: Final = (
    "node_(disk|filesystem)_(free|avail)_bytes|node_filesystem_files_free|disk_free|disk_inodes_free"
    "|kubelet_volume_stats_(available_bytes|inodes_free)"
)


def _full_soon(form: str, select: str, limit: float, towards: Literal["up", "down"] = "up") -> list[ThresholdRule]:
    """Rules on the time until a disk is full, for one form that it is told in.

    A page needs a near end that is also a sure one; the notice is for who plans. What one drop withdraws, a rotation
    perhaps, is said on for half a day.
    """
    shared = {"select": select, "function": "eta", "comparison": "<", "limit": limit, "towards": towards}
    rows: list[dict[str, object]] = [
        {
            "name": f"disk_full_in_3_days{form}",
            "threshold": 3 * _DAY_S,
            "latest_s": 7 * _DAY_S,
            "priority": "P0",
            "severity": "critical",
            "safety": True,
            "summary": "A disk will be full in less than 3 days",
        },
        {
            "name": f"disk_full_in_7_days{form}",
            "threshold": 7 * _DAY_S,
            "latest_s": 14 * _DAY_S,
            "priority": "P1",
            "severity": "warning",
            "summary": "A disk will be full in less than 7 days",
        },
        {
            "name": f"disk_fills_up{form}",
            "threshold": 60 * _DAY_S,
            "priority": "P3",
            "severity": "info",
            "summary": "A disk fills up",
        },
    ]
    return [ThresholdRule.model_validate({**shared, "keep_firing_for_s": 43_200, **row}) for row in rows]


SHIPPED_RULES: Final[tuple[ThresholdRule, ...]] = (
    ThresholdRule(
        name="oom_kill",
        select='{__name__=~"node_oom_kills_total|node_vmstat_oom_kill|kernel_vmstat_oom_kill|container_oom_events_total"}',
        function="increase",
        threshold=0,
        priority="P0",
        severity="critical",
        safety=True,
        summary="The kernel killed a process for want of memory",
    ),
    ThresholdRule(
        name="disk_almost_full",
        select='{__name__=~"node_(disk|filesystem)_used_ratio"}',
        threshold=0.95,
        for_s=60,
        priority="P1",
        severity="critical",
        summary="A disk is almost full",
    ),
    ThresholdRule(
        name="disk_almost_full_percent",
        select='{__name__="disk_used_percent"}',
        threshold=95,
        for_s=60,
        priority="P1",
        severity="critical",
        summary="A disk is almost full",
    ),
    *_full_soon("", '{__name__=~"node_(disk|filesystem)_used_ratio"}', limit=1.0),
    *_full_soon("_percent", '{__name__=~"disk_used_percent|disk_inodes_used_percent"}', limit=100.0),
    *_full_soon("_free", f'{{__name__=~"{_FREE_SPACE}"}}', limit=0.0, towards="down"),
    ThresholdRule(
        name="memory_almost_full",
        select="node_memory_used_ratio",
        threshold=0.97,
        for_s=120,
        summary="Memory is almost used up",
    ),
    ThresholdRule(
        name="memory_almost_full_percent",
        select="mem_used_percent",
        threshold=97,
        for_s=120,
        summary="Memory is almost used up",
    ),
    ThresholdRule(
        name="host_pressure_io",
        select="node_cpu_iowait_ratio",
        function="avg",
        threshold=0.5,
        for_s=300,
        summary="The host waits for its disks",
    ),
    ThresholdRule(
        name="host_pressure_memory",
        select="node_pressure_memory_stalled_seconds_total",
        function="avg",
        threshold=0.1,
        for_s=60,
        summary="The host stalls for want of memory",
    ),
)
