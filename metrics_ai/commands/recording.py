"""Options of the commands that read recordings."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_ai.commands.decode import StoreRatesOption, TimeUnitOption

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
    RecordingName | None, typer.Option("--format", help="csv, jsonl, parquet, arrow or capture. [by the suffix]")
]
SourceFormatOption = Annotated[
    str, typer.Option("--source-format", metavar="FORMAT", help="Of a capture's records, or of lines of jsonl.")
]
MetricOption = Annotated[str | None, typer.Option("--metric", help="Where rows name none. [the file's name]")]
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
