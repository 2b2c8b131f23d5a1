"""``metrics-ai rules``: exit codes, lines for people, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from metrics_ai.cli import app

RULES = """\
rules:
  - name: slow
    on: anomaly
    match: {signal: latency}
    condition: {ratio_to_usual: "> 2"}
    then: {priority: P1, role: symptom}
"""
TESTS = """\
rules: [shop.yaml]
tests:
  - name: twice as slow pages
    events: [{metric: latency_p99, observed: 5, usual: 2, at: 0s}]
    expect: [{alertname: MetricAnomaly, priority: P1}]
  - name: nothing else does
    events: [{metric: latency_p99, observed: 3, usual: 2, at: 0s}]
    expect: [{alertname: MetricAnomaly, priority: P1}]
"""


def run(*arguments: str, **environment: str) -> Result:
    env = {"COLUMNS": "200", "METRICS_AI_CONFIG": None, **environment}
    return CliRunner().invoke(app, ["rules", *arguments], env=env)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(RULES)
    return tmp_path


def test_lint_says_what_is_fine_and_ends_with_0(folder: Path) -> None:
    result = run("lint", str(folder))
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{folder}/shop.yaml:2: slow: fine\n", "")


def test_lint_names_every_problem_and_rules_that_never_speak_and_ends_with_1(folder: Path) -> None:
    (folder / "bad.yaml").write_text(RULES.replace("P1", "P9"))
    narrow = RULES.replace("name: slow", "name: slower").replace("> 2", "> 3")
    (folder / "zoo.yaml").write_text(narrow)
    result = run("lint", str(folder))
    assert result.exit_code == 1
    assert result.stdout == f"{folder}/shop.yaml:2: slow: fine\n"
    assert result.stderr.splitlines() == [
        f"{folder}/bad.yaml:6: rules[0].then.priority: 'P9' is none of P0, P1, P2, P3. Did you mean P3?",
        (
            f"{folder}/zoo.yaml:2: slower never speaks: slow at {folder}/shop.yaml:2 holds wherever it does. "
            "Put it before that one, or narrow that one"
        ),
    ]
    said = json.loads(run("lint", str(folder), "--json").stdout)
    assert (said["rules"], len(said["problems"])) == (["slow", "slower"], 2)


def test_test_tells_what_passed_and_what_came_instead_and_ends_with_1(folder: Path) -> None:
    (folder / "tests").write_text(TESTS)
    result = run("test", str(folder / "tests"))
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        "pass  twice as slow pages",
        "FAIL  nothing else does",
        f"      {folder}/tests:6: MetricAnomaly: priority is P2, not P1",
        "2 tests, 1 failed",
    ]
    said = json.loads(run("test", str(folder / "tests"), "--json").stdout)
    assert [one["passed"] for one in said["tests"]] == [True, False]


def test_test_ends_with_0_where_all_pass_and_with_1_where_a_file_it_names_is_bad(folder: Path) -> None:
    path = folder / "tests"
    path.write_text(TESTS.replace("observed: 3", "observed: 9"))
    assert run("test", str(path)).exit_code == 0
    (folder / "shop.yaml").write_text(RULES.replace("slow", "1slow"))
    assert run("test", str(path)).exit_code == 1


def test_test_ends_with_2_where_a_file_is_not_there(folder: Path) -> None:
    result = run("test", str(folder / "none"))
    assert result.exit_code == 2
    assert "cannot be read" in result.stderr
    (folder / "tests").write_text(TESTS.replace("shop.yaml", "none.yaml"))
    assert run("test", str(folder / "tests")).exit_code == 2


def test_list_has_yours_before_those_that_ship(folder: Path) -> None:
    result = run("list", "--json", METRICS_AI__RULES__FOLDER=str(folder))
    names = [json.loads(line)["name"] for line in result.stdout.splitlines()]
    assert (result.exit_code, names[0], "slo_alert" in names) == (0, "slow", True)
    alone = run("list", "--from", str(folder))
    assert (alone.exit_code, len(alone.stdout.splitlines())) == (0, 2)


def test_show_says_what_must_hold_and_what_follows(folder: Path) -> None:
    result = run("show", "slow", "--from", str(folder))
    assert result.stdout.splitlines() == [
        "slow  on anomaly",
        "  where signal latency",
        "  where ratio_to_usual > 2",
        "  where the anomaly's confidence is at least 0.5, as it pages",
        "  then  P1, a symptom",
        f"defined in {folder}/shop.yaml:2",
    ]
    assert json.loads(run("show", "slow", "--from", str(folder), "--json").stdout)["then"]["priority"] == "P1"


def test_a_rule_that_there_is_not_is_told_with_one_that_there_is(folder: Path) -> None:
    result = run("show", "slo", "--from", str(folder))
    assert (result.exit_code, result.stderr) == (1, "metrics-ai: there is no alert rule 'slo'. Did you mean slow?\n")


def test_a_tenants_own_rule_is_shown_to_it_alone(folder: Path) -> None:
    (folder / "bank").mkdir()
    (folder / "bank" / "own.yaml").write_text(RULES.replace("P1", "P3"))
    source = ("--from", str(folder))
    assert "then  P3" in run("show", "slow", "--tenant", "bank", *source).stdout
    assert "then  P1" in run("show", "slow", *source).stdout
    assert len(run("list", "--tenant", "shop", *source).stdout.splitlines()) == 2
