"""One membership of a sink's group: from joining to leaving."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from integrations.gateway.records import is_about_topic, record_time_ms, without_errors
from integrations.gateway.unreadable import end_of_batch
from integrations.kafka.connection import KafkaSettings
from integrations.project.sink import Partition, PlacedSink, Record, Sink, SinkError
from integrations.telemetry import Telemetry
from schemas.errors import BrokerError

_LOG: Final = logging.getLogger(__name__)
_WAIT_S: Final = 0.5
_RECORDS: Final = 2000
MOST_UNFLUSHED: Final = 20_000
"""Records after which a sink is flushed, however little time has passed."""
_BACK_OFF_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
_TOPIC_REFRESH_MS: Final = 5000
_FETCH_BYTES: Final = 1024 * 1024
_BUFFER_KIB: Final = 16 * 1024
_ANSWER_S: Final = 10.0
# So soon it is noticed that a far end lost what it held, while there is nothing to tell it.
_CHECK_EVERY_S: Final = 2.0


def stage_of(sink: Sink) -> str:
    """What a sink is called in metrics and on the broker."""
    return f"project-{sink.name}"


class Feed:
    """Reads a sink's topics; commits what the sink has made safe.

    Parameters
    ----------
    sink
        Who takes the records.
    kafka
        The broker.
    telemetry
        Counts records, lag and refusals under ``project-<name>``.
    clock
        Monotonic seconds.
    """

    def __init__(
        self, sink: Sink, kafka: KafkaSettings, telemetry: Telemetry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._sink = sink
        self._kafka = kafka
        self._telemetry = telemetry
        self._clock = clock
        self._stage = stage_of(sink)
        self._names = {kafka.topic(topic): topic.name for topic in sink.topics}
        self._assigned: set[Partition] = set()
        self._next: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}
        self._held: list[Message] = []
        self._unflushed = 0
        self._flush_at = 0.0
        self._check_at = 0.0
        self._refusals = 0
        self._closing = False
        self._consumer = Consumer(self._options())
        # A sink that wants its records within milliseconds must not wait for company.
        self._wait_s = min(_WAIT_S, max(sink.flush_s, 0.02))

    def _options(self) -> dict[str, Any]:
        session_ms = int(self._kafka.session_s * 1000)
        return self._kafka.librdkafka(
            **{
                "group.id": self._kafka.group(self._stage),
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
                # Partitions of one number are a tenant's, and go to one worker.
                "partition.assignment.strategy": "range",
                "session.timeout.ms": session_ms,
                "heartbeat.interval.ms": max(100, session_ms // 4),
                "queued.max.messages.kbytes": _BUFFER_KIB,
                "fetch.message.max.bytes": _FETCH_BYTES,
                "topic.metadata.refresh.interval.ms": _TOPIC_REFRESH_MS,
                "allow.auto.create.topics": False,
            }
        )

    def run(self, stop: threading.Event) -> None:
        """Work until ``stop`` is set; then what was taken is flushed and committed, and the group is left.

        Raises
        ------
        BrokerError
            If the consumer cannot go on.
        RebuildError
            If the sink's far end lost what it held: what is begun anew goes on where that stands.
        """
        self._consumer.subscribe(
            list(self._names), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        try:
            while not stop.is_set():
                self._turn()
            self._flush()
        finally:
            self._forget()
            self._closing = True
            self._consumer.close()

    def _turn(self) -> None:
        self._telemetry.beat(self._stage)
        is_full = self._unflushed >= MOST_UNFLUSHED and not self._refusals
        if self._unflushed and (is_full or self._clock() >= self._flush_at):
            self._flush()
        self._check()
        try:
            messages = self._consumer.consume(_RECORDS, self._wait_s)
        except KafkaException as error:
            raise BrokerError(f"the consumer cannot go on: {error.args[0].str()}") from error
        messages, errors = without_errors(messages)
        self._held += messages
        if not self._refusals and self._held:
            self._take(self._held)
            self._held = []
        for message in errors:
            self._on_error(message)
        self._tell_lag()

    def _take(self, messages: Sequence[Message]) -> None:
        records = [record for record in map(self._record, messages) if self._is_new(record)]
        if not records:
            return
        self._sink.take(records)
        if not self._unflushed:
            self._flush_at = self._clock() + self._sink.flush_s
        self._unflushed += len(records)
        for record in records:
            self._next[record.topic, record.partition] = record.offset + 1
            self._telemetry.records.labels(self._stage, record.topic).inc()

    def _record(self, message: Message) -> Record:
        name = self._names[message.topic()]
        value, at_ms = message.value(), record_time_ms(message)
        return Record(name, message.partition(), message.offset(), message.key(), value, at_ms)

    def _is_new(self, record: Record) -> bool:
        """What was read before a rebalance is left to whoever owns it now."""
        source = record.topic, record.partition
        return source in self._assigned and record.offset >= self._next.get(source, 0)

    def _on_error(self, message: Message) -> None:
        """What is not a record: trouble with a topic, or bytes of a record that the client cannot read."""
        error: KafkaError = message.error()
        if error.fatal():
            raise BrokerError(f"the consumer cannot go on: {error.str()}")
        first: int | None = message.offset()
        if is_about_topic(error) or first is None or first < 0:
            _LOG.info("the broker says: %s", error.str(), extra={"topic": message.topic()})
            return
        source = self._names[message.topic()], message.partition()
        if source in self._assigned and first >= self._next.get(source, 0):
            place = message.topic(), message.partition()
            end = end_of_batch(self._kafka, place, first, self._marks(source)[1])
            _LOG.warning("unreadable records: %s", error.str(), extra={"topic": source[0], "offset": first})
            self._telemetry.rejected.labels(self._stage, source[0], "unreadable").inc(end - first)
            self._next[source] = end
            self._consumer.seek(TopicPartition(*place, end))

    # -- flushes and commits -----------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Make safe what was taken, or stop reading until that is possible; others go on."""
        began = time.monotonic()
        try:
            self._sink.flush()
        except SinkError as error:
            self._refused(error)
            return
        self._telemetry.batch_seconds.labels(self._stage).observe(time.monotonic() - began)
        self._unflushed = 0
        if self._refusals:
            _LOG.warning("%s: takes again", self._stage, extra={"refusals": self._refusals})
            self._refusals = 0
            self._consumer.resume(self._places(self._assigned))
        self._commit()

    def _check(self) -> None:
        if not isinstance(self._sink, PlacedSink) or self._unflushed or self._clock() < self._check_at:
            return
        self._check_at = self._clock() + _CHECK_EVERY_S
        try:
            self._sink.check()
        except SinkError as error:
            _LOG.debug("%s: %s", self._stage, error)

    def _refused(self, error: SinkError) -> None:
        wait_s = _BACK_OFF_S[min(self._refusals, len(_BACK_OFF_S) - 1)]
        self._telemetry.sink_refusals.labels(self._sink.name).inc()
        _LOG.warning("%s: nothing more is read; again in %g s: %s", self._stage, wait_s, error)
        if not self._refusals:
            self._consumer.pause(self._places(self._assigned))
        self._refusals += 1
        self._flush_at = self._clock() + wait_s

    def _commit(self) -> None:
        new = {source: at for source, at in self._next.items() if self._committed.get(source) != at}
        if not new:
            return
        offsets = [TopicPartition(self._full(name), partition, at) for (name, partition), at in new.items()]
        try:
            self._consumer.commit(offsets=offsets, asynchronous=False)
        except KafkaException as error:  # the records will be taken again
            _LOG.warning("offsets not committed: %s", error.args[0].str())
            return
        self._committed |= new

    # -- partitions come and go --------------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, partitions: Sequence[TopicPartition]) -> None:
        assigned = {(self._names[one.topic], one.partition) for one in partitions}
        if isinstance(self._sink, PlacedSink):
            consumer.assign(self._starts(self._sink, assigned))
        self._assigned = assigned
        self._sink.assigned(self._assigned)
        self._telemetry.set_ready(self._stage, True)
        _LOG.info("%s: reading %d partitions", self._stage, len(self._assigned))

    def _starts(self, sink: PlacedSink, assigned: set[Partition]) -> list[TopicPartition]:
        """Where to begin: at the sink's own places, as far as they are of this log."""
        places = sink.places(assigned)
        try:
            asked = self._consumer.committed(self._places(assigned), timeout=_ANSWER_S)
        except KafkaException as error:
            raise BrokerError(f"the broker does not say what was read: {error.args[0].str()}") from error
        # A group commits after its sink has moved: one that never committed here read another log, if any.
        known = {(self._names[one.topic], one.partition) for one in asked if one.offset >= 0}
        if strange := {source for source in places if source not in known}:
            _LOG.warning("%s: the log is another one, or was away for long; it is read from its start", self._stage)
            sink.begin(strange)
            places = sink.places(assigned)
        return [
            TopicPartition(self._full(topic), number, places.get((topic, number), OFFSET_BEGINNING))
            for topic, number in assigned
        ]

    def _on_revoke(self, _consumer: Consumer, _partitions: Sequence[TopicPartition]) -> None:
        if self._closing:
            return
        if self._unflushed:
            self._flush()
        self._forget()

    def _on_lost(self, _consumer: Consumer, _partitions: Sequence[TopicPartition]) -> None:
        _LOG.warning("%s: partitions lost: another worker reads them again", self._stage)
        self._forget()

    def _forget(self) -> None:
        self._sink.revoked(self._assigned)
        for topic, partition in self._assigned:
            with contextlib.suppress(KeyError):
                self._telemetry.lag_offsets.remove(self._stage, topic, str(partition))
        self._assigned, self._next, self._committed, self._held = set(), {}, {}, []
        self._unflushed = self._refusals = 0
        self._telemetry.set_ready(self._stage, False)

    def _tell_lag(self) -> None:
        for source in self._assigned:
            low, high = self._marks(source)
            if high >= 0:
                left = max(0, high - max(low, self._next.get(source, 0)))
                self._telemetry.lag_offsets.labels(self._stage, source[0], str(source[1])).set(left)

    def _marks(self, source: Partition) -> tuple[int, int]:
        place = TopicPartition(self._full(source[0]), source[1])
        marks: tuple[int, int] | None = self._consumer.get_watermark_offsets(place, cached=True)
        return marks or (0, -1)

    def _places(self, sources: set[Partition]) -> list[TopicPartition]:
        return [TopicPartition(self._full(name), partition) for name, partition in sources]

    def _full(self, name: str) -> str:
        return self._kafka.topic_prefix + name
