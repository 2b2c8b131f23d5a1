"""``metrics-ai inspect``: what detect knows of a series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.explain import PlotOption, TenantOption
from metrics_ai.commands.options import BrokerOption, ConfigOption, JsonOption, configured
from metrics_ai.commands.replay import RecordingName, SeriesTypeName


def inspect(
    selector: Annotated[
        str, typer.Argument(metavar="SERIES", help='metric, or metric{label="value", label=~"a|b"}; dimensions too.')
    ],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Further files of --from, as *.csv gives them.")
    ] = None,
    files: Annotated[
        list[Path] | None, typer.Option("--from", metavar="FILE", help="Recordings, instead of a broker's state.")
    ] = None,
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
    config: ConfigOption = None,
    broker: BrokerOption = None,
    tenant: TenantOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what detect knows of a series: its windows, expected ranges, drift detector, rules and open episode.

    Of a running system it is what the newest checkpoint holds; with --from, what detect knows after recordings. If
    several series match, a line for each; with --json, an object a line. Exit status 1 if none does.
    """
    from metrics_ai.commands.decode import format_options
    from metrics_ai.commands.replay import named_label
    from metrics_ai.explain.inspecting import Inspecting
    from metrics_ai.explain.plotting import checked_path
    from metrics_ai.recordings import RecordingOptions
    from schemas.errors import ConfigurationError

    settings = configured(config, broker)
    inspecting = Inspecting(settings, selector, tenant, as_json=as_json, plot=checked_path(plot))
    if not files:
        if more:
            raise ConfigurationError(
                f"{more[0]} stands there without --from", "metrics-ai inspect SERIES --from FILE..."
            )
        inspecting.of_broker()
        return
    options = RecordingOptions(
        format=recording.value if recording else None,
        source_format=source_format,
        metric=metric,
        labels=dict(named_label(text) for text in label or []),
        type=series_type.value,
        unit=unit,
        messages=format_options(settings.ingest, source_format, None, None),
    )
    inspecting.of_recordings([*files, *(more or [])], options)
