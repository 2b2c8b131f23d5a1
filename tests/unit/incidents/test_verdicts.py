"""What rules make of alerts as decide publishes them, in any order and across a restart."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from incidents.decide import DecideOperator, DecideSettings
from incidents.rules.book import RuleBook
from incidents.rules.spec import AlertRule, Match, Outcome
from schemas.events import Anomaly

Make = Callable[..., Anomaly]
RULES = RuleBook(
    [
        AlertRule(
            name="hot",
            on="anomaly",
            match=Match(select="node_cpu_ratio"),
            for_s=300,
            min_confidence=0.0,
            then=Outcome(priority="P1", role="symptom", annotations={"what": "cpu of {entity}"}, runbook="cpu-high"),
        )
    ]
)


def operator() -> DecideOperator:
    return DecideOperator(DecideSettings(), 0, 1, rules=RULES)


def states(anomaly: Make) -> list[Anomaly]:
    return [anomaly(), *(anomaly(state="update", at_s=1000 + age) for age in (120, 300, 400))]


def test_a_rule_that_holds_after_a_while_makes_an_alert_more_urgent_and_says_what_it_is(anomaly: Make) -> None:
    decide = operator()
    seen = []
    for state in states(anomaly):
        decide.on_anomaly(state)
        (alert,) = decide.alerts()
        seen.append((alert.priority, alert.rule))
    assert seen == [("P2", None), ("P2", None), ("P1", "hot"), ("P1", "hot")]
    assert alert.annotations["what"] == "cpu of node:h1"
    assert alert.role == "symptom"
    assert alert.runbooks == ["cpu-high"]
    (incident,) = decide.incidents()
    assert incident.priority == "P1"
    assert incident.page_keys == [incident.id]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_any_order_of_states_ends_alike(order: tuple[int, ...], anomaly: Make) -> None:
    straight, mixed = operator(), operator()
    for state in states(anomaly):
        straight.on_anomaly(state)
    for position in order:
        mixed.on_anomaly(states(anomaly)[position])
    assert mixed.alerts() == straight.alerts()


def test_what_rules_said_survives_a_restart(anomaly: Make) -> None:
    decide, again = operator(), operator()
    for state in states(anomaly)[:3]:
        decide.on_anomaly(state)
    for key, value in decide.take_blocks():
        again.load_block(key, value or b"")
    again.finish_load()
    assert again.alerts() == decide.alerts()
    last = states(anomaly)[3]
    decide.on_anomaly(last)
    again.on_anomaly(last)
    assert again.alerts() == decide.alerts()
