"""``metrics-ai priors``: what new series of a metric family are taken to be like."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.decode import format_options
from metrics_ai.commands.options import ConfigOption, JsonOption, configured, examples
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

app = typer.Typer(no_args_is_help=True, help="What new series are taken to be like, by metric family.")


@app.command(epilog=examples("metrics-ai priors show"))
def show(as_json: JsonOption = False) -> None:
    """Print the priors that ship, and their checksum."""
    from models.priors import SHIPPED_SHA256, shipped_priors

    priors = shipped_priors()
    if as_json:
        typer.echo(json.dumps(priors.model_dump(mode="json") | {"sha256": SHIPPED_SHA256}))
        return
    typer.echo(f"version {priors.version}, SHA-256 {SHIPPED_SHA256}\n{priors.source}\n")
    typer.echo("\n".join(_table({name: (one.spread, one.relative) for name, one in priors.families.items()})))


@app.command(epilog=examples("metrics-ai priors learn week.parquet", "metrics-ai priors learn *.csv --out priors.json"))
def learn(
    files: FilesArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write them as a record of the topic settings."),
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What to call them.")] = "fleet",
    valid_from_ms: Annotated[
        int, typer.Option("--valid-from-ms", min=0, help="Event time from which they hold, in the record of --out.")
    ] = 0,
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
    """Learn a fleet's priors from recordings: how far series of a family usually lie from an hour's center.

    The recordings go through the detect stage; hours with an anomaly teach nothing, nor do series of less than 24 hours
    or families of fewer than three series.
    """
    from metrics_ai.prior_recordings import PriorRecordings
    from metrics_ai.replaying import progress_bar
    from metrics_ai.tally import end_without_samples, tell_rejected
    from models.priors import as_setting
    from schemas.errors import MachineError

    settings = configured(config)
    said = format_options(settings.ingest, source_format, time_unit, store_rates)
    options = recording_options(recording, (source_format, said), (metric, label, series_type, unit))
    refuse_unused(files, options, store_rates=store_rates)
    recordings = PriorRecordings(settings, options)
    with progress_bar("samples") as progress:
        tally = recordings.run(files, progress)
    tell_rejected(tally.told, dict(tally.rejected))
    if not recordings.samples:
        end_without_samples(dict(tally.skipped), dict(tally.rejected))
    priors = recordings.learner.priors(name, f"{len(files)} recordings, {recordings.samples:,} samples")
    if out is not None:
        try:
            out.write_bytes(as_setting(priors, valid_from_ms).to_bytes() + b"\n")
        except OSError as error:
            raise MachineError(f"{out}: {error.strerror or error}", "Name a file that can be written") from error
    if as_json:
        typer.echo(json.dumps(priors.model_dump(mode="json")))
    elif priors.families:
        typer.echo("\n".join(_table({family: (one.spread, one.relative) for family, one in priors.families.items()})))
    else:
        typer.echo("no family has three series of 24 hours without an anomaly")


def _table(families: dict[str, tuple[float, float]]) -> list[str]:
    """A family a line: its spread within an hour, in its unit or as a share of the level."""
    shown = {
        name: f"{spread:g}" if spread else f"{share:.1%} of the level" for name, (spread, share) in families.items()
    }
    return [f"{'family':24} spread within an hour", *(f"{name:24} {text}" for name, text in shown.items())]
