"""What the topics say of objectives now, by partition: one place for both ways out to Prometheus."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from integrations.project.sink import Partition, Record
from integrations.telemetry import Telemetry
from schemas.errors import MetricsAIError, NewerVersionError
from schemas.events import Priority
from schemas.slo_events import SloAlert, SloStatus
from schemas.topics import SLO_ALERTS, SLO_STATUS

TOPICS: Final = (SLO_STATUS, SLO_ALERTS)
_STAGE: Final = "project"
# As far as Prometheus looks back.
_LEAST_SILENCE_MS: Final = 5 * 60_000
_MISSED: Final = 3


def silence_ms(status_every_s: float) -> int:
    """After how much event time without a status an objective counts as gone, where others are told of.

    Examples
    --------
    >>> silence_ms(5), silence_ms(600)
    (300000, 1800000)
    """
    return max(_LEAST_SILENCE_MS, round(_MISSED * status_every_s * 1000))


class Reading(NamedTuple):
    """A status that was read, or that an objective is gone.

    Parameters
    ----------
    key
        Tenant and name of the objective.
    partition
        Where it was read.
    status
        None where it is gone.
    """

    key: str
    partition: Partition
    status: SloStatus | None


class SloReadings:
    """Reads records of ``slo.status`` and ``slo.alerts``; keeps what statuses do not say: priorities of alerts.

    An alert's priority is kept when the alert ends, since the status that tells of it comes on another topic, maybe
    later.

    Parameters
    ----------
    telemetry
        Counts what cannot be read.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry
        self._priorities: dict[Partition, dict[str, dict[str, Priority]]] = {}

    def take(self, records: Sequence[Record]) -> Iterator[Reading]:
        """The statuses among records, in their order; alerts are taken first, whatever their place."""
        for record in records:
            if record.topic == SLO_ALERTS.name and record.value:
                self._alert(record, record.value)
        for record in records:
            if record.topic == SLO_STATUS.name and (reading := self._status(record)) is not None:
                yield reading

    def priorities(self, key: str) -> Mapping[str, Priority]:
        """Of an objective's alerts, by their names, as far as they are known."""
        return next((found[key] for found in self._priorities.values() if key in found), {})

    def revoked(self, partitions: Collection[Partition]) -> None:
        """Forget what was read there."""
        for one in partitions:
            self._priorities.pop(one, None)

    def _alert(self, record: Record, value: bytes) -> None:
        try:
            alert = SloAlert.from_bytes(value)
        except MetricsAIError as error:
            self._reject(record, error)
            return
        of_partition = self._priorities.setdefault((record.topic, record.partition), {})
        of_partition.setdefault(f"{alert.tenant}/{alert.slo}", {})[alert.alert] = alert.priority

    def _reject(self, record: Record, error: MetricsAIError) -> None:
        reason = "newer_version" if isinstance(error, NewerVersionError) else "not_readable"
        self._telemetry.rejected.labels(_STAGE, record.topic, reason).inc()

    def _status(self, record: Record) -> Reading | None:
        partition = (record.topic, record.partition)
        if not record.value:
            key = (record.key or b"").decode(errors="replace")
            for found in self._priorities.values():
                found.pop(key, None)
            return Reading(key, partition, None)
        try:
            status = SloStatus.from_bytes(record.value)
        except MetricsAIError as error:
            self._reject(record, error)
            return None
        return Reading(status.key, partition, status)
