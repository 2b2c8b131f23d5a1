"""``metrics-ai runbooks``: what helps with which alert, listed, shown, matched and checked. Nothing is executed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_ai.commands.options import ConfigOption, JsonOption, configured, examples

if TYPE_CHECKING:
    from runbooks.library import Library

app = typer.Typer(no_args_is_help=True, help="Runbooks: what to look at and what to do. Nothing is executed.")

FromOption = Annotated[
    list[Path] | None,
    typer.Option("--from", metavar="PATH", help="Runbooks in a file or folder, instead of the configured ones."),
]


@app.command(
    "list", epilog=examples("metrics-ai runbooks list", "metrics-ai runbooks list --from runbooks/ --json | jq .id")
)
def list_(config: ConfigOption = None, source: FromOption = None, as_json: JsonOption = False) -> None:
    """List the runbooks that hold; with --json one object a line. Exit status 1 if a file was refused."""
    from metrics_ai.runbook_listing import described, print_list
    from metrics_ai.slo_listing import tell

    library = library_from(config, source)
    if as_json:
        for one in library.placed.values():
            typer.echo(json.dumps(described(one)))
    else:
        print_list(library.placed)
    tell(library.problems)
    raise typer.Exit(1 if library.problems else 0)


@app.command(epilog=examples("metrics-ai runbooks show disk-filling", "metrics-ai runbooks show oom-kill --json"))
def show(
    wanted: Annotated[str, typer.Argument(metavar="ID", help="Its id.")],
    config: ConfigOption = None,
    source: FromOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a runbook: what to look at, what to do at which risk, whom to call. Exit status 1 if there is none."""
    from metrics_ai.runbook_listing import chosen, described, print_runbook
    from metrics_ai.slo_listing import tell

    library = library_from(config, source)
    tell(library.problems)
    one = chosen(library, wanted)
    if as_json:
        typer.echo(json.dumps(described(one)))
    else:
        print_runbook(one)


@app.command(
    epilog=examples(
        "metrics-ai runbooks match --label alertname=oom_kill",
        "metrics-ai runbooks match --label slo=checkout --label kind=budget --json | jq .id",
    )
)
def match(
    label: Annotated[list[str], typer.Option("--label", "-l", metavar="NAME=VALUE", help="A label of the alert.")],
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="So many at the most.")] = 3,
    config: ConfigOption = None,
    source: FromOption = None,
    as_json: JsonOption = False,
) -> None:
    """Name the runbooks that fit an alert's labels, the most specific first. Exit status 1 if none does."""
    from metrics_ai.runbook_listing import described, labels_from, print_fitting
    from metrics_ai.slo_listing import tell

    labels = labels_from(label)
    library = library_from(config, source)
    found = library.fitting(labels, limit)
    if as_json:
        for one in found:
            typer.echo(json.dumps(described(library.placed[one.id])))
    else:
        print_fitting(found, labels)
    tell(library.problems)
    raise typer.Exit(0 if found else 1)


@app.command(epilog=examples("metrics-ai runbooks validate shop.yaml", "metrics-ai runbooks validate runbooks/ --json"))
def validate(
    paths: Annotated[
        list[Path], typer.Argument(metavar="FILE_OR_FOLDER...", help="Runbooks; of a folder all *.yaml in it.")
    ],
    as_json: JsonOption = False,
) -> None:
    """Name every line of runbooks that cannot hold; exit status 1 if there is one, 2 if a path is none."""
    from metrics_ai.runbook_files import library_of_paths
    from metrics_ai.slo_listing import problem_rows, tell

    library = library_of_paths(paths)
    if as_json:
        typer.echo(json.dumps({"runbooks": list(library.placed), "problems": problem_rows(library.problems)}))
    else:
        for name, one in library.placed.items():
            typer.echo(f"{one.place}: {name}: fine")
        tell(library.problems)
    raise typer.Exit(1 if library.problems else 0)


def library_from(config: Path | None, source: list[Path] | None) -> Library:
    """The runbooks of some files, else those of the configuration."""
    from metrics_ai.runbook_files import library_of_paths, runbook_library

    return library_of_paths(source) if source else runbook_library(configured(config))
