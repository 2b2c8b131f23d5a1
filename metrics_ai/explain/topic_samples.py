"""Samples of one series from ``metrics.samples``, which holds two days of them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from integrations.kafka.admin import ANSWER_S, list_topics
from integrations.kafka.connection import KafkaSettings
from metrics_ai.explain.selecting import Selection
from schemas.batch import SampleBatch, decode_batch
from schemas.errors import BrokerError, SchemaError
from schemas.ids import samples_partition
from schemas.series import Series
from schemas.topics import MAX_MESSAGE_BYTES, SAMPLES

_LIMIT_S: Final = 60.0
_BATCH: Final = 100
# Samples are sent when they were taken, but for what producers and gateways hold back.
_EARLIER_MS: Final = 60_000
_MAX_HISTOGRAMS: Final = 1_000_000
_DERIVED: Final = (":rate", ":mean", ":p95")


class TopicSamples:
    """The samples of one series.

    Parameters
    ----------
    kafka
        The broker.
    series
        Which.
    """

    def __init__(self, kafka: KafkaSettings, series: Series) -> None:
        self._kafka, self._series = kafka, series
        self._name = kafka.topic(SAMPLES)
        # A batch names its series in plain text before its columns; what is made from a histogram has no name there.
        derived = series.metric.endswith(_DERIVED)
        self._mark = b"" if derived else f"{series.id:016x}".encode()

    def between(self, from_ms: int, until_ms: int | None) -> Iterator[SampleBatch]:
        """Batches from an event time on, to another or to the end; the first and the last may reach further.

        Raises
        ------
        BrokerError
            If the topic cannot be read.
        """
        topic = list_topics(self._kafka, ANSWER_S).get(self._name)
        if topic is None:
            raise BrokerError(f"the broker has no topic {self._name}", "metrics-ai topics create makes it")
        partition = samples_partition(self._series.tenant, self._series.entity, topic.partitions)
        selection = Selection(lambda one: one.id == self._series.id, _MAX_HISTOGRAMS)
        for batch in self._batches(partition, from_ms - _EARLIER_MS):
            picked = selection.of(batch) if batch.tenant == self._series.tenant else None
            if picked is None:
                continue
            yield picked
            # A series' own samples come in their order.
            if until_ms is not None and int(picked.timestamp_ms.min()) > until_ms:
                return

    def _batches(self, partition: int, from_ms: int) -> Iterator[SampleBatch]:
        consumer = Consumer(
            self._kafka.librdkafka(
                group_id=self._kafka.group("reader"),  # librdkafka wants one; nothing is ever committed to it
                enable_auto_commit=False,
                enable_partition_eof=True,
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                receive_message_max_bytes=16 * MAX_MESSAGE_BYTES,
                log_level=0,
            )
        )
        try:
            consumer.assign([_start(consumer, TopicPartition(self._name, partition, max(0, from_ms)))])
            until_s = time.monotonic() + _LIMIT_S
            while time.monotonic() < until_s:
                for message in consumer.consume(_BATCH, 0.2):
                    if _is_end(message):
                        return
                    if (batch := self._decoded(message)) is not None:
                        yield batch
        finally:
            consumer.close()

    def _decoded(self, message: Message) -> SampleBatch | None:
        """A batch that may hold the series; what cannot be read is detect's to put aside."""
        value = message.value() or b""
        if message.error() is not None or self._mark not in value:
            return None
        try:
            return decode_batch(value)
        except SchemaError:
            return None


def _start(consumer: Consumer, moment: TopicPartition) -> TopicPartition:
    """The first record sent at a time or later; the oldest where the broker does not say."""
    try:
        (found,) = consumer.offsets_for_times([moment], timeout=ANSWER_S)
    except KafkaException:
        found = None
    if found is None or found.error is not None or found.offset < 0:
        return TopicPartition(moment.topic, moment.partition, OFFSET_BEGINNING)
    return TopicPartition(moment.topic, moment.partition, found.offset)


def _is_end(message: Message) -> bool:
    error = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:
        return True
    if error.fatal() or not error.retriable():
        raise BrokerError(f"cannot read {message.topic()}: {error.str()}", "Is the broker up?")
    return False
