"""Rules that can never speak are found, and no other is said to be one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.rules.reading import Placed
from incidents.rules.shadow import covers, shadowed
from incidents.rules.spec import AlertRule, Bound, Condition, Match
from tests.unit.incidents.rules.states import on_signal, over, rule, state

COVERED = {
    "a rule on all": ({}, {"match": on_signal("errors"), "for_s": 60, "min_score": 2}),
    "the same": ({"match": on_signal("errors")}, {"match": on_signal("errors")}),
    "some of its signals": ({"match": on_signal("errors", "latency")}, {"match": on_signal("errors")}),
    "a higher limit": ({"condition": over(2)}, {"condition": over(3)}),
    "the same limit, without it": (
        {"condition": over(2)},
        {"condition": Condition(ratio_to_usual=Bound(op=">", value=2))},
    ),
    "one of a pattern's values": (
        {"match": Match(select='{service=~"web|api"}')},
        {"match": Match(select='{service="web", zone="a"}')},
    ),
    "a tenant's": ({}, {"tenant": "shop"}),
    "one that waits longer": ({"for_s": 60}, {"for_s": 120}),
}
NOT_COVERED = {
    "other signals": ({"match": on_signal("errors")}, {"match": on_signal("errors", "latency")}),
    "a lower limit": ({"condition": over(2)}, {"condition": over(1)}),
    "no limit": ({"condition": over(2)}, {}),
    "the other way": ({"condition": over(2)}, {"condition": Condition(ratio_to_usual=Bound(op="<", value=3))}),
    "another value": ({"match": Match(select='{service="web"}')}, {"match": Match(select='{service="api"}')}),
    "a pattern in a pattern, which nobody can tell": (
        {"match": Match(select='{service=~"w.*"}')},
        {"match": Match(select='{service=~"we.*"}')},
    ),
    "one that does not wait": ({"for_s": 60}, {}),
    "less confidence": ({"priority": "P1"}, {"priority": "P2"}),
    "another tenant's": ({"tenant": "bank"}, {"tenant": "shop"}),
    "another source's": ({}, {"on": "slo"}),
}


@pytest.mark.parametrize("case", COVERED)
def test_a_rule_covers(case: str) -> None:
    first, second = COVERED[case]
    assert covers(rule("a", **first), rule("b", **second))


@pytest.mark.parametrize("case", NOT_COVERED)
def test_a_rule_does_not_cover(case: str) -> None:
    first, second = NOT_COVERED[case]
    assert not covers(rule("a", **first), rule("b", **second))


def some_rules() -> st.SearchStrategy[AlertRule]:
    fields: dict[str, st.SearchStrategy[Any]] = {
        "match": st.sampled_from(
            [
                Match(),
                on_signal("errors"),
                on_signal("errors", "latency"),
                Match(select='{service=~"web|api"}'),
                Match(select='{service="web"}', direction="up"),
                Match(kinds=("spike",), entity=("service",)),
            ]
        ),
        "condition": st.sampled_from([Condition(), over(1), over(2)]),
        "for_s": st.sampled_from([0, 60, 300]),
        "min_score": st.sampled_from([None, 1.0, 2.0]),
        "priority": st.sampled_from(["P0", "P2"]),
    }
    return st.fixed_dictionaries(fields).map(lambda given: rule("a", **given))


@given(
    some_rules(),
    some_rules(),
    st.builds(
        state,
        at_s=st.sampled_from([0, 60, 300]),
        ended=st.booleans(),
        signal=st.sampled_from(["errors", "latency", "traffic"]),
        labels=st.sampled_from([{"service": "web"}, {"service": "api"}, {}]),
        kind=st.sampled_from(["spike", "drop"]),
        score=st.sampled_from([0.5, 1.5, 2.5]),
        confidence=st.sampled_from([0.4, 0.6]),
        numbers=st.sampled_from([{}, {"ratio_to_usual": 1.5}, {"ratio_to_usual": 2.5}]),
    ),
)
def test_where_a_covered_rule_holds_the_other_does(first: AlertRule, second: AlertRule, found: Any) -> None:
    if covers(first, second) and second.holds(found):
        assert first.holds(found)


def test_the_later_of_two_is_told_with_both_places() -> None:
    placed = [Placed(rule("wide"), "a.yaml", 2), Placed(rule("narrow", for_s=60), "b.yaml", 7)]
    assert [str(one) for one in shadowed(placed)] == [
        (
            "b.yaml:7: narrow never speaks: wide at a.yaml:2 holds wherever it does. "
            "Put it before that one, or narrow that one"
        )
    ]
    assert shadowed(placed[::-1]) == []
