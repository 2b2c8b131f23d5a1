"""Files of routes that several tests read."""

from __future__ import annotations

import random

from incidents.routing.config import RoutingConfig
from incidents.routing.reading import read_routing

RECEIVERS = (
    "notify-def",
    "notify-A",
    "notify-testing",
    "notify-productionA",
    "notify-productionB",
    "notify-BC",
    "default",
    "test1",
    "test2",
    "a",
    "b",
    "c",
)

# The tree of TestRouteMatch, in the older syntax:
# https://github.com/prometheus/alertmanager/blob/main/dispatch/route_test.go
OLDER = """
route:
  receiver: notify-def
  routes:
  - match: {owner: team-A}
    receiver: notify-A
    routes:
    - match: {env: testing}
      receiver: notify-testing
      group_by: [...]
    - match: {env: production}
      receiver: notify-productionA
      group_wait: 1m
      continue: true
    - match_re: {env: produ.*, job: .*}
      receiver: notify-productionB
      group_wait: 30s
      group_interval: 5m
      repeat_interval: 1h
      group_by: [job]
  - match_re: {owner: team-(B|C)}
    group_by: [foo, bar]
    group_wait: 2m
    receiver: notify-BC
  - match: {group_by: role}
    group_by: [role]
    routes:
    - match: {env: testing}
      receiver: notify-testing
      routes:
      - match: {wait: long}
        group_wait: 2m
"""

# That of TestRouteMatchers, in the newer one.
NEWER = """
route:
  receiver: notify-def
  routes:
  - matchers: ['{owner="team-A"}', '{level!="critical"}']
    receiver: notify-A
    routes:
    - matchers: ['{env="testing"}', '{baz!~".*quux"}']
      receiver: notify-testing
      group_by: [...]
    - matchers: ['{env="production"}']
      receiver: notify-productionA
      group_wait: 1m
      continue: true
    - matchers: [env=~"produ.*", job=~".*"]
      receiver: notify-productionB
      group_wait: 30s
      group_interval: 5m
      repeat_interval: 1h
      group_by: [job]
  - matchers: [owner=~"team-(B|C)"]
    group_by: [foo, bar]
    group_wait: 2m
    receiver: notify-BC
  - matchers: [group_by="role"]
    group_by: [role]
    routes:
    - matchers: ['{env="testing"}']
      receiver: notify-testing
      routes:
      - matchers: [wait="long"]
        group_wait: 2m
"""


def with_receivers(text: str) -> str:
    """A file of routes, and receivers for all that it names."""
    return text + "\nreceivers:\n" + "".join(f"- name: {name}\n" for name in RECEIVERS)


def routing(text: str) -> RoutingConfig:
    """What a file of routes says; it has to hold."""
    reading = read_routing(text if "receivers:" in text else with_receivers(text), "alerting.yaml")
    assert reading.config is not None, reading.problems
    return reading.config


def problems(text: str) -> list[str]:
    """What is wrong with a file of routes."""
    return [str(one) for one in read_routing(text, "a.yaml").problems]


def random_routes(dice: random.Random) -> str:
    """A file of routes, by chance."""
    lines = (f"  {line}" for line in _random_tree(dice))
    return with_receivers("route:\n  receiver: default\n  routes:\n" + "\n".join(lines))


def _random_tree(dice: random.Random, depth: int = 0) -> list[str]:
    """Lines of routes below one, of a few labels with few values, so that many fit."""
    lines = []
    for _ in range(dice.randint(1, 3)):
        name, value = dice.choice("xyz"), dice.choice("123")
        condition = dice.choice(
            [
                f"match: {{{name}: {value}}}",
                f"match_re: {{{name}: '{value}|[12]'}}",
                f"""matchers: ['{name}!="{value}"', '{dice.choice("xyz")}=~"{value}.*|"']""",
                f"""matchers: ['{{{name}!~"{value}|3"}}']""",
            ]
        )
        lines.append(f"- {condition}")
        lines += [f"  receiver: {dice.choice('abc')}"] if dice.random() < 0.7 else []
        lines += ["  continue: true"] if dice.random() < 0.5 else []
        if depth < 2 and dice.random() < 0.6:
            lines += ["  routes:", *(f"  {line}" for line in _random_tree(dice, depth + 1))]
    return lines
