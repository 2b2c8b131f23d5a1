"""Notifications for tests: of a usual one any part is replaced by its name."""

from __future__ import annotations

from typing import Any

from schemas.notification_events import Notification

AT_MS = 1_772_323_200_000


def alert(number: int = 0, **parts: Any) -> dict[str, Any]:
    """An alert that fires, as a mapping."""
    usual = {
        "alert_id": f"a{number}",
        "fingerprint": f"{number:016x}",
        "state": "firing",
        "labels": {"alertname": "DiskFull", "node": f"node-{number}", "service": "checkout"},
        "annotations": {"summary": f"The disk of node-{number} is full in 2 d"},
        "priority": "P0",
        "severity": "critical",
        "started_ms": AT_MS - 60_000,
        "generator_url": "http://console/alerts/a0",
    }
    return {**usual, **parts}


def notification(**parts: Any) -> Notification:
    """A notification that opens a page."""
    usual: dict[str, Any] = {
        "id": "n1",
        "tenant": "default",
        "receiver": "page",
        "integration": "pagerduty[0]",
        "action": "open",
        "dedup_key": "incident-1",
        "sequence": 1,
        "group_key": '{}:{incident_id="incident-1"}',
        "at_ms": AT_MS,
        "status": "firing",
        "reason": "It is new.",
        "priority": "P0",
        "severity": "critical",
        "title": "Disk of node-0 is full in 2 d",
        "group_labels": {"incident_id": "incident-1"},
        "common_labels": {"alertname": "DiskFull", "service": "checkout"},
        "common_annotations": {},
        "alerts": [alert()],
        "incident_id": "incident-1",
        "assignees": ["ana"],
        "context": {
            "forecasts": ["/var is full on 3 March at noon."],
            "changes": [{"id": "d1", "kind": "deploy", "what": "checkout 2.1", "at_ms": AT_MS - 600_000, "by": "bo"}],
            "budgets": ["checkout spent 12 % of its 30 days."],
            "runbooks": ["disk-full"],
            "links": {"Logs": "https://logs.example.com/q?node=node-0"},
            "signals": [
                {
                    "signal": "disk_used",
                    "entity": "node-0",
                    "unit": "%",
                    "points": [[AT_MS - 120_000, 71.5], [AT_MS - 60_000, 80.0], [AT_MS, 91.5]],
                }
            ],
        },
        "confidence": {"lo": 162_000, "hi": 201_600, "level": 0.8, "value": 0.8, "of": "seconds_left"},
        "windows": {"5m": "as expected, score 0.4", "1h": "anomalous, up, score 1.9"},
    }
    return Notification.model_validate({**usual, **parts})


def story(dedup_key: str = "incident-1", **parts: Any) -> list[Notification]:
    """Open, update and resolve of one key."""
    resolved = [alert(state="resolved", ended_ms=AT_MS + 900_000)]
    shared = {"dedup_key": dedup_key, **parts}
    return [
        notification(id=f"{dedup_key}/1", **shared),
        notification(
            id=f"{dedup_key}/2",
            action="update",
            sequence=2,
            at_ms=AT_MS + 300_000,
            reason="One more alert joined.",
            alerts=[alert(), alert(1)],
            **shared,
        ),
        notification(
            id=f"{dedup_key}/3",
            action="resolve",
            sequence=3,
            at_ms=AT_MS + 900_000,
            status="resolved",
            reason="All is over.",
            alerts=resolved,
            **shared,
        ),
    ]
