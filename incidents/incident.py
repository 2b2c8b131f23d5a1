"""An incident as it grows: its members, what they add up to, and what is published of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from incidents import wording
from incidents.alerts import AlertRecord, Role
from incidents.finding import PAGING, PRIORITY_RANK, SEVERITY_RANK, later_of
from incidents.lifecycle import LIVING
from incidents.nodes import cluster_of
from incidents.patterns import Crowd, Pattern
from incidents.roster import Roster
from schemas.events import Priority, Severity
from schemas.ids import event_id
from schemas.incident_events import Acknowledgement, Incident, IncidentMember, IncidentState, IncidentTimes


def incident_id_of(first: AlertRecord) -> str:
    """Id of the incident that an alert opens: from its fingerprint and episode."""
    return event_id("incident", first.tenant, first.id)


@dataclass(slots=True)
class IncidentRecord:
    """One incident; all numbers are joins over its members, so no order of arrival changes them.

    Parameters
    ----------
    members
        Its alerts, those that are not forgotten yet.
    started_ms, last_end_ms, priority, severity, updated_ms, forgotten
        Earliest start, latest end, most urgent, most severe, newest state, how many alerts are no longer kept.
    aliases
        Ids of incidents that were merged into this one.
    page_keys
        Dedup keys in the order of their opening: the id that the incident had at its first page, and the alerts' own
        of the safety list.
    threads
        The dedup key of each id that it goes or went by, once that was paged; what joined under an id keeps its key.
    patterns, patterns_gone
        By cluster and signal, the pattern as it was told; ids of those that a merge made one with it.
    crowded
        Whether the next tick looks for patterns.
    apart
        Ids of incidents that a person took out of this one, or this one out of them: nothing joins them again but a
        person.
    detected_ms
        When its first alert was told of.
    closed_ms
        When a person resolved it, while that holds: whatever fires since before then does not open it again.
    acknowledged, acknowledged_ms, mitigated_ms
        Who looks after it; when somebody first did; since when it is mitigated.
    revision, digest
        Of the last published content.
    pending
        Whether there is content that the next tick publishes.
    """

    id: str
    tenant: str
    started_ms: int
    priority: Priority
    severity: Severity
    state: IncidentState = "open"
    updated_ms: int = 0
    last_end_ms: int | None = None
    resolved_ms: int | None = None
    forgotten: int = 0
    aliases: list[str] = field(default_factory=list)
    page_keys: list[str] = field(default_factory=list)
    threads: dict[str, str] = field(default_factory=dict)
    patterns: dict[Crowd, Pattern] = field(default_factory=dict)
    patterns_gone: dict[Crowd, tuple[str, ...]] = field(default_factory=dict)
    crowded: bool = False
    apart: list[str] = field(default_factory=list)
    detected_ms: int | None = None
    closed_ms: int | None = None
    acknowledged: Acknowledgement | None = None
    acknowledged_ms: int | None = None
    mitigated_ms: int | None = None
    revision: int = 0
    digest: str = ""
    pending: bool = False
    members: Roster = field(default_factory=Roster)

    @classmethod
    def opened_by(cls, first: AlertRecord) -> IncidentRecord:
        """The incident of an alert that nothing is related to; without its member yet."""
        return cls(incident_id_of(first), first.tenant, first.started_ms, first.priority, first.severity)

    def admit(self, record: AlertRecord) -> None:
        """Take a member in (again, after a restore)."""
        self.members.add(record)
        self.learn(record)

    def role_of(self, record: AlertRecord, window_ms: int) -> Role | None:
        """What a member is to the others; one that is a part of a cluster's pattern is its cause."""
        role = self.members.role_of(record, window_ms)
        if role is None and self.patterns and not record.safety:
            cluster = cluster_of(record.identity.entity)
            if cluster is not None and (cluster, record.identity.signal) in self.patterns:
                return "cause"
        return role

    def learn(self, record: AlertRecord) -> None:
        """Join what a member says now into the sums."""
        self.started_ms = min(self.started_ms, record.started_ms)
        self.updated_ms = max(self.updated_ms, record.latest.at_ms)
        self.priority = min(self.priority, record.priority, key=PRIORITY_RANK.__getitem__)
        self.severity = max(self.severity, record.severity, key=SEVERITY_RANK.__getitem__)
        self.last_end_ms = later_of(self.last_end_ms, record.ended_ms)
        self.detected_ms = _earlier(self.detected_ms, record.detected_ms)

    def forget(self, record: AlertRecord) -> None:
        """Keep no more of a member that ended long ago than that there was one."""
        self.members.drop(record)
        self.forgotten += 1

    def absorb(self, other: IncidentRecord, *, other_lives: bool) -> None:
        """Take over all of another incident: members, sums, aliases and page keys; and its care, if it paged alone."""
        if other.acknowledged is not None and self.state == "open" and not self.threads:
            # All that was paged is looked after: nobody must be woken again for having been merged.
            self.state, self.acknowledged = "acknowledged", other.acknowledged
        over = self.state not in LIVING and not other_lives
        self.closed_ms = later_of(self.closed_ms, other.closed_ms) if over else None
        self.members.take_over(other.members)
        self.forgotten += other.forgotten
        self.started_ms = min(self.started_ms, other.started_ms)
        self.updated_ms = max(self.updated_ms, other.updated_ms)
        self.priority = min(self.priority, other.priority, key=PRIORITY_RANK.__getitem__)
        self.severity = max(self.severity, other.severity, key=SEVERITY_RANK.__getitem__)
        self.last_end_ms = later_of(self.last_end_ms, other.last_end_ms)
        self.detected_ms = _earlier(self.detected_ms, other.detected_ms)
        self.acknowledged_ms = _earlier(self.acknowledged_ms, other.acknowledged_ms)
        self.aliases += [other.id, *other.aliases]
        self.page_keys += [key for key in other.page_keys if key not in self.page_keys]
        self.apart += [one for one in other.apart if one not in self.apart]
        self._join_threads(other)
        self._join_patterns(other)

    def _join_patterns(self, other: IncidentRecord) -> None:
        """Of two patterns of one signal the survivor's goes on."""
        for crowd, gone in other.patterns_gone.items():
            self.patterns_gone[crowd] = self.patterns_gone.get(crowd, ()) + gone
        for crowd, pattern in other.patterns.items():
            if crowd not in self.patterns:
                self.patterns[crowd] = pattern
            elif pattern.fires:
                self.patterns_gone[crowd] = (*self.patterns_gone.get(crowd, ()), pattern.id)

    def _join_threads(self, other: IncidentRecord) -> None:
        """What was paged keeps its key; what was not takes the key of the first that was."""
        first = self.threads.get(self.id) or other.threads.get(other.id)
        self.threads = {**other.threads, **self.threads}
        if first is not None:
            self._name_threads(first)

    def _name_threads(self, key: str) -> None:
        for name in (self.id, *self.aliases):
            self.threads.setdefault(name, key)

    def find_threads(self) -> None:
        """Know what was paged from the dedup keys alone, as an older release kept it."""
        names = (self.id, *self.aliases)
        self.threads = {name: name for name in names if name in self.page_keys}
        first = next((key for key in self.page_keys if key in names), None)
        if first is not None:
            self._name_threads(first)

    def page(self, record: AlertRecord) -> bool:
        """Open a dedup key if this member asks for one; whether it did.

        An alert of the safety list always opens its own, under its episode: so it pages whatever was paged before,
        and what was paged does not depend on who came first. Of all others the first of P0 or P1 opens the
        incident's key, symptom or cause: one page an incident, and a cause that joins a symptom opens none.
        """
        if record.safety:
            key = record.id
        elif record.page_key is None and record.priority in PAGING and not self.threads:
            key = self.id
            self._name_threads(key)
        else:
            return False
        if record.page_key == key:
            return False
        record.page_key = key
        self.page_keys.append(key)
        return True

    def page_key_of(self, record: AlertRecord) -> str:
        """The dedup key that a member pages under: its own (safety list), else that of the id that it joined.

        Before anything was paged that is the id that the incident has now.
        """
        if record.safety:
            return record.id
        return self.threads.get(record.home or self.id, self.id)

    def event(self, most_listed: int, cause_window_ms: int, merged_into: str | None = None) -> Incident:
        """What is published, under the revision that it has now."""
        roster = self.members
        top = roster.top(most_listed)
        members = [_in_its_role(one.member(), self.role_of(one, cause_window_ms)) for one in top]
        entities = roster.entities(most_listed)
        return Incident(
            id=self.id,
            tenant=self.tenant,
            state=self.state,
            merged_into=merged_into,
            aliases=self.aliases,
            title=self._title(),
            priority=self.priority,
            severity=self.severity,
            started_ms=self.started_ms,
            updated_ms=self.updated_ms,
            ended_ms=None if roster.firing else self.last_end_ms,
            resolved_ms=self.resolved_ms,
            members=members,
            member_count=len(roster) + self.forgotten,
            firing_count=roster.firing,
            entities=entities,
            entity_count=roster.entity_count,
            signals=roster.signals(most_listed),
            signal_count=roster.signal_count,
            confidence=max((member.confidence for member in members), default=0.0),
            page_keys=self.page_keys,
            acknowledged=self.acknowledged,
            times=self._times(),
            revision=self.revision,
        )

    def _title(self) -> str:
        roster = self.members
        rules, metrics = roster.rules(), roster.anomalous()
        fault = wording.incident_title(rules, metrics, wording.place_of(roster.places())) if rules or metrics else ""
        objectives = wording.listed(roster.objectives())
        return "; ".join(part for part in (objectives, fault) if part)

    def _times(self) -> IncidentTimes:
        """How long it took to come how far; what people's clocks tell may lie before what ours do."""
        detected_ms, resolved_ms = self.detected_ms, self.resolved_ms
        ends = [
            at_ms for at_ms in (resolved_ms, None if self.members.firing else self.last_end_ms) if at_ms is not None
        ]
        return IncidentTimes.model_construct(
            detected_ms=detected_ms,
            acknowledged_ms=self.acknowledged_ms,
            mitigated_ms=self.mitigated_ms,
            resolved_ms=resolved_ms,
            to_detect_s=_seconds(self.started_ms, detected_ms),
            to_acknowledge_s=_seconds(detected_ms, self.acknowledged_ms),
            to_mitigate_s=_seconds(detected_ms, self.mitigated_ms),
            to_resolve_s=None if resolved_ms is None else _seconds(self.started_ms, min(ends)),
        )

    def take_out(self, moved: list[AlertRecord], new_id: str) -> IncidentRecord:
        """Take members out into an incident of their own, which begins in the state that this one is in.

        What they paged under their own keys (safety list) goes with them; the incident's own key stays here.
        """
        keys = {record.key for record in moved}
        first = min(moved, key=lambda one: (one.started_ms, one.id))
        new = IncidentRecord(new_id, self.tenant, first.started_ms, first.priority, first.severity, self.state)
        for name in ("closed_ms", "acknowledged", "acknowledged_ms", "mitigated_ms"):
            setattr(new, name, getattr(self, name))
        staying = [record for record in self.members if record.key not in keys]
        own = {record.id for record in moved if record.safety}
        new.page_keys = [key for key in self.page_keys if key in own]
        self.page_keys = [key for key in self.page_keys if key not in own]
        for record in moved:
            record.home = new_id
            if not record.safety:
                record.page_key = None
        self.apart.append(new_id)
        new.apart.append(self.id)
        for incident, members in ((self, staying), (new, moved)):
            incident.measure(members)
        return new

    def measure(self, members: list[AlertRecord]) -> None:
        """Make all sums anew from members; of those that are no longer kept, what was known of them stays."""
        self.members = Roster()
        if not self.forgotten:
            first = min(members, key=lambda one: (one.started_ms, one.id))
            self.started_ms, self.detected_ms = first.started_ms, None
        self.priority, self.severity, self.last_end_ms = members[0].priority, members[0].severity, None
        for record in sorted(members, key=lambda one: (one.started_ms, one.key)):
            self.admit(record)

    def measure_end(self) -> None:
        """Take the latest end anew from the members (one that was given up was heard of again)."""
        self.members.count_firing()
        self.last_end_ms = max((one.ended_ms for one in self.members if one.ended_ms is not None), default=None)


def _in_its_role(member: IncidentMember, role: Role | None) -> IncidentMember:
    """What an incident lists, told apart where it has a symptom."""
    return member if member.role == role else member.model_copy(update={"role": role})


def _earlier(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


def _seconds(since_ms: int | None, until_ms: int | None) -> float | None:
    if since_ms is None or until_ms is None:
        return None
    return max(0, until_ms - since_ms) / 1000
