"""What a rule says: which states it is about, what must hold, and what follows."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from incidents.finding import PAGING
from incidents.rules.facts import Facts, Number, Source
from incidents.rules.wording import checked_text, filled
from models.confidence import LOW_CONFIDENCE
from models.rules import Selector, matchers_of
from schemas.bounds import LONGEST_S, MOST, MOST_TIMES
from schemas.events import AnomalyKind, Direction, GoldenSignal, Priority, Severity
from schemas.slo_events import AlertKind

Op = Literal[">", ">=", "<", "<="]
Role = Literal["symptom", "cause"]
SOURCES: Final[tuple[Source, ...]] = ("anomaly", "slo", "posted")
OPERATORS: Final[Mapping[Op, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
NAME_PATTERN: Final = r"[a-z][a-z0-9_]{0,99}"
LABEL_PATTERN: Final = r"[a-zA-Z_][a-zA-Z0-9_]{0,99}"
LONGEST_TEXT: Final = 1000

Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TEXT), AfterValidator(checked_text)]
LabelName = Annotated[str, Field(pattern=f"^{LABEL_PATTERN}$")]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Bound(_Part):
    """A comparison with a number, such as ``> 1.5``."""

    op: Op
    value: Annotated[float, Field(ge=-MOST, le=MOST)]

    def holds(self, given: float) -> bool:
        """Whether a number is within it."""
        return OPERATORS[self.op](given, self.value)

    def __str__(self) -> str:
        return f"{self.op} {self.value:g}"


class Match(_Part):
    """Which states a rule is about; what is not given is no condition."""

    select: Annotated[Selector | None, Field(description='Labels: metric{label="x", label=~"a|b"}.')] = None
    alertname: Annotated[tuple[str, ...], Field(description="One of these: names of threshold rules, kinds.")] = ()
    signal: Annotated[
        tuple[GoldenSignal, ...], Field(description="The golden signal of its metric is one of these.")
    ] = ()
    kinds: Annotated[
        tuple[AnomalyKind | AlertKind, ...], Field(description="Of an anomaly, or of an objective's alert.")
    ] = ()
    direction: Annotated[Direction | None, Field(description="Where the value went.")] = None
    entity: Annotated[
        tuple[str, ...], Field(description="What kind of thing it is about: node, service, pod, cluster, unknown.")
    ] = ()
    severity: tuple[Severity, ...] = ()

    def holds(self, facts: Facts) -> bool:
        """Whether a state is such a one."""
        return self._names(facts) and self._selects(facts)

    def _names(self, facts: Facts) -> bool:
        wanted: tuple[tuple[tuple[str, ...], str | None], ...] = (
            (self.kinds, facts.kind),
            (self.signal, facts.signal),
            (self.entity, facts.entity_kind),
            (self.severity, facts.severity),
            (self.alertname, facts.alertname),
        )
        if any(some and one not in some for some, one in wanted):
            return False
        return self.direction in (None, facts.direction)

    def _selects(self, facts: Facts) -> bool:
        return self.select is None or all(one.holds(facts.labels) for one in matchers_of(self.select))


class Condition(_Part):
    """What must hold of a state's numbers; a number that is not known holds for nothing."""

    ratio_to_usual: Annotated[
        Bound | None, Field(description="The value over what is usual at this hour, else over what is expected.")
    ] = None
    observed: Annotated[Bound | None, Field(description="The value, in its own unit; of a counter a second.")] = None
    budget_left: Annotated[Bound | None, Field(description="Of an objective: the share that is left.")] = None
    burn_rate: Annotated[Bound | None, Field(description="Of an objective: 1 spends just its budget.")] = None
    time_to_limit_s: Annotated[
        Bound | None, Field(description="Seconds until a limit is reached or a budget is spent, by the median.")
    ] = None

    def bounds(self) -> dict[Number, Bound]:
        """Those that are given."""
        given: dict[Number, Bound | None] = {
            "ratio_to_usual": self.ratio_to_usual,
            "observed": self.observed,
            "budget_left": self.budget_left,
            "burn_rate": self.burn_rate,
            "time_to_limit_s": self.time_to_limit_s,
        }
        return {name: bound for name, bound in given.items() if bound is not None}

    def holds(self, numbers: Mapping[Number, float]) -> bool:
        """Whether all of it does."""
        return all(name in numbers and bound.holds(numbers[name]) for name, bound in self.bounds().items())


class Outcome(_Part):
    """What follows where a rule holds."""

    priority: Annotated[Priority | None, Field(description="How urgent it is; without one as urgent as it says.")] = (
        None
    )
    role: Annotated[
        Role | None, Field(description="What users notice, or what may be behind it: a cause pages nobody by itself.")
    ] = None
    labels: Annotated[
        dict[LabelName, Text],
        Field(max_length=32, description="Seen by routes, silences and templates; no part of the fingerprint."),
    ] = {}
    annotations: Annotated[dict[LabelName, Text], Field(max_length=32, description="What is said with it.")] = {}
    runbook: Annotated[str, Field(max_length=100, description="Id of the runbook that helps.")] = ""


class AlertRule(_Part):
    """One rule.

    Examples
    --------
    >>> rule = AlertRule(
    ...     name="slow",
    ...     on="anomaly",
    ...     match=Match(signal=("latency",)),
    ...     condition=Condition(ratio_to_usual=Bound(op=">", value=1.5)),
    ...     for_s=300,
    ...     then=Outcome(priority="P1", role="symptom"),
    ... )
    >>> shared = {"on": "anomaly", "tenant": "t", "alertname": "MetricAnomaly", "labels": {}, "started_ms": 0}
    >>> state = Facts(**shared, at_ms=300_000, priority="P2", signal="latency", numbers={"ratio_to_usual": 1.6})
    >>> rule.holds(state)
    True
    """

    name: Annotated[str, Field(pattern=f"^{NAME_PATTERN}$", description="Unique among the rules of a tenant.")]
    on: Annotated[Source, Field(description="Who tells of it.")]
    match: Match = Match()
    condition: Condition = Condition()
    min_score: Annotated[float | None, Field(ge=0, le=MOST_TIMES, description="Of an anomaly; 1 is its limit.")] = None
    min_confidence: Annotated[
        float | None,
        Field(ge=0, le=1, description=f"Of an anomaly; without one {LOW_CONFIDENCE:g} where the rule pages (P0, P1)."),
    ] = None
    min_events_per_s: Annotated[
        float | None,
        Field(gt=0, le=MOST, description="Where the value counts events a second, it must be at least this."),
    ] = None
    for_s: Annotated[
        float, Field(ge=0, le=LONGEST_S, description="So long the episode lasts at least, by the state that holds.")
    ] = 0.0
    then: Outcome
    tenant: Annotated[str | None, Field(description="Whose it is; everybody's without one.")] = None

    @model_validator(mode="after")
    def _is_about_what_there_is(self) -> Self:
        if self.on != "anomaly" and (self.min_score is not None or self.min_confidence is not None):
            raise ValueError("only an anomaly has a score and a confidence")
        if self.on == "posted" and self.condition.bounds():
            raise ValueError("an alert of another system brings no numbers to compare")
        if "alertname" in self.then.labels:
            raise ValueError("alertname is the alert's identity, and no rule changes it")
        return self

    @property
    def least_confidence(self) -> float:
        """Below which the rule holds for no anomaly."""
        if self.min_confidence is not None:
            return self.min_confidence
        return LOW_CONFIDENCE if self.then.priority in PAGING else 0.0

    @property
    def for_ms(self) -> int:
        """``for_s`` in milliseconds."""
        return round(self.for_s * 1000)

    def is_about(self, facts: Facts) -> bool:
        """Whether a state is of the kind that the rule speaks of, whatever its numbers."""
        return self.on == facts.on and self.tenant in (None, facts.tenant) and self.match.holds(facts)

    def holds(self, facts: Facts) -> bool:
        """Whether it holds for a state."""
        return self.is_about(facts) and self._is_met(facts)

    def _is_met(self, facts: Facts) -> bool:
        # What is over was not sustained by being over: an end raises nothing that lasted too short before.
        if self.for_ms and (facts.ended or facts.lasted_ms < self.for_ms):
            return False
        if facts.on == "anomaly" and not self._is_sure(facts):
            return False
        return self._sees_enough(facts) and self.condition.holds(facts.numbers)

    def _is_sure(self, facts: Facts) -> bool:
        return facts.score >= (self.min_score or 0.0) and facts.confidence >= self.least_confidence

    def _sees_enough(self, facts: Facts) -> bool:
        if self.min_events_per_s is None or not facts.is_rate:
            return True
        return facts.numbers.get("observed", 0.0) >= self.min_events_per_s

    def says(self, facts: Facts) -> tuple[dict[str, str], dict[str, str]]:
        """Labels and annotations, filled from a state."""
        then = self.then
        return (
            {name: filled(text, facts) for name, text in then.labels.items()},
            {name: filled(text, facts) for name, text in then.annotations.items()},
        )
