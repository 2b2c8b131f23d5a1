"""Reads receivers: their integrations, with what ``global`` says filled in as Alertmanager fills it in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from incidents.routing.findings import Findings, is_null, milliseconds, plain
from incidents.routing.receivers import DRAWS_CHANGES, KINDS, SENDS_RESOLVED, Escalation, Integration, Receiver
from schemas.yaml_values import Value

OTHERS: Final = (
    "discord",
    "incidentio",
    "mattermost",
    "msteams",
    "msteamsv2",
    "pushover",
    "rocketchat",
    "sns",
    "telegram",
    "victorops",
    "webex",
    "wechat",
)
"""Kinds of Alertmanager's that are read and do nothing."""
_OWN: Final = ("name", "digest", "escalation", "oncall")
_CONFIGS: Final = {f"{kind}_configs": kind for kind in KINDS}
_OTHER_CONFIGS: Final = {f"{kind}_configs": kind for kind in OTHERS}
KNOWN: Final = (*_OWN, *_CONFIGS, *_OTHER_CONFIGS)

_Keys = tuple[str, ...]
_HTTP: Final[tuple[tuple[_Keys, _Keys], ...]] = ((("http_config",), ("http_config",)),)
FROM_GLOBAL: Final[Mapping[str, tuple[tuple[_Keys, _Keys], ...]]] = {
    "email": (
        (("smarthost",), ("smtp_smarthost",)),
        (("from",), ("smtp_from",)),
        (("hello",), ("smtp_hello",)),
        (("auth_username",), ("smtp_auth_username",)),
        (("auth_password", "auth_password_file"), ("smtp_auth_password", "smtp_auth_password_file")),
        (("auth_secret", "auth_secret_file"), ("smtp_auth_secret", "smtp_auth_secret_file")),
        (("auth_identity",), ("smtp_auth_identity",)),
        (("require_tls",), ("smtp_require_tls",)),
        (("tls_config",), ("smtp_tls_config",)),
    ),
    "jira": (*_HTTP, (("api_url",), ("jira_api_url",))),
    "jsm": (
        *_HTTP,
        (("api_url",), ("jsm_api_url",)),
        (("api_key", "api_key_file"), ("jsm_api_key", "jsm_api_key_file")),
    ),
    "log": (),
    "opsgenie": (
        *_HTTP,
        (("api_url",), ("opsgenie_api_url",)),
        (("api_key", "api_key_file"), ("opsgenie_api_key", "opsgenie_api_key_file")),
    ),
    "pagerduty": (*_HTTP, (("url",), ("pagerduty_url",))),
    "slack": (
        (("app_token", "app_token_file"), ("slack_app_token", "slack_app_token_file")),
        (("app_url",), ("slack_app_url",)),
        (("api_url", "api_url_file"), ("slack_api_url", "slack_api_url_file")),
        *_HTTP,
    ),
    "webhook": _HTTP,
}
"""Settings of each kind that come from ``global`` where an integration has none of a pair."""
_TOKENS: Final = ("token", "token_file", "app_token", "app_token_file", "bot_token", "bot_token_file")
REQUIRED: Final[Mapping[str, tuple[_Keys, ...]]] = {
    "email": (("to",), ("from",), ("smarthost",)),
    "jira": (("project",), ("issue_type",), ("api_url",)),
    "jsm": (("api_key", "api_key_file"),),
    "log": (),
    "opsgenie": (("api_key", "api_key_file"),),
    "pagerduty": (("routing_key", "routing_key_file", "service_key", "service_key_file"),),
    "slack": (("api_url", "api_url_file", *_TOKENS),),
    "webhook": (("url", "url_file"),),
}
"""Settings of each kind without which it can tell nobody: one of each row."""


def read_receiver(findings: Findings, globals_: Mapping[str, Any], value: Value) -> Receiver:
    """A receiver.

    Raises
    ------
    DefinitionError
        If it has no name, or one that is taken.
    """
    given = findings.fields(value, KNOWN, ("name",))
    name = findings.defines("receiver", given["name"]) if "name" in given else ""
    for key, kind in _OTHER_CONFIGS.items():
        for one in findings.each(given.get(key), lambda item: item):
            findings.cannot(one, f"{kind} is not spoken here, so nothing is told", "Tell it by webhook_configs")
    integrations = [
        one for key, kind in _CONFIGS.items() for one in _integrations(findings, globals_, kind, given.get(key))
    ]
    return Receiver(
        name=name,
        integrations=tuple(integrations),
        digest_ms=(findings.attempt(milliseconds, given["digest"]) or 0) if "digest" in given else 0,
        escalation=findings.attempt(_escalation, findings, given["escalation"]) if "escalation" in given else None,
        oncall=(findings.attempt(findings.refers, "schedule", given["oncall"]) or "") if "oncall" in given else "",
    )


def _integrations(findings: Findings, globals_: Mapping[str, Any], kind: str, value: Value | None) -> list[Integration]:
    found = []
    for at, one in enumerate(findings.each(value, lambda item: item)):
        integration = findings.attempt(_integration, globals_, kind, at, one)
        if integration is not None:
            found.append(integration)
    return found


def _integration(globals_: Mapping[str, Any], kind: str, at: int, value: Value) -> Integration:
    given = {} if is_null(value) else value.mapping()
    settings: dict[str, Any] = {key: plain(one.node) for key, one in given.items() if not is_null(one)}
    for key in settings:
        if f"{key}_file" in settings:
            raise given[key].error(f"it stands beside {key}_file", "Keep one of them")
    _fill(kind, settings, globals_)
    for row in REQUIRED[kind]:
        if not any(settings.get(key) for key in row):
            raise value.error(f"{' or '.join(row[:4])} is missing", f"Add {row[0]}{_or_global(kind, row[0])}")
    tells = given["send_resolved"].boolean() if "send_resolved" in given else SENDS_RESOLVED[kind]
    settings.pop("send_resolved", None)
    draws = False
    if kind in DRAWS_CHANGES and settings.pop("send_changes", None) is not None:
        draws = given["send_changes"].boolean()
    return Integration(kind, at, tells, settings, value.line, draws)


def _fill(kind: str, settings: dict[str, Any], globals_: Mapping[str, Any]) -> None:
    """Put in what ``global`` says and the integration does not."""
    for own, others in FROM_GLOBAL[kind]:
        if any(key in settings for key in own) or (kind == "slack" and _is_spoken_otherwise(own[0], settings)):
            continue
        settings |= {key: globals_[other] for key, other in zip(own, others, strict=True) if other in globals_}


def _is_spoken_otherwise(key: str, settings: Mapping[str, Any]) -> bool:
    """Whether a message to Slack goes another way than by a key, so that it is not filled in: by token, or webhook."""
    by_token = any(name in settings for name in _TOKENS)
    by_address = "api_url" in settings or "api_url_file" in settings
    match key:
        case "app_token":
            # A token may stand there, too: the way before app_token was known.
            return by_token or by_address or "authorization" in (settings.get("http_config") or {})
        case "app_url":
            return not by_token or "web_api_url" in settings
        case _:
            return key == "api_url" and by_token


def _or_global(kind: str, key: str) -> str:
    other = next((others[0] for own, others in FROM_GLOBAL[kind] if own[0] == key), None)
    return f", or {other} to global" if other else ""


def _escalation(findings: Findings, value: Value) -> Escalation | None:
    given = findings.fields(value, ("after", "receivers"), ("after", "receivers"))
    if len(given) < 2:
        return None
    after_ms = findings.each(given["after"], milliseconds)
    receivers = findings.each(given["receivers"], lambda one: findings.refers("receiver", one))
    if len(given["after"].items()) != len(given["receivers"].items()):
        raise value.error("after and receivers differ in length", "Write one duration for each receiver")
    if after_ms != sorted(set(after_ms)):
        raise given["after"].error("the durations do not rise", "Put the shortest first; all count from the first page")
    return Escalation(tuple(after_ms), tuple(receivers))
