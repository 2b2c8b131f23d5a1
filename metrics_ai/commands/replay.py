"""``metrics-ai replay``: recorded metrics through the same operators, without a broker."""

from __future__ import annotations

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


def replay(
    files: FilesArgument,
    recording: FormatOption = None,
    source_format: SourceFormatOption = "native",
    metric: MetricOption = None,
    label: LabelOption = None,
    series_type: TypeOption = SeriesTypeName.gauge,
    unit: UnitOption = "",
    time_unit: TimeUnitOption = None,
    store_rates: StoreRatesOption = None,
    config: ConfigOption = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="HOST:PORT", help="Send the recording to a broker instead.")
    ] = None,
    topic: Annotated[
        str | None,
        typer.Option("--topic", help="With --to: where to.", show_default="of the first source of what is sent"),
    ] = None,
    diff: Annotated[
        Path | None, typer.Option("--diff", metavar="OTHER.yaml", help="Show what another configuration would change.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay recorded metrics in event time, as fast as it can, and print alerts, incidents and a summary.

    The same input gives the same output, however it is cut into batches or files. With --json: an object a line,
    alerts, incidents, what happened to them, and last the summary. Exit status 1 if no sample came of it; with --to,
    if anything was rejected instead of sent.
    """
    from metrics_ai.replaying import Replaying
    from schemas.errors import ConfigurationError

    if to and diff:
        raise ConfigurationError("--to and --diff exclude each other", "Give one of them")
    if topic and not to:
        raise ConfigurationError(f"--topic {topic} without --to: nothing is sent", "Give --to HOST:PORT, too")
    settings = configured(config, to, "--to")
    said = format_options(settings.ingest, source_format, time_unit, store_rates)
    options = recording_options(recording, (source_format, said), (metric, label, series_type, unit))
    refuse_unused(files, options, store_rates=store_rates)
    replaying = Replaying(files, options, as_json=as_json)
    if to:
        replaying.send(settings, topic)
    elif diff:
        replaying.diff(settings, configured(diff))
    else:
        replaying.run(settings)
