"""Reads matchers from text: Alertmanager's classic syntax, and its newer one with names in quotes.

As Alertmanager reads them by default: the classic syntax decides where a text is of both.
https://prometheus.io/docs/alerting/latest/configuration/#label-matchers
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from incidents.routing.matchers import OPERATORS, RESERVED, Matcher, Matchers, Operator, matcher

_SPACE: Final = "[\\t\\n\\f\\r ]*"
_CLASSIC: Final = re.compile(rf"{_SPACE}([a-zA-Z_:][a-zA-Z0-9_:]*){_SPACE}(=~|=|!=|!~){_SPACE}(.*?){_SPACE}", re.DOTALL)
_CLASSIC_ESCAPES: Final = {"n": "\n", '"': '"', "\\": "\\"}
_UNQUOTED: Final = rf"[^\s{re.escape(RESERVED)}]+"
_TOKEN: Final = re.compile(
    rf"""\s*(?:(?P<operator>=~|!=|!~|=)|(?P<mark>[{{}},])|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<plain>{_UNQUOTED}))""",
    re.DOTALL,
)
_GO_ESCAPE: Final = re.compile(
    rb"""\\(?:(?P<simple>[abfnrtv\\"])|x(?P<hex>[0-9a-fA-F]{2})|(?P<octal>[0-3][0-7]{2})"""
    rb"""|u(?P<short>[0-9a-fA-F]{4})|U(?P<long>[0-9a-fA-F]{8}))|(?P<bad>\\|\n)"""
)
_SIMPLE: Final[Mapping[bytes, bytes]] = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b"\\": b"\\",
    b'"': b'"',
}
_Token = tuple[str, str]
_END: Final[_Token] = ("end", "")


def matchers_from(text: str) -> Matchers:
    """Matchers of a text, in the order in which they stand.

    Raises
    ------
    ValueError
        If it is of neither syntax, or a regular expression of it is none or could take for ever.

    Examples
    --------
    >>> [str(one) for one in matchers_from('{foo="bar", dings!="bums"}')]
    ['foo="bar"', 'dings!="bums"']
    >>> [str(one) for one in matchers_from('"foo 🙂"=~x')]
    ['"foo 🙂"=~"x"']
    """
    try:
        return _classic(text)
    except ValueError as error:
        try:
            return _newer(text)
        except ValueError as other:
            # Of the two, the reader that got further knows better: only the newer one knows names in quotes.
            raise (other if text.lstrip(" {").startswith('"') else error) from other


def _classic(text: str) -> Matchers:
    inside = text.removeprefix("{").removesuffix("}")
    return tuple(_classic_matcher(one) for one in _split(inside))


def _split(text: str) -> list[str]:
    """Parts between commas that are not in quotes."""
    parts, part, in_quotes, escaped = [], "", False, False
    for letter in text:
        if letter == "," and not in_quotes:
            parts.append(part)
            part = ""
            continue
        if letter == '"' and not escaped:
            in_quotes = not in_quotes
        # As Alertmanager's reader: a comma in quotes leaves the backslash before it pending.
        escaped = (not escaped) if letter == "\\" else escaped and letter == ","
        part += letter
    return [*parts, part.strip()] if part.strip() else parts


def _classic_matcher(text: str) -> Matcher:
    found = _CLASSIC.fullmatch(text)
    if found is None:
        raise ValueError(f'{text!r} is no matcher like name="value"')
    name, operator, raw = found.groups()
    return matcher(name, _operator(operator), _classic_value(raw))


def _classic_value(raw: str) -> str:
    quoted = raw.startswith('"')
    inside = raw[1:] if quoted else raw
    if quoted:
        if not inside.endswith('"') or _ends_escaped(inside[:-1]):
            raise ValueError(f"a quote that is not closed in {raw!r}")
        inside = inside[:-1]
    value, at = "", 0
    while at < len(inside):
        letter, after = inside[at], inside[at + 1 : at + 2]
        if letter == '"':
            raise ValueError(f'a quote in the middle of {raw!r}; write it as \\"')
        if letter == "\\" and after:
            value += _CLASSIC_ESCAPES.get(after, letter + after)
            at += 2
            continue
        value += letter
        at += 1
    return value


def _ends_escaped(text: str) -> bool:
    return (len(text) - len(text.rstrip("\\"))) % 2 == 1


def _newer(text: str) -> Matchers:
    tokens = list(_tokens(text))
    has_brace = tokens[0] == ("mark", "{")
    at = 1 if has_brace else 0
    found: list[Matcher] = []
    while tokens[at][0] in {"quoted", "plain"}:
        found.append(_newer_matcher(tokens[at : at + 3], text))
        at += 3
        if tokens[at] != ("mark", ","):
            break
        at += 1
    if has_brace:
        if tokens[at] != ("mark", "}"):
            raise ValueError(f"a closing brace is missing in {text!r}")
        at += 1
    if tokens[at] is not _END:
        raise ValueError(f"{tokens[at][1]!r} is out of place in {text!r}")
    return tuple(found)


def _tokens(text: str) -> Iterator[_Token]:
    at = 0
    rest = text.rstrip()
    while at < len(rest):
        found = _TOKEN.match(rest, at)
        if found is None:
            raise ValueError(f"{rest[at:].lstrip()[:1]!r} is out of place in {text!r}; put names and values in quotes")
        kind = found.lastgroup or ""
        yield kind, found[kind]
        at = found.end()
    yield _END


def _newer_matcher(tokens: list[_Token], text: str) -> Matcher:
    if [kind for kind, _ in tokens[1:2]] != ["operator"]:
        raise ValueError(f"an operator (one of {', '.join(OPERATORS)}) is missing in {text!r}")
    if len(tokens) < 3 or tokens[2][0] not in {"quoted", "plain"}:
        raise ValueError(f"a value is missing in {text!r}")
    name, value = (_unquoted(raw) if kind == "quoted" else raw for kind, raw in (tokens[0], tokens[2]))
    return matcher(name, _operator(tokens[1][1]), value)


def _unquoted(raw: str) -> str:
    """What Go reads from a text in double quotes."""
    try:
        return _GO_ESCAPE.sub(_byte, raw[1:-1].encode()).decode()
    except UnicodeError as error:
        raise ValueError(f"{raw} is not UTF-8") from error
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{raw} has an escape that is none; write a backslash as \\\\") from error


def _byte(found: re.Match[bytes]) -> bytes:
    if found["bad"] is not None:
        raise ValueError("an escape that is none")
    if (simple := found["simple"]) is not None:
        return _SIMPLE[simple]
    if found["hex"] is not None:
        return bytes([int(found["hex"], 16)])
    if found["octal"] is not None:
        return bytes([int(found["octal"], 8)])
    return chr(int(found["short"] or found["long"], 16)).encode()


def _operator(text: str) -> Operator:
    return next(one for one in OPERATORS if one == text)
