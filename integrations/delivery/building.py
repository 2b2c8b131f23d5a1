"""Adapters from a configuration in Alertmanager's shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from integrations.delivery.adapter import Adapter
from integrations.delivery.calling import Surroundings
from integrations.delivery.jira import Jira
from integrations.delivery.jira_settings import JiraSettings
from integrations.delivery.log_line import LogLine, LogSettings
from integrations.delivery.mail import Email, EmailSettings
from integrations.delivery.opsgenie import Opsgenie, OpsgenieSettings
from integrations.delivery.pagerduty import PagerDuty, PagerDutySettings
from integrations.delivery.settings import DeliverySettings, settings_of
from integrations.delivery.slack import Slack, SlackSettings
from integrations.delivery.slack_blocks import FeedbackLink
from integrations.delivery.webhook import Webhook, WebhookSettings
from schemas.errors import ConfigurationError

SETTINGS: Final[Mapping[str, type[DeliverySettings]]] = {
    "pagerduty": PagerDutySettings,
    "jira": JiraSettings,
    "opsgenie": OpsgenieSettings,
    "jsm": OpsgenieSettings,
    "slack": SlackSettings,
    "webhook": WebhookSettings,
    "email": EmailSettings,
    "log": LogSettings,
}
"""By the kind of an integration, which is the name of its list without ``_configs``."""

GLOBAL: Final[Mapping[str, Mapping[str, str]]] = {
    "pagerduty": {"pagerduty_url": "url"},
    "jira": {"jira_api_url": "api_url"},
    "opsgenie": {
        "opsgenie_api_url": "api_url",
        "opsgenie_api_key": "api_key",
        "opsgenie_api_key_file": "api_key_file",
    },
    "jsm": {"jsm_api_url": "api_url", "jsm_api_key": "api_key", "jsm_api_key_file": "api_key_file"},
    "slack": {
        "slack_api_url": "api_url",
        "slack_api_url_file": "api_url_file",
        "slack_app_token": "token",
        "slack_app_token_file": "token_file",
        "slack_app_url": "web_api_url",
    },
    "email": {
        "smtp_from": "from",
        "smtp_smarthost": "smarthost",
        "smtp_hello": "hello",
        "smtp_auth_username": "auth_username",
        "smtp_auth_password": "auth_password",
        "smtp_auth_password_file": "auth_password_file",
        "smtp_auth_identity": "auth_identity",
        "smtp_require_tls": "require_tls",
        "smtp_tls_config": "tls_config",
    },
}
"""What a key of ``global`` gives to an integration that does not say it itself."""
# Of these an integration has one; where it says one itself, none of the others is taken from global.
_EITHER: Final = (
    frozenset({"api_key", "api_key_file"}),
    frozenset({"api_url", "api_url_file", "token", "token_file", "app_token", "app_token_file"}),
    frozenset({"auth_password", "auth_password_file"}),
)
_HTTP_KINDS: Final = frozenset({"pagerduty", "jira", "opsgenie", "jsm", "slack", "webhook"})


class ConfiguredIntegration(Protocol):
    """One entry of one of a receiver's lists, as it stands in the file."""

    @property
    def kind(self) -> str:
        """``pagerduty`` for an entry of ``pagerduty_configs``."""
        ...

    @property
    def index(self) -> int:
        """Its place in its list, from 0."""
        ...

    @property
    def settings(self) -> Mapping[str, Any]:
        """Its keys."""
        ...


def integration_name(kind: str, index: int) -> str:
    """How a notification names an integration of its receiver.

    Examples
    --------
    >>> integration_name("pagerduty", 0)
    'pagerduty[0]'
    """
    return f"{kind}[{index}]"


def adapters_of(
    receivers: Mapping[str, Iterable[ConfiguredIntegration]],
    surroundings: Surroundings,
    global_settings: Mapping[str, Any] | None = None,
    feedback: FeedbackLink | None = None,
) -> dict[tuple[str, str], Adapter]:
    """Adapters by the names of receiver and integration.

    Parameters
    ----------
    receivers
        Integrations by the receiver's name.
    surroundings
        Clients, rates and the time.
    global_settings
        The file's ``global``.
    feedback
        Where a click on a verdict leads.

    Raises
    ------
    ConfigurationError
        If a kind is not known, or a setting cannot hold; the receiver and the key are named.
    """
    found: dict[tuple[str, str], Adapter] = {}
    for receiver, integrations in receivers.items():
        for one in integrations:
            name = integration_name(one.kind, one.index)
            where = f"receiver {receiver}, {name}"
            found[receiver, name] = adapter_of(
                one.kind, settings_for(one, where, global_settings), surroundings, feedback
            )
    return found


def settings_for(
    integration: ConfiguredIntegration, where: str, global_settings: Mapping[str, Any] | None = None
) -> DeliverySettings:
    """Read the settings of an integration, without building it.

    Raises
    ------
    ConfigurationError
        As ``adapters_of``.
    """
    model = SETTINGS.get(integration.kind)
    if model is None:
        raise ConfigurationError(
            f"{where}: {integration.kind} cannot be delivered to", f"Use one of {', '.join(sorted(SETTINGS))}"
        )
    return settings_of(model, _with_global(integration, global_settings or {}), where)


def _with_global(integration: ConfiguredIntegration, global_settings: Mapping[str, Any]) -> dict[str, Any]:
    own = dict(integration.settings)
    given = {
        ours: global_settings[theirs]
        for theirs, ours in GLOBAL.get(integration.kind, {}).items()
        if theirs in global_settings
    }
    if integration.kind in _HTTP_KINDS and "http_config" in global_settings:
        given["http_config"] = global_settings["http_config"]
    for either in _EITHER:
        if either & own.keys():
            given = {key: value for key, value in given.items() if key not in either}
    return {**given, **own}


def adapter_of(
    kind: str, settings: DeliverySettings, surroundings: Surroundings, feedback: FeedbackLink | None = None
) -> Adapter:
    """The adapter of settings that were read."""
    makers: Mapping[type[DeliverySettings], Callable[[Any], Adapter]] = {
        PagerDutySettings: lambda one: PagerDuty(one, surroundings),
        JiraSettings: lambda one: Jira(one, surroundings),
        OpsgenieSettings: lambda one: Opsgenie(one, surroundings, kind),
        SlackSettings: lambda one: Slack(one, surroundings, feedback),
        WebhookSettings: lambda one: Webhook(one, surroundings),
        EmailSettings: lambda one: Email(one, surroundings),
        LogSettings: LogLine,
    }
    return makers[type(settings)](settings)
