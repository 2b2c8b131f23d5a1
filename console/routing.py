"""Where alerts go, as the file of routes says it now."""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import yaml

from console.ports import RouteMatch
from incidents.routing.config import RoutingConfig
from incidents.routing.durations import duration_text
from incidents.routing.explaining import destinations
from incidents.routing.intervals import Entry, Range, TimeInterval
from incidents.routing.tree import Route

_DAYS: Final = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
_MONTHS: Final = tuple(name.lower() for name in calendar.month_name)


class ConfiguredRouting:
    """Tells of the routes that are in force.

    Parameters
    ----------
    current
        Gives them, as they are now.
    """

    def __init__(self, current: Callable[[], RoutingConfig]) -> None:
        self._current = current

    def receivers(self) -> list[str]:
        """Names of all receivers."""
        return list(self._current().receivers)

    def original(self) -> str:
        """Routes, receivers by name, inhibitions and time intervals in Alertmanager's shape: what it can read."""
        return alertmanager_text(self._current())

    def tree(self) -> dict[str, Any]:
        """All of it without secrets."""
        return self._current().public()

    def matches(self, labels: Mapping[str, str]) -> list[RouteMatch]:
        """The routes that take an alert with these labels."""
        return [RouteMatch(one.receiver, one.group_labels(labels)) for one in self._current().match(labels)]

    def explained(self, labels: Mapping[str, str], at_ms: int) -> list[dict[str, Any]]:
        """The same with the reasons, and whether it is told at a time."""
        return [one.public() for one in destinations(self._current(), labels, at_ms)]


def alertmanager_text(config: RoutingConfig) -> str:
    """A configuration that Alertmanager's own tools read; receivers stand there by name, what tells them does not.

    Examples
    --------
    >>> print(alertmanager_text(RoutingConfig(Route("{}", "{}", "log"), {"log": None})).rstrip())
    route:
      receiver: log
      group_wait: 30s
      group_interval: 5m
      repeat_interval: 4h
    receivers:
    - name: log
    """
    body: dict[str, Any] = {"route": _route(config.root), "receivers": [{"name": name} for name in config.receivers]}
    if config.inhibit_rules:
        body["inhibit_rules"] = [
            {
                "source_matchers": list(map(str, one.source)),
                "target_matchers": list(map(str, one.target)),
                "equal": list(one.equal),
            }
            for one in config.inhibit_rules
        ]
    if config.intervals:
        body["time_intervals"] = list(map(_interval, config.intervals.values()))
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True)


def _route(route: Route) -> dict[str, Any]:
    body = {
        "receiver": route.receiver,
        "matchers": list(map(str, route.matchers)),
        "group_by": list(route.group_by),
        "group_wait": duration_text(route.timing.group_wait_ms),
        "group_interval": duration_text(route.timing.group_interval_ms),
        "repeat_interval": duration_text(route.timing.repeat_interval_ms),
        "continue": route.continue_,
        "mute_time_intervals": list(route.mute_time_intervals),
        "active_time_intervals": list(route.active_time_intervals),
        "routes": list(map(_route, route.routes)),
    }
    return {name: value for name, value in body.items() if value}


def _interval(interval: TimeInterval) -> dict[str, Any]:
    return {"name": interval.name, "time_intervals": list(map(_entry, interval.entries))}


def _entry(entry: Entry) -> dict[str, Any]:
    body = {
        "times": [{"start_time": _minute(one.first), "end_time": _minute(one.last)} for one in entry.times],
        "weekdays": _ranges(entry.weekdays, _DAYS),
        "days_of_month": _ranges(entry.days_of_month),
        "months": _ranges(entry.months, _MONTHS),
        "years": _ranges(entry.years),
        "location": entry.location,
    }
    return {name: value for name, value in body.items() if value}


def _minute(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _ranges(ranges: Sequence[Range], names: Sequence[str] = ()) -> list[str]:
    """Ranges as Alertmanager writes them.

    Examples
    --------
    >>> _ranges((Range(1, 5), Range(0, 0)), _DAYS), _ranges((Range(-3, -1),))
    (['monday:friday', 'sunday'], ['-3:-1'])
    """
    texts = []
    for first, last in ranges:
        ends = [names[one] if names else str(one) for one in (first, last)]
        texts.append(ends[0] if first == last else ":".join(ends))
    return texts
