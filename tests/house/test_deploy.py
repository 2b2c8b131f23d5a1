"""What is shipped for deployments speaks of metrics that exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from integrations.prometheus import alert_families
from integrations.prometheus.slo_samples import FAMILIES, SLO_LABELS
from integrations.telemetry import Telemetry
from metrics_ai.reference import label_names

RULES = Path(__file__).resolve().parents[2] / "deploy" / "prometheus" / "rules.yml"


def rules() -> list[dict[str, str]]:
    loaded = yaml.safe_load(RULES.read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def test_alerts_ask_only_for_metrics_and_labels_that_workers_serve() -> None:
    served = {**label_names(Telemetry("test")), **{one.name: (*SLO_LABELS, *one.labels) for one in FAMILIES}}
    served |= {one.name: one.labels for one in alert_families.FAMILIES}
    served[alert_families.PAGES] = alert_families.PAGES_LABELS
    assert rules()
    for rule in rules():
        (name,) = set(re.findall(r"metrics_ai_\w+", rule["expr"]))
        labels = served[name.removesuffix("_total")]
        grouped = re.findall(r"by \(([\w, ]+)\)", rule["expr"])[0].split(", ")
        assert set(grouped) <= set(labels), rule["alert"]


def test_promtool_accepts_the_alerts() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian package prometheus) is not here")
    done = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_alerts_open_and_close_when_they_should() -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool (Debian package prometheus) is not here")
    command = [promtool, "test", "rules", RULES.with_name("rules_test.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
