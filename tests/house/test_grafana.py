"""The dashboard that ships asks for what is served, in words that Prometheus understands."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.house.dashboards import ALERTS, DASHBOARDS, DEPLOY, SLO, Dashboard, grouped, selected

every_dashboard = pytest.mark.parametrize("board", DASHBOARDS, ids=[one.file for one in DASHBOARDS])


@every_dashboard
def test_every_query_asks_for_metrics_and_labels_that_are_served(board: Dashboard) -> None:
    assert len(list(board.queries())) > 20
    for title, expr, legend in board.queries():
        asked = selected(expr)
        assert asked, title
        for metric, labels in asked:
            served = board.labels_of(metric)
            assert served is not None, f"{title}: {metric}"
            assert labels | grouped(expr) | set(re.findall(r"\{\{(\w+)\}\}", legend)) <= served, f"{title}: {expr}"


@every_dashboard
def test_every_legend_and_column_names_a_label_that_the_query_keeps(board: Dashboard) -> None:
    for title, expr, legend in board.queries():
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= grouped(expr), title


@every_dashboard
def test_every_query_obeys_the_variables(board: Dashboard) -> None:
    for title, expr, _ in board.queries():
        for metric, labels in selected(expr):
            assert set(board.variables) & (board.labels_of(metric) or set()) <= labels, title


@every_dashboard
def test_variables_are_filled_from_metrics_that_are_served(board: Dashboard) -> None:
    listed = {one["name"]: one for one in board.loaded()["templating"]["list"]}
    assert set(listed) == {"datasource", *board.variables}
    for name in board.variables:
        metric, label = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", listed[name]["definition"]).groups()  # type: ignore[union-attr]
        assert label == name
        assert label in (board.labels_of(metric) or ())


@every_dashboard
def test_every_panel_says_what_it_shows_and_lies_beside_the_others(board: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board.panels():
        assert panel["description"], panel["title"]
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    ids = [panel["id"] for panel in board.loaded()["panels"]]
    assert len(ids) == len(set(ids))


def test_dashboards_are_told_apart_by_name_and_id() -> None:
    assert {"slo.json", "alerts.json"} == {file.name for file in (DEPLOY / "grafana").glob("*.json")}
    for key in ("uid", "title"):
        assert SLO.loaded()[key] != ALERTS.loaded()[key]


def test_a_row_stands_for_each_objective() -> None:
    assert [panel.get("repeat") for panel in SLO.loaded()["panels"] if panel["type"] == "row"] == [None, "slo"]


def test_what_grafana_is_provisioned_with_can_be_read() -> None:
    for file in (DEPLOY / "grafana" / "provisioning").rglob("*.yml"):
        assert yaml.safe_load(file.read_text())["apiVersion"] == 1


@every_dashboard
def test_promtool_understands_every_query(tmp_path: Path, board: Dashboard) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian package prometheus) is not here")
    rules = [{"record": f"query:{at}", "expr": board.filled(expr)} for at, (_, expr, _) in enumerate(board.queries())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    command = [promtool, "check", "rules", "--lint=none", str(tmp_path / "rules.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
