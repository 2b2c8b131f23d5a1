"""Links into the API that messages carry."""

from __future__ import annotations

from console.settings import ConsoleSettings, secret_of
from integrations.delivery.slack_blocks import FeedbackLink, FeedbackVerdict
from integrations.feedback_links import links
from schemas.notification_events import Notification


def link_secret(settings: ConsoleSettings) -> str | None:
    """What signs the links for feedback; None without one.

    Raises
    ------
    ConfigurationError
        If its file cannot be read, or is empty.
    """
    if settings.link_secret is not None:
        return settings.link_secret.get_secret_value()
    if settings.link_secret_file is None:
        return None
    return secret_of(settings.link_secret_file, "console.link_secret_file")


def feedback_link(settings: ConsoleSettings) -> FeedbackLink | None:
    """Makes the links of a notification, about the first of its alerts; None where nobody would reach them.

    Raises
    ------
    ConfigurationError
        If the secret's file cannot be read, or is empty.

    Examples
    --------
    >>> feedback_link(ConsoleSettings()) is None
    True
    """
    secret = link_secret(settings)
    if secret is None or not settings.external_url:
        return None

    def link(notification: Notification, verdict: FeedbackVerdict) -> str | None:
        if not notification.alerts:
            return None
        first = notification.alerts[0].alert_id
        return links(settings.external_url, secret, notification.tenant, first, notification.at_ms)[verdict]

    return link
