"""A stage that is slower than what it reads lags; what it has not read lies on the broker, not in its memory."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import ClassVar

import psutil
import pytest

from integrations.kafka.connection import KafkaSettings
from schemas.topics import ANOMALIES
from tests.integration.harness.chaos import Trial, fresh
from tests.integration.harness.traffic import START_MS, Message, Traffic

_RECORD_BYTES = 64 * 1024
# What lies unread by then is twice what the worker may grow by.
_LAGS = (500, 2000, 5000)
_GROWTH_BYTES = 160 * 1024 * 1024


class SlowTrial(Trial):
    """Decide, held back by a broker that takes seconds for each of its transactions."""

    operators: ClassVar[str] = "talkative"


def _large_records(partitions: int) -> Iterator[Message]:
    for number in count():
        body = {"key": f"k{number % partitions}", "value": 1.0, "at_ms": START_MS, "n": number // partitions + 1}
        value = json.dumps(body | {"padding": "p" * _RECORD_BYTES}).encode()
        yield Message(ANOMALIES.name, number % partitions, b"k", value)


@pytest.mark.kafka
def test_a_slow_stage_lags_and_does_not_grow(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    kafka = fresh(apache_kafka)
    worker = SlowTrial(kafka, tmp_path, seed=10, writer="slow").start("decide")
    try:
        worker.wait_ready()
        process = psutil.Process(worker.pid)
        before = most = process.memory_info().rss
        deadline = time.monotonic() + 60
        with Traffic(kafka, _large_records(kafka.partitions), per_second=1500):
            for lag in _LAGS:
                while (status := worker.status()).get("lag", 0) < lag:
                    assert worker.is_alive, worker.said()
                    assert time.monotonic() < deadline, status
                    most = max(most, process.memory_info().rss)
                    time.sleep(0.05)
        assert sum(worker.positions(ANOMALIES.name).values()) > 0
        assert most - before < _GROWTH_BYTES, f"{(most - before) >> 20} MiB"
    finally:
        worker.end()
