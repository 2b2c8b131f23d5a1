"""Rules that can never speak: what they are about, a rule before them is about already."""

from __future__ import annotations

from collections.abc import Sequence

from incidents.rules.reading import Placed
from incidents.rules.spec import AlertRule, Bound, Condition, Match
from models.rules import Matcher, matchers_of
from schemas.yaml_values import DefinitionError


def covers(first: AlertRule, second: AlertRule) -> bool:
    """Whether the first holds wherever the second does; where that cannot be told, it does not.

    Examples
    --------
    >>> from incidents.rules.spec import Outcome
    >>> shared = {"on": "anomaly", "then": Outcome(role="cause")}
    >>> wide = AlertRule(name="wide", match=Match(signal=("latency", "errors")), **shared)
    >>> narrow = AlertRule(name="narrow", match=Match(signal=("errors",)), for_s=60, **shared)
    >>> covers(wide, narrow), covers(narrow, wide)
    (True, False)
    """
    return (
        first.on == second.on
        and first.tenant in (None, second.tenant)
        and _covers_match(first.match, second.match)
        and _covers_condition(first.condition, second.condition)
        and _asks_no_more(first, second)
    )


def shadowed(placed: Sequence[Placed]) -> list[DefinitionError]:
    """A problem for each rule that one before it covers, in the order in which they are asked."""
    asked = sorted(placed, key=lambda one: one.rule.tenant is None)
    problems = []
    for at, one in enumerate(asked):
        by = next((other for other in asked[:at] if covers(other.rule, one.rule)), None)
        if by is not None:
            what = f"{one.rule.name} never speaks: {by.rule.name} at {by.place} holds wherever it does"
            problems.append(DefinitionError(one.file, one.line, what, "Put it before that one, or narrow that one"))
    return problems


def _covers_match(first: Match, second: Match) -> bool:
    some = (
        (first.signal, second.signal),
        (first.kinds, second.kinds),
        (first.entity, second.entity),
        (first.severity, second.severity),
        (first.alertname, second.alertname),
    )
    if any(wide and not (narrow and set(narrow) <= set(wide)) for wide, narrow in some):
        return False
    if first.direction not in (None, second.direction):
        return False
    return _covers_selector(first.select, second.select)


def _covers_selector(first: str | None, second: str | None) -> bool:
    given = matchers_of(second) if second is not None else ()
    return all(any(_implies(one, wanted) for one in given) for wanted in (matchers_of(first) if first else ()))


def _implies(given: Matcher, wanted: Matcher) -> bool:
    """Whether what satisfies ``given`` satisfies ``wanted``: it is the same, or a value that the other takes."""
    if given == wanted:
        return True
    is_value = given.pattern is None and not given.negative
    return given.label == wanted.label and is_value and wanted.holds({given.label: given.text})


def _covers_condition(first: Condition, second: Condition) -> bool:
    narrow = second.bounds()
    return all(name in narrow and _covers_bound(wide, narrow[name]) for name, wide in first.bounds().items())


def _covers_bound(wide: Bound, narrow: Bound) -> bool:
    if wide.op[0] != narrow.op[0]:
        return False
    if wide.value == narrow.value:
        return len(wide.op) >= len(narrow.op)
    return narrow.value > wide.value if wide.op[0] == ">" else narrow.value < wide.value


def _asks_no_more(first: AlertRule, second: AlertRule) -> bool:
    # An episode's end holds for no rule with a time to wait, so one without covers one with, never the other way.
    return (
        first.for_s <= second.for_s
        and (first.min_score or 0.0) <= (second.min_score or 0.0)
        and first.least_confidence <= second.least_confidence
        and (first.min_events_per_s or 0.0) <= (second.min_events_per_s or 0.0)
    )
