"""PagerDuty's Events API v2: its schema, its limits, and what a dedup key opens.

Facts of the schema: PagerDuty/api-schema ``reference/events-v2/openapiv3.json``; of limits and of what is dropped:
https://developer.pagerduty.com/docs/events-api-v2-overview.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Literal

from jsonschema import Draft202012Validator

from tests.integration.vendors.standin import Reply, Request, StandIn

MAX_BYTES = 512_000
KEY_CHARS = 32
_LINKS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["href"],
        "properties": {"href": {"type": "string", "pattern": "^https?://"}, "text": {"type": "string"}},
    },
}
_IMAGES = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["src"],
        "properties": {
            "src": {"type": "string", "pattern": "^https://"},
            "href": {"type": "string"},
            "alt": {"type": "string"},
        },
    },
}
_PAYLOAD = {
    "type": "object",
    "required": ["summary", "source", "severity"],
    "additionalProperties": False,
    "properties": {
        "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
        "source": {"type": "string", "minLength": 1},
        "severity": {"enum": ["critical", "error", "warning", "info"]},
        "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"},
        "component": {"type": "string"},
        "group": {"type": "string"},
        "class": {"type": "string"},
        "custom_details": {"type": "object"},
    },
}
_EVENT = {
    "type": "object",
    "required": ["routing_key", "event_action"],
    "additionalProperties": False,
    "properties": {
        "routing_key": {"type": "string"},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {"type": "string", "minLength": 1, "maxLength": 255},
        "client": {"type": "string"},
        "client_url": {"type": "string", "pattern": "^https?://"},
        "payload": _PAYLOAD,
        "links": _LINKS,
        "images": _IMAGES,
    },
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"required": ["dedup_key"]},
}
_CHANGE = {
    "type": "object",
    "required": ["routing_key", "payload"],
    "additionalProperties": False,
    "properties": {
        "routing_key": {"type": "string", "pattern": "^[^R]"},
        "links": _LINKS,
        "payload": {
            "type": "object",
            "required": ["summary"],
            "additionalProperties": False,
            "properties": {
                "summary": {"type": "string", "minLength": 1, "maxLength": 1024},
                "source": {"type": "string"},
                "timestamp": {"type": "string"},
                "custom_details": {"type": "object"},
            },
        },
    },
}
EVENT_SCHEMA = Draft202012Validator(_EVENT)
CHANGE_SCHEMA = Draft202012Validator(_CHANGE)

Effect = Literal["opened", "appended", "acknowledged", "resolved", "dropped", "changed"]


@dataclass(frozen=True)
class PagerDutyEvent:
    """An event that was taken, and what came of it."""

    action: str
    routing_key: str
    dedup_key: str
    effect: Effect
    body: dict[str, Any]


class PagerDutyStandIn(StandIn):
    """PagerDuty, as far as events go; usable from threads.

    Parameters
    ----------
    keys
        Routing keys that exist; all of the right length where absent.
    per_minute
        Calls that a key may make in a minute; as many as it likes where absent.
    clock
        Monotonic seconds, for the rate.
    """

    def __init__(
        self,
        keys: Collection[str] | None = None,
        per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self.events: list[PagerDutyEvent] = []
        self.changes: list[dict[str, Any]] = []
        self._keys = keys
        self._per_minute = per_minute
        self._clock = clock
        self._calls: dict[str, deque[float]] = {}
        self._opens: Counter[str] = Counter()
        # By routing key and dedup key: an event by another routing key does not find the alert.
        self._open: dict[tuple[str, str], Literal["triggered", "acknowledged"]] = {}

    @property
    def enqueue_url(self) -> str:
        """Where events go."""
        return f"{self.url}/v2/enqueue"

    def opens(self, dedup_key: str) -> int:
        """How often a dedup key paged somebody."""
        with self.lock:
            return self._opens[dedup_key]

    def all_opens(self) -> Counter[str]:
        """How often each did."""
        with self.lock:
            return Counter(self._opens)

    def open_keys(self) -> set[str]:
        """Dedup keys with an alert that is open."""
        with self.lock:
            return {dedup_key for _, dedup_key in self._open}

    def answer(self, request: Request) -> Reply:
        """Take an event or a change."""
        if request.method != "POST" or request.path not in {"/v2/enqueue", "/v2/change/enqueue"}:
            return Reply(404, {"status": "not found"})
        if len(request.body) > MAX_BYTES:
            return Reply(413, {"status": "invalid event", "message": "Event object is too large"})
        body = request.json()
        is_change = request.path == "/v2/change/enqueue"
        problem = self._problem(body, is_change=is_change)
        if problem:
            return Reply(400, {"status": "invalid event", "message": "Event object is invalid", "errors": [problem]})
        if self._is_throttled(body["routing_key"]):
            return Reply(429, {"status": "throttle exceeded", "message": "Request Limit Exceeded"})
        if is_change:
            self.changes.append(body)
            return Reply(202, {"status": "success", "message": "Change event processed"})
        return self._taken(body, body["routing_key"])

    def _problem(self, body: Any, *, is_change: bool) -> str:
        found = next((CHANGE_SCHEMA if is_change else EVENT_SCHEMA).iter_errors(body), None)
        if found is not None:
            return f"{found.json_path}: {found.message[:200]}"
        if len(body["routing_key"]) != KEY_CHARS:
            return "Length of 'routing_key' is incorrect (should be 32 characters)"
        return "" if self._keys is None or body["routing_key"] in self._keys else "Invalid routing key"

    def _taken(self, body: dict[str, Any], key: str) -> Reply:
        dedup_key = body.get("dedup_key") or f"generated-{len(self.events)}"
        effect = self._effect(body["event_action"], key, dedup_key)
        self.events.append(PagerDutyEvent(body["event_action"], key, dedup_key, effect, body))
        return Reply(202, {"status": "success", "message": "Event processed", "dedup_key": dedup_key})

    def _effect(self, action: str, key: str, dedup_key: str) -> Effect:
        place = (key, dedup_key)
        if action == "trigger":
            if place in self._open:
                return "appended"
            self._open[place] = "triggered"
            self._opens[dedup_key] += 1
            return "opened"
        if place not in self._open:
            return "dropped"
        if action == "acknowledge":
            self._open[place] = "acknowledged"
            return "acknowledged"
        del self._open[place]
        return "resolved"

    def _is_throttled(self, key: str) -> bool:
        if self._per_minute is None:
            return False
        now = self._clock()
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - 60:
            calls.popleft()
        if len(calls) >= self._per_minute:
            return True
        calls.append(now)
        return False
