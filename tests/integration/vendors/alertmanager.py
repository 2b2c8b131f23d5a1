"""A real Alertmanager (Debian package prometheus-alertmanager), as a child process."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from integrations.kafka.process import dying_with_parent, free_port

LIMIT_S = 30.0


class RealAlertmanager:
    """Alertmanager on a folder.

    Parameters
    ----------
    folder
        Where it keeps its data and its log.
    config
        Its configuration.
    """

    def __init__(self, folder: Path, config: str) -> None:
        found = shutil.which("prometheus-alertmanager")
        if found is None:
            pytest.skip("prometheus-alertmanager (Debian package of that name) is not here")
        self._binary, self._folder = found, folder
        self.config = folder / "alertmanager.yml"
        self.config.write_text(config)
        self.url = f"http://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def post(self, *alerts: dict[str, Any]) -> None:
        """Raise, repeat or end alerts."""
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/api/v2/alerts", json.dumps(alerts).encode(), headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def __enter__(self) -> Self:
        command = [
            self._binary,
            f"--config.file={self.config}",
            f"--storage.path={self._folder / 'data'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
            "--cluster.listen-address=",
        ]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509
            )
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.url}/-/ready", timeout=5).close()
            except OSError:
                time.sleep(0.05)
            else:
                return self
        raise AssertionError(f"it does not answer: {(self._folder / 'log').read_text()[-2000:]}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(LIMIT_S)
