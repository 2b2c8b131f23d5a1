"""``make demo``, as a process: it ends by itself, says what it saw, and leaves nothing running."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

BUDGET = re.compile(r"cpu-headroom: kept ([\d.]+) %, budget left ([\d.]+) %, burn rate 5s [\d.]+  1m ([\d.]+)")


def _demo(**environment: str) -> subprocess.CompletedProcess[str]:
    before = set(psutil.Process().children(recursive=True))
    # The demo keeps its files in a folder of its own, so that its processes can be told from another demo's.
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "metrics_ai.demo"],
            capture_output=True,
            text=True,
            timeout=220,
            env=os.environ | {"TMPDIR": folder} | environment,
            check=False,
        )
        left = [one for one in psutil.process_iter(["cmdline"]) if folder in " ".join(one.info["cmdline"] or ())]
    assert not left
    assert not set(psutil.Process().children(recursive=True)) - before
    return done


@pytest.mark.slow
def test_without_a_fault_it_sees_nothing_and_says_so() -> None:
    done = _demo(DEMO_SECONDS="3", DEMO_FAULT="none")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "The stack is ready: broker 127.0.0.1:" in done.stdout
    assert "Nothing was provoked, and nothing was seen." in done.stdout
    assert "The objective cpu-headroom (" in done.stdout


def test_a_fault_that_is_none_is_a_usage_error() -> None:
    done = _demo(DEMO_FAULT="earthquake")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


@pytest.mark.chaos
def test_a_fault_is_noticed_within_ten_seconds_and_clears(tmp_path: Path) -> None:
    """On a machine that does nothing else; 90 s, so not in every run. The same fault burns the objective."""
    reports = {"DEMO_REPORT": str(tmp_path / "report.html"), "DEMO_INCIDENT": str(tmp_path / "incident.html")}
    done = _demo(DEMO_SECONDS="90", **reports)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "It cleared" in done.stdout
    left = [float(found[2]) for found in BUDGET.finditer(done.stdout)]
    assert left[0] > 99
    assert min(left) < 98
    assert re.search(r"ALERT page-quick P0 start, \+\d+\.\d s from the fault", done.stdout)
    assert re.search(r"spent by node:\S+; runbooks that fit: node-pressure, slo-budget-spent", done.stdout)
    assert re.search(r"incident \w+ open, P0: SLO cpu-headroom burns; .*CPU.* of node \S+ anomalous", done.stdout)
    _, _, verdict = done.stdout.partition("The incident began ")
    assert re.search(r"slo:cpu-headroom since \S+ \(symptom\): [\d.]+ x, P0", verdict)
    assert re.search(r"node_\w+ since \S+ \(cause\): observed", verdict)
    assert f"The report of the objective cpu-headroom: {tmp_path / 'report.html'}" in done.stdout
    assert re.search(r"TOLD: page is told \(open, P0\), since it is new: .+ \(\+\d+\.\d s from the", done.stdout)
    assert re.search(r"demo acknowledges incident \w+: nobody else is told while it lasts", done.stdout)
    _, _, told = done.stdout.partition("Who was told of it")
    assert "page is told (open, P0)" in told
    assert "second-line" not in told
    assert re.search(r"The report of the incident \(to detect .+, to acknowledge .+, to resolve .+\): ", told)
    assert "was told: it is new" in (tmp_path / "incident.html").read_text()
    page = (tmp_path / "report.html").read_text()
    assert "<svg" in page
    assert "page-quick" in page
