"""Reads the files of runbooks: those of the configuration's folder, those that ship, those of a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from metrics_ai.config import Config
from metrics_ai.slo_files import files_of, shipped_files
from runbooks import library
from runbooks.library import Library, read_library
from runbooks.reading import Placed, read_runbooks


def shipped_runbooks() -> list[Placed]:
    """The runbooks that ship."""
    files = shipped_files(library)
    return [placed for one in files for placed in read_runbooks(one.read_bytes(), f"shipped/{one.name}").placed]


def runbook_library(config: Config) -> Library:
    """The library of a configuration.

    Raises
    ------
    ConfigurationError
        If its folder is none.
    """
    settings = config.runbooks
    paths = [settings.folder] if settings.folder else []
    return _read(paths, "runbooks.folder: ", shipped_runbooks() if settings.shipped else [])


def library_of_paths(paths: Sequence[Path]) -> Library:
    """The library of files and folders alone.

    Raises
    ------
    ConfigurationError
        If one is neither, or a folder has no runbooks.
    """
    return _read(paths, "", [])


def _read(paths: Sequence[Path], prefix: str, shipped: Sequence[Placed]) -> Library:
    files = files_of(paths, "", prefix)
    return read_library([(file.name, file.content) for file in files], shipped)
