"""Definitions from files to every partition, counts to budgets, whoever is killed meanwhile."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from agents.stage import Stage
from integrations.kafka.connection import KafkaSettings
from metrics_ai.config import Config
from metrics_ai.slo_publishing import SettingsTopic, SloPublisher
from schemas.ids import decide_partition
from schemas.slo_events import Feedback, SloAlert, SloSlice, SloStatus
from schemas.topics import FEEDBACK, SETTINGS, SLO_ALERTS, SLO_EVENTS, SLO_STATUS
from slo.announced import Announced, announce, record_key
from slo.openslo import read_slos
from slo.settings import SloSettings
from tests.integration.harness.chaos import Trial, fresh, kills_in_turn
from tests.integration.harness.real import stage_settings
from tests.integration.harness.traffic import Message, Traffic
from tests.unit.slo.definitions import CHECKOUT

START_MS = int(time.time()) // 3600 * 3_600_000 - 2 * 86_400_000
TENANTS = ("default", "acme", "shop")
SLICE_MS = 5_000
SOURCES = 2
DEFINITION = CHECKOUT.replace("budgetingMethod: Timeslices", "budgetingMethod: Occurrences").replace(
    "      timeSliceTarget: 0.99\n      timeSliceWindow: 1m\n", ""
)


def slices(kafka: KafkaSettings, seed: int, count: int) -> Iterator[Message]:
    """What two partitions of samples counted for three tenants, who have outages now and then; and feedback."""
    chance = random.Random(seed)
    for row in range(count):
        for tenant, source in itertools.product(TENANTS, range(SOURCES)):
            is_down = (row // 40 + len(tenant)) % 4 == 1
            bad = float(chance.randrange(20, 60)) if is_down else 0.0
            record = SloSlice(
                tenant=tenant,
                partition=source,
                slice_ms=START_MS + row * SLICE_MS,
                slice_s=5,
                slos=[f"{tenant}/checkout"],
                good=[100.0 - bad],
                bad=[bad],
            )
            partition = decide_partition(tenant, kafka.partitions)
            yield Message(SLO_EVENTS.name, partition, record.key.encode(), record.to_bytes(), record.slice_ms)


@dataclass
class BurnTrial(Trial):
    """Burn with its real operator; time is the slices' own."""

    operators: ClassVar[str] = "real"
    count: int = 10**6

    def stage(self, role: str) -> Stage:
        return stage_settings(self.kafka).stage("burn")

    def traffic(self) -> Traffic:
        return Traffic(self.kafka, slices(self.kafka, self.seed, self.count), self.per_second)

    def publisher(self, **settings: Any) -> SloPublisher:
        config = Config(kafka=self.kafka, slo=SloSettings(folder=self.folder / "slos", **settings))
        return SloPublisher(config, SettingsTopic(self.kafka), lambda: True)

    def define(self) -> None:
        """Files of three tenants, announced."""
        for tenant in TENANTS:
            folder = self.folder / "slos" / tenant
            folder.mkdir(parents=True)
            (folder / "checkout.yaml").write_text(DEFINITION)
        assert self.publisher(shipped=False).look()

    def expected(self) -> tuple[dict[str, SloAlert], dict[str, dict[str, Any]]]:
        """What a run that is never disturbed makes of the same log."""
        stage = self.stage("burn")
        settings, events = self.log.records(SETTINGS), self.log.records(SLO_EVENTS)
        alerts: dict[str, SloAlert] = {}
        statuses: dict[str, dict[str, Any]] = {}
        for number in range(self.kafka.partitions):
            operator = stage.operator(number)
            steps = [(topic, one) for topic, log in ((SETTINGS, settings), (SLO_EVENTS, events)) for one in log[number]]
            for topic, record in steps:
                for output in operator.step(topic.name, record.value):
                    if output.topic is SLO_ALERTS:
                        alerts[output.id] = SloAlert.from_bytes(output.value)
                    elif output.value:
                        statuses[output.id] = SloStatus.from_bytes(output.value).model_dump()
        return alerts, statuses

    def found(self) -> tuple[dict[str, SloAlert], dict[str, dict[str, Any]]]:
        """What lies on the topics, repeats left out; what is told twice under one id is the same."""
        alerts = {one: SloAlert.from_bytes(only(values)) for one, values in self.log.by_id(SLO_ALERTS).items()}
        statuses = {one: SloStatus.from_bytes(only(values)) for one, values in self.log.by_id(SLO_STATUS).items()}
        return alerts, {one: status.model_dump() for one, status in statuses.items()}


def only(values: set[bytes]) -> bytes:
    (value,) = values
    return value


@pytest.mark.kafka
def test_kills_at_random_moments_change_no_budget_and_no_alert(apache_kafka: KafkaSettings, tmp_path: Path) -> None:
    trial = BurnTrial(fresh(apache_kafka), tmp_path, seed=4, per_second=400.0)
    trial.define()
    trial.run(kills_in_turn(3), ("burn",))
    alerts, statuses = trial.found()
    wanted_alerts, wanted_statuses = trial.expected()
    assert {(one.tenant, one.alert, one.state) for one in wanted_alerts.values()} >= {
        (tenant, "page-quick", state) for tenant in TENANTS for state in ("start", "end")
    }
    assert alerts == wanted_alerts
    assert statuses.keys() - wanted_statuses.keys() == set()
    # The topic keeps the newest of each objective, and may have dropped older ones.
    newest = {one["tenant"]: one for one in sorted(wanted_statuses.values(), key=lambda one: one["at_ms"])}
    assert {one["tenant"]: one for one in sorted(statuses.values(), key=lambda one: one["at_ms"])} == newest
    assert len(trial.kills) == 3


def test_a_file_that_changes_is_in_force_without_a_restart_and_a_bad_one_changes_nothing(
    any_broker: KafkaSettings, tmp_path: Path
) -> None:
    trial = BurnTrial(fresh(any_broker), tmp_path, seed=5)
    trial.define()
    publisher = trial.publisher(shipped=False)
    assert publisher.look() == [], "a restart announces nothing anew"
    file = trial.folder / "slos" / "default" / "checkout.yaml"
    file.write_text(DEFINITION.replace("99.95", "99.5"))
    (changed,) = publisher.look()
    file.write_text("kind: SLO")
    assert publisher.look() == []
    (trial.folder / "slos" / "acme" / "checkout.yaml").unlink()
    assert [(one.key, one.slo) for one in publisher.look()] == [("acme/checkout", None)]
    held = SettingsTopic(trial.kafka).read()
    assert {key: one.slo.target if one.slo else None for key, one in held.items()} == {
        "acme/checkout": None,
        "default/checkout": 0.995,
        "shop/checkout": 0.9995,
    }
    assert held["default/checkout"] == changed
    copies = trial.log.records(SETTINGS)
    assert len({tuple(one.value for one in copies[number]) for number in range(trial.kafka.partitions)}) == 1


def test_a_worker_counts_by_a_definition_that_changes_and_takes_feedback(
    any_broker: KafkaSettings, tmp_path: Path
) -> None:
    trial = BurnTrial(fresh(any_broker, partitions=1), tmp_path, seed=6, per_second=3000.0, count=300)
    trial.define()
    (trial.folder / "slos" / "default" / "checkout.yaml").write_text(DEFINITION.replace("99.95", "99.5"))
    definition = trial.publisher(shipped=True).look()
    assert "default/alert-accuracy" in {one.key for one in definition}
    # The change is announced for the time of day; the slices are of two days ago, so it holds from then on here.
    (slo,) = [one.slo for one in definition if one.key == "default/checkout"]
    setting = announce("default/checkout", slo, START_MS + 100 * SLICE_MS)
    said = Feedback(
        tenant="default", alert_id="a1", verdict="actioned", at_ms=START_MS + 50 * SLICE_MS, labels={"team": "shop"}
    )
    send(trial, SETTINGS.name, record_key("default/checkout"), setting.to_bytes())
    send(trial, FEEDBACK.name, said.key, said.to_bytes())

    def wait(_: Trial) -> None:
        assert trial.sender is not None
        while not trial.sender.is_over:
            time.sleep(0.05)

    trial.run(wait, ("burn",))
    statuses = [SloStatus.model_validate(one) for one in trial.found()[1].values()]
    targets = {one.at_ms: one.target for one in statuses if one.key == "default/checkout"}
    assert {target for at_ms, target in targets.items() if at_ms > START_MS + 101 * SLICE_MS} == {0.995}
    assert {target for at_ms, target in targets.items() if at_ms < START_MS + 100 * SLICE_MS} == {0.9995}
    accuracy = max((one for one in statuses if one.key == "default/alert-accuracy"), key=lambda one: one.at_ms)
    assert (accuracy.budget("own").good, accuracy.budget("own").compliance) == (1.0, 1.0)


def send(trial: Trial, topic: str, key: str, value: bytes) -> None:
    with Traffic(trial.kafka, iter([Message(topic, 0, key.encode(), value)]), 100.0) as sender:
        while not sender.is_over:
            time.sleep(0.02)
    assert not sender.failed


def test_ten_thousand_definitions_are_announced_at_once(any_broker: KafkaSettings) -> None:
    (slo,) = read_slos(DEFINITION, "checkout.yaml").slos
    named = (slo.model_copy(update={"name": f"c{at}"}) for at in range(10_000))
    topic = SettingsTopic(fresh(any_broker))
    ones = [Announced(one.key, one, 0) for one in named]
    topic.write(ones)
    assert topic.read() == {one.key: one for one in ones}
