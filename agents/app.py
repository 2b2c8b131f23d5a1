"""The Faust application around a stage: group, assignment, agents. No Table, no acks, no web server."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import faust
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from agents.threads import EndableThread
from integrations.kafka.connection import KafkaSettings

# Messages that wait for the agent, of all partitions together. One of metrics.samples is some 20 kB, at most 8 MiB.
STREAM_BUFFER: Final = 64
# What one fetch brings of one partition, unless a single message is larger.
FETCH_BYTES: Final = 1024 * 1024
# Faust waits 1.5 s, during which a partition that was just emptied is not asked again.
_FETCH_WAIT_MS: Final = 200
_REBALANCE_LIMIT_S: Final = 30.0


_FAUST: Final = logging.getLogger("faust")


class _ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer, which leaves out what a transaction did not commit and does not wait long in vain."""

    Worker = EndableThread

    logger = _FAUST

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = _FETCH_WAIT_MS
        app: Any = self.app
        consumer._isolation_level = app.isolation_level
        return consumer

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit; what fails is told and no more, for positions are read from the checkpoints.

        Faust's own ends the worker instead.
        """
        ours = self.assignment()
        wanted = {driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(at, "") for tp, at in offsets.items() if tp in ours}
        try:
            if wanted:  # committing nothing is an error to aiokafka
                await self._ensure_consumer().commit(wanted)
        except KafkaError as error:
            _FAUST.warning("positions were not committed", extra={"error": repr(error)})
            return False
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Say so where a partition is not fetched any more; acks, which Faust looks at beside that, there are none.

        Faust's own ends the worker when it meets a partition whose position is being looked up.
        """
        self._verify_aiokafka_event_path(now, tp)


class _Consumer(driver.Consumer):
    logger = _FAUST

    def on_buffer_full(self, tp: TP) -> None:
        """Let the full queue itself hold the reader up.

        Faust takes the partition out of its polls instead, and once all are out it sleeps for a second.
        """

    def _new_consumer_thread(self) -> _ConsumerThread:
        return _ConsumerThread(self, loop=self.loop, beacon=self.beacon)


class _Transport(driver.Transport):
    Consumer = _Consumer


class StageApp(faust.App):
    """A Faust application whose positions are its own."""

    logger = _FAUST
    isolation_level = "read_uncommitted"

    def _new_transport(self) -> Any:
        return _Transport(self.conf.broker_consumer, self)

    async def commit_positions(self, positions: Mapping[TP, int]) -> None:
        """Tell the group where its state stands; only a mirror of the checkpoints."""
        consumer: Any = self.consumer
        await consumer._commit(dict(positions))


def make_app(stage: str, kafka: KafkaSettings, transactions: bool) -> StageApp:
    """An application that is a member of a stage's group.

    Parameters
    ----------
    stage
        Names the group.
    kafka
        The broker.
    transactions
        Whether to leave out what transactions did not commit.
    """
    app = StageApp(
        kafka.group(stage),
        **kafka.faust(),
        store="memory://",
        datadir=str(Path(tempfile.gettempdir()) / f"metrics-ai-faust-{stage}"),
        key_serializer="raw",
        value_serializer="raw",
        loop=asyncio.get_running_loop(),
        web_enabled=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=kafka.partitions,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=FETCH_BYTES,
        broker_max_poll_records=4 * STREAM_BUFFER,
        broker_rebalance_timeout=_REBALANCE_LIMIT_S,
        broker_commit_livelock_soft_timeout=86_400.0,  # Faust commits nothing here, and would say so for ever
        stream_buffer_maxsize=STREAM_BUFFER,
        stream_wait_empty=False,  # nothing is ever acked
        stream_publish_on_commit=False,
    )
    app.isolation_level = "read_committed" if transactions else "read_uncommitted"
    return app
