"""Objectives through the whole flow, whoever is killed: nothing is lost, and nothing counts twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from integrations.kafka.connection import KafkaSettings
from schemas.ids import decide_partition
from tests.integration.harness.chaos import Trial, fresh
from tests.integration.harness.objectives import ROLES, TENANTS, SloTrial, last_told, objectives
from tests.unit.slo.counting.feeding import told_by
from tests.unit.slo.counting.test_counting_random import assert_same, brute_force

pytestmark = pytest.mark.timeout(600)
PARTITIONS = 3


def in_turn(count: int) -> Callable[[Trial], None]:
    """Detect and burn killed between two checkpoints, decide at any moment."""

    def disturb(trial: Trial) -> None:
        plan = [role for role in ROLES for _ in range(count)]
        trial.chance.shuffle(plan)
        for role in plan:
            if role == "decide":
                trial.workers[role][0].wait_ready().kill()
                trial.workers[role][0] = trial.start(role)
            else:
                trial.kill_in_flight(role)

    return disturb


def assert_nothing_lost(trial: SloTrial) -> None:
    counted, expected = last_told(trial.told()), last_told(trial.expected_told())
    assert counted.keys() == expected.keys()
    assert {key: told for key, told in counted.items() if told != expected[key]} == {}
    samples = trial.samples()
    for tenant in TENANTS:
        mine = [one for one in samples if one.series.tenant == tenant]
        bodies = [body for body in map(msgspec.json.decode, trial.told()) if body["tenant"] == tenant]
        assert_same(told_by(bodies), brute_force(objectives(tenant), mine))
    alerts, statuses = trial.found()
    expected_alerts, expected_statuses = trial.burnt(trial.events())
    assert {one.alert for one in alerts.values()} >= {"page-quick"}
    assert (alerts, statuses) == (expected_alerts, expected_statuses)


def assert_as_never_killed(trial: SloTrial) -> None:
    """What counters that are never disturbed say, read in order, comes to the same."""
    events: dict[int, list[bytes]] = {}
    homes = {tenant: decide_partition(tenant, PARTITIONS) for tenant in TENANTS}
    bodies = [(msgspec.json.decode(value), value) for value in trial.expected_told()]
    for body, value in sorted(bodies, key=lambda item: (item[0]["slice_ms"], item[0]["counted"])):
        events.setdefault(homes[body["tenant"]], []).append(value)
    _, statuses = trial.found()
    _, expected = trial.burnt(events)
    assert statuses.keys() == expected.keys()
    for key, status in statuses.items():
        assert status.budgets == expected[key].budgets, key
        assert status.burn == expected[key].burn, key


def assert_decided_alike(trial: SloTrial) -> None:
    found, expected = trial.decided(), trial.expected_decided()
    assert any("slo" in one.labels for one in expected.alerts.values())
    assert expected.final_alerts()
    assert found.final_alerts() == expected.final_alerts()
    assert found.final_incidents() == expected.final_incidents()


@pytest.mark.parametrize("seed", [1])
def test_kills_of_every_worker_change_no_count_no_budget_and_no_alert(
    any_broker: KafkaSettings, tmp_path: Path, seed: int
) -> None:
    trial = SloTrial(fresh(any_broker, PARTITIONS), tmp_path, seed=seed).run(in_turn(2), ROLES)
    assert Counter(kill.role for kill in trial.kills) == {"detect": 2, "burn": 2}
    assert_nothing_lost(trial)
    assert_as_never_killed(trial)
    assert_decided_alike(trial)
