"""``metrics-ai replay``: recorded metrics through the same operators, without a broker."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.decode import StoreRatesOption, TimeUnitOption, format_options
from metrics_ai.commands.options import ConfigOption, JsonOption, configured


class RecordingName(StrEnum):
    """What recordings are."""

    csv = "csv"
    jsonl = "jsonl"
    parquet = "parquet"
    arrow = "arrow"
    capture = "capture"


class SeriesTypeName(StrEnum):
    """What values mean."""

    gauge = "gauge"
    counter = "counter"
    delta = "delta"


def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Recordings, in the order of their samples.")],
    recording: Annotated[
        RecordingName | None, typer.Option("--format", help="csv, jsonl, parquet, arrow or capture. [by the suffix]")
    ] = None,
    source_format: Annotated[
        str, typer.Option("--source-format", metavar="FORMAT", help="Of a capture's records, or of lines of jsonl.")
    ] = "native",
    metric: Annotated[str | None, typer.Option("--metric", help="Where rows name none. [the file's name]")] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="A label of every series; may repeat.")
    ] = None,
    series_type: Annotated[
        SeriesTypeName, typer.Option("--type", help="Where rows name none: gauge, counter, delta.")
    ] = SeriesTypeName.gauge,
    unit: Annotated[str, typer.Option("--unit", help="Where rows name none.")] = "",
    time_unit: TimeUnitOption = None,
    store_rates: StoreRatesOption = None,
    config: ConfigOption = None,
    to: Annotated[
        str | None, typer.Option("--to", metavar="HOST:PORT", help="Send the recording to a broker instead.")
    ] = None,
    topic: Annotated[str | None, typer.Option("--topic", help="With --to: where to. [the format's source]")] = None,
    diff: Annotated[
        Path | None, typer.Option("--diff", metavar="OTHER.yaml", help="Show what another configuration would change.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay recorded metrics in event time, as fast as it can, and print alerts, incidents and a summary.

    The same input gives the same output, however it is cut into batches or files. With --json: an object a line,
    alerts, incidents, what happened to them, and last the summary. With --to: exit status 1 if anything was rejected
    instead of sent.
    """
    from metrics_ai.recordings import RecordingOptions
    from metrics_ai.replaying import Replaying
    from schemas.errors import ConfigurationError

    if to and diff:
        raise ConfigurationError("--to and --diff exclude each other", "Give one of them")
    settings = configured(config, to)
    labels = dict(named_label(text) for text in label or [])
    options = RecordingOptions(
        format=recording.value if recording else None,
        source_format=source_format,
        metric=metric,
        labels=labels,
        type=series_type.value,
        unit=unit,
        messages=format_options(settings.ingest, source_format, time_unit, store_rates),
    )
    replaying = Replaying(files, options, as_json=as_json)
    if to:
        replaying.send(settings, topic)
    elif diff:
        replaying.diff(settings, configured(diff))
    else:
        replaying.run(settings)


def named_label(text: str) -> tuple[str, str]:
    """Name and value of a ``--label``.

    Raises
    ------
    ConfigurationError
        If it is not NAME=VALUE.
    """
    from schemas.errors import ConfigurationError

    name, equals, value = text.partition("=")
    if not (name and equals):
        raise ConfigurationError(f"--label {text!r} is not NAME=VALUE", "Give it like --label node=n1")
    return name, value
