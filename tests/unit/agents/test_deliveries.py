"""When something is sent, and when it is not: the hand of the notify stage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import SimpleNamespace
from typing import Any, cast

from agents.deliveries import DeliveryRunner
from agents.log_reader import LogEnds
from agents.outputs import SendableRecord
from agents.shell import Shell
from agents.watch import Watch
from incidents.outbox import NotifyOperator, OutboxSettings
from integrations.delivery import Outcome
from integrations.telemetry import Telemetry
from schemas.notification_events import Notification, NotificationResult
from schemas.topics import NOTIFICATION_RESULTS
from tests.unit.incidents.outbox.test_outbox import told

Tell = Callable[[Notification], Awaitable[Outcome]]
SESSION_S = 0.9


class World:
    """A shell with one partition, whose outcomes are read back when the test says so."""

    def __init__(self, tell: Tell) -> None:
        self.operator = NotifyOperator(OutboxSettings(), partition=0)
        self.part = SimpleNamespace(number=0, operator=self.operator, positions={NOTIFICATION_RESULTS.name: 0})
        self.written: list[NotificationResult] = []
        self.proofs = 0
        self.end = 0
        self.sent: list[int] = []
        self.keys: list[str] = []
        self.settles_s = 0.0
        self._tell = tell
        self.partitions = {0: self.part}
        self.session_s = SESSION_S
        self.producer = SimpleNamespace(send=self._send)
        self.reader = SimpleNamespace(ends=lambda places: {place: LogEnds(0, self.end) for place in places})
        self.telemetry = Telemetry("test")
        watch = SimpleNamespace(end=lambda name, number: self.end)
        self.runner = DeliveryRunner(cast("Shell", self), self, cast("Watch", watch))

    def name_on_broker(self, name: str) -> str:
        return name

    async def checkpoint(self, part: object, even_if_unchanged: bool = False) -> None:
        assert even_if_unchanged
        self.proofs += 1

    async def _send(self, record: SendableRecord) -> asyncio.Future[None]:
        self.written.append(NotificationResult.from_bytes(record.record.value))
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def settle_s(self, notification: Notification) -> float:
        return self.settles_s

    async def __call__(self, notification: Notification, memory: Mapping[str, Any]) -> Outcome:
        self.sent.append(notification.sequence)
        self.keys.append(notification.dedup_key)
        return await self._tell(notification)

    def read_back(self) -> None:
        for one in self.written:
            self.operator.on_result(one)
        self.written.clear()

    async def until(self, holds: Callable[[], bool], limit_s: float = 5.0) -> None:
        async with asyncio.timeout(limit_s):
            while not holds():  # noqa: ASYNC110  # what holds has no event of its own
                await asyncio.sleep(0.01)


async def at_once(_: Notification) -> Outcome:
    return Outcome("delivered", 202)


def live(world: World, story: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        running = asyncio.ensure_future(world.runner.run())
        try:
            await story()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(run())


def test_the_next_of_a_key_waits_until_the_outcome_of_the_first_was_read_back() -> None:
    world = World(at_once)

    async def story() -> None:
        world.operator.on_notification(told(1, "open"))
        world.operator.on_notification(told(2, "resolve"))
        await world.until(lambda: len(world.written) == 1)
        await asyncio.sleep(0.2)
        assert world.sent == [1], "an outcome that is written and not yet read is no reason to send again"
        world.read_back()
        await world.until(lambda: world.sent == [1, 2])

    live(world, story)


def test_nothing_is_sent_before_every_outcome_that_was_written_is_read() -> None:
    world = World(at_once)
    world.end = 5

    async def story() -> None:
        world.operator.on_notification(told(1, "open"))
        await asyncio.sleep(0.2)
        assert world.sent == []
        world.part.positions[NOTIFICATION_RESULTS.name] = 5
        await world.until(lambda: world.sent == [1])

    live(world, story)


def test_a_failure_is_tried_again_at_its_time_and_says_when() -> None:
    async def away(_: Notification) -> Outcome:
        return Outcome("retry", 503, "away", retry_after_s=7.0)

    world = World(away)

    async def story() -> None:
        world.operator.on_notification(told(1, "open"))
        await world.until(lambda: len(world.written) == 1)
        (result,) = world.written
        assert (result.outcome, result.status, result.attempt) == ("retry", 503, 1)
        assert result.retry_at_ms is not None
        assert result.retry_at_ms >= result.at_ms + 7_000
        world.read_back()
        await asyncio.sleep(0.2)
        assert world.sent == [1]

    live(world, story)


def test_a_process_that_stood_still_sends_nothing_until_its_partitions_are_confirmed() -> None:
    began, cut = asyncio.Event(), []

    async def slow(_: Notification) -> Outcome:
        began.set()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            cut.append(True)
            raise
        return Outcome("delivered")

    world = World(slow)

    async def story() -> None:
        import time

        world.operator.on_notification(told(1, "open"))
        await began.wait()
        time.sleep(SESSION_S)  # noqa: ASYNC251  # that is the standing still
        await world.until(lambda: cut == [True])
        assert world.proofs == 0
        await world.until(lambda: world.sent == [1, 1])
        assert world.proofs == 1

    live(world, story)


def test_before_partitions_are_handed_on_what_is_under_way_ends_and_nothing_begins() -> None:
    gate = asyncio.Event()

    async def waits(_: Notification) -> Outcome:
        await gate.wait()
        return Outcome("delivered")

    world = World(waits)

    async def story() -> None:
        world.operator.on_notification(told(1, "open"))
        await world.until(lambda: world.sent == [1])
        resting = asyncio.ensure_future(world.runner.rest())
        world.operator.on_notification(told(1, "open", key="other"))
        await asyncio.sleep(0.2)
        assert not resting.done()
        gate.set()
        await resting
        assert [one.outcome for one in world.written] == ["delivered"]
        await asyncio.sleep(0.2)
        assert world.sent == [1]

    live(world, story)


def test_what_may_have_been_sent_before_a_kill_waits_until_the_far_end_would_find_it() -> None:
    world = World(at_once)
    world.settles_s = 0.5

    async def story() -> None:
        begin = asyncio.get_running_loop().time()
        world.operator.on_notification(told(1, "open"))  # of long ago
        await world.until(lambda: world.sent == [1])
        assert asyncio.get_running_loop().time() - begin >= 0.4

    live(world, story)


async def _never(_: Notification) -> Outcome:
    await asyncio.Event().wait()
    return Outcome("delivered")


def _put(world: World, receiver: str, count: int, priority: str = "P2") -> None:
    for number in range(count):
        one = told(1, "open", f"{receiver}-{priority}-{number}", receiver=receiver, priority=priority)
        world.operator.on_notification(one)


def test_a_far_end_that_is_slow_holds_nothing_that_another_is_told() -> None:
    async def tell(one: Notification) -> Outcome:
        return await (_never(one) if one.receiver == "away" else at_once(one))

    world = World(tell)

    async def story() -> None:
        _put(world, "away", 100)
        _put(world, "away", 100, "P0")
        await world.until(lambda: len(world.sent) == 8)
        _put(world, "well", 20)
        await world.until(lambda: len(world.sent) == 28)
        assert sum(key.startswith("away") for key in world.keys) == 8

    live(world, story)


def test_what_is_urgent_is_sent_though_many_far_ends_are_slow() -> None:
    world = World(_never)

    async def story() -> None:
        for number in range(10):
            _put(world, f"away{number}", 10)
        await world.until(lambda: len(world.sent) == 48)
        await asyncio.sleep(0.2)
        assert len(world.sent) == 48
        assert sum(task.get_name().startswith("deliver-") for task in asyncio.all_tasks()) == 48
        _put(world, "away0", 10, "P0")
        _put(world, "pager", 10, "P1")
        await world.until(lambda: len(world.sent) == 58)
        assert [sum(key.startswith(name) for key in world.keys) for name in ("away0-P0", "pager-P1")] == [2, 8]

    live(world, story)


def test_a_slot_is_given_on_at_once_and_a_backlog_is_told_to_the_end() -> None:
    world = World(at_once)

    async def story() -> None:
        _put(world, "well", 60)
        await world.until(lambda: len(world.written) == 60, limit_s=2.0)

    live(world, story)


def test_a_partition_that_comes_leaves_what_the_others_told() -> None:
    world = World(at_once)

    async def story() -> None:
        world.operator.on_notification(told(1, "open"))
        await world.until(lambda: len(world.written) == 1)
        other = SimpleNamespace(
            number=1,
            operator=NotifyOperator(OutboxSettings(), partition=1),
            positions={NOTIFICATION_RESULTS.name: 0},
        )
        world.partitions[1] = other
        other.operator.on_notification(told(1, "open", "other"))
        await world.until(lambda: "other" in world.keys)
        await asyncio.sleep(0.2)
        assert world.keys == ["k", "other"], "an outcome that is written and not yet read is no reason to send again"

    live(world, story)
