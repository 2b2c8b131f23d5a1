"""Adapters from a configuration in Alertmanager's shape."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
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
    folder: Path = Path(),
    feedback: FeedbackLink | None = None,
) -> dict[tuple[str, str], Adapter]:
    """Adapters by the names of receiver and integration.

    Parameters
    ----------
    receivers
        Integrations by the receiver's name.
    surroundings
        Clients, rates and the time.
    folder
        Of the configuration: files of secrets are looked for there, as Alertmanager does.
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
            settings = settings_for(one, f"receiver {receiver}, {name}", folder)
            found[receiver, name] = adapter_of(one.kind, settings, surroundings, feedback)
    return found


def settings_for(integration: ConfiguredIntegration, where: str, folder: Path = Path()) -> DeliverySettings:
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
    return settings_of(model, _anchored(integration.settings, folder), where)


def _anchored(raw: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in raw.items():
        if isinstance(value, Mapping):
            found[key] = _anchored(value, folder)
        elif key.endswith("_file") and isinstance(value, str):
            found[key] = folder / value
        else:
            found[key] = value
    return found


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
