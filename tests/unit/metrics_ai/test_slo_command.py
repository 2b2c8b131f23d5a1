"""``metrics-ai slo``: exit codes, lines for people, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from metrics_ai.cli import app
from tests.unit.slo.definitions import CHECKOUT, THRESHOLD, TIERED


def run(*arguments: str, **environment: str) -> Result:
    env = {"COLUMNS": "200", "METRICS_AI_CONFIG": None, **environment}
    return CliRunner().invoke(app, ["slo", *arguments], env=env)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "acme").mkdir()
    (tmp_path / "checkout.yaml").write_text(CHECKOUT)
    (tmp_path / "acme" / "latency.yml").write_text(THRESHOLD)
    (tmp_path / "acme" / ".hidden.yaml").write_text("no")
    (tmp_path / "notes.txt").write_text("no")
    return tmp_path


def test_validate_says_what_is_fine_and_ends_with_0(folder: Path) -> None:
    result = run("validate", str(folder))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        f"{folder}/acme/latency.yml:1: acme/latency: fine",
        f"{folder}/checkout.yaml:1: default/checkout: fine",
    ]


def test_validate_names_every_problem_and_ends_with_1(folder: Path) -> None:
    bad = folder / "bad.yaml"
    bad.write_text(TIERED.replace("1M", "1m", 1) + "---\nkind: SLO\n")
    last = len(TIERED.splitlines()) + 2
    result = run("validate", str(bad))
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"{bad}:9: spec.timeWindow[0].duration: the calendar has no window of 1m. Write it like 1d, 1w, 1M, 1Q or 1Y",
        f"{bad}:{last}: apiVersion is missing. Add apiVersion",
    ]
    said = json.loads(run("validate", str(bad), "--json").stdout)
    assert said["slos"] == []
    assert said["problems"][1] == {
        "where": f"{bad}:{last}",
        "what": "apiVersion is missing",
        "way_out": "Add apiVersion",
    }


@pytest.mark.parametrize("command", [["validate", "nowhere"], ["list", "--file", "nowhere"]])
def test_a_path_that_is_none_ends_with_2(command: list[str]) -> None:
    result = run(*command)
    assert result.exit_code == 2
    assert "nowhere is neither a file nor a folder that can be read. Name one that is there" in result.stderr


def test_a_folder_without_definitions_ends_with_2(tmp_path: Path) -> None:
    assert run("validate", str(tmp_path)).exit_code == 2


def test_the_configured_folder_is_listed_with_what_ships(folder: Path) -> None:
    result = run("list", "--json", METRICS_AI__SLO__FOLDER=str(folder))
    keys = [json.loads(line)["key"] for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert len(keys) == 12
    assert {"acme/latency", "acme/node-health", "default/checkout", "default/node-health"} <= set(keys)
    own = run("list", METRICS_AI__SLO__FOLDER=str(folder), METRICS_AI__SLO__SHIPPED="false").stdout.splitlines()
    assert [line.split()[0] for line in own] == ["slo", "acme/latency", "default/checkout"]


def test_a_configured_folder_that_is_none_ends_with_2() -> None:
    result = run("list", METRICS_AI__SLO__FOLDER="nowhere")
    assert result.exit_code == 2
    assert "slo.folder: nowhere is no folder that can be read" in result.stderr


def test_a_refused_file_is_told_while_the_others_are_listed(folder: Path) -> None:
    (folder / "bad.yaml").write_text("kind: SLO")
    result = run("list", "--file", str(folder))
    assert result.exit_code == 1
    assert "default/checkout" in result.stdout
    assert result.stderr == f"{folder}/bad.yaml:1: apiVersion is missing. Add apiVersion\n"


def test_show_says_what_an_slo_comes_to() -> None:
    shown = run("show", "disk-availability").stdout
    assert "1d = 1.44 min, 7d = 10.08 min, 30d = 43.2 min" in shown
    row = next(line for line in shown.splitlines() if "page-quick" in line)
    assert row.split() == ["page-quick", "P0", "1h", "and", "5m", "14.4", "1.44", "%", "2", "%", "51.84", "s"]
    tier = json.loads(run("show", "default/disk-availability", "--json").stdout)["tiers"][0]
    assert (tier["factor"], tier["error_ratio"], tier["outage_s"]) == (14.4, 0.0144, 51.84)


def test_show_says_so_where_no_outage_is_bad_enough(tmp_path: Path) -> None:
    text = THRESHOLD.replace("target: 0.99\n", "target: 0.9\n").replace("0.95", "0.8").replace("7d", "28d")
    (tmp_path / "a.yaml").write_text(text)
    shown = run("show", "latency", "--file", str(tmp_path)).stdout
    assert "never: nothing is so bad" in next(line for line in shown.splitlines() if "page-quick" in line)
    assert "the p99 of latency_ms <= 250" in shown
    assert "SLA" in shown


@pytest.mark.parametrize(
    ("name", "tenant", "status", "said"),
    [
        ("checkot", [], 1, "there is no SLO 'checkot'. Did you mean checkout?"),
        ("zzz", [], 1, "there is no SLO 'zzz'. metrics-ai slo list has all"),
        (
            "node-health",
            [],
            2,
            "2 tenants have an SLO 'node-health'. Name one: acme/node-health, default/node-health",
        ),
        ("node-health", ["--tenant", "acme"], 0, ""),
        ("acme/node-health", [], 0, ""),
        ("checkout", ["--tenant", "acme"], 1, "there is no SLO 'checkout'"),
    ],
)
def test_an_slo_is_found_by_its_name_within_a_tenant(
    folder: Path, name: str, tenant: list[str], status: int, said: str
) -> None:
    result = run("show", name, *tenant, METRICS_AI__SLO__FOLDER=str(folder))
    assert result.exit_code == status
    assert said in result.stderr


def test_export_writes_what_validates(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.yaml"
    assert run("export", "checkout", "--file", str(folder), "--openslo", "--out", str(out)).exit_code == 0
    assert run("validate", str(out)).exit_code == 0
    rules = run("export", "checkout", "--file", str(folder), "--prometheus-rules").stdout
    assert "record: slo:sli_error:ratio_rate5m" in rules


def test_export_needs_one_form_a_place_to_write_and_words_for_it(tmp_path: Path) -> None:
    assert run("export", "node-health").exit_code == 2
    assert run("export", "node-health", "--openslo", "--prometheus-rules").exit_code == 2
    assert run("export", "node-health", "--openslo", "--out", str(tmp_path)).exit_code == 2
    refused = run("export", "node-health", "--prometheus-rules")
    assert (refused.exit_code, "no series holds node_health" in refused.stderr) == (2, True)


def test_config_check_names_a_folder_that_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "metrics-ai.yaml").write_text("slo:\n  folder: nowhere\n")
    result = CliRunner().invoke(app, ["config", "check", str(tmp_path / "metrics-ai.yaml")])
    assert result.exit_code == 1
    assert result.stderr == f"{tmp_path}/metrics-ai.yaml:2: slo.folder: nowhere is no folder that can be read\n"
