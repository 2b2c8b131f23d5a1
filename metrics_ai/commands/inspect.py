"""``metrics-ai inspect``: what detect knows of a series."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.decode import format_options
from metrics_ai.commands.explain import PlotOption, TenantOption
from metrics_ai.commands.options import BrokerOption, ConfigOption, JsonOption, configured
from metrics_ai.commands.recording import (
    FormatOption,
    LabelOption,
    MetricOption,
    SeriesTypeName,
    SourceFormatOption,
    TypeOption,
    UnitOption,
    recording_options,
    refuse_unused,
)


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
    recording: FormatOption = None,
    source_format: SourceFormatOption = "native",
    metric: MetricOption = None,
    label: LabelOption = None,
    series_type: TypeOption = SeriesTypeName.gauge,
    unit: UnitOption = "",
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
    from metrics_ai.explain.inspecting import Inspecting
    from metrics_ai.explain.plotting import checked_path
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
    messages = format_options(settings.ingest, source_format, None, None)
    options = recording_options(recording, (source_format, messages), (metric, label, series_type, unit))
    recordings = [*files, *(more or [])]
    refuse_unused(recordings, options)
    inspecting.of_recordings(recordings, options)
