"""``metrics-ai incidents``: lists them from the topic; how far people are with one goes to the API."""

from __future__ import annotations

from typing import Annotated

import typer

from metrics_ai.commands.asking import ByOption, NoteOption, TenantOption, UrlOption, ask_for, client, tell
from metrics_ai.commands.events import FollowOption, SinceOption
from metrics_ai.commands.events import incidents as listed
from metrics_ai.commands.options import BrokerOption, ConfigOption, JsonOption, examples

app = typer.Typer(
    invoke_without_command=True,
    help="Show the incidents; say how far you are with one, merge and split them.",
    epilog=examples("metrics-ai incidents", "metrics-ai incidents --follow --json"),
)
IncidentArgument = Annotated[str, typer.Argument(metavar="INCIDENT", help="Its id, or how that begins.")]


@app.callback()
def incidents(
    context: typer.Context,
    config: ConfigOption = None,
    broker: BrokerOption = None,
    follow: FollowOption = False,
    since: SinceOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show the incidents, the newest state of each; with --json one object a line, as on the topic."""
    if context.invoked_subcommand is None:
        listed(config, broker, follow, since, as_json)


def _move(word: str, state: str, text: str) -> None:
    """Make a command of a step in an incident's life."""

    def move(
        incident: IncidentArgument,
        note: NoteOption = "",
        by: ByOption = "",
        config: ConfigOption = None,
        url: UrlOption = None,
        tenant: TenantOption = None,
        as_json: JsonOption = False,
    ) -> None:
        ask_for("incident", (config, url, tenant), (incident, state, note, by), f"is {text}", as_json)

    app.command(word, help=_HELP[word])(move)


_HELP = {
    "ack": "Say that you look after an incident.",
    "unack": "Take an acknowledgement back.",
    "mitigate": "Say that users no longer notice an incident.",
    "resolve": "End an incident, although alerts of it may still fire.",
    "review": "Say that an incident that is over has been looked at.",
}
for _word, _path, _text in (
    ("ack", "acknowledge", "acknowledged"),
    ("unack", "unacknowledge", "no longer acknowledged"),
    ("mitigate", "mitigate", "mitigated"),
    ("resolve", "resolve", "resolved"),
    ("review", "review", "reviewed"),
):
    _move(_word, _path, _text)


@app.command(epilog=examples("metrics-ai incidents note 3104109bb8 'failed over to the other region'"))
def note(
    incident: IncidentArgument,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What to write.")],
    by: ByOption = "",
    config: ConfigOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write something on an incident's timeline."""
    ask_for("incident", (config, url, tenant), (incident, "notes", text, by), "has the note", as_json)


@app.command(epilog=examples("metrics-ai incidents merge 3104109bb8 77e1a0c2d4"))
def merge(
    incident: IncidentArgument,
    other: Annotated[str, typer.Argument(metavar="OTHER", help="The one that is the same.")],
    note: NoteOption = "",
    by: ByOption = "",
    config: ConfigOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make one incident of two; the older one's id stays."""
    with client(config, url, tenant) as api:
        found, same = api.full_id("incident", incident), api.full_id("incident", other)
        body = {"other_id": same, "note": note, "by": api.acting(by)}
        answer = api.send("POST", f"/incidents/{found}/merge", body)
        tell(answer, f"incidents {found} and {same} are one", as_json)


@app.command(epilog=examples("metrics-ai incidents split 3104109bb8 71ff7d6d4e351cee"))
def split(
    incident: IncidentArgument,
    alerts: Annotated[list[str], typer.Argument(metavar="ALERT...", help="Ids of those that are another's.")],
    note: NoteOption = "",
    by: ByOption = "",
    config: ConfigOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take alerts out of an incident into one of their own."""
    with client(config, url, tenant) as api:
        found = api.full_id("incident", incident)
        body = {"alert_ids": [api.full_id("alert", one) for one in alerts], "note": note, "by": api.acting(by)}
        answer = api.send("POST", f"/incidents/{found}/split", body)
        tell(answer, f"{len(alerts)} alerts of incident {found} are incident {answer['subject']} now", as_json)
