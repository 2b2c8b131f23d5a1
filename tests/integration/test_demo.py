"""``make demo``, as a process: it ends by itself, says what it saw, and leaves nothing running."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

import psutil
import pytest


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


def test_a_fault_that_is_none_is_a_usage_error() -> None:
    done = _demo(DEMO_FAULT="earthquake")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1


@pytest.mark.chaos
def test_a_fault_is_noticed_within_ten_seconds_and_clears() -> None:
    """On a machine that does nothing else; 90 s, so not in every run."""
    done = _demo(DEMO_SECONDS="90")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "It cleared" in done.stdout
