"""Changes, told once to who draws them beside incidents."""

from __future__ import annotations

from typing import Any

import pytest

from incidents.dispatch.operator import DispatchOperator
from incidents.dispatch.settings import DispatchSettings
from incidents.routing.reading import routing_from
from schemas.change_events import Change
from schemas.ids import decide_partition
from schemas.notification_events import Notification
from schemas.topics import CHANGES
from tests.unit.incidents.dispatch.conftest import T0_MS, Fed

ROUTES = """
route: {receiver: page}
receivers:
- name: page
  pagerduty_configs:
  - {routing_key: secret, send_changes: true}
  - {routing_key: other}
- name: other
  log_configs: [{}]
"""
DAY_S = 86_400


@pytest.fixture(params=[False, True], ids=["running", "restarted at each record"])
def drawn(request: pytest.FixtureRequest) -> Fed:
    """A stage with one integration of two that draws changes."""
    return Fed(routes=ROUTES, restarts=request.param)


def change(fed: Fed, change_id: str = "d1", at_s: float = 0, **fields: Any) -> list[str]:
    """Let a change come."""
    at_ms = T0_MS + round(at_s * 1000)
    one = Change(id=change_id, tenant="acme", kind="deploy", what="checkout 2.1", at_ms=at_ms, **fields)
    return fed.take(fed.operator.step(CHANGES.name, one.to_bytes()))


def kept(fed: Fed) -> list[str]:
    """Names of the changes that the stage remembers."""
    fed.restart()
    return [name for name in fed.blocks if name.startswith("change/")]


def test_a_change_is_told_once_to_who_draws_it(drawn: Fed) -> None:
    assert change(drawn, by="ana", labels={"service": "checkout"}) == []
    assert drawn.tick(5) == ["page digest change-d1 0"]
    change(drawn)
    assert drawn.ticks(60) == []
    (told,) = drawn.notifications()
    assert (told.integration, told.reason, told.title, told.sequence) == (
        "pagerduty[0]",
        "a change",
        "deploy checkout 2.1",
        T0_MS,
    )
    assert told.context is not None
    (shown,) = told.context.changes
    assert (shown.id, shown.by, shown.labels) == ("d1", "ana", {"service": "checkout"})


def test_what_is_told_again_after_a_kill_is_the_same_notification() -> None:
    stages = [Fed(routes=ROUTES), Fed(routes=ROUTES)]
    for at_s, one in zip((5, 50), stages, strict=True):
        change(one)
        one.tick(at_s)
    first, second = (one.notifications() for one in stages)
    assert first == second


def test_a_change_of_another_day_is_not_told(drawn: Fed) -> None:
    change(drawn, at_s=-DAY_S - 10)
    change(drawn, "d2", at_s=-DAY_S + 60)
    assert drawn.tick(5) == ["page digest change-d2 0"]


def test_that_a_change_was_told_is_forgotten_once_it_would_not_be_told_again(drawn: Fed) -> None:
    change(drawn)
    drawn.tick(5)
    assert kept(drawn) == ["change/acme/d1"]
    drawn.tick(DAY_S + 10)
    assert kept(drawn) == []
    change(drawn)
    assert drawn.tick(DAY_S + 20) == []


def test_where_nobody_draws_changes_none_is_remembered() -> None:
    fed = Fed()
    fed.operator.take_blocks()
    change(fed)
    assert fed.operator.take_blocks() == []
    assert fed.tick(5) == []


def test_a_change_that_came_to_the_wrong_partition_is_left_to_the_right_one() -> None:
    right = decide_partition("acme", 4)
    one = Change(id="d1", tenant="acme", kind="flag", what="dark mode", at_ms=T0_MS)
    told: dict[int, list[Notification]] = {}
    for partition in range(4):
        stage = DispatchOperator(DispatchSettings(), routing_from(ROUTES, "routes.yaml"), partition, 4)
        stage.on_tick(T0_MS)
        stage.on_change(one)
        told[partition] = [Notification.from_bytes(out.value) for out in stage.on_tick(T0_MS + 1000) if out.value]
    assert [partition for partition, said in told.items() if said] == [right]
