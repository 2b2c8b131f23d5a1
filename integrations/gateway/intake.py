"""The decoding half of the gateway: messages of a source become samples that wait for their batch."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
from confluent_kafka import Message

from integrations.formats import Decoded, Decoder, FormatOptions, Recogniser, SeriesTable, decoder_for
from integrations.gateway.batcher import EncodedBatch, OutputTopic, TenantBatcher
from integrations.gateway.records import RecordTimes, by_tenant
from integrations.gateway.settings import TENANT_PATTERN, IngestSettings, SourceSettings
from integrations.telemetry import Telemetry
from schemas.batch import SourceRange

Reject = Callable[[Message, str, str], None]
"""Message, reason, detail."""
MakeDecoder = Callable[[str, FormatOptions], Decoder]
STAGE: Final = "ingest"
_TENANT: Final = re.compile(TENANT_PATTERN)


class Intake:
    """Decodes by source and tenant.

    Parameters
    ----------
    settings
        The gateway's.
    output
        The output topic.
    telemetry
        Counts what comes in, is skipped and is rejected.
    clock
        Seconds since the epoch.
    reject
        Takes messages that cannot be read.
    make_decoder
        Makes the decoder of a format; it never raises on what the bytes are.

    Raises
    ------
    ConfigurationError
        If a source has a format that does not exist.
    """

    def __init__(
        self,
        settings: IngestSettings,
        output: OutputTopic,
        telemetry: Telemetry,
        clock: Callable[[], float],
        reject: Reject,
        make_decoder: MakeDecoder = decoder_for,
    ) -> None:
        self._settings = settings
        self._output = output
        self._telemetry = telemetry
        self._clock = clock
        self._reject_message = reject
        self._recogniser = Recogniser({str(name): labels for name, labels in settings.identity.items()})
        self._sources = {source.topic: source for source in settings.sources}
        self._decoders: dict[str, Decoder] = {
            source.topic: make_decoder(source.format, source.options) for source in settings.sources
        }
        self._batchers: dict[str, TenantBatcher] = {}

    @property
    def waiting(self) -> int:
        """Samples that wait for their batch."""
        return sum(batcher.waiting for batcher in self._batchers.values())

    @property
    def series_count(self) -> int:
        """Series known by name."""
        return sum(len(batcher.table) for batcher in self._batchers.values())

    def read(self, topic: str, messages: list[Message]) -> None:
        """Take in messages of one source, in their order."""
        self._telemetry.records.labels(STAGE, topic).inc(len(messages))
        source = self._sources[topic]
        if source.tenant_header is None:
            self._read_tenant(source, source.tenant, messages)
            return
        for tenant, theirs in by_tenant(messages, source.tenant_header, source.tenant).items():
            if _TENANT.fullmatch(tenant):
                self._read_tenant(source, tenant, theirs)
            else:
                for message in theirs:
                    self._reject(message, "bad_tenant", f"header {source.tenant_header}: {tenant[:100]!r}")

    def take(self, source: tuple[SourceRange, ...]) -> Iterator[EncodedBatch]:
        """Everything that waits, as messages."""
        for batcher in self._batchers.values():
            if batcher.waiting:
                yield from batcher.take(source)
        if self.series_count > self._settings.max_series:
            # Names that churn would fill the memory; those in use are learned again at once.
            self._batchers.clear()
        self._telemetry.series.labels(STAGE, "").set(self.series_count)

    def _read_tenant(self, source: SourceSettings, tenant: str, messages: list[Message]) -> None:
        values = [one.value() for one in messages]
        if not all(values):
            messages = self._without_empty(messages)
            values = [one.value() for one in messages]
        if not values:
            return
        batcher = self._batcher(tenant)
        decoded = self._decoders[source.topic].decode(values, RecordTimes(messages), batcher.table)
        for reason, count in decoded.skipped.items():
            self._telemetry.skipped.labels(STAGE, source.topic, reason).inc(count)
        for event, count in decoded.noted.items():
            self._telemetry.noted.labels(STAGE, event).inc(count)
        for rejection in decoded.rejections:
            self._reject(messages[rejection.record], rejection.reason, rejection.detail)
        decoded = self._without_future(decoded, messages)
        self._telemetry.samples.labels(STAGE).inc(len(decoded) + len(decoded.histograms))
        batcher.add(decoded)

    def _batcher(self, tenant: str) -> TenantBatcher:
        found = self._batchers.get(tenant)
        if found is None:
            table = SeriesTable(tenant, self._recogniser)
            found = self._batchers[tenant] = TenantBatcher(
                table, self._output.partitions, self._settings.batch_samples, self._output.max_batch_bytes
            )
        return found

    def _without_empty(self, messages: list[Message]) -> list[Message]:
        kept = []
        for message in messages:
            value = message.value()
            if value:
                kept.append(message)
            elif value is None:
                self._reject(message, "tombstone", "a record without a value")
            else:
                self._reject(message, "empty", "a value of no bytes")
        return kept

    def _without_future(self, decoded: Decoded, messages: list[Message]) -> Decoded:
        """Drop samples too far ahead of the clock; their records count as rejected, the rest of them is kept."""
        now_ms = self._clock() * 1000
        limit_ms = now_ms + self._settings.future_limit_s * 1000
        ahead = decoded.timestamp_ms > limit_ms
        late_points = [one for one in decoded.histograms if one.timestamp_ms > limit_ms]
        if not ahead.any() and not late_points:
            return decoded
        times = {
            int(record): int(at) for record, at in zip(decoded.record[ahead], decoded.timestamp_ms[ahead], strict=True)
        }
        times |= {one.record: one.timestamp_ms for one in late_points}
        already = {rejection.record for rejection in decoded.rejections}
        for record in sorted(times.keys() - already):
            self._reject(messages[record], "future_timestamp", f"{(times[record] - now_ms) / 1000:.0f} s ahead")
        kept = np.flatnonzero(~ahead)
        return Decoded(
            decoded.series[kept],
            decoded.timestamp_ms[kept],
            decoded.value[kept],
            decoded.record[kept],
            [one for one in decoded.histograms if one.timestamp_ms <= limit_ms],
        )

    def _reject(self, message: Message, reason: str, detail: str) -> None:
        self._telemetry.rejected.labels(STAGE, message.topic(), reason).inc()
        self._reject_message(message, reason, detail)
