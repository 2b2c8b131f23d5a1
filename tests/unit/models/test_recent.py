"""The hour that led to an anomaly, told at its start."""

from __future__ import annotations

import numpy as np

from schemas.events import Anomaly
from schemas.series import Series
from tests.unit.models.streams import Bench, stream

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
# Two hours at a sample a second, a level that climbs by a hundredth in ten minutes, then a spike.
CALM = 0.1 + 0.01 * (np.arange(7200) // 600) / 12 + np.tile([-0.01, 0.01], 3600)
SPIKE = np.concatenate([CALM, np.full(20, 0.97)])


def starts(found: list[Anomaly]) -> list[Anomaly]:
    return [one for one in found if one.state == "start"]


def test_a_start_tells_means_of_the_hour_before_and_the_newest_value(bench: Bench, cpu: Series) -> None:
    (start,) = starts(bench.feed_values(cpu, SPIKE))
    assert start.recent is not None
    times = [at_ms for at_ms, _ in start.recent]
    assert times == sorted(set(times))
    assert start.recent[-1] == (start.at_ms, 0.97)
    assert start.at_ms - HOUR_MS <= times[0] < start.at_ms - HOUR_MS + 5 * MINUTE_MS
    steps = np.diff(times[:-1]).tolist()
    coarse = steps.count(5 * MINUTE_MS)
    assert steps == [5 * MINUTE_MS] * coarse + [MINUTE_MS] * (len(steps) - coarse)
    assert 9 <= coarse <= 10
    assert 9 <= len(steps) - coarse <= 13
    first_ms = stream(cpu, SPIKE)[0].time_ms
    at = (times[0] - first_ms) // 1000
    assert abs(start.recent[0][1] - CALM[at : at + 300].mean()) < 1e-9
    at = (times[-2] - first_ms) // 1000
    assert abs(start.recent[-2][1] - CALM[at : at + 60].mean()) < 1e-9


def test_only_starts_tell_it(bench: Bench, cpu: Series) -> None:
    found = bench.feed_values(cpu, np.concatenate([SPIKE, np.full(200, 0.97), np.tile([0.1, 0.12], 200)]))
    assert {one.state for one in found} >= {"start", "update"}
    assert all((one.recent is None) == (one.state != "start") for one in found if one.detector == "windows")


def test_a_start_tells_the_same_however_batches_are_cut(cpu: Series) -> None:
    samples = stream(cpu, np.concatenate([SPIKE, np.full(3600, 0.97)]))
    whole, cut = Bench(), Bench()
    first = next(one for one in starts(whole.feed(samples)))
    second = next(one for at in range(0, len(samples), 7) for one in starts(cut.feed(samples[at : at + 7])))
    assert first == second
    assert first.recent


def test_a_gap_in_the_hour_is_a_gap(bench: Bench, cpu: Series) -> None:
    samples = [one for at, one in enumerate(stream(cpu, SPIKE)) if not 7200 - 2400 <= at < 7200 - 1200]
    (start,) = [one for one in starts(bench.feed(samples)) if one.detector == "windows"]
    assert start.recent is not None
    lost_from, lost_to = samples[0].time_ms + 4_800_000, samples[0].time_ms + 6_000_000
    assert not [at_ms for at_ms, _ in start.recent if lost_from <= at_ms < lost_to - 5 * MINUTE_MS]
    assert [at_ms for at_ms, _ in start.recent if at_ms < lost_from]


def test_a_rule_tells_the_hour_of_its_series(cpu: Series) -> None:
    rule = {"name": "Hot", "select": "node_cpu_ratio", "function": "avg", "threshold": 0.5}
    bench = Bench(rules=[rule])
    found = starts(bench.feed_values(cpu, np.concatenate([CALM, np.full(600, 0.97)])))
    (start,) = [one for one in found if one.detector == "Hot"]
    assert start.recent is not None
    assert start.recent[-1] == (start.at_ms, 0.97)
    assert len(start.recent) > 15
