"""Options and words that several commands share."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from metrics_ai.config import Config

DATA_DIR_DEFAULT = "metrics-ai in the XDG data directory"
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", envvar="METRICS_AI_CONFIG", help="Configuration in YAML."),
]
BrokerOption = Annotated[
    str | None, typer.Option("--broker", metavar="HOST:PORT", help="The broker, instead of the configured one.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: JSON on standard output.")]


class LogFormatName(StrEnum):
    """How logs look."""

    text = "text"
    json = "json"


LogFormatOption = Annotated[
    LogFormatName | None, typer.Option("--log-format", help="Lines for people, or a JSON object a line.")
]
LogLevelOption = Annotated[
    str | None, typer.Option("--log-level", metavar="LEVEL", help="debug, info, warning or error.")
]


def examples(*lines: str) -> str:
    """Examples below a command's help."""
    return "\n\n".join(["Examples:", *(f"[bold]$ {line}[/]" for line in lines)])


def configured(path: Path | None, broker: str | None = None, option: str = "--broker") -> Config:
    """The configuration, with the broker's address from the command line if it was given.

    Raises
    ------
    ConfigurationError
        If it cannot hold, or the address is none; ``option`` is how it was given.
    """
    from metrics_ai.config import load_config

    config = load_config(path)
    if broker is None:
        return config
    address = checked_address(broker, option)
    return config.model_copy(update={"kafka": config.kafka.model_copy(update={"bootstrap": address})})


def checked_address(text: str, option: str) -> str:
    """A broker's address, as an option gives it.

    Raises
    ------
    ConfigurationError
        If it is not HOST:PORT.
    """
    from integrations.kafka.connection import checked_addresses
    from schemas.errors import ConfigurationError

    try:
        return checked_addresses(text)
    except ValueError as error:
        raise ConfigurationError(f"{option} {text!r} is not HOST:PORT", f"Give it like {option} k1:9092") from error


def logged(config: Config, form: LogFormatName | None, level: str | None) -> Config:
    """The configuration with what the command line says of logs.

    Raises
    ------
    ConfigurationError
        If there is no such level.
    """
    from metrics_ai.config import LogSettings
    from schemas.errors import ConfigurationError

    wanted = {"format": form.value if form else config.log.format, "level": level or config.log.level}
    try:
        return config.model_copy(update={"log": LogSettings.model_validate(wanted)})
    except ValueError as error:
        raise ConfigurationError(f"there is no log level {level!r}", "Choose debug, info, warning or error") from error
