"""People are paged once for each outage, whoever is killed while they are being told."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from integrations.kafka.connection import KafkaSettings
from tests.integration.harness.chaos import Trial, fresh
from tests.integration.harness.paging import ROLES, PagingTrial
from tests.integration.harness.tally import Tally
from tests.integration.harness.workers import ROOT

pytestmark = pytest.mark.timeout(900)
PARTITIONS = 2
# Of each of the three roles: a thousand and two in all.
CHAOS_KILLS = 334
KILLS_A_TRIAL = 10
# Longer than the session of two seconds.
_FROZEN_S = 4.0
_LOOK_S = 20.0


def kills(count: int) -> Callable[[Trial], None]:
    """Each role so often, with something on its way to the pager each time; the storm goes on throughout."""

    def disturb(trial: PagingTrial) -> None:
        plan = [role for role in ROLES for _ in range(count)]
        trial.chance.shuffle(plan)
        for role in plan:
            trial.kill_with_deliveries(role)

    return disturb  # type: ignore[return-value]


def assert_paged_once(trial: PagingTrial) -> None:
    incidents = trial.incidents()
    keys = [key for one in incidents.values() if one.state != "merged" for key in one.page_keys]
    assert len(keys) == len(set(keys)) == len(trial.outages()), "an incident with a page for each outage"
    opens = trial.pager.all_opens()
    assert set(opens) == set(keys), "no page is lost, and none is of nothing"
    assert {key: count for key, count in opens.items() if count != 1} == {}, "none is opened twice"
    assert trial.pager.open_keys() == set()
    assert trial.unfinished() == set()


@pytest.mark.kafka
def test_pages_are_told_once_though_each_worker_is_killed(any_broker: KafkaSettings, tmp_path: Path) -> None:
    trial = PagingTrial(fresh(any_broker, PARTITIONS), tmp_path, seed=7)
    trial.run(kills(1), ROLES)
    assert set(trial.in_flight) == set(ROLES)
    assert_paged_once(trial)


@pytest.mark.kafka
def test_thirty_kills_in_a_storm_lose_no_page_and_open_none_twice(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    trial = PagingTrial(fresh(apache_kafka, PARTITIONS), tmp_path, seed=11)
    trial.run(kills(10), ROLES)
    assert sum(trial.in_flight.values()) >= 30
    assert trial.twice() == 0, "what was decided in a transaction is there once"
    assert_paged_once(trial)


def zombies(trial: PagingTrial) -> None:
    """Two workers of notify; one stands still for longer than its session while it tells people, and wakes again."""
    trial.workers["notify"].append(trial.start("notify"))
    for turn in range(4):
        trial.wait_ready()
        worker = trial.workers["notify"][turn % 2]
        deadline = time.monotonic() + _LOOK_S
        while not trial.under_way() and time.monotonic() < deadline:
            time.sleep(0.01)
        worker.freeze()
        time.sleep(_FROZEN_S)
        worker.thaw()
        time.sleep(1.0)


@pytest.mark.kafka
def test_a_worker_that_wakes_after_others_took_over_pages_nobody_twice(
    apache_kafka: KafkaSettings, tmp_path: Path
) -> None:
    trial = PagingTrial(fresh(apache_kafka, PARTITIONS), tmp_path, seed=13)
    trial.run(zombies, ROLES)  # type: ignore[arg-type]
    assert_paged_once(trial)


@pytest.mark.chaos
@pytest.mark.timeout(0)
def test_a_thousand_kills_lose_no_page_and_open_none_twice(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    """Trial by trial; interrupt as you like, the next run goes on where the tally stands."""
    tally = Tally(ROOT / ".cache" / "chaos-pages.json")
    while left := max(tally.left("apache_kafka", role, CHAOS_KILLS) for role in ROLES):
        seed = 1000 + tally.trials["apache_kafka"]
        folder = tmp_path / str(seed)
        folder.mkdir()
        count = min(KILLS_A_TRIAL, left)
        trial = PagingTrial(fresh(apache_kafka, PARTITIONS), folder, seed=seed)
        trial.run(kills(count), ROLES)
        assert_paged_once(trial)
        tally.add("apache_kafka", Counter(dict.fromkeys(ROLES, count)))
