"""``metrics-ai up``: the whole stack on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from metrics_ai.commands.options import (
    DATA_DIR_DEFAULT,
    ConfigOption,
    LogFormatOption,
    LogLevelOption,
    checked_address,
    configured,
    logged,
)


def up(
    config: ConfigOption = None,
    broker: Annotated[
        str | None, typer.Option("--broker", metavar="HOST:PORT", help="Use this broker instead of starting one.")
    ] = None,
    kafka_home: Annotated[
        Path | None, typer.Option("--kafka-home", metavar="DIR", help="Start the Apache Kafka of this installation.")
    ] = None,
    broker_port: Annotated[
        int, typer.Option("--broker-port", min=0, max=65535, help="Port of the broker; 0 takes a free one.")
    ] = 9092,
    port: Annotated[
        int | None,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="Port of the page and /metrics; 0 takes a free one.",
            show_default="http.port, 8080",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option("--data-dir", metavar="DIR", help="Logs, and Kafka's data.", show_default=DATA_DIR_DEFAULT),
    ] = None,
    collector: Annotated[
        bool, typer.Option("--collector/--no-collector", help="Collect this machine's own metrics.")
    ] = True,
    ready_file: Annotated[
        Path | None, typer.Option("--ready-file", metavar="FILE", help="Write the addresses here once all consumes.")
    ] = None,
    log_format: LogFormatOption = None,
    log_level: LogLevelOption = None,
) -> None:
    """Run the whole stack on this machine: broker, roles, a collector of its metrics, a page. Ctrl-C ends it.

    Without --broker and --kafka-home it starts the embedded broker, which keeps everything in memory until it ends.
    """
    from metrics_ai.stack.stack import StackOptions, default_data_dir
    from metrics_ai.stack.up import run_up
    from schemas.errors import ConfigurationError

    if broker and kafka_home:
        raise ConfigurationError("--broker and --kafka-home exclude each other", "Give one of them")
    settings = logged(configured(config), log_format, log_level)
    page_port = settings.http.port if port is None else port
    if page_port == broker_port != 0 and not broker:
        raise ConfigurationError(f"--port and --broker-port are both {page_port}", "Give the page another one")
    options = StackOptions(
        data_dir=data_dir or default_data_dir(),
        broker=checked_address(broker, "--broker") if broker else None,
        kafka_home=kafka_home,
        broker_port=broker_port,
        port=page_port,
        collector=collector,
        config_path=config,
    )
    run_up(settings, options, ready_file)
