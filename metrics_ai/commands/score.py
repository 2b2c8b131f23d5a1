"""``metrics-ai score``: a score for every row of a recording."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.decode import format_options
from metrics_ai.commands.options import ConfigOption, JsonOption, configured
from metrics_ai.commands.recording import (
    FilesArgument,
    FormatOption,
    LabelOption,
    MetricOption,
    SeriesTypeName,
    SourceFormatOption,
    StoreRatesOption,
    TimeUnitOption,
    TypeOption,
    UnitOption,
    recording_options,
    refuse_unused,
)


def score(
    files: FilesArgument,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the CSV files go, one a series.")],
    detector: Annotated[
        str | None,
        typer.Option(
            "--detector", metavar="NAME", help="Who scores: docs/reference/detectors.md.", show_default="records"
        ),
    ] = None,
    recording: FormatOption = None,
    source_format: SourceFormatOption = "native",
    metric: MetricOption = None,
    label: LabelOption = None,
    series_type: TypeOption = SeriesTypeName.gauge,
    unit: UnitOption = "",
    time_unit: TimeUnitOption = None,
    store_rates: StoreRatesOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a CSV a series, a row a sample: timestamp, value, anomaly_score, low, high, verdict.

    The score in a row is known from the rows up to it; above 1.0 is anomalous. low and high are the range that the
    finest window that speaks expected. Verdicts: learning (no window speaks yet), normal, anomalous, skipped (a repeat,
    too late, or no number). A row comes out for every row that has a time.
    """
    from metrics_ai.replaying import progress_bar
    from metrics_ai.scoring import DEFAULT_DETECTOR, Scoring
    from metrics_ai.tally import counted, end_without_samples, tell_rejected

    settings = configured(config)
    said = format_options(settings.ingest, source_format, time_unit, store_rates)
    options = recording_options(recording, (source_format, said), (metric, label, series_type, unit))
    refuse_unused(files, options, store_rates=store_rates)
    with progress_bar("rows") as progress:
        found = Scoring(settings, options, out, detector or DEFAULT_DETECTOR).run(files, progress)
    if as_json:
        summary = {name: value for name, value in found._asdict().items() if name != "told"}
        sys.stdout.write(json.dumps({"summary": {**summary, "folder": str(out)}}) + "\n")
    else:
        verdicts = ", ".join(f"{name} {count:,}" for name, count in found.verdicts.items() if count)
        rows = counted(found.rows, "row") + (f" ({verdicts})" if verdicts else "")
        typer.echo(f"{found.series:,} series, {rows}, in {out}")
    tell_rejected(found.told, found.rejected)
    if found.rows == found.verdicts["skipped"]:
        end_without_samples(found.skipped, found.rejected)
    if found.rejected:
        raise typer.Exit(1)
