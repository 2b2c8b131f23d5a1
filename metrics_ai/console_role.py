"""The role ``console``: the API with the stores, the writer and the routes that the configuration names."""

from __future__ import annotations

import contextlib
import importlib.metadata
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Final

from console.app import Parts, make_app
from console.exposure import require_tokens
from console.ports import Extras, ReadWebhook
from console.routing import ConfiguredRouting
from console.server import ConsoleServer
from incidents.routing.config import RoutingConfig
from integrations.commands import KafkaCommands
from integrations.delivery.incoming import read_jira, read_opsgenie, read_pagerduty, read_slack
from integrations.health_http import telemetry_routes
from integrations.serving.store import ServingStore
from integrations.telemetry import Telemetry
from metrics_ai.config import Config
from metrics_ai.links import link_secret
from metrics_ai.routing_files import RoutingFile
from schemas.errors import ConfigurationError

LOG = logging.getLogger("metrics_ai.console")
_LOOK_EVERY_S: Final = 5.0
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
        routing = ConfiguredRouting(_NewestRoutes(RoutingFile(config.routing)))
        parts = Parts(
            reads,
            writer,
            routing,
            config.tenant,
            importlib.metadata.version("metrics-ai"),
            link_secret(config.console),
            _extras(config, ends),
            telemetry_routes(telemetry),
            telemetry,
        )
        server = ends.enter_context(ConsoleServer(make_app(parts, config.console), host, port))
        if not config.console.tokens:
            LOG.warning("the API needs no token: everybody on this machine may do everything")
        yield server


def _extras(config: Config, ends: ExitStack) -> Extras:
    """Records, and the reports that are made of them, where they are kept; webhooks always."""
    if config.records.url is None:
        return Extras(webhooks=WEBHOOKS)
    from integrations.records.store import RecordsStore  # noqa: PLC0415  # SQLAlchemy takes half a second
    from metrics_ai.recorded_reports import RecordedReports  # noqa: PLC0415  # needs it too

    records = ends.enter_context(RecordsStore(config.records))
    return Extras(records, RecordedReports(records, config.history.folder), WEBHOOKS)


class _NewestRoutes:
    """The newest file of routes that holds; one that does not is told once."""

    def __init__(self, file: RoutingFile) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._looked_s = time.monotonic()
        self._said: list[ConfigurationError] = []

    def __call__(self) -> RoutingConfig:
        with self._lock:
            if time.monotonic() - self._looked_s >= _LOOK_EVERY_S:
                self._looked_s = time.monotonic()
                self._file.look()
                if self._file.problems and self._file.problems != self._said:
                    LOG.warning("the new routes do not hold, the last ones stay: %s", self._file.problems[0])
                self._said = self._file.problems
            return self._file.config
