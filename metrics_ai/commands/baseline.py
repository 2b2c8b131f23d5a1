"""``metrics-ai baseline``: the level that is normal for a series, and the one before it."""

from __future__ import annotations

from typing import Annotated

import typer

from metrics_ai.commands.explain import TenantOption
from metrics_ai.commands.options import BrokerOption, ConfigOption, configured, examples

app = typer.Typer(no_args_is_help=True, help="The level that is normal for a series, and the one before it.")


@app.callback()
def baseline() -> None:
    """Keep ``rollback`` a command of its own."""


@app.command(epilog=examples("metrics-ai baseline rollback 'node_cpu_ratio{node=\"node-7\"}'"))
def rollback(
    selector: Annotated[str, typer.Argument(metavar="SERIES", help='metric, or metric{label="value"}: one series.')],
    config: ConfigOption = None,
    broker: BrokerOption = None,
    tenant: TenantOption = None,
) -> None:
    """Make normal again what was normal before the last level shift that was accepted.

    While the series stays at the newer level it is an anomaly, which no time makes normal. Exit status 1 if no series
    matches, or none is kept of the one that does; 2 if several match.
    """
    from metrics_ai.explain.rollback import roll_back

    typer.echo(roll_back(configured(config, broker), selector, tenant))
