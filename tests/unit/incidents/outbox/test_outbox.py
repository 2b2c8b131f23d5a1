"""What is told of a dedup key, in which order, whatever comes twice or fails."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.outbox import Delivery, NotifyOperator, OutboxSettings
from schemas.events import Tick
from schemas.incident_events import TimelineEntry
from schemas.notification_events import Notification, NotificationResult
from schemas.topics import NOTIFICATION_RESULTS, NOTIFICATIONS, NOTIFY_TICKS


def told(sequence: int, action: str = "update", key: str = "k", **fields: Any) -> Notification:
    body: dict[str, Any] = {
        "id": f"{key}-{sequence}",
        "tenant": "acme",
        "receiver": "page",
        "integration": "pagerduty[0]",
        "action": action,
        "dedup_key": key,
        "sequence": sequence,
        "group_key": "{}:{}",
        "at_ms": sequence * 1000,
        "status": "resolved" if action == "resolve" else "firing",
        "reason": "it is new",
        "priority": "P0",
        "severity": "critical",
        "title": "a disk is full",
        "alerts": [],
        "incident_id": "i1",
    }
    return Notification(**(body | fields))


def outcome(delivery: Delivery, what: str = "delivered", **fields: Any) -> NotificationResult:
    one = delivery.notification
    body: dict[str, Any] = {
        "tenant": one.tenant,
        "notification_id": one.id,
        "receiver": one.receiver,
        "integration": one.integration,
        "dedup_key": one.dedup_key,
        "sequence": one.sequence,
        "action": one.action,
        "attempt": delivery.attempt,
        "at_ms": 5_000,
        "outcome": what,
        "incident_id": one.incident_id,
    }
    return NotificationResult(**(body | fields))


@pytest.fixture
def operator() -> NotifyOperator:
    return NotifyOperator(OutboxSettings(), partition=0)


def put(operator: NotifyOperator, *notifications: Notification) -> None:
    for one in notifications:
        assert operator.step(NOTIFICATIONS.name, one.to_bytes()) == []


def settle(operator: NotifyOperator, result: NotificationResult) -> list[TimelineEntry]:
    outputs = operator.step(NOTIFICATION_RESULTS.name, result.to_bytes())
    return [TimelineEntry.from_bytes(one.value) for one in outputs]


def due(operator: NotifyOperator, now_ms: int = 10_000) -> list[tuple[str, int, int]]:
    found = operator.due(now_ms)
    return [(one.notification.action, one.notification.sequence, one.attempt) for one in found]


def test_a_key_is_told_one_thing_at_a_time_in_the_order_of_its_sequence(operator: NotifyOperator) -> None:
    put(operator, told(1, "open"), told(2, "resolve"))
    assert due(operator) == [("open", 1, 1)]
    (first,) = operator.due(0)
    settle(operator, outcome(first))
    assert due(operator) == [("resolve", 2, 1)]
    (second,) = operator.due(0)
    settle(operator, outcome(second))
    assert due(operator) == []
    assert operator.waiting == 0


def test_keys_do_not_wait_for_each_other(operator: NotifyOperator) -> None:
    put(operator, told(1, "open", key="a"), told(1, "open", key="b"))
    assert due(operator) == [("open", 1, 1), ("open", 1, 1)]


def test_what_comes_again_is_told_once(operator: NotifyOperator) -> None:
    put(operator, told(1, "open"), told(1, "open"))
    (first,) = operator.due(0)
    settle(operator, outcome(first))
    put(operator, told(1, "open"))
    assert due(operator) == []
    assert operator.counts["repeated"] == 2


def test_a_failure_waits_until_its_time_and_remembers_how_often_it_was_tried(operator: NotifyOperator) -> None:
    put(operator, told(1, "open"))
    (first,) = operator.due(0)
    assert settle(operator, outcome(first, "retry", retry_at_ms=9_000)) == []
    assert due(operator, 8_999) == []
    assert due(operator, 9_000) == [("open", 1, 2)]


def test_an_outcome_of_something_else_changes_nothing(operator: NotifyOperator) -> None:
    put(operator, told(1, "open"))
    (first,) = operator.due(0)
    settle(operator, outcome(first))
    put(operator, told(2, "resolve"))
    settle(operator, outcome(first))
    settle(operator, outcome(first, "retry", retry_at_ms=99_000))
    assert due(operator) == [("resolve", 2, 1)]


def test_an_outcome_that_is_read_before_what_it_is_of_counts(operator: NotifyOperator) -> None:
    put(operator, told(1, "open"))
    (first,) = operator.due(0)
    done = outcome(first, reference={"issue": "OPS-7"})
    again = NotifyOperator(OutboxSettings(), partition=0)
    assert settle(again, done) == []
    put(again, told(1, "open"), told(2, "resolve"))
    (second,) = again.due(0)
    assert (second.notification.action, second.memory) == ("resolve", {"issue": "OPS-7"})


def test_an_update_makes_way_for_a_later_one_but_what_opens_never_does(operator: NotifyOperator) -> None:
    put(operator, told(1, "open"), told(2), told(3), told(4, "resolve"), told(5, "open"), told(6), told(7))
    seen = []
    while found := list(operator.due(0)):
        seen.append(found[0].notification.sequence)
        settle(operator, outcome(found[0]))
    assert seen == [1, 4, 5, 7]


def test_what_the_far_end_calls_a_key_is_remembered(operator: NotifyOperator) -> None:
    put(operator, told(1, "open"), told(2, "resolve"))
    (first,) = operator.due(0)
    settle(operator, outcome(first, reference={"issue": "OPS-7"}))
    (second,) = operator.due(0)
    assert second.memory == {"issue": "OPS-7"}


@pytest.mark.parametrize(
    ("what", "action", "result", "kinds"),
    [
        ("a page that was delivered is on the timeline", "open", "delivered", ["notified"]),
        ("an update that was delivered is not", "update", "delivered", []),
        ("one that was refused is", "update", "refused", ["notification_failed"]),
        ("a page that was given up is", "open", "given_up", ["notification_failed"]),
    ],
)
def test_the_timeline_says_who_was_told(
    what: str, action: str, result: str, kinds: list[str], operator: NotifyOperator
) -> None:
    put(operator, told(1, action))
    (first,) = operator.due(0)
    assert [one.kind for one in settle(operator, outcome(first, result, text="no such key"))] == kinds, what


def test_a_key_that_is_over_is_forgotten_after_its_retention_and_not_before() -> None:
    operator = NotifyOperator(OutboxSettings(retention_s=100), partition=0)
    put(operator, told(1, "open"))
    (first,) = operator.due(0)
    settle(operator, outcome(first))
    operator.take_blocks()
    for at_ms, gone in ((104_000, []), (106_000, ["page/acme/page/pagerduty[0]/k"])):
        operator.step(NOTIFY_TICKS.name, Tick(stage="notify", partition=0, at_ms=at_ms).to_bytes())
        assert [key for key, value in operator.take_blocks() if value is None] == gone


class Life:
    """A stage that is restarted from its blocks, told things twice, and whose deliveries fail."""

    def __init__(self, actions: list[str]) -> None:
        self.operator = NotifyOperator(OutboxSettings(), partition=0)
        self.left = [told(number, action) for number, action in enumerate(actions, 1)]
        self.sent: list[Notification] = []
        self.seen: list[int] = []
        self.blocks: dict[str, bytes] = {}

    def move(self, move: str) -> None:
        for key, value in self.operator.take_blocks():
            assert value is not None
            self.blocks[key] = value
        match move:
            case "put" if self.left:
                self.sent.append(self.left.pop(0))
                put(self.operator, self.sent[-1])
            case "repeat":
                put(self.operator, *self.sent)
            case "restart":
                self._restart()
            case "delivered" | "refused" | "retry":
                self._attempt(move)

    def _restart(self) -> None:
        self.operator = NotifyOperator(OutboxSettings(), partition=0)
        for key, value in self.blocks.items():
            self.operator.load_block(key, value)
        self.operator.finish_load()

    def _attempt(self, move: str) -> None:
        for delivery in self.operator.due(10**12):
            settle(self.operator, outcome(delivery, move, retry_at_ms=1))
            if move != "retry":
                self.seen.append(delivery.notification.sequence)


@given(
    st.lists(st.sampled_from(["open", "update", "resolve"]), min_size=1, max_size=12),
    st.lists(st.sampled_from(["delivered", "retry", "refused", "repeat", "restart", "put"]), max_size=60),
)
def test_whatever_happens_opens_and_resolves_are_told_once_and_in_order(actions: list[str], moves: list[str]) -> None:
    life = Life(actions)
    for move in [*moves, *["put"] * len(actions), *["delivered"] * len(actions)]:
        life.move(move)
    assert life.operator.waiting == 0
    assert life.seen == sorted(set(life.seen))
    must = {number for number, action in enumerate(actions, 1) if action != "update"}
    assert must <= set(life.seen)
    assert actions[-1] != "update" or len(actions) in life.seen


def test_the_most_urgent_is_due_first_and_of_these_what_waits_longest(operator: NotifyOperator) -> None:
    put(operator, told(9, "open", "a", priority="P3"), told(5, "open", "b", priority="P1"))
    put(operator, told(4, "open", "c", priority="P1"), told(7, "open", "d", priority="P0"))
    put(operator, told(8, "resolve", "d", priority="P2"))
    assert [one.key[-1] for one in operator.due(10_000)] == ["d", "c", "b", "a"]
    settle(operator, outcome(next(operator.due(10_000))))
    assert [one.key[-1] for one in operator.due(10_000)] == ["c", "b", "d", "a"]
    twin = NotifyOperator(OutboxSettings(), partition=0)
    for key, value in operator.take_blocks():
        assert value is not None
        twin.load_block(key, value)
    twin.finish_load()
    assert list(twin.due(10_000)) == list(operator.due(10_000))


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["P0", "P1", "P2", "P3"]), st.booleans())))
def test_what_is_due_is_what_waits_whatever_was_told_and_settled(moves: list[tuple[str, str, bool]]) -> None:
    operator = NotifyOperator(OutboxSettings(), partition=0)
    waits: dict[str, int] = {}
    for number, (key, priority, settles) in enumerate(moves, 1):
        if settles and (first := next(operator.due(10**9), None)) is not None:
            operator.on_result(outcome(first))
            waits[first.notification.dedup_key] -= 1
        operator.on_notification(told(number, "open", key, priority=priority))
        waits[key] = waits.get(key, 0) + 1
        turns = [(one.notification.priority, one.notification.at_ms) for one in operator.due(10**9)]
        assert turns == sorted(turns)
        assert {one.notification.dedup_key for one in operator.due(10**9)} == {
            one for one, count in waits.items() if count
        }
        assert operator.waiting == sum(waits.values())
