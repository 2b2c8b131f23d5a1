"""The first tables."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TYPES: Final = MappingProxyType({"text": sa.Text, "big": sa.BigInteger, "int": sa.Integer, "float": sa.Float})
# Columns of a type in a row, "?" after the type where they may be empty.
_PLACES: Final = "text: topic / int: partition / big: next"
_INCIDENTS: Final = (
    "text: tenant id state priority severity title team service cause / text?: merged_into / text: aliases / "
    "big: started_ms updated_ms / big?: detected_ms acknowledged_ms mitigated_ms resolved_ms ended_ms / "
    "float?: to_detect_s to_acknowledge_s to_mitigate_s to_resolve_s / big: revision / text: body"
)
_TIMELINE: Final = "text: tenant id incident_id / big: at_ms place / text: kind by body"
_ALERTS: Final = (
    "text: tenant id fingerprint state priority severity rule source role team service entity signal labels / "
    "text?: incident_id / big: started_ms / big?: ended_ms / big: updated_ms / text: body"
)
_STATUSES: Final = "text: tenant alert_id state receivers / big: at_ms / text: body"
_NOTIFICATIONS: Final = (
    "text: tenant id receiver integration action dedup_key / big: sequence / text: priority / text?: incident_id / "
    "big: at_ms / text: body"
)
_RESULTS: Final = "text: tenant notification_id / int: attempt / text: outcome / int?: status / big: at_ms / text: body"
_FEEDBACK: Final = "text: tenant alert_id verdict by / big: at_ms / text: body"
_SILENCES: Final = "text: tenant id created_by / big: starts_ms ends_ms updated_ms / text: body"


def upgrade() -> None:
    """Make them."""
    _table("places", "topic partition", _PLACES)
    _table("incidents", "tenant id", _INCIDENTS)
    op.create_index("incidents_by_start", "incidents", ["tenant", "started_ms", "id"])
    _table("incident_timeline", "tenant id", _TIMELINE)
    op.create_index("timeline_by_incident", "incident_timeline", ["tenant", "incident_id", "at_ms"])
    _table("alerts", "tenant id", _ALERTS)
    op.create_index("alerts_by_start", "alerts", ["tenant", "started_ms", "id"])
    op.create_index("alerts_by_incident", "alerts", ["tenant", "incident_id"])
    _table("alert_statuses", "tenant alert_id", _STATUSES)
    _table("notifications", "tenant id", _NOTIFICATIONS)
    op.create_index("notifications_by_time", "notifications", ["tenant", "at_ms", "id"])
    op.create_index("notifications_by_incident", "notifications", ["tenant", "incident_id"])
    _table("notification_results", "tenant notification_id attempt", _RESULTS)
    _table("feedback", "tenant alert_id", _FEEDBACK)
    _table("silences", "tenant id", _SILENCES)


def _table(name: str, key: str, columns: str) -> None:
    made: list[Any] = []
    for part in columns.split(" / "):
        kind, _, names = part.partition(": ")
        options = {"type_": _TYPES[kind.rstrip("?")](), "nullable": kind.endswith("?"), "autoincrement": False}
        made += [sa.Column(column, **options) for column in names.split()]
    op.create_table(name, *made, sa.PrimaryKeyConstraint(*key.split()))
