"""Values of a YAML text that know where they stand, so that every error can say so.

A reader asks a value for what it should be (``text()``, ``number()``, ``fields(...)``); where it is not, one line says
so:
``FILE:LINE: PATH: what is wrong. What to do``.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar

import yaml

from schemas.errors import ConfigurationError

_BOOLEANS = {"true": True, "false": False}
_Choice = TypeVar("_Choice", bound=str)
_Read = TypeVar("_Read")
_DEEPEST: Final = 64
"""Nesting beyond which libyaml is not asked: its parser calls itself."""
_BRACKET: Final = re.compile(r"[\[\]{}]")
_DEEP_LINE: Final = re.compile(r"^[ \-?:]{128}", re.MULTILINE)


class DefinitionError(ConfigurationError):
    """A definition, such as an SLO or a runbook, that cannot hold.

    Parameters
    ----------
    file, line
        Where it stands.
    what, way_out
        What is wrong, with the path of keys before it, and what to do.
    """

    def __init__(self, file: str, line: int, what: str, way_out: str = "") -> None:
        super().__init__(f"{file}:{line}: {what}", way_out)
        self.file, self.line = file, line
        self.where = f"{file}:{line}"
        self.said = what


@dataclass(frozen=True, slots=True)
class Value:
    """A node of a YAML text.

    Parameters
    ----------
    file
        The text's name, as a user gave it.
    path
        Where it stands in its document: ``spec.objectives[0].target``.
    node
        The node itself.
    line
        Its key's, or its own where it has none.
    """

    file: str
    path: str
    node: yaml.Node
    line: int

    @property
    def place(self) -> str:
        """``FILE:LINE``."""
        return f"{self.file}:{self.line}"

    @property
    def is_list(self) -> bool:
        """Whether it is a list."""
        return isinstance(self.node, yaml.SequenceNode)

    @property
    def is_mapping(self) -> bool:
        """Whether it is a mapping."""
        return isinstance(self.node, yaml.MappingNode)

    def error(self, what: str, way_out: str = "") -> DefinitionError:
        """What is wrong with it."""
        return DefinitionError(self.file, self.line, f"{self.path}: {what}" if self.path else what, way_out)

    def fields(self, known: Sequence[str], required: Sequence[str] = ()) -> dict[str, Value]:
        """A mapping's values; every key must be known, and those required be there.

        Raises
        ------
        DefinitionError
            If it is no mapping, or a key is unknown or missing.
        """
        found = self.mapping()
        for key, value in found.items():
            if key not in known:
                close = difflib.get_close_matches(key, known, 1)
                raise value.error(
                    "there is no such field",
                    f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}",
                )
        for key in required:
            if key not in found:
                raise self.error(f"{key} is missing", f"Add {key}")
        return found

    def mapping(self) -> dict[str, Value]:
        """A mapping's values by key.

        Raises
        ------
        DefinitionError
            If it is none, a key is no text, or stands twice.
        """
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error(f"a mapping is wanted, not {self._said()}", "Write key: value")
        found: dict[str, Value] = {}
        for key, value in self.node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise self.error("a key is no text", "Write key: value")
            one = Value(self.file, self._below(key.value), value, key.start_mark.line + 1)
            if key.value in found:
                raise one.error(f"it stands here and on line {found[key.value].line}", "Keep one of them")
            found[key.value] = one
        return found

    def items(self) -> list[Value]:
        """A list's values.

        Raises
        ------
        DefinitionError
            If it is no list.
        """
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error(f"a list is wanted, not {self._said()}", "Write it as - item")
        return [
            Value(self.file, f"{self.path}[{at}]", node, node.start_mark.line + 1)
            for at, node in enumerate(self.node.value)
        ]

    def text(self, longest: int = 1050) -> str:
        """Text that is not empty.

        Raises
        ------
        DefinitionError
            If it is none, or longer.
        """
        if not isinstance(self.node, yaml.ScalarNode) or self._is("null"):
            raise self.error(f"text is wanted, not {self._said()}", "Write it in quotes")
        text = str(self.node.value)
        if not text.strip():
            raise self.error("text is wanted, and it is empty", "Write some, or remove the field")
        if len(text) > longest:
            raise self.error(f"{len(text)} characters, where {longest} are the most", "Shorten it")
        return text

    def decimal(self, *, quoted: bool = False) -> Decimal:
        """A number to the digit; ``quoted`` takes one in quotes too, as annotations are text.

        Raises
        ------
        DefinitionError
            If it is none, or not finite.
        """
        # Plain text too: to YAML 1.1, which the parser speaks, 1e-3 is no number.
        plain = isinstance(self.node, yaml.ScalarNode) and (quoted or not self.node.style)
        try:
            number = Decimal(self.node.value) if plain else None
        except InvalidOperation:
            number = None
        if number is None or not number.is_finite() or not math.isfinite(float(number)):
            raise self.error(f"a number is wanted, not {self._said()}", "Write it like 0.999")
        return number

    def number(self) -> float:
        """A number.

        Raises
        ------
        DefinitionError
            If it is none, or not finite.
        """
        return float(self.decimal())

    def boolean(self) -> bool:
        """True or false.

        Raises
        ------
        DefinitionError
            If it is neither.
        """
        found = _BOOLEANS.get(str(self.node.value).lower()) if self._is("bool") else None
        if found is None:
            raise self.error(f"true or false is wanted, not {self._said()}", "Write one of them")
        return found

    def choice(self, known: Sequence[_Choice]) -> _Choice:
        """One of some words.

        Raises
        ------
        DefinitionError
            If it is another.
        """
        text = self.text()
        for one in known:
            if text == one:
                return one
        close = difflib.get_close_matches(text, known, 1, 0.4)
        raise self.error(
            f"{text!r} is none of {', '.join(known)}", f"Did you mean {close[0]}?" if close else "Choose one of them"
        )

    def _is(self, tag: str) -> bool:
        return isinstance(self.node, yaml.ScalarNode) and self.node.tag == f"tag:yaml.org,2002:{tag}"

    def _said(self) -> str:
        if isinstance(self.node, yaml.MappingNode):
            return "a mapping"
        if isinstance(self.node, yaml.SequenceNode):
            return "a list"
        return "nothing" if self._is("null") else repr(str(self.node.value)[:60])

    def _below(self, key: str) -> str:
        return f"{self.path}.{key[:80]}" if self.path else key[:80]


def documents(text: str, file: str) -> Iterator[Value]:
    """The documents of a YAML text; empty ones are left out.

    Raises
    ------
    DefinitionError
        If it is no YAML; the documents before that place came.
    """
    try:
        for node in _nodes(text):
            root = Value(file, "", node, node.start_mark.line + 1)
            if not (isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null"):
                yield root
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(str(error.problem or error.context).split())
        line = mark.line + 1 if mark else 1
        raise DefinitionError(file, line, f"not YAML ({problem})", "Mend the line, or quote its text") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise DefinitionError(file, line, "not YAML (a character that YAML does not allow)", "Remove it") from error
    except RecursionError as error:
        raise DefinitionError(file, 1, "not YAML (nested too deeply)", "Mend the file") from error


def read_documents(
    content: str | bytes, file: str, read: Callable[[Value], _Read], empty: DefinitionError
) -> tuple[list[_Read], list[DefinitionError]]:
    """What a file's documents say, and what is wrong with the others; ``empty`` where it has none.

    Examples
    --------
    >>> none = DefinitionError("a.yaml", 1, "there is nothing in it")
    >>> [str(one) for one in read_documents("", "a.yaml", Value.text, none)[1]]
    ['a.yaml:1: there is nothing in it']
    """
    found: list[_Read] = []
    problems: list[DefinitionError] = []
    count = 0
    try:
        text = decoded(content, file) if isinstance(content, bytes) else content
        for root in documents(text, file):
            count += 1
            try:
                found.append(read(root))
            except DefinitionError as error:
                problems.append(error)
    except DefinitionError as error:
        problems.append(error)
    return found, problems if count or problems else [empty]


def _nodes(text: str) -> Iterable[yaml.Node]:
    """What PyYAML composes; by libyaml, ten times as fast, where that neither crashes nor has to explain an error."""
    if yaml.__with_libyaml__ and not _is_deep(text):
        try:
            return list(yaml.compose_all(text, yaml.CSafeLoader))
        except yaml.YAMLError:
            pass
    return yaml.compose_all(text, yaml.SafeLoader)


def _is_deep(text: str) -> bool:
    """Whether brackets or dashes may be nested more deeply than libyaml's stack bears."""
    if _DEEP_LINE.search(text):
        return True
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest > _DEEPEST


def decoded(content: bytes, file: str) -> str:
    """A file's text.

    Raises
    ------
    DefinitionError
        If it is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DefinitionError(file, line, "the text is not UTF-8", "Save it as UTF-8") from error
