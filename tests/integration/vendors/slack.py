"""Slack: incoming webhooks, and the methods of its API that we call, with the limits of blocks.

Facts: https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/reference/methods/chat.postMessage.
"""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from tests.integration.vendors.standin import Reply, Request, StandIn

MAX_ALL_BLOCKS = 13_100


def _text(kind: str, most: int) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "text"],
        "additionalProperties": False,
        "properties": {
            "type": {"const": kind},
            "text": {"type": "string", "minLength": 1, "maxLength": most},
            "emoji": {"type": "boolean"},
        },
    }


_BUTTON = {
    "type": "object",
    "required": ["type", "text"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "button"},
        "text": _text("plain_text", 75),
        "url": {"type": "string", "pattern": "^https?://", "maxLength": 3000},
        "action_id": {"type": "string", "maxLength": 255},
        "value": {"type": "string", "maxLength": 2000},
    },
}


def _block(kind: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", *properties],
        "additionalProperties": False,
        "properties": {"type": {"const": kind}, **properties},
    }


BLOCKS_SCHEMA = Draft202012Validator(
    {
        "type": "array",
        "maxItems": 50,
        "items": {
            "oneOf": [
                _block("header", text=_text("plain_text", 150)),
                _block("section", text=_text("mrkdwn", 3000)),
                _block("actions", elements={"type": "array", "items": _BUTTON, "minItems": 1, "maxItems": 25}),
            ]
        },
    }
)


def blocks_problem(blocks: Any) -> str:
    """What Slack says of blocks; empty where it takes them."""
    if not BLOCKS_SCHEMA.is_valid(blocks):
        return "invalid_blocks"
    actions = [one["action_id"] for block in blocks for one in block.get("elements", ()) if "action_id" in one]
    if len(actions) != len(set(actions)):
        return "invalid_blocks"
    return "msg_blocks_too_long" if sum(_length(block) for block in blocks) > MAX_ALL_BLOCKS else ""


def _length(value: Any) -> int:
    if isinstance(value, dict):
        return sum(_length(one) for key, one in value.items() if key != "type")
    if isinstance(value, list):
        return sum(map(_length, value))
    return len(value.encode("utf-16-le")) // 2 if isinstance(value, str) else 0


class SlackStandIn(StandIn):
    """One channel of Slack.

    Parameters
    ----------
    may_read
        Whether the token has ``channels:history``.
    """

    def __init__(self, *, may_read: bool = True) -> None:
        super().__init__()
        self.token = "xoxb-token"
        self.channel = "C024BE91L"
        self.may_read = may_read
        self.messages: list[dict[str, Any]] = []

    @property
    def webhook_url(self) -> str:
        """Of an incoming webhook."""
        return f"{self.url}/services/T000/B000/secretpart"

    @property
    def api_url(self) -> str:
        """Of the methods."""
        return f"{self.url}/api"

    def threads(self) -> list[dict[str, Any]]:
        """Messages that are no replies."""
        return [one for one in self.messages if "thread_ts" not in one]

    def replies(self, ts: str) -> list[dict[str, Any]]:
        """Replies of a message."""
        return [one for one in self.messages if one.get("thread_ts") == ts]

    def answer(self, request: Request) -> Reply:
        """Take a message, or answer a method."""
        if request.path.startswith("/services/"):
            return self._webhook(request)
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Reply(200, {"ok": False, "error": "invalid_auth"})
        method = request.path.removeprefix("/api/")
        if method == "conversations.history":
            return self._history(request)
        body = request.json()
        if not isinstance(body, dict) or body.get("channel") != self.channel:
            return Reply(200, {"ok": False, "error": "channel_not_found"})
        problem = blocks_problem(body.get("blocks", [])) or ("no_text" if not body.get("text") else "")
        if problem:
            return Reply(200, {"ok": False, "error": problem})
        return self._post(body) if method == "chat.postMessage" else self._update(body)

    def _webhook(self, request: Request) -> Reply:
        if request.path != "/services/T000/B000/secretpart":
            return Reply(404, "no_service")
        body = request.json()
        if not isinstance(body, dict) or not (body.get("text") or body.get("attachments")):
            return Reply(400, "invalid_payload")
        problem = blocks_problem(body.get("blocks", []))
        if problem:
            return Reply(400, problem)
        self.messages.append(body)
        return Reply(200, "ok")

    def _post(self, body: dict[str, Any]) -> Reply:
        ts = f"{1_772_323_200 + len(self.messages)}.000100"
        self.messages.append({**body, "ts": ts})
        return Reply(200, {"ok": True, "channel": self.channel, "ts": ts, "message": {"text": body["text"]}})

    def _update(self, body: dict[str, Any]) -> Reply:
        found = next((one for one in self.messages if one.get("ts") == body.get("ts")), None)
        if found is None:
            return Reply(200, {"ok": False, "error": "message_not_found"})
        found |= {"text": body["text"], "blocks": body["blocks"], "edited": True}
        return Reply(200, {"ok": True, "channel": self.channel, "ts": body["ts"], "text": body["text"]})

    def _history(self, request: Request) -> Reply:
        if not self.may_read:
            return Reply(200, {"ok": False, "error": "missing_scope", "needed": "channels:history"})
        if request.query.get("channel") != [self.channel]:
            return Reply(200, {"ok": False, "error": "channel_not_found"})
        oldest = float(request.query.get("oldest", ["0"])[0])
        found = [one for one in reversed(self.threads()) if float(one["ts"]) > oldest]
        return Reply(200, {"ok": True, "messages": found[: int(request.query.get("limit", ["100"])[0])]})
