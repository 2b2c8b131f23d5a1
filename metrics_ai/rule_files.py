"""Reads the files of alert rules: those of the configuration's folder, those that ship, those of a command."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from incidents.rules import library
from incidents.rules.book import RuleBook
from incidents.rules.library import RuleFile, RuleLibrary, read_rule_library
from incidents.rules.reading import Placed, read_rules
from incidents.rules.settings import RuleSettings
from incidents.rules.trials import SHIPPED, TrialFile, read_trials
from metrics_ai.slo_files import files_of, shipped_files
from models.shipped_rules import SHIPPED_RULES
from schemas.errors import ConfigurationError
from schemas.yaml_values import DefinitionError

# Symptoms are asked for first: a service's series may name the node that it runs on.
_ORDER: Final = ("service", "kubernetes", "node")


def shipped_alert_rules() -> list[Placed]:
    """The alert rules that ship, in the order in which they are asked."""
    files = {one.stem: one for one in shipped_files(library)}
    return [
        placed
        for name in sorted(files, key=lambda stem: (_ORDER.index(stem) if stem in _ORDER else len(_ORDER), stem))
        for placed in read_rules(files[name].read_bytes(), f"shipped/{files[name].name}").placed
    ]


def rule_library(settings: RuleSettings) -> RuleLibrary:
    """The library of a configuration; the decide stage judges by its ``book``.

    Raises
    ------
    ConfigurationError
        If its folder is none.
    """
    paths = [settings.folder] if settings.folder else []
    return _read(paths, "rules.folder: ", shipped_alert_rules() if settings.shipped else [])


def rule_library_of_paths(paths: Sequence[Path]) -> RuleLibrary:
    """The library of files and folders alone.

    Raises
    ------
    ConfigurationError
        If one is neither, or a folder has no rules.
    """
    return _read(paths, "", [])


def rules_and_trials(path: Path) -> tuple[RuleBook, list[TrialFile], list[DefinitionError]]:
    """The tests of a file, the rules that it names, and what is wrong with either.

    Raises
    ------
    ConfigurationError
        If the file, or one that it names, cannot be read.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})", "Name a file of tests") from error
    files, problems = read_trials(content, str(path), SHIPPED_RULES)
    named = list(dict.fromkeys(name for one in files for name in one.rules))
    shipped = shipped_alert_rules() if SHIPPED in named else []
    found = _read([path.parent / name for name in named if name != SHIPPED], "", shipped)
    return found.book, files, [*problems, *found.problems]


def _read(paths: Sequence[Path], prefix: str, shipped: Sequence[Placed]) -> RuleLibrary:
    files = files_of(paths, "", prefix)
    return read_rule_library([RuleFile(one.name, one.content, one.tenant or None) for one in files], shipped)
