"""Matchers read, written and ordered as Alertmanager has them.

Vectors: https://github.com/prometheus/alertmanager/blob/main/matcher/parse/parse_test.go and
https://github.com/prometheus/alertmanager/blob/main/pkg/labels/parse_test.go
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.routing.matcher_syntax import matchers_from
from incidents.routing.matchers import OPERATORS, go_quoted, in_order, matcher, matcher_of, matchers_text
from schemas.command_events import LabelMatcher

READ = {
    "": [],
    "{}": [],
    "{foo=bar}": [("foo", "=", "bar")],
    "{foo=bar,}": [("foo", "=", "bar")],
    "{foo!=bar}": [("foo", "!=", "bar")],
    "{foo=~[a-z]+}": [("foo", "=~", "[a-z]+")],
    "{foo!~[a-z]+}": [("foo", "!~", "[a-z]+")],
    "{foo=🙂bar}": [("foo", "=", "🙂bar")],
    "foo=bar,": [("foo", "=", "bar")],
    '{"foo"="bar",}': [("foo", "=", "bar")],
    '{"foo"!~"[a-z]+"}': [("foo", "!~", "[a-z]+")],
    '"foo 🙂"="x"': [("foo 🙂", "=", "x")],
    r'{"foo"="\xf0\x9f\x99\x82"}': [("foo", "=", "🙂")],
    r'{"foo"="\U0001f642"}': [("foo", "=", "🙂")],
    r'{"foo"="bar\t"}': [("foo", "=", "bar\t")],
    r'{"foo"="\"bar\""}': [("foo", "=", '"bar"')],
    r'{"foo"="bar\\"}': [("foo", "=", "bar\\")],
    '{foo="bar",bar!="baz"}': [("foo", "=", "bar"), ("bar", "!=", "baz")],
    "foo=bar, bar!=baz": [("foo", "=", "bar"), ("bar", "!=", "baz")],
    # The classic syntax is more tolerant: of an empty value, of a backslash, of braces and commas in quotes.
    "foo=": [("foo", "=", "")],
    'foo = ""': [("foo", "=", "")],
    r'foo="a\d"': [("foo", "=", r"a\d")],
    r"foo=bar\n": [("foo", "=", "bar\n")],
    'foo="a,b}",bar=c': [("foo", "=", "a,b}"), ("bar", "=", "c")],
    '{quote="She said: \\"Hi, ladies!\\""}': [("quote", "=", 'She said: "Hi, ladies!"')],
    "foo=bar}": [("foo", "=", "bar")],
    "{foo=bar": [("foo", "=", "bar")],
    "foo==x": [("foo", "=", "=x")],
}


@pytest.mark.parametrize("text", READ)
def test_a_text_reads_as_alertmanager_reads_it(text: str) -> None:
    assert [(one.name, one.operator, one.value) for one in matchers_from(text)] == READ[text]


REFUSED = [
    ",",
    "{,}",
    '{foo=:"bar"}',
    '{"foo"="bar\\w"}',
    r'{"foo"="\xf0\x9f"}',
    '"foo"',
    '"foo"=',
    '{"foo"="bar"',
    '"foo"="bar"}',
    '"foo"="bar" x',
    "foo",
    "=bar",
    'foo="bar',
    'foo="bar\\"',
    'foo=b"ar"',
    "a=b,,c=d",
    '""="x"',
    "1a=b!",
    '"a"~"b"',
    '"hello',
]


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        matchers_from(text)


@pytest.mark.parametrize("text", ["a=~(", "a=~(x+)+", "a=~[[:alpha:]]"])
def test_a_regular_expression_that_is_none_or_may_take_for_ever_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        matchers_from(text)


@pytest.mark.parametrize(
    ("text", "labels", "holds"),
    [
        ("a=b", {"a": "b"}, True),
        ("a=b", {"a": "bb"}, False),
        ("a=", {}, True),
        ("a!=b", {}, True),
        ("a=~b|c", {"a": "c"}, True),
        ("a=~b|c", {"a": "bc"}, False),
        ("a=~.*", {}, True),
        ("a=~.+", {}, False),
        ("a!~b.*", {"a": "bc"}, False),
        ("a=~^[12]$", {"a": "2"}, True),
        ("a=~x.y", {"a": "x\ny"}, False),
        ("a=~(?i)warn", {"a": "WARN"}, True),
    ],
)
def test_a_regular_expression_is_of_the_whole_value_and_an_absent_label_is_empty(
    text: str, labels: dict[str, str], holds: bool
) -> None:
    (one,) = matchers_from(text)
    assert one.holds(labels) is holds


@pytest.mark.parametrize(("value", "holds"), [("ax", True), ("xb", True), ("xax", False)])
def test_an_alternative_around_anchors_is_read_as_it_stands(value: str, holds: bool) -> None:
    assert matcher("a", "=~", "^(?:a).*|.*(?:b)$").holds({"a": value}) is holds


def test_flags_of_an_expression_within_anchors_stand_where_they_stood() -> None:
    assert matcher("a", "=~", "^(?:(?i)warn)$").holds({"a": "WARN"})


def test_matchers_stand_by_name_value_and_operator() -> None:
    texts = ["b=1", "a!~1", "a=~1", "a!=1", "a=1", "a=0"]
    ordered = in_order(one for text in texts for one in matchers_from(text))
    assert matchers_text(ordered) == '{a="0",a="1",a!="1",a=~"1",a!~"1",b="1"}'


@pytest.mark.parametrize(
    ("is_equal", "is_regex", "text"),
    [(True, False, 'a="b"'), (False, False, 'a!="b"'), (True, True, 'a=~"b"'), (False, True, 'a!~"b"')],
)
def test_a_matcher_of_the_api_is_one_of_four(is_equal: bool, is_regex: bool, text: str) -> None:
    assert str(matcher_of(LabelMatcher(name="a", value="b", is_equal=is_equal, is_regex=is_regex))) == text


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


@settings(deadline=None)
@given(name=TEXTS.filter(bool), operator=st.sampled_from(OPERATORS[:2]), value=TEXTS)
def test_what_a_matcher_is_written_as_reads_back_the_same(name: str, operator: str, value: str) -> None:
    one = matcher(name, "=" if operator == "=" else "!=", value)
    # Names that Alertmanager writes without quotes need them where they hold something it does not expect, as a tab.
    text = (
        str(one)
        if str(one).startswith('"') or name.isidentifier()
        else f"{go_quoted(name)}{operator}{go_quoted(value)}"
    )
    assert matchers_from(text) == (one,)


@settings(deadline=None)
@given(TEXTS)
def test_any_text_is_read_or_refused_by_a_value_error(text: str) -> None:
    try:
        found = matchers_from(text)
    except ValueError:
        return
    assert all(one.name for one in found)
