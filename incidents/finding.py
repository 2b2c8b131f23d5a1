"""What an alert is made of: the states of its episode, whichever stage tells them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, NamedTuple, Protocol, TypeVar

from schemas.events import Priority, Severity

Episode = tuple[str, str, int, str]
"""Tenant, the teller's own id, start and alert name: what names an alert without hashing its labels."""
NOBODY: Final[frozenset[str]] = frozenset()
PAGING: Final[frozenset[Priority]] = frozenset({"P0", "P1"})
PRIORITY_RANK: Final[Mapping[Priority, int]] = {"P0": 0, "P1": 1, "P2": 2, "P3": 3}
SEVERITY_RANK: Final[Mapping[Severity, int]] = {"info": 0, "warning": 1, "critical": 2}
STATE_RANK: Final = {"start": 0, "update": 1, "end": 2}

Points = tuple[tuple[int, float], ...]
"""Times and values of a series, oldest first."""

Source = Literal["anomaly", "slo", "posted"]
"""Who tells of an alert."""


class Told(Protocol):
    """What every teller's events have: whose they are, which episode's, which of its states, and when."""

    @property
    def id(self) -> str:
        """The teller's own, of the episode."""

    @property
    def tenant(self) -> str:
        """Whose it is."""

    @property
    def state(self) -> Literal["start", "update", "end"]:
        """Which state of the episode."""

    @property
    def started_ms(self) -> int:
        """When the episode began."""

    @property
    def at_ms(self) -> int:
        """When it was so."""

    def to_bytes(self) -> bytes:
        """As it is kept."""


ToldT = TypeVar("ToldT", bound=Told)


class Named(NamedTuple):
    """How an incident's title speaks of an alert: by its rule, by what is anomalous, or by its objective."""

    role: Literal["rule", "anomalous", "objective"]
    text: str


class Identity(NamedTuple):
    """What is the same in all of an alert's states.

    Parameters
    ----------
    labels
        The alert's; its fingerprint is made of them.
    entity, signal
        What the alert is about.
    place
        What alerts are related by that are of one entity; empty if it is related to none by that.
    objective
        What alerts of one objective are related by that go on at a time; None for what is of none.
    service
        The service that it names; empty if it names none, or is related to nothing by that.
    symptom
        Whether users notice it.
    """

    labels: dict[str, str]
    entity: str
    signal: str
    place: str
    objective: str | None = None
    service: str = ""
    symptom: bool = False


@dataclass(frozen=True, slots=True)
class Finding(ABC, Generic[ToldT]):
    """One state of an alert's episode.

    Parameters
    ----------
    event
        As it was told.
    """

    event: ToldT

    @property
    def tenant(self) -> str:
        """Whose it is."""
        return self.event.tenant

    @property
    def started_ms(self) -> int:
        """When its episode began."""
        return self.event.started_ms

    @property
    def at_ms(self) -> int:
        """When it was so."""
        return self.event.at_ms

    @property
    def episode(self) -> Episode:
        """The episode that the state belongs to."""
        return self.event.tenant, self.event.id, self.event.started_ms, self.name

    @property
    @abstractmethod
    def name(self) -> str:
        """What the alert is called."""

    @property
    @abstractmethod
    def source(self) -> Source:
        """Who tells of it."""

    @property
    @abstractmethod
    def named(self) -> Named:
        """How an incident's title speaks of it."""

    @property
    @abstractmethod
    def subject(self) -> str:
        """What it is about, in a sentence."""

    @abstractmethod
    def labels(self) -> dict[str, str]:
        """The labels that identify the alert."""

    @abstractmethod
    def identity(self, labels: dict[str, str]) -> Identity:
        """What never changes, given the alert's labels."""

    @property
    @abstractmethod
    def ended_ms(self) -> int | None:
        """The episode's end, if this state tells it."""

    def joined_end(self, known_ms: int | None, other: Finding[Any]) -> int | None:
        """The episode's end, this being its newest state: the latest that any state told.

        Parameters
        ----------
        known_ms
            What was known of it.
        other
            The state that has just come, which may be this one.
        """
        return later_of(known_ms, other.ended_ms)

    @property
    def due_ms(self) -> int | None:
        """When the episode ends by itself; None for what ends when that is told."""
        return None

    @property
    def silent(self) -> bool:
        """Whether it says that no data comes any more, which is no end."""
        return False

    @property
    def series(self) -> str | None:
        """What sends the data that it is made of."""
        return None

    @property
    def alive_ms(self) -> int | None:
        """When its series certainly sent something, for others of that series that fell silent before."""
        return None

    @property
    def told_ms(self) -> int:
        """When it last said something new."""
        return self.event.at_ms

    @property
    @abstractmethod
    def began_ms(self) -> int | None:
        """When what it tells of began; None where nobody can say."""

    @property
    @abstractmethod
    def priority(self) -> Priority:
        """How urgent it is."""

    @property
    @abstractmethod
    def safety(self) -> bool:
        """Whether it is on the safety list."""

    @property
    @abstractmethod
    def severity(self) -> Severity:
        """How severe it is."""

    @property
    @abstractmethod
    def badness(self) -> float:
        """What is higher in a worse state of the episode."""

    @property
    @abstractmethod
    def peak_score(self) -> float | None:
        """The highest score that it tells of."""

    @property
    def spenders(self) -> frozenset[str]:
        """Entities that spent an objective's budget."""
        return NOBODY

    @property
    def since_ms(self) -> int:
        """Since when its objective has spoken all along, as far as this state tells."""
        return self.event.started_ms

    @property
    def recent(self) -> Points:
        """The hour of its series that led to it, oldest first; empty where it does not tell."""
        return ()

    @property
    def falls_silent(self) -> bool:
        """Whether nobody looks after it any more if nothing is heard of it for long."""
        return True

    @property
    def confidence(self) -> float:
        """How likely it is a real one; what is counted or posted is certain."""
        return 1.0

    @property
    def facts(self) -> Mapping[str, str]:
        """What a runbook may ask for beside labels, signal, severity, priority and change."""
        return {}

    @property
    def generator_url(self) -> str:
        """Where its teller explains it."""
        return ""

    def runbooks(self, worst: Finding[Any]) -> Sequence[str]:
        """Ids of runbooks that its teller names."""
        del worst
        return ()

    @property
    @abstractmethod
    def ended(self) -> str:
        """How it ended, in words."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """One line: what, where, how bad."""

    @abstractmethod
    def annotations(self, worst: Finding[Any]) -> dict[str, str]:
        """What the alert says beside its summary, of the newest state and the worst."""

    @abstractmethod
    def alert_body(self, worst: Finding[Any]) -> Mapping[str, Any]:
        """What is special in the published alert, of the newest state and the worst."""

    @abstractmethod
    def member_body(self) -> Mapping[str, Any]:
        """What is special in what an incident says of it, of the worst state."""


def later_of(one: int | None, other: int | None) -> int | None:
    """The later of two times, as far as they are known."""
    if one is None or other is None:
        return other if one is None else one
    return max(one, other)


def newer(one: ToldT, other: ToldT) -> ToldT:
    """The later state of an episode in event time; a total order, so that any order of arrival ends alike."""
    mine, theirs = (one.at_ms, STATE_RANK[one.state]), (other.at_ms, STATE_RANK[other.state])
    if mine != theirs:
        return one if mine > theirs else other
    return one if one.to_bytes() >= other.to_bytes() else other


def newer_finding(one: Finding[Any], other: Finding[Any]) -> Finding[Any]:
    """The later state."""
    return one if newer(one.event, other.event) is one.event else other


def worse_finding(one: Finding[Any], other: Finding[Any]) -> Finding[Any]:
    """The worse state, the earlier of equals; a total order too."""
    mine, theirs = (one.badness, -one.at_ms), (other.badness, -other.at_ms)
    if mine != theirs:
        return one if mine > theirs else other
    return one if one.event.to_bytes() >= other.event.to_bytes() else other
