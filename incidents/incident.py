"""An incident as it grows: its members, what they add up to, and what is published of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from incidents import wording
from incidents.alerts import PRIORITY_RANK, SEVERITY_RANK, AlertRecord
from incidents.finding import PAGING
from incidents.roster import Roster
from schemas.events import Priority, Severity
from schemas.ids import event_id
from schemas.incident_events import Incident, IncidentMember, IncidentState


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

    def learn(self, record: AlertRecord) -> None:
        """Join what a member says now into the sums."""
        self.started_ms = min(self.started_ms, record.started_ms)
        self.updated_ms = max(self.updated_ms, record.latest.at_ms)
        self.priority = min(self.priority, record.priority, key=PRIORITY_RANK.__getitem__)
        self.severity = max(self.severity, record.severity, key=SEVERITY_RANK.__getitem__)
        self.last_end_ms = _later(self.last_end_ms, record.ended_ms)

    def forget(self, record: AlertRecord) -> None:
        """Keep no more of a member that ended long ago than that there was one."""
        self.members.drop(record)
        self.forgotten += 1

    def absorb(self, other: IncidentRecord) -> None:
        """Take over all of another incident: members, sums, aliases and page keys."""
        self.members.take_over(other.members)
        self.forgotten += other.forgotten
        self.started_ms = min(self.started_ms, other.started_ms)
        self.updated_ms = max(self.updated_ms, other.updated_ms)
        self.priority = min(self.priority, other.priority, key=PRIORITY_RANK.__getitem__)
        self.severity = max(self.severity, other.severity, key=SEVERITY_RANK.__getitem__)
        self.last_end_ms = _later(self.last_end_ms, other.last_end_ms)
        self.aliases += [other.id, *other.aliases]
        self.page_keys += [key for key in other.page_keys if key not in self.page_keys]

    def page(self, record: AlertRecord) -> bool:
        """Open a dedup key if this member asks for one; whether it did.

        An alert of the safety list always opens its own, under its episode: so it pages whatever was paged before,
        and what was paged does not depend on who came first. Of all others the first of P0 or P1 opens the
        incident's key.
        """
        if record.safety:
            key = record.id
        elif record.page_key is None and record.priority in PAGING and not self._is_paged:
            key = self.id
        else:
            return False
        if record.page_key == key:
            return False
        record.page_key = key
        self.page_keys.append(key)
        return True

    @property
    def _is_paged(self) -> bool:
        """Whether one of its keys is an incident's (its own, or of one that it took over), not a safety alert's."""
        return not {self.id, *self.aliases}.isdisjoint(self.page_keys)

    def event(self, most_listed: int, merged_into: str | None = None) -> Incident:
        """What is published, under the revision that it has now."""
        roster = self.members
        spenders = roster.spenders()
        members = [_in_its_role(record.member(), spenders) for record in roster.top(most_listed)]
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
            revision=self.revision,
        )

    def _title(self) -> str:
        roster = self.members
        rules, metrics = roster.rules(), roster.anomalous()
        fault = wording.incident_title(rules, metrics, wording.place_of(roster.places())) if rules or metrics else ""
        objectives = wording.listed(roster.objectives())
        return "; ".join(part for part in (objectives, fault) if part)

    def measure_end(self) -> None:
        """Take the latest end anew from the members (one that was given up was heard of again)."""
        self.members.count_firing()
        self.last_end_ms = max((one.ended_ms for one in self.members if one.ended_ms is not None), default=None)


def _in_its_role(member: IncidentMember, spenders: Collection[str]) -> IncidentMember:
    """What an incident lists, told apart where one of its objectives' budgets was spent."""
    if member.role is None and member.entity in spenders:
        return member.model_copy(update={"role": "cause"})
    return member


def _later(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)
