"""The routes that ship: where each priority goes, and what is kept quiet."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents import routing
from incidents.routing.config import RoutingConfig
from incidents.routing.reading import read_routing

SATURDAY_MS = 1_795_867_200_000


@pytest.fixture(scope="module")
def config() -> RoutingConfig:
    (file,) = (Path(str(routing.__file__)).parent / "shipped").glob("*.yaml")
    reading = read_routing(file.read_bytes(), file.name)
    assert (reading.problems, reading.unsupported) == ([], [])
    assert reading.config is not None
    return reading.config


@pytest.mark.parametrize(
    ("priority", "receiver", "is_held"),
    [
        ("P0", "page", False),
        ("P1", "page-hours", True),
        ("P2", "ticket", False),
        ("P3", "log", False),
        ("", "log", False),
    ],
)
def test_each_priority_has_its_receiver_and_p1_alone_waits_for_hours(
    config: RoutingConfig, priority: str, receiver: str, is_held: bool
) -> None:
    labels = {"priority": priority}
    (route,) = config.match(labels)
    assert route.receiver == receiver
    assert route.group_by == ("incident_id",)
    assert (config.muting(route, labels, SATURDAY_MS) is not None) is is_held


def test_nothing_that_ships_needs_a_secret(config: RoutingConfig) -> None:
    found = [one for receiver in config.receivers.values() for one in receiver.integrations]
    assert {(one.kind, tuple(one.settings)) for one in found} == {("log", ())}


PATTERN = {"alertname": "ClusterPattern", "severity": "critical", "metric": "cpu", "cluster": "c1", "priority": "P1"}
CHILD = {
    "alertname": "MetricAnomaly",
    "severity": "warning",
    "metric": "cpu",
    "cluster": "c1",
    "priority": "P2",
    "node": "a",
}


@pytest.mark.parametrize(
    ("source", "target", "is_quiet"),
    [
        (PATTERN, CHILD, True),
        (PATTERN, {**CHILD, "priority": "P0"}, False),
        (PATTERN, {**CHILD, "metric": "disk"}, False),
        (PATTERN, {**CHILD, "cluster": "c2"}, False),
        (PATTERN, PATTERN, False),
        ({**CHILD, "severity": "critical"}, CHILD, True),
        ({**CHILD, "severity": "critical"}, {**CHILD, "node": "b"}, False),
        ({**CHILD, "severity": "critical"}, {**CHILD, "severity": "critical"}, False),
        (CHILD, {**CHILD, "severity": "critical"}, False),
    ],
)
def test_a_pattern_keeps_its_nodes_quiet_and_the_worse_alert_the_lesser(
    config: RoutingConfig, source: dict[str, str], target: dict[str, str], is_quiet: bool
) -> None:
    assert any(rule.inhibits(source, target) for rule in config.inhibit_rules) is is_quiet
