"""What silence, gaps and samples from the future do to what is known of a series."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.detect import DetectOperator, DetectSettings
from models.trace import VERDICTS, make_trace
from schemas.series import Series
from streams.layout import LENGTHS
from tests.unit.models.streams import START_MS, Bench, Sample, batch_of, stream

CALM = np.tile([0.09, 0.11], 60).tolist()
BURN = [*CALM, *[0.97] * 8]
DAY_MS = 86_400_000


def test_a_gap_longer_than_the_memory_makes_a_series_new_whether_a_tick_saw_it_or_not(cpu: Series) -> None:
    ticked, plain = Bench(forget_after_s=600), Bench(forget_after_s=600)
    for bench in (ticked, plain):
        assert bench.feed_values(cpu, BURN)[0].state == "start"
    ticked.operator.on_tick(START_MS)
    told = ticked.operator.on_tick(START_MS + 900_000)
    assert ticked.operator.series_count == 0
    again = stream(cpu, [0.6] * 30 + BURN, START_MS + DAY_MS)
    told += ticked.feed(again)
    found = plain.feed(again)
    assert [one.to_bytes() for one in told] == [one.to_bytes() for one in found]
    assert [one.state for one in found] == ["end", "start"]
    rows = [bench.operator.bank.slots[0].copy() for bench in (ticked, plain)]
    for row in rows:  # newest timestamps of before the gap are kept where the slot was not freed
        for name in ("stamps", "stamp_count", "stamp_head", "stamp_base_ms", "dirty", "ring_dirty"):
            row[name] = 0
    learned = [name for name in rows[0].dtype.names if name not in {"started_ms", "told_ms", "told_peak", "clear_ms"}]
    assert [name for name in learned if rows[0][name].tobytes() != rows[1][name].tobytes()] == []


def test_a_series_that_begins_anew_has_a_new_drift_detector(cpu: Series) -> None:
    bench = Bench(forget_after_s=600, drift={"reference": "5m"})
    bench.feed(stream(cpu, CALM * 3, step_ms=5_000))
    learned = bench.operator.drift._detectors[0]
    assert learned is not None
    bench.feed(stream(cpu, CALM, START_MS + DAY_MS, step_ms=5_000))
    assert bench.operator.drift._detectors[0] is not learned


@pytest.mark.parametrize("kind", ["gauge", "counter"])
def test_a_chosen_detector_is_forgotten_whether_a_tick_saw_it_or_not(kind: str) -> None:
    series = Series("t", "m", {}, {}, kind)
    choices = [{"detector": "records", "select": "m"}]
    ticked, plain = (Bench(forget_after_s=600, detectors=choices) for _ in range(2))

    def values(level: float) -> list[float]:
        rates = [*CALM, *CALM, level]
        return np.cumsum(rates).tolist() if kind == "counter" else rates

    for bench in (ticked, plain):
        assert {one.detector for one in bench.feed_values(series, values(50.0))} >= {"records"}
    ticked.operator.on_tick(START_MS)
    told = ticked.operator.on_tick(START_MS + 900_000)
    again = stream(series, values(5.0), START_MS + DAY_MS)
    # Where the batch is cut makes no difference either: at a counter's first sample there is nothing to judge yet.
    found = plain.feed(again[:1]) + plain.feed(again[1:])
    told += ticked.feed(again)
    assert [one.to_bytes() for one in told] == [one.to_bytes() for one in found]
    assert [(one.state, one.end_reason) for one in found if one.detector == "records"] == [
        ("end", "silent"),
        ("start", None),
    ]
    blocks = [dict(bench.operator.take_blocks())["chosen/0"] for bench in (ticked, plain)]
    assert blocks[0] == blocks[1]


def test_a_sample_from_the_future_lets_no_other_series_be_forgotten(cpu: Series, bench: Bench) -> None:
    bench.feed_values(cpu, BURN)
    bench.feed([Sample(Series("t", "odd"), START_MS + 3 * DAY_MS, 1.0)])
    for at_ms in (START_MS + 130_000, START_MS + 131_000):
        bench.operator.on_tick(at_ms)
    assert bench.operator.series_count == 2
    assert bench.feed([Sample(cpu, START_MS + 140_000, 0.1)]) == []


def test_a_series_whose_samples_are_late_is_not_silent_while_they_come(cpu: Series) -> None:
    """As a recording that is sent beside live series: time has gone on without it, and goes on."""
    rule = {"name": "hot", "select": "node_cpu_ratio", "threshold": 0.9, "for_s": 3}
    chosen = {"name": "odd", "detector": "gaussian_scorer", "select": "node_cpu_ratio"}
    ticked, plain = (Bench(rules=[rule], detectors=[chosen]) for _ in range(2))
    samples = stream(cpu, BURN + CALM[:20])
    expected = plain.feed(samples)
    assert {one.detector for one in expected} >= {"windows", "hot"}
    found, now_ms = [], START_MS + 3 * DAY_MS
    ticked.feed([Sample(Series("t", "live"), now_ms, 1.0)])
    for at in range(0, len(samples), 4):
        found += ticked.feed(samples[at : at + 4])
        found += ticked.operator.on_tick(now_ms + 1000 * at)
    assert [one.to_bytes() for one in found] == [one.to_bytes() for one in expected]
    later_ms = now_ms + 30 * DAY_MS
    ticked.feed([Sample(Series("t", "live"), later_ms, 1.0)])
    ticked.operator.on_tick(later_ms)
    assert ticked.operator.series_count == 1


def test_a_series_that_stopped_long_before_the_others_ends_with_the_first_tick(cpu: Series, bench: Bench) -> None:
    """As at the end of a recording, however it was cut into batches."""
    live = Sample(Series("t", "live"), START_MS + 3_600_000, 1.0)
    assert [one.state for one in bench.feed([*stream(cpu, BURN), live])] == ["start"]
    assert [(one.state, one.end_reason) for one in bench.operator.on_tick(live.time_ms)] == [("end", "silent")]


def test_a_series_without_a_usable_sample_takes_no_place(bench: Bench) -> None:
    bench.feed([Sample(Series("t", "m"), START_MS, math.nan), Sample(Series("t", "n"), START_MS, 1.0)])
    assert bench.operator.series_count == 2
    bench.operator.on_tick(START_MS)
    assert bench.operator.series_count == 1


@pytest.mark.parametrize("step_s", [15, 60])
def test_an_increase_is_the_counters_own_after_a_gap(step_s: int) -> None:
    rule = {"name": "r", "select": "m", "function": "increase", "window_s": 300, "comparison": ">=", "threshold": 0}
    bench = Bench(rules=[rule], shipped_rules=False, drift={"enabled": False}, updates={"every_s": 1})
    series = Series("t", "m", {}, {}, "counter")
    times_s = np.concatenate([np.arange(0, 3600, step_s), np.arange(10_800, 12_600, step_s)]).tolist()
    found = bench.feed([Sample(series, START_MS + 1000 * at_s, float(at_s)) for at_s in times_s])
    grown = [
        one.observed for one in found if one.detector == "r" and one.state != "end" and one.at_ms > START_MS + 400_000
    ]
    assert len(grown) > 30
    assert 299.9 <= min(grown) <= max(grown) <= 300.1


def test_a_silent_series_with_rules_leaves_its_checkpoint_block_alone() -> None:
    bench = Bench(rules=[{"name": "r", "select": "m", "threshold": 5}])
    bench.feed(stream(Series("t", "m"), [1.0] * 100))
    bench.operator.on_tick(START_MS)
    bench.operator.on_tick(START_MS + 400_000)
    bench.operator.take_blocks()
    bench.operator.on_tick(START_MS + 500_000)
    assert [key for key, _ in bench.operator.take_blocks()] == ["meta"]


def test_every_row_has_a_verdict_where_they_are_asked_for(cpu: Series, bench: Bench) -> None:
    samples = [*stream(cpu, BURN), Sample(cpu, START_MS, 0.5), Sample(cpu, START_MS + 10**6, math.nan)]
    told = make_trace(len(samples))
    found = bench.operator.step_batch(batch_of(samples), told)
    verdicts = [VERDICTS[code] for code in told["verdict"].tolist()]
    assert verdicts[0] == "learning"
    assert verdicts[119] == "normal"
    assert verdicts[-2:] == ["skipped", "skipped"]
    assert verdicts.count("anomalous") == sum(at_ms >= found[0].at_ms for at_ms in (s.time_ms for s in samples[:-2]))
    assert told["score"][119] <= 1.0 < told["score"][127]
    assert told["low"][119] < 0.1 < told["high"][119] < 0.97
    assert np.isnan(told["low"][0])


def test_what_is_open_ends_before_its_series_is_forgotten_however_soon_that_is() -> None:
    operator = DetectOperator(DetectSettings(forget_after_s=600, stale_s=1200), 0, 1)
    found = operator.step_batch(batch_of(stream(Series("t", "queue"), [1.0, 1.2] * 150 + [9.0] * 20)))
    assert [one.state for one in found if one.detector == "windows"] == ["start"]
    last_ms = START_MS + 319_000
    operator.on_tick(last_ms)
    (end,) = [one for one in operator.on_tick(last_ms + 601_000) if one.detector == "windows"]
    assert (end.id, end.state, end.end_reason) == (found[0].id, "end", "silent")
    assert operator.series_count == 0


def test_a_ring_that_a_long_gap_emptied_is_empty_after_a_restore_too() -> None:
    operator, day_ms = DetectOperator(DetectSettings(forget_after_s=40 * 86_400), 0, 1), 86_400_000
    operator.step_batch(batch_of(stream(Series("t", "queue"), [1.0, 1.2] * 600)))
    blocks = dict(operator.take_blocks())
    operator.step_batch(batch_of(stream(Series("t", "queue"), [1.0], START_MS + 30 * day_ms)))
    blocks |= dict(operator.take_blocks())
    twin = DetectOperator(DetectSettings(forget_after_s=40 * 86_400), 0, 1)
    for key, value in blocks.items():
        if value is not None:
            twin.load_block(key, value)
    twin.finish_load()
    assert operator.bank.slots["ring_count"][0, : LENGTHS[0]].tolist() == [0] * LENGTHS[0]
    assert twin.bank.slots["ring_count"][0].tolist() == operator.bank.slots["ring_count"][0].tolist()
