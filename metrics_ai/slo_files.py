"""Reads the files of SLO definitions: those of the configuration's folder, those that ship, those of a command."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Final

from metrics_ai.config import Config
from schemas.errors import ConfigurationError
from slo import openslo
from slo.library import File, Library, reload
from slo.openslo import Defined, read_slos

SUFFIXES: Final = frozenset({".yaml", ".yml"})


def shipped_slos() -> list[Defined]:
    """The SLOs that ship."""
    found: list[Defined] = []
    for one in shipped_files(openslo):
        found += read_slos(one.read_bytes(), f"shipped/{one.name}").defined
    return found


def shipped_files(module: ModuleType) -> list[Path]:
    """The YAML files that ship beside a module.

    By the module's own file: where people have a folder of the name of our package, that is what Python calls it.
    """
    assert module.__file__ is not None
    return sorted((Path(module.__file__).parent / "shipped").glob("*.yaml"))


def library_of(config: Config, before: Library | None = None, shipped: Sequence[Defined] | None = None) -> Library:
    """The library of a configuration; ``before`` is the last one, to whose good files it falls back.

    Parameters
    ----------
    config
        Names the folder.
    before
        The library of the last look.
    shipped
        The SLOs that ship, where they have been read already.

    Raises
    ------
    ConfigurationError
        If its folder is none.
    """
    files = files_of([config.slo.folder], config.tenant, "slo.folder: ") if config.slo.folder else []
    if shipped is None:
        shipped = shipped_slos()
    return reload(before or Library(), files, shipped if config.slo.shipped else [], [config.tenant])


def files_of(paths: Sequence[Path], tenant: str, prefix: str = "") -> list[File]:
    """The files of paths, each a file or a folder.

    Raises
    ------
    ConfigurationError
        If one is neither, or a folder has no definitions.
    """
    found: dict[str, File] = {}
    for path in paths:
        if path.is_dir():
            inside = _listed(path, tenant)
            if not inside and not prefix:
                raise ConfigurationError(f"{path}: the folder holds no *.yaml", "Name a folder of definitions")
        elif path.is_file() and not prefix:
            inside = [_file(path, tenant)]
        else:
            kind = "no folder" if prefix else "neither a file nor a folder"
            raise ConfigurationError(f"{prefix}{path} is {kind} that can be read", "Name one that is there")
        found |= {file.name: file for file in inside}
    return list(found.values())


def _listed(folder: Path, tenant: str) -> list[File]:
    try:
        return list(_inside(folder, tenant))
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename}: cannot be read ({error.strerror})", "Check its permissions"
        ) from error


def _inside(folder: Path, tenant: str) -> Iterator[File]:
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if path.is_dir():
            yield from (_file(one, path.name) for one in sorted(path.iterdir()) if _defines(one))
        elif _defines(path):
            yield _file(path, tenant)


def _defines(path: Path) -> bool:
    return path.suffix in SUFFIXES and not path.name.startswith(".") and path.is_file()


def _file(path: Path, tenant: str) -> File:
    try:
        return File(str(path), tenant, path.read_bytes())
    except OSError:
        return File(str(path), tenant, None)
