"""``metrics-ai health``: how nodes, services and other entities are."""

from __future__ import annotations

from typing import Annotated

import typer

from metrics_ai.commands.explain import TenantOption
from metrics_ai.commands.options import BrokerOption, ConfigOption, JsonOption, configured


def health(
    entity: Annotated[
        str | None,
        typer.Argument(metavar="[ENTITY]", help="Only this one, with its golden signals: node:h1, or just h1."),
    ] = None,
    config: ConfigOption = None,
    broker: BrokerOption = None,
    tenant: TenantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show which nodes and services are healthy, degraded or critical, and why; with --json one object a line.

    Exit status 1 if there is no such entity.
    """
    from metrics_ai.health_listing import list_health

    list_health(configured(config, broker).kafka, entity, tenant, as_json=as_json)
