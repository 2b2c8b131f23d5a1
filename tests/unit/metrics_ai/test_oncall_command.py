"""``metrics-ai oncall``: exit codes, lines for people, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from metrics_ai.cli import app
from tests.unit.incidents.oncall.calendars import GOOGLE, calendar, event

ROUTES = """\
route: {receiver: page}
receivers: [{name: page, oncall: eu}, {name: managers}]
schedules:
  - {name: eu, ics: eu.ics, overrides: swaps.ics, timezone: Europe/Berlin, fallback: managers}
  - {name: us, ics: us.ics}
"""


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["oncall", *arguments], env={"COLUMNS": "160", "METRICS_AI_CONFIG": None})


@pytest.fixture
def file(tmp_path: Path) -> str:
    (tmp_path / "eu.ics").write_text(GOOGLE)
    (tmp_path / "swaps.ics").write_text(calendar(event("eve", ":20260106T080000Z", ":20260106T100000Z")))
    (tmp_path / "us.ics").write_text(calendar(event("ann, bob", ":20260105T000000Z", ":20260112T000000Z")))
    path = tmp_path / "alerting.yaml"
    path.write_text(ROUTES)
    return str(path)


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_show_says_whose_turn_it_is_by_which_calendar_and_until_when(file: str) -> None:
    result = run("show", "--file", file, "--at", "2026-01-06T08:30Z")
    assert (result.exit_code, result.stderr) == (0, "")
    assert lines(result.stdout)[1:] == [
        "eu eve override of swaps.ics Tue 2026-01-06 11:00 CET",
        "us ann, bob shift of us.ics Mon 2026-01-12 00:00 UTC",
    ]


def test_show_says_who_is_told_in_a_gap(file: str) -> None:
    result = run("show", "eu", "--file", file, "--at", "2026-01-06T20:00+01:00")
    assert lines(result.stdout)[1:] == ["eu nobody; managers is told gap Wed 2026-01-07 09:00 CET"]
    row = json.loads(run("show", "eu", "--file", file, "--at", "2026-01-06T20:00+01:00", "--json").stdout)
    assert (row["source"], row["people"], row["fallback"]) == ("gap", [], "managers")


def test_gaps_are_listed_and_end_with_1(file: str) -> None:
    result = run("gaps", "us", "--file", file, "--from", "2026-01-05", "--days", "8")
    assert result.exit_code == 1
    assert lines(result.stdout)[1:] == ["us Mon 2026-01-12 00:00 UTC Tue 2026-01-13 00:00 UTC 24 hours nobody"]
    covered = run("gaps", "us", "--file", file, "--from", "2026-01-05", "--days", "7")
    assert (covered.exit_code, covered.stdout) == (0, "somebody is on call all the time\n")
    rows = run("gaps", "--file", file, "--from", "2026-01-05", "--days", "1", "--json").stdout.splitlines()
    assert [json.loads(row)["schedule"] for row in rows] == ["eu", "eu"]


def test_a_schedule_that_is_refused_is_told_with_its_line_and_the_others_are_shown(file: str) -> None:
    Path(file).with_name("eu.ics").write_text("hello")
    result = run("show", "--file", file, "--at", "2026-01-06T08:30Z")
    assert result.exit_code == 1
    assert result.stderr.startswith("eu.ics:1: not iCalendar")
    assert lines(result.stdout)[1:] == ["us ann, bob shift of us.ics Mon 2026-01-12 00:00 UTC"]


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("show", "asia"), 1, "there is no schedule 'asia'"),
        (("show", "uss"), 1, "Did you mean us?"),
        (("show", "--at", "soon"), 2, "--at 'soon' is no time"),
    ],
)
def test_what_cannot_be_shown_is_one_line(file: str, arguments: tuple[str, ...], status: int, said: str) -> None:
    result = run(*arguments, "--file", file)
    assert (result.exit_code, said in result.stderr, result.stderr.count("\n")) == (status, True, 1)


def test_a_file_or_a_calendar_that_is_not_there_is_told(file: str) -> None:
    assert run("show", "--file", "none.yaml").exit_code == 2
    Path(file).with_name("us.ics").unlink()
    result = run("show", "--file", file)
    assert (result.exit_code, "alerting.yaml:5: schedules[1].ics:" in result.stderr) == (1, True)
