"""``metrics-ai up`` and what it serves from: a Valkey that may end, and a database in the data directory."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from confluent_kafka import Producer

from integrations.records import RecordsSettings
from integrations.records.store import RecordsStore
from integrations.serving.settings import ServingSettings
from integrations.serving.store import ServingStore
from integrations.stores import StoreError
from schemas.slo_events import Feedback
from schemas.topics import FEEDBACK

pytestmark = pytest.mark.slow
LIMIT_S = 40.0


def _until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + LIMIT_S
    while True:
        try:
            value = found()
        except StoreError:
            value = None
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"not within {LIMIT_S:g} s")
        time.sleep(0.1)


def _environment_of_project(stack: Any) -> dict[str, str]:
    processes = [one for one in stack.everything() if {"worker", "project"} <= set(one.cmdline())]
    found: dict[str, str] = processes[0].environ()
    return found


def _valkeys(stack: Any) -> list[psutil.Process]:
    return [one for one in stack.everything() if "valkey" in one.name() and one.status() != psutil.STATUS_ZOMBIE]


def test_what_is_told_is_served_again_after_the_valkey_ended(stack: Any) -> None:
    environment = _environment_of_project(stack)
    serving = ServingSettings.model_validate({"url": environment["METRICS_AI__SERVING__URL"]})
    records = RecordsSettings.model_validate({"url": environment["METRICS_AI__RECORDS__URL"]})
    now_ms = time.time_ns() // 1_000_000
    said = Feedback(tenant="default", alert_id="a1", verdict="false", at_ms=now_ms)
    producer = Producer({"bootstrap.servers": stack.broker})
    producer.produce(FEEDBACK.name, said.to_bytes(), said.key)
    assert producer.flush(10) == 0
    with ServingStore(serving) as store, RecordsStore(records) as database:
        _until(lambda: store.applied().get(("feedback", 0)) == 1)
        _until(lambda: database.feedback("default", "a1") == said)
        (valkey,) = _valkeys(stack)
        assert environment["METRICS_AI__SERVING__URL"].split(":")[2].split("@")[0] not in " ".join(valkey.cmdline())
        assert stack.status()["stores"]["alive"]
        os.kill(valkey.pid, signal.SIGKILL)
        _until(lambda: [one for one in _valkeys(stack) if one.pid != valkey.pid])
        _until(lambda: store.applied().get(("feedback", 0)) == 1)
        assert database.feedback("default", "a1") == said
    assert "valkey: ended" in stack.output()
    assert json.loads(stack.get("/status")[1])["stores"]["serving"] == "embedded"
