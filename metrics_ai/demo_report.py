"""The report of the demonstration's incident, made of the topics while the broker is there."""

from __future__ import annotations

import tempfile
from pathlib import Path

from incidents.review import Report, report_of
from integrations.kafka.connection import KafkaSettings
from metrics_ai.explain.broker_events import BrokerEvents
from metrics_ai.incident_cases import told_case
from metrics_ai.incident_reports import WRITERS, write


def write_incident_report(kafka: KafkaSettings, incident_id: str, out: Path | None) -> tuple[Report, Path]:
    """Write the report of an incident as a page; what it says, and where.

    Parameters
    ----------
    kafka
        The broker.
    incident_id
        Of which.
    out
        Where to; None for a folder of its own among the temporary files.

    Raises
    ------
    MetricsAIError
        If the topics know nothing of it, or the page cannot be written.
    """
    report = report_of(told_case(BrokerEvents(kafka), incident_id))
    page = out or Path(tempfile.mkdtemp(prefix="metrics-ai-report-")) / f"incident-{incident_id}.html"
    write(WRITERS["html"](report), page)
    return report, page
