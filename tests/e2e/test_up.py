"""``metrics-ai up`` from the outside: what it serves, what it survives, how it ends."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import Producer

pytestmark = pytest.mark.slow
LIMIT_S = 40.0


def _until(found: Callable[[], Any], limit_s: float = LIMIT_S) -> Any:
    deadline = time.monotonic() + limit_s
    while not (value := found()):
        if time.monotonic() > deadline:
            pytest.fail(f"not within {limit_s:g} s")
        time.sleep(0.2)
    return value


def _cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "metrics_ai", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def _produce(broker: str, start_ms: int, values: list[float]) -> None:
    """A CPU that reports each second, as a collector would."""
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 5})
    for second, value in enumerate(values):
        at_ms = start_ms + 1000 * second
        sample = {
            "metric": "node_cpu_ratio",
            "value": value,
            "timestamp": at_ms,
            "labels": {"node": "n1", "cluster": "c1"},
            "unit": "1",
        }
        producer.produce("metrics", json.dumps(sample), "n1", timestamp=at_ms)
    assert producer.flush(20) == 0


def _incidents(broker: str) -> list[dict[str, Any]]:
    done = _cli("incidents", "--json", "--broker", broker)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_metrics_produced_to_the_broker_become_an_incident_that_clears(stack: Any) -> None:
    start_ms = time.time_ns() // 1_000_000 - 420_000
    calm = [0.2 + 0.01 * (second % 5) for second in range(300)]
    deployed = {"v": 1, "id": "17", "tenant": "default", "kind": "deploy", "what": "abc", "labels": {"node": "n1"}}
    producer = Producer({"bootstrap.servers": stack.broker})
    producer.produce("changes", json.dumps({**deployed, "at_ms": start_ms + 120_000}), key="default/")
    assert producer.flush(10) == 0
    _produce(stack.broker, start_ms, [*calm, *[0.98] * 30])
    (incident,) = _until(lambda: [one for one in _incidents(stack.broker) if one["state"] == "open"])
    spike_ms = start_ms + 300_000
    assert spike_ms <= incident["started_ms"] <= spike_ms + 10_000
    (member,) = incident["members"]
    assert (member["signal"], member["entity"]) == ("node_cpu_ratio", "node:c1/n1")
    assert member["observed"] > member["expected"]["high"]
    assert stack.status()["incidents"][0]["id"] == incident["id"]
    _produce(stack.broker, start_ms + 330_000, calm[:60])
    resolved = _until(lambda: [one for one in _incidents(stack.broker) if one["state"] == "resolved"])
    assert [one["id"] for one in resolved] == [incident["id"]]
    (alert,) = [json.loads(line) for line in _cli("alerts", "--json", "--broker", stack.broker).stdout.splitlines()]
    assert (alert["state"], alert["incident_id"]) == ("resolved", incident["id"])
    assert alert["annotations"]["summary"].endswith("; began 3 minutes after deploy abc")


def test_it_serves_health_readiness_metrics_and_a_page(stack: Any) -> None:
    assert stack.get("/readyz")[0] == 200
    status, health = stack.get("/healthz")
    assert status == 200
    assert json.loads(health)["broker"]["memory_bytes"] > 0
    status, page = stack.get("/")
    assert status == 200
    assert b"<h1>Metrics AI</h1>" in page
    assert stack.get("/nothing")[0] == 404


def test_its_port_serves_the_api_which_reads_what_the_stages_said(stack: Any) -> None:
    status = json.loads(_until(lambda: (found := stack.get("/api/v1/status"))[0] == 200 and found[1]))
    assert (status["needs_token"], status["store_answers"]) == (False, True)
    assert stack.get("/-/ready") == (200, b"OK\n")
    told = _incidents(stack.broker)
    served = _until(lambda: ((page := json.loads(stack.get("/api/v1/incidents")[1])["items"]) and page) or not told)
    assert {one["id"] for one in told} == {one["id"] for one in served or []}
    assert b"receiver" in stack.get("/api/v2/status")[1]


def test_its_metrics_carry_the_role_and_pass_promtool(stack: Any) -> None:
    text = stack.get("/metrics")[1]
    for role in ("ingest", "detect", "burn", "decide", "project", "console"):
        assert f'metrics_ai_role_up{{role="{role}"}} 1.0'.encode() in text
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    # Names of recording rules, which dashboards look for: promtool wants none of them from a program.
    ours = b"".join(line + b"\n" for line in text.splitlines() if b"slo:" not in line.split(b"{")[0])
    checked = subprocess.run([promtool, "check", "metrics"], input=ours, capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_topics_check_and_doctor_find_nothing_wrong_with_it(stack: Any) -> None:
    checked = _cli("topics", "check", "--broker", stack.broker)
    assert checked.returncode == 0, checked.stdout
    seen = _cli("doctor", "--broker", stack.broker, "--json")
    levels = {check["name"]: check["level"] for check in map(json.loads, seen.stdout.splitlines())}
    assert "FAIL" not in levels.values(), seen.stdout
    assert levels["topics"] == levels[f"broker {stack.broker}"] == "OK"


def test_a_second_stack_on_the_same_port_or_directory_is_refused(stack: Any, tmp_path: Path) -> None:
    port = stack.http.rpartition(":")[2]
    taken = _cli("up", "--port", port, "--broker-port", "0", "--data-dir", str(tmp_path))
    assert (taken.returncode, taken.stdout) == (2, "")
    assert f"port {port}" in taken.stderr
    assert "taken" in taken.stderr
    broker_port = stack.broker.rpartition(":")[2]
    taken = _cli("up", "--port", "0", "--broker-port", broker_port, "--data-dir", str(tmp_path))
    assert taken.returncode == 2
    assert f"port {broker_port}" in taken.stderr
    locked = _cli("up", "--port", "0", "--broker-port", "0", "--data-dir", str(stack.folder / "data"))
    assert locked.returncode == 2
    assert "in use by another" in locked.stderr
    both = _cli("up", "--port", port, "--broker-port", "0", "--data-dir", str(stack.folder / "data"))
    assert "in use by another" in both.stderr
    assert f"port {port} of 127.0.0.1 is taken" in both.stderr


def test_a_killed_role_is_started_again_and_said(stack: Any) -> None:
    (detect,) = [role for role in stack.status()["roles"] if role["role"] == "detect"]
    psutil.Process(detect["pid"]).kill()
    _until(lambda: stack.get("/readyz")[0] == 503)
    _until(lambda: stack.get("/readyz")[0] == 200, 90)
    (again,) = [role for role in stack.status()["roles"] if role["role"] == "detect"]
    assert again["restarts"] == 1
    assert again["pid"] != detect["pid"]
    assert "detect: ended, killed by SIGKILL" in stack.output()
    _until(lambda: "detect: consumes again, after" in stack.output())


def test_a_killed_stack_leaves_nothing_running(tmp_path: Path, start_stack: Any) -> None:
    running = start_stack(tmp_path)
    everything = running.everything()
    # Itself, the broker, four roles and the collector.
    assert len(everything) >= 7
    running.process.kill()
    running.process.wait(60)
    assert not psutil.wait_procs(everything, timeout=10)[1]
    host, port = running.broker.split(":")
    with socket.socket() as probe:
        assert probe.connect_ex((host, int(port))) != 0


def _consumes_again_after_its_broker_died(running: Any) -> None:
    """On the port that everybody knows, with an empty memory, intake included."""
    (broker,) = [one for one in psutil.Process(running.process.pid).children() if one.name().startswith("tansu")]
    broker.kill()
    _until(lambda: "broker: ended and what it held is lost" in running.output())
    _until(lambda: running.get("/readyz")[0] == 200, 90)
    _until(lambda: "broker: back, and every role consumes, after" in running.output())
    assert {role["state"] for role in running.status()["roles"]} == {"running"}
    assert running.status()["broker"]["address"] == running.broker
    assert running.get("/healthz")[0] == 200
    # The collector's, through ingest and the new broker, to a detect that knew none.
    _until(lambda: b'metrics_ai_series{role="detect",stage="detect"} 0.0' not in running.get("/metrics")[1])


def test_a_full_embedded_broker_stops_the_intake_says_so_and_still_ends_cleanly(
    tmp_path: Path, start_stack: Any
) -> None:
    ceiling = 64 * 1024 * 1024
    running = start_stack(tmp_path, environment={"METRICS_AI__EMBEDDED__MEMORY_CEILING_BYTES": str(ceiling)})
    producer = Producer({"bootstrap.servers": running.broker})
    for _ in range(160):
        producer.produce("metrics.rejected", os.urandom(500_000))
        producer.poll(0)
    assert producer.flush(30) == 0
    states = _until(lambda: {role["role"]: role["state"] for role in running.status()["roles"]}
                    if running.status()["broker"]["level"] == "full" else None)  # fmt: skip
    running_on = dict.fromkeys(("detect", "burn", "decide", "project", "console"), "running")
    assert states == {"ingest": "held", "collector": "held", **running_on}
    assert running.get("/healthz")[0] == 503
    assert "ingest and the collector are stopped; restart `up`" in running.output()
    _consumes_again_after_its_broker_died(running)
    everything = running.everything()
    running.process.terminate()
    assert running.process.wait(60) == 0
    assert not psutil.wait_procs(everything, timeout=10)[1]
    assert not (tmp_path / "ready.json").exists()
