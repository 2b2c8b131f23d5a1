"""The shipped rules on what a host is short of: quiet on ordinary days, and loud in every form that it is told in."""

from __future__ import annotations

import numpy as np
import pytest

from models.shipped_rules import SHIPPED_RULES
from schemas.events import Anomaly
from schemas.series import Series
from tests.unit.models.streams import Bench

STEP_S = 30
# Metric, labels, how it is told; how much is ordinary, and a backup's or a build's worth of it; too much; the rule.
FORMS = [
    ("node_memory_used_ratio", {}, "gauge", (0.8, 0.96, 0.98), "memory_almost_full"),
    ("mem_used_percent", {}, "gauge", (80, 96, 98), "memory_almost_full_percent"),
    ("node_cpu_iowait_ratio", {}, "gauge", (0.05, 0.4, 0.7), "host_pressure_io"),
    ("cpu_usage_iowait", {"cpu": "cpu-total"}, "gauge", (5, 40, 70), "host_pressure_io_percent"),
    ("node_cpu_seconds_total", {"mode": "iowait", "cpu": "1"}, "counter", (0.1, 0.8, 0.97), "host_pressure_io_core"),
    ("node_pressure_io_stalled_seconds_total", {}, "counter", (0.05, 0.8, 0.97), "host_stalls_io"),
    ("pressure_avg300", {"resource": "io", "type": "full"}, "gauge", (5, 80, 97), "host_stalls_io_percent"),
    ("node_pressure_cpu_waiting_seconds_total", {}, "counter", (0.3, 0.8, 0.97), "host_pressure_cpu"),
    ("pressure_avg300", {"resource": "cpu", "type": "some"}, "gauge", (30, 80, 97), "host_pressure_cpu_percent"),
    ("node_load15_per_core", {}, "gauge", (0.7, 1.8, 3), "host_overloaded"),
    ("node_pressure_memory_stalled_seconds_total", {}, "counter", (0.001, 0.05, 0.3), "host_pressure_memory"),
    ("pressure_avg60", {"resource": "memory", "type": "full"}, "gauge", (0.1, 5, 30), "host_pressure_memory_percent"),
    ("node_vmstat_pgmajfault", {}, "counter", (5, 300, 2000), "host_reads_memory_back"),
    ("kernel_vmstat_pgmajfault", {}, "counter", (5, 300, 2000), "host_reads_memory_back"),
]
NAMES = [rule.name for rule in SHIPPED_RULES]


def told(metric: str, labels: dict[str, str], kind: str, levels: np.ndarray) -> list[Anomaly]:
    """What the shipped rules say of a host on which that is so."""
    series = Series("t", metric, {"node": "h1", **labels}, {"node": "h1"}, kind)
    values = np.cumsum(levels * STEP_S) if kind == "counter" else levels
    found = Bench(drift={"enabled": False}).feed_values(series, values.tolist(), step_ms=1000 * STEP_S)
    return [one for one in found if one.detector in NAMES]


@pytest.mark.parametrize(("metric", "labels", "kind", "levels", "rule"), FORMS)
def test_a_busy_day_is_quiet_and_a_shortage_that_lasts_is_told_once(
    metric: str, labels: dict[str, str], kind: str, levels: tuple[float, float, float], rule: str
) -> None:
    usual, busy, bad = levels
    hours = 3600 // STEP_S
    day = np.full(12 * hours, float(usual))
    day[2 * hours : 8 * hours] = busy
    assert told(metric, labels, kind, day) == []
    day[9 * hours : 11 * hours] = bad
    starts = [one for one in told(metric, labels, kind, day) if one.state == "start"]
    assert [(one.detector, one.priority, one.severity) for one in starts] == [(rule, "P2", "warning")]


@pytest.mark.parametrize(
    ("metric", "labels"),
    [
        ("cpu_usage_iowait", {"cpu": "cpu3"}),
        ("node_cpu_seconds_total", {"mode": "idle", "cpu": "1"}),
        ("pressure_avg300", {"resource": "io", "type": "some"}),
    ],
)
def test_what_is_ordinary_at_any_height_has_no_rule(metric: str, labels: dict[str, str]) -> None:
    assert told(metric, labels, "gauge", np.full(600, 99.0)) == []


def test_every_pressure_rule_is_tried() -> None:
    assert {row[-1] for row in FORMS} == {name for name in NAMES if name.startswith(("host_", "memory_"))}
