"""``metrics-ai topics``: the catalogue against a broker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from metrics_ai.commands.options import BrokerOption, ConfigOption, JsonOption, configured, examples

if TYPE_CHECKING:
    from metrics_ai.config import Config

app = typer.Typer(no_args_is_help=True, help="The topic catalogue against a broker.")


@app.command("list", epilog=examples("metrics-ai topics list", "metrics-ai topics list --json | jq .topic"))
def list_(config: ConfigOption = None, broker: BrokerOption = None, as_json: JsonOption = False) -> None:
    """List the catalogue's and the sources' topics, and what the broker has of them."""
    from rich.table import Table
    from rich.text import Text

    from integrations.kafka.admin import ANSWER_S, list_topics
    from metrics_ai.event_listing import wide_console

    settings = configured(config, broker)
    on_broker = list_topics(settings.kafka, ANSWER_S)
    rows = []
    for name, kind, cleanup in _wanted(settings):
        state = on_broker.get(name)
        rows.append(
            {"topic": name, "what": kind, "cleanup": cleanup, "partitions": state.partitions if state else None}
        )
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row))
        return
    table = Table("topic", "what", "cleanup", "partitions", box=None)
    for row in rows:
        there = Text(str(row["partitions"])) if row["partitions"] else Text("missing", "red")
        table.add_row(str(row["topic"]), str(row["what"]), str(row["cleanup"]), there)
    wide_console().print(table)


@app.command(epilog=examples("metrics-ai topics create --broker k1:9092"))
def create(config: ConfigOption = None, broker: BrokerOption = None, as_json: JsonOption = False) -> None:
    """Create what is missing, and mend the configuration of ours that differ."""
    from integrations.kafka.admin import create_topics

    settings = configured(config, broker)
    made = create_topics(settings.kafka, sources=_sources(settings))
    if as_json:
        typer.echo(json.dumps({"created": made}))
    else:
        typer.echo("\n".join(f"created {name}" for name in made) or "nothing to create: every topic is there")


@app.command(epilog=examples("metrics-ai topics check || metrics-ai topics create"))
def check(config: ConfigOption = None, broker: BrokerOption = None, as_json: JsonOption = False) -> None:
    """Name every difference between the catalogue and the broker; exit status 1 if there is one."""
    from integrations.kafka.admin import check_topics
    from metrics_ai.doctor import as_laid_out

    settings = configured(config, broker)
    differences = check_topics(as_laid_out(settings), sources=_sources(settings))
    if as_json:
        typer.echo(json.dumps({"differences": differences}))
    elif differences:
        typer.echo("\n".join(differences))
        typer.echo("metrics-ai topics create makes what is missing and mends configurations", err=True)
    else:
        typer.echo("the broker has every topic as the catalogue says")
    raise typer.Exit(1 if differences else 0)


@app.command(epilog=examples("metrics-ai topics docs > topics.md"))
def docs() -> None:
    """Print the reference of every topic, as Markdown."""
    from metrics_ai.reference import topics_page
    from schemas.topics import CATALOGUE

    typer.echo(topics_page(CATALOGUE), nl=False)


def _sources(config: Config) -> list[str]:
    return [source.topic for source in config.ingest.sources]


def _wanted(config: Config) -> list[tuple[str, str, str]]:
    from schemas.topics import CATALOGUE

    ours = [(config.kafka.topic(topic), topic.value, topic.cleanup) for topic in CATALOGUE]
    theirs = [(one.topic, f"producers' {one.format}, tenant {one.tenant}", "theirs") for one in config.ingest.sources]
    return theirs + ours
