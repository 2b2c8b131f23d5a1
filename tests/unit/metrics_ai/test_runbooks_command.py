"""``metrics-ai runbooks``: exit codes, lines for people, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from metrics_ai.cli import app
from tests.unit.runbooks.definitions import SHOP, runbook


def run(*arguments: str, **environment: str) -> Result:
    env = {"COLUMNS": "200", "METRICS_AI_CONFIG": None, **environment}
    return CliRunner().invoke(app, ["runbooks", *arguments], env=env)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "team").mkdir()
    (tmp_path / "shop.yaml").write_text(SHOP)
    (tmp_path / "team" / "disk.yml").write_text(runbook("disk-filling", '{alertname="disk_almost_full"}'))
    (tmp_path / "notes.txt").write_text("no")
    return tmp_path


def test_validate_says_what_is_fine_and_ends_with_0(folder: Path) -> None:
    result = run("validate", str(folder))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{folder}/team/disk.yml:1: disk-filling: fine",
        f"{folder}/shop.yaml:2: shop-down: fine",
    ]


def test_validate_names_every_problem_and_ends_with_1(folder: Path) -> None:
    bad = folder / "bad.yaml"
    bad.write_text(f"{SHOP.replace('low', 'none')}---\nid: a\n")
    result = run("validate", str(bad))
    first = "steps[0].risk: 'none' is none of low, medium, high"
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"{bad}:18: {first}. Choose one of them",
        f"{bad}:29: title is missing. Add title",
    ]
    said = json.loads(run("validate", str(bad), "--json").stdout)
    assert said == {
        "runbooks": [],
        "problems": [
            {"where": f"{bad}:18", "what": first, "way_out": "Choose one of them"},
            {"where": f"{bad}:29", "what": "title is missing", "way_out": "Add title"},
        ],
    }


@pytest.mark.parametrize("command", [["validate", "nowhere"], ["list", "--from", "nowhere"]])
def test_a_path_that_is_none_ends_with_2(command: list[str]) -> None:
    result = run(*command)
    assert result.exit_code == 2
    assert "nowhere is neither a file nor a folder that can be read. Name one that is there" in result.stderr


def test_the_configured_folder_is_listed_with_what_ships(folder: Path) -> None:
    listed = [
        json.loads(line) for line in run("list", "--json", METRICS_AI__RUNBOOKS__FOLDER=str(folder)).stdout.splitlines()
    ]
    places = {one["id"]: one["place"] for one in listed}
    assert len(places) == len(listed) == 16
    assert places["disk-filling"] == f"{folder}/team/disk.yml:1"
    own = run("list", METRICS_AI__RUNBOOKS__FOLDER=str(folder), METRICS_AI__RUNBOOKS__SHIPPED="false")
    assert [line.split()[0] for line in own.stdout.splitlines()] == ["runbook", "disk-filling", "shop-down"]
    assert run("list", METRICS_AI__RUNBOOKS__SHIPPED="false").stdout == "no runbooks\n"


def test_a_configured_folder_that_is_none_ends_with_2() -> None:
    result = run("list", METRICS_AI__RUNBOOKS__FOLDER="nowhere")
    assert result.exit_code == 2
    assert "runbooks.folder: nowhere is no folder that can be read" in result.stderr


def test_a_refused_file_is_told_while_the_others_are_used(folder: Path) -> None:
    (folder / "bad.yaml").write_text("id: a")
    said = f"{folder}/bad.yaml:1: title is missing. Add title\n"
    listed = run("list", "--from", str(folder))
    assert (listed.exit_code, listed.stderr) == (1, said)
    assert "shop-down" in listed.stdout
    shown = run("show", "shop-down", "--from", str(folder))
    assert (shown.exit_code, shown.stderr) == (0, said)
    matched = run("match", "-l", "service=shop", "--from", str(folder))
    assert (matched.exit_code, matched.stderr) == (0, said)


def test_show_is_text_to_work_through(folder: Path) -> None:
    result = run("show", "shop-down", "--from", str(folder))
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "shop-down  The shop is down",
        "A shop that answers nobody.",
        'fits    {service="shop"}',
        'fits    {alertname="ShopDown",node=~"shop.*"}',
        'unless  {alertname="MetricMissing"}',
        "",
        "Check 1: Does it answer?",
        '    curl --fail "$URL"',
        "  yes: Nothing comes back: go on.",
        "  no:  It does.",
        "",
        "Step 1, low risk: Start it again.",
        "    systemctl restart shop",
        "  to undo it: Nothing to undo.",
        "",
        "Step 2, high risk: Empty its queue.",
        "  cannot be undone: Orders in it are lost.",
        "",
        "Call the shop's team, when it goes down again.",
        "",
        "https://example.org/shop",
        f"defined in {folder}/shop.yaml:2",
    ]


def test_show_for_programs_is_the_whole_runbook() -> None:
    said = json.loads(run("show", "oom-kill", "--json").stdout)
    assert (said["id"], said["place"]) == ("oom-kill", "shipped/oom-kill.yaml:1")
    assert {"look", "command", "if_yes", "if_no"} == set(said["checks"][0])


def test_an_id_that_is_none_ends_with_1() -> None:
    result = run("show", "oom-kil")
    assert (result.exit_code, result.stderr) == (
        1,
        "metrics-ai: there is no runbook 'oom-kil'. Did you mean oom-kill?\n",
    )
    assert "metrics-ai runbooks list has all" in run("show", "zzz").stderr


def test_match_names_what_fits_the_most_specific_first() -> None:
    labels = ["--label", "slo=disk-availability", "--label", "kind=budget", "--label", "metric=node_disk_used_ratio"]
    rows = [line.split()[:2] for line in run("match", *labels).stdout.splitlines()]
    assert rows == [["runbook", "conditions"], ["disk-filling", "2"], ["slo-budget-spent", "1"]]
    (line,) = run("match", *labels, "--json", "--limit", "1").stdout.splitlines()
    assert json.loads(line)["id"] == "disk-filling"


def test_match_ends_with_1_where_nothing_fits() -> None:
    result = run("match", "--label", "alertname=unheard_of")
    assert (result.exit_code, result.stdout) == (1, "no runbook fits\n")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["node"], "--label 'node' is not NAME=VALUE. Give it like --label node=h1"),
        (["=x"], "--label '=x' is not NAME=VALUE. Give it like --label node=h1"),
        (["a=1", "a=2"], "--label a is given twice. Keep one of them"),
    ],
)
def test_a_label_that_is_none_ends_with_2(given: list[str], said: str) -> None:
    result = run("match", *(part for one in given for part in ("--label", one)))
    assert (result.exit_code, result.stderr) == (2, f"metrics-ai: {said}\n")
