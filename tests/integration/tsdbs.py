"""Real time-series databases that take remote write, as child processes."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pytest

from integrations.kafka.process import dying_with_parent, free_port

LIMIT_S = 30.0


class Tsdb:
    """Prometheus or VictoriaMetrics on a folder, which it keeps from one start to the next.

    Parameters
    ----------
    kind
        ``prometheus`` or ``victoria-metrics``: Debian packages of that name.
    folder
        Where it keeps its data.
    config
        Of Prometheus: what it scrapes and its rules.
    web_config
        Of Prometheus: who may ask, and its certificate.
    context
        With whom to speak TLS.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        config: str = "",
        web_config: str = "",
        context: ssl.SSLContext | None = None,
    ) -> None:
        found = shutil.which(kind)
        if found is None:
            pytest.skip(f"{kind} (Debian package {kind}) is not here")
        self.kind, self.binary, self.folder = kind, found, folder
        self.port = free_port()
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._context = context
        self.write_url = f"{self.url}/api/v1/write"
        self.headers: dict[str, str] = {}
        (folder / "prometheus.yml").write_text(config)
        self._web_config = web_config
        if web_config:
            (folder / "web.yml").write_text(web_config)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with_parent(),  # noqa: PLW1509
            )
        deadline = time.monotonic() + LIMIT_S
        ready = "/-/ready" if self.kind == "prometheus" else "/health"
        while time.monotonic() < deadline:
            try:
                self._get(ready)
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"{self.kind} does not answer: {(self.folder / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        """End it, in order."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(LIMIT_S)

    def _command(self) -> list[str]:
        data = self.folder / "data"
        if self.kind == "victoria-metrics":
            listen = f"-httpListenAddr=127.0.0.1:{self.port}"
            return [self.binary, f"-storageDataPath={data}", listen, "-retentionPeriod=2y", "-search.latencyOffset=0s"]
        return [
            self.binary,
            f"--config.file={self.folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-remote-write-receiver",
            *((f"--web.config.file={self.folder / 'web.yml'}",) if self._web_config else ()),
        ]

    def _get(self, path: str) -> bytes:
        request = urllib.request.Request(self.url + path, headers=self.headers)
        with urllib.request.urlopen(request, timeout=10, context=self._context) as answer:
            body: bytes = answer.read()
            return body

    def query(self, expr: str, at_s: float) -> list[tuple[dict[str, str], float]]:
        """Labels and values of what an expression comes to at a time."""
        return [(one["metric"], float(one["value"][1])) for one in self._result(expr, at_s)]

    def samples(self, selector: str, at_s: float, over: str = "1d") -> dict[float, float]:
        """Time and value of each sample of one series."""
        (series,) = self._result(f"{selector}[{over}]", at_s)
        return {float(at): float(value) for at, value in series["values"]}

    def _result(self, expr: str, at_s: float) -> list[dict[str, Any]]:
        if self.kind == "victoria-metrics":
            # What came within the last second is not searched otherwise.
            self._get("/internal/force_flush")
        parameters = urllib.parse.urlencode({"query": expr, "time": f"{at_s:.3f}", "nocache": "1"})
        found: list[dict[str, Any]] = json.loads(self._get(f"/api/v1/query?{parameters}"))["data"]["result"]
        return found

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
