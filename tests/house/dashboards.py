"""The dashboards that ship, as queries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from integrations.prometheus.slo_samples import FAMILIES, SLO_LABELS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "slo.json"
VARIABLES = {"tenant": ".*", "service": ".*", "slo": ".*"}


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(DASHBOARD.read_text())
    return loaded


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str, str]]:
    """Panel, expression and legend of each query, variables of Grafana's still in it."""
    for panel in panels():
        for target in panel["targets"]:
            yield panel["title"], target["expr"], target["legendFormat"]


def filled(expr: str) -> str:
    """An expression with All chosen."""
    for name, value in VARIABLES.items():
        expr = expr.replace(f"${name}", value)
    return expr


def selected(expr: str) -> list[tuple[str, set[str]]]:
    """Metrics of an expression, and the labels that it asks them for."""
    found = []
    for name, inside in re.findall(r"([a-zA-Z_][\w:]*)?\{([^}]*)\}", expr):
        matchers = dict(re.findall(r'([\w]+)\s*=~?\s*"([^"]*)"', inside))
        metric = name or matchers.pop("__name__").removesuffix(".+")
        found.append((metric, set(matchers)))
    return found


def grouped(expr: str) -> set[str]:
    """Labels that an expression groups by."""
    return {label for labels in re.findall(r"by \(([\w, ]+)\)", expr) for label in labels.split(", ")}


def labels_of(metric: str) -> set[str] | None:
    """Labels of a metric that we serve; None if we do not."""
    for family in FAMILIES:
        if metric == family.name.partition("<")[0]:
            return {*SLO_LABELS, *family.labels}
    return None
