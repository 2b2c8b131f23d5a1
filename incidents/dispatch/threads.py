"""A thread: what one receiver is told of one group of alerts, from its opening to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from incidents.routing.receivers import Integration, Receiver

INCIDENT_LABEL: Final = "incident_id"
_SETS: Final = ("told", "told_over", "spent")


@dataclass(slots=True)
class Thread:
    """What a receiver is told of a group.

    Parameters
    ----------
    tenant, receiver, group_key
        What it is: a group of a route, or, where groups are incidents, an incident whatever route leads there.
    group_labels
        What its alerts share.
    incident_id
        The incident that it is about, where groups are incidents.
    created_ms
        When its first alert came.
    members
        Keys of its alerts, and the id of the route that led each here.
    told
        Keys of the alerts that the receiver was told of as firing.
    told_over
        Of those, the ones that it was told of as ended.
    spent
        Keys of its alerts when it was told that all is over.
    spent_revision
        Of the incident then, so that an older state of it that is read again opens nothing.
    ends_ms
        It is not told that all is over before, where it was over when it was told of.
    keys
        Dedup keys that are open, in the order of their opening.
    told_p0
        Whether it was told of an alert that is P0 by itself, and not only of an incident that is.
    told_rank
        How urgent it was when it was last told; 9 before.
    sequence
        Of the last notification.
    opened_ms, told_ms, closed_ms
        When it was first told of, last, and that it is over.
    escalation
        Which step of a chain made it; 0 is none.
    escalated
        How many steps of its own chain were taken.
    held_until_ms
        Nothing is told before: a throttle, a suppression or an interval holds it back.
    in_overflow
        Whether a summary named it while a throttle held it back.
    assignees
        Who is on call.
    integrations
        Of the receiver when it was last told: kind, position, and whether it is told that all is over; so that a
        receiver that is configured no longer is told all the same.
    lacking
        Names of integrations that a kill kept from being told, and what the others were told.
    """

    tenant: str
    receiver: str
    group_key: str
    group_labels: dict[str, str]
    incident_id: str | None
    created_ms: int
    members: dict[str, str] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    told_over: set[str] = field(default_factory=set)
    spent: set[str] = field(default_factory=set)
    spent_revision: int = 0
    ends_ms: int = 0
    keys: list[str] = field(default_factory=list)
    told_p0: bool = False
    told_rank: int = 9
    sequence: int = 0
    opened_ms: int | None = None
    told_ms: int | None = None
    closed_ms: int | None = None
    escalation: int = 0
    escalated: int = 0
    held_until_ms: int = 0
    in_overflow: bool = False
    assignees: list[str] = field(default_factory=list)
    integrations: list[tuple[str, int, bool]] = field(default_factory=list)
    lacking: dict[str, bytes] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Its own among all threads."""
        return thread_key(self.tenant, self.receiver, self.group_key, self.escalation)

    @property
    def is_open(self) -> bool:
        """Whether the receiver was told, and not yet that it is over."""
        return bool(self.keys)

    def last_receiver(self) -> Receiver | None:
        """The receiver as it was when it was last told; None where it never was."""
        if not self.integrations:
            return None
        return Receiver(self.receiver, tuple(Integration(kind, at, tells) for kind, at, tells in self.integrations))

    def next_sequence(self, at_ms: int) -> int:
        """Rises, after the thread was forgotten too."""
        self.sequence = max(self.sequence + 1, at_ms)
        return self.sequence

    def close(self, at_ms: int, revision: int) -> None:
        """Take note that the receiver knows that it is over, as of a revision of its incident."""
        self.keys.clear()
        self.spent, self.spent_revision = set(self.members), revision
        self.told.clear()
        self.told_over.clear()
        self.opened_ms, self.closed_ms = None, at_ms
        self.escalated, self.told_rank, self.told_p0 = 0, 9, False
        self.held_until_ms, self.in_overflow = 0, False

    def absorb(self, other: Thread) -> None:
        """Take over what was told of an incident that became part of this one's: its keys end with this thread's."""
        self.members = {**other.members, **self.members}
        self.told |= other.told
        self.told_over |= other.told_over
        self.spent |= other.spent
        self.integrations = self.integrations or other.integrations
        self.lacking = {**other.lacking, **self.lacking}
        self.spent_revision = 0  # of another incident
        self.keys += [key for key in other.keys if key not in self.keys]
        self.sequence = max(self.sequence, other.sequence)
        self.opened_ms = _earlier(self.opened_ms, other.opened_ms)
        self.told_ms = _earlier(self.told_ms, other.told_ms)
        self.created_ms = min(self.created_ms, other.created_ms)
        self.told_rank = min(self.told_rank, other.told_rank)
        self.told_p0 = self.told_p0 or other.told_p0
        self.escalated = max(self.escalated, other.escalated)

    def pack(self) -> dict[str, Any]:
        """As a block has it."""
        sets = {name: sorted(getattr(self, name)) for name in _SETS}
        return {**asdict(self), **sets}

    @classmethod
    def unpack(cls, body: Mapping[str, Any]) -> Thread:
        """From a block."""
        ways = [(kind, index, tells) for kind, index, tells in body["integrations"]]
        return cls(**{**body, **{name: set(body[name]) for name in _SETS}, "integrations": ways})


def thread_key(tenant: str, receiver: str, group_key: str, escalation: int = 0) -> str:
    """The key of a thread.

    Examples
    --------
    >>> thread_key("acme", "page", "{}:{}"), thread_key("acme", "boss", "{}:{}", 2)
    ('acme/page/{}:{}', 'acme/boss/{}:{}#2')
    """
    return f"{tenant}/{receiver}/{group_key}" + (f"#{escalation}" if escalation else "")


def _earlier(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)
