"""Alerts keep others quiet as in Alertmanager.

Vectors: https://github.com/prometheus/alertmanager/blob/main/inhibit/inhibit_test.go
"""

from __future__ import annotations

import pytest

from tests.unit.incidents.routing.texts import routing

RULES = """
route: {receiver: a}
receivers: [{name: a}]
inhibit_rules:
- {source_match: {s1: 1}, target_match: {t1: 1}, equal: [e]}
- {source_match: {s2: 1}, target_match: {t2: 1}, equal: [e]}
- {source_matchers: [s1=1], target_matchers: ['t1!=1'], equal: [e]}
"""
SOURCE1 = {"s1": "1", "t1": "2", "e": "1"}
SOURCE2 = {"s2": "1", "t2": "1", "e": "1"}


def mutes(rules: list[int], target: dict[str, str]) -> bool:
    found = routing(RULES).inhibit_rules
    return any(found[at].inhibits(source, target) for at in rules for source in (SOURCE1, SOURCE2))


@pytest.mark.parametrize(
    ("target", "by_match", "by_not_equal"),
    [
        ({"t1": "1", "e": "1"}, True, False),
        ({"t2": "1", "e": "1"}, True, True),
        ({"t1": "1", "t3": "1", "e": "1"}, True, False),
        ({"t1": "1", "t2": "1", "e": "1"}, True, True),
        ({"t1": "0", "e": "1"}, False, True),
        ({"s1": "1", "t1": "1", "e": "1"}, True, False),
        ({"s2": "1", "t2": "1", "e": "1"}, False, True),
        ({"t1": "1", "e": "0"}, False, False),
    ],
)
def test_a_target_is_quiet_where_alertmanagers_is(target: dict[str, str], by_match: bool, by_not_equal: bool) -> None:
    assert mutes([0, 1], target) is by_match
    assert mutes([2, 1], target) is by_not_equal


def test_an_alert_that_fits_both_sides_does_not_keep_itself_quiet() -> None:
    rule = routing(RULES).inhibit_rules[1]
    assert not rule.inhibits(SOURCE2, SOURCE2)
    assert rule.inhibits({"s2": "1", "e": "1"}, SOURCE2)


def test_labels_that_both_lack_are_equal() -> None:
    rule = routing(RULES).inhibit_rules[0]
    assert rule.inhibits({"s1": "1"}, {"t1": "1"})
    assert not rule.inhibits({"s1": "1"}, {"t1": "1", "e": "1"})
    assert rule.inhibits({"s1": "1", "e": ""}, {"t1": "1"})
