"""``metrics-ai up --kafka-home``: a real Apache Kafka under the data directory, durable over restarts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import Producer

from integrations.kafka.apache import resolve_jars

pytestmark = pytest.mark.kafka


def _up(folder: Path, home: Path) -> tuple[subprocess.Popen[bytes], dict[str, Any]]:
    ready = folder / "ready.json"
    options = ["--kafka-home", str(home), "--broker-port", "0", "--port", "0", "--no-collector"]
    files = ["--data-dir", str(folder / "data"), "--ready-file", str(ready)]
    environment = os.environ | {"METRICS_AI__KAFKA__PARTITIONS": "2"}
    with (folder / "up.out").open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "metrics_ai", "up", *options, *files], stdout=out, stderr=out, env=environment
        )
    deadline = time.monotonic() + 120
    while not ready.exists():
        assert process.poll() is None, (folder / "up.out").read_text()
        assert time.monotonic() < deadline, (folder / "up.out").read_text()
        time.sleep(0.1)
    return process, json.loads(ready.read_text())


def _down(process: subprocess.Popen[bytes]) -> None:
    everything = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    assert process.wait(90) == 0
    assert not psutil.wait_procs(everything, timeout=10)[1]


def _incidents(broker: str) -> list[dict[str, Any]]:
    command = [sys.executable, "-m", "metrics_ai", "incidents", "--json", "--broker", broker]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_an_incident_is_still_there_after_the_whole_stack_was_ended_and_started(tmp_path: Path) -> None:
    home = tmp_path / "kafka"
    home.mkdir()
    (home / "libs").symlink_to(resolve_jars())
    process, addresses = _up(tmp_path, home)
    try:
        producer = Producer({"bootstrap.servers": addresses["broker"]})
        start_ms = time.time_ns() // 1_000_000 - 400_000
        for second in range(330):
            value = 0.95 if second >= 300 else 0.2 + second % 5 * 0.01
            at_ms = start_ms + 1000 * second
            sample = {"metric": "node_cpu_ratio", "value": value, "timestamp": at_ms, "labels": {"node": "n1"}}
            producer.produce("metrics", json.dumps(sample), "n1")
        assert producer.flush(20) == 0
        deadline = time.monotonic() + 60
        while not (before := _incidents(addresses["broker"])):
            assert time.monotonic() < deadline
    finally:
        _down(process)
    process, addresses = _up(tmp_path, home)
    try:
        (after,) = _incidents(addresses["broker"])
    finally:
        _down(process)
    assert after["id"] == before[0]["id"]
