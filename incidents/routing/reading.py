"""Reads a file of routes in Alertmanager's shape, with our own keys beside: every problem at once, with its line.

https://prometheus.io/docs/alerting/latest/configuration/
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import ValidationError

from incidents.oncall.reading import SCHEDULE_FIELDS, texts_of
from incidents.routing.aliases import resolved
from incidents.routing.config import BUSINESS_HOURS, RESOLVE_TIMEOUT_MS, RoutingConfig, Schedule, Team, Unsupported
from incidents.routing.findings import Findings, all_matchers, milliseconds, plain
from incidents.routing.matchers import in_order, matcher
from incidents.routing.reading_intervals import location_of, read_interval
from incidents.routing.reading_receivers import FROM_GLOBAL, read_receiver
from incidents.routing.reading_routes import read_inhibition, read_root
from incidents.routing.settings import FatigueSettings
from schemas.errors import ConfigurationError
from schemas.yaml_values import DefinitionError, Value, read_documents

_THEIRS: Final = (
    "global",
    "route",
    "receivers",
    "inhibit_rules",
    "time_intervals",
    "mute_time_intervals",
    "templates",
)
_OURS: Final = ("teams", "fatigue", "schedules")
KNOWN: Final = (*_THEIRS, *_OURS)
_OTHER_GLOBALS: Final = (
    "wechat_api_url",
    "wechat_api_secret",
    "wechat_api_secret_file",
    "wechat_api_corp_id",
    "victorops_api_url",
    "victorops_api_key",
    "victorops_api_key_file",
    "telegram_api_url",
    "telegram_bot_token",
    "telegram_bot_token_file",
    "webex_api_url",
    "rocketchat_api_url",
    "rocketchat_token",
    "rocketchat_token_file",
    "rocketchat_token_id",
    "rocketchat_token_id_file",
    "mattermost_webhook_url",
    "mattermost_webhook_url_file",
)
GLOBALS: Final = (
    "resolve_timeout",
    *dict.fromkeys(other for rows in FROM_GLOBAL.values() for _, others in rows for other in others),
    *_OTHER_GLOBALS,
)
"""Keys of ``global``."""


@dataclass(slots=True)
class Reading:
    """What a file says, or why it says nothing.

    Parameters
    ----------
    config
        None where there is a problem.
    problems
        By line.
    unsupported
        What is read, and does nothing.
    """

    config: RoutingConfig | None = None
    problems: list[DefinitionError] = field(default_factory=list)
    unsupported: list[Unsupported] = field(default_factory=list)


def read_routing(content: str | bytes, file: str) -> Reading:
    r"""The routing of a file.

    Examples
    --------
    >>> text = "route: {receiver: page}\nreceivers: [{name: page, log_configs: [{}]}]"
    >>> read_routing(text, "a.yaml").config.root.receiver
    'page'
    >>> [str(one) for one in read_routing(text.replace("r: page", "r: pager"), "a.yaml").problems]
    ["a.yaml:1: route.receiver: there is no receiver 'pager'. Did you mean page?"]
    """
    empty = DefinitionError(file, 1, "there is no route in it", "Write one, or remove the file")
    roots, problems = read_documents(content, file, resolved, empty)
    if problems or len(roots) > 1:
        more = [one.error("a second document", "Keep one document a file") for one in roots[1:]]
        return Reading(None, [*problems, *more])
    findings = Findings()
    config = findings.attempt(_read, findings, roots[0])
    findings.problems += findings.unknown()
    findings.problems.sort(key=lambda one: one.line)
    return Reading(None if findings.problems else config, findings.problems, findings.unsupported)


def routing_from(content: str | bytes, file: str) -> RoutingConfig:
    """The routing of a file that has to hold.

    Raises
    ------
    ConfigurationError
        If it does not; names the first problem's line.
    """
    reading = read_routing(content, file)
    if reading.config is None:
        first, more = reading.problems[0], len(reading.problems) - 1
        rest = f" ({more} more: metrics-ai routes check {file})" if more else ""
        raise ConfigurationError(f"{first.what}{rest}", first.way_out)
    return reading.config


def _read(findings: Findings, root: Value) -> RoutingConfig:
    given = findings.fields(root, KNOWN, ("route", "receivers"))
    globals_ = findings.attempt(_globals, findings, given["global"]) if "global" in given else None
    receivers = findings.each(given.get("receivers"), lambda one: read_receiver(findings, globals_ or {}, one))
    sections = (given.get(key) for key in ("mute_time_intervals", "time_intervals"))
    intervals = [one for some in sections for one in findings.each(some, lambda value: read_interval(findings, value))]
    schedules = findings.each(given.get("schedules"), lambda one: _schedule(findings, one))
    teams = findings.each(given.get("teams"), lambda one: _team(findings, one))
    for one in findings.each(given.get("templates"), lambda item: item):
        findings.cannot(one, "templates are not read", "Texts are written here; a webhook's receiver may make its own")
    tree = findings.attempt(read_root, findings, given["route"]) if "route" in given else None
    if tree is None:
        raise root.error("there is no route that can be read", "Write route: {receiver: ...}")
    fatigue = findings.attempt(_fatigue, findings, given["fatigue"]) if "fatigue" in given else None
    return RoutingConfig(
        root=tree,
        receivers={one.name: one for one in receivers},
        intervals={one.name: one for one in intervals},
        inhibit_rules=tuple(findings.each(given.get("inhibit_rules"), lambda one: read_inhibition(findings, one))),
        teams=tuple(teams),
        schedules=tuple(schedules),
        fatigue=fatigue or FatigueSettings(),
        resolve_timeout_ms=(globals_ or {}).get("resolve_timeout", RESOLVE_TIMEOUT_MS),
        unsupported=tuple(findings.unsupported),
    )


def _globals(findings: Findings, value: Value) -> Mapping[str, Any]:
    given = findings.fields(value, GLOBALS)
    for key in given:
        if f"{key}_file" in given:
            findings.problems.append(given[key].error(f"it stands beside {key}_file", "Keep one of them"))
    found = {key: plain(one.node) for key, one in given.items()}
    if "resolve_timeout" in given:
        found["resolve_timeout"] = milliseconds(given["resolve_timeout"])
    return found


def _schedule(findings: Findings, value: Value) -> Schedule:
    given = findings.fields(value, SCHEDULE_FIELDS, ("name", "ics"))
    texts = {key: texts_of(given[key]) for key in ("ics", "overrides", "regions") if key in given}
    return Schedule(
        name=findings.defines("schedule", given["name"]) if "name" in given else "",
        ics=texts.get("ics", ()),
        timezone=location_of(given["timezone"]) if "timezone" in given else "UTC",
        fallback=findings.refers("receiver", given["fallback"]) if "fallback" in given else "",
        overrides=texts.get("overrides", ()),
        regions=texts.get("regions", ()),
    )


def _team(findings: Findings, value: Value) -> Team:
    given = findings.fields(value, ("name", "matchers", "business_hours", "timezone"), ("name",))
    name = findings.defines("team", given["name"]) if "name" in given else ""
    matchers = in_order(all_matchers(findings, given, ("matchers",)))
    hours = findings.refers("time interval", given["business_hours"]) if "business_hours" in given else BUSINESS_HOURS
    zone = location_of(given["timezone"]) if "timezone" in given else ""
    return Team(name, matchers or (matcher("team", "=", name or "?"),), hours, zone)


def _fatigue(findings: Findings, value: Value) -> FatigueSettings | None:
    given = findings.fields(value, tuple(FatigueSettings.model_fields))
    try:
        return FatigueSettings.model_validate({key: plain(one.node) for key, one in given.items()})
    except ValidationError as error:
        for one in error.errors(include_url=False):
            place = given[str(one["loc"][0])]
            about = FatigueSettings.model_fields[str(one["loc"][0])].description
            findings.problems.append(place.error(f"{one['msg'][:1].lower()}{one['msg'][1:]}", f"It is: {about}"))
        return None
