"""What the guide of runbooks shows is what the commands print."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from runbooks.spec import Check, Escalation, Runbook, Step
from tests.house.test_guides import GUIDES, blocks, run, said

GUIDE = "runbooks.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    definition, settings = blocks("yaml", GUIDE)
    (tmp_path / "checkout.yaml").write_text(definition)
    (tmp_path / "metrics-ai.yaml").write_text(settings)
    return tmp_path


def shown(verb: str) -> list[tuple[list[str], str]]:
    """Commands of a verb in the guide, and what stands below each."""
    found = []
    for block in blocks("", GUIDE):
        command, _, output = block.partition("\n")
        if f"metrics-ai runbooks {verb}" in command:
            found.append((command.removeprefix("$ .venv/bin/metrics-ai ").split(), output))
    return found


def check(folder: Path, command: list[str], output: str, status: int = 0) -> None:
    done, printed = run([sys.executable, "-m", "metrics_ai", *command], folder)
    assert (done, said(printed)) == (status, said(output)), printed


def test_every_block_that_shows_a_command_is_tested() -> None:
    verbs = ("match", "validate", "show", "list")
    assert sum(len(shown(verb)) for verb in verbs) == len(blocks("", GUIDE)) == 6


def test_the_first_runbook_is_what_the_guide_says(folder: Path) -> None:
    check(folder, *shown("validate")[0])
    for command, output in [*shown("match"), *shown("show")]:
        check(folder, command, output)


def test_a_mistake_is_told_as_the_guide_says(folder: Path) -> None:
    definition = folder / "checkout.yaml"
    definition.write_text(definition.read_text().replace("risk: medium", "risk: midium", 1))
    check(folder, *shown("validate")[1], status=1)


def test_a_folder_is_listed_with_what_ships(folder: Path) -> None:
    (folder / "runbooks").mkdir()
    (folder / "checkout.yaml").rename(folder / "runbooks" / "checkout.yaml")
    check(folder, *shown("list")[0])


def test_the_guide_names_every_field_and_those_that_are_required() -> None:
    text = (GUIDES / GUIDE).read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| (required)? ?\|", text, flags=re.MULTILINE))
    fields = Runbook.model_fields
    assert rows == {name: "required" if one.is_required() else "" for name, one in fields.items()}
    parts = {name for part in (Check, Step, Escalation) for name in part.model_fields}
    assert [name for name in sorted(parts) if f"`{name}`" not in text] == []
