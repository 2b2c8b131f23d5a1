"""Conditions on labels, as Alertmanager has them: written the same, ordered the same, true of the same labels.

https://prometheus.io/docs/alerting/latest/configuration/#matcher
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from models.patterns import compiled
from schemas.command_events import LabelMatcher

Operator = Literal["=", "!=", "=~", "!~"]
OPERATORS: Final[tuple[Operator, ...]] = get_args(Operator)
RESERVED: Final = "{}!=~,\\\"'`"
"""Characters that a name or value without quotes cannot have; nor can it have space."""
_ANCHORED: Final = re.compile(r"\^\(\?:(.*)\)\$", re.DOTALL)
_ESCAPES: Final = {
    "\a": r"\a",
    "\b": r"\b",
    "\f": r"\f",
    "\n": r"\n",
    "\r": r"\r",
    "\t": r"\t",
    "\v": r"\v",
    "\\": r"\\",
    '"': r"\"",
}


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label. ``matcher()`` makes one.

    Parameters
    ----------
    name
        The label's; one that is absent is empty.
    operator
        Regular expressions are of the whole value.
    value
        Text, or the regular expression.
    pattern
        The regular expression, compiled.

    Examples
    --------
    >>> str(matcher("team", "=~", "db|web")), matcher("team", "=~", "db|web").holds({"team": "db2"})
    ('team=~"db|web"', False)
    >>> matcher("team", "!=", "db").holds({})
    True
    """

    name: str
    operator: Operator
    value: str
    pattern: re.Pattern[str] | None = field(default=None, repr=False, compare=False)

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether labels satisfy it."""
        value = labels.get(self.name, "")
        found = self.pattern.fullmatch(value) is not None if self.pattern else value == self.value
        return found != self.operator.startswith("!")

    def __str__(self) -> str:
        if any(is_reserved(letter) for letter in self.name):
            return f"{go_quoted(self.name)}{self.operator}{go_quoted(self.value)}"
        value = self.value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
        return f'{self.name}{self.operator}"{value}"'


Matchers = tuple[Matcher, ...]


def matcher(name: str, operator: Operator, value: str) -> Matcher:
    """A condition on a label.

    Raises
    ------
    ValueError
        If the name is empty, or the regular expression is none or could take for ever.
    """
    if not name:
        raise ValueError("a matcher without a label's name")
    return Matcher(name, operator, value, _compiled(value) if "~" in operator else None)


def matcher_of(given: LabelMatcher) -> Matcher:
    """A condition in the shape of Alertmanager's API.

    Raises
    ------
    ValueError
        If its regular expression is none, or could take for ever.
    """
    operator: Operator = ("=~" if given.is_equal else "!~") if given.is_regex else ("=" if given.is_equal else "!=")
    return matcher(given.name, operator, given.value)


def in_order(matchers: Iterable[Matcher]) -> Matchers:
    """Matchers in Alertmanager's order, which is that of a route's key: by name, value and operator."""
    return tuple(sorted(matchers, key=lambda one: (one.name, one.value, OPERATORS.index(one.operator))))


def all_hold(matchers: Iterable[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy all; without matchers any do."""
    return all(one.holds(labels) for one in matchers)


def matchers_text(matchers: Iterable[Matcher]) -> str:
    """Matchers as a route's key has them.

    Examples
    --------
    >>> matchers_text(in_order([matcher("b", "=", "2"), matcher("a", "=", "1")]))
    '{a="1",b="2"}'
    """
    return "{" + ",".join(map(str, matchers)) + "}"


def is_reserved(letter: str) -> bool:
    """Whether a name needs quotes because of a character."""
    return letter.isspace() or letter in RESERVED


def go_quoted(text: str) -> str:
    r"""Text in quotes as Go's ``%q`` writes it, which group keys have their values in.

    Examples
    --------
    >>> print(go_quoted('a "b"\n\x00é🙂'))
    "a \"b\"\n\x00é🙂"
    """
    return '"' + "".join(_go_escaped(letter) for letter in text) + '"'


def _go_escaped(letter: str) -> str:
    if (escaped := _ESCAPES.get(letter)) is not None:
        return escaped
    # Surrogates are no text to Go; everything that Unicode calls printable stays.
    if letter.isprintable() and unicodedata.category(letter) != "Cs":
        return letter
    code = ord(letter)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x1_0000 else f"\\U{code:08x}"


def _compiled(text: str) -> re.Pattern[str]:
    """Compile a pattern that is of the whole value; around an anchored one the anchors go, for flags stand first."""
    if "[[:" in text:
        raise ValueError("classes such as [[:alpha:]] are not known here; write [A-Za-z]")
    if anchored := _ANCHORED.fullmatch(text):
        try:
            return compiled(anchored[1])
        except ValueError:
            return compiled(text)
    return compiled(text)
