"""``metrics-ai doctor``: what is wrong around us, and what to do about it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.options import DATA_DIR_DEFAULT, BrokerOption, ConfigOption, JsonOption, configured

_STYLE = {"OK": "green", "WARN": "yellow", "FAIL": "bold red"}


def doctor(
    config: ConfigOption = None,
    broker: BrokerOption = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", metavar="DIR", help="That of `up`.", show_default=DATA_DIR_DEFAULT)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check routes, broker, topics, codecs, clocks, disk, ports, versions, names; exit status 1 if something fails."""
    from rich.console import Console
    from rich.text import Text

    from metrics_ai.doctor import examine
    from metrics_ai.stack.stack import default_data_dir

    console = Console(highlight=False, markup=False)
    failed = False
    for check in examine(configured(config, broker), data_dir or default_data_dir()):
        failed = failed or check.level == "FAIL"
        if as_json:
            typer.echo(json.dumps(check.as_dict()))
            continue
        way_out = f" -> {check.way_out}" if check.way_out and check.level != "OK" else ""
        console.print(
            Text(f"{check.level:5}", _STYLE[check.level]), f"{check.name}: {check.found}{way_out}", soft_wrap=True
        )
    raise typer.Exit(1 if failed else 0)
