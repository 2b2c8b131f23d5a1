"""Looks for patterns of whole clusters in the incidents that changed, and tells of them with the ticks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from incidents.incident import IncidentRecord
from incidents.nodes import Heard
from incidents.patterns import Crowd, Found, Pattern, find, id_of, least_nodes, pattern_alert
from incidents.placement import Placement
from incidents.publish import Publisher
from incidents.settings import DecideSettings
from incidents.state import State
from schemas.incident_events import Alert


class Clusters:
    """The patterns of a partition's incidents.

    Parameters
    ----------
    state, placement, publisher
        What it works on.
    settings
        How many nodes make a pattern, within which time.
    """

    def __init__(self, state: State, placement: Placement, publisher: Publisher, settings: DecideSettings) -> None:
        self._state = state
        self._board = state.board
        self._placement = placement
        self._publisher = publisher
        self._settings = settings
        self._window_ms = round(settings.pattern_window_s * 1000)

    def hear(self, tenant: str, entity: str, heard: Heard) -> None:
        """Know a node; where that changes how many make a pattern, incidents are looked at again."""
        cluster = self._state.hear_node(tenant, entity, heard)
        if cluster is not None:
            self._look_again(tenant, cluster)

    def forget(self, clock_ms: int) -> None:
        """Drop the nodes that nobody tells of any more."""
        for tenant, cluster in sorted(self._state.forget_nodes(clock_ms)):
            self._look_again(tenant, cluster)

    def tell(self) -> None:
        """Look for patterns where members changed since the last tick, and tell what is new."""
        crowded, self._placement.crowded = sorted(self._placement.crowded), set()
        for incident_id in crowded:
            incident = self._board.incidents.get(incident_id)
            if incident is not None:
                incident.crowded = False
                self._state.touch_incident(incident.id)
                if self._tell(incident):
                    self._placement.publish(incident, at_once=False)

    def alerts(self) -> Iterator[Alert]:
        """The patterns' alerts as they are."""
        for _, incident in sorted(self._board.incidents.items()):
            for crowd in sorted(incident.patterns):
                found = self._find(incident, crowd)
                if found is not None:
                    yield self._alert(incident, crowd, incident.patterns[crowd].id, found)

    def _look_again(self, tenant: str, cluster: str) -> None:
        for incident in self._board.incidents.values():
            if incident.tenant == tenant and incident.members.has_crowd_of(cluster):
                self._placement.look_for_patterns(incident)

    def _tell(self, incident: IncidentRecord) -> bool:
        """Tell of an incident's patterns; whether one came or went."""
        changed = False
        for crowd in sorted({*incident.members.crowds, *incident.patterns}):
            known, found = incident.patterns.get(crowd), self._find(incident, crowd)
            if found is not None:
                self._tell_found(incident, crowd, found)
            elif known is not None:
                self._tell_gone(incident, crowd)
            if (found is None) != (known is None):
                changed = True
                self._placement.tell_again(incident, incident.members.crowds.get(crowd, {}).values())
        return changed

    def _tell_found(self, incident: IncidentRecord, crowd: Crowd, found: Found) -> None:
        known = incident.patterns.get(crowd, Pattern(id_of(crowd, found)))
        digest = self._publisher.plain_alert(self._alert(incident, crowd, known.id, found), known.digest)
        incident.patterns[crowd] = Pattern(known.id, digest, found.ended_ms is None)
        over = replace(found, ended_ms=found.ended_ms or max(found.started_ms, self._state.now_ms))
        for name in incident.patterns_gone.pop(crowd, ()):
            self._publisher.plain_alert(self._alert(incident, crowd, name, over), "")

    def _tell_gone(self, incident: IncidentRecord, crowd: Crowd) -> None:
        """Too few of its alerts are left here, or more nodes are known: so it is over, if it was not yet."""
        known, others = incident.patterns.pop(crowd), incident.patterns_gone.pop(crowd, ())
        records = incident.members.crowds.get(crowd)
        if not records or not known.fires:
            return
        begun_ms = min(one.started_ms for one in records.values())
        nodes = len({one.identity.entity for one in records.values()})
        over = Found(begun_ms, max(begun_ms, self._state.now_ms), nodes)
        for name in (known.id, *others):
            self._publisher.plain_alert(self._alert(incident, crowd, name, over), "")

    def _find(self, incident: IncidentRecord, crowd: Crowd) -> Found | None:
        records = incident.members.crowds.get(crowd, {})
        least = least_nodes(self._state.nodes.count(incident.tenant, crowd[0]), self._settings)
        return find(records.values(), least, self._window_ms)

    def _alert(self, incident: IncidentRecord, crowd: Crowd, name: str, found: Found) -> Alert:
        known = self._state.nodes.count(incident.tenant, crowd[0])
        records = incident.members.crowds[crowd].values()
        key = incident.threads.get(incident.id, incident.id)
        return pattern_alert(crowd, name, found, records, known, (incident.id, key))
