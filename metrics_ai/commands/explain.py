"""``metrics-ai explain``: what happened, in plain words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.options import BrokerOption, ConfigOption, JsonOption, configured

PlotOption = Annotated[
    Path | None, typer.Option("--plot", metavar="FILE", help="Write a plot too: FILE.png or FILE.svg.")
]
TenantOption = Annotated[str | None, typer.Option("--tenant", help="Only this tenant's.")]


def explain(
    wanted: Annotated[
        str,
        typer.Argument(metavar="ID", help="Of an anomaly, an alert or an incident; its first 6 characters or more."),
    ],
    config: ConfigOption = None,
    broker: BrokerOption = None,
    tenant: TenantOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Explain an anomaly, an alert or an incident: what was seen and what was expected, who says so, and how sure.

    Exit status 1 if there is none of that id, or several, which are then listed.
    """
    from metrics_ai.explain.plotting import checked_path
    from metrics_ai.explain.telling import Explaining

    Explaining(configured(config, broker), as_json=as_json, plot=checked_path(plot)).explain(wanted, tenant)
