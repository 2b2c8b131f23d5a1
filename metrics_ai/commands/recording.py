"""Options of the commands that read recordings."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_ai.commands.decode import FORMATS_SAID, StoreRatesOption, TimeUnitOption

if TYPE_CHECKING:
    from integrations.formats import FormatOptions
    from metrics_ai.recordings import RecordingOptions

__all__ = [
    "FilesArgument",
    "FormatOption",
    "LabelOption",
    "MetricOption",
    "RecordingName",
    "SeriesTypeName",
    "SourceFormatOption",
    "StoreRatesOption",
    "TimeUnitOption",
    "TypeOption",
    "UnitOption",
    "named_label",
    "recording_options",
    "refuse_unused",
]


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


FilesArgument = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Recordings, in the order of their samples.")
]
FormatOption = Annotated[
    RecordingName | None,
    typer.Option(
        "--format",
        help="csv, jsonl, parquet, arrow or capture.",
        show_default="by the suffix; a capture by its first line",
    ),
]
SourceFormatOption = Annotated[
    str,
    typer.Option(
        "--source-format", metavar="FORMAT", help=f"Of a capture's records, or of lines of jsonl: {FORMATS_SAID}."
    ),
]
MetricOption = Annotated[
    str | None, typer.Option("--metric", help="Where rows name none.", show_default="the file's name")
]
LabelOption = Annotated[
    list[str] | None, typer.Option("--label", metavar="NAME=VALUE", help="A label of every series; may repeat.")
]
TypeOption = Annotated[SeriesTypeName, typer.Option("--type", help="Where rows name none: gauge, counter, delta.")]
UnitOption = Annotated[str, typer.Option("--unit", help="Where rows name none.")]


def recording_options(
    recording: RecordingName | None,
    messages: tuple[str, FormatOptions],
    naming: tuple[str | None, list[str] | None, SeriesTypeName, str],
) -> RecordingOptions:
    """How recordings are read.

    Parameters
    ----------
    recording
        Their format, if it was given.
    messages
        The format of captured messages, and what they do not say.
    naming
        Metric, labels as ``NAME=VALUE``, type and unit where rows name none.
    """
    from metrics_ai.recordings import RecordingOptions

    source_format, format_options = messages
    metric, labels, series_type, unit = naming
    return RecordingOptions(
        format=recording.value if recording else None,
        source_format=source_format,
        metric=metric,
        labels=dict(named_label(text) for text in labels or []),
        type=series_type.value,
        unit=unit,
        messages=format_options,
    )


def refuse_unused(files: Sequence[Path], options: RecordingOptions, *, store_rates: bool | None = None) -> None:
    """Refuse what is said of messages where no file holds any.

    Raises
    ------
    ConfigurationError
        If a source format or rates are said of rows.
    """
    from schemas.errors import ConfigurationError

    said = {
        f"--source-format {options.source_format}": options.source_format != "native",
        "--store-rates": store_rates is True,
        "--raw-counters": store_rates is False,
    }
    given = [option for option, is_given in said.items() if is_given]
    if given and not any(options.format_of(path) in ("jsonl", "capture") for path in files):
        kind = options.format_of(files[0])
        raise ConfigurationError(
            f"{given[0]} is said of messages, and {files[0]} holds none: it is {kind}", "Leave it out"
        )


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
