"""Which alerts belong together: relations of entity, signal, objective and event time, found through sorted starts.

Two alerts of a tenant are related if they are of one entity and start within ``entity_window_s`` of each other, or
of one signal (metric), of one cluster and one service, as far as labels name these, and start within
``signal_window_s``; the windows are those in force when the later one started, ends included. Two alerts of one
objective are related if one is known to have gone on when the other began: what each of them tells can only add to
that, so no order of arrival changes it. An objective's alert is related to alerts of the entities that spent its budget
that start within ``spender_window_s``; a symptom of a service to all that names the service and starts within
``cause_window_s``.

An incident is a connected component. Where one window holds all around an alert, its neighbours on the line of starts
stand for all others of its entity or signal (whoever is in reach is chained to a neighbour), so joining costs a search,
not a scan.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from operator import attrgetter

from incidents.alerts import AlertRecord
from incidents.services import ServiceLine, Starts
from incidents.settings import Correlation, CorrelationHistory

_entity_window_ms = attrgetter("entity_window_ms")
_signal_window_ms = attrgetter("signal_window_ms")
_spender_window_ms = attrgetter("spender_window_ms")

Line = tuple[str, str]
"""Tenant, and an entity, a signal or an objective."""
Window = Callable[[Correlation], int]


@dataclass(slots=True)
class RelationIndex:
    """The starts of all alerts that correlate, by tenant and entity, signal, who spent and service; objectives' too.

    Parameters
    ----------
    cause_window_ms
        How far a symptom of a service reaches.
    """

    cause_window_ms: int
    _entities: dict[Line, Starts] = field(default_factory=dict)
    _signals: dict[Line, Starts] = field(default_factory=dict)
    _spenders: dict[Line, Starts] = field(default_factory=dict)
    _objectives: dict[Line, dict[str, AlertRecord]] = field(default_factory=dict)
    _services: dict[Line, ServiceLine] = field(default_factory=dict)

    def add(self, record: AlertRecord) -> None:
        """Take an alert in; again, once more is known of it."""
        at = record.started_ms, record.key
        for lines, line in self._lines(record):
            starts = lines.setdefault(line, [])
            position = bisect.bisect_left(starts, at)
            if starts[position : position + 1] != [at]:
                starts.insert(position, at)
        if record.identity.service:
            line = record.tenant, record.identity.service
            self._services.setdefault(line, ServiceLine()).add(at, symptom=record.identity.symptom)
        if record.identity.objective is not None:
            self._objectives.setdefault((record.tenant, record.identity.objective), {})[record.key] = record

    def discard(self, record: AlertRecord) -> None:
        """Forget an alert."""
        for lines, line in self._lines(record):
            starts = lines[line]
            del starts[bisect.bisect_left(starts, (record.started_ms, record.key))]
            if not starts:
                del lines[line]
        if record.identity.service:
            service = self._services[record.tenant, record.identity.service]
            service.discard((record.started_ms, record.key), symptom=record.identity.symptom)
            if not service:
                del self._services[record.tenant, record.identity.service]
        if record.identity.objective is not None:
            line = record.tenant, record.identity.objective
            del self._objectives[line][record.key]
            if not self._objectives[line]:
                del self._objectives[line]

    def related(self, record: AlertRecord, history: CorrelationHistory) -> list[str]:
        """Keys of alerts that it is related to; of those that are chained to each other, some."""
        found: dict[str, None] = {}
        at = (record.started_ms, record.key)
        for starts, window_ms in self._reached(record, history):
            for start_ms, key in starts:
                later_ms = max(start_ms, record.started_ms)
                if key != record.key and abs(start_ms - at[0]) <= window_ms(history.at(later_ms)):
                    found[key] = None
        found.update(dict.fromkeys(self._of_its_objective(record)))
        service = self._services.get((record.tenant, record.identity.service))
        if service is not None:
            near = service.related(at, symptom=record.identity.symptom, window_ms=self.cause_window_ms)
            found.update(dict.fromkeys(near))
        found.pop(record.key, None)
        return list(found)

    def _reached(self, record: AlertRecord, history: CorrelationHistory) -> Iterator[tuple[Starts, Window]]:
        """Starts that may be in reach, with the window that says so."""
        at, tenant, place = (record.started_ms, record.key), record.tenant, record.identity.place
        if place:
            yield _neighbours(self._entities.get((tenant, place), []), at, history), _entity_window_ms
            yield _neighbours(self._signals.get(_signal_line(record), []), at, history), _signal_window_ms
            if (tenant, place) in self._spenders:
                yield _within(self._spenders[tenant, place], at, history), _spender_window_ms
        for who in sorted(record.spenders):
            yield _within(self._entities.get((tenant, who), []), at, history), _spender_window_ms

    def _of_its_objective(self, record: AlertRecord) -> Iterator[str]:
        """Alerts of its objective that went on when it began, or the other way round."""
        if record.identity.objective is None:
            return
        for key, other in self._objectives.get((record.tenant, record.identity.objective), {}).items():
            first, second = sorted((record, other), key=lambda one: (one.started_ms, one.key))
            if key != record.key and first.went_on_when(second):
                yield key

    def _lines(self, record: AlertRecord) -> Iterator[tuple[dict[Line, Starts], Line]]:
        if record.identity.place:
            yield self._entities, (record.tenant, record.identity.place)
            yield self._signals, _signal_line(record)
        for who in record.spenders:
            yield self._spenders, (record.tenant, who)


def _signal_line(record: AlertRecord) -> Line:
    """The signal, where it is: the same metric breaks in two services by chance, or by what relates them otherwise."""
    labels = record.identity.labels
    return record.tenant, "\xff".join((record.identity.signal, labels.get("cluster", ""), labels.get("service", "")))


def _neighbours(starts: Starts, at: tuple[int, str], history: CorrelationHistory) -> Starts:
    """The neighbours of a start; where settings change around it, all starts that any window reaches."""
    if history.is_steady(at[0] - history.widest_ms, at[0] + history.widest_ms):
        after = bisect.bisect_right(starts, at)
        before = bisect.bisect_left(starts, at)
        return starts[max(0, before - 1) : before] + starts[after : after + 1]
    return _within(starts, at, history)


def _within(starts: Starts, at: tuple[int, str], history: CorrelationHistory) -> Starts:
    """All starts that any window reaches."""
    first = bisect.bisect_left(starts, (at[0] - history.widest_ms, ""))
    last = bisect.bisect_left(starts, (at[0] + history.widest_ms + 1, ""))
    return starts[first:last]
