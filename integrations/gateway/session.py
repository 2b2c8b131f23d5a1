"""One membership in the group: from joining to leaving, or to the first failed delivery."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from integrations.gateway.abreast import Abreast, HeldBack
from integrations.gateway.batcher import OutputTopic
from integrations.gateway.intake import STAGE, Intake
from integrations.gateway.lag import Lag
from integrations.gateway.offsets import Flights, Source
from integrations.gateway.outlet import Outlet
from integrations.gateway.records import Stretch, by_topic, is_about_topic, stretches, without_errors
from integrations.gateway.settings import IngestSettings
from integrations.gateway.unreadable import end_of_batch
from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from schemas.errors import BrokerError
from schemas.topics import MAX_MESSAGE_BYTES

_LOG: Final = logging.getLogger(__name__)
_WATCH_INTERVAL_S: Final = 0.1
_COMMITTED_LIMIT_S: Final = 5.0
_TOPIC_REFRESH_MS: Final = 5000
_FETCH_BACKOFF_MS: Final = 10
_FETCH_BYTES: Final = 256 * 1024
_READ_AHEAD_RECORDS: Final = 20_000
_LAST_DRAIN_S: Final = 30.0
_FIRST_TURN_RECORDS: Final = 10
_MEASURED_RECORDS: Final = 20


class Session:
    """Consumes, decodes, sends and commits.

    Parameters
    ----------
    settings, kafka, telemetry, clock
        As the ``Gateway``'s; the profile of ``kafka`` is known by now.
    message_bytes
        The largest message that our topics take.
    """

    def __init__(
        self,
        settings: IngestSettings,
        kafka: KafkaSettings,
        telemetry: Telemetry,
        clock: Callable[[], float],
        message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self._settings = settings
        self._kafka = kafka
        self._telemetry = telemetry
        self._intake = Intake(settings, OutputTopic(kafka.partitions, message_bytes), telemetry, clock, self._reject)
        self._outlet = Outlet(kafka, settings, telemetry, self._wait, message_bytes)
        self._flights = Flights()
        self._abreast = Abreast(int(settings.abreast_s * 1000))
        self._held = HeldBack(self._abreast.horizon_ms, settings.buffer_bytes)
        self._lag = Lag(telemetry, clock)
        self._assigned: set[Source] = set()
        self._paused: set[Source] = set()
        self._next: dict[Source, int] = {}
        self._delivered: dict[Source, int] = {}
        self._committed: dict[Source, int] = {}
        self._closing = False
        self._record_bytes = settings.buffer_bytes / 4 / _FIRST_TURN_RECORDS
        self._flush_at = self._commit_at = self._watch_at = 0.0
        self._consumer = Consumer(self._consumer_options())

    def _consumer_options(self) -> dict[str, Any]:
        session_ms = int(self._kafka.session_s * 1000)
        return self._kafka.librdkafka(
            **{
                "group.id": self._kafka.group(STAGE),
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                # Eager: a partition is handed over only when all that was read of it is delivered and committed.
                "partition.assignment.strategy": "roundrobin",
                "session.timeout.ms": session_ms,
                "heartbeat.interval.ms": max(100, session_ms // 4),
                "queued.max.messages.kbytes": self._settings.buffer_bytes // 1024,
                "fetch.wait.max.ms": 50,
                # Catching up, the client pauses this long when it has read enough ahead; a second, unless told.
                "fetch.queue.backoff.ms": _FETCH_BACKOFF_MS,
                # Small bites: partitions stay abreast, and less is read twice where one of them must wait.
                "fetch.message.max.bytes": _FETCH_BYTES,
                "queued.min.messages": _READ_AHEAD_RECORDS,
                "topic.metadata.refresh.interval.ms": _TOPIC_REFRESH_MS,
                "allow.auto.create.topics": False,
                "on_commit": self._on_commit,
            }
        )

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set, then drain and leave.

        Raises
        ------
        BrokerError
            If a delivery failed or the consumer cannot go on; nothing of it was committed.
        """
        topics = [source.topic for source in self._settings.sources]
        self._consumer.subscribe(topics, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost)
        try:
            while not stop.is_set():
                self._turn()
            self._hand_over(_LAST_DRAIN_S)
        except BaseException:
            self._outlet.abandon()
            raise
        finally:
            self._forget()
            self._closing = True
            self._consumer.close()

    def _turn(self) -> None:
        self._beat()
        want = max(1, min(self._settings.consume_records, int(self._settings.buffer_bytes / 4 / self._record_bytes)))
        try:
            messages = self._consumer.consume(want, 0.0 if self._held.is_free else self._settings.linger_ms / 1000)
        except KafkaException as error:
            raise BrokerError(f"the consumer cannot go on: {error.args[0].str()}") from error
        began = time.monotonic()
        freed = self._held.release()
        if messages or freed:
            self._take_in(freed)
            self._read(messages)
            self._telemetry.batch_seconds.labels(STAGE).observe(time.monotonic() - began)
        self._outlet.poll()
        # Fewer than wanted: the source is at its end, nobody is served by waiting on.
        full = self._intake.waiting >= self._settings.batch_samples * self._kafka.partitions
        if full or len(messages) < want or time.monotonic() >= self._flush_at:
            self._flush()
        # Far behind, partitions run apart within a turn; live, a look now and then will do.
        self._keep_house(catching_up=len(messages) == want or bool(freed))

    def _read(self, messages: list[Message]) -> None:
        messages, errors = without_errors(messages)
        # What was read before a rebalance is left to whoever owns it now.
        found = [one for one in stretches(messages) if one.source in self._assigned]
        for one in found:
            self._abreast.begin(one.first_ms)
        self._take_in(self._held.admit(found))
        for message in errors:  # a partition brings nothing after what cannot be read
            self._on_error(message)

    def _take_in(self, found: list[Stretch]) -> None:
        now_s = time.monotonic()
        for one in found:
            last, last_ms = one.last, one.last_ms
            self._flights.open.cover(one.source, one.first, last)
            self._next[one.source] = last + 1
            self._abreast.read(one.source, last_ms, now_s)
            self._lag.read(one.source, last_ms)
        for topic, messages in by_topic(found).items():
            self._intake.read(topic, messages)
            self._measure(messages)

    def _measure(self, messages: list[Message]) -> None:
        # Adapts how many records are asked for, so that large ones do not fill the memory.
        seen = messages[:: max(1, len(messages) // _MEASURED_RECORDS)]
        self._record_bytes += (sum(map(len, seen)) / len(seen) + 64 - self._record_bytes) / 2

    def _flush(self) -> None:
        flight = self._flights.depart()
        for batch in self._intake.take(flight.source_ranges()):
            self._outlet.send_batch(batch, flight)
        self._flush_at = time.monotonic() + self._settings.linger_ms / 1000

    def _reject(self, message: Message, reason: str, detail: str) -> None:
        self._outlet.send_rejected(message, reason, detail, self._flights.open)

    def _on_error(self, message: Message) -> None:
        """What is not a record: trouble with a topic, or bytes of a record that the client cannot read."""
        error: KafkaError = message.error()
        source = (message.topic(), message.partition())
        if error.fatal():
            raise BrokerError(f"the consumer cannot go on: {error.str()}")
        if is_about_topic(error) or message.offset() is None or message.offset() < 0:
            _LOG.info("the broker says: %s", error.str(), extra={"topic": source[0]})
            return
        first: int = message.offset()
        if source in self._assigned and first >= self._next.get(source, 0):
            marks = self._consumer.get_watermark_offsets(TopicPartition(*source), cached=True)
            end = end_of_batch(self._kafka, source, first, marks[1] if marks else 0)
            _LOG.warning("unreadable records: %s", error.str(), extra={"topic": source[0], "offset": first})
            # What is held of the partition stands before them: what is covered must never pass it.
            self._take_in(self._held.release_all(source))
            self._telemetry.rejected.labels(STAGE, source[0], "unreadable").inc(end - first)
            self._flights.open.cover(source, first, end - 1)
            self._outlet.send_lost(((*source, first, end - 1),), "unreadable", error.str(), self._flights.open)
            self._next[source] = end
            self._consumer.seek(TopicPartition(*source, end))

    # -- housekeeping ------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        self._telemetry.beat(STAGE)

    def _wait(self) -> None:
        """While the outlet is full: nothing is read, and the lag grows."""
        self._beat()
        self._tell_lag()

    def _keep_house(self, catching_up: bool) -> None:
        now_s = time.monotonic()
        self._delivered |= self._flights.landed()
        if now_s >= self._commit_at:
            self._commit(wait=False)
            self._commit_at = now_s + self._settings.commit_interval_s
        if catching_up or now_s >= self._watch_at:
            self._watch(now_s)
            self._watch_at = now_s + _WATCH_INTERVAL_S

    def _watch(self, now_s: float) -> None:
        """Measure the lag; hold back the partitions that are ahead."""
        backlog = self._tell_lag()
        self._abreast.look(backlog, now_s, self._held.sources)
        waiting = self._held.heavy(len(self._assigned), self._paused)
        if pause := waiting - self._paused:
            self._consumer.pause([TopicPartition(*source) for source in pause])
        if resume := self._paused - waiting:
            self._consumer.resume([TopicPartition(*source) for source in resume])
        self._paused = waiting

    def _tell_lag(self) -> dict[Source, int | None]:
        backlog = {source: self._backlog(source) for source in self._assigned}
        self._lag.tell(backlog)
        return backlog

    def _backlog(self, source: Source) -> int | None:
        """Records left in a partition; None before anything is known of it."""
        # The fetch response's high watermark: an end offset that is asked for is short on the embedded broker.
        marks = self._consumer.get_watermark_offsets(TopicPartition(*source), cached=True)
        end: int = marks[1] if marks else -1
        if end < 0:
            return None
        return max(0, end - max(int(marks[0]), self._next.get(source, 0)))

    # -- commits and hand-over ---------------------------------------------------------------------------------

    def _commit(self, wait: bool) -> None:
        offsets = [
            TopicPartition(*source, offset)
            for source, offset in self._delivered.items()
            if source in self._assigned and self._committed.get(source) != offset
        ]
        if not offsets:
            return
        try:
            done = self._consumer.commit(offsets=offsets, asynchronous=not wait)
        except KafkaException as error:  # the records will be read again
            _LOG.warning("offsets not committed: %s", error.args[0].str())
            return
        if wait:
            self._on_commit(None, done)

    def _on_commit(self, error: KafkaError | None, offsets: Sequence[TopicPartition]) -> None:
        if error is None:
            self._committed |= {(one.topic, one.partition): one.offset for one in offsets if one.error is None}

    def _hand_over(self, timeout_s: float) -> None:
        """Send, deliver and commit all that was read."""
        self._flush()
        if not self._outlet.drain(timeout_s):
            _LOG.warning("not all was delivered in time; the rest will be read again")
        self._delivered |= self._flights.landed()
        self._commit(wait=True)

    def _forget(self) -> None:
        self._lag.forget(self._assigned)
        self._flights = Flights()
        self._held.clear()
        self._assigned, self._paused = set(), set()
        self._next, self._delivered, self._committed = {}, {}, {}
        self._telemetry.set_ready(STAGE, False)

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._assigned = {(one.topic, one.partition) for one in partitions}
        try:
            begin = consumer.committed(partitions, timeout=_COMMITTED_LIMIT_S) if partitions else []
        except KafkaException:
            begin = []  # only the lag's first value rests on it
        self._next = {(one.topic, one.partition): one.offset for one in begin if one.offset >= 0}
        self._abreast.assign(self._assigned, time.monotonic())
        self._telemetry.set_ready(STAGE, True)
        _LOG.info("reading %d partitions", len(self._assigned))

    def _on_revoke(self, _consumer: Consumer, _partitions: Sequence[TopicPartition]) -> None:
        if self._closing:
            return
        self._hand_over(self._kafka.session_s)
        if self._paused:
            self._consumer.resume([TopicPartition(*source) for source in self._paused])
        self._forget()

    def _on_lost(self, _consumer: Consumer, _partitions: Sequence[TopicPartition]) -> None:
        _LOG.warning("partitions lost: another worker reads them again")
        self._forget()
