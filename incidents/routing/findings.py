"""What is found while a file of routes is read: problems, all of them, and names that have to exist."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import yaml

from incidents.routing.config import Unsupported
from incidents.routing.durations import duration_ms
from incidents.routing.matcher_syntax import matchers_from
from incidents.routing.matchers import Matcher, matcher
from schemas.yaml_values import DefinitionError, Value

_Read = TypeVar("_Read")
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,18}")
_QUOTES: Final = """Write it in single quotes: 'severity="critical"'"""


@dataclass(slots=True)
class Findings:
    """What was found so far.

    Parameters
    ----------
    problems
        Why the file is refused.
    unsupported
        What is read, and does nothing.
    names
        Those that were defined, by what they name: a receiver, a time interval, a schedule.
    references
        What they name, the name, and where it is used.
    """

    problems: list[DefinitionError] = field(default_factory=list)
    unsupported: list[Unsupported] = field(default_factory=list)
    names: dict[str, dict[str, Value]] = field(default_factory=dict)
    references: list[tuple[str, str, Value]] = field(default_factory=list)

    def attempt(self, read: Callable[..., _Read], *arguments: Any) -> _Read | None:
        """What a reader gives; none where it finds a problem, which is kept."""
        try:
            return read(*arguments)
        except DefinitionError as error:
            self.problems.append(error)
            return None

    def each(self, value: Value | None, read: Callable[[Value], _Read]) -> list[_Read]:
        """What a reader gives of each item of a list; items with problems are left out."""
        items = self.attempt(value.items) if value is not None and not is_null(value) else None
        found = [self.attempt(read, one) for one in items or ()]
        return [one for one in found if one is not None]

    def fields(self, value: Value, known: Sequence[str], required: Sequence[str] = ()) -> dict[str, Value]:
        """A mapping's values; each key that is unknown or missing is a problem of its own.

        Raises
        ------
        DefinitionError
            If it is no mapping.
        """
        found = value.mapping()
        for key, one in found.items():
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                way_out = f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}"
                self.problems.append(one.error("there is no such field", way_out))
        self.problems += [value.error(f"{key} is missing", f"Add {key}") for key in required if key not in found]
        return {key: one for key, one in found.items() if key in known and not is_null(one)}

    def defines(self, kind: str, value: Value) -> str:
        """A name that is given to something.

        Raises
        ------
        DefinitionError
            If something of its kind has it already.
        """
        name = value.text()
        known = self.names.setdefault(kind, {})
        if name in known:
            raise value.error(f"the {kind} {name!r} stands here and on line {known[name].line}", "Rename one of them")
        known[name] = value
        return name

    def refers(self, kind: str, value: Value) -> str:
        """A name that something has to have; whether it has is seen at the end, by ``unknown``."""
        name = value.text()
        self.references.append((kind, name, value))
        return name

    def unknown(self) -> list[DefinitionError]:
        """Names that are used, and that nothing has."""
        found = []
        for kind, name, value in self.references:
            known = self.names.get(kind, {})
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                others = f"Define it, or use one of: {', '.join(known)}" if known else "Define it"
                way_out = f"Did you mean {close[0]}?" if close else others
                found.append(value.error(f"there is no {kind} {name!r}", way_out))
        return found

    def cannot(self, value: Value, what: str, way_out: str) -> None:
        """Say of something that it is read and does nothing."""
        self.unsupported.append(Unsupported(value.file, value.line, f"{value.path}: {what}", way_out))


def is_null(value: Value) -> bool:
    """Whether nothing is written there."""
    return isinstance(value.node, yaml.ScalarNode) and value.node.tag == "tag:yaml.org,2002:null"


def scalar(value: Value) -> str:
    """Text, which may be empty, or a number or a truth value as it is written.

    Raises
    ------
    DefinitionError
        If it is a list or a mapping.
    """
    if not isinstance(value.node, yaml.ScalarNode):
        raise value.error("text is wanted", "Write it in quotes")
    return "" if is_null(value) else str(value.node.value)


def plain(node: yaml.Node) -> Any:
    """What a node says, in plain values.

    A number or a truth value in quotes is text, and so is what only YAML takes for a number, as 0123 or 1e3.
    """
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [plain(one) for one in node.value]
    return _PLAIN.get(node.tag.removeprefix("tag:yaml.org,2002:"), str)(str(node.value))


def _whole(text: str) -> int | str:
    return int(text) if _WHOLE.fullmatch(text) else text


def _decimal(text: str) -> float | str:
    return float(text) if _DECIMAL.fullmatch(text) else text


def _truth(text: str) -> bool:
    return text.lower() in {"true", "yes", "on"}


def _nothing(_text: str) -> None:
    return None


_PLAIN: Final[Mapping[str, Callable[[str], Any]]] = {
    "int": _whole,
    "float": _decimal,
    "bool": _truth,
    "null": _nothing,
}


def milliseconds(value: Value) -> int:
    """A duration.

    Raises
    ------
    DefinitionError
        If it is none.
    """
    try:
        return duration_ms(value.text())
    except ValueError as error:
        raise _said(value, error) from error


def matchers_in(value: Value) -> tuple[Matcher, ...]:
    """Matchers of one text.

    Raises
    ------
    DefinitionError
        If they are none.
    """
    if value.is_mapping:
        raise value.error("YAML reads braces without quotes as a mapping", _QUOTES)
    try:
        return matchers_from(scalar(value))
    except ValueError as error:
        raise value.error(str(error), _QUOTES) from error


def matched(name: str, value: Value, *, is_pattern: bool) -> Matcher:
    """One pair of ``match`` or ``match_re``; the latter's key has its anchors, as Alertmanager writes it.

    Raises
    ------
    DefinitionError
        If it is none.
    """
    if is_pattern and is_null(value):
        raise value.error("a regular expression is wanted, and there is none", "Write one, or remove the line")
    text = scalar(value)
    try:
        return matcher(name, "=~", f"^(?:{text})$") if is_pattern else matcher(name, "=", text)
    except ValueError as error:
        raise value.error(f"not a regular expression: {error}", "Mend it, or match by text") from error


def all_matchers(findings: Findings, given: dict[str, Value], keys: Iterable[str]) -> list[Matcher]:
    """Matchers under keys of a mapping: ``match``, ``match_re`` and ``matchers``, or those of a side of a rule."""
    found: list[Matcher] = []
    for key in keys:
        if key not in given:
            continue
        if key.endswith("matchers"):
            found += [one for some in findings.each(given[key], matchers_in) for one in some]
            continue
        pairs = findings.attempt(given[key].mapping) or {}
        read = [findings.attempt(_pair, name, one, key.endswith("_re")) for name, one in pairs.items()]
        found += [one for one in read if one is not None]
    return found


def _pair(name: str, value: Value, is_pattern: bool) -> Matcher:
    return matched(name, value, is_pattern=is_pattern)


def _said(value: Value, error: ValueError) -> DefinitionError:
    what, _, way_out = str(error).partition("; ")
    return value.error(what, way_out[:1].upper() + way_out[1:])
