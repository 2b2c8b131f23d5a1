"""Conditions on labels as requests give them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from console.problems import RequestError
from incidents.routing.matcher_syntax import matchers_from
from incidents.routing.matchers import Matcher, Matchers, matcher_of
from models.patterns import compiled
from schemas.command_events import LabelMatcher

MOST_MATCHERS: Final = 64


def parsed(texts: Sequence[str]) -> Matchers:
    """The matchers of ``filter`` parameters, one or more in each.

    Raises
    ------
    RequestError
        400 if one cannot be read.

    Examples
    --------
    >>> [str(one) for one in parsed(['alertname="Disk"', "node=~n.*"])]
    ['alertname="Disk"', 'node=~"n.*"']
    """
    found: list[Matcher] = []
    for text in texts:
        try:
            found.extend(matchers_from(text))
        except ValueError as error:
            raise RequestError(400, f"filter {text!r}: {error}", 'Write name="value"') from error
    if len(found) > MOST_MATCHERS:
        raise RequestError(400, f"a filter of more than {MOST_MATCHERS} matchers")
    return tuple(found)


def fits(matchers: Matchers, labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy all, as Alertmanager's API filters.

    There a matcher that is negative and of an empty text asks for the label itself.

    Examples
    --------
    >>> fits(parsed(['node!=""']), {"node": "n1"}), fits(parsed(['node!=""']), {})
    (True, False)
    """
    return all(one.holds(labels) for one in matchers)


def label_matcher(one: Matcher) -> LabelMatcher:
    """A matcher in the shape of Alertmanager's API."""
    return LabelMatcher(
        name=one.name, value=one.value, is_regex="~" in one.operator, is_equal=not one.operator.startswith("!")
    )


def checked(matchers: Sequence[LabelMatcher]) -> Matchers:
    """Matchers of a silence.

    Raises
    ------
    RequestError
        400 if there is none, a regular expression cannot be used, or all of them are true of an alert without labels.
    """
    try:
        made = tuple(map(matcher_of, matchers))
    except ValueError as error:
        raise RequestError(400, f"a matcher cannot be used: {error}") from error
    if all(one.holds({}) for one in made):
        raise RequestError(
            400, "at least one matcher must not match the empty text", "It would mute every alert; name a label"
        )
    return made


def pattern_of(text: str, what: str) -> re.Pattern[str]:
    """A regular expression of a whole name.

    Raises
    ------
    RequestError
        400 if it is none, or could take for ever.
    """
    try:
        return compiled(text)
    except ValueError as error:
        raise RequestError(400, f"{what} {text!r}: {error}") from error
