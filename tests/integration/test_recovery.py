"""Kill any worker at any moment: what comes out is what a run that was never killed makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from integrations.kafka.connection import KafkaSettings
from tests.integration.harness.chaos import Trial, fresh, kills_in_turn
from tests.integration.harness.judge import differences
from tests.integration.harness.stages import sum_stage

pytestmark = pytest.mark.timeout(600)


def test_three_kills_of_each_stage_lose_nothing_on_the_embedded_broker(
    embedded_broker: KafkaSettings, tmp_path: Path
) -> None:
    trial = Trial(fresh(embedded_broker), tmp_path, seed=1).run(kills_in_turn(3))
    assert len(trial.kills) == 6
    assert all(kill.fell_in_flight for kill in trial.kills), trial.kills
    assert differences(trial.log, sum_stage) == []


def test_a_checkpoint_whose_manifest_goes_before_its_blocks_is_found_out(
    embedded_broker: KafkaSettings, tmp_path: Path
) -> None:
    trial = Trial(fresh(embedded_broker), tmp_path, seed=2, writer="manifest_first").run(kills_in_turn(2), ("detect",))
    found = differences(trial.log, sum_stage)
    assert any("lost" in one for one in found), found
    assert any("the state differs" in one for one in found), found


@pytest.mark.kafka
def test_ten_kills_of_each_stage_lose_nothing_on_apache_kafka(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    trial = Trial(fresh(apache_kafka), tmp_path, seed=3).run(kills_in_turn(10))
    assert len(trial.kills) == 20
    assert all(kill.fell_in_flight for kill in trial.kills), trial.kills
    assert differences(trial.log, sum_stage) == []


@pytest.mark.kafka
def test_a_broken_order_is_found_out_on_apache_kafka_too(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    trial = Trial(fresh(apache_kafka), tmp_path, seed=4, writer="manifest_first").run(kills_in_turn(2))
    found = differences(trial.log, sum_stage)
    assert any("lost" in one for one in found), found
    assert any("the state differs" in one for one in found), found
