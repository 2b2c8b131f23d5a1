"""Links with which somebody says, in one click, whether an alert needed action; they carry their own proof."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Final, Literal, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from schemas.base import TimeMs
from schemas.errors import SchemaError

Verdict = Literal["actioned", "false", "duplicate"]
VERDICTS: Final[tuple[Verdict, ...]] = ("actioned", "false", "duplicate")
PATH: Final = "/feedback/"
_SIGNATURE_BYTES: Final = 16
_INSTEAD: Final = "metrics-ai feedback ALERT VERDICT says the same"
DAY_MS: Final = 86_400_000
# As long as the topic keeps verdicts.
VALID_MS: Final = 90 * DAY_MS


class FeedbackLink(BaseModel):
    """What a link says.

    Examples
    --------
    >>> link = FeedbackLink(tenant="shop", alert_id="a1", verdict="false", until_ms=2_000)
    >>> token = signed(link, "s3cret")
    >>> read(token, "s3cret", now_ms=1_000) == link
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    tenant: str
    alert_id: str
    verdict: Verdict
    until_ms: TimeMs


def signed(link: FeedbackLink, secret: str) -> str:
    """The token of a link: what it says, and who signed it, in letters that need no escape."""
    fields = (link.tenant, link.alert_id, link.verdict, link.until_ms)
    said = _text(json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode())
    return f"{said}.{_signature(said, secret)}"


def links(base_url: str, secret: str, tenant: str, alert_id: str, now_ms: int) -> dict[Verdict, str]:
    """The three links of an alert.

    Parameters
    ----------
    base_url
        Where people reach the API.
    secret
        That signs.
    tenant, alert_id
        Of the alert.
    now_ms
        They hold for 90 days from then.

    Examples
    --------
    >>> sorted(links("https://metrics.example.org/", "s3cret", "shop", "a1", 0))
    ['actioned', 'duplicate', 'false']
    """
    made = {}
    for verdict in VERDICTS:
        link = FeedbackLink(tenant=tenant, alert_id=alert_id, verdict=verdict, until_ms=now_ms + VALID_MS)
        made[verdict] = f"{base_url.rstrip('/')}{PATH}{signed(link, secret)}"
    return made


def read(token: str, secret: str, now_ms: int) -> FeedbackLink:
    """What a link says, once it has proven to be ours.

    Raises
    ------
    SchemaError
        If it is forged, cut off, or too old.
    """
    said, _, signature = token.partition(".")
    if not hmac.compare_digest(_signature(said, secret).encode(), signature.encode()):
        raise SchemaError("this link is not one of ours, or is cut off", "Use the whole link of the message")
    try:
        tenant, alert_id, verdict, until_ms = json.loads(_bytes(said))
        link = FeedbackLink(tenant=tenant, alert_id=alert_id, verdict=cast(Verdict, verdict), until_ms=until_ms)
    except (ValueError, TypeError, ValidationError, binascii.Error) as error:
        raise SchemaError(
            "this link is of another version", "metrics-ai feedback ALERT VERDICT says the same"
        ) from error
    if now_ms > link.until_ms:
        raise SchemaError("this link is too old", _INSTEAD)
    return link


def _signature(said: str, secret: str) -> str:
    return _text(hmac.new(secret.encode(), said.encode(), hashlib.sha256).digest()[:_SIGNATURE_BYTES])


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
