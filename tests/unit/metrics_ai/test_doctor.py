"""Doctor's checks that need no broker."""

from __future__ import annotations

import importlib.metadata
import socket
from pathlib import Path
from typing import Any

import pytest

from integrations.kafka import KafkaSettings
from integrations.kafka.process import free_port
from metrics_ai.config import load_config
from metrics_ai.doctor import (
    check_broker_port,
    check_disk,
    check_names,
    check_packages,
    check_port,
    check_python,
    check_stack,
    check_stores,
)

MIB = 1024 * 1024


def test_this_environment_is_as_it_should_be(tmp_path: Path) -> None:
    assert check_python().level == "OK"
    assert check_names().level == "OK"
    assert check_disk(tmp_path / "not" / "there" / "yet").level in ("OK", "WARN")


def test_a_package_that_differs_from_the_lock_is_named(tmp_path: Path) -> None:
    lock = tmp_path / "core.txt"
    version = importlib.metadata.version("psutil")
    lock.write_text(f"psutil=={version} \\\n    --hash=sha256:00\n")
    assert check_packages(lock).level == "OK"
    lock.write_text("psutil==0.0.1 ; python_version < '3'\npsutil==0.0.2\nnot-installed==1.0\n")
    found = check_packages(lock)
    assert (found.level, found.found) == ("WARN", f"psutil {version} (locked 0.0.1 or 0.0.2)")


def test_a_port_is_free_or_taken_or_ours() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert check_port("127.0.0.1", port, ours=False).level == "WARN"
        assert check_port("127.0.0.1", port, ours=True).level == "OK"
    assert check_port("127.0.0.1", port, ours=False).level == "OK"


def test_the_brokers_port_is_looked_at_where_it_is_of_this_machine() -> None:
    assert list(check_broker_port(KafkaSettings(bootstrap="k1.example:9092"), answers=False)) == []
    with socket.create_server(("127.0.0.1", 0)) as server:
        kafka = KafkaSettings(bootstrap=f"127.0.0.1:{server.getsockname()[1]}")
        (taken,) = check_broker_port(kafka, answers=False)
        assert (taken.level, "--broker-port" in taken.way_out) == ("WARN", True)
        (ours,) = check_broker_port(kafka, answers=True)
        assert (ours.level, ours.found) == ("OK", "a broker answers there")
    (free,) = check_broker_port(kafka, answers=False)
    assert (free.level, free.found) == ("OK", "free")


@pytest.mark.parametrize(("used", "level"), [(100, "OK"), (850, "WARN"), (1000, "FAIL")])
def test_the_embedded_brokers_memory_is_judged_against_its_ceiling(used: int, level: str) -> None:
    status: dict[str, Any] = {
        "roles": [{"role": "ingest", "state": "running"}],
        "broker": {"kind": "embedded", "memory_bytes": used * MIB, "ceiling_bytes": 1000 * MIB, "message": "do this"},
    }
    roles, memory = check_stack(status)
    assert (roles.level, memory.level) == ("OK", level)
    assert memory.found == f"{used} of 1000 MiB"


def test_a_role_that_is_down_is_named() -> None:
    status: dict[str, Any] = {
        "roles": [{"role": "ingest", "state": "running"}, {"role": "detect", "state": "waiting"}],
        "broker": {"kind": "given"},
    }
    (roles,) = check_stack(status)
    assert (roles.level, roles.found) == ("WARN", "detect waiting")


def test_what_was_rejected_is_told() -> None:
    status: dict[str, Any] = {
        "roles": [{"role": "ingest", "state": "running"}],
        "broker": {"kind": "given"},
        "rejected": [{"topic": "telegraf", "reason": "not_json", "count": 3}],
    }
    _, rejected = check_stack(status)
    assert (rejected.level, rejected.found) == ("WARN", "3 of telegraf (not_json)")
    assert "decode" in rejected.way_out


def test_stores_that_do_not_answer_are_named_with_what_to_do(tmp_path: Path) -> None:
    assert list(check_stores(load_config(environ={}))) == []
    away = {
        "METRICS_AI__SERVING__URL": f"redis://:hidden@127.0.0.1:{free_port()}/0",
        "METRICS_AI__RECORDS__URL": f"sqlite:///{tmp_path}/none.db",
    }
    serving, records = check_stores(load_config(environ=away))
    assert (serving.name, serving.level) == ("serving store", "FAIL")
    assert (records.name, records.level) == ("records", "FAIL")
    assert "hidden" not in serving.found
    assert "serving.url" in serving.way_out
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("alive", "level"), [(True, "OK"), (False, "WARN")])
def test_the_valkey_of_a_running_stack_is_told(alive: bool, level: str) -> None:
    stores = {"serving": "embedded", "alive": alive, "memory_bytes": 7 * 1024 * 1024, "records": "own file"}
    roles = [{"role": "project", "state": "running"}]
    status = {"roles": roles, "stores": stores, "broker": {"kind": "given"}}
    assert {one.name: one.level for one in check_stack(status)}["serving store"] == level
