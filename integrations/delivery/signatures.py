"""Who a webhook comes from: signatures over its bytes, compared in constant time."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from schemas.errors import SchemaError

MAX_SKEW_S: Final = 300.0


class SignatureError(SchemaError):
    """A webhook whose sender is not who it must be, or that is too old."""


def header(headers: Mapping[str, str], name: str) -> str:
    """A header by its name in any case; empty where it is absent."""
    wanted = name.lower()
    return next((value for key, value in headers.items() if key.lower() == wanted), "")


def hex_hmac(secret: str, message: bytes) -> str:
    """HMAC-SHA256 in hex digits."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def _is_one_of(given: Iterable[str], right: Sequence[str]) -> bool:
    # Each is compared with each, so that the time says nothing of which one was right.
    return any([hmac.compare_digest(one.encode(), other.encode()) for one in given for other in right])  # noqa: C419


def check_pagerduty(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> None:
    """Check ``X-PagerDuty-Signature``: one of several ``v1=`` signatures, while secrets are rotated.

    Raises
    ------
    SignatureError
        If none is right.

    Examples
    --------
    >>> check_pagerduty({"X-PagerDuty-Signature": f"v1=00,v1={hex_hmac('new', b'{}')}"}, b"{}", ["old", "new"])

    References
    ----------
    https://developer.pagerduty.com/docs/verifying-webhook-signatures
    """
    given = [one.strip() for one in header(headers, "X-PagerDuty-Signature").split(",")]
    if not _is_one_of(given, [f"v1={hex_hmac(secret, body)}" for secret in secrets]):
        raise SignatureError("no signature of PagerDuty's is right", "Set the secret of the webhook subscription")


def check_jira(headers: Mapping[str, str], body: bytes, secrets: Sequence[str]) -> None:
    """Check ``X-Hub-Signature``.

    Raises
    ------
    SignatureError
        If it is not right.

    References
    ----------
    https://developer.atlassian.com/cloud/jira/platform/webhooks/
    """
    if not _is_one_of([header(headers, "X-Hub-Signature")], [f"sha256={hex_hmac(one, body)}" for one in secrets]):
        raise SignatureError("the signature of Jira's is not right", "Set the secret of the webhook")


def check_slack(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now_s: float) -> None:
    """Check ``X-Slack-Signature`` and that it is at most five minutes old.

    Raises
    ------
    SignatureError
        If it is not right, or too old.

    References
    ----------
    https://docs.slack.dev/authentication/verifying-requests-from-slack
    """
    timestamp = header(headers, "X-Slack-Request-Timestamp")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(now_s - int(timestamp)) > MAX_SKEW_S:
        raise SignatureError("a request of Slack's that is too old, or has no time", "Set this machine's clock")
    signed = b"v0:" + timestamp.encode() + b":" + body
    if not _is_one_of([header(headers, "X-Slack-Signature")], [f"v0={hex_hmac(one, signed)}" for one in secrets]):
        raise SignatureError("the signature of Slack's is not right", "Set the app's signing secret")


def check_token(headers: Mapping[str, str], secrets: Sequence[str]) -> None:
    """Check a bearer token, which is what a sender that signs nothing is given: Opsgenie.

    Raises
    ------
    SignatureError
        If it is not right.
    """
    scheme, _, given = header(headers, "Authorization").partition(" ")
    if scheme.lower() != "bearer" or not _is_one_of([given.strip()], list(secrets)):
        raise SignatureError("the token of the webhook is not right", "Add Authorization: Bearer TOKEN to its headers")


def check_ours(headers: Mapping[str, str], body: bytes, secrets: Sequence[str], now_s: float) -> None:
    """Check the signature that our own webhooks carry: for who receives them.

    Raises
    ------
    SignatureError
        If it is not right, or more than five minutes old.

    Examples
    --------
    >>> signed = {"X-Metrics-AI-Timestamp": "100", "X-Metrics-AI-Signature": "sha256=" + hex_hmac("s", b"100.{}")}
    >>> check_ours(signed, b"{}", ["s"], 130.0)
    """
    timestamp = header(headers, "X-Metrics-AI-Timestamp")
    if not timestamp.isascii() or not timestamp.isdigit() or abs(now_s - int(timestamp)) > MAX_SKEW_S:
        raise SignatureError("a webhook that is too old, or has no time", "Set this machine's clock")
    right = [f"sha256={hex_hmac(one, timestamp.encode() + b'.' + body)}" for one in secrets]
    if not _is_one_of([header(headers, "X-Metrics-AI-Signature")], right):
        raise SignatureError("the signature is not right", "Set the secret of the receiver")
