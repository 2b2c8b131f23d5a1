"""Events of PagerDuty's Events API v2, and its change events, within their limits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from integrations.delivery.calling import as_json
from integrations.delivery.limits import cut, one_line, plain, web_address
from integrations.delivery.wording import change_line, headline, links_of, rfc3339, sections, source_of
from schemas.change_events import NearestChange
from schemas.events import Priority
from schemas.notification_events import Notification, NotifiedAlert

# https://developer.pagerduty.com/docs/send-alert-event
MAX_SUMMARY: Final = 1024
MAX_EVENT_BYTES: Final = 512_000
MAX_DEDUP_KEY: Final = 255
_MAX_WORD: Final = 255
SEVERITY: Final[Mapping[Priority, str]] = {"P0": "critical", "P1": "error", "P2": "warning", "P3": "info"}
CLIENT: Final = "Metrics AI"


def key_fingerprint(routing_key: str) -> str:
    """What may be remembered of a routing key.

    Examples
    --------
    >>> key_fingerprint("e93facc04764012d7bfb002500d5d1a6")
    '47746dbfe444aaf2'
    """
    return hashlib.sha256(routing_key.encode()).hexdigest()[:16]


def resolve_event(routing_key: str, dedup_key: str) -> dict[str, Any]:
    """The event that ends what a key opened."""
    return {"routing_key": routing_key, "event_action": "resolve", "dedup_key": cut(dedup_key, MAX_DEDUP_KEY)}


def trigger_event(
    notification: Notification,
    routing_key: str,
    details: Mapping[str, Any],
    images: Sequence[Mapping[str, str]] = (),
    client_url: str = "",
) -> dict[str, Any]:
    """The event that opens an alert, or adds to the open one of the same key.

    Above the limit of bytes the last hour of signals goes first, then alerts from the end, then all details; what is
    missing is said in ``custom_details.truncated``.

    Parameters
    ----------
    details
        More of ``custom_details``, from the settings.
    """
    payload = {
        "summary": cut(headline(notification), MAX_SUMMARY),
        "source": cut(source_of(notification), _MAX_WORD),
        "severity": SEVERITY[notification.priority],
        "timestamp": rfc3339(_began_ms(notification)),
        **_place(notification),
    }
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "event_action": "trigger",
        "dedup_key": cut(notification.dedup_key, MAX_DEDUP_KEY),
        "client": CLIENT,
        "payload": payload,
    }
    if web_address(client_url):
        event["client_url"] = client_url
    links = [{"href": address, "text": cut(name, _MAX_WORD)} for name, address in links_of(notification.context)]
    if links:
        event["links"] = links
    if images:
        event["images"] = [dict(image) for image in images]
    return _fitting(event, notification, details)


def _fitting(event: dict[str, Any], notification: Notification, details: Mapping[str, Any]) -> dict[str, Any]:
    payload = event["payload"]
    payload["custom_details"] = {**_details(notification), **details}
    if _fits(event):
        return event
    payload["custom_details"].pop("signals", None)
    payload["custom_details"]["truncated"] = "The last hour of signals did not fit."
    listed: list[str] = payload["custom_details"]["alerts"]
    while not _fits(event) and len(listed) > 1:
        del listed[(len(listed) + 1) // 2 :]
        payload["custom_details"]["truncated"] = (
            f"{len(notification.alerts) - len(listed) + notification.truncated_alerts} alerts did not fit."
        )
    if not _fits(event):
        payload["custom_details"] = {"truncated": "Details did not fit."}
        event.pop("links", None)
    return event


def _fits(event: Mapping[str, Any]) -> bool:
    return len(as_json(event)) <= MAX_EVENT_BYTES


def _details(notification: Notification) -> dict[str, Any]:
    context = notification.context
    words = {
        section.heading.lower().replace(" ", "_"): list(section.lines)
        for section in sections(notification, 0)
        if section.heading not in {"Alerts", "Signals", "Links", "Common labels"}
    }
    details: dict[str, Any] = {
        "priority": notification.priority,
        "firing": sum(alert.state == "firing" for alert in notification.alerts),
        "alerts": [_alert(alert) for alert in notification.alerts],
        "labels": {plain(name): plain(value) for name, value in notification.common_labels.items()},
        **words,
    }
    if notification.incident_id:
        details["incident_id"] = notification.incident_id
    if notification.truncated_alerts:
        details["more_alerts"] = notification.truncated_alerts
    if context is not None and context.signals:
        details["signals"] = [
            {"signal": plain(one.signal), "entity": plain(one.entity), "unit": plain(one.unit), "points": one.points}
            for one in context.signals
        ]
    return details


def _alert(alert: NotifiedAlert) -> dict[str, Any]:
    return {
        "summary": one_line(alert.annotations.get("summary") or alert.labels.get("alertname", alert.alert_id)),
        "state": alert.state,
        "priority": alert.priority,
        "since": rfc3339(alert.started_ms),
        "labels": {plain(name): plain(value) for name, value in alert.labels.items()},
    }


def _began_ms(notification: Notification) -> int:
    return min((alert.started_ms for alert in notification.alerts), default=notification.at_ms)


def _place(notification: Notification) -> dict[str, str]:
    labels = notification.common_labels
    found = {
        "component": labels.get("service") or labels.get("job"),
        "group": labels.get("cluster") or labels.get("namespace"),
        "class": labels.get("alertname") or labels.get("signal"),
    }
    return {name: cut(one_line(value), _MAX_WORD) for name, value in found.items() if value}


def change_event(change: NearestChange, routing_key: str) -> dict[str, Any]:
    """The event that tells of a change; it notifies nobody.

    Examples
    --------
    >>> from schemas.change_events import NearestChange
    >>> deployed = NearestChange(id="d1", kind="deploy", what="checkout 2.1", at_ms=1_772_323_200_000, by="ana")
    >>> change_event(deployed, "k" * 32)["payload"]
    {'summary': 'deploy checkout 2.1 by ana at 2026-03-01 00:00:00 UTC', 'timestamp': '2026-03-01T00:00:00.000Z', \
'source': 'metrics-ai', 'custom_details': {}}
    """
    labels = change.labels
    source = labels.get("service") or labels.get("node") or labels.get("cluster") or "metrics-ai"
    event: dict[str, Any] = {
        "routing_key": routing_key,
        "payload": {
            "summary": cut(change_line(change), MAX_SUMMARY),
            "timestamp": rfc3339(change.at_ms),
            "source": cut(one_line(source), _MAX_WORD),
            "custom_details": {plain(name): plain(value) for name, value in labels.items()},
        },
    }
    if change.url and web_address(change.url):
        event["links"] = [{"href": change.url, "text": "More"}]
    return event


def change_of(notification: Notification) -> NearestChange | None:
    """The change that is all that a notification tells; None where it tells of alerts."""
    if notification.alerts or notification.context is None or not notification.context.changes:
        return None
    return notification.context.changes[0]


def digest_event(notification: Notification, routing_key: str) -> dict[str, Any]:
    """The change event that carries a digest: it stands beside incidents and wakes nobody."""
    return {
        "routing_key": routing_key,
        "payload": {
            "summary": cut(headline(notification), MAX_SUMMARY),
            "timestamp": rfc3339(notification.at_ms),
            "source": cut(source_of(notification), _MAX_WORD),
            "custom_details": {section.heading: list(section.lines) for section in sections(notification)},
        },
    }
