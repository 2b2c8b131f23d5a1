"""The role ``console``: the API with the stores, the writer and the routes that the configuration names."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from console.app import Parts, make_app
from console.exposure import require_tokens
from console.ports import Extras, ReadWebhook
from console.routing import ConfiguredRouting
from console.server import ConsoleServer
from console.settings import ConsoleSettings, secret_of
from integrations.commands import KafkaCommands
from integrations.delivery.incoming import read_jira, read_opsgenie, read_pagerduty, read_slack
from integrations.health_http import telemetry_routes
from integrations.serving.store import ServingStore
from integrations.telemetry import Telemetry
from metrics_ai.config import Config
from metrics_ai.routing_files import routing_config

LOG = logging.getLogger("metrics_ai.console")
WEBHOOKS: Mapping[str, ReadWebhook] = {
    "pagerduty": read_pagerduty,
    "opsgenie": read_opsgenie,
    "jira": read_jira,
    "slack": read_slack,
}


@contextlib.contextmanager
def console_http(config: Config, telemetry: Telemetry, host: str, port: int) -> Iterator[ConsoleServer]:
    """The API, and the worker's health, on one port.

    Parameters
    ----------
    config
        Names the stores, the broker and the routes.
    telemetry
        Of the worker.
    host, port
        Where to listen.

    Raises
    ------
    ConfigurationError
        If it would be open to other machines without a token, or there is no store to read from.
    MachineError
        If the port is taken.
    """
    require_tokens(host, config.console)
    with ExitStack() as ends:
        reads = ends.enter_context(ServingStore(config.serving))
        writer = KafkaCommands(config.kafka)
        ends.callback(writer.close)
        routing = ConfiguredRouting(lambda: routing_config(config.routing), lambda: _changed(config.routing.file))
        parts = Parts(
            reads,
            writer,
            routing,
            config.tenant,
            importlib.metadata.version("metrics-ai"),
            link_secret(config.console),
            _extras(config, ends),
            telemetry_routes(telemetry),
        )
        server = ends.enter_context(ConsoleServer(make_app(parts, config.console), host, port))
        if not config.console.tokens:
            LOG.warning("the API needs no token: everybody on this machine may do everything")
        yield server


def link_secret(settings: ConsoleSettings) -> str | None:
    """What signs the links for feedback; None without one.

    Raises
    ------
    ConfigurationError
        If its file cannot be read, or is empty.
    """
    if settings.link_secret is not None:
        return settings.link_secret.get_secret_value()
    if settings.link_secret_file is None:
        return None
    return secret_of(settings.link_secret_file, "console.link_secret_file")


def _extras(config: Config, ends: ExitStack) -> Extras:
    """Records, and the reports that are made of them, where they are kept; webhooks always."""
    if config.records.url is None:
        return Extras(webhooks=WEBHOOKS)
    from integrations.records.store import RecordsStore  # noqa: PLC0415  # SQLAlchemy takes half a second
    from metrics_ai.recorded_reports import RecordedReports  # noqa: PLC0415  # needs it too

    records = ends.enter_context(RecordsStore(config.records))
    return Extras(records, RecordedReports(records, config.history.folder), WEBHOOKS)


def _changed(path: Path | None) -> object:
    """When a file was changed; one that is away for a moment, while it is replaced, has not."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError:
        return "away"
    return found.st_mtime_ns, found.st_size
