"""The tables, as the newest migration leaves them."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

METADATA: Final = sa.MetaData()


def _tenant() -> sa.Column[str]:
    return sa.Column("tenant", sa.Text, primary_key=True)


def _text(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False, **options)


def _time(name: str, *, nullable: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


PLACES: Final = sa.Table(
    "places",
    METADATA,
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("next", sa.BigInteger, nullable=False),
)
"""How far each partition is in here: the next offset."""

INCIDENTS: Final = sa.Table(
    "incidents",
    METADATA,
    _tenant(),
    _text("id", primary_key=True),
    _text("state"),
    _text("priority"),
    _text("severity"),
    _text("title"),
    _text("team"),
    _text("service"),
    _text("cause"),
    sa.Column("merged_into", sa.Text),
    _text("aliases"),
    _time("started_ms", nullable=False),
    _time("updated_ms", nullable=False),
    *(_time(f"{name}_ms") for name in ("detected", "acknowledged", "mitigated", "resolved", "ended")),
    *(sa.Column(f"to_{name}_s", sa.Float) for name in ("detect", "acknowledge", "mitigate", "resolve")),
    sa.Column("revision", sa.BigInteger, nullable=False),
    _text("body"),
    sa.Index("incidents_by_start", "tenant", "started_ms", "id"),
)

TIMELINE: Final = sa.Table(
    "incident_timeline",
    METADATA,
    _tenant(),
    _text("id", primary_key=True),
    _text("incident_id"),
    _time("at_ms", nullable=False),
    # Its offset: the order of what happened at one time.
    sa.Column("place", sa.BigInteger, nullable=False),
    _text("kind"),
    _text("by"),
    _text("body"),
    sa.Index("timeline_by_incident", "tenant", "incident_id", "at_ms"),
)

ALERTS: Final = sa.Table(
    "alerts",
    METADATA,
    _tenant(),
    _text("id", primary_key=True),
    _text("fingerprint"),
    _text("state"),
    _text("priority"),
    _text("severity"),
    _text("rule"),
    _text("source"),
    _text("role"),
    _text("team"),
    _text("service"),
    _text("entity"),
    _text("signal"),
    _text("labels"),
    sa.Column("incident_id", sa.Text),
    _time("started_ms", nullable=False),
    _time("ended_ms"),
    _time("updated_ms", nullable=False),
    _text("body"),
    sa.Index("alerts_by_start", "tenant", "started_ms", "id"),
    sa.Index("alerts_by_incident", "tenant", "incident_id"),
)

STATUSES: Final = sa.Table(
    "alert_statuses",
    METADATA,
    _tenant(),
    _text("alert_id", primary_key=True),
    _text("state"),
    _text("receivers"),
    _time("at_ms", nullable=False),
    _text("body"),
)

NOTIFICATIONS: Final = sa.Table(
    "notifications",
    METADATA,
    _tenant(),
    _text("id", primary_key=True),
    _text("receiver"),
    _text("integration"),
    _text("action"),
    _text("dedup_key"),
    sa.Column("sequence", sa.BigInteger, nullable=False),
    _text("priority"),
    sa.Column("incident_id", sa.Text),
    _time("at_ms", nullable=False),
    _text("body"),
    sa.Index("notifications_by_time", "tenant", "at_ms", "id"),
    sa.Index("notifications_by_incident", "tenant", "incident_id"),
)

RESULTS: Final = sa.Table(
    "notification_results",
    METADATA,
    _tenant(),
    _text("notification_id", primary_key=True),
    sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
    _text("outcome"),
    sa.Column("status", sa.Integer),
    _time("at_ms", nullable=False),
    _text("body"),
)

FEEDBACK: Final = sa.Table(
    "feedback",
    METADATA,
    _tenant(),
    _text("alert_id", primary_key=True),
    _text("verdict"),
    _text("by"),
    _time("at_ms", nullable=False),
    _text("body"),
)

SILENCES: Final = sa.Table(
    "silences",
    METADATA,
    _tenant(),
    _text("id", primary_key=True),
    _text("created_by"),
    _time("starts_ms", nullable=False),
    _time("ends_ms", nullable=False),
    _time("updated_ms", nullable=False),
    _text("body"),
)

AGES: Final[tuple[tuple[sa.Table, str], ...]] = (
    (INCIDENTS, "updated_ms"),
    (TIMELINE, "at_ms"),
    (ALERTS, "updated_ms"),
    (STATUSES, "at_ms"),
    (NOTIFICATIONS, "at_ms"),
    (RESULTS, "at_ms"),
    (FEEDBACK, "at_ms"),
    (SILENCES, "ends_ms"),
)
"""By which column a table's rows grow old."""
