"""Reads the tree of routes and the rules of inhibition."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from incidents.routing.findings import Findings, all_matchers, milliseconds
from incidents.routing.inhibition import InhibitRule
from incidents.routing.matchers import in_order
from incidents.routing.tree import ALL_LABELS, Route, Timing, key_below
from schemas.yaml_values import Value

_MATCHERS: Final = ("match", "match_re", "matchers")
_INTERVALS: Final = ("mute_time_intervals", "active_time_intervals")
_WAITS: Final = ("group_wait", "group_interval", "repeat_interval")
KNOWN: Final = ("receiver", "group_by", *_MATCHERS, "continue", *_WAITS, *_INTERVALS, "routes")
_SOURCE: Final = ("source_match", "source_match_re", "source_matchers")
_TARGET: Final = ("target_match", "target_match_re", "target_matchers")
_OF_ROOT: Final = (*_MATCHERS, *_INTERVALS, "continue")


def read_root(findings: Findings, value: Value) -> Route:
    """The tree of routes.

    Raises
    ------
    DefinitionError
        If it is no mapping.
    """
    given = value.mapping()
    for key in _OF_ROOT:
        if key in given:
            findings.problems.append(
                given[key].error("the first route takes every alert", "Put it into a route below routes")
            )
    if "receiver" not in given:
        findings.problems.append(value.error("receiver is missing", "Name who is told where no other route fits"))
    return _read(findings, value, None, 0)


def _read(findings: Findings, value: Value, above: Route | None, position: int) -> Route:
    """A route, with what it has from the one above it."""
    given = findings.fields(value, KNOWN)
    matchers = in_order(all_matchers(findings, given, _MATCHERS)) if above else ()
    key = key_below(above.key if above else "", matchers)
    receiver = findings.attempt(findings.refers, "receiver", given["receiver"]) if "receiver" in given else None
    group_by = findings.attempt(_group_by, given["group_by"]) if "group_by" in given else None
    route = Route(
        id=f"{key_below(above.id, matchers)}/{position}" if above else key,
        key=key,
        receiver=receiver or (above.receiver if above else ""),
        matchers=matchers,
        group_by=group_by if group_by is not None else (above.group_by if above else ()),
        timing=_timing(findings, given, above.timing if above else Timing()),
        continue_=bool(findings.attempt(given["continue"].boolean)) if "continue" in given else False,
        mute_time_intervals=_intervals(findings, given.get("mute_time_intervals")),
        active_time_intervals=_intervals(findings, given.get("active_time_intervals")),
        line=value.line,
    )
    places = enumerate(findings.each(given.get("routes"), lambda one: one))
    below: list[Route] = []
    for at, one in places:
        if (read := findings.attempt(_read, findings, one, route, at)) is not None:
            _say_if_hidden(findings, one, read, below)
            below.append(read)
    return replace(route, routes=tuple(below))


def _say_if_hidden(findings: Findings, value: Value, route: Route, before: list[Route]) -> None:
    """Say of a route that one before it ends the search for every alert that would fit."""
    hiding = next((one for one in before if not one.continue_ and set(one.matchers) <= set(route.matchers)), None)
    if hiding is not None:
        findings.cannot(
            value,
            f"no alert comes here: the route of line {hiding.line} takes all that fit",
            "Put this one before it, or give that one continue: true",
        )


def _group_by(value: Value) -> tuple[str, ...]:
    names: list[str] = []
    for one in value.items():
        name = one.text()
        if name in names:
            raise one.error(f"{name!r} stands there twice", "Keep one of them")
        names.append(name)
    if ALL_LABELS in names and len(names) > 1:
        raise value.error("... groups by every label, and stands beside others", "Keep either")
    return tuple(sorted(names))


def _timing(findings: Findings, given: dict[str, Value], above: Timing) -> Timing:
    found = above
    for name in _WAITS:
        if name in given and (duration := findings.attempt(_wait, name, given[name])) is not None:
            found = replace(found, **{f"{name}_ms": duration})
    return found


def _wait(name: str, value: Value) -> int:
    duration = milliseconds(value)
    if not duration and name != "group_wait":
        raise value.error("it cannot be 0", "Write a duration such as 5m")
    return duration


def _intervals(findings: Findings, value: Value | None) -> tuple[str, ...]:
    return tuple(findings.each(value, lambda one: findings.refers("time interval", one)))


def read_inhibition(findings: Findings, value: Value) -> InhibitRule:
    """A rule of inhibition.

    Raises
    ------
    DefinitionError
        If it is none.
    """
    given = findings.fields(value, ("name", *_SOURCE, *_TARGET, "equal"))
    return InhibitRule(
        source=in_order(all_matchers(findings, given, _SOURCE)),
        target=in_order(all_matchers(findings, given, _TARGET)),
        equal=tuple(findings.each(given.get("equal"), Value.text)),
        name=given["name"].text() if "name" in given else "",
    )
