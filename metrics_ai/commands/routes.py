"""``metrics-ai routes``: who is told of what, drawn, checked and asked for one alert at one time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from metrics_ai.commands.options import ConfigOption, JsonOption, configured, examples

if TYPE_CHECKING:
    from incidents.routing.config import RoutingConfig

app = typer.Typer(no_args_is_help=True, help="Routes: who is told of an alert, when, and why.")

FileOption = Annotated[
    Path | None,
    typer.Option("--file", "-f", metavar="FILE", help="A file of routes, instead of the configured one."),
]


@app.command(
    "test",
    epilog=examples(
        "metrics-ai routes test --label priority=P1 --label team=db --at 2026-11-28T12:00Z",
        "metrics-ai routes test -l severity=critical --file alertmanager.yml --expect team-X-pager",
    ),
)
def tried(
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", metavar="NAME=VALUE", help="A label of the alert.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="TIME", help="A time in RFC 3339; UTC without a zone.", show_default="now"),
    ] = None,
    expect: Annotated[
        str | None,
        typer.Option("--expect", metavar="RECEIVER[,RECEIVER]...", help="End with 1 if it goes elsewhere."),
    ] = None,
    file: FileOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say who is told of an alert with these labels at a time, whether at once, and why.

    Routing adds labels that an alert lacks: priority, severity, tenant and incident_id; give those that routes ask for.
    """
    import time

    from incidents.routing.explaining import destinations
    from metrics_ai.routing_listing import answer_of, print_destinations
    from metrics_ai.runbook_listing import labels_from
    from metrics_ai.slo_reports import moment_of

    labels = labels_from(label or [])
    given_ms = moment_of(at, "--at")
    at_ms = int(time.time() * 1000) if given_ms is None else given_ms
    routing, name = _routing(file, config)
    found = destinations(routing, labels, at_ms)
    if as_json:
        typer.echo(json.dumps(answer_of(routing, found, labels, name, at_ms)))
    else:
        print_destinations(routing, found, labels, name, at_ms)
    receivers = [one.route.receiver for one in found]
    if expect is not None and receivers != expect.split(","):
        typer.secho(f"metrics-ai: it goes to {','.join(receivers)}, not to {expect}", fg="red", err=True)
        raise typer.Exit(1)


@app.command(epilog=examples("metrics-ai routes show", "metrics-ai routes show --file alertmanager.yml --json"))
def show(file: FileOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Draw the tree of routes, with what each changes of the one above it. Nothing secret is shown."""
    from metrics_ai.routing_listing import print_tree

    routing, name = _routing(file, config)
    if as_json:
        typer.echo(json.dumps(routing.public()))
    else:
        print_tree(routing, name)


@app.command(
    epilog=examples("metrics-ai routes check alerting.yaml", "metrics-ai routes check alertmanager.yml --json")
)
def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Routes, in the shape of alertmanager.yml.")],
    as_json: JsonOption = False,
) -> None:
    """Name every line of a file of routes that cannot hold, and what in it does nothing.

    Exit status 1 if there is a problem, 2 if the file cannot be read; what does nothing is no problem.
    """
    from metrics_ai.routing_files import folder_of, reading_of
    from metrics_ai.routing_integrations import IntegrationFindings, look_at_integrations
    from metrics_ai.slo_listing import problem_rows, tell

    reading = reading_of(file)
    routing = reading.config
    found = look_at_integrations(routing, str(file), folder_of(file)) if routing else IntegrationFindings()
    problems = (*reading.problems, *found.problems)
    unsupported = sorted([*reading.unsupported, *found.unsupported], key=lambda one: one.line)
    if as_json:
        notes = [{"where": f"{one.file}:{one.line}", "what": one.what, "way_out": one.way_out} for one in unsupported]
        typer.echo(json.dumps({"problems": problem_rows(problems), "unsupported": notes}))
    else:
        for one in unsupported:
            typer.echo(f"does nothing here: {one}")
        if routing is not None and not problems:
            routes = sum(1 for _ in routing.root.walk())
            typer.echo(f"{file}: {routes} routes, {len(routing.receivers)} receivers: fine")
        tell(problems)
    raise typer.Exit(1 if problems else 0)


def _routing(file: Path | None, config: Path | None) -> tuple[RoutingConfig, str]:
    """The routing that a command is asked about, and its file's name."""
    from incidents.routing.reading import routing_from
    from metrics_ai.routing_files import content_of

    content, name = content_of(file or configured(config).routing.file)
    return routing_from(content, name), name
