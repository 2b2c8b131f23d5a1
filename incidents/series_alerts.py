"""Alerts by the series that they are made of: what one tells of the others once a series fell silent.

A series that sends nothing any more is not well again. Its alert goes on until samples are known to have come: another
alert of the series that begins later tells so, and so does the end of the notice that it was missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from incidents.alerts import AlertRecord


@dataclass(slots=True)
class SeriesAlerts:
    """The alerts of each series of a partition; those that are made of no series are left out."""

    _records: dict[tuple[str, str], list[AlertRecord]] = field(default_factory=dict)

    def add(self, record: AlertRecord) -> None:
        """Know an alert."""
        series = record.latest.series
        if series is not None:
            self._records.setdefault((record.tenant, series), []).append(record)

    def discard(self, record: AlertRecord) -> None:
        """Forget an alert."""
        line = record.tenant, record.latest.series or ""
        if line in self._records:
            self._records[line] = [one for one in self._records[line] if one is not record]
            if not self._records[line]:
                del self._records[line]

    def of(self, tenant: str, series: str) -> list[AlertRecord]:
        """The alerts of a series, by start."""
        return sorted(self._records.get((tenant, series), ()), key=lambda one: one.started_ms)

    def told_by(self, record: AlertRecord) -> Iterator[AlertRecord]:
        """Alerts whose series fell silent, and of which one of the same series may tell: itself, or others."""
        for one in self._records.get((record.tenant, record.latest.series or ""), ()):
            if one.latest.silent or one.back_ms is not None:
                yield one

    def back_ms(self, record: AlertRecord) -> int | None:
        """When samples came again, by all that other alerts of its series tell; None if none says so, or it is well."""
        if not record.latest.silent:
            return None
        since_ms = record.latest.at_ms
        others = self._records.get((record.tenant, record.latest.series or ""), ())
        told = [one.latest.alive_ms for one in others if one is not record]
        return min((at_ms for at_ms in told if at_ms is not None and at_ms > since_ms), default=None)
