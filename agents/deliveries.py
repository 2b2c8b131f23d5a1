"""Sends what the notify stage says is due, and writes down each outcome before the next of the same key goes.

The stage's operator is pure; this is its hand. An attempt that was cut off by a kill is made again under the same
dedup key, which the far end drops if it had it. What could open a page twice is an attempt that arrives after its key
was resolved by somebody else: so a key has one attempt under way at most, partitions are handed on only once theirs
are over, a new owner begins only once it has read every outcome that was written before, and a process that stood
still sends nothing until the broker has confirmed that its partitions are its own.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final, NamedTuple, Protocol, cast

from agents.checkpoints import KeyedRecord
from agents.lease import Lease
from agents.outputs import SendableRecord
from agents.shell import Shell
from agents.slots import Slots
from agents.stage import Deliver
from agents.step import PartitionState
from agents.threads import in_thread
from agents.watch import Watch
from incidents.outbox import Delivery
from integrations.delivery import is_given_up, next_attempt_ms
from schemas.errors import BrokerError, CheckpointError
from schemas.notification_events import NotificationResult
from schemas.topics import NOTIFICATION_RESULTS

LOG = logging.getLogger(__name__)
_LOOK_S: Final = 0.05
# Slots that become free in this time are given away together: each time all that is due is looked through.
_TOGETHER_S: Final = 0.01
# What is under way when partitions are handed on may end in this time; then it is cut off.
END_S: Final = 3.0


class _Taken(NamedTuple):
    """A partition, where its outcomes ended when it became ours, and when that was."""

    part: PartitionState
    end: int
    at_ms: int


class _Outbox(Protocol):
    def due(self, now_ms: int) -> Iterator[Delivery]: ...


class DeliveryRunner:
    """Delivers for the partitions of a notify stage that this worker owns.

    Parameters
    ----------
    shell
        The stage's.
    deliver
        Makes an attempt.
    watch
        Knows where the outcomes end.
    clock
        Seconds since the epoch.
    """

    def __init__(self, shell: Shell, deliver: Deliver, watch: Watch, clock: Callable[[], float] = time.time) -> None:
        self._shell = shell
        self._watch = watch
        self._deliver = deliver
        self._clock = clock
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._told: dict[int, dict[str, tuple[int, int]]] = {}
        self._slots = Slots()
        self._freed = asyncio.Event()
        self._ends: dict[int, _Taken] = {}
        self._leaving: list[PartitionState] = []
        self._lease = Lease(shell.session_s / 3, self._cut_off)

    async def run(self) -> None:
        """Deliver until cancelled."""
        self._lease.start()
        try:
            while True:
                if not self._lease.holds:
                    await self._prove()
                for part in list(self._shell.partitions.values()):
                    if await self._has_read_outcomes(part):
                        self._begin_due(part)
                await self._pause()
        finally:
            self._lease.stop()
            self._cut_off()

    async def rest(self) -> None:
        """Let what is under way end, and begin nothing more: the partitions are about to be handed on."""
        self._leaving = list(self._shell.partitions.values())
        if self._under_way:
            await asyncio.wait(list(self._under_way.values()), timeout=END_S)
        self._cut_off()
        self._ends.clear()

    def _begin_due(self, part: PartitionState) -> None:
        if part in self._leaving or not self._lease.holds:
            return
        told = self._told.setdefault(part.number, {})
        for delivery in cast("_Outbox", part.operator).due(int(self._clock() * 1000)):
            if not self._slots.are_free:
                return
            key, token = delivery.key, (delivery.notification.sequence, delivery.attempt)
            # Its outcome is written, and not read back yet.
            if key in self._under_way or told.get(key, (0, 0)) >= token or self._settles(part, delivery):
                continue
            if self._slots.take(delivery.notification):
                self._begin(part, delivery)

    def _begin(self, part: PartitionState, delivery: Delivery) -> None:
        def over(_: asyncio.Task[None]) -> None:
            self._under_way.pop(delivery.key, None)
            self._slots.give(delivery.notification)
            self._freed.set()

        task = asyncio.create_task(self._attempt(part, delivery), name=f"deliver-{delivery.key}")
        self._under_way[delivery.key] = task
        task.add_done_callback(over)

    async def _pause(self) -> None:
        """Until a slot is free, or something else may have become due."""
        self._freed.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_S):
                await self._freed.wait()
                await asyncio.sleep(_TOGETHER_S)

    def _settles(self, part: PartitionState, delivery: Delivery) -> bool:
        """Whether an earlier owner may have sent it a moment ago, and the far end does not find it yet."""
        taken, one = self._ends[part.number], delivery.notification
        return one.at_ms <= taken.at_ms and self._clock() * 1000 < taken.at_ms + self._deliver.settle_s(one) * 1000

    async def _attempt(self, part: PartitionState, delivery: Delivery) -> None:
        """Make an attempt and write its outcome down; what cannot be written is attempted again."""
        one = delivery.notification
        if not self._lease.holds or self._shell.partitions.get(part.number) is not part:
            return
        outcome = await self._deliver(one, delivery.memory)
        now_ms = int(self._clock() * 1000)
        retries = outcome.outcome == "retry"
        given_up = retries and is_given_up(one, one.at_ms, now_ms)
        result = NotificationResult(
            tenant=one.tenant,
            notification_id=one.id,
            receiver=one.receiver,
            integration=one.integration,
            dedup_key=one.dedup_key,
            sequence=one.sequence,
            action=one.action,
            attempt=delivery.attempt,
            at_ms=now_ms,
            outcome="given_up" if given_up else outcome.outcome,
            status=outcome.status,
            text=outcome.text[:2000],
            retry_at_ms=next_attempt_ms(one, delivery.attempt, now_ms, outcome) if retries and not given_up else None,
            reference=dict(outcome.reference),
            incident_id=one.incident_id,
        )
        self._count(result)
        topic = self._shell.name_on_broker(NOTIFICATION_RESULTS.name)
        record = SendableRecord(
            topic, part.number, KeyedRecord(result.key.encode(), result.to_bytes()), max(0, result.at_ms)
        )
        try:
            await (await self._shell.producer.send(record))
        except BrokerError as error:
            LOG.warning("an outcome was not written; the attempt is made again", extra={"error": str(error)})
            return
        self._told.setdefault(part.number, {})[delivery.key] = (one.sequence, delivery.attempt)

    def _count(self, result: NotificationResult) -> None:
        kind = result.integration.partition("[")[0]
        self._shell.telemetry.deliveries.labels(kind, result.action, result.outcome).inc()
        if result.outcome != "delivered":
            LOG.warning(
                "a notification was not delivered",
                extra={"key": result.key, "outcome": result.outcome, "status": result.status, "text": result.text},
            )

    async def _has_read_outcomes(self, part: PartitionState) -> bool:
        """Whether the partition's state knows every outcome that was written before it became ours."""
        known = self._ends.get(part.number)
        if known is None or known.part is not part:
            topic = self._shell.name_on_broker(NOTIFICATION_RESULTS.name)
            try:
                ends = await in_thread(self._shell.reader.ends, [(topic, part.number)])
            except BrokerError as error:
                LOG.warning("the end of the outcomes is not known yet", extra={"error": str(error)})
                return False
            known = _Taken(part, ends[topic, part.number].next, int(self._clock() * 1000))
            self._ends[part.number] = known
            self._told[part.number] = {}
        # The embedded broker lists an end that is short of the last batch.
        heard = self._watch.end(NOTIFICATION_RESULTS.name, part.number)
        return heard is not None and part.positions[NOTIFICATION_RESULTS.name] >= max(known.end, heard)

    async def _prove(self) -> None:
        """Have the broker confirm that the partitions are ours; one that is not falls silent."""
        await asyncio.sleep(self._shell.session_s)  # a rebalance that is due comes first
        try:
            for part in list(self._shell.partitions.values()):
                await self._shell.checkpoint(part, even_if_unchanged=True)
        except CheckpointError as error:
            LOG.warning("not confirmed yet", extra={"error": str(error)})
            return
        self._ends.clear()
        self._lease.renew()

    def _cut_off(self) -> None:
        """End what is under way, before it goes on."""
        for task in list(self._under_way.values()):
            with suppress(RuntimeError):  # the loop is closed
                task.cancel()
