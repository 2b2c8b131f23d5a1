"""Options and words of the commands that ask the API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from metrics_ai.commands.options import configured

if TYPE_CHECKING:
    from metrics_ai.console_client import ConsoleClient

UrlOption = Annotated[str | None, typer.Option("--url", metavar="URL", help="Of the API.", show_default="console.url")]
TenantOption = Annotated[
    str | None, typer.Option("--tenant", metavar="NAME", help="Whom it is about.", show_default="the token's own")
]
NoteOption = Annotated[str, typer.Option("--note", "-m", metavar="TEXT", help="Stands beside it on the timeline.")]
ByOption = Annotated[
    str, typer.Option("--by", metavar="NAME", help="In whose name.", show_default="the token's, else yours here")
]


def client(config: Path | None, url: str | None, tenant: str | None = None) -> ConsoleClient:
    """The API.

    Raises
    ------
    ConfigurationError
        If the address is none, or the token cannot be read.
    """
    from metrics_ai.console_client import ConsoleClient
    from schemas.errors import ConfigurationError

    settings = configured(config).console
    if url is not None:
        if not url.startswith(("http://", "https://")):
            raise ConfigurationError(f"--url {url!r} is no address", "Give it like --url http://127.0.0.1:8080")
        settings = settings.model_copy(update={"url": url})
    return ConsoleClient(settings, tenant)


def tell(answer: dict[str, Any], text: str, as_json: bool) -> None:
    """Say what became of a request."""
    if as_json:
        typer.echo(json.dumps(answer))
    elif answer.get("status") == "accepted":
        typer.echo(f"{text}: asked for, and not done yet (command {answer['command_id']})")
    else:
        typer.echo(text)


def ask_for(
    kind: Literal["alert", "incident"],
    where: tuple[Path | None, str | None, str | None],
    asked: tuple[str, str, str, str],
    text: str,
    as_json: bool,
) -> None:
    """Ask for something to be done with an alert or an incident, and say what became of that.

    Parameters
    ----------
    kind
        Which.
    where
        The file of the configuration, the API's address and the tenant, where given.
    asked
        Its id or how that begins, what to do (as in the API's paths), a note and who asks.
    text
        What is true of it once that is done.
    as_json
        Whether to say it as the API did.
    """
    name, path, note, by = asked
    with client(*where) as api:
        found = api.full_id(kind, name)
        answer = api.send("POST", f"/{kind}s/{found}/{path}", {"note": note, "by": api.acting(by)})
        tell(answer, f"{kind} {found} {text}", as_json)
