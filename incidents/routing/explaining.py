"""Says where an alert goes, whether it is told now, and why: what ``metrics-ai routes test`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from incidents.routing.config import Muting, RoutingConfig
from incidents.routing.matchers import matchers_text
from incidents.routing.tree import Route, Visit, visit


@dataclass(frozen=True, slots=True)
class Destination:
    """A route that an alert takes.

    Parameters
    ----------
    path
        What the search saw, from the root to the route.
    muting
        Why it tells nothing at that time; none if it tells.
    group_key, group_labels
        The group that the alert is in there.
    told_by
        Names of the receiver's integrations.
    labels
        The alert's.
    """

    path: tuple[Visit, ...]
    muting: Muting | None
    group_key: str
    group_labels: Mapping[str, str]
    told_by: tuple[str, ...]
    labels: Mapping[str, str]

    @property
    def route(self) -> Route:
        """The route itself."""
        return self.path[-1].route

    def steps(self) -> list[dict[str, Any]]:
        """The search, level by level: what held, which others did not and why, which were not looked at."""
        found = []
        for above, here in zip((None, *self.path), self.path, strict=False):
            siblings = above.below if above else ()
            found.append(
                {
                    "matchers": matchers_text(here.route.matchers),
                    "line": here.route.line,
                    "others": [self._other(one) for one in siblings if one is not here],
                    "unseen": [matchers_text(one.matchers) for one in above.unseen] if above else [],
                    "below": [self._other(one) for one in here.below] if here is self.path[-1] else [],
                }
            )
        return found

    def _other(self, seen: Visit) -> dict[str, Any]:
        """Another route: with the matchers that do not hold, or none where the alert takes it too."""
        failed = [{"matcher": str(one), "value": self.labels.get(one.name, "")} for one in seen.failed]
        return {"matchers": matchers_text(seen.route.matchers), "line": seen.route.line, "failed": failed}

    def public(self) -> dict[str, Any]:
        """As JSON has it."""
        route, muting = self.route, self.muting
        return {
            "receiver": route.receiver,
            "told_by": list(self.told_by),
            "route": route.key,
            "route_id": route.id,
            "line": route.line,
            "group_key": self.group_key,
            "group_labels": dict(self.group_labels),
            "group_wait_ms": route.timing.group_wait_ms,
            "group_interval_ms": route.timing.group_interval_ms,
            "repeat_interval_ms": route.timing.repeat_interval_ms,
            "muted_by": list(muting.intervals) if muting else [],
            "opens_ms": muting.opens_ms if muting else None,
            "steps": self.steps(),
        }


def destinations(config: RoutingConfig, labels: Mapping[str, str], at_ms: int) -> list[Destination]:
    """Where an alert goes at a time; there is at least one.

    Parameters
    ----------
    config
        Routes and receivers.
    labels
        The alert's, with those that routing adds.
    at_ms
        Event time.
    """
    return [_destination(config, path, labels, at_ms) for path in visit(config.root, labels).taken()]


def _destination(config: RoutingConfig, path: tuple[Visit, ...], labels: Mapping[str, str], at_ms: int) -> Destination:
    route = path[-1].route
    return Destination(
        path=path,
        muting=config.muting(route, labels, at_ms),
        group_key=route.group_key(labels),
        group_labels=route.group_labels(labels),
        told_by=tuple(one.name for one in config.receivers[route.receiver].integrations),
        labels=labels,
    )
