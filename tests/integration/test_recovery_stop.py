"""A worker that is told to stop saves what it has, leaves its group and ends well."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from agents.worker import WorkerSettings, run_worker
from integrations.kafka.connection import KafkaSettings
from integrations.telemetry import Telemetry
from schemas.topics import DETECT_CHECKPOINTS, SAMPLES
from tests.integration.harness.chaos import Trial, fresh

STOP_S = 10.0


def test_a_worker_that_stops_under_load_has_saved_what_it_took(embedded_broker: KafkaSettings, tmp_path: Path) -> None:
    # The interval is so long that only the stop makes a checkpoint.
    trial = Trial(fresh(embedded_broker), tmp_path, seed=5, interval_s=600.0)
    worker = trial.start("detect")
    try:
        with trial.traffic():
            worker.wait_ready()
            deadline = time.monotonic() + 20
            while sum(worker.positions(SAMPLES.name).values()) < 200:
                assert time.monotonic() < deadline, worker.said()
                time.sleep(0.01)
            taken = worker.positions(SAMPLES.name)
            started = time.monotonic()
            assert worker.stop() == 0, worker.said()
            assert time.monotonic() - started < STOP_S
    finally:
        worker.end()
    saved = trial.log.saved(DETECT_CHECKPOINTS, SAMPLES)
    assert sum(taken.values()) > 0
    assert all(saved[number] >= position for number, position in taken.items()), (saved, taken)


def test_a_partition_is_free_at_once_when_its_worker_has_left_in_order(
    embedded_broker: KafkaSettings, tmp_path: Path
) -> None:
    trial = Trial(fresh(embedded_broker), tmp_path, seed=6)
    with trial.traffic():
        for _ in range(2):
            worker = trial.start("detect").wait_ready()
            assert worker.stop() == 0, worker.said()


def test_a_worker_that_is_stopped_while_it_starts_ends_well(embedded_broker: KafkaSettings, tmp_path: Path) -> None:
    trial = Trial(fresh(embedded_broker), tmp_path, seed=7)
    worker = trial.start("detect")
    deadline = time.monotonic() + 20
    while worker.status()["at"] == 0.0:  # its loop has started, its group is not joined yet
        assert time.monotonic() < deadline, worker.said()
        time.sleep(0.005)
    time.sleep(0.3)
    started = time.monotonic()
    assert worker.stop() == 0, worker.said()
    assert time.monotonic() - started < STOP_S


def test_two_stages_live_in_one_process_and_end_together(embedded_broker: KafkaSettings) -> None:
    settings = WorkerSettings(fresh(embedded_broker))
    telemetry, stop, failures = Telemetry("detect,decide"), threading.Event(), []

    def work() -> None:
        try:
            run_worker(("detect", "decide"), settings, telemetry, stop)
        except BaseException as error:  # noqa: BLE001  # looked at by the test
            failures.append(error)

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    deadline = time.monotonic() + 40
    while not telemetry.is_ready:
        assert worker.is_alive(), failures
        assert time.monotonic() < deadline, telemetry.status()
        time.sleep(0.05)
    assert telemetry.status()["components"] == {"decide": True, "detect": True}
    stop.set()
    worker.join(STOP_S)
    assert not worker.is_alive()
    assert failures == []
