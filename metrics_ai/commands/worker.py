"""``metrics-ai worker``: one or more roles against a configured broker."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.options import (
    BrokerOption,
    ConfigOption,
    LogFormatOption,
    LogLevelOption,
    configured,
    logged,
)


class RoleName(StrEnum):
    """What a worker can do."""

    ingest = "ingest"
    detect = "detect"
    burn = "burn"
    decide = "decide"
    route = "route"
    notify = "notify"
    project = "project"
    console = "console"
    collector = "collector"


def worker(
    roles: Annotated[
        list[RoleName],
        typer.Argument(metavar="ROLE...", help=f"{', '.join(RoleName)}."),
    ],
    config: ConfigOption = None,
    broker: BrokerOption = None,
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Port of /metrics, /healthz and /readyz; 0 takes a free one."),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", metavar="FILE", help="Write the health port here, as JSON.")
    ] = None,
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
    log_file: Annotated[Path | None, typer.Option("--log-file", help="Log there instead of to standard error.")] = None,
) -> None:
    """Run one or more roles in one process until SIGTERM, which drains, checkpoints and leaves the group."""
    from metrics_ai.worker import WorkerOptions, run_worker_process

    settings = logged(configured(config, broker), log_format, log_level)
    options = WorkerOptions(settings.http.port if port is None else port, ready_file, log_file)
    run_worker_process(list(dict.fromkeys(role.value for role in roles)), settings, options)
