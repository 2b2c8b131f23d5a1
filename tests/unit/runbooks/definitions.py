"""Runbooks for tests."""

from __future__ import annotations

SHOP = """\
# A comment.
id: shop-down
title: The shop is down
mends: A shop that answers nobody.
matchers:
  - '{service="shop"}'
  - '{alertname="ShopDown",node=~"shop.*"}'
unless:
  - '{alertname="MetricMissing"}'
checks:
  - look: Does it answer?
    command: curl --fail "$URL"
    if_yes: "Nothing comes back: go on."
    if_no: It does.
steps:
  - do: Start it again.
    commands: ['systemctl restart shop']
    risk: low
    undo: Nothing to undo.
  - do: Empty its queue.
    risk: high
    irreversible: Orders in it are lost.
escalate:
  - when: it goes down again
    to: the shop's team
sources:
  - https://example.org/shop
"""


def runbook(name: str, *matchers: str, unless: tuple[str, ...] = ()) -> str:
    """A runbook of an id with some matchers."""
    lines = [f"id: {name}", f"title: {name}", "mends: Something.", "matchers:"]
    lines += [f"  - '{one}'" for one in matchers]
    lines += ["unless:", *(f"  - '{one}'" for one in unless)] if unless else []
    lines += ["steps: [{do: Look, risk: low, undo: Nothing}]", "escalate: [{when: ever, to: anyone}]", ""]
    return "\n".join(lines)
