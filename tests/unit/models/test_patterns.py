"""Patterns that could take for ever are refused, wherever people may write one."""

from __future__ import annotations

import pytest

from models.patterns import compiled
from models.rules import matchers_of


@pytest.mark.parametrize("text", ["(a+)+", "(a*)*b", "(a|aa)+", "(x+x+)+y", "((ab)*c)*", "(.*)*", "a+" * 9, "(", "["])
def test_what_may_take_for_ever_or_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"for ever|unterminated|missing"):
        compiled(text)
    with pytest.raises(ValueError, match="not a regular expression"):
        matchers_of(f'm{{code=~"{text}"}}')


@pytest.mark.parametrize(
    "text", ["5..", "4[0-9]+|5.*", "(get|post)_.*", "a{2,5}", "(ab)+", "prod-(eu|us)-[0-9]+", ".*", ".+a.*"]
)
def test_what_people_write_is_taken(text: str) -> None:
    assert compiled(text).pattern == text
