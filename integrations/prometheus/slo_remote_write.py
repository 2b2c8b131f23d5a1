"""How objectives stand, written to Prometheus or whatever speaks its remote write."""

from __future__ import annotations

import bisect
import logging
import time
from array import array
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from integrations.project.sink import Partition, Record, SinkError
from integrations.prometheus.remote_write_client import (
    RemoteWriteAwayError,
    RemoteWriteClient,
    RemoteWriteRefusedError,
)
from integrations.prometheus.remote_write_wire import STALE, request_bytes, sample_bytes, series_bytes
from integrations.prometheus.slo_readings import TOPICS, Reading, SloReadings, silence_ms
from integrations.prometheus.slo_samples import Labels, slo_samples
from integrations.telemetry import Telemetry
from schemas.slo_events import SloStatus
from schemas.topics import Topic
from slo.remote_write_settings import RemoteWriteSettings

LOG = logging.getLogger("metrics_ai.project.slo_remote_write")
_FLUSH_S: Final = 5.0
# A flush gives way after so long, lest the sink seem dead; what is left is sent by the next.
_BUSY_S: Final = 10.0
# Of these an answer may be the fault of one sample among many.
_SPLIT_AT: Final = frozenset({400, 409, 413, 422})
PROBE: Final = "metrics_ai_remote_write_probe"
"""A series that exists where we had to ask how old a sample may be."""


class _Unit(NamedTuple):
    """Samples of one objective at one time: they are taken or refused together."""

    partition: Partition
    at_ms: int
    series: tuple[bytes, ...]
    values: array[float]

    def samples(self) -> list[bytes]:
        pairs = zip(self.series, self.values, strict=True)
        return [sample_bytes(series, value, self.at_ms) for series, value in pairs]


@dataclass(slots=True)
class _Known:
    """An objective whose series are written."""

    partition: Partition
    tenant: str
    seen_ms: int
    silence_ms: int = 0
    written_ms: int = -1
    series: dict[tuple[str, Labels], bytes] = field(default_factory=dict)


class SloRemoteWrite:
    """The sink that writes samples at the event time of statuses, those of a series in their order.

    Of an objective one status is written each ``every_s`` of event time. A series that is told no longer, and all of an
    objective that is gone, end with a stale marker. What the far end cannot take now stays here and its offsets stay
    uncommitted; what it refuses is counted, and said once.

    Parameters
    ----------
    settings
        Where to, and how often.
    telemetry
        Counts what is written and refused.
    status_every_s
        How often a status is told (``slo.status_every_s``), of long slices each of them: an objective that is silent
        for three times that, while others of its tenant are told of, is gone.
    client
        One of ``settings`` where absent.
    clock
        Monotonic seconds.
    """

    name = "slo-remote-write"
    topics: tuple[Topic, ...] = TOPICS

    def __init__(
        self,
        settings: RemoteWriteSettings,
        telemetry: Telemetry,
        status_every_s: float = 5.0,
        client: RemoteWriteClient | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.flush_s = min(settings.every_s, _FLUSH_S)
        self._settings = settings
        self._every_ms = round(settings.every_s * 1000)
        self._telemetry = telemetry
        self._client = client or RemoteWriteClient(settings)
        self._clock = clock
        self._status_every_s = status_every_s
        self._readings = SloReadings(telemetry)
        self._known: dict[str, _Known] = {}
        self._newest_ms: dict[str, int] = {}
        self._pending: deque[_Unit] = deque()
        self._not_before = 0.0
        self._refused: set[int] = set()
        for outcome in ("written", "refused"):  # a counter that is born above 0 shows no increase
            telemetry.remote_write_samples.labels(self.name, outcome)
        self._probe = series_bytes(PROBE, (), settings.external_labels)

    def take(self, records: Sequence[Record]) -> None:
        """Queue what is to be written."""
        for reading in self._readings.take(records):
            if reading.status is None:
                self._end(reading.key)
            else:
                self._status(reading, reading.status)
        self._end_silent()

    def flush(self) -> None:
        """Write all that is queued.

        Raises
        ------
        SinkError
            If the far end is away, or asked for time, or more waits than can be sent at once.
        """
        started = self._clock()
        if self._pending and started < self._not_before:
            raise SinkError(f"remote write: the far end asked for {self._not_before - started:.0f} s more")
        while self._pending:
            try:
                self._send(self._batch())
            except RemoteWriteAwayError as error:
                self._telemetry.remote_write_retries.labels(self.name, error.reason).inc()
                self._not_before = self._clock() + (error.wait_s or 0.0)
                raise SinkError(error.what, error.way_out) from error
            if self._pending and self._clock() - started > _BUSY_S:
                raise SinkError(f"remote write has {len(self._pending)} statuses left to send")

    def assigned(self, partitions: Collection[Partition]) -> None:
        """Nothing is known of them yet."""

    def revoked(self, partitions: Collection[Partition]) -> None:
        """Forget them; their series go on elsewhere, so nothing ends here. It may be for good, so hang up."""
        gone = set(partitions)
        self._client.close()
        self._known = {key: one for key, one in self._known.items() if one.partition not in gone}
        self._pending = deque(one for one in self._pending if one.partition not in gone)
        tenants = {one.tenant for one in self._known.values()}
        self._newest_ms = {tenant: at_ms for tenant, at_ms in self._newest_ms.items() if tenant in tenants}

    def _status(self, reading: Reading, status: SloStatus) -> None:
        at_ms, partition = status.at_ms, reading.partition
        self._newest_ms[status.tenant] = max(at_ms, self._newest_ms.get(status.tenant, 0))
        known = self._known.setdefault(reading.key, _Known(partition, status.tenant, at_ms))
        known.seen_ms = max(known.seen_ms, at_ms)
        known.silence_ms = silence_ms(self._status_every_s, status.slice_s)
        if at_ms // self._every_ms <= known.written_ms // self._every_ms:
            return
        known.written_ms = at_ms
        before, known.series, values = known.series, {}, array("d")
        for name, labels, value in slo_samples(status):
            series = before.pop((name, labels), None)
            external = self._settings.external_labels
            known.series[name, labels] = series_bytes(name, labels, external) if series is None else series
            values.append(value)
        values.extend(STALE for _ in before)
        self._pending.append(_Unit(partition, at_ms, (*known.series.values(), *before.values()), values))

    def _end(self, key: str) -> None:
        known = self._known.pop(key, None)
        if known is None or not known.series:
            return
        values = array("d", [STALE] * len(known.series))
        # Just after the last sample: that is since when nothing is said.
        self._pending.append(_Unit(known.partition, known.written_ms + 1, tuple(known.series.values()), values))

    def _end_silent(self) -> None:
        known = self._known.items()
        silent = [key for key, one in known if one.seen_ms < self._newest_ms[one.tenant] - one.silence_ms]
        for key in silent:
            self._end(key)

    def _batch(self) -> list[_Unit]:
        """The oldest units, as many as a request may have samples; one at least."""
        batch: list[_Unit] = []
        samples = 0
        for unit in self._pending:
            samples += len(unit.series)
            if batch and samples > self._settings.max_samples:
                break
            batch.append(unit)
        return batch

    def _send(self, units: Sequence[_Unit], is_half: bool = False) -> None:
        """Have the oldest units taken or refused; where one may be at fault for many, they are tried in halves.

        Prometheus takes nothing of a request in which it refuses one sample, such as one that comes again:
        https://github.com/prometheus/prometheus/blob/main/storage/remote/write_handler.go
        """
        try:
            with self._telemetry.remote_write_seconds.labels(self.name).time():
                self._client.send(request_bytes(one for unit in units for one in unit.samples()))
        except RemoteWriteRefusedError as error:
            if len(units) > 1 and error.status in _SPLIT_AT:
                if not is_half and _is_too_old(error) and self._drop_too_old():
                    return
                middle = len(units) // 2
                self._send(units[:middle], is_half=True)
                self._send(units[middle:], is_half=True)
                return
            self._note(error)
            self._done(units, "refused")
        else:
            self._done(units, "written")

    def _drop_too_old(self) -> bool:
        """Let go of all that is older than the far end takes; whether that was any.

        Prometheus' bound holds for all series, and is not told: a series of its own finds it, in a few requests.
        """
        times = sorted({one.at_ms for one in self._pending})
        taken = bisect.bisect_left(times, True, key=self._is_in_bounds)
        bound_ms = times[taken] if taken < len(times) else times[-1] + 1
        old = [one for one in self._pending if one.at_ms < bound_ms]
        self._pending = deque(one for one in self._pending if one.at_ms >= bound_ms)
        self._count(old, "refused")
        return bool(old)

    def _is_in_bounds(self, at_ms: int) -> bool:
        try:
            self._client.send(request_bytes([sample_bytes(self._probe, 1.0, at_ms)]))
        except RemoteWriteRefusedError as error:
            return not _is_too_old(error)
        return True

    def _done(self, units: Sequence[_Unit], outcome: str) -> None:
        self._count(units, outcome)
        for _ in units:
            self._pending.popleft()

    def _count(self, units: Sequence[_Unit], outcome: str) -> None:
        samples = sum(len(one.series) for one in units)
        self._telemetry.remote_write_samples.labels(self.name, outcome).inc(samples)

    def _note(self, error: RemoteWriteRefusedError) -> None:
        if error.status not in self._refused:
            self._refused.add(error.status)
            LOG.warning("refused; later ones of this status are only counted", extra={"error": str(error)})


def _is_too_old(error: RemoteWriteRefusedError) -> bool:
    """Whether it lies before what the far end takes of any series, in the words of Prometheus."""
    return "out of bounds" in error.said and "future" not in error.said
