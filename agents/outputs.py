"""From a step's outputs to records: topic names, headers, and a producer that keeps their order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer

from agents.checkpoints import KeyedRecord, LogRecord
from integrations.kafka.connection import KafkaSettings
from schemas.topics import MAX_MESSAGE_BYTES, Topic
from streams.operator import Output

_LINGER_MS: Final = 5
_BATCH_BYTES: Final = 256 * 1024
Headers = tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class SendableRecord:
    """A record with everything that a producer asks for."""

    topic: str
    partition: int
    record: KeyedRecord
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """Makes a stage's records: CloudEvents attributes in binary mode, tenant, schema and version as headers.

    Parameters
    ----------
    kafka
        Gives topics their names on the broker.
    stage
        The writer.
    """

    kafka: KafkaSettings
    stage: str

    def of_output(self, output: Output) -> SendableRecord:
        """An output of the operator; its id is the header by which readers drop repeats."""
        headers: Headers = (
            ("ce_specversion", b"1.0"),
            ("ce_id", output.id.encode()),
            ("ce_type", f"metrics-ai.{output.topic.name}".encode()),
            ("ce_source", f"metrics-ai/{self.stage}/{output.partition}".encode()),
            ("content-type", b"application/json"),
            ("tenant", output.key.partition("/")[0].encode()),
            *_schema_headers(output.topic),
        )
        record = KeyedRecord(output.key.encode(), output.value, headers)
        return SendableRecord(self.kafka.topic(output.topic), output.partition, record, output.event_ms)

    def of_dead_letter(self, topic: Topic, record: LogRecord, reason: str, error: str) -> SendableRecord:
        """What could not be read: the original bytes, with the reason and origin in headers."""
        headers: Headers = (
            ("reason", reason.encode()),
            ("error", error.encode(errors="replace")[:2000]),
            ("topic", record.topic.encode()),
            ("partition", b"%d" % record.partition),
            ("offset", b"%d" % record.offset),
            ("timestamp", b"%d" % record.timestamp_ms),
            ("tombstone", b"%d" % (record.value is None)),
        )
        letter = KeyedRecord(record.key or b"", record.value or b"", headers)
        return SendableRecord(self.kafka.topic(topic), record.partition, letter, max(0, record.timestamp_ms))


def _schema_headers(topic: Topic) -> Headers:
    if topic.model is None:
        return ()
    version = topic.model.model_fields["v"].default
    return (("schema", topic.model.__name__.encode()), ("schema_version", b"%d" % version))


class OutputProducer:
    """Sends records in the order in which they are given, with a bounded buffer that makes the sender wait.

    Parameters
    ----------
    kafka
        The broker.
    idempotent
        Whether the broker lets a producer be so. One batch a partition is under way at any time, so that order
        holds on the embedded broker too.
    """

    def __init__(self, kafka: KafkaSettings, idempotent: bool) -> None:
        self._options: dict[str, Any] = {
            **kafka.aiokafka(),
            "acks": "all",
            "enable_idempotence": idempotent,
            "compression_type": "lz4",
            "linger_ms": _LINGER_MS,
            "max_batch_size": _BATCH_BYTES,
            "max_request_size": MAX_MESSAGE_BYTES,
        }
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> Self:
        """Connect."""
        self._producer = AIOKafkaProducer(**self._options)
        await self._producer.start()
        return self

    async def send(self, record: SendableRecord) -> asyncio.Future[Any]:
        """Put a record in the buffer, waiting for room; the future is done when the broker has it."""
        assert self._producer is not None, "start() comes first"
        delivered: Awaitable[Any] = await self._producer.send(
            record.topic,
            value=record.record.value,
            key=record.record.key,
            partition=record.partition,
            timestamp_ms=record.timestamp_ms or None,
            headers=list(record.record.headers),
        )
        return asyncio.ensure_future(delivered)

    async def stop(self) -> None:
        """Send what is buffered and disconnect."""
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None
