"""``inspect --from``: what detect knows after recordings."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner, Result

from metrics_ai.cli import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["inspect", *arguments], env={"COLUMNS": "200", "METRICS_AI_CONFIG": None})


@pytest.fixture
def recordings(tmp_path: Path) -> list[str]:
    """Two nodes' CPU over half an hour, one of them busy at the end; in two files."""
    rows = [
        (1_795_446_000 + 10 * at, f"h{node}", 0.95 if node == 2 and at > 170 else 0.1 + at % 2 * 0.02)
        for at in range(180)
        for node in (1, 2)
    ]
    names = []
    for number, part in enumerate((rows[:200], rows[200:])):
        path = tmp_path / f"node_cpu_ratio{number}.csv"
        lines = [f"{moment},{node},{value}" for moment, node, value in part]
        path.write_text("\n".join(["timestamp,node,value", *lines]) + "\n")
        names.append(str(path))
    return names


def test_one_series_is_shown_in_full(recordings: list[str]) -> None:
    files = ["--from", *recordings, "--metric", "node_cpu_ratio"]
    shown = run('node_cpu_ratio{node="h2"}', *files)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith('node_cpu_ratio{node="h2"}\n')
    assert "anomalous since" in shown.stdout
    assert "metrics-ai explain " in shown.stdout


def test_several_series_are_a_table_and_as_json_a_line_each(recordings: list[str]) -> None:
    files = ["--from", recordings[0], "--from", recordings[1], "--metric", "node_cpu_ratio"]
    table = run("node_cpu_ratio", *files).stdout.splitlines()
    assert [line.split()[-1] for line in table] == ["state", "calm", "anomalous"]
    states = [json.loads(line) for line in run("node_cpu_ratio", *files, "--json").stdout.splitlines()]
    assert [one["labels"]["node"] for one in states] == ["h1", "h2"]
    assert [len(one["windows"]) for one in states] == [5, 5]


def test_a_plot_of_one_series_is_written_and_one_of_several_refused(recordings: list[str], tmp_path: Path) -> None:
    files = ["--from", *recordings, "--metric", "node_cpu_ratio", "--plot", str(tmp_path / "cpu.svg")]
    refused = run("node_cpu_ratio", *files)
    assert (refused.exit_code, "2 series match" in refused.stderr) == (2, True)
    drawn = run('node_cpu_ratio{node="h2"}', *files)
    assert (drawn.exit_code, drawn.stderr) == (0, f"wrote {tmp_path / 'cpu.svg'}\n")
    assert ET.parse(tmp_path / "cpu.svg").getroot().tag.endswith("svg")


def test_a_series_that_is_not_there_is_said_in_a_line(recordings: list[str]) -> None:
    missing = run("absent", "--from", *recordings)
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "the recordings hold no series 'absent'" in missing.stderr


def test_rows_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    path = tmp_path / "cpu.csv"
    path.write_text("timestamp,value\n1795446000,1\nsoon,1\n")
    shown = run("cpu", "--from", str(path))
    assert shown.exit_code == 0
    assert "row 2: rejected, bad_timestamp" in shown.stderr
