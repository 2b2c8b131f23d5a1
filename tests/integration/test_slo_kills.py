"""Objectives through the whole flow, whoever is killed: nothing is lost, and nothing counts twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from integrations.kafka.connection import KafkaSettings
from schemas.ids import decide_partition
from slo.announced import Announced
from tests.integration.harness.chaos import Trial, fresh
from tests.integration.harness.objectives import ROLES, TENANTS, SloTrial, last_told, objectives
from tests.unit.slo.counting.feeding import told_by
from tests.unit.slo.counting.test_counting_random import assert_same, brute_force

pytestmark = pytest.mark.timeout(600)
PARTITIONS = 3
# Longer than the session of two seconds.
FROZEN_S = 4.0


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
    counted, expected = last_told(trial.told()), last_told(map(msgspec.json.decode, trial.expected_told()))
    assert counted.keys() == expected.keys()
    assert {key: told for key, told in counted.items() if told != expected[key]} == {}
    samples = trial.samples()
    for tenant in TENANTS:
        mine = [one for one in samples if one.series.tenant == tenant]
        bodies = [body for body in trial.told() if body["tenant"] == tenant]
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


def assert_all(trial: SloTrial) -> None:
    assert trial.count_said("records are gone") == 0, "marks of burn's transactions are none"
    assert_nothing_lost(trial)
    assert_as_never_killed(trial)
    assert_decided_alike(trial)


@pytest.mark.kafka
def test_kills_of_every_worker_change_no_count_no_budget_and_no_alert(
    any_broker: KafkaSettings, tmp_path: Path
) -> None:
    trial = SloTrial(fresh(any_broker, PARTITIONS), tmp_path, seed=1).run(in_turn(2), ROLES)
    assert Counter(kill.role for kill in trial.kills) == {"detect": 2, "burn": 2}
    assert_all(trial)


def zombies(trial: Trial) -> None:
    """Two workers of either role; whoever has the most to do stands still for longer than its session."""
    for role in ("detect", "burn"):
        trial.workers[role].append(trial.start(role))
    for role in ("detect", "burn", "detect", "burn"):
        trial.wait_ready()
        source = trial.stage(role).source
        worker = max(trial.workers[role], key=lambda one: sum(one.positions(source.name).values()))
        trial.await_in_flight(worker, source)
        worker.freeze()
        time.sleep(FROZEN_S)
        worker.thaw()
        time.sleep(1.0)


@pytest.mark.kafka
def test_workers_that_stand_still_while_others_take_over_count_nothing_twice(
    apache_kafka: KafkaSettings, tmp_path: Path
) -> None:
    trial = SloTrial(fresh(apache_kafka, PARTITIONS), tmp_path, seed=2).run(zombies, ROLES)
    assert_all(trial)


USED = next(slo for slo in objectives("default") if slo.name == "used")
ANEW = USED.model_copy(update={"indicator": USED.indicator.model_copy(update={"value": 0.3})})
NEW = USED.model_copy(update={"name": "new"})
AHEAD_MS = 900_000


@pytest.mark.kafka
def test_definitions_that_change_under_kills_do_so_from_one_slice_on(
    apache_kafka: KafkaSettings, tmp_path: Path
) -> None:
    since_ms = 0

    def change(trial: SloTrial) -> None:
        nonlocal since_ms
        trial.kill_in_flight("detect")
        since_ms = (trial.newest_ms() + AHEAD_MS) // 60_000 * 60_000
        trial.define([Announced(slo.key, slo, since_ms) for slo in (ANEW, NEW)])
        trial.define([Announced("default/minutes", None, since_ms)])
        for role in ("burn", "detect", "burn", "detect"):
            trial.kill_in_flight(role)
        while trial.newest_ms() < since_ms + AHEAD_MS:
            time.sleep(0.2)

    trial = SloTrial(fresh(apache_kafka, PARTITIONS), tmp_path, seed=3).run(change, ROLES)
    counted, expected = last_told(trial.told()), last_told(map(msgspec.json.decode, trial.expected_told()))
    assert counted == expected
    samples = [one for one in trial.samples() if one.series.tenant == "default"]
    told = told_by(body for body in trial.told() if body["tenant"] == "default")
    before, after = (brute_force(slos, samples) for slos in (objectives("default"), (ANEW, NEW)))
    gone = ("default/used", "default/minutes")
    wanted = {key: counts for key, counts in before.items() if key[0] not in gone or key[1] < since_ms}
    fresh_ones = {ANEW.key, NEW.key}
    wanted |= {key: counts for key, counts in after.items() if key[0] in fresh_ones and key[1] >= since_ms}
    assert_same(told, wanted)
    alerts, statuses = trial.found()
    assert (alerts, statuses) == trial.burnt(trial.events())
    assert "default/minutes" not in statuses
    for key in fresh_ones:
        total = sum(counts[1] for (slo, _), counts in wanted.items() if slo == key and _ >= since_ms)
        assert statuses[key].budget("own").total == total, "what it counted before it changed is no part of it"
    assert_decided_alike(trial)


@pytest.mark.chaos
@pytest.mark.timeout(0)
@pytest.mark.parametrize("broker", ["embedded_broker", "apache_kafka"])
@pytest.mark.parametrize("seed", range(100, 110))
def test_many_kills_change_no_count_no_budget_and_no_alert(
    broker: str, seed: int, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    kafka: KafkaSettings = request.getfixturevalue(broker)
    assert_all(SloTrial(fresh(kafka, PARTITIONS), tmp_path, seed=seed).run(in_turn(5), ROLES))
