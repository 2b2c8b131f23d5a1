"""A notification as an e-mail: plain text and HTML, in one thread for each dedup key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import lru_cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, Template

from integrations.delivery.limits import cut, one_line
from integrations.delivery.wording import as_text, headline, links_of, sections
from schemas.events import Priority
from schemas.notification_events import Notification

MAX_SUBJECT: Final = 250
_COLOURS: Final[Mapping[Priority, str]] = {"P0": "#cf222e", "P1": "#bc4c00", "P2": "#bf8700", "P3": "#0969da"}
_RESOLVED: Final = "#1a7f37"
_DOMAIN: Final = "metrics-ai.invalid"


@lru_cache(maxsize=1)
def _template() -> Template:
    text = files("integrations.delivery").joinpath("mail.html").read_text(encoding="utf-8")
    return Environment(autoescape=True).from_string(text)


def message_id(*parts: str) -> str:
    """The same for the same parts, so that a mail that is sent again is known as the same one.

    Examples
    --------
    >>> message_id("n1") == message_id("n1"), message_id("n1").endswith("@metrics-ai.invalid>")
    (True, True)
    """
    return f"<{hashlib.sha256('/'.join(parts).encode()).hexdigest()[:32]}@{_DOMAIN}>"


def mail(
    notification: Notification, sender: str, to: str, headers: Mapping[str, str], external_url: str = "", shown: int = 0
) -> EmailMessage:
    """The mail.

    Parameters
    ----------
    headers
        More of them; one that is set here is replaced.
    external_url
        Where people find this system.
    shown
        How many alerts are listed; 0 is twenty.
    """
    root = message_id(notification.tenant, notification.receiver, notification.dedup_key)
    written = EmailMessage(policy=SMTP.clone(max_line_length=200))
    own = {
        "From": sender,
        "To": to,
        "Subject": cut(headline(notification), MAX_SUBJECT),
        "Date": format_datetime(datetime.fromtimestamp(min(notification.at_ms / 1000, 253_402_300_799.0), UTC)),
        "Message-ID": message_id(notification.id, notification.receiver, notification.integration),
        # The thread's root is never sent: a key that opens a second time is another mail of the same thread.
        "In-Reply-To": root,
        "References": root,
        "Auto-Submitted": "auto-generated",
        "X-Metrics-AI-Notification": one_line(notification.id),
    }
    for name, value in {**own, **headers}.items():
        written[name] = one_line(value)
    told = sections(notification, shown or 20)
    links = links_of(notification.context)
    if external_url and notification.incident_id:
        links.insert(0, ("Open incident", f"{external_url.rstrip('/')}/incidents/{notification.incident_id}"))
    text = f"{headline(notification)}\n\n{as_text(told)}\n\n-- \nNotification {one_line(notification.id)}\n"
    written.set_content(text)
    html = _template().render(
        headline=headline(notification),
        colour=_RESOLVED if notification.status == "resolved" else _COLOURS[notification.priority],
        sections=[section for section in told if section.heading != "Links"],
        links=links,
        id=one_line(notification.id),
        receiver=one_line(notification.receiver),
    )
    written.add_alternative(html, subtype="html")
    return written
