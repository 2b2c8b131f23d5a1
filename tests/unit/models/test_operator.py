"""The stage around the verdicts: silence, ticks, limits, settings, rules, records."""

from __future__ import annotations

import json

import numpy as np
import pytest

from models.detect import DetectOperator, DetectSettings, ThresholdRule
from schemas.batch import encode_batch
from schemas.errors import CheckpointError, SchemaError
from schemas.events import Anomaly, Setting, Tick
from schemas.series import Series
from schemas.topics import ANOMALIES, DETECT_TICKS, HEALTH, SAMPLES, SETTINGS
from tests.unit.models.streams import START_MS, Bench, Sample, batch_of, stream

BURN = [*np.tile([0.09, 0.11], 60).tolist(), *[0.97] * 8]
LAST_MS = START_MS + 1000 * (len(BURN) - 1)


def test_a_series_that_stops_ends_its_anomaly_at_its_last_sample_whoever_notices(cpu: Series) -> None:
    by_tick, by_sample = Bench(), Bench()
    for one in (by_tick, by_sample):
        assert one.feed_values(cpu, BURN)[0].state == "start"
    by_tick.operator.on_tick(LAST_MS)
    assert by_tick.operator.on_tick(LAST_MS + 179_000) == []
    (end,) = by_tick.operator.on_tick(LAST_MS + 185_000)
    (same,) = by_sample.feed([Sample(cpu, LAST_MS + 400_000, 0.1)])
    assert end.to_bytes() == same.to_bytes()
    assert (end.state, end.ended_ms, end.end_reason) == ("end", LAST_MS, "silent")
    assert by_tick.feed([Sample(cpu, LAST_MS + 400_000, 0.1)]) == []


def test_ticks_far_ahead_of_the_samples_end_nothing_while_samples_come(bench: Bench, cpu: Series) -> None:
    assert bench.feed_values(cpu, BURN)
    for at in range(1, 20):
        assert bench.operator.on_tick(LAST_MS + 3_600_000 * at) == []
        bench.feed([Sample(cpu, LAST_MS + 1000 * at, 0.97)])


def test_a_silent_series_is_forgotten_and_begins_anew(cpu: Series) -> None:
    bench = Bench(forget_after_s=600)
    bench.feed_values(cpu, BURN[:100])
    bench.operator.on_tick(START_MS)
    bench.operator.on_tick(START_MS + 800_000)
    assert bench.operator.series_count == 0
    assert bench.operator.counts["forgotten"] == 1
    assert bench.feed(stream(cpu, BURN, START_MS + 900_000))[0].state == "start"
    assert bench.operator.series_count == 1


def test_series_beyond_the_tenants_limit_are_dropped_and_counted() -> None:
    bench = Bench(max_series=2)
    samples = [Sample(Series("t", f"m{at % 4}"), START_MS + at, 1.0) for at in range(8)]
    bench.feed(samples)
    bench.feed([Sample(Series("other", "m"), START_MS, 1.0)])
    assert bench.operator.series_count == 3
    assert bench.operator.counts["over_limit"] == 4
    assert bench.operator.counts["accepted"] == 5


def test_records_come_and_go_as_bytes(cpu: Series) -> None:
    operator = DetectOperator(DetectSettings.model_validate({"windows": {"5m": {"warmup_s": 60}}}), 3, 8)
    outputs = operator.step(SAMPLES.name, encode_batch(batch_of(stream(cpu, BURN))))
    output, health = outputs
    assert (health.topic, health.key) == (HEALTH, f"t/{cpu.entity}")
    assert (output.topic, output.key) == (ANOMALIES, f"t/{cpu.id:016x}")
    anomaly = Anomaly.from_bytes(output.value)
    assert output.id == f"{anomaly.id}/start/{anomaly.at_ms}"
    assert output.event_ms == anomaly.at_ms
    tick = Tick(stage="detect", partition=3, at_ms=LAST_MS).to_bytes()
    assert operator.step(DETECT_TICKS.name, tick) == []


@pytest.mark.parametrize("topic", [SAMPLES.name, DETECT_TICKS.name, SETTINGS.name])
@pytest.mark.parametrize("value", [None, b"", b"nonsense", b"{}"])
def test_what_cannot_be_read_is_refused(bench: Bench, topic: str, value: bytes | None) -> None:
    with pytest.raises(SchemaError):
        bench.operator.step(topic, value)


def test_equal_input_makes_no_mutation_of_the_batch(bench: Bench, cpu: Series) -> None:
    batch = batch_of(stream(cpu, BURN))
    before = [array.copy() for array in (batch.series, batch.timestamp_ms, batch.value, batch.series_ids)]
    bench.operator.step_batch(batch)
    for one, kept in zip((batch.series, batch.timestamp_ms, batch.value, batch.series_ids), before, strict=True):
        assert np.array_equal(one, kept)


def test_updates_come_when_it_grows_worse_or_a_minute_passed() -> None:
    bench = Bench(families=[{"name": "x", "metric": "x", "min_effect": 1.0}])
    calm = np.tile([0.0, 0.1], 150).tolist()
    found = bench.feed_values(Series("t", "x"), [*calm, *[6.0] * 130, *[9.0] * 10])
    assert found[0].state == "start"
    later = [one for one in found if one.at_ms > START_MS + 330_000 and one.state == "update"]
    assert [one.at_ms - START_MS for one in later][-1] == 430_000
    gaps = np.diff([one.at_ms for one in found])
    assert gaps.max() <= 60_000
    peaks = [one.peak_score for one in found]
    assert peaks == sorted(peaks)


RULES = [
    {"name": "full", "select": 'disk{mount!="/boot"}', "threshold": 0.9, "for_s": 10, "priority": "P1"},
    {"name": "steady", "select": "disk", "function": "avg", "window_s": 60, "threshold": 0.5},
]


def disk(mount: str) -> Series:
    return Series("t", "disk", {"mount": mount}, {"node": "h1"}, "gauge", "1")


def limits(found: list[Anomaly], name: str) -> list[tuple[str, int]]:
    return [(one.state, (one.at_ms - START_MS) // 1000) for one in found if one.detector == name]


def test_a_threshold_rule_waits_and_clears() -> None:
    bench = Bench(rules=RULES, shipped_rules=False, shipped_families=False)
    values = [0.2] * 100 + [0.95] * 5 + [0.2] * 5 + [0.95] * 100 + [0.2] * 60
    found = bench.feed(stream(disk("/"), values))
    assert limits(found, "full") == [("start", 120), ("update", 180), ("end", 210)]
    start = next(one for one in found if one.detector == "full")
    assert start.started_ms == START_MS + 110_000
    assert (start.kind, start.priority, start.safety, start.direction) == ("limit", "P1", False, "up")
    assert start.score == pytest.approx(1 + 0.05 / 0.9)
    assert start.explanation == "full: disk (/) of node h1 is 0.95, limit > 0.9; since 22:16:50"
    steady = limits(found, "steady")
    assert [state for state, _ in steady if state != "update"] == ["start", "end"]
    boot = Bench(rules=RULES, shipped_rules=False).feed(stream(disk("/boot"), values))
    assert limits(boot, "full") == []


@pytest.mark.parametrize(
    ("function", "comparison", "threshold", "fires"),
    [
        ("last", ">=", 5.0, True),
        ("last", "==", 5.0, True),
        ("last", "!=", 5.0, False),
        ("min", "<", 1.5, True),
        ("max", ">", 8.5, True),
        ("max", "<=", 8.0, False),
        ("avg", "<", 4.0, False),
        ("count", ">", 100, True),
        ("count", ">", 400, False),
        ("increase", ">", 3.5, True),
        ("rate", ">", 0.01, True),
        ("rate", ">", 0.02, False),
    ],
)
def test_functions_and_comparisons(function: str, comparison: str, threshold: float, fires: bool) -> None:
    rule = {"name": "r", "select": "m", "function": function, "comparison": comparison, "threshold": threshold}
    bench = Bench(rules=[rule], shipped_rules=False, drift={"enabled": False})
    values = [1.0, 9.0] * 100 + [5.0]
    found = bench.feed(stream(Series("t", "m"), values))
    states = [one.state for one in found if one.detector == "r"]
    assert bool(states and states[-1] != "end") == fires


def test_an_oom_kill_is_told_at_the_counters_first_move_and_is_on_the_safety_list() -> None:
    bench = Bench()
    series = Series("t", "node_oom_kills_total", {"node": "h1"}, {"node": "h1"}, "counter", "1")
    found = bench.feed_values(series, [4.0] * 50 + [5.0] + [5.0] * 400, step_ms=5_000)
    assert limits(found, "oom_kill")[0] == ("start", 250)
    assert limits(found, "oom_kill")[-1][0] == "end"
    assert 250 + 270 <= limits(found, "oom_kill")[-1][1] <= 250 + 330
    assert (found[0].priority, found[0].safety, found[0].severity) == ("P0", True, "critical")


def test_rules_from_settings_hold_from_their_time_on_and_end_what_they_replace() -> None:
    bench = Bench(rules=RULES[:1], shipped_rules=False)
    series = disk("/")
    assert limits(bench.feed(stream(series, [0.95] * 30)), "full") == [("start", 10)]
    body = {"rules": [{"name": "fuller", "select": "disk", "threshold": 0.94}]}
    setting = Setting(subject="threshold_rules", valid_from_ms=START_MS + 40_000, body=body)
    assert bench.operator.step(SETTINGS.name, setting.to_bytes()) == []
    found = bench.feed(stream(series, [0.95] * 30, START_MS + 30_000))
    assert limits(found, "full") == [("end", 40)]
    assert limits(found, "fuller") == [("start", 40)]
    other = Setting(subject="correlation", valid_from_ms=0, body={})
    assert bench.operator.step(SETTINGS.name, other.to_bytes()) == []
    bad = Setting(subject="threshold_rules", valid_from_ms=0, body={"rules": [{"name": "x"}]})
    with pytest.raises(SchemaError, match=r"threshold rules: 0\.select"):
        bench.operator.step(SETTINGS.name, bad.to_bytes())


def test_rules_from_settings_survive_a_restart_and_changed_configuration_wins_later() -> None:
    bench = Bench(rules=RULES[:1], shipped_rules=False)
    bench.feed(stream(disk("/"), [0.95] * 5))
    body = {"rules": [{"name": "fuller", "select": "disk", "threshold": 0.94}]}
    bench.operator.apply_setting(Setting(subject="threshold_rules", valid_from_ms=START_MS + 5_000, body=body))
    blocks = dict(bench.operator.take_blocks())
    same, changed = Bench(rules=RULES[:1], shipped_rules=False), Bench(rules=RULES[1:], shipped_rules=False)
    for one in (same, changed):
        for key, value in blocks.items():
            one.operator.load_block(key, value)
        one.operator.finish_load()
    tail = stream(disk("/"), [0.95] * 30, START_MS + 5_000)
    assert {one.detector for one in same.feed(tail)} == {"fuller"}
    assert {one.detector for one in changed.feed(tail)} == {"steady"}


def test_no_more_than_eight_rules_watch_a_series_and_the_rest_are_counted() -> None:
    rules = [{"name": f"r{at}", "select": "disk", "threshold": 0.5} for at in range(10)]
    bench = Bench(rules=rules, shipped_rules=False)
    assert {one.detector for one in bench.feed(stream(disk("/"), [0.9]))} == {f"r{at}" for at in range(8)}
    assert bench.operator.counts["rules_dropped"] == 2


@pytest.mark.parametrize(
    "select", ["", "{", 'disk{mount="/}', "disk{mount=/}", 'disk{mount=~"["}', 'disk{mount="a" b="c"}']
)
def test_a_selector_that_cannot_be_read_is_refused(select: str) -> None:
    with pytest.raises(ValueError, match=r"selector|matcher|regular"):
        ThresholdRule(name="x", select=select, threshold=0)


def test_state_of_another_version_is_refused(bench: Bench, cpu: Series) -> None:
    bench.feed_values(cpu, BURN[:10])
    blocks = dict(bench.operator.take_blocks())
    meta = json.loads(blocks["meta"])
    other = Bench().operator
    other.load_block("meta", json.dumps({**meta, "version": 0}).encode())
    with pytest.raises(CheckpointError, match="version 0"):
        other.finish_load()


def test_histograms_become_rate_mean_and_p95() -> None:
    from schemas.batch import HistogramPoint, SampleBatch

    operator = DetectOperator(DetectSettings(), 0, 1)
    series = Series("t", "latency", {"route": "/"}, {"service": "web"}, "counter", "ms")

    def batch(at: int, *points: HistogramPoint) -> SampleBatch:
        times = START_MS + 10_000 * (at + np.arange(len(points)))
        rows = np.zeros(len(points), np.int32)
        return SampleBatch("t", np.array([series.id], np.uint64), [series.text], rows, times, np.empty(0), points)

    one = HistogramPoint(10, sum=100.0, bounds=[10, 20], counts=[10, 0, 0])
    two = HistogramPoint(30, sum=400.0, bounds=[10, 20], counts=[20, 10, 0])
    reset = HistogramPoint(5, sum=75.0, bounds=[10, 20], counts=[0, 5, 0])
    derived = operator.histograms.derive(batch(0, one, two, two, reset))
    found = {json.loads(text)["metric"]: [] for text in derived.series_text}
    for row, value in zip(derived.series.tolist(), derived.value.tolist(), strict=True):
        found[json.loads(derived.series_text[row])["metric"]].append(value)
    assert found == {"latency:rate": [2.0, 0.0, 0.5], "latency:mean": [15.0, 15.0], "latency:p95": [19.0, 19.5]}
    operator.step_batch(batch(10, one, two))
    assert operator.series_count == 3
    assert operator.counts["histogram_points"] == 6
    assert operator.step_batch(batch(0, one)) == []
    assert operator.counts["histogram_out_of_order"] == 1
    other = DetectOperator(DetectSettings(), 0, 1)
    for key, value in operator.take_blocks():
        other.load_block(key, value)
    other.finish_load()
    more = batch(12, HistogramPoint(50, sum=600.0, bounds=[10, 20], counts=[20, 30, 0]))
    assert np.array_equal(other.histograms.derive(more).value, operator.histograms.derive(more).value)


def test_exponential_histograms_and_summaries_are_read_too() -> None:
    from models.histograms import HistogramBank
    from schemas.batch import HistogramPoint, SampleBatch

    series = Series("t", "size", {}, {}, "delta", "By")
    points = [
        HistogramPoint(2, sum=5.0, scale=0, zero_count=0, positive_offset=0, positive=[1, 1]),
        HistogramPoint(100, sum=250.0, scale=0, zero_count=0, positive_offset=1, positive=[100]),
        HistogramPoint(100, sum=250.0, quantiles=[0.5, 0.95], quantile_values=[2.0, 9.0]),
    ]
    batch = SampleBatch(
        "t",
        np.array([series.id], np.uint64),
        [series.text],
        np.zeros(3, np.int32),
        START_MS + 10_000 * np.arange(3),
        np.empty(0),
        points,
    )
    derived = HistogramBank(10).derive(batch)
    values = {
        (json.loads(derived.series_text[row])["metric"], (time_ms - START_MS) // 1000): value
        for row, time_ms, value in zip(
            derived.series.tolist(), derived.timestamp_ms.tolist(), derived.value.tolist(), strict=True
        )
    }
    assert values[("size:rate", 10)] == 10.0
    assert values[("size:mean", 10)] == 2.5
    assert values[("size:p95", 10)] == pytest.approx(3.9)
    assert values[("size:p95", 20)] == 9.0


def test_times_that_are_none_are_counted_and_move_no_clock(bench: Bench, cpu: Series) -> None:
    bench.feed([Sample(cpu, START_MS, 0.1), Sample(cpu, 2**60, 0.1), Sample(cpu, -5, 0.1), Sample(cpu, 0, 0.1)])
    assert bench.operator.counts["bad_time"] == 3
    assert bench.feed_values(cpu, BURN)[0].state == "start"
    bench.operator.on_tick(LAST_MS)
    assert bench.operator.on_tick(LAST_MS + 60_000) == []


def test_histograms_beyond_the_limit_and_with_new_bounds() -> None:
    from models.histograms import HistogramBank
    from schemas.batch import HistogramPoint, SampleBatch

    members = [Series("t", f"latency{at}", {}, {}, "counter") for at in range(3)]
    bank = HistogramBank(2)

    def derive(at: int, bounds: list[float], count: int) -> SampleBatch:
        point = HistogramPoint(count, bounds=bounds, counts=[count] + [0] * len(bounds))
        return bank.derive(
            SampleBatch(
                "t",
                np.array([one.id for one in members], np.uint64),
                [one.text for one in members],
                np.arange(3, dtype=np.int32),
                np.full(3, START_MS + 1000 * at),
                np.empty(0),
                [point] * 3,
            )
        )

    assert len(derive(0, [1.0, 2.0], 10)) == 0
    assert derive(1, [1.0, 2.0], 30).value.tolist() == [20.0, 0.95, 20.0, 0.95]
    # Other bounds: the count goes on, and no percentile can be told.
    assert derive(2, [4.0], 40).value.tolist() == [10.0, 10.0]
    assert derive(3, [4.0], 60).value.tolist() == [20.0, 3.8, 20.0, 3.8]
    assert bank.counts["histogram_over_limit"] == 4


def test_changed_drift_settings_begin_anew_and_others_read_the_state_as_it_is(cpu: Series) -> None:
    before = Bench(drift={"reference": "1h", "pickle_every": 2})
    before.feed_values(cpu, [0.1, 0.2] * 1500)
    assert before.operator.counts["river_updates"] > 10
    before.operator.mark_all()
    blocks = before.operator.take_blocks()
    for changed in (
        {"reference": "1h", "pickle_every": 2},
        {"reference": "1h", "pickle_every": 9},
        {"detector": "adwin"},
    ):
        after = Bench(drift=changed, families=[{"name": "mine", "metric": "node_cpu_ratio"}])
        for key, value in blocks:
            after.operator.load_block(key, value)
        after.operator.finish_load()
        assert after.operator.bank.slots["family"][0] == 0
        assert after.feed(stream(cpu, [0.1, 0.2] * 60, LAST_MS + 2_900_000)) == []
