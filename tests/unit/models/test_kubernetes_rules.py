"""The shipped rules on pods and nodes of a cluster: quiet on ordinary days, and loud once what is wrong lasts."""

from __future__ import annotations

import pytest

from models.shipped_rules import SHIPPED_RULES
from schemas.series import Series
from tests.unit.models.streams import Bench

STEP_S = 30
HOUR = 3600 // STEP_S
NAMES = [rule.name for rule in SHIPPED_RULES]
CRASHES = ("kube_pod_container_status_waiting_reason", {"reason": "CrashLoopBackOff"}, "gauge")
RESTARTS = ("kube_pod_container_status_restarts_total", {}, "counter")
READY = ("kube_node_status_condition", {"condition": "Ready", "status": "true"}, "gauge")


def told(metric: str, labels: dict[str, str], kind: str, values: list[float]) -> list[tuple[str, str | None]]:
    """Rules that begin to speak, and how urgently."""
    series = Series("t", metric, {"pod": "web-1", **labels}, {"pod": "web-1"}, kind)
    found = Bench(drift={"enabled": False}).feed_values(series, values, step_ms=1000 * STEP_S)
    return [(one.detector, one.priority) for one in found if one.detector in NAMES and one.state == "start"]


def minutes(count: int, value: float) -> list[float]:
    return [value] * (count * 60 // STEP_S)


@pytest.mark.parametrize(("lasts", "found"), [(10, []), (25, [("kube_crash_loop", "P2")])])
def test_a_back_off_is_told_once_it_lasts(lasts: int, found: list[tuple[str, str]]) -> None:
    assert told(*CRASHES, [*minutes(60, 0), *minutes(lasts, 1), *minutes(60, 0)]) == found


def test_a_back_off_that_comes_and_goes_as_the_container_is_tried_is_one() -> None:
    assert told(*CRASHES, [*minutes(60, 0), *(minutes(2, 0) + minutes(3, 1)) * 8]) == [("kube_crash_loop", "P2")]


@pytest.mark.parametrize(("restarts", "found"), [(4, []), (8, [("kube_container_restarts", "P2")])])
def test_restarts_are_told_once_there_are_many_in_an_hour(restarts: int, found: list[tuple[str, str]]) -> None:
    values = minutes(120, 3)
    for count in range(1, restarts + 1):
        values += minutes(5, 3 + count)
    assert told(*RESTARTS, values + minutes(60, 3 + restarts)) == found


@pytest.mark.parametrize(("lasts", "found"), [(10, []), (20, [("kube_node_not_ready", "P2")])])
def test_a_node_that_is_not_ready_is_told_once_it_lasts(lasts: int, found: list[tuple[str, str]]) -> None:
    assert told(*READY, [*minutes(60, 1), *minutes(lasts, 0), *minutes(60, 1)]) == found


def test_a_node_without_disk_pressure_is_no_node_that_is_not_ready() -> None:
    metric, _, kind = READY
    assert told(metric, {"condition": "DiskPressure", "status": "true"}, kind, minutes(60, 0)) == []
