"""Records for the outside: each with an id made of its content, so that a repeat is known by its id."""

from __future__ import annotations

from collections.abc import Sequence

from incidents.alerts import AlertRecord
from incidents.incident import IncidentRecord
from schemas.base import Event
from schemas.change_events import Change
from schemas.events import Anomaly
from schemas.ids import event_id
from schemas.incident_events import EntryKind, Incident, TimelineEntry
from schemas.rerouting import sent_on
from schemas.slo_events import SloAlert
from schemas.topics import ALERTS, INCIDENTS, TIMELINE, Topic
from streams.operator import Output


def output(topic: Topic, partition: int, key: str, value: bytes, event_ms: int) -> Output:
    """A record whose id is a function of where it goes and what it says."""
    return Output(topic, partition, key, value, event_ms, event_id(topic.name, key, value.hex()))


def rerouted(topic: Topic, partition: int, event: Anomaly | SloAlert | Change, value: bytes) -> Output:
    """A record on its way to the partition of its tenant.

    Raises
    ------
    SchemaError
        If it was sent on before: then two workers differ about the count of partitions, and would send it round.
    """
    return output(topic, partition, event.key, sent_on(event.tenant, value), event.at_ms)


class Publisher:
    """Collects what one step has to say, and says nothing that it said before.

    Parameters
    ----------
    partition
        Where all records go.
    members_listed
        How many members an incident lists.
    """

    def __init__(self, partition: int, members_listed: int) -> None:
        self._partition = partition
        self._members_listed = members_listed
        self._outputs: list[Output] = []

    def take(self) -> list[Output]:
        """What was collected, in order."""
        outputs, self._outputs = self._outputs, []
        return outputs

    def alert(self, record: AlertRecord, incident_id: str | None) -> None:
        """Publish an alert if its content changed."""
        event = record.event(incident_id)
        value = event.to_bytes()
        digest = event_id(value.hex())
        if digest != record.digest:
            record.digest = digest
            self._put(ALERTS, f"{record.tenant}/{record.fingerprint}", event, event.updated_ms)

    def incident(self, incident: IncidentRecord) -> None:
        """Publish an incident, under its next revision, if its content changed."""
        incident.pending = False
        event = incident.event(self._members_listed)
        digest = event_id(event.model_dump_json(exclude={"revision", "updated_ms"}))
        if digest != incident.digest:
            incident.digest = digest
            incident.revision += 1
            self.last_word(event.model_copy(update={"revision": incident.revision}))

    def last_word(self, event: Incident) -> None:
        """Publish an incident as it stands."""
        self._put(INCIDENTS, f"{event.tenant}/{event.id}", event, event.updated_ms)

    def entry(
        self, incident: IncidentRecord | Incident, kind: EntryKind, at_ms: int, text: str, alert_id: str | None = None
    ) -> None:
        """Write down what happened to an incident."""
        event = TimelineEntry(
            id=event_id(incident.tenant, incident.id, kind, at_ms, text, alert_id),
            tenant=incident.tenant,
            incident_id=incident.id,
            at_ms=at_ms,
            kind=kind,
            text=text,
            alert_id=alert_id,
        )
        self._put(TIMELINE, f"{incident.tenant}/{incident.id}", event, at_ms)

    def absorbed(self, survivor: IncidentRecord, others: Sequence[Incident], at_ms: int, why: str) -> None:
        """Tell both sides of a merge, and publish the last word of those that became aliases."""
        for other in others:
            self.last_word(other)
            self.entry(other, "merged", at_ms, f"Merged into incident {survivor.id}: {why}")
            self.entry(survivor, "merged", at_ms, f"Incident {other.id} was merged into this one: {why}")

    def _put(self, topic: Topic, key: str, event: Event, event_ms: int) -> None:
        self._outputs.append(output(topic, self._partition, key, event.to_bytes(), event_ms))
