"""What the guides of alert rules and of on-call schedules show is what the commands print."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from incidents.oncall.reading import SCHEDULE_FIELDS
from incidents.rules.reading import RULE_FIELDS
from incidents.rules.spec import Condition, Match, Outcome
from incidents.rules.wording import FIELD_NAMES
from tests.house.test_guides import GUIDES, blocks, run, said

RULE_FILES = ("shop.yaml", "shop.test.yaml", None, "narrow.yaml")
CALENDARS = ("eu.ics", "swaps.ics")
FAIL = {"rules test shop.test.yaml", "rules lint narrow.yaml", "oncall gaps"}


def shown(guide: str) -> list[tuple[str, str]]:
    """Commands of a guide, and what stands below each."""
    found = [block.partition("\n") for block in blocks("", guide)]
    return [(command.removeprefix("$ .venv/bin/metrics-ai "), output) for command, _, output in found]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in zip(RULE_FILES, blocks("yaml", "rules.md"), strict=True):
        if name:
            (tmp_path / name).write_text(text)
    (routes,) = blocks("yaml", "oncall.md")
    (tmp_path / "alerting.yaml").write_text(routes)
    for name, text in zip(CALENDARS, blocks("text", "oncall.md"), strict=True):
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(("command", "output"), [*shown("rules.md"), *shown("oncall.md")])
def test_a_command_prints_what_its_guide_shows(folder: Path, command: str, output: str) -> None:
    status, printed = run([sys.executable, "-m", "metrics_ai", *command.split()], folder)
    assert said(printed) == said(output), printed
    assert status == int(any(command.startswith(one) for one in FAIL))


def first_cells(guide: str) -> list[str]:
    """Names in the first column of a guide's tables."""
    rows = re.findall(r"^\| (`[^|]*`) \|", (GUIDES / guide).read_text(), flags=re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_every_field_of_a_rule_and_of_a_schedule_is_explained() -> None:
    explained = first_cells("rules.md")
    fields = [*RULE_FIELDS, *Match.model_fields, *Condition.model_fields, *Outcome.model_fields]
    assert sorted(fields) == sorted(explained)
    assert sorted(first_cells("oncall.md")) == sorted(SCHEDULE_FIELDS)


def test_every_field_of_a_text_is_named() -> None:
    text = (GUIDES / "rules.md").read_text()
    assert [name for name in FIELD_NAMES if f"`{{{name}}}`" not in text] == []
