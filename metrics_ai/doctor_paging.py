"""Doctor looks at the way to people: whether routes hold and tell anybody, and whether the stages keep up."""

from __future__ import annotations

import contextlib
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from incidents.routing.config import RoutingConfig
from incidents.routing.reading import read_routing
from incidents.routing.settings import RoutingSettings
from metrics_ai.check import Check
from metrics_ai.routing_files import content_of, folder_of
from metrics_ai.routing_integrations import look_at_integrations
from metrics_ai.stack.merged import samples_of
from schemas.errors import ConfigurationError

STAGES: Final = ("decide", "route", "notify")
"""The stages between an anomaly and whoever is told of it."""
# Its own tick comes every second, or of notify every minute.
LATE_S: Final = 120.0
_LOG: Final = "log"


def check_routes(settings: RoutingSettings) -> Check:
    """Whether the file of routes holds with all its integrations, and how many receivers tell more than the log."""
    name, file = "routes", settings.file
    try:
        content, called = content_of(file)
    except ConfigurationError as error:
        return Check(name, "FAIL", error.what, error.way_out)
    reading = read_routing(content, called)
    problems = [*reading.problems]
    if reading.config is not None:
        problems += look_at_integrations(reading.config, called, folder_of(file)).problems
    if reading.config is None or problems:
        more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
        return Check(name, "FAIL", f"{problems[0].what}{more}", f"metrics-ai routes check {called}")
    return _of_receivers(reading.config, called)


def _of_receivers(config: RoutingConfig, file: str) -> Check:
    kinds = {one.name: {each.kind for each in one.integrations} - {_LOG} for one in config.receivers.values()}
    telling = sum(1 for found in kinds.values() if found)
    routes = sum(1 for _ in config.root.walk())
    found = f"{file}: {routes} routes, {telling} of {len(kinds)} receivers tell people"
    if not telling:
        return Check("routes", "WARN", f"{found}: all goes to the log", "Set routing.file; docs/guides/alerting.md")
    return Check("routes", "OK", f"{found} ({', '.join(sorted(set().union(*kinds.values())))})")


def stack_metrics(host: str, port: int) -> str:
    """The metrics of a running ``up``; empty where it gives none."""
    with (
        contextlib.suppress(OSError, ValueError),
        urllib.request.urlopen(f"http://{host}:{port}/metrics", timeout=3) as answer,
    ):
        return str(answer.read().decode())
    return ""


def check_paging(metrics: str) -> Iterator[Check]:
    """How far behind the stages are that an alert passes on its way to people.

    Parameters
    ----------
    metrics
        Of a running stack, as text.
    """
    records: dict[str, float] = defaultdict(float)
    seconds: dict[str, float] = defaultdict(float)
    for labels, value in samples_of(metrics, "metrics_ai_lag_offsets"):
        records[labels["stage"]] += value
    for labels, value in samples_of(metrics, "metrics_ai_lag_seconds"):
        seconds[labels["stage"]] = max(seconds[labels["stage"]], value)
    behind = [one for one in STAGES if one in records]
    if not behind:
        return
    found = ", ".join(f"{one} {records[one]:.0f} records, {seconds[one]:.0f} s behind" for one in behind)
    is_late = any(seconds[one] > LATE_S for one in behind)
    way_out = "Alerts are late: see the logs under run/ in the data directory, and the machine's load"
    yield Check("paging", "WARN" if is_late else "OK", found, way_out if is_late else "")
