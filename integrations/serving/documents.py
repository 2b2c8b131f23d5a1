"""What each record changes in the serving store, as commands of the Redis protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple, TypeVar

from integrations.project.sink import Record
from integrations.serving.keys import TenantKeys
from schemas.base import Event
from schemas.command_events import CommandResult, Silence
from schemas.errors import SchemaError
from schemas.events import EntityHealth
from schemas.incident_events import Alert, Incident, TimelineEntry
from schemas.notification_events import AlertStatus, Notification, NotificationResult
from schemas.slo_events import Feedback, SloStatus
from schemas.topics import (
    ALERT_STATUS,
    ALERTS,
    COMMAND_RESULTS,
    FEEDBACK,
    HEALTH,
    INCIDENTS,
    NOTIFICATION_RESULTS,
    NOTIFICATIONS,
    SILENCES,
    SLO_STATUS,
    TIMELINE,
    Topic,
)

Argument = str | bytes | int
E = TypeVar("E", bound=Event)
ORPHAN: Final = "ORPHAN"
"""Not of the protocol, but of our script: ORPHAN hash aliases ended id at_ms.

What is said of something that is not there, or not yet, is forgotten with it, or as if it had ended then.
"""
RESULT_KEEP_MS: Final = 3_600_000
_OVER: Final = frozenset({"resolved", "reviewed"})


class Step(NamedTuple):
    """One command.

    Parameters
    ----------
    of
        What it sets: of two steps that set the same the later counts.
    arguments
        The command.
    """

    of: tuple[str, ...]
    arguments: tuple[Argument, ...]


class Change(NamedTuple):
    """What a record changes.

    Parameters
    ----------
    tenant, subject
        Whose, and the id of what changes; an empty one is told to nobody who looks on.
    at_ms
        Event time.
    steps
        The commands, in order.
    """

    tenant: str
    subject: str
    at_ms: int
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Layout:
    """How documents are laid out.

    Parameters
    ----------
    prefix
        Before each key.
    timeline_entries
        Kept of an incident.
    """

    prefix: str
    timeline_entries: int


Reading = Callable[[Record, Layout], Change]


def change_of(record: Record, layout: Layout) -> Change | None:
    """What a record changes; None of a tombstone that changes nothing.

    Raises
    ------
    SchemaError, NewerVersionError
        If it cannot be read.
    """
    reading, forgotten = _READINGS[record.topic]
    if record.value is not None:
        return reading(record, layout)
    return _forgotten(record, layout, forgotten) if forgotten else None


def topics() -> tuple[Topic, ...]:
    """Everything that is read."""
    return (
        ALERTS,
        ALERT_STATUS,
        INCIDENTS,
        TIMELINE,
        SILENCES,
        COMMAND_RESULTS,
        NOTIFICATIONS,
        NOTIFICATION_RESULTS,
        SLO_STATUS,
        HEALTH,
        FEEDBACK,
    )


def _put(key: str, identity: str, value: Argument) -> Step:
    return Step((key, identity), ("HSET", key, identity, value))


def _drop(key: str, identity: str) -> Step:
    return Step((key, identity), ("HDEL", key, identity))


def _rank(key: str, identity: str, at_ms: int) -> Step:
    return Step((key, identity), ("ZADD", key, at_ms, identity))


def _unrank(key: str, identity: str) -> Step:
    return Step((key, identity), ("ZREM", key, identity))


def _orphan(keys: TenantKeys, names: tuple[str, str], identity: str, at_ms: int) -> Step:
    found, ended = (keys.of(name) for name in names)
    return Step((ORPHAN, ended, identity), (ORPHAN, found, keys.of("aliases"), ended, identity, at_ms))


def _read(model: type[E], record: Record, layout: Layout, tenant_of: Callable[[E], str]) -> tuple[E, TenantKeys]:
    event = model.from_bytes(record.value)
    return event, TenantKeys(layout.prefix, tenant_of(event))


def _alert(record: Record, layout: Layout) -> Change:
    one, keys = _read(Alert, record, layout, lambda alert: alert.tenant)
    steps = [
        _put(keys.of("alerts"), one.id, record.value or b""),
        _rank(keys.of("alerts.started"), one.id, one.started_ms),
    ]
    if one.incident_id is not None:
        steps.append(_rank(keys.members(one.incident_id), one.id, one.started_ms))
    if one.state == "firing":
        steps += [_rank(keys.of("alerts.firing"), one.id, one.started_ms), _unrank(keys.of("alerts.ended"), one.id)]
    else:
        ended_ms = one.updated_ms if one.ended_ms is None else one.ended_ms
        steps += [_unrank(keys.of("alerts.firing"), one.id), _rank(keys.of("alerts.ended"), one.id, ended_ms)]
    return Change(one.tenant, one.id, one.updated_ms, steps)


def _status(record: Record, layout: Layout) -> Change:
    one, keys = _read(AlertStatus, record, layout, lambda status: status.tenant)
    steps = [_put(keys.of("statuses"), one.alert_id, record.value or b"")]
    steps.append(_orphan(keys, ("alerts", "alerts.ended"), one.alert_id, one.at_ms))
    return Change(one.tenant, one.alert_id, one.at_ms, steps)


def _feedback(record: Record, layout: Layout) -> Change:
    one, keys = _read(Feedback, record, layout, lambda feedback: feedback.tenant)
    steps = [_put(keys.of("feedback"), one.alert_id, record.value or b"")]
    steps.append(_orphan(keys, ("alerts", "alerts.ended"), one.alert_id, one.at_ms))
    return Change(one.tenant, one.alert_id, one.at_ms, steps)


def _incident(record: Record, layout: Layout) -> Change:
    one, keys = _read(Incident, record, layout, lambda incident: incident.tenant)
    steps = [_put(keys.of("aliases"), alias, one.id) for alias in one.aliases]
    if one.merged_into is not None:
        steps += [_put(keys.of("aliases"), one.id, one.merged_into), *_without(keys, one.id)]
        return Change(one.tenant, one.id, one.updated_ms, steps)
    steps.append(_put(keys.of("incidents"), one.id, record.value or b""))
    steps.append(_rank(keys.of("incidents.updated"), one.id, one.updated_ms))
    if one.state in _OVER:
        ended = (at_ms for at_ms in (one.resolved_ms, one.ended_ms) if at_ms is not None)
        steps.append(_rank(keys.of("incidents.ended"), one.id, next(ended, one.updated_ms)))
    else:
        steps.append(_unrank(keys.of("incidents.ended"), one.id))
    return Change(one.tenant, one.id, one.updated_ms, steps)


def _without(keys: TenantKeys, incident_id: str) -> Iterator[Step]:
    yield _drop(keys.of("incidents"), incident_id)
    for name in ("incidents.updated", "incidents.ended"):
        yield _unrank(keys.of(name), incident_id)


def _entry(record: Record, layout: Layout) -> Change:
    one, keys = _read(TimelineEntry, record, layout, lambda entry: entry.tenant)
    line = keys.timeline(one.incident_id)
    steps = [
        # In the log's order; the same entry again changes nothing.
        Step((line, one.id), ("ZADD", line, record.offset, record.value or b"")),
        Step((line,), ("ZREMRANGEBYRANK", line, 0, -layout.timeline_entries - 1)),
        _orphan(keys, ("incidents", "incidents.ended"), one.incident_id, one.at_ms),
    ]
    return Change(one.tenant, one.incident_id, one.at_ms, steps)


def _silence(record: Record, layout: Layout) -> Change:
    one, keys = _read(Silence, record, layout, lambda silence: silence.tenant)
    steps = [
        _put(keys.of("silences"), one.id, record.value or b""),
        _rank(keys.of("silences.ends"), one.id, one.ends_ms),
    ]
    return Change(one.tenant, one.id, one.updated_ms, steps)


def _result(record: Record, layout: Layout) -> Change:
    one, keys = _read(CommandResult, record, layout, lambda result: result.tenant)
    key = keys.result(one.command_id)
    # Its time is the stage's, which may lie in the past; whoever waits does so now.
    step = Step((key,), ("SET", key, record.value or b"", "PX", RESULT_KEEP_MS))
    return Change(one.tenant, "", one.at_ms, [step])


def _notification(record: Record, layout: Layout) -> Change:
    one, keys = _read(Notification, record, layout, lambda notification: notification.tenant)
    # Of a storm's notifications their contexts would take more than everything else together.
    body = one.model_copy(update={"context": None}).to_bytes()
    steps = [_put(keys.of("notifications"), one.id, body), _rank(keys.of("notifications.at"), one.id, one.at_ms)]
    return Change(one.tenant, one.id, one.at_ms, steps)


def _outcome(record: Record, layout: Layout) -> Change:
    one, keys = _read(NotificationResult, record, layout, lambda result: result.tenant)
    steps = [_put(keys.of("outcomes"), one.notification_id, record.value or b"")]
    steps.append(_orphan(keys, ("notifications", "notifications.at"), one.notification_id, one.at_ms))
    return Change(one.tenant, one.notification_id, one.at_ms, steps)


def _slo(record: Record, layout: Layout) -> Change:
    one, keys = _read(SloStatus, record, layout, lambda status: status.tenant)
    return Change(one.tenant, one.slo, one.at_ms, [_put(keys.of("slos"), one.slo, record.value or b"")])


def _health(record: Record, layout: Layout) -> Change:
    one, keys = _read(EntityHealth, record, layout, lambda health: health.tenant)
    steps = [
        _put(keys.of("health"), one.entity, record.value or b""),
        _rank(keys.of("health.at"), one.entity, one.at_ms),
    ]
    return Change(one.tenant, one.entity, one.at_ms, steps)


def _forgotten(record: Record, layout: Layout, names: tuple[str, ...]) -> Change:
    tenant, separator, identity = (record.key or b"").decode(errors="replace").partition("/")
    if not separator:
        raise SchemaError("a tombstone whose key names nothing")
    keys = TenantKeys(layout.prefix, tenant)
    steps = [_drop(keys.of(names[0]), identity), *(_unrank(keys.of(name), identity) for name in names[1:])]
    return Change(tenant, identity, 0, steps)


# How a record is read, and from where a tombstone takes what it names: a hash, then sorted sets.
_READINGS: Final[Mapping[str, tuple[Reading, tuple[str, ...]]]] = MappingProxyType(
    {
        ALERTS.name: (_alert, ()),
        ALERT_STATUS.name: (_status, ("statuses",)),
        INCIDENTS.name: (_incident, ("incidents", "incidents.updated", "incidents.ended")),
        TIMELINE.name: (_entry, ()),
        SILENCES.name: (_silence, ("silences", "silences.ends")),
        COMMAND_RESULTS.name: (_result, ()),
        NOTIFICATIONS.name: (_notification, ()),
        NOTIFICATION_RESULTS.name: (_outcome, ()),
        SLO_STATUS.name: (_slo, ("slos",)),
        HEALTH.name: (_health, ("health", "health.at")),
        FEEDBACK.name: (_feedback, ("feedback",)),
    }
)
