"""YAML with the lines on which things stand, so that an error can name them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import ConfigurationError

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Positions:
    """What a file says, and where.

    Parameters
    ----------
    name
        The file's, as a user gave it.
    values
        The plain values.
    lines
        Line (from 1) of every key.
    """

    name: str
    values: dict[str, Any]
    lines: Mapping[KeyPath, int]

    def place(self, where: KeyPath) -> str:
        """``FILE:LINE`` of a key, or of the nearest one around it."""
        for length in range(len(where), 0, -1):
            if line := self.lines.get(where[:length]):
                return f"{self.name}:{line}"
        return self.name


def path_text(where: KeyPath) -> str:
    """A path of keys as people write it.

    Examples
    --------
    >>> path_text(("ingest", "sources", 0, "topic"))
    'ingest.sources[0].topic'
    """
    text = ""
    for key in where:
        text += f"[{key}]" if isinstance(key, int) else f".{key}"
    return text.lstrip(".")


def read_yaml(path: Path) -> Positions:
    """Read a YAML file.

    Raises
    ------
    ConfigurationError
        If it cannot be read, is not YAML, not a mapping, or names a key twice.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigurationError(f"{path}: cannot be read ({reason})", "Name a readable YAML file") from error
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise _not_yaml(path, error) from error
    except ValueError as error:  # a date that the calendar does not have, which YAML takes for a date
        raise ConfigurationError(f"{path}: a date that is none ({error})", "Correct it, or quote it as text") from error
    if values is None:
        return Positions(str(path), {}, {})
    if not isinstance(values, dict):
        raise ConfigurationError(
            f"{path}:1: the file holds no mapping of settings", "See metrics-ai config show for its form"
        )
    lines: dict[KeyPath, int] = {}
    _walk(root, (), lines, str(path))
    return Positions(str(path), values, lines)


def _not_yaml(path: Path, error: yaml.YAMLError) -> ConfigurationError:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        line = error.problem_mark.line + 1
        # It may quote the text, which may be a secret; what it quotes in <> are names of YAML's own.
        problem = re.sub(r"'(?!<)[^']{2,}'", "'...'", str(error.problem))
        if r"'\t'" in str(error.problem):
            return ConfigurationError(
                f"{path}:{line}: not YAML (a tab before or between its words)", "Indent with spaces"
            )
        return ConfigurationError(f"{path}:{line}: not YAML ({problem})", "Mend the line, or quote its text")
    return ConfigurationError(f"{path}: not YAML ({str(error).splitlines()[0]})", "Mend the file")


def _walk(node: yaml.Node | None, where: KeyPath, lines: dict[KeyPath, int], name: str) -> None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*where, str(key.value))
            line = key.start_mark.line + 1
            if here in lines:
                raise ConfigurationError(
                    f"{name}:{line}: {path_text(here)} stands here and on line {lines[here]}", "Keep one of them"
                )
            lines[here] = line
            _walk(value, here, lines, name)
    elif isinstance(node, yaml.SequenceNode):
        for at, value in enumerate(node.value):
            here = (*where, at)
            lines[here] = value.start_mark.line + 1
            _walk(value, here, lines, name)
