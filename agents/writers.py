"""What writes a partition's checkpoints: one transaction each, or, without transactions, the manifest rule.

Both are blocking and belong in a thread; one call at a time for each writer.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import uuid4

from confluent_kafka import KafkaError, KafkaException, Producer

from agents.checkpoints import CheckpointSettings, FencedError, KeyedRecord, LostError, Manifest, claim_of, records_of
from agents.outputs import SendableRecord
from integrations.kafka.connection import KafkaSettings
from schemas.errors import CheckpointError
from schemas.topics import MAX_MESSAGE_BYTES

LOG = logging.getLogger(__name__)
_MUTE: Final = logging.getLogger("agents.librdkafka")
_FENCED: Final = frozenset({KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH})
_QUEUE_FULL_POLL_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class CheckpointTarget:
    """Where one partition of one stage writes its checkpoints.

    Parameters
    ----------
    kafka
        The broker.
    stage, partition
        Whose they are.
    topic
        The checkpoint topic's name on the broker.
    """

    kafka: KafkaSettings
    stage: str
    partition: int
    topic: str

    @property
    def transactional_id(self) -> str:
        """What the broker fences by."""
        return f"{self.kafka.topic_prefix}{self.stage}-{self.partition}"


class CheckpointWriter(Protocol):
    """Writes checkpoints of one partition."""

    def take_over(self) -> None:
        """Shut out every earlier writer of the partition; before its state is read.

        Raises
        ------
        CheckpointError
            If the broker does not let us.
        """

    def write(self, outputs: Sequence[SendableRecord], blocks: Mapping[str, bytes | None], manifest: Manifest) -> None:
        """Write one checkpoint; outputs become visible with it where there are transactions.

        Raises
        ------
        FencedError
            If a newer owner of the partition exists.
        LostError
            If it is not known whether it counts.
        CheckpointError
            If nothing of it counts; the same blocks must come again with the next one.
        """

    def close(self) -> None:
        """Let go of the broker, and of a transaction that is open."""


def writer_for(target: CheckpointTarget, settings: CheckpointSettings, transactions: bool) -> CheckpointWriter:
    """The writer that the broker allows."""
    if transactions:
        return TransactionalWriter(target, settings)
    return ManifestWriter(target, settings)


class _Producing:
    """A librdkafka producer that remembers what failed to arrive."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self.producer = Producer(dict(options), logger=_MUTE)
        self.failures: list[KafkaError] = []

    def put(self, topic: str, partition: int, record: KeyedRecord, timestamp_ms: int = 0) -> None:
        """Hand one record over, waiting while the client's queue is full."""
        while True:
            try:
                self.producer.produce(
                    topic,
                    key=record.key,
                    value=record.value,
                    partition=partition,
                    headers=list(record.headers),
                    timestamp=timestamp_ms,
                    on_delivery=self._delivered,
                )
                return
            except BufferError:
                self.producer.poll(_QUEUE_FULL_POLL_S)

    def close(self) -> None:
        """Forget what was not sent."""
        with suppress(KafkaException):  # a fenced producer refuses even that
            self.producer.purge()
            self.producer.flush(0)

    def _delivered(self, error: KafkaError | None, _: object) -> None:
        if error is not None:
            self.failures.append(error)


def _options(target: CheckpointTarget, settings: CheckpointSettings) -> dict[str, Any]:
    return target.kafka.librdkafka(
        acks="all",
        compression_type=settings.compression,
        message_max_bytes=MAX_MESSAGE_BYTES,
        batch_size=1_000_000,
        linger_ms=1,
        queue_buffering_max_kbytes=131_072,
    )


class TransactionalWriter:
    """Each checkpoint one Kafka transaction, under an id that the broker lets one producer hold."""

    def __init__(self, target: CheckpointTarget, settings: CheckpointSettings) -> None:
        self._target = target
        self._limit_s = settings.write_limit_s
        self._timeout_s = settings.transaction_timeout_s
        options = _options(target, settings) | {
            "transactional.id": target.transactional_id,
            "transaction.timeout.ms": int(self._timeout_s * 1000),
        }
        self._producing = _Producing(options)
        self._open = False

    def take_over(self) -> None:
        """See :class:`CheckpointWriter`."""
        self._call(lambda: self._producing.producer.init_transactions(self._limit_s))

    def write(self, outputs: Sequence[SendableRecord], blocks: Mapping[str, bytes | None], manifest: Manifest) -> None:
        """See :class:`CheckpointWriter`."""
        records, last = records_of(self._target.partition, blocks, manifest, claim="")
        try:
            self._call(self._producing.producer.begin_transaction)
            self._open = True
            for output in outputs:
                self._put(output.topic, output.partition, output.record, output.timestamp_ms)
            for record in (*records, last):
                self._put(self._target.topic, self._target.partition, record)
        except FencedError:
            self._open = False
            raise
        except CheckpointError:
            self._abort()
            raise
        self._commit()

    def _put(self, topic: str, partition: int, record: KeyedRecord, timestamp_ms: int = 0) -> None:
        self._call(lambda: self._producing.put(topic, partition, record, timestamp_ms))

    def _commit(self) -> None:
        """Commit, as often as it takes: once it has begun, only its own answer says whether it counts."""
        deadline = time.monotonic() + self._limit_s
        while True:
            try:
                self._producing.producer.commit_transaction(max(0.1, deadline - time.monotonic()))
            except KafkaException as failure:
                if self._may_go_on(failure.args[0], deadline):
                    continue
                raise _checkpoint_error(self._target, failure.args[0]) from failure
            self._open = False
            return

    def _may_go_on(self, error: KafkaError, deadline: float) -> bool:
        """Whether to ask again; an abort, where the broker wants one, is made here.

        Raises
        ------
        LostError
            If there will be no answer.
        """
        if error.code() in _FENCED:
            self._open = False
            return False
        if error.txn_requires_abort():
            self._abort()
            return False
        if error.retriable() and time.monotonic() < deadline:
            return True
        self._open = False
        raise LostError(f"{self._target.transactional_id}: no answer to a commit: {error.str()}")

    def _abort(self) -> None:
        if not self._open:
            return
        self._open = False
        try:
            self._producing.producer.abort_transaction(self._timeout_s)
        except KafkaException as failure:
            error = failure.args[0]
            if error.code() in _FENCED:
                raise _checkpoint_error(self._target, error) from failure
            raise LostError(f"{self._target.transactional_id}: no answer to an abort: {error.str()}") from failure

    def _call(self, action: Callable[[], None]) -> None:
        try:
            action()
        except KafkaException as error:
            raise _checkpoint_error(self._target, error.args[0]) from error

    def close(self) -> None:
        """See :class:`CheckpointWriter`."""
        try:
            self._abort()
        except CheckpointError as error:
            LOG.warning("an open transaction is left to its timeout", extra={"error": str(error)})
        self._producing.close()


class ManifestWriter:
    """Blocks, then the manifest, each awaited; a claim at the start tells the reader whom to believe."""

    def __init__(self, target: CheckpointTarget, settings: CheckpointSettings) -> None:
        self._target = target
        self._limit_s = settings.write_limit_s
        options = _options(target, settings) | {"max.in.flight": 1, "message.timeout.ms": int(self._limit_s * 1000)}
        self._producing = _Producing(options)
        self._claim = uuid4().hex

    def take_over(self) -> None:
        """See :class:`CheckpointWriter`."""
        self._put_all([claim_of(self._target.partition, self._claim)])

    def write(self, outputs: Sequence[SendableRecord], blocks: Mapping[str, bytes | None], manifest: Manifest) -> None:
        """See :class:`CheckpointWriter`; outputs go first, so that none is missing from a checkpoint that counts."""
        for output in outputs:
            self._producing.put(output.topic, output.partition, output.record, output.timestamp_ms)
        records, last = records_of(self._target.partition, blocks, manifest, self._claim)
        self._put_all(records)
        self._put_all([last])

    def _put_all(self, records: Sequence[KeyedRecord]) -> None:
        for record in records:
            try:
                self._producing.put(self._target.topic, self._target.partition, record)
            except KafkaException as error:
                raise _checkpoint_error(self._target, error.args[0]) from error
        left = self._producing.producer.flush(self._limit_s)
        failures, self._producing.failures = self._producing.failures, []
        if failures:
            raise _checkpoint_error(self._target, failures[0])
        if left:
            raise CheckpointError(f"the broker did not take the checkpoint of {self._target.transactional_id} in time")

    def close(self) -> None:
        """See :class:`CheckpointWriter`."""
        self._producing.close()


def _checkpoint_error(target: CheckpointTarget, error: KafkaError) -> CheckpointError:
    if error.code() in _FENCED:
        return FencedError(f"{target.transactional_id} has a newer owner")
    return CheckpointError(f"the checkpoint of {target.transactional_id} was not written: {error.str()}")
