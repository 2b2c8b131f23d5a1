"""What the collector reads of this machine, and how it says so."""

from __future__ import annotations

import json
import time

import pytest

from integrations.collector import Machine, Reading, encode_readings


def test_ratios_lie_between_zero_and_one_and_counters_never_fall() -> None:
    machine = Machine()
    time.sleep(0.1)
    first = {(one.metric, one.labels): one for one in machine.read()}
    second = {(one.metric, one.labels): one for one in machine.read()}
    for one in first.values():
        if one.metric.endswith("_ratio"):
            assert 0 <= one.value <= 1, one
        if one.type == "counter":
            assert second[one.metric, one.labels].value >= one.value
            assert one.metric.endswith("_total")


def test_each_series_is_read_once() -> None:
    readings = Machine().read()
    assert len({(one.metric, one.labels) for one in readings}) == len(readings)


def test_the_cpu_shows_its_modes_once_time_has_passed() -> None:
    machine = Machine()
    time.sleep(0.2)
    ratios = {one.metric: one.value for one in machine.read() if one.metric.startswith("node_cpu_")}
    assert {"node_cpu_ratio", "node_cpu_user_ratio", "node_cpu_system_ratio"} <= set(ratios)
    assert ratios["node_cpu_user_ratio"] <= ratios["node_cpu_ratio"] + 1e-9


def test_a_message_is_an_array_of_samples_of_one_moment() -> None:
    readings = [Reading("a", 0.25), Reading("b_total", 7.0, "By", "counter", (("device", "sda"),))]
    assert json.loads(encode_readings(readings, "n1", 1000)) == [
        {"metric": "a", "value": 0.25, "timestamp": 1000, "labels": {"node": "n1"}, "unit": "1", "type": "gauge"},
        {
            "metric": "b_total",
            "value": 7.0,
            "timestamp": 1000,
            "labels": {"node": "n1", "device": "sda"},
            "unit": "By",
            "type": "counter",
        },
    ]


@pytest.mark.parametrize("value", [0.1234567891, 1e12])
def test_values_keep_six_decimals(value: float) -> None:
    (sample,) = json.loads(encode_readings([Reading("a", value)], "n", 0))
    assert sample["value"] == pytest.approx(value, abs=1e-6)
