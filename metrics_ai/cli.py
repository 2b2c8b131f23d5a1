"""The command line. Each command is a file under ``commands``, which imports what it needs when it runs.

Exit status: 0 fine, 1 found wrong, 2 usage or configuration.
"""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from metrics_ai.commands import (
    alerts,
    baseline,
    config,
    decode,
    doctor,
    explain,
    feedback,
    health,
    incident_report,
    incidents,
    inspect,
    oncall,
    priors,
    replay,
    routes,
    rules,
    runbooks,
    score,
    silences,
    slo,
    slo_offline,
    slo_report,
    sre_health,
    suppressions,
    topics,
    up,
    worker,
)
from metrics_ai.commands.options import examples
from metrics_ai.usage import NO_ARGUMENTS, UsageError, usage_line
from schemas.errors import ConfigurationError, MachineError, MetricsAIError

FOUND_WRONG = 1
USAGE = 2


class Commands(TyperGroup):
    """Turns our errors, and those of the command line, into one line and an exit status."""

    def make_context(self, *arguments: Any, **more: Any) -> Any:
        """Read what stands before the command."""
        try:
            return super().make_context(*arguments, **more)
        except UsageError as error:
            _end_unused(error)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a traceback is shown only where it was asked for."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            _end_unused(error)
        except MetricsAIError as error:
            if ctx.params.get("debug"):
                raise
            typer.secho(f"metrics-ai: {error}", fg="red", err=True)
            ctx.exit(USAGE if isinstance(error, ConfigurationError | MachineError) else FOUND_WRONG)


def _end_unused(error: Exception) -> NoReturn:
    """End with one line for a command line that cannot hold."""
    if type(error).__name__ == NO_ARGUMENTS:
        raise error
    typer.secho(f"metrics-ai: {usage_line(error)}", fg="red", err=True)
    raise typer.Exit(USAGE)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="Metrics in on Kafka, correlated and explained incidents out.",
    epilog="Five minutes with it: [bold]metrics-ai up[/], then [bold]metrics-ai incidents --follow[/].",
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"metrics-ai {importlib.metadata.version('metrics-ai')}")
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks instead of one-line errors.")] = False,
) -> None:
    """Metrics in on Kafka, correlated and explained incidents out."""
    del version, debug  # read from the context


app.command("up", epilog=examples("metrics-ai up", "metrics-ai up --port 8081 --broker k1:9092"))(up.up)
app.command("worker", epilog=examples("metrics-ai worker ingest", "metrics-ai worker detect decide --port 0"))(
    worker.worker
)
app.add_typer(topics.app, name="topics")
app.add_typer(baseline.app, name="baseline")
app.command("replay", epilog=examples("metrics-ai replay week.csv", "metrics-ai replay *.parquet --json | tail -1"))(
    replay.replay
)
app.command(
    "score", epilog=examples("metrics-ai score week.csv --out scores", "metrics-ai score *.csv --out scores --json")
)(score.score)
app.command("decode", epilog=examples("metrics-ai decode telegraf.jsonl --source-format telegraf_json"))(decode.decode)
incidents.app.command(
    epilog=examples(
        "metrics-ai incidents report 3104109bb8 --out incident.html",
        "metrics-ai incidents report 3104109bb8 --evidence incident.jsonl",
        "metrics-ai incidents report 3104109bb8 --from incident.jsonl --format json | jq .causes",
    )
)(incident_report.report)
incidents.app.command(
    epilog=examples("metrics-ai incidents mttr", "metrics-ai incidents mttr --by cause --since 90d --json")
)(sre_health.mttr)
app.add_typer(incidents.app, name="incidents")
alerts.app.command(epilog=examples("metrics-ai alerts accuracy", "metrics-ai alerts accuracy --by team --since 90d"))(
    sre_health.accuracy
)
alerts.app.command(epilog=examples("metrics-ai alerts report --since 28d --out alerts.html"))(sre_health.report)
app.add_typer(alerts.app, name="alerts")
app.add_typer(silences.app, name="silences")
app.command(
    "feedback",
    epilog=examples("metrics-ai feedback 71ff7d6d4e351cee actioned", "metrics-ai feedback 71ff7d6d false -m 'a test'"),
)(feedback.feedback)
app.command("health", epilog=examples("metrics-ai health", "metrics-ai health node:h1", "metrics-ai health --json"))(
    health.health
)
app.command(
    "explain", epilog=examples("metrics-ai explain 3104109bb8", "metrics-ai explain 3104109bb8 --plot incident.svg")
)(explain.explain)
app.command(
    "inspect",
    epilog=examples(
        "metrics-ai inspect 'node_cpu_ratio{node=\"h1\"}'", "metrics-ai inspect latency --from latency.csv"
    ),
)(inspect.inspect)
slo.app.command(
    "eval",
    epilog=examples(
        "metrics-ai slo eval checkout.yaml --data requests.csv",
        "metrics-ai slo eval checkout.yaml --data good.parquet --data total.parquet --json | jq .budgets",
    ),
)(slo_offline.evaluate)
slo.app.command(
    epilog=examples(
        "metrics-ai slo simulate checkout --file checkout.yaml --length 10m",
        "metrics-ai slo simulate disk-availability --length 2h --bad 0.05 --json",
    )
)(slo_offline.simulate)
slo.app.command(
    epilog=examples(
        "metrics-ai slo report checkout --out checkout.html",
        "metrics-ai slo report --from 2026-09-01 --to 2026-10-01 --out september.html",
        "metrics-ai slo report --data requests.csv --definition checkout.yaml",
    )
)(slo_report.report)
app.add_typer(slo.app, name="slo")
app.add_typer(rules.app, name="rules")
app.add_typer(oncall.app, name="oncall")
app.add_typer(runbooks.app, name="runbooks")
app.add_typer(routes.app, name="routes")
app.add_typer(suppressions.app, name="suppressions")
app.add_typer(config.app, name="config")
app.add_typer(priors.app, name="priors")
app.command("doctor", epilog=examples("metrics-ai doctor", "metrics-ai doctor --broker k1:9092 --json"))(doctor.doctor)


def main() -> None:
    """Run the command line."""
    try:
        app(prog_name="metrics-ai")
    except BrokenPipeError:
        # The reader (head, less) has seen enough; closing standard error too keeps the interpreter quiet.
        sys.stderr.close()
        sys.exit(FOUND_WRONG)
