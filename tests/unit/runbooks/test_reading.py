"""What is wrong with a runbook is said with its line, its path and a way out."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from runbooks.reading import read_runbooks
from runbooks.spec import Runbook, Step
from tests.unit.runbooks.definitions import SHOP, runbook


def test_a_runbook_is_read_with_all_that_it_says() -> None:
    (one,) = read_runbooks(SHOP, "shop.yaml").placed
    assert one.place == "shop.yaml:2"
    assert one.runbook.matchers == ('{service="shop"}', '{alertname="ShopDown",node=~"shop.*"}')
    assert one.runbook.checks[0].command == 'curl --fail "$URL"'
    assert [step.risk for step in one.runbook.steps] == ["low", "high"]
    assert one.runbook.steps[1].irreversible == "Orders in it are lost."
    assert Runbook.model_validate_json(one.runbook.model_dump_json()) == one.runbook


def test_a_file_holds_several_runbooks() -> None:
    reading = read_runbooks(f"{SHOP}---\n{runbook('b', '{}')}---\n", "shop.yaml")
    assert [(one.runbook.id, one.line) for one in reading.placed] == [("shop-down", 2), ("b", 29)]


WRITE = """Write it like '{alertname="disk_full",node=~"db.*"}', in single quotes"""
ERRORS = {
    "a field that there is not": (
        "title:",
        "titel:",
        "shop.yaml:3: titel: there is no such field. Did you mean title?",
    ),
    "a field that is missing": ("mends: A shop that answers nobody.\n", "", "shop.yaml:2: mends is missing. Add mends"),
    "an id with a blank": (
        "shop-down",
        "shop down",
        "shop.yaml:2: id: 'shop down' is no id. Take up to 63 of a-z, 0-9 and -, with a letter or digit at both ends",
    ),
    "a title that is too long": (
        "The shop is down",
        "x" * 101,
        "shop.yaml:3: title: 101 characters, where 100 are the most. Shorten it",
    ),
    "a matcher without quotes in YAML": (
        """'{service="shop"}'""",
        '{service="shop"}',
        ("shop.yaml:6: matchers[0]: YAML reads braces without quotes as a mapping. " + WRITE),
    ),
    "a matcher with a bad comparison": (
        'service="shop"',
        'service=="shop"',
        ("""shop.yaml:6: matchers[0]: not a matcher at 'service=="shop"' of '{service=="shop"}'. """ + WRITE),
    ),
    "a matcher of a series' name": (
        '{service="shop"}',
        'node_load15{service="shop"}',
        ("""shop.yaml:6: matchers[0]: an alert has no __name__: its metric stands in {metric="..."}. """ + WRITE),
    ),
    "a regular expression that is none": (
        'node=~"shop.*"',
        'node=~"(shop"',
        "shop.yaml:7: matchers[1]: not a regular expression in ",
    ),
    "no step": (
        SHOP[SHOP.index("steps:") : SHOP.index("escalate:")],
        "steps: []\n",
        "shop.yaml:15: steps: the list is empty. Write at least one",
    ),
    "a risk that is none": (
        "risk: low",
        "risk: loww",
        "shop.yaml:18: steps[0].risk: 'loww' is none of low, medium, high. Did you mean low?",
    ),
    "a step of which nobody knows whether it can be undone": (
        "    undo: Nothing to undo.\n",
        "",
        (
            "shop.yaml:16: steps[0]: a step has either undo or irreversible. "
            "Say how it is undone, or what is lost because it cannot be"
        ),
    ),
    "a check without its no": (
        "    if_no: It does.\n",
        "",
        "shop.yaml:11: checks[0]: if_no is missing. Add if_no",
    ),
    "a source that is no link": (
        "https://example.org/shop",
        "the wiki",
        "shop.yaml:27: sources[0]: 'the wiki' is no link. Write it like https://example.org/page",
    ),
    "a list that is none": (
        '  - \'{service="shop"}\'\n  - \'{alertname="ShopDown",node=~"shop.*"}\'\n',
        "  service: shop\n",
        "shop.yaml:5: matchers: a list is wanted, not a mapping. Write it as - item",
    ),
}


@pytest.mark.parametrize("case", ERRORS)
def test_an_error_names_its_line_and_the_way_out(case: str) -> None:
    before, after, said = ERRORS[case]
    assert SHOP.count(before)
    reading = read_runbooks(SHOP.replace(before, after, 1), "shop.yaml")
    (problem,) = reading.problems
    assert str(problem).startswith(said)
    assert reading.runbooks == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff", "a.yaml:1: the text is not UTF-8. Save it as UTF-8"),
        (b"# nothing\n", "a.yaml:1: there is no runbook in it. Write one, or remove the file"),
        (b"- a\n", "a.yaml:1: a mapping is wanted, not a list. Write key: value"),
    ],
)
def test_a_file_that_holds_none_says_so(content: bytes, said: str) -> None:
    assert [str(one) for one in read_runbooks(content, "a.yaml").problems] == [said]


def test_text_that_is_no_yaml_names_its_line() -> None:
    (problem,) = read_runbooks("id: a\ntitle: [", "a.yaml").problems
    assert str(problem).startswith("a.yaml:2: not YAML (")


def test_the_model_itself_takes_no_step_that_is_both() -> None:
    with pytest.raises(ValidationError, match="either undo or irreversible"):
        Step(do="a", risk="low", undo="b", irreversible="c")
