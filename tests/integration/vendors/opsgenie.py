"""Opsgenie's Alert API, which Jira Service Management's integration events follow: limits, and one open alert an alias.

Facts: https://docs.opsgenie.com/docs/alert-api and
https://developer.atlassian.com/cloud/jira/service-desk-ops/rest/v1/api-group-integration-events.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft202012Validator

from tests.integration.vendors.standin import Reply, Request, StandIn

_RESPONDER = {
    "type": "object",
    "required": ["type"],
    "properties": {"type": {"enum": ["team", "user", "escalation", "schedule"]}},
    "anyOf": [{"required": ["id"]}, {"required": ["name"]}, {"required": ["username"]}],
}
CREATE_SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "required": ["message"],
        "additionalProperties": False,
        "properties": {
            "message": {"type": "string", "minLength": 1, "maxLength": 130},
            "alias": {"type": "string", "maxLength": 512},
            "description": {"type": "string", "maxLength": 15_000},
            "responders": {"type": "array", "maxItems": 50, "items": _RESPONDER},
            "visibleTo": {"type": "array"},
            "actions": {"type": "array", "items": {"type": "string", "maxLength": 50}, "maxItems": 10},
            "tags": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 50}, "maxItems": 20},
            "details": {"type": "object", "additionalProperties": {"type": "string"}},
            "entity": {"type": "string", "maxLength": 512},
            "source": {"type": "string", "maxLength": 100},
            "priority": {"enum": ["P1", "P2", "P3", "P4", "P5"]},
            "user": {"type": "string", "maxLength": 100},
            "note": {"type": "string", "maxLength": 25_000},
        },
    }
)
NOTE_SCHEMA = Draft202012Validator(
    {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "note": {"type": "string", "maxLength": 25_000},
            "user": {"type": "string", "maxLength": 100},
            "source": {"type": "string", "maxLength": 100},
        },
    }
)
_OF_ALIAS = re.compile(r"/v2/alerts/([^/]+)/(close|notes|priority|acknowledge)$")


@dataclass
class OpsgenieAlert:
    """An alert, as it stands."""

    body: dict[str, Any]
    count: int = 1
    is_open: bool = True
    notes: list[str] = field(default_factory=list)


class OpsgenieStandIn(StandIn):
    """Opsgenie, or the operations of Jira Service Management.

    Parameters
    ----------
    prefix
        Before ``/v2/alerts``: ``/jsm/ops/integration`` of the latter, which cannot change priorities either.
    key
        Of the integration.
    """

    def __init__(self, prefix: str = "", key: str = "genie-key") -> None:
        super().__init__()
        self.prefix = prefix
        self.key = key
        self.alerts: dict[str, list[OpsgenieAlert]] = {}
        self.dropped = 0
        self._opens: Counter[str] = Counter()
        self.processed: list[str] = []

    @property
    def api_url(self) -> str:
        """The base."""
        return f"{self.url}{self.prefix}"

    def opens(self, alias: str) -> int:
        """How often an alias opened an alert."""
        with self.lock:
            return self._opens[alias]

    def open_alert(self, alias: str) -> OpsgenieAlert | None:
        """The open alert of an alias."""
        return next((one for one in self.alerts.get(alias, ()) if one.is_open), None)

    def answer(self, request: Request) -> Reply:
        """Take a request, and work on it at once."""
        if request.headers.get("authorization") != f"GenieKey {self.key}":
            return Reply(401, {"message": "Could not authenticate", "took": 0.0, "requestId": "r0"})
        path = request.path.removeprefix(self.prefix)
        if not request.path.startswith(self.prefix + "/v2/alerts"):
            return Reply(404, {"message": "no such path"})
        if path == "/v2/alerts" and request.method == "POST":
            return self._create(request.json())
        found = _OF_ALIAS.fullmatch(path)
        if found is None or request.query.get("identifierType") != ["alias"]:
            return Reply(404, {"message": "no such path"})
        return self._on(unquote(found[1]), found[2], request)

    def _create(self, body: Any) -> Reply:
        problem = next(CREATE_SCHEMA.iter_errors(body), None)
        if problem is not None or sum(len(k) + len(v) for k, v in body.get("details", {}).items()) > 8000:
            return Reply(422, {"message": f"Request body is not processable: {str(problem)[:200]}"})
        alias = body.get("alias") or f"generated-{len(self.processed)}"
        alert = self.open_alert(alias)
        if alert is not None:
            alert.count += 1
        else:
            self.alerts.setdefault(alias, []).append(OpsgenieAlert(body))
            self._opens[alias] += 1
        return self._accepted()

    def _on(self, alias: str, what: str, request: Request) -> Reply:
        body = request.json()
        alert = self.open_alert(alias)
        if what == "priority":
            if self.prefix or request.method != "PUT" or body.get("priority") not in {"P1", "P2", "P3", "P4", "P5"}:
                return Reply(422 if not self.prefix else 404, {"message": "no such priority"})
            if alert is not None:
                alert.body = {**alert.body, "priority": body["priority"]}
            return self._accepted()
        problem = next(NOTE_SCHEMA.iter_errors(body), None)
        if problem is not None or request.method != "POST":
            return Reply(422, {"message": f"Request body is not processable: {str(problem)[:200]}"})
        if alert is None:
            self.dropped += 1
            return self._accepted()
        if body.get("note"):
            alert.notes.append(body["note"])
        alert.is_open = what != "close"
        return self._accepted()

    def _accepted(self) -> Reply:
        request_id = f"request-{len(self.processed)}"
        self.processed.append(request_id)
        return Reply(202, {"result": "Request will be processed", "took": 0.1, "requestId": request_id})
