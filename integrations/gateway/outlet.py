"""The sending half of the gateway: an idempotent producer with a bounded queue, and who waits for what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from integrations.gateway.batcher import FRAMING_BYTES, EncodedBatch
from integrations.gateway.offsets import Flight
from integrations.gateway.rejected import RejectedRecord, lost_record, rejected_record
from integrations.gateway.settings import IngestSettings
from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from schemas.batch import BATCH_VERSION, SourceRange
from schemas.errors import BrokerError
from schemas.ids import event_id, partition_of
from schemas.topics import MAX_MESSAGE_BYTES, REJECTED, SAMPLES

_LINGER_MS: Final = 5
# librdkafka's default: records that go out together; a broker's limit holds for them together.
_BATCH_BYTES: Final = 1_000_000
_RAISE: Final = f"Raise the topic's max.message.bytes to {MAX_MESSAGE_BYTES}: metrics-ai topics create"
# The broker will not take such a record however often it is sent.
_NEVER: Final = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD})


class DeliveryFailedError(BrokerError):
    """A record was not delivered: what it was made of must be read again."""


@dataclass(frozen=True, slots=True)
class _Record:
    topic: str
    partition: int
    key: bytes
    size: int
    headers: list[tuple[str, bytes]]


class Outlet:
    """Sends batches and rejected records, and counts them as delivered on their flight.

    Parameters
    ----------
    kafka, settings
        The connection and the gateway's settings.
    telemetry
        Counts what was delivered.
    waiting
        Called over and over while the queue is full.
    message_bytes
        The largest message that the topics take.
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        settings: IngestSettings,
        telemetry: Telemetry,
        waiting: Callable[[], None],
        message_bytes: int = MAX_MESSAGE_BYTES,
    ) -> None:
        self._kafka = kafka
        self._telemetry = telemetry
        self._waiting = waiting
        self._message_bytes = message_bytes
        self._failure: KafkaError | None = None
        self._names = {topic.name: kafka.topic(topic) for topic in (SAMPLES, REJECTED)}
        self._producer = Producer(
            kafka.librdkafka(
                **{
                    "enable.idempotence": True,
                    "compression.type": settings.compression,
                    # zstd's quickest takes 40 % off, at 50 ns a sample; higher levels take no more.
                    "compression.level": 1 if settings.compression == "zstd" else -1,
                    "linger.ms": _LINGER_MS,
                    "message.max.bytes": message_bytes,
                    "batch.size": min(_BATCH_BYTES, message_bytes),
                    "message.timeout.ms": int(settings.delivery_timeout_s * 1000),
                    "queue.buffering.max.kbytes": settings.buffer_bytes // 1024,
                }
            ),
        )

    def send_batch(self, batch: EncodedBatch, flight: Flight) -> None:
        """Send samples."""
        if batch.data is None:
            self._telemetry.rejected.labels("ingest", self._names[SAMPLES.name], "too_large").inc(batch.rows)
            self.send_lost(flight.source_ranges(), "too_large", batch.trouble, flight)
            return
        identity = event_id(batch.tenant, batch.partition, flight.source_ranges(), batch.part)
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", identity.encode()),
            ("ce_type", f"metrics-ai.{SAMPLES.name}".encode()),
            ("ce_source", b"metrics-ai/ingest"),
            ("content-type", b"application/vnd.apache.arrow.stream"),
            ("tenant", batch.tenant.encode()),
            ("schema", b"SampleBatch"),
            ("schema_version", b"%d" % BATCH_VERSION),
        ]
        name = self._names[SAMPLES.name]
        record = _Record(name, batch.partition, batch.tenant.encode(), len(batch.data), headers)
        self._send(record, batch.data, flight)

    def send_rejected(self, message: Message, reason: str, detail: str, flight: Flight) -> None:
        """Send a consumed message that was refused."""
        rejected = rejected_record(message, reason, detail, self._message_bytes - FRAMING_BYTES)
        self._send_rejected(message.topic(), rejected, flight)

    def send_lost(self, ranges: Sequence[SourceRange], reason: str, detail: str, flight: Flight) -> None:
        """Send word of records, or of a sample out of them, that cannot be sent themselves."""
        self._send_rejected(ranges[0][0] if ranges else "", lost_record(ranges, reason, detail), flight)

    def _send_rejected(self, topic: str, rejected: RejectedRecord, flight: Flight) -> None:
        partition = partition_of(topic, self._kafka.partitions)
        name = self._names[REJECTED.name]
        record = _Record(name, partition, topic.encode(), len(rejected.value or b""), rejected.headers)
        self._send(record, rejected.value, flight)

    def poll(self, timeout_s: float = 0.0) -> None:
        """Hear of deliveries.

        Raises
        ------
        DeliveryFailedError
            If one of them failed.
        """
        self._producer.poll(timeout_s)
        if self._failure is not None:
            too_large = self._failure.code() == KafkaError.MSG_SIZE_TOO_LARGE
            raise DeliveryFailedError(f"a record was not delivered: {self._failure.str()}", _RAISE if too_large else "")

    def drain(self, timeout_s: float) -> bool:
        """Wait until all is delivered; whether it was in time.

        Raises
        ------
        DeliveryFailedError
            If a delivery failed.
        """
        left: int = self._producer.flush(timeout_s)
        self.poll()
        return left == 0

    def abandon(self) -> None:
        """Drop all that is not delivered."""
        self._producer.purge()
        self._producer.flush(1.0)

    def _send(self, record: _Record, value: bytes | None, flight: Flight) -> None:
        flight.undelivered += 1
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    value=value,
                    key=record.key,
                    partition=record.partition,
                    headers=record.headers,
                    on_delivery=partial(self._delivered, record, flight),
                )
                return
            except BufferError:  # back-pressure: what is ahead must go out first
                self._waiting()
                self.poll(0.1)
            except KafkaException as error:
                raise DeliveryFailedError(f"a record was not taken: {error.args[0].str()}") from error

    def _delivered(self, record: _Record, flight: Flight, error: KafkaError | None, _message: Any) -> None:
        if error is None:
            flight.undelivered -= 1
            self._telemetry.outputs.labels("ingest", record.topic).inc()
        elif error.code() in _NEVER and record.topic == self._names[REJECTED.name] and record.size:
            # A refused record must stop nobody: its bytes stay behind, its origin goes out.
            headers = [*record.headers, ("truncated_from", b"%d" % record.size)]
            flight.undelivered -= 1
            self._send(_Record(record.topic, record.partition, record.key, 0, headers), b"", flight)
        elif error.code() != KafkaError._PURGE_QUEUE:
            self._failure = self._failure or error
