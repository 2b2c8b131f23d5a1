"""``metrics-ai feedback``: whether an alert needed action."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from metrics_ai.commands.alerts import AlertArgument
from metrics_ai.commands.asking import ByOption, TenantOption, UrlOption, client
from metrics_ai.commands.options import ConfigOption, JsonOption


class VerdictName(StrEnum):
    """What can be said of an alert."""

    actioned = "actioned"
    false = "false"
    duplicate = "duplicate"


def feedback(
    alert: AlertArgument,
    verdict: Annotated[VerdictName, typer.Argument(metavar="VERDICT", help="actioned, false or duplicate.")],
    note: Annotated[str, typer.Option("--note", "-m", metavar="TEXT", help="Why.")] = "",
    by: ByOption = "",
    config: ConfigOption = None,
    url: UrlOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say whether an alert needed action, did not, or had been said by another; a later word replaces this one.

    How accurate a rule is, and what its next alerts are worth, is counted from this.
    """
    import json

    with client(config, url, tenant) as api:
        found = api.full_id("alert", alert)
        body = {"verdict": verdict.value, "note": note or None, "by": api.acting(by)}
        said = api.send("POST", f"/alerts/{found}/feedback", body)
    typer.echo(json.dumps(said) if as_json else f"alert {found}: {verdict.value}")
