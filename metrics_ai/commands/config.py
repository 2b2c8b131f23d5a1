"""``metrics-ai config``: show, check and document the configuration."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.options import ConfigOption, JsonOption, configured, examples

app = typer.Typer(no_args_is_help=True, help="The complete configuration, commented; and checks of yours.")


@app.command(epilog=examples("metrics-ai config show > metrics-ai.yaml", "metrics-ai config show -c mine.yaml"))
def show(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Print every setting with its description and value, as YAML that loads back; secrets are not shown."""
    from metrics_ai.config_text import config_yaml

    found = configured(config)
    typer.echo(found.model_dump_json(indent=2) if as_json else config_yaml(found), nl=as_json)


@app.command(epilog=examples("metrics-ai config check metrics-ai.yaml"))
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The configuration to check.")],
    as_json: JsonOption = False,
) -> None:
    """Name every setting that cannot hold, or file that is not there; exit status 1 if there is one, 2 if no FILE."""
    from metrics_ai.config import Config, Problem, missing_files, read_config
    from schemas.errors import ConfigurationError

    try:
        config, problems = read_config(file, os.environ)
        problems = problems or missing_files(config or Config(), file, os.environ)
    except ConfigurationError as error:
        if isinstance(error.__cause__, OSError):
            raise
        where, _, what = error.what.partition(": ")
        problems = [Problem(where, what, error.way_out)]
    if as_json:
        rows = [{"where": one.where, "what": one.what, "way_out": one.way_out} for one in problems]
        typer.echo(json.dumps({"file": str(file), "problems": rows}))
    else:
        for problem in problems:
            typer.echo(str(problem), err=True)
        if not problems:
            typer.echo(f"{file}: fine")
    raise typer.Exit(1 if problems else 0)


@app.command(epilog=examples("metrics-ai config docs > configuration.md"))
def docs() -> None:
    """Print the reference of every setting, as Markdown."""
    from metrics_ai.config_text import config_markdown

    typer.echo(config_markdown(), nl=False)
