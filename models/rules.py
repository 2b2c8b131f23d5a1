"""Threshold rules: matchers, a function over a window, a comparison, and how long it must hold."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from models.names import RESERVED_NAMES
from models.patterns import compiled
from schemas.bounds import LONGEST_S, MOST
from schemas.errors import SchemaError
from schemas.events import Priority, Setting, Severity
from schemas.series import Series

Function = Literal["last", "avg", "min", "max", "count", "increase", "rate", "eta"]
Comparison = Literal[">", ">=", "<", "<=", "==", "!="]
FUNCTIONS: Final[tuple[Function, ...]] = ("last", "avg", "min", "max", "count", "increase", "rate", "eta")
COMPARISONS: Final[tuple[Comparison, ...]] = (">", ">=", "<", "<=", "==", "!=")

_SELECTOR = re.compile(r"\s*([A-Za-z_:][\w:.]*)?\s*(?:\{(.*)\})?\s*", re.DOTALL)
_MATCHER = re.compile(r'\s*([A-Za-z_][\w.]*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')


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
            pattern = compiled(text) if "~" in one[2] else None
        except ValueError as error:
            raise ValueError(f"not a regular expression in {selector!r}: {error}") from error
        found.append(Matcher(one[1], one[2].startswith("!"), text, pattern))
        at = one.end()
    return tuple(found)


def _read(selector: str) -> str:
    matchers_of(selector)
    return selector


Selector = Annotated[str, AfterValidator(_read)]
"""Text that ``matchers_of`` reads."""


def may_select(selector: str, metric: str) -> bool:
    """Whether a selector could be about a series of a metric."""
    return all(one.holds({"__name__": metric}) for one in matchers_of(selector) if one.label == "__name__")


def labels_of(series: Series) -> dict[str, str]:
    """What conditions look at: labels, dimensions where no label has their name, and the metric as ``__name__``."""
    return {**series.dims, **series.labels, "__name__": series.metric}


def selects(selector: str, series: Series) -> bool:
    """Whether a selector is about a series; dimensions count as labels where no label has their name."""
    labels = labels_of(series)
    return all(matcher.holds(labels) for matcher in matchers_of(selector))


class ThresholdRule(BaseModel):
    """A limit that is known, such as a disk at 95 %.

    Examples
    --------
    >>> rule = ThresholdRule(name="hot", select='temperature{room="a"}', threshold=30)
    >>> rule.matches(Series("t", "temperature", {"room": "a"})), rule.matches(Series("t", "temperature"))
    (True, False)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
    name: Annotated[str, Field(min_length=1, max_length=100)]
    select: Annotated[Selector, Field(description='Series: metric{label="x", label!="x", label=~"a|b", label!~"c.*"}.')]
    function: Annotated[
        Function,
        Field(
            description=(
                "What is compared; counters are rates per second here, each of which weighs by its time. eta is the "
                "seconds until the trend reaches the limit, looked at as buckets of 5 minutes close."
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
    threshold: Annotated[float, Field(ge=-MOST, le=MOST)]
    for_s: Annotated[float, Field(ge=0, le=LONGEST_S, description="How long it must hold without a break.")] = 0.0
    keep_firing_for_s: Annotated[
        float, Field(ge=0, le=LONGEST_S, description="What fires ends only after it did not hold for so long.")
    ] = 0.0
    every_s: Annotated[
        float | None,
        Field(
            gt=0,
            le=LONGEST_S,
            description=(
                "What goes on firing is told again after so long; without it after an hour for eta, for all else after "
                "updates.every_s. A time to a limit that moved by a quarter is told at once."
            ),
        ),
    ] = None
    limit: Annotated[
        float | None, Field(ge=-MOST, le=MOST, description="Of eta: the value that is not to be reached.")
    ] = None
    towards: Annotated[
        Literal["up", "down"], Field(description="Of eta: whether the limit is a ceiling or a floor.")
    ] = "up"
    latest_s: Annotated[
        float,
        Field(
            ge=0,
            le=LONGEST_S,
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

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if (self.function == "eta") != (self.limit is not None):
            raise ValueError("a rule on eta needs a limit, and no other has one")
        if self.function == "eta" and not self.comparison.startswith("<"):
            raise ValueError("a rule on eta compares with < or <=: it fires when little time is left")
        return self

    def may_match(self, metric: str) -> bool:
        """Whether it could be about a series of that metric."""
        return may_select(self.select, metric)

    def matches(self, series: Series) -> bool:
        """Whether the rule is about a series."""
        return selects(self.select, series)


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


_T = TypeVar("_T")


def read_setting(adapter: TypeAdapter[_T], given: object, what: str) -> _T:
    """What a setting's body holds.

    Raises
    ------
    SchemaError
        If it cannot be read.
    """
    try:
        return adapter.validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "names"
        raise SchemaError(f"{what}: {where}: {first['msg']}") from error


_RULES: Final[TypeAdapter[list[ThresholdRule]]] = TypeAdapter(
    Annotated[list[ThresholdRule], AfterValidator(distinct_rules)]
)


def rules_of(setting: Setting) -> list[ThresholdRule]:
    """The threshold rules that a setting brings.

    Raises
    ------
    SchemaError
        If they cannot be read.
    """
    return read_setting(_RULES, setting.body.get("rules", []), "threshold rules")
