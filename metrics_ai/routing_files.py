"""Reads the file of routes: that of the configuration, of a command, or the one that ships."""

from __future__ import annotations

from pathlib import Path

from incidents import routing
from incidents.routing.config import RoutingConfig
from incidents.routing.reading import Reading, read_routing, routing_from
from incidents.routing.settings import RoutingSettings
from metrics_ai.slo_files import shipped_files
from schemas.errors import ConfigurationError


def routing_config(settings: RoutingSettings, instead: Path | None = None) -> RoutingConfig:
    """Who is told of what.

    Parameters
    ----------
    settings
        Name the file.
    instead
        Another file, where a command names one.

    Raises
    ------
    ConfigurationError
        If the file cannot be read, or does not hold; names the first problem's line.
    """
    return routing_from(*content_of(instead or settings.file))


class RoutingFile:
    """The configured file, looked at again and again: the last text that held is in force, all of it or nothing.

    Parameters
    ----------
    settings
        Name the file.

    Raises
    ------
    ConfigurationError
        If it cannot be read, or does not hold: nobody starts without knowing whom to tell.
    """

    def __init__(self, settings: RoutingSettings) -> None:
        self._file = settings.file
        self._content, name = content_of(self._file)
        self.config = routing_from(self._content, name)
        self._said: list[ConfigurationError] = []
        self.problems: list[ConfigurationError] = []

    @property
    def folder(self) -> Path:
        """Where files that it names are looked for: beside it."""
        return folder_of(self._file)

    def look(self) -> bool:
        """Read it again where it changed; whether another configuration is in force now.

        Where the new text does not hold, or cannot be read, ``problems`` say why, and the last one stays.
        """
        try:
            content, name = content_of(self._file)
        except ConfigurationError as error:
            self.problems = [error]
            return False
        if content == self._content:
            self.problems = self._said
            return False
        reading = read_routing(content, name)
        self._content = content
        self.problems = self._said = [*reading.problems]
        if reading.config is None:
            return False
        self.config = reading.config
        return True


def reading_of(path: Path) -> Reading:
    """What a file says, or all that is wrong with it.

    Raises
    ------
    ConfigurationError
        If it cannot be read.
    """
    return read_routing(*content_of(path))


def folder_of(path: Path | None) -> Path:
    """Where files that a file of routes names are looked for; that which ships names none."""
    return Path() if path is None else path.parent


def content_of(path: Path | None) -> tuple[bytes, str]:
    """A file of routes, and its name; the one that ships where there is none.

    Raises
    ------
    ConfigurationError
        If it cannot be read.
    """
    if path is None:
        (shipped,) = shipped_files(routing)
        return shipped.read_bytes(), f"shipped/{shipped.name}"
    try:
        return path.read_bytes(), str(path)
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})", "Name a file of routes") from error
