"""``metrics-ai silences``: mute alerts for a time."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from metrics_ai.commands.asking import ByOption, TenantOption, UrlOption, client, tell
from metrics_ai.commands.options import ConfigOption, JsonOption, examples

app = typer.Typer(no_args_is_help=True, help="Silences: mute alerts for a time.")
MatchersArgument = Annotated[
    list[str], typer.Argument(metavar="MATCHER...", help='name=value, name!=value, name=~"a|b" or name!~"a|b".')
]


@app.command(
    epilog=examples(
        "metrics-ai silences add alertname=Disk node=n1 --for 2h --comment 'disk is being replaced'",
        "metrics-ai silences add 'node=~n[12]' --from 2026-12-01T22:00Z --until 2026-12-02T02:00Z",
    )
)
def add(
    matchers: MatchersArgument,
    lasting: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long: 90s, 30m, 2h, 1d.")] = "1h",
    start: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="When it begins, in RFC 3339.", show_default="now")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help="When it ends, in RFC 3339, instead of --for.")
    ] = None,
    comment: Annotated[str, typer.Option("--comment", "-m", metavar="TEXT", help="Why.")] = "",
    by: ByOption = "",
    config: ConfigOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Mute the alerts that all matchers fit; the id of the silence is printed."""
    from metrics_ai.console_listing import silence_times

    starts_at, ends_at = silence_times(start, until, lasting)
    times = {"starts_at": starts_at, "ends_at": ends_at}
    with client(config, url, tenant) as api:
        body = {"matchers": matchers, "comment": comment, "by": api.acting(by), **times}
        answer = api.send("POST", "/silences", body)
    tell(answer, answer["subject"] or "the silence", as_json)


@app.command("list", epilog=examples("metrics-ai silences list", "metrics-ai silences list --all --json"))
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Those that have ended, too.")] = False,
    config: ConfigOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the silences, the last to end first; with --json one object a line."""
    from metrics_ai.console_listing import print_silences

    with client(config, url, tenant) as api:
        found = [one for one in api.get("/silences") if everything or one["state"] != "expired"]
    if as_json:
        for one in found:
            typer.echo(json.dumps(one))
    else:
        print_silences(found)


@app.command()
def expire(
    silences: Annotated[list[str], typer.Argument(metavar="SILENCE...", help="Their ids.")],
    config: ConfigOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """End silences now."""
    with client(config, url, tenant) as api:
        for one in silences:
            tell(api.send("DELETE", f"/silences/{one}"), f"silence {one} has ended", as_json)


@app.command(epilog=examples("metrics-ai silences preview alertname=Disk 'node=~n.*'"))
def preview(
    matchers: MatchersArgument,
    config: ConfigOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which of the alerts that fire now a silence would mute; it mutes nothing."""
    from metrics_ai.console_listing import print_preview

    with client(config, url, tenant) as api:
        answer = api.send("POST", "/silences/preview", {"matchers": matchers})
    if as_json:
        typer.echo(json.dumps(answer))
    else:
        print_preview(answer)
