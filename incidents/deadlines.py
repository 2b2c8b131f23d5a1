"""What falls due as time passes: incidents resolve, alerts end by themselves, are given up, and are forgotten."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from incidents.alerts import AlertRecord
from incidents.incident import IncidentRecord
from incidents.lifecycle import LIVING
from incidents.settings import CorrelationHistory, DecideSettings

Due = list[tuple[int, str]]
"""A heap of times with what is due then. An entry may be out of date: who takes it looks again."""


class Deadlines:
    """The deadlines of one partition; a function of its alerts and incidents, so they are no part of its blocks.

    Parameters
    ----------
    settings
        How long alerts are waited for and kept.
    history
        How long an incident must be quiet.
    """

    def __init__(self, settings: DecideSettings, history: CorrelationHistory) -> None:
        self.retention_ms = round(settings.retention_s * 1000)
        self._abandon_after_ms = round(settings.abandon_after_s * 1000)
        self._no_data_hold_ms = round(settings.no_data_hold_s * 1000)
        self._history = history
        self._resolves: Due = []
        self._silences: Due = []
        self._expiries: Due = []
        self._ends: Due = []

    @property
    def next_resolve_ms(self) -> int | None:
        """When an incident may next resolve; None while none waits for it."""
        return self._resolves[0][0] if self._resolves else None

    def resolve_after_ms(self, incident: IncidentRecord) -> int:
        """How long an incident must have been quiet."""
        return self._history.at(incident.last_end_ms or 0).resolve_after_ms

    def await_quiet(self, incident: IncidentRecord) -> None:
        """Look at an incident again once it may resolve."""
        if incident.state in LIVING and not incident.members.firing and incident.last_end_ms is not None:
            due_ms = incident.last_end_ms + self.resolve_after_ms(incident)
            heapq.heappush(self._resolves, (due_ms, incident.id))

    def watch(self, record: AlertRecord) -> None:
        """Look at an alert again once it ends by itself, is to be given up, if it ever is, or forgotten."""
        if record.latest.due_ms is not None:
            heapq.heappush(self._ends, (self.due_ms(record), record.key))
            return
        if record.ended_ms is None and not record.latest.falls_silent:
            return
        due = self._silences if record.ended_ms is None else self._expiries
        heapq.heappush(due, (self.due_ms(record), record.key))

    def due_ms(self, record: AlertRecord) -> int:
        """When an alert ends by itself, is given up, or is forgotten."""
        latest = record.latest
        if record.ended_ms is not None:
            return record.ended_ms + self.retention_ms
        if latest.due_ms is not None:
            return latest.due_ms
        return latest.at_ms + (self._no_data_hold_ms if latest.silent else self._abandon_after_ms)

    def resolves(self, at_ms: int) -> Iterator[str]:
        """Ids of incidents that may resolve by a time."""
        return _until(self._resolves, at_ms)

    def silences(self, at_ms: int) -> Iterator[str]:
        """Keys of alerts that may be given up by a time."""
        return _until(self._silences, at_ms)

    def expiries(self, at_ms: int) -> Iterator[str]:
        """Keys of alerts that may be forgotten by a time."""
        return _until(self._expiries, at_ms)

    def ends(self, at_ms: int) -> Iterator[str]:
        """Keys of alerts that may end by themselves by a time, or that ended so and may be forgotten."""
        return _until(self._ends, at_ms)


def _until(due: Due, at_ms: int) -> Iterator[str]:
    """What is due, those that become so meanwhile included."""
    while due and due[0][0] <= at_ms:
        yield heapq.heappop(due)[1]
