"""``metrics-ai incidents report`` from kept events, and what is said of commands that cannot hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from metrics_ai.cli import app
from metrics_ai.incident_cases import evidence_lines, told_case
from schemas.incident_events import Incident
from tests.unit.incidents.review.life import incident_life


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    life = incident_life()
    case = told_case(life.events(), life.of(Incident)[-1].id)
    path = tmp_path_factory.mktemp("kept") / "incident.jsonl"
    path.write_text(evidence_lines(case))
    return path, case.incident.id


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "200", "METRICS_AI_CONFIG": None, **environment})


def test_a_report_is_written_as_the_suffix_says(kept: tuple[Path, str], tmp_path: Path) -> None:
    path, name = kept
    for suffix, start in (("md", "# SLO checkout burns"), ("html", "<!doctype html>"), ("json", "{\n")):
        out = tmp_path / f"report.{suffix}"
        done = run("incidents", "report", name[:8], "--from", str(path), "--out", str(out))
        assert (done.exit_code, done.output) == (0, "")
        assert out.read_text().startswith(start)
    assert json.loads((tmp_path / "report.json").read_text())["incident_id"] == name


def test_without_a_file_it_is_printed_as_markdown(kept: tuple[Path, str]) -> None:
    path, name = kept
    done = run("incidents", "report", name, "--from", str(path))
    assert done.exit_code == 0
    assert "## What is known of the cause" in done.output


def test_evidence_is_kept_as_it_was_read(kept: tuple[Path, str], tmp_path: Path) -> None:
    path, name = kept
    again = tmp_path / "again.jsonl"
    assert run("incidents", "report", name, "--from", str(path), "--evidence", str(again)).exit_code == 0
    assert again.read_text() == path.read_text()


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nope"], 1, "no incident has an id that begins with 'nope'"),
        (["nope", "--out", "report.pdf"], 2, "--out report.pdf: its suffix names no format"),
        (["nope", "--tenant", "another"], 1, "no incident has an id"),
    ],
)
def test_what_cannot_be_reported_is_told_in_a_line(
    kept: tuple[Path, str], arguments: list[str], status: int, said: str
) -> None:
    done = run("incidents", "report", *arguments, "--from", str(kept[0]))
    assert (done.exit_code, done.output.count("\n")) == (status, 1)
    assert said in done.output


def test_a_report_that_cannot_be_written_is_told(kept: tuple[Path, str], tmp_path: Path) -> None:
    path, name = kept
    done = run("incidents", "report", name, "--from", str(path), "--out", str(tmp_path / "none" / "report.md"))
    assert done.exit_code == 2
    assert "cannot be written (No such file or directory)" in done.output


@pytest.mark.parametrize("command", [["incidents", "mttr"], ["alerts", "accuracy"], ["alerts", "report"]])
def test_figures_need_records(command: list[str], tmp_path: Path) -> None:
    done = run(*command, XDG_DATA_HOME=str(tmp_path))
    assert done.exit_code == 2
    assert "no records: " in done.output
    assert "Run metrics-ai up, or set records.url" in done.output


def test_a_time_without_a_length_is_refused(tmp_path: Path) -> None:
    done = run("incidents", "mttr", "--since", "2026-09-02", "--until", "2026-09-01", XDG_DATA_HOME=str(tmp_path))
    assert (done.exit_code, "--since is not before --until" in done.output) == (2, True)
