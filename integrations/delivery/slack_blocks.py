"""Messages of Slack in blocks, within their limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal

from integrations.delivery.limits import cut, plain, units, web_address
from integrations.delivery.wording import headline, links_of, sections
from schemas.events import Priority
from schemas.notification_events import Notification

# https://docs.slack.dev/reference/block-kit/blocks
MAX_HEADER: Final = 150
MAX_SECTION: Final = 3000
MAX_BLOCKS: Final = 50
MAX_BUTTONS: Final = 25
MAX_BUTTON: Final = 75
MAX_ADDRESS: Final = 3000
MAX_TEXT: Final = 3000
# All blocks together: above about 13,200 characters Slack answers msg_blocks_too_long (slackapi/bolt-js#2509).
MAX_TOTAL: Final = 12_000
_ESCAPED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
COLOURS: Final[Mapping[Priority, str]] = {"P0": "🔴", "P1": "🟠", "P2": "🟡", "P3": "🔵"}
_RESOLVED: Final = "🟢"

FeedbackVerdict = Literal["actioned", "false", "duplicate"]
FeedbackLink = Callable[[Notification, FeedbackVerdict], str | None]
"""Gives the address that a click on a verdict leads to, or none."""
VERDICTS: Final[Mapping[FeedbackVerdict, str]] = {
    "actioned": "It needed action",
    "false": "False alarm",
    "duplicate": "Duplicate",
}


def escaped(text: str, most: int) -> str:
    """A text in Slack's mark-up, of at most so many units, no sign of it cut in two.

    Examples
    --------
    >>> escaped("a < b & c", 100), escaped("<<<<", 9)
    ('a &lt; b &amp; c', '&lt;&lt;…')
    """
    text = plain(text)
    kept: list[str] = []
    used = 0
    for index, one in enumerate(text):
        sign = _ESCAPED.get(one, one)
        used += units(sign)
        if used > most - (index + 1 < len(text)):
            return "".join(kept) + "…"
        kept.append(sign)
    return "".join(kept)


def message(
    notification: Notification,
    shown_alerts: int = 0,
    external_url: str = "",
    feedback: FeedbackLink | None = None,
) -> dict[str, Any]:
    """The text that stands in for the blocks, and the blocks.

    Parameters
    ----------
    shown_alerts
        How many are listed; 0 is twenty.
    external_url
        Where people find this system.
    feedback
        Where a click on a verdict leads.
    """
    sign = _RESOLVED if notification.status == "resolved" else COLOURS[notification.priority]
    title = f"{sign} {headline(notification)}"
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": cut(title, MAX_HEADER), "emoji": True}}
    ]
    left = MAX_TOTAL - units(title)
    for section in sections(notification, shown_alerts or 20):
        if section.heading == "Links" or len(blocks) >= MAX_BLOCKS - 2:
            continue
        most = min(MAX_SECTION, left)
        if most <= units(section.heading) + 10:
            blocks.append(_words("_More was left out._"))
            break
        block = _words(_section(section.heading, section.lines, most))
        left -= units(block["text"]["text"])
        blocks.append(block)
    buttons = _buttons(notification, external_url, feedback, left)
    if buttons:
        blocks.append({"type": "actions", "elements": buttons})
    return {"text": escaped(title, MAX_TEXT), "blocks": blocks}


def _section(heading: str, lines: Sequence[str], most: int) -> str:
    head = f"*{escaped(heading, MAX_BUTTON)}*\n"
    return head + escaped("\n".join(f"• {line}" for line in lines), most - units(head))


def _words(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _buttons(
    notification: Notification, external_url: str, feedback: FeedbackLink | None, left: int
) -> list[dict[str, Any]]:
    found: list[tuple[str, str, str | None]] = []
    if external_url and notification.incident_id:
        found.append(("open", "Open incident", f"{external_url.rstrip('/')}/incidents/{notification.incident_id}"))
    if feedback is not None and notification.alerts:
        found += [(f"feedback_{word}", text, feedback(notification, word)) for word, text in VERDICTS.items()]
    found += [(f"link_{index}", name, address) for index, (name, address) in enumerate(links_of(notification.context))]
    buttons: list[dict[str, Any]] = []
    for action_id, name, address in found[:MAX_BUTTONS]:
        left -= units(address or "") + MAX_BUTTON
        if address is None or left < 0 or web_address(address, MAX_ADDRESS) is None:
            continue
        label = {"type": "plain_text", "text": cut(name, MAX_BUTTON)}
        button = {"type": "button", "action_id": action_id, "text": label, "url": address}
        if action_id.startswith("feedback_"):
            button["value"] = cut(notification.alerts[0].alert_id, 2000)
        buttons.append(button)
    return buttons
