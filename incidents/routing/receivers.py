"""Who is told, and by what: a receiver and its integrations, with secrets that stay where they were read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

SENDS_RESOLVED: Final[Mapping[str, bool]] = {
    "pagerduty": True,
    "jira": True,
    "opsgenie": True,
    "jsm": True,
    "slack": False,
    "webhook": True,
    "email": False,
    "log": True,
}
"""Kinds of integrations, and whether they tell that it is over where nothing else is said: as Alertmanager has it."""
KINDS: Final = tuple(SENDS_RESOLVED)
DRAWS_CHANGES: Final = frozenset({"pagerduty"})
"""Kinds that can show changes beside incidents."""


@dataclass(frozen=True, slots=True)
class Integration:
    """One way of a receiver to tell people.

    Parameters
    ----------
    kind
        Of ``KINDS``.
    index
        Its position among the receiver's of this kind.
    send_resolved
        Whether it tells that it is over.
    send_changes
        Whether it is told of every change, to draw it beside incidents.
    settings
        As the file has them, with what ``global`` says filled in; with secrets, and never shown.
    line
        Where it stands in the file.
    """

    kind: str
    index: int
    send_resolved: bool
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    line: int = field(default=1, repr=False, compare=False)
    send_changes: bool = False

    @property
    def name(self) -> str:
        """Its own in the receiver, as a notification names it.

        Examples
        --------
        >>> Integration("pagerduty", 0, True).name
        'pagerduty[0]'
        """
        return f"{self.kind}[{self.index}]"


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who else is told while nobody acknowledges.

    Parameters
    ----------
    after_ms
        How long after the first telling; rising.
    receivers
        Who is told then, one for each.
    """

    after_ms: tuple[int, ...]
    receivers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Receiver:
    """A name that routes give, and what stands behind it.

    Parameters
    ----------
    name
        Its own.
    integrations
        In the order of ``KINDS``; none tells nobody.
    digest_ms
        Where above 0, what came in so long is told in one message.
    escalation
        Who else is told while nobody acknowledges.
    oncall
        Name of the schedule that says whose turn it is; empty for none.
    """

    name: str
    integrations: tuple[Integration, ...] = ()
    digest_ms: int = 0
    escalation: Escalation | None = None
    oncall: str = ""

    def public(self) -> dict[str, Any]:
        """As JSON has it, without what its integrations need to know."""
        chain = self.escalation
        return {
            "name": self.name,
            "integrations": [
                {
                    "kind": one.kind,
                    "index": one.index,
                    "send_resolved": one.send_resolved,
                    "send_changes": one.send_changes,
                }
                for one in self.integrations
            ],
            "digest_ms": self.digest_ms,
            "escalation": chain and {"after_ms": list(chain.after_ms), "receivers": list(chain.receivers)},
            "oncall": self.oncall,
        }

    @classmethod
    def from_public(cls, body: Mapping[str, Any]) -> Self:
        """From what ``public`` gave; its integrations have no settings."""
        chain = body["escalation"]
        return cls(
            name=body["name"],
            integrations=tuple(
                # A setting of an older release says nothing of changes.
                Integration(
                    one["kind"], one["index"], one["send_resolved"], send_changes=one.get("send_changes", False)
                )
                for one in body["integrations"]
            ),
            digest_ms=body["digest_ms"],
            escalation=chain and Escalation(tuple(chain["after_ms"]), tuple(chain["receivers"])),
            oncall=body["oncall"],
        )
