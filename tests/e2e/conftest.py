"""The whole stack as a user starts it: ``metrics-ai up`` in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

READY_LIMIT_S = 120.0


@dataclass
class RunningStack:
    """A stack that runs."""

    process: subprocess.Popen[bytes]
    folder: Path
    broker: str
    http: str

    def get(self, path: str) -> tuple[int, bytes]:
        """One of its pages."""
        try:
            with urllib.request.urlopen(self.http + path, timeout=10) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def status(self) -> dict[str, Any]:
        """What it says of itself."""
        found: dict[str, Any] = json.loads(self.get("/status")[1])
        return found

    def output(self) -> str:
        """What it said so far."""
        return (self.folder / "up.out").read_text()

    def everything(self) -> list[psutil.Process]:
        """Its process and all below it."""
        return [psutil.Process(self.process.pid), *psutil.Process(self.process.pid).children(recursive=True)]


def _start_stack(folder: Path, *options: str, environment: Mapping[str, str] | None = None) -> RunningStack:
    """Start it and wait until everything consumes."""
    ready = folder / "ready.json"
    command = [sys.executable, "-m", "metrics_ai", "up", "--broker-port", "0", "--port", "0"]
    files = ["--data-dir", str(folder / "data"), "--ready-file", str(ready)]
    variables = os.environ | {"METRICS_AI__TICKS__DECIDE_INTERVAL_S": "1"} | dict(environment or {})
    with (folder / "up.out").open("wb") as out:
        process = subprocess.Popen([*command, *files, *options], stdout=out, stderr=subprocess.STDOUT, env=variables)
    deadline = time.monotonic() + READY_LIMIT_S
    while not ready.exists():
        assert process.poll() is None, (folder / "up.out").read_text()
        if time.monotonic() > deadline:
            process.terminate()
            pytest.fail(f"not ready: {(folder / 'up.out').read_text()}")
        time.sleep(0.1)
    found = json.loads(ready.read_text())
    assert found["pid"] == process.pid
    return RunningStack(process, folder, found["broker"], found["http"])


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack of the module's own, without a collector; Ctrl-C ends it and leaves nothing."""
    running = _start_stack(tmp_path_factory.mktemp("stack"), "--no-collector")
    yield running
    everything = running.everything()
    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(60) == 0
    assert not psutil.wait_procs(everything, timeout=10)[1]


@pytest.fixture
def start_stack() -> Callable[..., RunningStack]:
    """Starts a stack; whoever starts it ends it."""
    return _start_stack
