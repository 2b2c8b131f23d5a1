"""``metrics-ai slo eval`` and ``slo simulate``: what an objective would have said of a recording, or of an outage."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from metrics_ai.commands.decode import format_options
from metrics_ai.commands.explain import TenantOption
from metrics_ai.commands.options import ConfigOption, JsonOption, configured
from metrics_ai.commands.recording import (
    FormatOption,
    LabelOption,
    MetricOption,
    SeriesTypeName,
    SourceFormatOption,
    TimeUnitOption,
    recording_options,
    refuse_unused,
)
from metrics_ai.commands.slo import FileOption, NameArgument, library_from

if TYPE_CHECKING:
    from slo.definition import Slo

LONGEST_OUTAGE_S: Final = 366 * 86_400


def evaluate(
    definition: Annotated[Path, typer.Argument(metavar="SLO.yaml", help="Its definition, or that of several.")],
    data: Annotated[
        list[Path], typer.Option("--data", metavar="FILE", help="Recorded counters or samples; may repeat.")
    ],
    name: Annotated[str | None, typer.Option("--name", help="Which, where the file defines several.")] = None,
    recording: FormatOption = None,
    source_format: SourceFormatOption = "native",
    metric: MetricOption = None,
    label: LabelOption = None,
    time_unit: TimeUnitOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate SLOs over recorded counters or samples: CSV, JSON lines, Parquet, Arrow or a capture.

    Compliance, what is left of each budget, error ratio and burn rate by window, and every alert with its time. A row
    is a sample of a series; of counters it has the counter's value. Exit status 1 if an objective was missed.
    """
    from metrics_ai.replaying import progress_bar
    from metrics_ai.slo_printing import print_evaluation
    from metrics_ai.slo_recordings import recorded
    from metrics_ai.tally import tell_rejected
    from slo.evaluate import evaluate as evaluated

    settings = configured(config)
    said = format_options(settings.ingest, source_format, time_unit, None)
    options = recording_options(recording, (source_format, said), (metric, label, SeriesTypeName.gauge, ""))
    refuse_unused(data, options)
    slos, missed = defined_in(definition, name, config), False
    with progress_bar("rows") as progress:
        recordings, tally = recorded(slos, data, (options, settings), progress)
    for slo, samples in zip(slos, recordings, strict=True):
        found = evaluated(slo, samples)
        missed |= not found.met
        if as_json:
            typer.echo(json.dumps({"key": slo.key, **found.body()}))
        else:
            print_evaluation(slo, found)
    tell_rejected(tally.told, tally.rejected)
    raise typer.Exit(1 if missed or tally.rejected else 0)


def simulate(
    name: NameArgument,
    length: Annotated[str, typer.Option("--length", metavar="TIME", help="How long it lasts: 10m, 2h.")],
    bad: Annotated[float, typer.Option("--bad", min=0.0, max=1.0, help="Which share of the events is bad.")] = 1.0,
    rate: Annotated[
        float, typer.Option("--rate", min=0.0, max=1e12, help="Events a second, before it and during it.")
    ] = 100.0,
    config: ConfigOption = None,
    source: FileOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what an outage, now, would do to a budget that nothing has been spent of, and which alerts it raises when."""
    from metrics_ai.slo_listing import chosen
    from metrics_ai.slo_printing import print_simulation
    from schemas.errors import ConfigurationError
    from slo.durations import seconds_of
    from slo.simulate import Outage, steady
    from slo.simulate import simulate as simulated

    if bad == 0.0:
        raise ConfigurationError("an outage in which nothing is bad is none", "Give --bad a share above 0, up to 1")
    try:
        outage = Outage(share=bad, length_s=seconds_of(length))
    except ValueError as error:
        raise ConfigurationError(f"--length: {length!r} is no duration", "Write it like 10m, 2h or 1d") from error
    if outage.length_s > LONGEST_OUTAGE_S:
        raise ConfigurationError(
            f"--length: {length!r} is longer than a year", "No budget is left of it: take a shorter"
        )
    slo = chosen(library_from(config, source), name, tenant).slo
    found = simulated(slo, steady(slo, rate, int(time.time() * 1000)), outage)
    if as_json:
        typer.echo(json.dumps(found.body()))
    else:
        print_simulation(slo, found, bad)


def defined_in(definition: Path, name: str | None, config: Path | None) -> list[Slo]:
    """The SLOs of a file, or the one that is named."""
    from metrics_ai.slo_listing import chosen
    from schemas.errors import ConfigurationError

    library = library_from(config, [definition])
    if library.problems:
        raise library.problems[0]
    if name is not None:
        return [chosen(library, name, None).slo]
    if not library.defined:
        raise ConfigurationError(f"{definition} defines no SLO", "A document of kind SLO is one")
    return [one.slo for one in library.defined.values()]
