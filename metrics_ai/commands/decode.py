"""``metrics-ai decode``: what a producer's messages become, without a broker."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_ai.commands.options import ConfigOption, JsonOption, configured

if TYPE_CHECKING:
    from integrations.formats import Decoder, FormatOptions, SeriesTable
    from integrations.gateway import IngestSettings
    from metrics_ai.tally import Tally


class LayoutName(StrEnum):
    """How messages stand in the file."""

    capture = "capture"
    lines = "lines"
    raw = "raw"


class TimeUnitName(StrEnum):
    """Unit of numeric times."""

    auto = "auto"
    s = "s"
    ms = "ms"
    us = "us"
    ns = "ns"


# Spelled out, since help must come at once; a test compares it with the decoders that there are.
FORMATS_SAID = (
    "native, telegraf_json, telegraf_influx, otlp, prometheus_json, prometheus_remote_write, collectd, vector, "
    "metricbeat, fluentbit"
)
TimeUnitOption = Annotated[
    TimeUnitName | None,
    typer.Option("--time-unit", help="Unit of numeric times.", show_default="as the format's source says, else auto"),
]
StoreRatesOption = Annotated[
    bool | None,
    typer.Option(
        "--store-rates/--raw-counters",
        help="collectd: whether write_kafka sends rates.",
        show_default="as the format's source says, else rates",
    ),
]


def format_options(
    settings: IngestSettings, source_format: str, time_unit: TimeUnitName | None, store_rates: bool | None
) -> FormatOptions:
    """What the configuration's first source of a format says of its messages, but for what is given."""
    given = {"time_unit": time_unit.value if time_unit else None, "store_rates": store_rates}
    update = {name: value for name, value in given.items() if value is not None}
    return settings.options_of(source_format).model_copy(update=update)


def decode(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Recorded messages; .gz is decompressed.")],
    source_format: Annotated[str, typer.Option("--source-format", metavar="FORMAT", help=f"{FORMATS_SAID}.")],
    layout: Annotated[
        LayoutName | None,
        typer.Option(
            "--format",
            help="capture: JSON lines of raw records; lines: a message a line; raw: one message.",
            show_default="by the first line",
        ),
    ] = None,
    time_unit: TimeUnitOption = None,
    store_rates: StoreRatesOption = None,
    config: ConfigOption = None,
    every: Annotated[
        bool, typer.Option("--all", help="Name every message that is rejected, not the first five of each reason.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Print a JSON line a sample, then a summary on standard error.

    Exit status 1 if anything was rejected, or no sample came of it. With --json the summary is JSON, too, and names no
    messages. A message without a time takes its record's; lines and raw have no records, so there it is rejected. Of a
    format's further settings (label_fields, counters) those of its first source in the configuration hold.
    """
    from integrations.formats import Recogniser, SeriesTable, decoder_for
    from metrics_ai.tally import TOLD, Tally, end_without_samples, tell_rejected
    from schemas.errors import ConfigurationError, SchemaError

    settings = configured(config)
    decoder = decoder_for(source_format, format_options(settings.ingest, source_format, time_unit, store_rates))
    identity = {str(dimension): labels for dimension, labels in settings.ingest.identity.items()}
    table = SeriesTable(settings.tenant, Recogniser(identity))
    tally = Tally(None if every else TOLD)
    try:
        counts = _print_samples(file, layout or _layout_of(file), decoder, table, tally)
    except SchemaError as error:
        raise ConfigurationError(error.what, error.way_out) from error
    named = {"skipped": tally.skipped, "noted": tally.noted, "rejected": tally.rejected}
    summary = {**counts, "series": len(table), **{name: dict(count) for name, count in named.items()}}
    if not as_json:
        tell_rejected(tally.told, tally.rejected)
    typer.echo(json.dumps(summary) if as_json else _text(summary), err=True)
    if not counts["samples"]:
        end_without_samples(tally.skipped, tally.rejected, "Name its --source-format, or its --format")
    raise typer.Exit(1 if tally.rejected else 0)


def _print_samples(
    file: Path, layout: LayoutName, decoder: Decoder, table: SeriesTable, tally: Tally
) -> Mapping[str, int]:
    """Print every sample; how many messages and samples there were."""
    from integrations.formats.capture import read_records, sample_dicts

    counts = Counter(messages=0, samples=0)
    for chunk in read_records(file, layout.value):
        decoded = decoder.decode(chunk.values, chunk.times, table)
        for sample in sample_dicts(decoded, table):
            sys.stdout.write(json.dumps(sample, ensure_ascii=False) + "\n")
        for rejection in decoded.rejections:
            tally.reject(rejection.reason, f"{file}:{chunk.places[rejection.record]}", rejection.detail)
        tally.skipped += decoded.skipped
        tally.noted += decoded.noted
        counts["messages"] += len(chunk)
        counts["samples"] += len(decoded) + len(decoded.histograms)
    return counts


def _layout_of(file: Path) -> LayoutName:
    """What the first line looks like; a file that cannot be read is told of by whoever reads it next."""
    from integrations.formats.capture import looks_captured

    if file.suffix == ".gz" or looks_captured(file):
        return LayoutName.capture
    try:
        with file.open("rb") as opened:
            opened.readline(1 << 20).decode()
    except UnicodeDecodeError:
        return LayoutName.raw
    except OSError:
        return LayoutName.lines
    return LayoutName.lines


def _text(summary: Mapping[str, object]) -> str:
    from metrics_ai.tally import counted

    parts = []
    for name, value in summary.items():
        if isinstance(value, dict):
            reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(value.items()))
            # What is noted is a rare thing: nothing is said where there is none.
            if value or name != "noted":
                parts.append(f"{sum(value.values()):,} {name}" + (f" ({reasons})" if reasons else ""))
        elif isinstance(value, int):
            parts.append(counted(value, name if name == "series" else name.removesuffix("s")))
    return "; ".join(parts)
