"""``slo report``: from history or a recording, in three formats, with a way out where there is nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from metrics_ai.cli import app
from metrics_ai.config import load_config, missing_files
from schemas.topics import INCIDENTS, SLO_ALERTS, SLO_STATUS
from tests.unit.integrations.history.telling import MIDNIGHT_MS, alert, incident, record, sink, status


def told(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["slo", "report", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keeper = sink(tmp_path)
    for minute in range(1, 60):
        at_ms = MIDNIGHT_MS + minute * 60_000
        for slo in ("checkout", "search"):
            keeper.take([record(SLO_STATUS.name, minute, status(at_ms, slo, minute / 10).to_bytes())])
    started = alert(MIDNIGHT_MS + 60_000, "start", MIDNIGHT_MS + 60_000)
    keeper.take([record(SLO_ALERTS.name, 0, started.to_bytes())])
    keeper.take([record(INCIDENTS.name, 0, incident(1, "resolved", MIDNIGHT_MS + 120_000).to_bytes())])
    keeper.flush()
    return tmp_path


def test_history_becomes_a_report_of_one_or_of_all(folder: Path) -> None:
    one = told("checkout", "--history", folder)
    assert one.exit_code == 0, one.output
    assert one.output.startswith("# checkout\n")
    assert "| page-quick | P0 |" in one.output
    assert "| P0 | 0.5 % | Burns | i1 |" in one.output
    everything = told("--history", folder)
    assert "## checkout" in everything.output
    assert "## search" in everything.output


def test_the_format_is_that_of_the_files_suffix_unless_it_is_said(folder: Path, tmp_path: Path) -> None:
    for name, begin in (("a.html", "<!doctype html>"), ("a.json", "{"), ("a.md", "# ")):
        assert told("checkout", "--history", folder, "--out", tmp_path / name).exit_code == 0
        assert (tmp_path / name).read_text().startswith(begin)
    body = json.loads(told("checkout", "--history", folder, "--format", "json").output)
    assert body["objectives"][0]["key"] == "default/checkout"


def test_a_report_does_not_depend_on_how_history_lies_in_files(folder: Path, tmp_path: Path) -> None:
    first = told("--history", folder, "--format", "html").output
    other = tmp_path / "other"
    keeper = sink(other)
    for minute in range(1, 60):
        for slo in ("search", "checkout"):
            value = status(MIDNIGHT_MS + minute * 60_000, slo, minute / 10)
            keeper.take([record(SLO_STATUS.name, 500 + minute, value.to_bytes())])
        keeper.flush()
    keeper.take([record(INCIDENTS.name, 7, incident(1, "resolved", MIDNIGHT_MS + 120_000).to_bytes())])
    keeper.take([record(SLO_ALERTS.name, 9, alert(MIDNIGHT_MS + 60_000, "start", MIDNIGHT_MS + 60_000).to_bytes())])
    keeper.flush()
    assert told("--history", other, "--format", "html").output == first


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["chekout"], "Did you mean checkout?"),
        (["checkout", "--from", "2026-09-23", "--to", "2026-09-22"], "--from is not before --to"),
        (["checkout", "--from", "yesterday"], "is no time"),
        (["checkout", "--to", "2020-01-01"], "history knows no SLO 'checkout'"),
        (["--to", "2020-01-01"], "history knows no SLO in that time"),
        (["checkout", "--out", "report.pdf"], "its suffix names no format"),
        (["--data", "x.csv"], "--data with --definition"),
    ],
)
def test_what_cannot_be_told_is_said_with_a_way_out(arguments: list[str], said: str, folder: Path) -> None:
    history = [] if "--data" in arguments else ["--history", str(folder)]
    done = told(*arguments, *history)
    assert done.exit_code == 2 or isinstance(done.exception, SystemExit | Exception)
    assert said in done.output + str(done.exception)


def test_without_history_it_says_who_writes_it(tmp_path: Path) -> None:
    done = told("--history", tmp_path)
    assert "metrics-ai up and the role project write it" in done.output + str(done.exception)


def test_a_folder_that_will_be_made_is_not_missing(tmp_path: Path) -> None:
    environ = {"METRICS_AI__HISTORY__FOLDER": str(tmp_path / "later"), "METRICS_AI__SLO__FOLDER": str(tmp_path / "no")}
    problems = missing_files(load_config(environ=environ), None, environ)
    assert [problem.where for problem in problems] == ["METRICS_AI__SLO__FOLDER"]
