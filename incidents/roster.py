"""The members of an incident, counted as they come, so that what they add up to costs no walk over all of them."""

from __future__ import annotations

import bisect
import heapq
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from incidents.alerts import AlertRecord, Role
from incidents.finding import PRIORITY_RANK
from incidents.nodes import cluster_of
from incidents.services import ServiceLine

Urgency = tuple[int, int, str, str]
"""Priority, start, id, key: the order in which members are listed, total."""
_Rank = tuple[int, int, str]
_LAST: _Rank = (len(PRIORITY_RANK), 0, "")


def urgency_of(record: AlertRecord) -> Urgency:
    """Most urgent first, then earliest."""
    return PRIORITY_RANK[record.priority], record.started_ms, record.id, record.key


@dataclass(slots=True)
class Roster:
    """Alerts by key, most urgent first; how many fire; which entities, metrics and rules they name."""

    firing: int = 0
    _records: dict[str, AlertRecord] = field(default_factory=dict)
    _order: list[Urgency] = field(default_factory=list)
    _entities: Counter[str] = field(default_factory=Counter)
    _metrics: Counter[str] = field(default_factory=Counter)
    _anomalous: dict[str, _Rank] = field(default_factory=dict)
    _rules: dict[str, _Rank] = field(default_factory=dict)
    _objectives: dict[str, _Rank] = field(default_factory=dict)
    _symptoms: dict[str, AlertRecord] = field(default_factory=dict)
    _noticed: int = 0
    _lines: dict[str, ServiceLine] = field(default_factory=dict)
    crowds: dict[tuple[str, str], dict[str, AlertRecord]] = field(default_factory=dict)
    """By cluster and signal, the alerts of its nodes."""
    _stale: bool = False

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[AlertRecord]:
        return iter(self._records.values())

    def add(self, record: AlertRecord) -> None:
        """Take a member in."""
        self._records[record.key] = record
        bisect.insort(self._order, urgency_of(record))
        self.firing += record.ended_ms is None
        self._entities[record.identity.entity] += 1
        self._metrics[record.identity.signal] += 1
        if record.identity.objective is not None:
            self._symptoms[record.key] = record
        self._noticed += record.identity.symptom
        if (cluster := cluster_of(record.identity.entity)) is not None:
            self.crowds.setdefault((cluster, record.identity.signal), {})[record.key] = record
        for line in _lines_of(record):
            at = record.started_ms, record.key
            self._lines.setdefault(line, ServiceLine()).add(at, symptom=record.identity.symptom)
        self._name(record)

    def raise_priority(self, record: AlertRecord, before: Urgency) -> None:
        """Put a member in its new place after its priority rose."""
        del self._order[bisect.bisect_left(self._order, before)]
        bisect.insort(self._order, urgency_of(record))
        self._name(record)

    def drop(self, record: AlertRecord) -> None:
        """Let a member go that has ended."""
        del self._records[record.key]
        self._symptoms.pop(record.key, None)
        self._noticed -= record.identity.symptom
        if (cluster := cluster_of(record.identity.entity)) is not None:
            crowd = self.crowds[cluster, record.identity.signal]
            del crowd[record.key]
            if not crowd:
                del self.crowds[cluster, record.identity.signal]
        for line in _lines_of(record):
            self._lines[line].discard((record.started_ms, record.key), symptom=record.identity.symptom)
            if not self._lines[line]:
                del self._lines[line]
        del self._order[bisect.bisect_left(self._order, urgency_of(record))]
        for counts, name in ((self._entities, record.identity.entity), (self._metrics, record.identity.signal)):
            counts[name] -= 1
            if not counts[name]:
                del counts[name]
        self._stale = True

    def take_over(self, other: Roster) -> None:
        """Take in all members of another."""
        if len(other) > len(self):
            self._records, other._records = other._records, self._records
        self._records.update(other._records)
        self._order = list(heapq.merge(self._order, other._order))
        self.firing += other.firing
        self._entities.update(other._entities)
        self._metrics.update(other._metrics)
        self._stale |= other._stale
        _join(self._anomalous, other._anomalous)
        _join(self._rules, other._rules)
        _join(self._objectives, other._objectives)
        self._symptoms.update(other._symptoms)
        self._noticed += other._noticed
        for line, alerts in other._lines.items():
            self._lines.setdefault(line, ServiceLine()).take_over(alerts)
        for crowd, records in other.crowds.items():
            self.crowds.setdefault(crowd, {}).update(records)

    def role_of(self, record: AlertRecord, window_ms: int) -> Role | None:
        """What a member is to the others: a symptom; what spent a symptom's budget, or is of its place and near it.

        What is on the safety list is nobody's cause.
        """
        if not self._noticed:
            return None
        if record.identity.symptom:
            return "symptom"
        if record.safety:
            return None
        if self._symptoms and any(record.identity.entity in one.spenders for one in self._symptoms.values()):
            return "cause"
        for line in _lines_of(record):
            if self._lines[line].has_symptom_near(record.started_ms, window_ms):
                return "cause"
        return None

    def behind(self, symptom: AlertRecord, window_ms: int) -> list[AlertRecord]:
        """The members that may be causes of a symptom, in their keys' order."""
        keys: set[str] = set()
        for line in _lines_of(symptom):
            keys.update(self._lines[line].others_near(symptom.started_ms, window_ms))
        for who in symptom.spenders:
            if (spent := self._lines.get(f"entity/{who}")) is not None:
                keys.update(key for _, key in spent.others)
        return [self._records[key] for key in sorted(keys)]

    def has_crowd_of(self, cluster: str) -> bool:
        """Whether it has alerts of a cluster's nodes."""
        return any(name == cluster for name, _ in self.crowds)

    def count_firing(self) -> int:
        """Count anew who fires."""
        self.firing = sum(record.ended_ms is None for record in self)
        return self.firing

    def top(self, most: int) -> Iterator[AlertRecord]:
        """The most urgent members."""
        return (self._records[key] for *_, key in self._order[:most])

    def entities(self, most: int) -> list[str]:
        """Names of what is affected, the first of them in their order."""
        return heapq.nsmallest(most, self._entities)

    def signals(self, most: int) -> list[str]:
        """Names of metrics, the first of them in their order."""
        return heapq.nsmallest(most, self._metrics)

    @property
    def entity_count(self) -> int:
        """How many entities are affected."""
        return len(self._entities)

    @property
    def signal_count(self) -> int:
        """How many metrics are involved."""
        return len(self._metrics)

    def places(self) -> list[str]:
        """Where it is: entities of alerts that are no objective's, if there are any."""
        symptoms = Counter(record.identity.entity for record in self._symptoms.values())
        others = [entity for entity, count in self._entities.items() if count > symptoms[entity]]
        return others or list(self._entities)

    def rules(self) -> list[str]:
        """The rules that fired, most urgent first."""
        self._refresh()
        return sorted(self._rules, key=self._rules.__getitem__)

    def anomalous(self) -> list[str]:
        """The metrics that are anomalous, most urgent first."""
        self._refresh()
        return sorted(self._anomalous, key=self._anomalous.__getitem__)

    def objectives(self) -> list[str]:
        """What befalls objectives, most urgent first."""
        self._refresh()
        return sorted(self._objectives, key=self._objectives.__getitem__)

    def _refresh(self) -> None:
        """Name anew what is named, after somebody went."""
        if self._stale:
            self._anomalous, self._rules, self._objectives, self._stale = {}, {}, {}, False
            for one in self:
                self._name(one)

    def _name(self, record: AlertRecord) -> None:
        role, name = record.latest.named
        names = {"rule": self._rules, "anomalous": self._anomalous, "objective": self._objectives}
        _join(names[role], {name: (PRIORITY_RANK[record.priority], record.started_ms, name)})


def _lines_of(record: AlertRecord) -> tuple[str, ...]:
    """What it shares with those that it may be a cause of, or a symptom of."""
    identity = record.identity
    if not identity.place or identity.entity == "unknown":
        return (f"service/{identity.service}",) if identity.service else ()
    if identity.service:
        return f"entity/{identity.entity}", f"service/{identity.service}"
    return (f"entity/{identity.entity}",)


def _join(into: dict[str, _Rank], other: dict[str, _Rank]) -> None:
    for name, rank in other.items():
        into[name] = min(into.get(name, _LAST), rank)
