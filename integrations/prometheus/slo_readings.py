"""What the topic says of objectives now, by partition: one place for both ways out to Prometheus."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from integrations.project.sink import Partition, Record
from integrations.telemetry import Telemetry
from schemas.errors import MetricsAIError, NewerVersionError
from schemas.slo_events import SloStatus
from schemas.topics import SLO_STATUS, Topic

TOPICS: Final[tuple[Topic, ...]] = (SLO_STATUS,)
_STAGE: Final = "project"
# As far as Prometheus looks back.
_LEAST_SILENCE_MS: Final = 5 * 60_000
_MISSED: Final = 3


def silence_ms(status_every_s: float, slice_s: int | None) -> int:
    """After how much event time without a status an objective counts as gone, where others are told of.

    Of long slices it is told once each of them closes.

    Examples
    --------
    >>> silence_ms(5, 5), silence_ms(600, 60), silence_ms(5, 900)
    (300000, 1800000, 2700000)
    """
    return max(_LEAST_SILENCE_MS, round(_MISSED * max(status_every_s, slice_s or 0) * 1000))


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
    """Reads records of ``slo.status``.

    Parameters
    ----------
    telemetry
        Counts what cannot be read.
    """

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    def take(self, records: Sequence[Record]) -> Iterator[Reading]:
        """The statuses among records, in their order."""
        for record in records:
            if (reading := self._status(record)) is not None:
                yield reading

    def _status(self, record: Record) -> Reading | None:
        partition = (record.topic, record.partition)
        if not record.value:
            return Reading((record.key or b"").decode(errors="replace"), partition, None)
        try:
            status = SloStatus.from_bytes(record.value)
        except MetricsAIError as error:
            reason = "newer_version" if isinstance(error, NewerVersionError) else "not_readable"
            self._telemetry.rejected.labels(_STAGE, record.topic, reason).inc()
            return None
        return Reading(status.key, partition, status)
