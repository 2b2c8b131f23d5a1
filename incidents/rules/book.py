"""The rules of all tenants, and what the first that holds makes of a state.

A verdict is a function of one state alone, and verdicts of an episode are joined: the more urgent holds, so the order
in which states arrive changes nothing, and a priority only ever rises while an episode lasts.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from incidents.finding import PRIORITY_RANK
from incidents.rules.facts import Facts, Source
from incidents.rules.spec import SOURCES, AlertRule, Role
from schemas.base import TimeMs
from schemas.events import Priority

_NO_RULE: Final = 1_000_000
"""The place of what no rule says: after all of them."""
_ROLE_RANK: Final[dict[Role | None, int]] = {"symptom": 0, "cause": 1, None: 2}


class Verdict(BaseModel):
    """What rules make of an episode, as far as it was seen.

    Examples
    --------
    >>> calm, urgent = Verdict(priority="P2", at_ms=9), Verdict(rule="slow", place=0, priority="P1", at_ms=5)
    >>> calm.joined(urgent) == urgent.joined(calm) == urgent
    True
    """

    model_config = ConfigDict(frozen=True)
    rule: Annotated[str | None, Field(description="The one that holds; None where the alert's own priority does.")] = (
        None
    )
    place: Annotated[int, Field(description="The rule's, from the first.")] = _NO_RULE
    priority: Priority
    role: Role | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    runbooks: tuple[str, ...] = ()
    at_ms: TimeMs

    def joined(self, other: Verdict) -> Verdict:
        """The two as one: the more urgent, of equals the earlier rule, of one rule the newer state's.

        Users notice it where any state says that they do.
        """
        first, second = (self, other) if self._order <= other._order else (other, self)
        if _ROLE_RANK[second.role] < _ROLE_RANK[first.role]:
            return first.model_copy(update={"role": second.role})
        return first

    @property
    def _order(self) -> tuple[object, ...]:
        told = (sorted(self.labels.items()), sorted(self.annotations.items()), self.runbooks)
        rank = PRIORITY_RANK[self.priority], self.place, -self.at_ms
        return *rank, self.rule or "", told, _ROLE_RANK[self.role]


def joined(verdicts: Iterable[Verdict]) -> Verdict:
    """All verdicts of an episode as one.

    Raises
    ------
    TypeError
        If there is none.
    """
    return functools.reduce(Verdict.joined, verdicts)


class RuleBook:
    """Rules in their order; the first that holds for a state speaks.

    Parameters
    ----------
    rules
        In the order in which they are asked. Those of a tenant are asked before everybody's.

    Examples
    --------
    >>> from incidents.rules.spec import Match, Outcome
    >>> rule = AlertRule(name="slow", on="anomaly", match=Match(signal=("latency",)), then=Outcome(priority="P1"))
    >>> shared = {"on": "anomaly", "tenant": "t", "alertname": "MetricAnomaly", "labels": {}, "priority": "P2"}
    >>> state = Facts(**shared, started_ms=0, at_ms=0, signal="latency")
    >>> RuleBook([rule]).judge(state).priority, RuleBook([]).judge(state).priority
    ('P1', 'P2')
    """

    def __init__(self, rules: Sequence[AlertRule]) -> None:
        self.rules = tuple(sorted(rules, key=lambda rule: rule.tenant is None))
        self._by_source: dict[Source, tuple[tuple[int, AlertRule], ...]] = {
            source: tuple((at, rule) for at, rule in enumerate(self.rules) if rule.on == source) for source in SOURCES
        }

    def judge(self, facts: Facts) -> Verdict:
        """What a state means by itself; join it with what states before it meant.

        What is on the safety list is P0 whatever a rule says.
        """
        for at, rule in self._by_source[facts.on]:
            if rule.holds(facts):
                return _verdict(rule, at, facts)
        return Verdict(priority="P0" if facts.safety else facts.priority, at_ms=facts.at_ms)


def _verdict(rule: AlertRule, at: int, facts: Facts) -> Verdict:
    labels, annotations = rule.says(facts)
    return Verdict(
        rule=rule.name,
        place=at,
        priority="P0" if facts.safety else rule.then.priority or facts.priority,
        role=rule.then.role,
        labels=labels,
        annotations=annotations,
        runbooks=(rule.then.runbook,) if rule.then.runbook else (),
        at_ms=facts.at_ms,
    )
