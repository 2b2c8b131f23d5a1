"""Routes matched, inherited and named as Alertmanager does.

Vectors: https://github.com/prometheus/alertmanager/blob/main/dispatch/route_test.go and
https://github.com/prometheus/alertmanager/blob/main/cli/test_routing_test.go
"""

from __future__ import annotations

import random

import pytest

from incidents.routing.tree import visit
from tests.unit.incidents.routing.texts import NEWER, OLDER, random_routes, routing

A = {"owner": "team-A"}
# Labels, and of each route that they take: receiver, group_by, group_wait, group_interval, repeat_interval in seconds.
TAKEN: dict[str, tuple[dict[str, str], list[tuple[str, list[str], int, int, int]]]] = {
    "a child that no grandchild fits": (A, [("notify-A", [], 30, 300, 14400)]),
    "a label of another value": ({**A, "env": "unset"}, [("notify-A", [], 30, 300, 14400)]),
    "an alternative": ({"owner": "team-C"}, [("notify-BC", ["bar", "foo"], 120, 300, 14400)]),
    "grouped by all": ({**A, "env": "testing"}, [("notify-testing", ["..."], 30, 300, 14400)]),
    "two by continue": (
        {**A, "env": "production"},
        [("notify-productionA", [], 60, 300, 14400), ("notify-productionB", ["job"], 30, 300, 3600)],
    ),
    "the receiver of the root": ({"group_by": "role"}, [("notify-def", ["role"], 30, 300, 14400)]),
    "a grandchild": ({"env": "testing", "group_by": "role"}, [("notify-testing", ["role"], 30, 300, 14400)]),
    "one below it": (
        {"env": "testing", "group_by": "role", "wait": "long"},
        [("notify-testing", ["role"], 120, 300, 14400)],
    ),
    "the root": ({}, [("notify-def", [], 30, 300, 14400)]),
}
KEYS = {
    "an alternative": (['{}/{owner=~"^(?:team-(B|C))$"}'], ['{}/{owner=~"team-(B|C)"}']),
    "grouped by all": (
        ['{}/{owner="team-A"}/{env="testing"}'],
        ['{}/{level!="critical",owner="team-A"}/{baz!~".*quux",env="testing"}'],
    ),
    "two by continue": (
        [
            '{}/{owner="team-A"}/{env="production"}',
            '{}/{owner="team-A"}/{env=~"^(?:produ.*)$",job=~"^(?:.*)$"}',
        ],
        [
            '{}/{level!="critical",owner="team-A"}/{env="production"}',
            '{}/{level!="critical",owner="team-A"}/{env=~"produ.*",job=~".*"}',
        ],
    ),
    "one below it": (['{}/{group_by="role"}/{env="testing"}/{wait="long"}'],) * 2,
    "the root": (["{}"],) * 2,
}


@pytest.mark.parametrize("text", [OLDER, NEWER], ids=["older", "newer"])
@pytest.mark.parametrize("case", TAKEN)
def test_an_alert_takes_the_routes_that_it_takes_in_alertmanager(case: str, text: str) -> None:
    labels, expected = TAKEN[case]
    found = routing(text).match(labels)
    assert [
        (
            one.receiver,
            list(one.group_by),
            one.timing.group_wait_ms // 1000,
            one.timing.group_interval_ms // 1000,
            one.timing.repeat_interval_ms // 1000,
        )
        for one in found
    ] == expected


@pytest.mark.parametrize("case", KEYS)
def test_a_route_has_the_key_that_it_has_in_alertmanager(case: str) -> None:
    labels, _ = TAKEN[case]
    assert tuple([one.key for one in routing(text).match(labels)] for text in (OLDER, NEWER)) == KEYS[case]


def test_the_tree_is_walked_depth_first() -> None:
    assert [one.receiver for one in routing(OLDER).root.walk()] == [
        "notify-def",
        "notify-A",
        "notify-testing",
        "notify-productionA",
        "notify-productionB",
        "notify-BC",
        "notify-def",
        "notify-testing",
        "notify-testing",
    ]


def test_grouping_by_all_is_inherited_and_a_list_ends_it() -> None:
    text = """
route:
  receiver: a
  routes:
  - match: {env: parent}
    group_by: ['...']
    routes:
    - match: {env: child1}
    - match: {env: child2}
      group_by: [foo]
    - match: {env: child3}
      group_by: []
"""
    (parent,) = routing(text).root.routes
    assert [one.group_by for one in (parent, *parent.routes)] == [("...",), ("...",), ("foo",), ()]


TEST1 = "- match_re: {test: '^[12]$'}\n    receiver: test1\n    continue: true"
TEST2 = "- match: {test: 2}\n    receiver: test2\n    continue: true"


@pytest.mark.parametrize(
    ("order", "value", "receivers"),
    [
        ((TEST1, TEST2), "1", ["test1"]),
        ((TEST1, TEST2), "2", ["test1", "test2"]),
        ((TEST2, TEST1), "2", ["test2", "test1"]),
        ((TEST1, TEST2), "volovina", ["default"]),
    ],
)
def test_receivers_come_in_the_order_of_their_routes(order: tuple[str, str], value: str, receivers: list[str]) -> None:
    text = "route:\n  receiver: default\n  routes:\n  " + "\n  ".join(order) + "\n"
    assert [one.receiver for one in routing(text).match({"test": value})] == receivers


def test_a_group_key_has_the_labels_that_the_alert_has_in_order() -> None:
    labels = {"owner": "team-B", "foo": 'a "b"\n', "zone": "z", "bar": "é"}
    (route,) = routing(NEWER).match(labels)
    assert route.group_key(labels) == r'{}/{owner=~"team-(B|C)"}:{bar="é", foo="a \"b\"\n"}'
    assert route.group_key({"owner": "team-B"}) == '{}/{owner=~"team-(B|C)"}:{}'


def test_a_group_by_all_is_of_all_labels() -> None:
    labels = {"owner": "team-A", "env": "testing", "node": "h1"}
    (route,) = routing(OLDER).match(labels)
    assert route.group_labels(labels) == labels


def test_routes_of_one_key_have_ids_of_their_own() -> None:
    text = """
route:
  receiver: a
  routes:
  - matchers: [foo=bar]
    continue: true
    routes: [{matchers: [bar=baz]}]
  - matchers: [foo=bar]
    routes: [{matchers: [bar=baz]}]
"""
    found = routing(text).match({"foo": "bar", "bar": "baz"})
    assert [one.key for one in found] == ['{}/{foo="bar"}/{bar="baz"}'] * 2
    assert [one.id for one in found] == ['{}/{foo="bar"}/0/{bar="baz"}/0', '{}/{foo="bar"}/1/{bar="baz"}/0']


@pytest.mark.parametrize("seed", range(20))
def test_what_the_search_saw_ends_at_the_routes_that_are_taken(seed: int) -> None:
    dice = random.Random(seed)
    root = routing(random_routes(dice)).root
    for _ in range(30):
        labels = {name: dice.choice("123") for name in "xyz" if dice.random() < 0.8}
        assert [path[-1].route.id for path in visit(root, labels).taken()] == [one.id for one in root.match(labels)]
