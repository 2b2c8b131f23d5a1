"""Slack: a message by an incoming webhook, or a thread by a bot's token.

With a token what opens is a message, updates are replies in its thread, and at the end that message is changed. A
message that was taken although its answer never came is found again by its metadata where the token may read the
channel (``channels:history``); else, and by webhooks, it may stand there twice. It wakes nobody twice.

=======================================  =========  ===========================================================
what came                                outcome    source: https://docs.slack.dev/reference/methods/chat.postMessage
=======================================  =========  ===========================================================
2xx, of the API with ``ok: true``        delivered
``ok: false`` with one of ``PASSING``    retry      their trouble, or a token that must be put right
``ok: false`` otherwise                  refused
429                                      retry      after ``Retry-After``
400, 404, 410                            refused    not understood; the webhook or its channel is gone
403, 5xx, no answer                      retry
=======================================  =========  ===========================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Self
from urllib.parse import urlencode

from pydantic import Field, SecretStr, model_validator

from integrations.delivery.adapter import Memory, Outcome
from integrations.delivery.calling import Answer, Call, Caller, Surroundings, safely
from integrations.delivery.rates import Rate
from integrations.delivery.settings import Address, HttpDeliverySettings, SecretAddress, at_most_one, secret
from integrations.delivery.slack_blocks import FeedbackLink, message
from schemas.notification_events import Notification

# One a second and channel, short bursts above it: https://docs.slack.dev/apis/web-api/rate-limits
RATE: Final = Rate(per_s=1.0, burst=3)
# Tier 3: fifty a minute.
READ_RATE: Final = Rate(per_s=50 / 60, burst=10)
EVENT_TYPE: Final = "metrics_ai_notification"
_OTHER_NAMES: Final = {
    "app_token": "token",
    "app_token_file": "token_file",
    "app_url": "web_api_url",
    "bot_token": "token",
    "bot_token_file": "token_file",
}
PASSING: Final = frozenset(
    {
        "account_inactive",
        "fatal_error",
        "internal_error",
        "invalid_auth",
        "not_authed",
        "rate_limited",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "token_expired",
        "token_revoked",
    }
)


class SlackSettings(HttpDeliverySettings):
    """An entry of ``slack_configs``."""

    UNUSED: ClassVar[frozenset[str]] = frozenset(
        {
            "username", "color", "title", "title_link", "pretext", "text", "fields", "short_fields", "footer",
            "fallback", "callback_id", "icon_emoji", "icon_url", "image_url", "thumb_url", "link_names", "mrkdwn_in",
            "actions", "edit_messages", "message_text", "update_message",
        }
    )  # fmt: skip

    OTHER_NAMES: ClassVar[frozenset[str]] = frozenset(_OTHER_NAMES)

    api_url: Annotated[SecretAddress | None, Field(description="Of an incoming webhook.")] = None
    api_url_file: Annotated[Path | None, Field(description="Holds it; read at each delivery.")] = None
    token: Annotated[SecretStr | None, Field(description="Of a bot with chat:write, in the webhook's place.")] = None
    token_file: Annotated[Path | None, Field(description="Holds it; read at each delivery.")] = None
    web_api_url: Annotated[Address, Field(description="Where a token is used.")] = "https://slack.com/api"
    channel: Annotated[str, Field(description="Where to; a token wants it, by its id if threads are to be found.")] = ""

    @model_validator(mode="before")
    @classmethod
    def _as_alertmanager_writes_a_token(cls, given: Any) -> Any:
        # There a token stands as http_config.authorization beside api_url .../chat.postMessage, or as app_token.
        if not isinstance(given, Mapping):
            return given
        found = dict(given)
        for theirs, ours in _OTHER_NAMES.items():
            if theirs in found:
                found[ours] = found.pop(theirs)
        url = str(found.get("api_url", ""))
        if url.endswith("/chat.postMessage"):
            http = dict(found.get("http_config") or {})
            authorization = dict(http.pop("authorization", None) or {})
            found |= {"http_config": http, "web_api_url": found.pop("api_url")}
            found |= {"token": authorization.get("credentials"), "token_file": authorization.get("credentials_file")}
        if isinstance(found.get("web_api_url"), str):
            found["web_api_url"] = found["web_api_url"].removesuffix("/chat.postMessage").rstrip("/")
        return found

    @model_validator(mode="after")
    def _keys(self) -> Self:
        at_most_one(self, "api_url", "api_url_file", "token", "token_file")
        if all(one is None for one in (self.api_url, self.api_url_file, self.token, self.token_file)):
            raise ValueError("api_url or token is missing")
        if self.has_token and not self.channel:
            raise ValueError("channel is missing, which a token wants")
        return self

    @property
    def has_token(self) -> bool:
        """Whether a bot speaks."""
        return self.token is not None or self.token_file is not None


class Slack:
    """Tells a channel.

    Parameters
    ----------
    settings
        Of the integration.
    surroundings
        Clients, rates and the time.
    feedback
        Where a click on a verdict leads.
    """

    kind = "slack"
    settle_s = 0.0

    def __init__(
        self, settings: SlackSettings, surroundings: Surroundings, feedback: FeedbackLink | None = None
    ) -> None:
        self._settings = settings
        self._external_url = surroundings.external_url
        self._feedback = feedback
        self._caller = Caller(surroundings, settings.http_config, settings.timeout)

    async def deliver(self, notification: Notification, memory: Memory) -> Outcome:
        """Post a message, reply in its thread, or change it."""
        return await safely(
            self._by_token(notification, memory) if self._settings.has_token else self._by_webhook(notification)
        )

    def _message(self, notification: Notification) -> dict[str, Any]:
        return message(notification, self._settings.max_alerts, self._external_url, self._feedback)

    async def _by_webhook(self, notification: Notification) -> Outcome:
        url = secret(self._settings.api_url, self._settings.api_url_file, "api_url")
        body = self._message(notification)
        if self._settings.channel:
            body["channel"] = self._settings.channel
        limit = (f"slack/{_short(url)}", RATE)
        return self._caller.outcome(await self._caller.call(Call(url, body, limit=limit)))

    async def _by_token(self, notification: Notification, memory: Memory) -> Outcome:
        token = secret(self._settings.token, self._settings.token_file, "token")
        thread, channel = memory.get("ts"), memory.get("channel") or self._settings.channel
        if notification.action in {"open", "digest"} or not thread:
            return await self._open(notification, token)
        told = {"channel": channel, **self._message(notification)}
        reference = {"ts": thread, "channel": channel}
        if notification.action == "resolve":
            changed = await self._post(token, "chat.update", {**told, "ts": thread})
            # The message may be deleted, or too old to be changed: its thread is told all the same.
            if self._outcome(changed, reference).outcome == "retry":
                return self._outcome(changed, reference)
        replied = await self._post(token, "chat.postMessage", {**told, "thread_ts": thread, **_mark(notification)})
        return self._outcome(replied, reference)

    async def _open(self, notification: Notification, token: str) -> Outcome:
        posted = await self._posted_before(notification, token)
        if posted is not None:
            return Outcome("delivered", text="it stood there already", reference=posted)
        body = {"channel": self._settings.channel, **self._message(notification), **_mark(notification)}
        answer = await self._post(token, "chat.postMessage", body)
        said = answer.mapping()
        reference = {key: said[key] for key in ("ts", "channel") if isinstance(said.get(key), str)}
        return self._outcome(answer, reference)

    async def _posted_before(self, notification: Notification, token: str) -> dict[str, str] | None:
        """Where the message stands if an answer was lost; None too where the token may not look."""
        channel = self._settings.channel
        query = {
            "channel": channel,
            "oldest": f"{notification.at_ms / 1000:.6f}",
            "limit": "100",
            "include_all_metadata": "true",
        }
        url = f"{self._settings.web_api_url}/conversations.history?{urlencode(query)}"
        headers = {"Authorization": f"Bearer {token}"}
        limit = (f"slack-read/{_short(token)}", READ_RATE)
        answer = await self._caller.call(Call(url, method="GET", headers=headers, limit=limit))
        messages = answer.mapping().get("messages")
        for one in messages if isinstance(messages, list) else ():
            metadata = one.get("metadata") if isinstance(one, dict) else None
            payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
            if isinstance(payload, dict) and payload.get("notification_id") == notification.id:
                return {"ts": str(one.get("ts")), "channel": channel}
        return None

    async def _post(self, token: str, method: str, body: Mapping[str, Any]) -> Answer:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json; charset=utf-8"}
        limit = (f"slack/{_short(token)}/{self._settings.channel}", RATE)
        return await self._caller.call(
            Call(f"{self._settings.web_api_url}/{method}", dict(body), headers=headers, limit=limit)
        )

    def _outcome(self, answer: Answer, reference: Memory) -> Outcome:
        said = answer.mapping()
        if answer.is_ok and said.get("ok") is False:
            error = str(said.get("error", "unknown_error"))
            found = self._caller.outcome(answer)
            return Outcome("retry" if error in PASSING else "refused", answer.status, error, found.retry_after_s)
        if answer.is_ok and said.get("ok") is not True:
            return Outcome("retry", answer.status, f"no answer of Slack's API: {answer.said}")
        return self._caller.outcome(answer, reference=reference)


def _mark(notification: Notification) -> dict[str, Any]:
    payload = {"notification_id": notification.id, "dedup_key": notification.dedup_key}
    return {"metadata": {"event_type": EVENT_TYPE, "event_payload": payload}}


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
