"""All that decides who is told of what: the file of routes, read.

Secrets stay in the integrations' settings; ``public()`` is the same without them, and goes into the ``settings`` topic.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from incidents.routing.inhibition import InhibitRule
from incidents.routing.intervals import TimeInterval, first_ms
from incidents.routing.matchers import Matchers, all_hold, matcher
from incidents.routing.receivers import Receiver
from incidents.routing.settings import SUBJECT, FatigueSettings
from incidents.routing.tree import Route
from schemas.errors import SchemaError
from schemas.events import Setting

RESOLVE_TIMEOUT_MS: Final = 300_000
BUSINESS_HOURS: Final = "business-hours"
"""Name of the time interval in whose place that of a team stands, for alerts of the team."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Something that is read, and does nothing: of Alertmanager's what is not spoken here, and what is never reached.

    Parameters
    ----------
    file, line
        Where it stands.
    what, way_out
        What it is, and what to do.
    """

    file: str
    line: int
    what: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}. {self.way_out}"


@dataclass(frozen=True, slots=True)
class Team:
    """People who look after some alerts.

    Parameters
    ----------
    name
        Their own.
    matchers
        Of their alerts; of several teams whose fit the first one has it.
    business_hours
        Name of the time interval that is theirs; ``business-hours`` where they have none.
    timezone
        Whose clocks it goes by; those of the interval where empty.
    """

    name: str
    matchers: Matchers
    business_hours: str = BUSINESS_HOURS
    timezone: str = ""

    def public(self) -> dict[str, Any]:
        """As JSON has it."""
        matchers = [[one.name, one.operator, one.value] for one in self.matchers]
        return {
            "name": self.name,
            "matchers": matchers,
            "business_hours": self.business_hours,
            "timezone": self.timezone,
        }

    @classmethod
    def from_public(cls, body: Mapping[str, Any]) -> Self:
        """From what ``public`` gave."""
        matchers = tuple(matcher(*one) for one in body["matchers"])
        return cls(body["name"], matchers, body["business_hours"], body["timezone"])


@dataclass(frozen=True, slots=True)
class Schedule:
    """Whose turn it is, in a calendar file.

    Parameters
    ----------
    name
        Its own.
    ics
        Paths of iCalendar files, as they stand in the file of routes.
    timezone
        Of events without one.
    fallback
        Name of the receiver that is told while it is nobody's turn; empty for none.
    overrides
        Paths of those that count before ``ics``.
    regions
        Values of the label ``region`` whose alerts are its own, whatever schedule their receiver names.
    """

    name: str
    ics: tuple[str, ...]
    timezone: str = "UTC"
    fallback: str = ""
    overrides: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()

    def public(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "ics": list(self.ics),
            "timezone": self.timezone,
            "fallback": self.fallback,
            "overrides": list(self.overrides),
            "regions": list(self.regions),
        }

    @classmethod
    def from_public(cls, body: Mapping[str, Any]) -> Self:
        """From what ``public`` gave."""
        return cls(
            name=body["name"],
            ics=tuple(body["ics"]),
            timezone=body["timezone"],
            fallback=body["fallback"],
            overrides=tuple(body["overrides"]),
            regions=tuple(body["regions"]),
        )


@dataclass(frozen=True, slots=True)
class Muting:
    """Why a route tells nothing at a time.

    Parameters
    ----------
    intervals
        Names: of those that mute, or of those none of which is open.
    is_inactive
        Whether it waits for one of them to open.
    opens_ms
        When it tells again; none if that is too far ahead.
    """

    intervals: tuple[str, ...]
    is_inactive: bool
    opens_ms: int | None


@dataclass(frozen=True, slots=True)
class RoutingConfig:
    """Routes, receivers, time intervals, inhibitions, teams, schedules and limits.

    Parameters
    ----------
    root
        Of the tree of routes.
    receivers, intervals
        By name.
    inhibit_rules
        In the file's order.
    teams, schedules
        In the file's order.
    fatigue
        How people are kept from being told too much.
    resolve_timeout_ms
        How long an alert that was posted without an end lasts after its last repetition.
    unsupported
        What was read, and does nothing here.
    """

    root: Route
    receivers: Mapping[str, Receiver]
    intervals: Mapping[str, TimeInterval] = field(default_factory=dict)
    inhibit_rules: tuple[InhibitRule, ...] = ()
    teams: tuple[Team, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    fatigue: FatigueSettings = field(default_factory=FatigueSettings)
    resolve_timeout_ms: int = RESOLVE_TIMEOUT_MS
    unsupported: tuple[Unsupported, ...] = field(default=(), compare=False)

    def match(self, labels: Mapping[str, str]) -> list[Route]:
        """The routes that an alert takes."""
        return self.root.match(labels)

    def team_of(self, labels: Mapping[str, str]) -> Team | None:
        """Whose alert it is."""
        return next((one for one in self.teams if all_hold(one.matchers, labels)), None)

    def interval_for(self, name: str, labels: Mapping[str, str]) -> TimeInterval:
        """The time interval of a name, as the team of an alert has it."""
        team = self.team_of(labels) if name == BUSINESS_HOURS else None
        if team is None:
            return self.intervals[name]
        found = self.intervals[team.business_hours]
        return found.in_zone(team.timezone) if team.timezone else found

    def muting(self, route: Route, labels: Mapping[str, str], at_ms: int) -> Muting | None:
        """Why a route tells nothing of an alert at a time; none if it tells.

        A muting interval is looked at first, and a route with active ones tells in any of them alone.

        Parameters
        ----------
        route
            One that the alert takes.
        labels
            The alert's.
        at_ms
            Event time.
        """
        mutes = {name: self.interval_for(name, labels) for name in route.mute_time_intervals}
        actives = {name: self.interval_for(name, labels) for name in route.active_time_intervals}

        def tells(ms: int) -> bool:
            is_active = not actives or any(one.contains(ms) for one in actives.values())
            return is_active and not any(one.contains(ms) for one in mutes.values())

        if tells(at_ms):
            return None
        opens_ms = first_ms(tells, [*mutes.values(), *actives.values()], at_ms)
        muted_by = tuple(name for name, one in mutes.items() if one.contains(at_ms))
        return Muting(muted_by or tuple(actives), not muted_by, opens_ms)

    def escalates_to(self, receiver: str) -> Iterator[tuple[int, Receiver]]:
        """Who else is told while nobody acknowledges, and how long after the first telling, in ms."""
        chain = self.receivers[receiver].escalation
        if chain is not None:
            for after_ms, name in zip(chain.after_ms, chain.receivers, strict=True):
                yield after_ms, self.receivers[name]

    def public(self) -> dict[str, Any]:
        """As JSON has it, without secrets: the body of a setting of subject ``routing``."""
        return {
            "route": self.root.public(),
            "receivers": [one.public() for one in self.receivers.values()],
            "time_intervals": [one.public() for one in self.intervals.values()],
            "inhibit_rules": [one.public() for one in self.inhibit_rules],
            "teams": [one.public() for one in self.teams],
            "schedules": [one.public() for one in self.schedules],
            "fatigue": self.fatigue.model_dump(mode="json"),
            "resolve_timeout_ms": self.resolve_timeout_ms,
        }

    def setting(self, valid_from_ms: int) -> Setting:
        """What tells the stage that decides by it, from an event time on."""
        return Setting(subject=SUBJECT, valid_from_ms=valid_from_ms, body=self.public())

    @classmethod
    def from_public(cls, body: Mapping[str, Any]) -> Self:
        """From what ``public`` gave.

        Raises
        ------
        SchemaError
            If it is something else.
        """
        try:
            return cls._from_public(body)
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError(f"not a {SUBJECT} setting: {type(error).__name__}: {error}") from error

    @classmethod
    def _from_public(cls, body: Mapping[str, Any]) -> Self:
        receivers = [Receiver.from_public(one) for one in body["receivers"]]
        intervals = [TimeInterval.from_public(one) for one in body["time_intervals"]]
        return cls(
            root=Route.from_public(body["route"]),
            receivers={one.name: one for one in receivers},
            intervals={one.name: one for one in intervals},
            inhibit_rules=tuple(InhibitRule.from_public(one) for one in body["inhibit_rules"]),
            teams=tuple(Team.from_public(one) for one in body["teams"]),
            schedules=tuple(Schedule.from_public(one) for one in body["schedules"]),
            fatigue=FatigueSettings.model_validate(body["fatigue"]),
            resolve_timeout_ms=body["resolve_timeout_ms"],
        )
