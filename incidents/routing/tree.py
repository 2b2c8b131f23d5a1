"""The tree of routes: which of them an alert takes, how it is grouped there, and why it is that one.

As Alertmanager walks it: depth first, the first child that fits ends the search unless it says ``continue``.
https://prometheus.io/docs/alerting/latest/configuration/#route
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from incidents.routing.matchers import Matchers, all_hold, go_quoted, matcher, matchers_text

GROUP_WAIT_MS: Final = 30_000
GROUP_INTERVAL_MS: Final = 300_000
REPEAT_INTERVAL_MS: Final = 14_400_000
ALL_LABELS: Final = "..."
"""In ``group_by``: every alert is a group of its own."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a group waits.

    Parameters
    ----------
    group_wait_ms
        Before it is told for the first time, so that others may join.
    group_interval_ms
        Between two tellings, where something changed.
    repeat_interval_ms
        Before the same is told again.
    """

    group_wait_ms: int = GROUP_WAIT_MS
    group_interval_ms: int = GROUP_INTERVAL_MS
    repeat_interval_ms: int = REPEAT_INTERVAL_MS


@dataclass(frozen=True, slots=True)
class Route:
    """A node of the tree, with what it has from those above it filled in.

    Parameters
    ----------
    id
        Its own in the tree: its key with the positions of all routes down to it.
    key
        Alertmanager's: the matchers of all routes down to it.
    receiver
        Name of who is told.
    matchers
        In order; all have to hold.
    group_by
        Labels' names, or ``...`` alone.
    timing
        How long groups wait.
    continue_
        Whether the search goes on beside it.
    mute_time_intervals, active_time_intervals
        Names of when nothing is told, and of when alone something is.
    routes
        Those below it.
    line
        Where it stands in its file; 0 where it came without one.
    """

    id: str
    key: str
    receiver: str
    matchers: Matchers = ()
    group_by: tuple[str, ...] = ()
    timing: Timing = field(default_factory=Timing)
    continue_: bool = False
    mute_time_intervals: tuple[str, ...] = ()
    active_time_intervals: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    line: int = field(default=0, compare=False)

    def fits(self, labels: Mapping[str, str]) -> bool:
        """Whether an alert's labels satisfy its matchers."""
        return all_hold(self.matchers, labels)

    def match(self, labels: Mapping[str, str]) -> list[Route]:
        """The routes that an alert takes, this one or some below it; none if it does not fit."""
        if not self.fits(labels):
            return []
        found: list[Route] = []
        for one in self.routes:
            below = one.match(labels)
            found += below
            if below and not one.continue_:
                break
        return found or [self]

    def walk(self) -> Iterator[Route]:
        """The route and all below it, depth first."""
        yield self
        for one in self.routes:
            yield from one.walk()

    @property
    def groups_by_all(self) -> bool:
        """Whether every alert is a group of its own."""
        return self.group_by == (ALL_LABELS,)

    def group_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Those of an alert's labels by which it is grouped here; one that it has not is left out."""
        return {name: value for name, value in labels.items() if self.groups_by_all or name in self.group_by}

    def group_key(self, labels: Mapping[str, str]) -> str:
        """The group of an alert, as Alertmanager's webhook names it in ``groupKey``.

        Examples
        --------
        >>> page = Route("0", '{}/{a=~"b"}', "pager", group_by=("alertname",))
        >>> page.group_key({"alertname": "Down", "node": "h1"})
        '{}/{a=~"b"}:{alertname="Down"}'
        """
        return f"{self.key}:{labels_text(self.group_labels(labels))}"

    def public(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "id": self.id,
            "key": self.key,
            "receiver": self.receiver,
            "matchers": [[one.name, one.operator, one.value] for one in self.matchers],
            "group_by": list(self.group_by),
            "group_wait_ms": self.timing.group_wait_ms,
            "group_interval_ms": self.timing.group_interval_ms,
            "repeat_interval_ms": self.timing.repeat_interval_ms,
            "continue": self.continue_,
            "mute_time_intervals": list(self.mute_time_intervals),
            "active_time_intervals": list(self.active_time_intervals),
            "routes": [one.public() for one in self.routes],
        }

    @classmethod
    def from_public(cls, body: Mapping[str, Any]) -> Self:
        """From what ``public`` gave."""
        return cls(
            id=body["id"],
            key=body["key"],
            receiver=body["receiver"],
            matchers=tuple(matcher(*one) for one in body["matchers"]),
            group_by=tuple(body["group_by"]),
            timing=Timing(body["group_wait_ms"], body["group_interval_ms"], body["repeat_interval_ms"]),
            continue_=body["continue"],
            mute_time_intervals=tuple(body["mute_time_intervals"]),
            active_time_intervals=tuple(body["active_time_intervals"]),
            routes=tuple(cls.from_public(one) for one in body["routes"]),
        )


@dataclass(frozen=True, slots=True)
class Visit:
    """What the search saw at a route.

    Parameters
    ----------
    route
        Where it was.
    failed
        The matchers that do not hold; where there are some, nothing below was looked at.
    below
        Children in order, up to the one that ended the search.
    unseen
        Children behind that one.
    is_taken
        Whether the alert takes this very route.
    """

    route: Route
    failed: Matchers = ()
    below: tuple[Visit, ...] = ()
    unseen: tuple[Route, ...] = ()
    is_taken: bool = False

    def taken(self) -> Iterator[tuple[Visit, ...]]:
        """The paths, from here down, to the routes that are taken."""
        if self.is_taken:
            yield (self,)
        for one in self.below:
            yield from ((self, *path) for path in one.taken())


def visit(route: Route, labels: Mapping[str, str]) -> Visit:
    """Search as ``Route.match`` does, and keep what was seen.

    Examples
    --------
    >>> leaf = Route("{}/{}/0", "{}/{}", "b")
    >>> [[at.route.receiver for at in path] for path in visit(Route("{}", "{}", "a", routes=(leaf,)), {}).taken()]
    [['a', 'b']]
    """
    failed = tuple(one for one in route.matchers if not one.holds(labels))
    if failed:
        return Visit(route, failed)
    below: list[Visit] = []
    for one in route.routes:
        below.append(visit(one, labels))
        if not below[-1].failed and not one.continue_:
            break
    is_taken = all(one.failed for one in below)
    return Visit(route, (), tuple(below), route.routes[len(below) :], is_taken)


def labels_text(labels: Mapping[str, str]) -> str:
    """Labels as Alertmanager's group keys have them.

    Examples
    --------
    >>> labels_text({"node": "h1", "alertname": "Down"})
    '{alertname="Down", node="h1"}'
    """
    return "{" + ", ".join(f"{name}={go_quoted(value)}" for name, value in sorted(labels.items())) + "}"


def key_below(above: str, matchers: Matchers) -> str:
    """The key of a route below another; that of the root stands above nothing."""
    text = matchers_text(matchers)
    return f"{above}/{text}" if above else text
