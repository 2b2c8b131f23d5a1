"""Prometheus, over the rules that we export, fires when the engine does: same counters, same moments."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml

from slo.definition import RatioIndicator, RollingWindow, Slo, Source
from slo.evaluate import evaluate
from slo.export import to_prometheus_rules
from slo.recorded import Series
from tests.unit.slo.feeding import START_MS

PROMTOOL = shutil.which("promtool")
MINUTES = 400
BURN = 'count by (tier) (ALERTS{alertname="SloBurn",alertstate="firing"})'
RATIO = RatioIndicator(
    bad=Source(metric="http_requests_total", selector='{code="500"}'), total=Source(metric="http_requests_total")
)


def growth(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Good and bad events a minute, with outages of all sizes; every minute sees some traffic."""
    rng = np.random.default_rng(seed)
    total = rng.integers(200, 2000, MINUTES)
    share = np.full(MINUTES, 0.0002)
    for _ in range(5):
        at, length = int(rng.integers(30, MINUTES)), int(rng.integers(1, 40))
        share[at : at + length] = rng.choice([0.002, 0.01, 0.02, 0.1, 1.0])
    bad = rng.binomial(total, share)
    return total - bad, bad


def firing_by_minute(slo: Slo, good: np.ndarray, bad: np.ndarray) -> list[set[str]]:
    times = START_MS + np.arange(MINUTES + 1) * 60_000
    counters = [np.concatenate([[0.0], np.cumsum(one)]) for one in (good, bad)]
    found = evaluate(slo, {"bad": [Series(times, counters[1])], "total": [Series(times, one) for one in counters]})
    states: list[set[str]] = []
    turns = [one for one in found.alerts if one.kind == "burn"]
    for minute in range(1, MINUTES + 1):
        now = {one.alert: one.state for one in turns if one.at_ms <= START_MS + minute * 60_000}
        states.append({name for name, state in now.items() if state != "end"})
    return states


def prometheus_says(slo: Slo, good: np.ndarray, bad: np.ndarray, expected: list[set[str]], folder: Path) -> None:
    (folder / "rules.yaml").write_text(to_prometheus_rules(slo))
    series = [
        {"series": f'http_requests_total{{code="{code}"}}', "values": " ".join(map(str, [0, *np.cumsum(one).tolist()]))}
        for code, one in (("200", good), ("500", bad))
    ]
    checks = [
        {
            "expr": BURN,
            "eval_time": f"{minute}m",
            "exp_samples": [{"labels": f'{{tier="{name}"}}', "value": 1} for name in sorted(names)],
        }
        for minute, names in enumerate(expected, 1)
    ]
    tests = [{"interval": "1m", "input_series": series, "promql_expr_test": checks}]
    suite = folder / "suite.yaml"
    suite.write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": tests}))
    assert PROMTOOL is not None
    done = subprocess.run([PROMTOOL, "test", "rules", str(suite)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[:4000]


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed")
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("days", [7, 30])
def test_prometheus_fires_in_the_minutes_in_which_the_engine_does(
    seed: int, days: int, slo: Callable[..., Slo], tmp_path: Path
) -> None:
    one = slo(indicator=RATIO, window=RollingWindow(duration_s=days * 86_400))
    good, bad = growth(seed)
    states = firing_by_minute(one, good, bad)
    assert len({name for names in states for name in names}) >= 2
    assert set() in states
    prometheus_says(one, good, bad, states, tmp_path)
