"""The dashboards that ship, as queries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.prometheus import alert_families
from integrations.prometheus.slo_samples import FAMILIES, SLO_LABELS

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@dataclass(frozen=True)
class Dashboard:
    """One of them.

    Parameters
    ----------
    file
        In ``deploy/grafana``.
    variables
        Names, and what stands for All.
    served
        Labels of the metrics that it may ask for.
    """

    file: str
    variables: Mapping[str, str]
    served: Mapping[str, frozenset[str]]

    def loaded(self) -> dict[str, Any]:
        """As Grafana reads it."""
        read: dict[str, Any] = json.loads((DEPLOY / "grafana" / self.file).read_text())
        return read

    def panels(self) -> list[dict[str, Any]]:
        """Those that show something."""
        return [panel for panel in self.loaded()["panels"] if panel["type"] != "row"]

    def queries(self) -> Iterator[tuple[str, str, str]]:
        """Panel, expression and legend of each query, variables of Grafana's still in it."""
        for panel in self.panels():
            for target in panel["targets"]:
                yield panel["title"], target["expr"], target["legendFormat"]

    def filled(self, expr: str, span: str = "1h") -> str:
        """An expression with All chosen, over a time."""
        for name, value in {**self.variables, "__range": span}.items():
            expr = expr.replace(f"${name}", value)
        return expr

    def labels_of(self, metric: str) -> frozenset[str] | None:
        """Labels of a metric that we serve; None if we do not."""
        return self.served.get(metric)


def _alert_labels() -> dict[str, frozenset[str]]:
    found = {alert_families.PAGES: frozenset(alert_families.PAGES_LABELS)}
    for one in alert_families.FAMILIES:
        labels = frozenset(one.labels)
        if one.type == "counter":
            found[f"{one.name}_total"] = labels
        else:
            found |= {f"{one.name}_sum": labels, f"{one.name}_count": labels, f"{one.name}_bucket": labels | {"le"}}
    return found


SLO = Dashboard(
    "slo.json",
    {"tenant": ".*", "service": ".*", "slo": ".*"},
    {family.name.partition("<")[0]: frozenset({*SLO_LABELS, *family.labels}) for family in FAMILIES},
)
ALERTS = Dashboard("alerts.json", {"tenant": ".*", "team": ".*"}, _alert_labels())
DASHBOARDS = (SLO, ALERTS)


def selected(expr: str) -> list[tuple[str, set[str]]]:
    """Metrics of an expression, and the labels that it asks them for."""
    found = []
    for name, inside in re.findall(r"([a-zA-Z_][\w:]*)?\{([^}]*)\}", expr):
        matchers = dict(re.findall(r'([\w]+)\s*(?:=~?|!=)\s*"([^"]*)"', inside))
        metric = name or matchers.pop("__name__").removesuffix(".+")
        found.append((metric, set(matchers)))
    return found


def grouped(expr: str) -> set[str]:
    """Labels that an expression groups by."""
    return {label for labels in re.findall(r"by \(([\w, ]+)\)", expr) for label in labels.split(", ")}
