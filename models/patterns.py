"""Regular expressions that people write: those that could take for ever on a label's value are refused.

Python's engine goes back and tries again, unlike that of Prometheus: with ``(a+)+`` each further letter of a value that
does not match doubles the time. So nothing that is repeated without end may hold a repetition or a choice itself.
"""

from __future__ import annotations

import re
from re import _constants as constants  # type: ignore[attr-defined]  # the only way to the parsed form
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any, Final

MOST_REPEATS: Final = 8
"""Without end, in one pattern: each may multiply the time by a value's length."""
_REPEATS: Final = frozenset({constants.MAX_REPEAT, constants.MIN_REPEAT})


def compiled(text: str) -> re.Pattern[str]:
    """Compile a pattern.

    Raises
    ------
    ValueError
        If it is none, or could take for ever.

    Examples
    --------
    >>> compiled("5..|4[0-9]+").fullmatch("499") is not None
    True
    >>> compiled("(a+)+")
    Traceback (most recent call last):
        ...
    ValueError: a repetition of a repetition or a choice may take for ever
    """
    try:
        found = re.compile(text)
        parsed = parser.parse(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from error
    if _endless(parsed) > MOST_REPEATS:
        raise ValueError(f"more than {MOST_REPEATS} repetitions without end may take for ever")
    if _is_nested(parsed, inside=False):
        raise ValueError("a repetition of a repetition or a choice may take for ever")
    return found


def _parts(item: Any) -> list[Any]:
    """The patterns within one item of a parsed pattern."""
    kind, given = item
    if kind in _REPEATS:
        return [given[2]]
    if kind is constants.SUBPATTERN:
        return [given[3]]
    if kind is constants.BRANCH:
        return list(given[1])
    if kind in {constants.ASSERT, constants.ASSERT_NOT}:
        return [given[1]]
    return []


def _is_endless(item: Any) -> bool:
    kind, given = item
    return kind in _REPEATS and given[1] is constants.MAXREPEAT


def _endless(parsed: Any) -> int:
    return sum(_is_endless(item) + sum(map(_endless, _parts(item))) for item in parsed)


def _is_nested(parsed: Any, *, inside: bool) -> bool:
    """Whether something endless holds a repetition or a choice."""
    for item in parsed:
        if inside and (item[0] in _REPEATS or item[0] is constants.BRANCH):
            return True
        if any(_is_nested(part, inside=inside or _is_endless(item)) for part in _parts(item)):
            return True
    return False
