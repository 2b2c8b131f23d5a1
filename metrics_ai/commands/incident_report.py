"""``metrics-ai incidents report``: what happened, what it cost, what is known of the cause, and what comes again."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.options import BrokerOption, ConfigOption, configured


class IncidentReportFormat(StrEnum):
    """What a report is written as."""

    md = "md"
    html = "html"
    json = "json"


def report(
    wanted: Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, or how that begins.")],
    form: Annotated[
        IncidentReportFormat | None,
        typer.Option("--format", help="md, html or json.", show_default="by the suffix of --out, else md"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here.")] = None,
    tenant: Annotated[str | None, typer.Option("--tenant", metavar="NAME", help="Only this tenant's.")] = None,
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="EVENTS.jsonl", help="Events that --evidence wrote, not the topics."),
    ] = None,
    evidence: Annotated[
        Path | None,
        typer.Option("--evidence", metavar="EVENTS.jsonl", help="Keep the events that it rests on: topics forget."),
    ] = None,
    config: ConfigOption = None,
    broker: BrokerOption = None,
) -> None:
    """Report on an incident from the topics; every line names the events that it rests on.

    The same events make the same bytes. Exit status 1 if there is no incident of that id, or several.
    """
    from incidents.review import report_of
    from metrics_ai.explain.broker_events import BrokerEvents
    from metrics_ai.incident_cases import evidence_lines, read_events, told_case
    from metrics_ai.incident_reports import WRITERS, form_of, write

    written = form_of(form.value if form else None, out)
    settings = configured(config, broker)
    events = BrokerEvents(settings.kafka) if source is None else read_events(source)
    case = told_case(events, wanted, tenant)
    if evidence is not None:
        write(evidence_lines(case), evidence)
    write(WRITERS[written](report_of(case)), out)
