"""Routes as a tree, and where an alert goes as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from rich.tree import Tree

from incidents.routing.config import Muting, RoutingConfig
from incidents.routing.durations import duration_text
from incidents.routing.explaining import Destination
from incidents.routing.matchers import matchers_text
from incidents.routing.receivers import Receiver
from incidents.routing.tree import Route, labels_text
from metrics_ai.event_listing import wide_console


def answer_of(
    config: RoutingConfig, found: list[Destination], labels: Mapping[str, str], file: str, at_ms: int
) -> dict[str, Any]:
    """Where an alert goes, and why, for programs."""
    team = config.team_of(labels)
    return {
        "labels": dict(labels),
        "at_ms": at_ms,
        "team": team.name if team else None,
        "file": file,
        "routes": [one.public() for one in found],
    }


def print_destinations(
    config: RoutingConfig, found: list[Destination], labels: Mapping[str, str], file: str, at_ms: int
) -> None:
    """Print where an alert goes, and why."""
    team = config.team_of(labels)
    lines = [f"alert     {labels_text(labels)}", f"at        {moment_text(at_ms)}"]
    lines += [f"team      {team.name}"] if team else []
    for one in found:
        lines += ["", *_destination_lines(config, one, file)]
    wide_console().print("\n".join(lines), soft_wrap=True)


def _destination_lines(config: RoutingConfig, one: Destination, file: str) -> Iterator[str]:
    route = one.route
    yield f"receiver  {receiver_text(config.receivers[route.receiver])}"
    yield f"now       {'tells' if one.muting is None else muting_text(one.muting)}"
    yield f"route     {route.key}  ({file}:{route.line})"
    yield f"group     {one.group_key}"
    yield f"waits     {timing_text(route)}"
    begin = "why       "
    for step in one.steps():
        for line in _step_lines(step, file):
            yield f"{begin}{line}"
            begin = "          "


def _step_lines(step: Mapping[str, Any], file: str) -> Iterator[str]:
    yield from (_other_text(other, file) for other in step["others"])
    holds = "takes every alert" if step["matchers"] == "{}" else "holds"
    yield f"{step['matchers']} {holds}  ({file}:{step['line']})"
    yield from (_other_text(other, file) for other in step["below"])
    if step["unseen"]:
        yield f"not looked at: {', '.join(step['unseen'])}"


def _other_text(other: Mapping[str, Any], file: str) -> str:
    place = f"({file}:{other['line']})"
    if not other["failed"]:
        return f"also {other['matchers']}  {place}"
    why = ", ".join(f'{one["matcher"]}, but it is "{one["value"]}"' for one in other["failed"])
    return f"not {other['matchers']}: {why}  {place}"


def muting_text(muting: Muting) -> str:
    """Why nothing is told, and until when.

    Examples
    --------
    >>> muting_text(Muting(("business-hours",), True, 1_796_029_200_000))
    'waits until 2026-11-30T09:00:00Z, when business-hours opens'
    """
    names = ", ".join(muting.intervals) or "no time interval"
    verb = "opens" if muting.is_inactive else "no longer mutes it"
    if muting.opens_ms is None:
        return f"never tells: {names} {verb} at no time of the next years"
    return f"waits until {moment_text(muting.opens_ms)}, when {names} {verb}"


def receiver_text(receiver: Receiver) -> str:
    """A receiver, with how it tells people."""
    told = ", ".join(one.name for one in receiver.integrations) or "tells nobody"
    more = [f"digest every {duration_text(receiver.digest_ms)}"] if receiver.digest_ms else []
    if chain := receiver.escalation:
        steps = zip(chain.after_ms, chain.receivers, strict=True)
        more += [f"escalates to {name} after {duration_text(after_ms)}" for after_ms, name in steps]
    more += [f"on call by {receiver.oncall}"] if receiver.oncall else []
    return f"{receiver.name}  ({'; '.join([told, *more])})"


def timing_text(route: Route) -> str:
    """How long groups of a route wait."""
    timing = route.timing
    return (
        f"{duration_text(timing.group_wait_ms)} for others to join (P0 not at all), "
        f"{duration_text(timing.group_interval_ms)} between changes, "
        f"{duration_text(timing.repeat_interval_ms)} before it is repeated"
    )


def print_tree(config: RoutingConfig, file: str) -> None:
    """Print the tree of routes."""
    tree = Tree(f"{file}: {_route_text(config, config.root, None)}")
    _grow(config, tree, config.root)
    wide_console().print(tree, soft_wrap=True)


def _grow(config: RoutingConfig, tree: Tree, route: Route) -> None:
    for one in route.routes:
        _grow(config, tree.add(_route_text(config, one, route)), one)


def _route_text(config: RoutingConfig, route: Route, above: Route | None) -> str:
    """A route in a line; what it has from the one above it is left out."""
    parts = [f"{matchers_text(route.matchers)} -> {receiver_text(config.receivers[route.receiver])}"]
    if route.continue_:
        parts.append("continue")
    if above is None or route.group_by != above.group_by:
        parts.append(f"group by {', '.join(route.group_by) or 'nothing'}")
    parts += [
        f"{name.removesuffix('_ms')} {duration_text(getattr(route.timing, name))}"
        for name in ("group_wait_ms", "group_interval_ms", "repeat_interval_ms")
        if above is None or getattr(route.timing, name) != getattr(above.timing, name)
    ]
    parts += [f"only in {name}" for name in route.active_time_intervals]
    parts += [f"not in {name}" for name in route.mute_time_intervals]
    return "  ".join(parts)


def moment_text(at_ms: int) -> str:
    """A time in UTC.

    Examples
    --------
    >>> moment_text(1_796_029_200_000)
    '2026-11-30T09:00:00Z'
    """
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
