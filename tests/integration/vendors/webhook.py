"""What accepts Alertmanager's webhook, version 4, and nothing else: the types of its Go structure, and a signature.

Facts: prometheus/alertmanager ``notify/webhook/webhook.go`` (Message) and ``template/template.go`` (Data, Alert).
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from typing import Any

from jsonschema import Draft202012Validator

from tests.integration.vendors.standin import Reply, Request, StandIn

_WORDS = {"type": "object", "additionalProperties": {"type": "string"}}
# What Go's time reads: RFC 3339, with a fraction and a zone.
_TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$"}
MESSAGE_SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "required": [
            "version", "groupKey", "truncatedAlerts", "status", "receiver", "groupLabels", "commonLabels",
            "commonAnnotations", "externalURL", "alerts",
        ],
        "properties": {
            "version": {"const": "4"},
            "groupKey": {"type": "string"},
            "truncatedAlerts": {"type": "integer", "minimum": 0},
            "status": {"enum": ["firing", "resolved"]},
            "receiver": {"type": "string"},
            "groupLabels": _WORDS,
            "commonLabels": _WORDS,
            "commonAnnotations": _WORDS,
            "externalURL": {"type": "string"},
            "alerts": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": [
                        "status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint",
                    ],
                    "additionalProperties": False,
                    "properties": {
                        "status": {"enum": ["firing", "resolved"]},
                        "labels": _WORDS,
                        "annotations": _WORDS,
                        "startsAt": _TIME,
                        "endsAt": _TIME,
                        "generatorURL": {"type": "string"},
                        "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{16}$"},
                    },
                },
            },
        },
    }
)  # fmt: skip


class WebhookStandIn(StandIn):
    """A receiver of one's own.

    Parameters
    ----------
    secret
        With which bodies must be signed; none where empty.
    """

    def __init__(self, secret: str = "") -> None:
        super().__init__()
        self.secret = secret
        self.received: list[dict[str, Any]] = []
        self._seen: set[str] = set()
        self.repeats = 0
        self._opens: Counter[str] = Counter()

    @property
    def hook_url(self) -> str:
        """Where it is."""
        return f"{self.url}/hooks/token-in-path"

    def opens(self, dedup_key: str) -> int:
        """How often a dedup key was opened, repeats of one notification left out, as a receiver does that cares."""
        with self.lock:
            return self._opens[dedup_key]

    def answer(self, request: Request) -> Reply:
        """Take a body."""
        if request.path != "/hooks/token-in-path":
            return Reply(404, {"error": "no such hook"})
        if self.secret and not self._is_signed(request):
            return Reply(401, {"error": "the signature is not right"})
        body = request.json()
        problem = next(MESSAGE_SCHEMA.iter_errors(body), None)
        if problem is not None:
            return Reply(400, {"error": f"{problem.json_path}: {problem.message[:200]}"})
        self.received.append(body)
        notification = body.get("notification_id")
        if notification in self._seen:
            self.repeats += 1
        elif body.get("action") == "open":
            self._opens[body["dedup_key"]] += 1
        self._seen.add(notification)
        return Reply(200, {})

    def _is_signed(self, request: Request) -> bool:
        signed = request.headers.get("x-metrics-ai-timestamp", "").encode() + b"." + request.body
        right = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(request.headers.get("x-metrics-ai-signature", ""), f"sha256={right}")
