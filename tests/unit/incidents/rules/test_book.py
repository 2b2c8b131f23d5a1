"""Which rule speaks of a state, and how verdicts of an episode are joined."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.finding import PRIORITY_RANK
from incidents.rules.book import RuleBook, Verdict, joined
from incidents.rules.facts import Facts
from incidents.rules.spec import AlertRule, Match, Outcome
from tests.unit.incidents.rules.states import on_signal, over, rule, state

PRIORITIES = st.sampled_from(["P0", "P1", "P2", "P3"])
RULES = (
    rule("worst", "P0", condition=over(10)),
    rule("lasting", "P1", condition=over(1.5), for_s=300),
    rule("log", "P3", match=on_signal("traffic"), then=Outcome(priority="P3", role="cause")),
    AlertRule(name="note", on="anomaly", match=Match(kinds=("drift",)), then=Outcome(annotations={"text": "{score}"})),
)


@st.composite
def states(draw: st.DrawFn) -> Facts:
    """A state of one episode, at its end or before."""
    numbers: dict[Any, float] = {"observed": 1.0}
    ratio = draw(st.none() | st.sampled_from([0.5, 1.5, 2.0, 10.0, 50.0]))
    if ratio is not None:
        numbers["ratio_to_usual"] = ratio
    return state(
        at_s=draw(st.integers(0, 700)),
        priority=draw(PRIORITIES),
        signal=draw(st.sampled_from(["latency", "traffic", None])),
        kind=draw(st.sampled_from(["spike", "drift"])),
        score=float(draw(st.integers(0, 5))),
        safety=draw(st.booleans()),
        ended=draw(st.booleans()),
        numbers=numbers,
    )


@given(st.lists(states(), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_the_order_in_which_states_arrive_changes_nothing_and_repeats_change_nothing(
    found: list[Facts], random: Any
) -> None:
    book = RuleBook(RULES)
    shuffled = [*found, *found[: len(found) // 2]]
    random.shuffle(shuffled)
    assert joined(map(book.judge, shuffled)) == joined(map(book.judge, found))


@given(st.lists(states(), min_size=3, max_size=3))
def test_states_may_be_joined_in_any_groups(found: list[Facts]) -> None:
    one, two, three = map(RuleBook(RULES).judge, found)
    assert one.joined(two).joined(three) == one.joined(two.joined(three))
    assert one.joined(one) == one


@given(st.lists(states(), min_size=1, max_size=8))
def test_a_priority_only_rises_while_an_episode_lasts(found: list[Facts]) -> None:
    book = RuleBook(RULES)
    held = book.judge(found[0])
    for one in found[1:]:
        after = held.joined(book.judge(one))
        assert PRIORITY_RANK[after.priority] <= PRIORITY_RANK[held.priority]
        held = after


@given(states())
def test_what_is_on_the_safety_list_is_p0_whatever_a_rule_says(one: Facts) -> None:
    verdict = RuleBook([rule("quiet", "P3")]).judge(one)
    assert verdict.priority == ("P0" if one.safety else "P3")
    assert RuleBook([]).judge(one).priority == ("P0" if one.safety else one.priority)


def test_the_first_rule_that_holds_speaks() -> None:
    book = RuleBook([rule("first", "P3", condition=over(5)), rule("second", "P1"), rule("third", "P0")])
    assert book.judge(state()).rule == "second"
    assert book.judge(state(numbers={"ratio_to_usual": 5.0})).rule == "first"


def test_a_tenants_rule_is_asked_before_everybodys_and_of_nobody_else() -> None:
    book = RuleBook([rule("all", "P1"), rule("own", "P3", tenant="shop")])
    assert book.judge(state()).rule == "own"
    assert book.judge(state(tenant="bank")).rule == "all"


def test_a_rule_without_a_priority_leaves_the_alerts_own() -> None:
    verdict = RuleBook([AlertRule(name="role", on="anomaly", then=Outcome(role="cause"))]).judge(state(priority="P3"))
    assert (verdict.rule, verdict.priority, verdict.role) == ("role", "P3", "cause")


@pytest.mark.parametrize(
    ("at_s", "ended", "found"), [(299.9, False, None), (300, False, "slow"), (900, False, "slow"), (900, True, None)]
)
def test_what_must_last_is_held_against_how_long_the_episode_lasts(at_s: float, ended: bool, found: str | None) -> None:
    assert RuleBook([rule(for_s=300)]).judge(state(at_s, ended=ended)).rule == found


def test_what_need_not_last_holds_for_an_end_too_as_nothing_else_may_have_arrived() -> None:
    assert RuleBook([rule()]).judge(state(60, ended=True)).rule == "slow"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"confidence": 0.49}, None),
        ({"confidence": 0.5}, "slow"),
        ({"score": 0.0}, "slow"),
    ],
)
def test_what_pages_must_rather_be_an_anomaly_than_none(fields: dict[str, Any], found: str | None) -> None:
    assert RuleBook([rule()]).judge(state(**fields)).rule == found


def test_a_rule_may_ask_for_less_confidence_or_for_more() -> None:
    assert RuleBook([rule(min_confidence=0.2)]).judge(state(confidence=0.3)).priority == "P1"
    assert RuleBook([rule(min_confidence=0.95)]).judge(state(confidence=0.9)).priority == "P2"
    assert RuleBook([rule(priority="P2")]).judge(state(confidence=0.1)).rule == "slow"


def test_a_number_that_is_not_known_holds_for_nothing() -> None:
    assert RuleBook([rule(condition=over(0))]).judge(state(numbers={"observed": 9.0})).rule is None


@pytest.mark.parametrize(
    ("metric", "observed", "found"),
    [
        ("errors_total", 0.05, None),
        ("errors_total", 0.2, "slow"),
        ("x:rate", 0.05, None),
        ("error_ratio", 0.05, "slow"),
    ],
)
def test_few_events_are_too_few_where_events_are_counted(metric: str, observed: float, found: str | None) -> None:
    one = state(labels={"__name__": metric}, numbers={"observed": observed})
    assert RuleBook([rule(min_events_per_s=0.1)]).judge(one).rule == found


def test_users_notice_it_where_any_state_says_so() -> None:
    quiet = Verdict(rule="a", place=0, priority="P0", role="cause", at_ms=0)
    loud = Verdict(rule="b", place=1, priority="P2", role="symptom", at_ms=0)
    both = quiet.joined(loud)
    assert (both.rule, both.priority, both.role) == ("a", "P0", "symptom")


def test_of_one_rule_the_newest_state_says_how_it_is() -> None:
    book = RuleBook([AlertRule(name="a", on="anomaly", then=Outcome(annotations={"text": "{observed} for {lasted}"}))])
    early, late = state(60, numbers={"observed": 1.0}), state(600, numbers={"observed": 7.0})
    assert joined(map(book.judge, [late, early])).annotations == {"text": "7 for 10 minutes"}
