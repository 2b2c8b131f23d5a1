"""A real Prometheus pushes its alerts to our API, as it does to an Alertmanager."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from integrations.kafka.process import dying_with_parent, free_port
from tests.integration.gateways import await_until
from tests.integration.harness.console import InMemory

PROMETHEUS = shutil.which("prometheus")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROMETHEUS is None, reason="prometheus is not installed (Debian: prometheus)"),
]
CONFIG = """
global: {{evaluation_interval: 200ms, external_labels: {{cluster: c1}}}}
rule_files: ['{folder}/rules.yml']
alerting:
  alertmanagers:
  - api_version: v2
    static_configs: [{{targets: ['127.0.0.1:{port}']}}]
"""
RULES = """
groups:
- name: g
  rules:
  - alert: Always
    expr: vector({value}) > 0
    labels: {severity: page}
    annotations: {summary: 'it is {{ $value }}'}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _rule(tmp_path, 1)
    return tmp_path


def _rule(folder: Path, value: int) -> None:
    (folder / "rules.yml").write_text(RULES.replace("{value}", str(value)))


@pytest.fixture
def memory() -> Iterator[tuple[InMemory, int]]:
    api = InMemory()
    with api.serve() as server:
        yield api, server.port


@pytest.fixture
def prometheus(folder: Path, memory: tuple[InMemory, int]) -> Iterator[subprocess.Popen[bytes]]:
    (folder / "prometheus.yml").write_text(CONFIG.format(folder=folder, port=memory[1]))
    words = [
        str(PROMETHEUS),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        f"--web.listen-address=127.0.0.1:{free_port()}",
        # Until it has found us, it drops what it has to say.
        "--rules.alert.resend-delay=1s",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            words,
            stdout=log,
            stderr=log,
            preexec_fn=dying_with_parent(),  # noqa: PLW1509  # one foreign call, loaded before
        )
    yield process
    process.terminate()
    process.wait(20)


def test_its_alert_fires_here_and_ends_when_its_rule_no_longer_holds(
    prometheus: subprocess.Popen[bytes], memory: tuple[InMemory, int], folder: Path
) -> None:
    store = memory[0].store
    await_until(lambda: bool(store.alerts_of["default"]), "the alert")
    (alert,) = store.alerts_of["default"].values()
    assert alert.labels == {"alertname": "Always", "severity": "page", "cluster": "c1"}
    assert alert.annotations == {"summary": "it is 1"}
    assert (alert.state, "/graph?" in alert.generator_url) == ("firing", True)
    _rule(folder, -1)
    prometheus.send_signal(1)  # it reads its rules again
    await_until(lambda: store.alerts_of["default"][alert.id].state == "resolved", "its end")
