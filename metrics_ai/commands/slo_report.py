"""``metrics-ai slo report``: what became of objectives, as a page, Markdown or JSON."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.decode import format_options
from metrics_ai.commands.options import ConfigOption, configured
from metrics_ai.commands.recording import (
    LabelOption,
    MetricOption,
    SeriesTypeName,
    TimeUnitOption,
    recording_options,
)
from metrics_ai.commands.slo_offline import defined_in


class ReportFormat(StrEnum):
    """What a report is written as."""

    html = "html"
    md = "md"
    json = "json"


_MOMENT = "2026-09-22 or RFC 3339"


def report(
    name: Annotated[
        str | None, typer.Argument(metavar="SLO", help="Its name, or TENANT/NAME; all of them without.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help=f"From when on: {_MOMENT}.", show_default="its period")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help=f"Until when: {_MOMENT}.", show_default="the newest data")
    ] = None,
    form: Annotated[
        ReportFormat | None,
        typer.Option("--format", help="html, md or json.", show_default="by the suffix of --out, else md"),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write here.")] = None,
    history: Annotated[
        Path | None,
        typer.Option("--history", metavar="DIR", help="History.", show_default="history.folder, else that of `up`"),
    ] = None,
    data: Annotated[
        list[Path] | None, typer.Option("--data", metavar="FILE", help="A recording instead of history; may repeat.")
    ] = None,
    definition: Annotated[
        Path | None, typer.Option("--definition", metavar="SLO.yaml", help="With --data: what is promised.")
    ] = None,
    metric: MetricOption = None,
    label: LabelOption = None,
    time_unit: TimeUnitOption = None,
    config: ConfigOption = None,
) -> None:
    """Report on SLOs: compliance by day, the budget over time, burn rates, who spent it, alerts and incidents.

    From the history that the role `project` keeps, or from a recording. The same input makes the same bytes.
    """
    from integrations.history.reader import Span
    from metrics_ai.slo_reports import moment_of, recorded_histories, stored_histories, write
    from metrics_ai.tally import tell_rejected
    from schemas.errors import ConfigurationError

    settings = configured(config)
    span = Span(moment_of(since, "--from"), moment_of(until, "--to"))
    if span.from_ms is not None and span.to_ms is not None and span.from_ms >= span.to_ms:
        raise ConfigurationError("--from is not before --to", "Give a time that has a length")
    if (data is None) != (definition is None) or (data is not None and history is not None):
        raise ConfigurationError(
            "a report is of --history, or of --data with --definition", "Give the one, or both of the other"
        )
    if data is None or definition is None:
        write(stored_histories(settings, history, name, span), span, form.value if form else None, out)
        return
    said = format_options(settings.ingest, "native", time_unit, None)
    options = recording_options(None, ("native", said), (metric, label, SeriesTypeName.gauge, ""))
    found, tally = recorded_histories(defined_in(definition, name, config), data, (options, settings), span)
    write(found, span, form.value if form else None, out)
    tell_rejected(tally.told, tally.rejected)
    raise typer.Exit(1 if tally.rejected else 0)
