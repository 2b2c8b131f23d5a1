"""Which alerts belong together: relations of entity, signal and event time, found through sorted starts.

Two alerts of a tenant are related if they are of one entity and start within ``entity_window_s`` of each other, or
of one signal (metric) and start within ``signal_window_s``; the windows are those in force when the later one
started, ends included. An incident is a connected component. Where one window holds all around an alert, its
neighbours on the line of starts stand for all others (whoever is in reach is chained to a neighbour), so joining
costs a search, not a scan.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from incidents.alerts import AlertRecord
from incidents.settings import CorrelationHistory

_entity_window_ms = attrgetter("entity_window_ms")
_signal_window_ms = attrgetter("signal_window_ms")

Starts = list[tuple[int, str]]
"""Starts in milliseconds with the alerts' keys, sorted."""


@dataclass(slots=True)
class RelationIndex:
    """The starts of all alerts that correlate, by tenant and entity, and by tenant and signal."""

    _entities: dict[tuple[str, str], Starts] = field(default_factory=dict)
    _signals: dict[tuple[str, str], Starts] = field(default_factory=dict)

    def add(self, record: AlertRecord) -> None:
        """Take an alert in, once."""
        for lines, line in self._lines(record):
            bisect.insort(lines.setdefault(line, []), (record.started_ms, record.key))

    def discard(self, record: AlertRecord) -> None:
        """Forget an alert."""
        for lines, line in self._lines(record):
            starts = lines[line]
            del starts[bisect.bisect_left(starts, (record.started_ms, record.key))]
            if not starts:
                del lines[line]

    def related(self, record: AlertRecord, history: CorrelationHistory) -> list[str]:
        """Keys of alerts that it is related to; of those that are chained to each other, some."""
        found: dict[str, None] = {}
        at = (record.started_ms, record.key)
        for lines, line in self._lines(record):
            window_ms = _entity_window_ms if lines is self._entities else _signal_window_ms
            for start_ms, key in _in_reach(lines.get(line, []), at, history):
                later_ms = max(start_ms, record.started_ms)
                if abs(start_ms - record.started_ms) <= window_ms(history.at(later_ms)):
                    found[key] = None
        return list(found)

    def _lines(self, record: AlertRecord) -> Iterator[tuple[dict[tuple[str, str], Starts], tuple[str, str]]]:
        yield self._entities, (record.tenant, record.identity.place)
        yield self._signals, (record.tenant, record.identity.signal)


def _in_reach(starts: Starts, at: tuple[int, str], history: CorrelationHistory) -> Starts:
    """The neighbours of a start; where settings change around it, all starts that any window reaches."""
    low, high = at[0] - history.widest_ms, at[0] + history.widest_ms
    if history.is_steady(low, high):
        after = bisect.bisect_right(starts, at)
        before = bisect.bisect_left(starts, at)
        return starts[max(0, before - 1) : before] + starts[after : after + 1]
    first = bisect.bisect_left(starts, (low, ""))
    last = bisect.bisect_left(starts, (high + 1, ""))
    return [start for start in starts[first:last] if start != at]
