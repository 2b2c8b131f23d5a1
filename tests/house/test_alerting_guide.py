"""What the guide of alerting shows of routes is what the commands print."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from incidents.routing.settings import FatigueSettings
from tests.house.test_guides import GUIDES, blocks, run, said

GUIDE = "alerting.md"
INHERITED = "          receiver: database\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    routes = next(block for block in blocks("yaml", GUIDE) if "pagerduty_configs" in block)
    broken = routes.replace("receiver: database\n", "receiver: databse\n", 1).replace("Europe/Berlin\n", "Berlin\n", 1)
    hours = routes.replace(INHERITED, f"{INHERITED}          active_time_intervals: [business-hours]\n", 1)
    for name, text in (("alerting", routes), ("hours", hours), ("broken", broken)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


def shown() -> list[tuple[list[str], str]]:
    """Commands about routes in the guide, and what stands below each."""
    split = (block.partition("\n") for block in blocks("", GUIDE) if "metrics-ai routes " in block)
    return [(command.removeprefix("$ .venv/bin/metrics-ai ").split(), output) for command, _, output in split]


def test_the_guide_shows_each_command_about_routes() -> None:
    assert {command[1] for command, _ in shown()} == {"show", "test", "check"}
    assert len(shown()) == 6


@pytest.mark.parametrize("at", range(6))
def test_a_command_about_routes_prints_what_the_guide_shows(folder: Path, at: int) -> None:
    command, output = shown()[at]
    done, printed = run([sys.executable, "-m", "metrics_ai", *command], folder)
    assert (done, said(printed)) == (1 if "broken.yaml" in command else 0, said(output)), printed


def test_the_guides_table_of_fatigue_has_every_setting_and_its_default() -> None:
    text = (GUIDES / GUIDE).read_text()
    rows = [row.split(" | ") for row in text.splitlines() if row.startswith("| `") and row.count(" | ") == 2]
    told: dict[str, str] = {}
    for row in rows:
        names = [name.strip("`") for name in row[0].removeprefix("| ").split(", ")]
        told |= dict(zip(names, [row[1]] if len(names) == 1 else row[1].split(", "), strict=False))
    defaults = {
        name: str(value).replace("'", "").removesuffix(".0") for name, value in FatigueSettings().model_dump().items()
    }
    assert {name: value for name, value in told.items() if name in defaults} == defaults
