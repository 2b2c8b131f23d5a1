"""``metrics-ai suppressions``: what a changed file of routes would have kept from people, and told them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.options import BrokerOption, ConfigOption, JsonOption, configured, examples

app = typer.Typer(no_args_is_help=True, help="What keeps people from being told too much, tried on the past.")


@app.command(
    epilog=examples(
        "metrics-ai suppressions preview changed.yaml", "metrics-ai suppressions preview changed.yaml --days 2 --json"
    )
)
def preview(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The changed routes.")],
    days: Annotated[float, typer.Option("--days", min=0.01, max=30, help="How far back.")] = 7.0,
    config: ConfigOption = None,
    broker: BrokerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let the last days happen again with changed routes, and say who would have been told what, and what not.

    Nobody is told anything, and nothing on the broker changes.
    """
    import time

    from metrics_ai.preview import DAY_MS, Preview, past
    from metrics_ai.preview_listing import answer_of, print_preview
    from metrics_ai.routing_files import routing_config

    settings = configured(config, broker)
    found = Preview(settings, routing_config(settings.routing), routing_config(settings.routing, file))
    found.run(past(settings.kafka, int(time.time() * 1000 - days * DAY_MS)))
    if as_json:
        typer.echo(json.dumps(answer_of(found, days)))
    else:
        print_preview(found, days, str(file))
