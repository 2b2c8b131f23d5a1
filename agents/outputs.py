"""From a step's outputs to records: topic names, headers, and a producer that keeps their order."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from confluent_kafka import KafkaError, KafkaException, Producer

from agents.checkpoints import KeyedRecord
from agents.log_reader import LogRecord
from agents.threads import in_thread
from integrations.kafka.connection import KafkaSettings
from schemas.errors import BrokerError
from schemas.topics import MAX_MESSAGE_BYTES, Topic
from streams.operator import Output

_LIBRDKAFKA: Final = logging.getLogger("agents.librdkafka")
_LINGER_MS: Final = 5
# What may lie between the stage and the broker; beyond, the stage waits.
_BUFFER_BYTES: Final = 32 * 1024 * 1024
_BUFFER_RECORDS: Final = 20_000
# As long as a broker's restart; then the worker ends, and the next one repeats from the last checkpoint.
_DELIVERY_MS: Final = 60_000
_REPORTS_S: Final = 0.1
_FULL_S: Final = 0.005
_STOP_S: Final = 5.0
# A dead letter's headers and framing need room beside its key and value; of a key, no more than this is kept.
_FRAMING_BYTES: Final = 64 * 1024
_MAX_KEY_BYTES: Final = 64 * 1024
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
        """What could not be read: the original bytes, with the reason and origin in headers.

        A record may be larger than any that we may send: the broker limits what it takes by its compressed size, and
        a letter has headers on top. Then it is cut, and ``truncated_from`` says how long the value was.
        """
        key = (record.key or b"")[:_MAX_KEY_BYTES]
        value = (record.value or b"")[: MAX_MESSAGE_BYTES - _FRAMING_BYTES - len(key)]
        headers: Headers = (
            ("reason", reason.encode()),
            ("error", error.encode(errors="replace")[:2000]),
            ("topic", record.topic.encode()),
            ("partition", b"%d" % record.partition),
            ("offset", b"%d" % record.offset),
            ("timestamp", b"%d" % record.timestamp_ms),
            ("tombstone", b"%d" % (record.value is None)),
        )
        if len(value) < len(record.value or b""):
            headers += (("truncated_from", b"%d" % len(record.value or b"")),)
        letter = KeyedRecord(key, value, headers)
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
        Whether the broker lets a producer be so; where not, one request at a time keeps the order.
    """

    def __init__(self, kafka: KafkaSettings, idempotent: bool) -> None:
        order = {"enable_idempotence": True} if idempotent else {"max_in_flight": 1}
        self._options = kafka.librdkafka(
            acks="all",
            compression_type="lz4",
            linger_ms=_LINGER_MS,
            message_max_bytes=MAX_MESSAGE_BYTES,
            queue_buffering_max_kbytes=_BUFFER_BYTES // 1024,
            queue_buffering_max_messages=_BUFFER_RECORDS,
            message_timeout_ms=_DELIVERY_MS,
            **order,
        )
        self._producer: Producer | None = None
        self._ended = threading.Event()

    async def start(self) -> Self:
        """Connect."""
        self._producer = Producer(dict(self._options), logger=_LIBRDKAFKA)
        threading.Thread(target=self._serve, args=(self._producer,), name="output-reports", daemon=True).start()
        return self

    def _serve(self, producer: Producer) -> None:
        """Delivery reports come in this thread."""
        while not self._ended.is_set():
            producer.poll(_REPORTS_S)

    async def send(self, record: SendableRecord) -> asyncio.Future[None]:
        """Put a record in the buffer, waiting for room; the future is done when the broker has it.

        Raises
        ------
        BrokerError
            If the record cannot be sent at all: it is too large.
        """
        loop = asyncio.get_running_loop()
        delivered: asyncio.Future[None] = loop.create_future()
        while not self._put(record, loop, delivered):  # noqa: ASYNC110  # librdkafka tells nobody when there is room
            await asyncio.sleep(_FULL_S)
        return delivered

    def _put(self, record: SendableRecord, loop: asyncio.AbstractEventLoop, delivered: asyncio.Future[None]) -> bool:
        assert self._producer is not None, "start() comes first"
        try:
            self._producer.produce(
                record.topic,
                record.record.value,
                record.record.key,
                record.partition,
                on_delivery=_report_to(loop, delivered),
                timestamp=record.timestamp_ms,
                headers=list(record.record.headers),
            )
        except BufferError:
            return False
        except KafkaException as error:
            raise BrokerError(f"a record for {record.topic} cannot be sent: {error.args[0].str()}") from error
        return True

    async def stop(self) -> None:
        """Send what is buffered and disconnect."""
        if self._producer is not None:
            await in_thread(self._producer.flush, _STOP_S)
            self._ended.set()
            self._producer = None


def _report_to(
    loop: asyncio.AbstractEventLoop, delivered: asyncio.Future[None]
) -> Callable[[KafkaError | None, object], None]:
    def settle(error: KafkaError | None) -> None:
        if delivered.done():
            return
        if error is None:
            delivered.set_result(None)
        else:
            delivered.set_exception(BrokerError(f"a record was not taken: {error.str()}"))

    def report(error: KafkaError | None, _: object) -> None:
        with suppress(RuntimeError):  # the loop has ended, nobody waits
            loop.call_soon_threadsafe(settle, error)

    return report
