"""``metrics-ai alerts``: lists them from the topic; who looks after one, and why it was told or not, from the API."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from metrics_ai.commands.asking import ByOption, NoteOption, TenantOption, UrlOption, ask_for, client
from metrics_ai.commands.events import FollowOption, SinceOption
from metrics_ai.commands.events import alerts as listed
from metrics_ai.commands.options import BrokerOption, ConfigOption, JsonOption, examples

app = typer.Typer(
    invoke_without_command=True,
    help="Show the alerts; acknowledge one, and ask why somebody was told of it, or was not.",
    epilog=examples("metrics-ai alerts --since 1h", "metrics-ai alerts --json | jq .annotations.summary"),
)
AlertArgument = Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or how that begins.")]


@app.callback()
def alerts(
    context: typer.Context,
    config: ConfigOption = None,
    broker: BrokerOption = None,
    follow: FollowOption = False,
    since: SinceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the alerts, the newest state of each episode; with --json one object a line, as on the topic."""
    if context.invoked_subcommand is None:
        listed(config, broker, follow, since, as_json)


@app.command(epilog=examples("metrics-ai alerts ack 71ff7d6d4e351cee -m 'looking into it'"))
def ack(
    alert: AlertArgument,
    note: NoteOption = "",
    by: ByOption = "",
    config: ConfigOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that you look after an alert; it holds for this episode alone."""
    ask_for("alert", (config, url, tenant), (alert, "acknowledge", note, by), "is acknowledged", as_json)


@app.command()
def unack(
    alert: AlertArgument,
    note: NoteOption = "",
    by: ByOption = "",
    config: ConfigOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take an acknowledgement back."""
    ask_for("alert", (config, url, tenant), (alert, "unacknowledge", note, by), "is no longer acknowledged", as_json)


@app.command(epilog=examples("metrics-ai alerts why 71ff7d6d4e351cee", "metrics-ai alerts why 71ff7d6d --json"))
def why(
    alert: AlertArgument,
    config: ConfigOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say why somebody was told of an alert, or was not: every decision, in order."""
    from metrics_ai.console_listing import print_why

    with client(config, url, tenant) as api:
        found = api.full_id("alert", alert)
        status = api.get(f"/alerts/{found}/why")
    if as_json:
        typer.echo(json.dumps(status))
    else:
        print_why(status)
