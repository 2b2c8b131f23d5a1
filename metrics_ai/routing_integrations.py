"""What is wrong with how receivers tell people, and what of it does nothing: a file of routes, looked at to its end."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from incidents.routing.config import RoutingConfig, Unsupported
from integrations.delivery.building import settings_for
from schemas.errors import ConfigurationError
from schemas.yaml_values import DefinitionError

_WRITTEN_HERE = "Take it out, or leave it: texts are written here"


@dataclass(slots=True)
class IntegrationFindings:
    """What was found, by line.

    Parameters
    ----------
    problems
        Why an integration could tell nobody.
    unsupported
        Keys that are read, and do nothing.
    """

    problems: list[DefinitionError] = field(default_factory=list)
    unsupported: list[Unsupported] = field(default_factory=list)


def look_at_integrations(config: RoutingConfig, file: str, folder: Path) -> IntegrationFindings:
    """Read the settings of all integrations, as the worker that delivers does; no secret's file is opened.

    Parameters
    ----------
    config
        The receivers.
    file
        The name of the file that they stand in.
    folder
        Where relative paths of secrets begin.
    """
    found = IntegrationFindings()
    for receiver in config.receivers.values():
        for one in receiver.integrations:
            where = f"receiver {receiver.name}, {one.name}"
            try:
                settings = settings_for(one, where, folder)
            except ConfigurationError as error:
                found.problems.append(DefinitionError(file, one.line, error.what, error.way_out))
                continue
            if keys := settings.unused_keys():
                what = f"{where}: {', '.join(keys)} {'mean' if len(keys) > 1 else 'means'} nothing here"
                found.unsupported.append(Unsupported(file, one.line, what, _WRITTEN_HERE))
    found.problems.sort(key=lambda one: one.line)
    return found
