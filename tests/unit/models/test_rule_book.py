"""Threshold rules that come and go while series are watched."""

from __future__ import annotations

import pytest

from models.detect import ThresholdRule
from models.names import DRIFTS, RESERVED_NAMES, VITAL_NAMES, WINDOWS
from models.registry import registry
from models.river import RiverDrift
from models.verdict import WINDOWS_DETECTOR
from models.vitals import FLATLINE, MISSING, VARIANCE
from schemas.errors import SchemaError
from schemas.events import Anomaly, Setting
from schemas.series import Series
from tests.unit.models.streams import START_MS, Bench, Sample, stream

DISK = Series("t", "disk", {}, {"node": "h1"}, "gauge", "1")
LAGGING = Series("t", "disk", {"mount": "/far"}, {"node": "h1"}, "gauge", "1")


def rules(count: int, threshold: float, **fields: object) -> list[dict[str, object]]:
    return [{"name": f"r{at}", "select": "disk", "threshold": threshold, **fields} for at in range(count)]


def bench_of(*configured: dict[str, object]) -> Bench:
    return Bench(rules=list(configured), shipped_rules=False, drift={"enabled": False})


def set_rules(bench: Bench, given: list[dict[str, object]], at_s: int) -> None:
    setting = Setting(subject="threshold_rules", valid_from_ms=START_MS + 1000 * at_s, body={"rules": given})
    bench.operator.apply_setting(setting)


def told(found: list[Anomaly], state: str) -> set[str]:
    return {one.detector for one in found if one.state == state}


def test_changed_thresholds_of_many_rules_all_hold_time_and_again() -> None:
    bench = bench_of(*rules(8, 0.5))
    every = {f"r{at}" for at in range(8)}
    assert told(bench.feed(stream(DISK, [0.9] * 10)), "start") == every
    for change in range(1, 6):
        set_rules(bench, rules(8, 0.5 + change / 100), 10 * change)
        found = bench.feed(stream(DISK, [0.9] * 10, START_MS + 10_000 * change))
        assert told(found, "end") == every
        assert told(found, "start") == every
    assert bench.operator.counts["rules_dropped"] == 0


def test_the_most_urgent_rules_find_a_place_first() -> None:
    late = {"name": "urgent", "select": "disk", "threshold": 0.5, "priority": "P0"}
    bench = bench_of(*rules(8, 0.5), late)
    found = bench.feed(stream(DISK, [0.9]))
    assert "urgent" in told(found, "start")
    assert len(found) == 8
    assert bench.operator.counts["rules_dropped"] == 1


def test_a_rule_that_found_no_place_watches_once_there_is_one() -> None:
    bench = bench_of(*rules(10, 0.5))
    bench.feed(stream(DISK, [0.1]))
    set_rules(bench, rules(10, 0.5)[4:], 5)
    assert told(bench.feed(stream(DISK, [0.9], START_MS + 10_000)), "start") == {f"r{at}" for at in range(4, 10)}


def test_a_firing_rule_is_ended_for_a_series_that_lags_behind_the_change() -> None:
    bench = bench_of(*rules(1, 0.5))
    bench.feed([*stream(DISK, [0.9] * 5), *stream(LAGGING, [0.9] * 5)])
    set_rules(bench, rules(1, 0.6), 10)
    bench.feed(stream(DISK, [0.1] * 90, START_MS + 10_000))
    # The partition is past the first change when the second comes; one series has not seen either.
    set_rules(bench, rules(1, 0.7), 101)
    found = bench.feed([Sample(LAGGING, START_MS + 110_000, 0.9)])
    assert [(one.state, one.started_ms) for one in found] == [("end", START_MS), ("start", START_MS + 110_000)]
    set_rules(bench, rules(1, 0.8), 120)
    assert len(bench.operator._rules.entries) <= 3


def test_rules_of_one_name_are_refused_wherever_they_come_from() -> None:
    bench = bench_of()
    with pytest.raises(SchemaError, match=r"threshold rules: names: .*of one name: r0"):
        set_rules(bench, rules(1, 0.5) + rules(1, 0.6), 0)


def test_names_that_are_written_twice_are_the_same() -> None:
    assert WINDOWS == WINDOWS_DETECTOR
    assert set(DRIFTS) == {name for name, kind in registry().items() if issubclass(kind, RiverDrift)}
    assert (VITAL_NAMES[FLATLINE], VITAL_NAMES[VARIANCE], VITAL_NAMES[MISSING]) == ("flatline", "variance", "missing")


@pytest.mark.parametrize(
    "name", ["windows", "entities", *VITAL_NAMES.values(), "MetricAnomaly", "MetricMissing", *sorted(registry())]
)
def test_a_rule_takes_no_detectors_name(name: str) -> None:
    assert name in RESERVED_NAMES
    with pytest.raises(ValueError, match="needs one of its own"):
        ThresholdRule(name=name, select="disk", threshold=1)


@pytest.mark.parametrize("threshold", [float("inf"), float("nan")])
def test_a_threshold_is_a_number(threshold: float) -> None:
    with pytest.raises(ValueError, match="finite number"):
        ThresholdRule(name="x", select="disk", threshold=threshold)
