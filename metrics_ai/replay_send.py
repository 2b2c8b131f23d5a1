"""A recording sent to a broker, as producers would: native JSON, or a capture's raw records."""

from __future__ import annotations

import binascii
import gzip
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import numpy as np
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from integrations.formats.capture import CAPTURE_HINT
from integrations.kafka.admin import ANSWER_S, describe_topics, is_embedded, list_topics
from integrations.kafka.connection import KafkaSettings
from metrics_ai.config import Config
from metrics_ai.recordings import RecordingOptions, RecordingReader
from metrics_ai.replay import ReplayProgress, file_size
from schemas.batch import SampleBatch
from schemas.errors import BrokerError, ConfigurationError
from schemas.topics import ANOMALIES, SAMPLES

DELIVERY_TIMEOUT_S: Final = 60.0
_NATIVE: Final = "native"
_TELL_EVERY: Final = 1000

Record = tuple[bytes | None, bytes, int]
"""Key, value, timestamp in milliseconds (-1 for none)."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a recording.

    Parameters
    ----------
    records
        How many went.
    skipped, rejected
        What did not, by reason.
    told
        The first that were rejected, as sentences.
    expiring
        Topics whose retention is over for samples as old as the oldest, with it in ms.
    """

    records: int
    skipped: Mapping[str, int]
    rejected: Mapping[str, int]
    told: Sequence[str] = ()
    expiring: Mapping[str, int] = field(default_factory=dict)


class _Captured(msgspec.Struct):
    value_base64: str | None
    timestamp_ms: int = -1
    key: str | None = None


def send(
    files: Sequence[Path],
    options: RecordingOptions,
    config: Config,
    topic: str | None = None,
    progress: Callable[[ReplayProgress], None] | None = None,
    *,
    timeout_s: float = DELIVERY_TIMEOUT_S,
) -> Sent:
    """Send recordings to the configured broker.

    Parameters
    ----------
    files, options
        As for ``replay``. Captures go as they are, on the topic that is configured for their format; all else as
        native JSON keyed by entity, so that a series keeps its order.
    config
        Broker and sources.
    topic
        Where to; by default the first configured source of the format.
    progress
        Called now and then, and at the end; its samples are records.
    timeout_s
        How long a record may take to be delivered.

    Raises
    ------
    BrokerError
        If a record was not delivered.
    ConfigurationError, MachineError
        If no source is configured for the format, the topic's source takes another one, the recording holds histograms
        that native JSON cannot say, or a file cannot be read.
    """
    sizes = [file_size(path) for path in files]
    targets = [_target(config, path, options, topic) for path in files]
    list_topics(config.kafka, ANSWER_S)  # a broker that is away is said at once
    sender = _Sender(config.kafka, timeout_s)
    reader = RecordingReader(options, config.tenant, dict(config.ingest.identity.items()))

    def tell(done_bytes: int) -> None:
        if progress:
            progress(ReplayProgress(done_bytes=done_bytes, total_bytes=sum(sizes), samples=sender.count))

    for at, (path, target) in enumerate(zip(files, targets, strict=True)):
        captured = options.format_of(path) == "capture"
        records = _captured_records(path) if captured else _native_records(path, reader)
        for (key, value, timestamp_ms), done_bytes in records:
            sender.produce(target, key, value, timestamp_ms)
            if not sender.count % _TELL_EVERY:
                tell(sum(sizes[:at]) + done_bytes)
    sender.flush()
    tell(sum(sizes))
    tally = reader.tally
    return Sent(
        sender.count,
        dict(sorted(tally.skipped.items())),
        dict(sorted(tally.rejected.items())),
        tuple(tally.told),
        _expiring(config.kafka, set(targets), sender.oldest_ms),
    )


def _expiring(kafka: KafkaSettings, sources: set[str], oldest_ms: int | None) -> dict[str, int]:
    """Where the broker may delete what was sent, or what is made of it, before it is read.

    Apache Kafka's retention goes by a record's time, which is its sample's.
    """
    if oldest_ms is None or is_embedded(kafka):  # the embedded broker keeps everything
        return {}
    states = describe_topics(kafka, [*sources, kafka.topic(SAMPLES), kafka.topic(ANOMALIES)])
    kept = {name: int(state.config.get("retention.ms", -1)) for name, state in sorted(states.items())}
    age_ms = time.time() * 1000 - oldest_ms
    return {name: retention_ms for name, retention_ms in kept.items() if 0 <= retention_ms < age_ms}


class _Sender:
    """An idempotent producer that fails at the first record that was not delivered."""

    def __init__(self, kafka: KafkaSettings, timeout_s: float) -> None:
        self.count = 0
        self.oldest_ms: int | None = None
        self._timeout_s = timeout_s
        self._error: KafkaError | None = None
        self._producer = Producer(
            kafka.librdkafka(
                linger_ms=50,
                compression_type="lz4",
                message_timeout_ms=int(timeout_s * 1000),
                enable_idempotence=True,
                log_level=0,
            )
        )

    def produce(self, topic: str, key: bytes | None, value: bytes, timestamp_ms: int) -> None:
        """Queue a record; waits while the queue is full."""
        known_time: dict[str, Any] = {"timestamp": timestamp_ms} if timestamp_ms >= 0 else {}
        while True:
            try:
                self._producer.produce(topic, value, key=key, on_delivery=self._delivered, **known_time)
                break
            except BufferError:
                self._producer.poll(0.1)
            except KafkaException as error:
                raise BrokerError(f"{topic}: {error}") from error
        self.count += 1
        if timestamp_ms >= 0:
            self.oldest_ms = timestamp_ms if self.oldest_ms is None else min(self.oldest_ms, timestamp_ms)
        self._producer.poll(0)
        self._check()

    def flush(self) -> None:
        """Wait until all is delivered."""
        left = self._producer.flush(self._timeout_s + 5)
        self._check()
        if left:
            raise BrokerError(f"{left} records were not delivered within {self._timeout_s:g} s", "Is the broker up?")

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        self._error = self._error or error

    def _check(self) -> None:
        if self._error is not None:
            raise BrokerError(f"a record was not delivered: {self._error.str()}", "Check broker and topic")


def _target(config: Config, path: Path, options: RecordingOptions, topic: str | None) -> str:
    """Where a file's records go."""
    captured = options.format_of(path) == "capture"
    sent = options.source_format if captured else _NATIVE
    if topic is None:
        return _topic_of(config, sent)
    taken = [source.format for source in config.ingest.sources if source.topic == topic]
    if taken and sent not in taken:
        if captured:
            raise ConfigurationError(
                f"topic {topic} takes {taken[0]}, and {path} is said to hold {sent}",
                f"Give --source-format {taken[0]} if it does, or another --topic",
            )
        raise ConfigurationError(
            f"topic {topic} takes {taken[0]}, and {path} would be sent as {sent} JSON",
            f"Leave --topic out: it goes to {_topic_of(config, sent)}. Only a capture is sent as it is",
        )
    return topic


def _topic_of(config: Config, source_format: str) -> str:
    for source in config.ingest.sources:
        if source.format == source_format:
            return source.topic
    raise ConfigurationError(f"no source of format {source_format} is configured", "Name the topic")


def _captured_records(path: Path) -> Iterator[tuple[Record, int]]:
    """Records, and how much of the file was read."""
    decode = msgspec.json.Decoder(_Captured).decode
    with path.open("rb") as raw:
        lines: IO[bytes] = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw  # type: ignore[assignment]
        for number, line in enumerate(_read(lines, path), 1):
            if not line.strip():
                continue
            try:
                record = decode(line)
                value = binascii.a2b_base64(record.value_base64 or "")
            except (msgspec.DecodeError, binascii.Error, ValueError) as error:
                raise ConfigurationError(f"{path}:{number}: not a captured record: {error}", CAPTURE_HINT) from error
            yield (None if record.key is None else record.key.encode(), value, record.timestamp_ms), raw.tell()


def _read(lines: Iterable[bytes], path: Path) -> Iterator[bytes]:
    try:
        yield from lines
    except (OSError, EOFError) as error:
        raise ConfigurationError(f"cannot read {path}: {error}", "Name a file that can be read") from error


def _native_records(path: Path, reader: RecordingReader) -> Iterator[tuple[Record, int]]:
    for piece in reader.read([path]):
        if piece.batch is None:
            continue
        if piece.batch.is_histogram:
            raise ConfigurationError(f"{path}: histograms cannot be sent as native JSON", "Send them as a capture")
        for record in native_records(piece.batch):
            yield record, piece.done_bytes


def native_records(batch: SampleBatch) -> Iterator[Record]:
    """A batch's samples as native JSON, one a record, keyed by entity."""
    described = []
    for at in range(len(batch.series_ids)):
        series = batch.series_at(at)
        about = {"labels": dict(series.labels), "metric": series.metric, "type": series.type, "unit": series.unit}
        described.append((series.entity.encode(), msgspec.json.encode(about)[:-1]))
    # A number would be read as seconds in the first years after the epoch.
    times = np.datetime_as_string(batch.timestamp_ms.astype("datetime64[ms]"), timezone="UTC").tolist()
    rows = zip(batch.series.tolist(), times, batch.timestamp_ms.tolist(), batch.value.tolist(), strict=True)
    for at, moment, timestamp_ms, value in rows:
        key, about_json = described[at]
        sample = b'%s,"value":%s,"timestamp":"%s"}' % (about_json, msgspec.json.encode(value), moment.encode())
        yield key, sample, timestamp_ms
