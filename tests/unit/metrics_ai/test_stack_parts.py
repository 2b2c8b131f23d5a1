"""The embedded broker's memory, the merged metrics, the page, the data directory."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from integrations.telemetry import Telemetry
from metrics_ai.config import load_config
from metrics_ai.ready_file import clear_ready_file, write_ready_file
from metrics_ai.stack.memory import MIB, MemoryGuard
from metrics_ai.stack.merged import gauge, merge_expositions
from metrics_ai.stack.page import status_page
from metrics_ai.stack.stack import Stack, StackOptions
from metrics_ai.stack.stores import Stores
from schemas.errors import MachineError


def test_each_level_of_memory_says_what_to_do() -> None:
    guard = MemoryGuard(100 * MIB)
    guard.see(0, 85 * MIB)
    assert "holds 85 of 100 MiB" in guard.message()
    guard.see(1, 100 * MIB)
    assert "ingest and the collector are stopped" in guard.message()
    assert "--kafka-home" in guard.message()


def test_a_level_never_falls() -> None:
    guard = MemoryGuard(100)
    assert [guard.see(at, used) for at, used in enumerate((100, 10))] == ["full", "full"]


def test_growth_is_told_once_it_has_settled_and_projected_to_a_week() -> None:
    guard = MemoryGuard(1000 * MIB)
    guard.see(0, 500 * MIB)
    for second in range(5, 200, 5):
        guard.see(second, second * 1000)
    assert guard.week_bytes is None
    for second in range(200, 400, 5):
        guard.see(second, second * 1000)
    assert guard.growth_bytes_per_s == pytest.approx(1000)
    assert guard.week_bytes == pytest.approx(604_800_000)


def test_a_burst_is_no_trend_of_a_week() -> None:
    guard = MemoryGuard(1000 * MIB)
    for second in range(0, 600, 5):
        guard.see(second, second * 1000 + (60 * MIB if second > 300 else 0))
    assert guard.week_bytes == pytest.approx(604_800_000)


def test_metrics_of_all_roles_become_one_exposition() -> None:
    texts = {}
    for role in ("ingest", "detect"):
        telemetry = Telemetry(role)
        telemetry.samples.labels(role).inc(5)
        telemetry.batch_seconds.labels(role).observe(0.01)
        texts[role] = generate_latest(telemetry.registry).decode()
    merged = merge_expositions(texts, [gauge("metrics_ai_role_up", "Up.", [({"role": "ingest"}, 1.0)])]).decode()
    families = {family.name: family for family in text_string_to_metric_families(merged)}
    assert {sample.labels["role"] for sample in families["metrics_ai_samples"].samples} == {"ingest", "detect"}
    assert families["metrics_ai_batch_seconds"].type == "histogram"
    assert merged.count("# TYPE metrics_ai_samples_total counter") == 1
    assert merged.count("# TYPE process_resident_memory_bytes gauge") == 1


def test_the_page_escapes_what_comes_from_outside() -> None:
    status: dict[str, Any] = {
        "ready": True,
        "warnings": [],
        "broker": {"address": "h:1", "kind": "embedded", "memory_bytes": MIB, "ceiling_bytes": MIB, "week_bytes": None},
        "roles": [],
        "flow": [],
        "incidents": [{"priority": "P1", "title": "<script>", "started": "now", "members": 2}],
    }
    page = status_page(status)
    assert b"<script>" not in page
    assert b"&lt;script&gt;" in page


def test_the_ready_file_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    write_ready_file(path, {"broker": "h:1", "http": "http://h:2", "pid": 3})
    assert json.loads(path.read_text()) == {"broker": "h:1", "http": "http://h:2", "pid": 3}
    assert [one.name for one in path.parent.iterdir()] == ["ready.json"]


def test_nobody_who_waits_for_the_ready_file_finds_it_before_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "ready.json"
    with ThreadPoolExecutor(1) as pool:
        clearing = pool.submit(lambda: [clear_ready_file(path) for _ in range(500)])
        seen = False
        while not clearing.done():
            seen = seen or path.exists()
        clearing.result()
    assert not seen


def test_no_folder_is_made_for_a_ready_file(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"ready\.json \(No such file or directory\)"):
        clear_ready_file(tmp_path / "deep" / "ready.json")
    assert list(tmp_path.iterdir()) == []


def test_roles_listen_where_the_supervisor_asks_them_whatever_address_the_page_has(tmp_path: Path) -> None:
    config = load_config(environ={"METRICS_AI__HTTP__HOST": "192.0.2.7", "METRICS_AI__LOG__LEVEL": "debug"})
    spec = Stack(config, StackOptions(tmp_path, broker="127.0.0.1:1"), lambda _: None)._spec("ingest")
    assert load_config(environ=spec.environment).http.host == "127.0.0.1"
    assert spec.command()[-2:] == ["--log-level", "debug"]


def test_a_data_directory_serves_one_stack_at_a_time(tmp_path: Path) -> None:
    options = StackOptions(tmp_path, broker="127.0.0.1:1", port=0)
    (tmp_path / "up.lock").write_text("")
    import fcntl

    with (tmp_path / "up.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(MachineError, match="is in use by another"):
            Stack(load_config(environ={}), options, lambda _: None).start()


def test_all_that_is_taken_is_named_at_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as page, socket.create_server(("127.0.0.1", 0)) as broker:
        ports = [one.getsockname()[1] for one in (page, broker)]
        options = StackOptions(tmp_path, port=ports[0], broker_port=ports[1])
        with pytest.raises(MachineError) as refused, Stack(load_config(environ={}), options, lambda _: None):
            pass
    assert [f"port {port} of 127.0.0.1 is taken" in str(refused.value) for port in ports] == [True, True]


def test_stores_that_are_named_are_not_replaced_by_ours(tmp_path: Path) -> None:
    named = {"METRICS_AI__SERVING__URL": "redis://h:1/0", "METRICS_AI__RECORDS__URL": "postgresql://h/n"}
    given = Stores(load_config(environ=named), tmp_path, lambda _: None)
    given.start()
    assert given.environment() == {}
    assert given.status() == {"serving": "given", "alive": None, "memory_bytes": 0, "records": "given"}
    ours = Stores(load_config(environ={}), tmp_path, lambda _: None).environment()
    found = load_config(environ=ours)
    assert found.records.url is not None
    assert found.records.url.get_secret_value() == f"sqlite:///{tmp_path.absolute()}/records.db"
    assert found.serving.url is not None
