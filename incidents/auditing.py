"""What the audit says of incidents, alerts, silences and commands: what it was, what it is, why, and who did it.

An entry's id is made of what it says, so that a step that is repeated writes the same one.

Examples
--------
>>> move = Move("open", "acknowledged", 5_000, "I look", "ada")
>>> entry = incident_moved("acme", "i1", move)
>>> entry.before, entry.after, entry.by, entry.id == incident_moved("acme", "i1", move).id
('open', 'acknowledged', 'ada', True)
"""

from __future__ import annotations

from typing import Any, NamedTuple

from incidents.routing.matchers import matcher_of, matchers_text
from models.explain import duration
from schemas.command_events import Command, Silence
from schemas.events import AuditAction, AuditEntry
from schemas.ids import event_id
from schemas.incident_events import Alert


class Move(NamedTuple):
    """A transition.

    Parameters
    ----------
    before, after
        States; empty where there was nothing before.
    at_ms
        When.
    why
        In words.
    by
        Who did it, where a person or a tool did.
    """

    before: str
    after: str
    at_ms: int
    why: str
    by: str = ""


def incident_moved(tenant: str, incident_id: str, move: Move) -> AuditEntry:
    """An incident changed its state, or began."""
    return _entry(tenant, "decide", "incident_moved", move, subject=f"incident {incident_id}", subject_id=incident_id)


def alert_turned(alert: Alert, move: Move) -> AuditEntry:
    """An alert stands otherwise on its way to people, or began."""
    name = alert.labels.get("alertname", alert.signal)
    subject = f"alert {name} of {alert.entity}" if alert.entity else f"alert {name}"
    return _entry(
        alert.tenant, "route", "alert_turned", move, subject=subject, subject_id=alert.id, entity=alert.entity
    )


def silence_changed(silence: Silence, before: str, at_ms: int, by: str) -> AuditEntry:
    """A silence was put or changed, or is over.

    Parameters
    ----------
    silence
        As it is now.
    before
        Its state before; empty where it is new.
    at_ms
        When.
    by
        Who did it; empty where its time was over.
    """
    after = silence.state_at(at_ms)
    comment = f": {silence.comment}" if silence.comment else ""
    given = matchers_text(tuple(map(matcher_of, silence.matchers)))
    if after == "expired":
        action: AuditAction = "silence_expired"
        why = "it was ended" if by else "its time is over"
    else:
        lasts = duration((silence.ends_ms - silence.starts_ms) / 1000)
        action = "silence_put"
        why = f"it mutes {given} for {lasts}{comment}"
    move = Move(before, after, at_ms, why, by)
    return _entry(silence.tenant, "route", action, move, subject=f"silence {silence.id}", subject_id=silence.id)


def command_answered(stage: str, command: Command, at_ms: int, reason: str, subject_id: str) -> AuditEntry:
    """What somebody asked for was done, or refused.

    Parameters
    ----------
    stage
        Who answers.
    command
        What was asked for.
    at_ms
        When.
    reason
        Why it was refused; empty where it was done.
    subject_id
        Id of what it is about; empty where that is not known.
    """
    action: AuditAction = "command_refused" if reason else "command_done"
    body = command.body
    note = getattr(body, "note", "") or getattr(body, "comment", "")
    move = Move("asked", "refused" if reason else "done", at_ms, reason or note, command.by)
    subject = f"command {body.kind}"
    return _entry(
        command.tenant,
        stage,
        action,
        move,
        subject=subject,
        subject_id=subject_id or None,
        command_id=command.id,
    )


def _entry(tenant: str, stage: str, action: AuditAction, move: Move, **more: Any) -> AuditEntry:
    parts = [more.get("subject_id"), more.get("command_id"), *move]
    return AuditEntry(
        id=event_id("audit", tenant, stage, action, *parts),
        tenant=tenant,
        stage=stage,
        action=action,
        **move._asdict(),
        **more,
    )
