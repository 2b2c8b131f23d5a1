"""``slo eval`` and ``slo simulate``: recorded rows become slices, and what comes of them is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from metrics_ai.cli import app

START = 1_790_035_200
RATIO = """
  indicator:
    metadata: {name: i}
    spec:
      ratioMetric:
        counter: true
        SIDE: {metricSource: {type: metrics-ai, spec: {metric: requests_total, match: {code: "CODE"}}}}
        total: {metricSource: {type: metrics-ai, spec: {metric: requests_total}}}
"""
BUCKET = """
  indicator:
    metadata: {name: i}
    spec:
      ratioMetric:
        counter: true
        good: {metricSource: {type: metrics-ai, spec: {histogram: latency_seconds, le: 0.3}}}
        total: {metricSource: {type: metrics-ai, spec: {histogram: latency_seconds}}}
"""
THRESHOLD = """
  indicator:
    metadata: {name: i}
    spec:
      thresholdMetric: {metricSource: {type: metrics-ai, spec: {metric: disk_used}}}
"""
DERIVED = """
  indicator:
    metadata: {name: i}
    spec:
      ratioMetric:
        counter: false
        good: {metricSource: {type: metrics-ai, spec: {source: node_health}}}
        total: {metricSource: {type: metrics-ai, spec: {source: node_health}}}
"""


def define(folder: Path, indicator: str, objective: str = "target: 0.99", method: str = "Occurrences") -> Path:
    path = folder / "slo.yaml"
    path.write_text(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: one}\nspec:\n  service: s"
        f"{indicator}  timeWindow: [{{duration: 1d, isRolling: true}}]\n  budgetingMethod: {method}\n"
        f"  objectives: [{{{objective}}}]\n"
    )
    return path


def rows(folder: Path, lines: list[str], head: str = "timestamp,metric,code,value") -> Path:
    path = folder / "data.csv"
    path.write_text("\n".join([head, *lines]) + "\n")
    return path


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["slo", *map(str, arguments)], env={"COLUMNS": "200"})


def evaluated(definition: Path, data: Path, status: int) -> dict[str, Any]:
    done = run("eval", definition, "--data", data, "--json")
    assert done.exit_code == status, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(("side", "code", "bad"), [("bad", "500", 10), ("good", "200", 10)])
def test_counters_are_counted_by_their_growth_resets_and_repeats_as_they_are(
    tmp_path: Path, side: str, code: str, bad: int
) -> None:
    ok = [0, 90, 180, 30, 30]  # a reset: 30 since
    wrong = [5, 5, 15, 15, 15]
    lines = [f"{START + 15 * at},requests_total,200,{value}" for at, value in enumerate(ok)]
    lines += [f"{START + 15 * at},requests_total,500,{value}" for at, value in enumerate(wrong)]
    lines.append(f"{START + 15},requests_total,200,999999")  # told before: the first counts
    found = evaluated(define(tmp_path, RATIO.replace("SIDE", side).replace("CODE", code)), rows(tmp_path, lines), 1)
    own = found["budgets"][-1]
    assert (own["total"], own["bad"]) == (220, bad)
    assert found["compliance"] == pytest.approx(1 - bad / 220)


def test_buckets_are_good_up_to_their_bound(tmp_path: Path) -> None:
    lines = []
    for at in range(5):
        for le, share in (("0.1", 0.5), ("0.30", 0.995), ("+Inf", 1.0)):
            lines.append(f"{START + 15 * at},latency_seconds_bucket,{le},{1000 * at * share:g}")
    data = rows(tmp_path, lines, "timestamp,metric,le,value")
    assert evaluated(define(tmp_path, BUCKET), data, 0)["compliance"] == 0.995


def test_samples_are_held_against_the_value_and_no_number_is_unknown(tmp_path: Path) -> None:
    values = [50.0] * 57 + [90.0] * 3
    lines = [f"{START + 60 * at},disk_used,,{value}" for at, value in enumerate(values)]
    lines.append(f"{START + 3600},disk_used,,NaN")
    definition = define(tmp_path, THRESHOLD, "target: 0.9, op: lt, value: 90")
    found = evaluated(definition, rows(tmp_path, lines), 0)
    assert found["compliance"] == 0.95
    assert found["budgets"][-1]["unknown"] == 1
    assert "95 % were good: met" in run("eval", definition, "--data", tmp_path / "data.csv").stdout


@pytest.mark.parametrize(
    ("indicator", "lines", "said"),
    [
        (RATIO.replace("SIDE", "bad").replace("CODE", "500"), ["1,requests_total,200,1"], "single sample"),
        (DERIVED, ["1,requests_total,200,1"], "which no recording of series holds"),
        (THRESHOLD, ["1,requests_total,200,1"], "is compared with something"),
    ],
)
def test_what_cannot_be_evaluated_is_one_line(tmp_path: Path, indicator: str, lines: list[str], said: str) -> None:
    done = run("eval", define(tmp_path, indicator), "--data", rows(tmp_path, lines))
    assert done.exit_code == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_rows_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    lines = [f"{START + 60 * at},disk_used,,1" for at in range(5)]
    definition = define(tmp_path, THRESHOLD, "target: 0.9, op: lt, value: 90")
    done = run("eval", definition, "--data", rows(tmp_path, [*lines, "soon,disk_used,,1"]))
    assert done.exit_code == 1
    assert "rejected" in done.stderr


def test_a_full_outage_pages_with_the_slice_after_its_arithmetic() -> None:
    done = run("simulate", "disk-availability", "--length", "10m", "--json")
    assert done.exit_code == 0, done.output
    turns = json.loads(done.stdout)["alerts"]
    assert (turns[0]["alert"], turns[0]["priority"], turns[0]["after_s"]) == ("page-quick", "P0", 55.0)
    assert {"page-quick", "page-slow"} <= {one["alert"] for one in turns if one["state"] == "end"}


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nope", "--length", "10m"], 1, "there is no SLO 'nope'"),
        (["disk-availability", "--length", "ten"], 2, "'ten' is no duration"),
        (["disk-availability", "--length", "10m", "--bad", "0"], 2, "nothing is bad"),
    ],
)
def test_what_cannot_be_simulated_is_one_line(arguments: list[str], status: int, said: str) -> None:
    done = run("simulate", *arguments)
    assert done.exit_code == status
    assert said in done.stderr
