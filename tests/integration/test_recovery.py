"""Kill any worker at any moment: what comes out is what a run that was never killed makes."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from integrations.kafka.connection import KafkaSettings
from tests.integration.harness.chaos import Trial, fresh, kills_in_turn
from tests.integration.harness.flow import ROLES, FlowTrial
from tests.integration.harness.judge import differences, stage_differences
from tests.integration.harness.stages import sum_stage
from tests.integration.harness.tally import Tally

pytestmark = pytest.mark.timeout(900)
ROOT = Path(__file__).resolve().parents[2]
CHAOS_KILLS = 100
KILLS_A_TRIAL = 5


def _assert_nothing_lost(trial: FlowTrial) -> None:
    assert all(kill.fell_in_flight for kill in trial.kills), trial.kills
    assert trial.state_differences() == []
    assert trial.outcome().differences(trial.expected()) == []


@pytest.mark.slow
def test_three_kills_of_each_worker_lose_nothing_on_the_embedded_broker(
    embedded_broker: KafkaSettings, tmp_path: Path
) -> None:
    trial = FlowTrial(fresh(embedded_broker), tmp_path, seed=1).run(kills_in_turn(3), ROLES)
    assert Counter(kill.role for kill in trial.kills) == dict.fromkeys(ROLES, 3)
    _assert_nothing_lost(trial)


def test_a_checkpoint_whose_manifest_goes_before_its_blocks_is_found_out(
    embedded_broker: KafkaSettings, tmp_path: Path
) -> None:
    trial = Trial(fresh(embedded_broker), tmp_path, seed=2, writer="manifest_first").run(kills_in_turn(2), ("detect",))
    found = stage_differences(trial.log, sum_stage("detect"))
    assert any("lost" in one for one in found), found
    assert any("the state differs" in one for one in found), found


@pytest.mark.kafka
def test_ten_kills_of_each_worker_lose_nothing_on_apache_kafka(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    trial = FlowTrial(fresh(apache_kafka), tmp_path, seed=3).run(kills_in_turn(10), ROLES)
    assert Counter(kill.role for kill in trial.kills) == dict.fromkeys(ROLES, 10)
    _assert_nothing_lost(trial)
    assert trial.twice_committed() == 0


@pytest.mark.kafka
def test_a_broken_order_is_found_out_on_apache_kafka_too(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    trial = Trial(fresh(apache_kafka), tmp_path, seed=4, writer="manifest_first").run(kills_in_turn(2))
    found = differences(trial.log, sum_stage)
    assert any("lost" in one for one in found), found
    assert any("the state differs" in one for one in found), found


@pytest.mark.kafka
def test_outputs_that_go_after_their_checkpoint_are_missed(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    trial = Trial(fresh(apache_kafka), tmp_path, seed=5, writer="outputs_last").run(_kill_decide_often)
    found = differences(trial.log, sum_stage)
    assert any(one.startswith("alerts:") and "lost" in one for one in found), found


def _kill_decide_often(trial: Trial) -> None:
    for _ in range(4):
        trial.kill_in_flight("decide")


@pytest.mark.chaos
@pytest.mark.timeout(0)
@pytest.mark.parametrize("broker", ["embedded_broker", "apache_kafka"])
def test_a_hundred_kills_of_each_worker_lose_nothing(
    broker: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Trial by trial; interrupt as you like, the next run goes on where the tally stands."""
    kafka: KafkaSettings = request.getfixturevalue(broker)
    tally = Tally(ROOT / ".cache" / "chaos-tally.json")
    while kills := min(KILLS_A_TRIAL, max(tally.left(broker, role, CHAOS_KILLS) for role in ROLES)):
        seed = 1000 + tally.trials[broker]
        folder = tmp_path / str(seed)
        folder.mkdir()
        trial = FlowTrial(fresh(kafka), folder, seed=seed).run(kills_in_turn(kills), ROLES)
        _assert_nothing_lost(trial)
        tally.add(broker, Counter(kill.role for kill in trial.kills))
    assert all(tally.left(broker, role, CHAOS_KILLS) == 0 for role in ROLES)
