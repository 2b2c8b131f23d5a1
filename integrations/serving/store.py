"""Reads of the latest state: alerts, incidents, silences, results of commands, and what changes while one looks on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, Self, TypeVar

from integrations.serving.connection import answering, connect, place_of
from integrations.serving.keys import TenantKeys, applied_key, tenants_key
from integrations.serving.listing import listed
from integrations.serving.locks import Locks
from integrations.serving.rates import RateLimits
from integrations.serving.requests import Requests
from integrations.serving.settings import ServingSettings
from integrations.stores import Page
from schemas.base import Event
from schemas.command_events import CommandResult, Silence
from schemas.events import EntityHealth, Priority
from schemas.incident_events import Alert, AlertState, Incident, IncidentState, TimelineEntry
from schemas.notification_events import AlertStatus, Notification, NotificationResult
from schemas.slo_events import Feedback, SloStatus

E = TypeVar("E", bound=Event)
_POLL_S: Final = 0.02
_MOST_MERGES: Final = 16
_READ_AT_ONCE: Final = 1000


class StandingAlert(NamedTuple):
    """An alert, how it stands on its way to people, and what they said of it; the latter two where they are known."""

    alert: Alert
    status: AlertStatus | None
    feedback: Feedback | None


class SentNotification(NamedTuple):
    """A notification (without its context) and what became of its last attempt, if there was one."""

    notification: Notification
    result: NotificationResult | None


class Update(NamedTuple):
    """Something that changed.

    Parameters
    ----------
    id
        Ask with it for what came later.
    kind
        The topic that told it: ``alerts``, ``incidents``, ``silences`` and so on.
    subject
        Id of what changed.
    """

    id: str
    kind: str
    subject: str


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts are meant; what is left out holds of all.

    Parameters
    ----------
    state
        Firing or resolved.
    priorities
        Any of these.
    incident_id
        Of this incident, or of one that was merged into it.
    labels
        Holds of their labels: the caller's compiled matchers.
    where
        Holds of alert, status and feedback.
    """

    state: AlertState | None = None
    priorities: frozenset[Priority] = frozenset()
    incident_id: str | None = None
    labels: Callable[[Mapping[str, str]], bool] | None = None
    where: Callable[[StandingAlert], bool] | None = None

    def accepts(self, one: StandingAlert, incident_ids: frozenset[str]) -> bool:
        """Whether one is meant; the ids are of the incident and of those merged into it."""
        return self.accepts_alert(one.alert, incident_ids) and (self.where is None or self.where(one))

    def accepts_alert(self, one: Alert, incident_ids: frozenset[str]) -> bool:
        """Whether one may be meant, as far as the alert itself tells."""
        return (
            (self.state is None or one.state == self.state)
            and (not self.priorities or one.priority in self.priorities)
            and (self.incident_id is None or one.incident_id in incident_ids)
            and (self.labels is None or self.labels(one.labels))
        )


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents are meant; what is left out holds of all.

    Parameters
    ----------
    states, priorities
        Any of these.
    where
        Holds of the incident.
    """

    states: frozenset[IncidentState] = frozenset()
    priorities: frozenset[Priority] = frozenset()
    where: Callable[[Incident], bool] | None = None

    def accepts(self, one: Incident) -> bool:
        """Whether one is meant."""
        return (
            (not self.states or one.state in self.states)
            and (not self.priorities or one.priority in self.priorities)
            and (self.where is None or self.where(one))
        )


@dataclass
class ServingStore:
    """Reads the latest state as the role ``project`` keeps it in Redis, and holds what the console needs beside it.

    Threads may share one. Every call may raise ``StoreError`` where Redis does not answer: ask again later.

    Parameters
    ----------
    settings
        Where it is.
    clock, pause
        Monotonic seconds, and how they are waited for.

    Attributes
    ----------
    locks, rates, requests
        One holder at a time; so many calls a second; a request that comes again is done once.
    """

    settings: ServingSettings
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    locks: Locks = field(init=False)
    rates: RateLimits = field(init=False)
    requests: Requests = field(init=False)

    def __post_init__(self) -> None:
        self.place = place_of(self.settings)
        self._redis = connect(self.settings)
        self.locks = Locks(self._redis, self.settings.prefix, self.place)
        self.rates = RateLimits(self._redis, self.settings.prefix, self.place)
        self.requests = Requests(self._redis, self.settings.prefix, self.place)

    def close(self) -> None:
        """Let go of its connections."""
        self._redis.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- alerts ------------------------------------------------------------------------------------------------

    def alert(self, tenant: str, alert_id: str) -> StandingAlert | None:
        """An alert episode by its id; None where it is not known, or ended too long ago."""
        found = self._document(tenant, "alerts", alert_id, Alert)
        return None if found is None else self._standing(tenant, [found])[0]

    def alerts(
        self, tenant: str, wanted: AlertFilter = AlertFilter(), limit: int = 100, cursor: str | None = None
    ) -> Page[StandingAlert]:
        """Alerts, the latest to begin first.

        Raises
        ------
        CursorError
            If no page ended with the cursor.
        """
        keys, ids = self._keys(tenant), frozenset[str]()
        indexes = [keys.of("alerts.firing" if wanted.state == "firing" else "alerts.started")]
        if wanted.incident_id is not None:
            ids = frozenset(self.incident_ids(tenant, wanted.incident_id))
            indexes = [keys.members(one) for one in ids]

        def read(some: Sequence[str]) -> list[tuple[str, StandingAlert]]:
            found = self._documents(tenant, "alerts", some, Alert)
            alerts = [found[one] for one in some if one in found and wanted.accepts_alert(found[one], ids)]
            standing = self._standing(tenant, alerts)
            return [(one.alert.id, one) for one in standing if wanted.where is None or wanted.where(one)]

        with answering(self.place):
            return listed(self._redis, indexes, read, limit, cursor)

    def status(self, tenant: str, alert_id: str) -> AlertStatus | None:
        """How an alert stands on its way to people, with every decision."""
        return self._document(tenant, "statuses", alert_id, AlertStatus)

    def _standing(self, tenant: str, alerts: Sequence[Alert]) -> list[StandingAlert]:
        ids = [one.id for one in alerts]
        statuses = self._documents(tenant, "statuses", ids, AlertStatus)
        feedback = self._documents(tenant, "feedback", ids, Feedback)
        return [StandingAlert(one, statuses.get(one.id), feedback.get(one.id)) for one in alerts]

    # -- incidents ---------------------------------------------------------------------------------------------

    def incident(self, tenant: str, incident_id: str) -> Incident | None:
        """An incident by its id, or by that of one that was merged into it."""
        return self._document(tenant, "incidents", self._survivor(tenant, incident_id), Incident)

    def incidents(
        self, tenant: str, wanted: IncidentFilter = IncidentFilter(), limit: int = 100, cursor: str | None = None
    ) -> Page[Incident]:
        """Incidents, the last to change first; merged ones are told by their survivor alone.

        Raises
        ------
        CursorError
            If no page ended with the cursor.
        """

        def read(some: Sequence[str]) -> list[tuple[str, Incident]]:
            found = self._documents(tenant, "incidents", some, Incident)
            return [(one, found[one]) for one in some if one in found and wanted.accepts(found[one])]

        with answering(self.place):
            return listed(self._redis, [self._keys(tenant).of("incidents.updated")], read, limit, cursor)

    def incident_ids(self, tenant: str, incident_id: str) -> list[str]:
        """All ids of an incident: its own, and those of what was merged into it."""
        survivor = self._survivor(tenant, incident_id)
        incident = self._document(tenant, "incidents", survivor, Incident)
        return list(dict.fromkeys([survivor, *(incident.aliases if incident else ()), incident_id]))

    def timeline(self, tenant: str, incident_id: str) -> list[TimelineEntry]:
        """What happened to an incident, and to what was merged into it, in order; the newest entries of very many."""
        keys = self._keys(tenant)
        with answering(self.place):
            texts = [
                text
                for one in self.incident_ids(tenant, incident_id)
                for text in self._redis.zrange(keys.timeline(one), 0, -1)
            ]
        entries = {entry.id: entry for entry in map(_reader(TimelineEntry), texts)}
        return sorted(entries.values(), key=lambda entry: entry.at_ms)

    def _survivor(self, tenant: str, incident_id: str) -> str:
        aliases = self._keys(tenant).of("aliases")
        with answering(self.place):
            for _ in range(_MOST_MERGES):
                into = self._redis.hget(aliases, incident_id)
                if into is None:
                    break
                incident_id = into
        return incident_id

    # -- silences, commands, notifications, objectives ---------------------------------------------------------

    def silence(self, tenant: str, silence_id: str) -> Silence | None:
        """A silence by its id."""
        return self._document(tenant, "silences", silence_id, Silence)

    def silences(self, tenant: str) -> list[Silence]:
        """All silences, the last to end first; those that ended long ago are forgotten."""
        return sorted(self._all(tenant, "silences", Silence), key=lambda one: (-one.ends_ms, one.id))

    def command_result(self, tenant: str, command_id: str, wait_s: float = 0.0) -> CommandResult | None:
        """What became of a command; waits for it so long, and then says None."""
        key, until_s = self._keys(tenant).result(command_id), self.clock() + wait_s
        while True:
            with answering(self.place):
                text = self._redis.get(key)
            if text is not None:
                return CommandResult.from_bytes(text.encode())
            if self.clock() >= until_s:
                return None
            self.pause(_POLL_S)

    def notifications(self, tenant: str, incident_id: str | None = None, limit: int = 100) -> list[SentNotification]:
        """What was told, the last first; of one incident, or of all."""
        ids = frozenset(self.incident_ids(tenant, incident_id)) if incident_id else None

        def read(some: Sequence[str]) -> list[tuple[str, SentNotification]]:
            told = self._documents(tenant, "notifications", some, Notification)
            results = self._documents(tenant, "outcomes", some, NotificationResult)
            found = [(one, told[one]) for one in some if one in told]
            return [(i, SentNotification(n, results.get(i))) for i, n in found if ids is None or n.incident_id in ids]

        with answering(self.place):
            return listed(self._redis, [self._keys(tenant).of("notifications.at")], read, limit, None).items

    def slo(self, tenant: str, name: str) -> SloStatus | None:
        """How an objective stands."""
        return self._document(tenant, "slos", name, SloStatus)

    def slos(self, tenant: str) -> list[SloStatus]:
        """How all objectives stand, by name."""
        return sorted(self._all(tenant, "slos", SloStatus), key=lambda one: one.slo)

    def health(self, tenant: str) -> list[EntityHealth]:
        """How all entities are, by name."""
        return sorted(self._all(tenant, "health", EntityHealth), key=lambda one: one.entity)

    # -- what changes ------------------------------------------------------------------------------------------

    def updates(self, tenant: str, after: str = "$", wait_s: float = 1.0) -> Iterator[Update | None]:
        """Everything that changes, as it does: without end.

        None is said whenever nothing changed for ``wait_s``, so that a reader can look whether it is still wanted.

        Parameters
        ----------
        after
            Id of the last one that is known; ``$`` begins now.
        """
        stream = self._keys(tenant).of("updates")
        with answering(self.place):
            if after == "$":
                newest = self._redis.xrevrange(stream, count=1)
                after = newest[0][0] if newest else "0-0"
            while True:
                # Shorter than the client's own patience, which would take a quiet stream for a dead server.
                block_ms = max(1, int(min(wait_s, self.settings.timeout_s / 2) * 1000))
                found = self._redis.xread({stream: after}, count=_READ_AT_ONCE, block=block_ms)
                if not found:
                    yield None
                for after, fields in _entries(found):
                    yield Update(after, fields["kind"], fields["subject"])

    def tenants(self) -> list[str]:
        """All that anything is known of."""
        with answering(self.place):
            return sorted(self._redis.smembers(tenants_key(self.settings.prefix)))

    def applied(self) -> dict[tuple[str, int], int]:
        """How far it is: the next offset of each partition of each topic."""
        with answering(self.place):
            found = self._redis.hgetall(applied_key(self.settings.prefix))
        places = ((*name.rsplit("/", 1), offset) for name, offset in found.items())
        return {(topic, int(partition)): int(offset) for topic, partition, offset in places}

    def ping(self) -> float:
        """Seconds that an answer takes."""
        began = self.clock()
        with answering(self.place):
            self._redis.ping()
        return self.clock() - began

    # -- documents ---------------------------------------------------------------------------------------------

    def _keys(self, tenant: str) -> TenantKeys:
        return TenantKeys(self.settings.prefix, tenant)

    def _document(self, tenant: str, name: str, identity: str, model: type[E]) -> E | None:
        return self._documents(tenant, name, [identity], model).get(identity)

    def _documents(self, tenant: str, name: str, ids: Sequence[str], model: type[E]) -> dict[str, E]:
        if not ids:
            return {}
        with answering(self.place):
            texts = self._redis.hmget(self._keys(tenant).of(name), list(ids))
        return {one: model.from_bytes(text.encode()) for one, text in zip(ids, texts, strict=True) if text is not None}

    def _all(self, tenant: str, name: str, model: type[E]) -> list[E]:
        with answering(self.place):
            texts = self._redis.hvals(self._keys(tenant).of(name))
        return [model.from_bytes(text.encode()) for text in texts]


def _reader(model: type[E]) -> Callable[[str], E]:
    return lambda text: model.from_bytes(text.encode())


def _entries(found: Any) -> Iterator[tuple[str, dict[str, str]]]:
    """The entries of one stream, whichever shape the client gives them."""
    streams = found.values() if isinstance(found, dict) else (entries for _, entries in found)
    for entries in streams:
        yield from entries
