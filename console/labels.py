"""The labels by which an alert is routed and found: its own, and those that routing adds."""

from __future__ import annotations

from integrations.serving.store import StandingAlert


def routed_labels(one: StandingAlert) -> dict[str, str]:
    """An alert's labels, with ``priority``, ``severity``, ``tenant`` and ``incident_id`` where it has none of its own.

    The priority is the one that it has by now, which its incident may have raised.
    """
    alert, status = one.alert, one.status
    added = {
        "priority": status.priority if status else alert.priority,
        "severity": alert.severity,
        "tenant": alert.tenant,
    }
    incident_id = (status.incident_id if status else None) or alert.incident_id
    if incident_id:
        added["incident_id"] = incident_id
    return added | alert.labels
