"""Zombies, handovers and a broker that restarts, on an Apache Kafka that compacts as hard as it can."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agents.checkpoints import CheckpointSettings, Manifest
from agents.writers import CheckpointTarget, TransactionalWriter
from integrations.kafka.apache import ApacheKafka
from schemas.topics import DECIDE_CHECKPOINTS, DETECT_CHECKPOINTS
from tests.integration.harness.chaos import Trial, compact_hard, fresh
from tests.integration.harness.flow import ROLES, FlowTrial
from tests.integration.harness.judge import differences
from tests.integration.harness.log import BrokerLog
from tests.integration.harness.stages import sum_stage
from tests.integration.harness.workers import WorkerProcess

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]
# Longer than the session of two seconds: the group has given the partitions away when the zombie wakes.
FROZEN_S = 4.0


@pytest.fixture(scope="module")
def hard_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    properties = {"log.cleaner.backoff.ms": "100", "log.retention.check.interval.ms": "1000"}
    with ApacheKafka(tmp_path_factory.mktemp("hard-kafka"), properties=properties) as broker:
        yield broker


@pytest.fixture(params=[Trial, FlowTrial], ids=["sums", "flow"])
def make_trial(request: pytest.FixtureRequest, hard_kafka: ApacheKafka, tmp_path: Path) -> Callable[[int], Trial]:
    """A trial of the small operator, whose every record is compared, or of the whole flow with the real ones."""

    def make(seed: int) -> Trial:
        kafka = fresh(hard_kafka.settings, partitions=4)
        for topic in (DETECT_CHECKPOINTS, DECIDE_CHECKPOINTS):
            compact_hard(kafka, topic)
        trial: Trial = request.param(kafka, tmp_path, seed)
        return trial

    return make


def _run(trial: Trial, disturb: Callable[[Trial], None]) -> list[str]:
    """What is wrong after it; empty if nothing is."""
    if isinstance(trial, FlowTrial):
        trial.run(disturb, ROLES)
        twice = [f"{count} decisions came twice"] if (count := trial.twice_committed()) else []
        return [*twice, *trial.state_differences(), *trial.outcome().differences(trial.expected())]
    trial.run(disturb)
    return differences(trial.log, sum_stage)


def _freeze_in_turn(trial: Trial) -> None:
    """Two workers of detect; one after the other stands still with blocks to write and messages to read."""
    trial.workers["detect"].append(trial.start("detect"))
    source = sum_stage("detect").source
    for turn in range(6):
        trial.wait_ready()
        worker = trial.workers["detect"][turn % 2]
        if not worker.positions(source.name):
            continue
        trial.await_in_flight(worker, source)
        _freeze(worker)
    trial.kill_in_flight("detect", 1)
    _freeze_decide(trial)


def _freeze_decide(trial: Trial) -> None:
    """Two workers of decide; whoever has the most to do stands still, in its transactions."""
    trial.workers["decide"].append(trial.start("decide"))
    source = sum_stage("decide").source
    for _ in range(3):
        trial.wait_ready()
        worker = max(trial.workers["decide"], key=lambda one: sum(one.positions(source.name).values()))
        trial.await_in_flight(worker, source)
        _freeze(worker)


def _freeze(worker: WorkerProcess) -> None:
    worker.freeze()
    time.sleep(FROZEN_S)
    worker.thaw()
    time.sleep(1.0)


def test_zombies_are_refused_and_change_nothing(make_trial: Callable[[int], Trial]) -> None:
    trial = make_trial(11)
    assert _run(trial, _freeze_in_turn) == []
    assert trial.count_said(" fenced ") > 0, "no zombie ever tried"


def _join_and_leave(trial: Trial) -> None:
    for _ in range(3):
        trial.wait_ready()
        newcomer = trial.start("detect")
        trial.workers["detect"].append(newcomer)
        trial.wait_ready()
        time.sleep(2.0)
        trial.workers["detect"].remove(newcomer)
        trial.ended.append(newcomer)
        assert newcomer.stop() == 0, newcomer.said()
        time.sleep(1.0)


def test_a_second_worker_joins_and_leaves_under_load(make_trial: Callable[[int], Trial]) -> None:
    trial = make_trial(12)
    assert _run(trial, _join_and_leave) == []
    assert all("partition restored" in worker.said() for worker in trial.ended)


def test_apache_kafka_itself_is_restarted(make_trial: Callable[[int], Trial], hard_kafka: ApacheKafka) -> None:
    def restart(trial: Trial) -> None:
        for end in (hard_kafka.stop, hard_kafka.kill):
            trial.wait_ready()
            time.sleep(2.0)
            end()
            hard_kafka.start()
            deadline = time.monotonic() + 10
            while time.monotonic() < deadline:
                trial.supervise()
                time.sleep(0.1)

    assert _run(make_trial(13), restart) == []


def test_checkpoints_are_compacted_while_more_are_written(hard_kafka: ApacheKafka) -> None:
    """With the catalogue's settings alone: a restore reads the state and little more, not all that was written."""
    kafka = fresh(hard_kafka.settings, partitions=1)
    target = CheckpointTarget(kafka, "detect", 0, kafka.topic(DETECT_CHECKPOINTS))
    writer = TransactionalWriter(target, CheckpointSettings(compression="none"))
    writer.take_over()
    blocks = {f"b/{number}": bytes(1024 * 1024) for number in range(8)}
    for number in range(16):
        writer.write([], blocks, Manifest(number=number, offsets={}, blocks=len(blocks)))
    writer.close()
    deadline = time.monotonic() + 60
    while (read_bytes := BrokerLog(kafka).states(DETECT_CHECKPOINTS)[0].size_bytes) > 48 * 1024 * 1024:
        assert time.monotonic() < deadline, f"{read_bytes:,} bytes of {16 * 8 * 1024 * 1024:,} are read still"
        time.sleep(0.5)
