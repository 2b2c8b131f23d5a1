"""The dashboard that ships asks for what is served, in words that Prometheus understands."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.house.dashboards import DEPLOY, VARIABLES, dashboard, filled, grouped, labels_of, panels, queries, selected


def test_every_query_asks_for_metrics_and_labels_that_are_served() -> None:
    assert len(list(queries())) > 20
    for title, expr, legend in queries():
        asked = selected(expr)
        assert asked, title
        for metric, labels in asked:
            served = labels_of(metric)
            assert served is not None, f"{title}: {metric}"
            assert labels | grouped(expr) | set(re.findall(r"\{\{(\w+)\}\}", legend)) <= served, f"{title}: {expr}"


def test_every_legend_and_column_names_a_label_that_the_query_keeps() -> None:
    for title, expr, legend in queries():
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= grouped(expr), title


def test_every_query_obeys_the_variables() -> None:
    for title, expr, _ in queries():
        for _, labels in selected(expr):
            assert set(VARIABLES) <= labels, title


def test_variables_are_filled_from_metrics_that_are_served() -> None:
    listed = {one["name"]: one for one in dashboard()["templating"]["list"]}
    assert set(listed) == {"datasource", *VARIABLES}
    for name in VARIABLES:
        metric, label = re.fullmatch(r"label_values\((\w+)(?:\{.*\})?, (\w+)\)", listed[name]["definition"]).groups()  # type: ignore[union-attr]
        assert label == name
        assert label in (labels_of(metric) or ())


def test_every_panel_says_what_it_shows_and_lies_beside_the_others() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in panels():
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
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(ids) == len(set(ids))


def test_a_row_stands_for_each_objective() -> None:
    assert [panel.get("repeat") for panel in dashboard()["panels"] if panel["type"] == "row"] == [None, "slo"]


def test_what_grafana_is_provisioned_with_can_be_read() -> None:
    for file in (DEPLOY / "grafana" / "provisioning").rglob("*.yml"):
        assert yaml.safe_load(file.read_text())["apiVersion"] == 1


def test_promtool_understands_every_query(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian package prometheus) is not here")
    rules = [{"record": f"query:{at}", "expr": filled(expr)} for at, (_, expr, _) in enumerate(queries())]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    command = [promtool, "check", "rules", "--lint=none", str(tmp_path / "rules.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
