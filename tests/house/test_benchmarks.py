"""The benchmarks' own arithmetic, and that every number that is promised has a place."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
PROMISED = {
    "pipeline_raw_samples_per_s",
    "pipeline_columnar_samples_per_s",
    "detect_samples_per_s_core_50k",
    "detect_samples_per_s_core_500k",
    "bytes_per_series",
    "ratio_vs_faust",
    "ratio_vs_quix",
    "ratio_vs_quix_rings",
    "latency_p99_ms_half_load",
    "recovery_100k_series_s",
    "up_ready_s",
}


@pytest.fixture(autouse=True)
def root_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def test_the_table_has_a_line_for_every_promised_number() -> None:
    from benchmarks.table import LINES

    assert {line.key for line in LINES} >= PROMISED


def test_the_last_results_hold_every_promised_number_and_the_machine() -> None:
    from benchmarks.table import LATEST

    if not LATEST.exists():
        pytest.skip("make bench has not been run for this release")
    results = json.loads(LATEST.read_text())
    assert set(results) >= PROMISED | {"cpu_model", "cores", "memory_gib", "python", "date"}
    assert all(isinstance(value, str | int | float) for value in results.values())


def test_a_missed_budget_is_marked() -> None:
    from benchmarks.table import Line

    line = Line("up_ready_s", "Ready", 15, least=False, unit="s")
    assert "missed" not in (line.row({"up_ready_s": 14.9}) or "")
    assert "missed" in (line.row({"up_ready_s": 15.1}) or "")
    assert line.row({}) is None


def test_a_tumbling_window_and_a_ring_are_told_apart_when_results_are_compared() -> None:
    pytest.importorskip("confluent_kafka")
    from benchmarks.against import expected_window

    values = np.arange(100.0)  # one each 15 s, from a start on the hour: 25 minutes
    tumbling = expected_window(values, 0, 300, rings=False)
    ring = expected_window(values, 0, 300, rings=True)
    assert tumbling.tolist() == list(range(80, 100))
    assert ring.tolist() == list(np.flatnonzero(np.arange(100) * 15 // 25 >= 99 * 15 // 25 - 11))


def test_welford_as_the_peers_use_it_is_numpys() -> None:
    from benchmarks.peers.job import add, z_of

    values = np.random.default_rng(1).normal(50, 3, 1000)
    moments: list[float] = [0, 0.0, 0.0]
    for value in values.tolist():
        moments = add(moments, value)
    assert moments[1] == pytest.approx(values.mean(), rel=1e-12)
    assert moments[2] / moments[0] == pytest.approx(values.var(), rel=1e-9)
    assert z_of(moments, 60.0) == pytest.approx((60 - values.mean()) / values.std(), rel=1e-9)


def test_messages_of_every_format_hold_the_same_values() -> None:
    from benchmarks.messages import FORMATS, Fleet
    from integrations.formats import Recogniser, SeriesTable, decoder_for

    fleet = Fleet(hosts=3, cpus=2, start_ms=1_790_000_000_000)
    expected = sorted(fleet.values(0).tolist() + fleet.values(1).tolist())
    for form, make in FORMATS.items():
        messages = list(make(fleet, range(2)))
        table = SeriesTable("default", Recogniser())
        decoded = decoder_for(form).decode([one[1] for one in messages], [one[2] for one in messages], table)
        assert not decoded.rejections, form
        assert sorted(decoded.value.tolist()) == expected, form
        assert len(table) == fleet.series, form
    assert "quixstreams" not in sys.modules


def test_columnar_batches_are_the_gateways_and_hold_every_sample() -> None:
    from benchmarks.messages import Fleet, columnar
    from integrations.gateway import IngestSettings
    from schemas.batch import decode_batch

    fleet = Fleet(hosts=500, cpus=2, start_ms=1_790_000_000_000)
    batches = [decode_batch(one[1]) for one in columnar(fleet, range(3), 2)]
    assert max(map(len, batches)) == IngestSettings().batch_samples
    assert all(len(set(one.timestamp_ms.tolist())) > 1 for one in batches)
    held = sorted(value for one in batches for value in one.value.tolist())
    assert held == sorted(value for tick in range(3) for value in fleet.values(tick).tolist())


def test_the_clock_of_detect_runs_for_ticks_and_checkpoints_too() -> None:
    from benchmarks.detect import START_MS, TICK_MS, Clock, Fleet
    from models.detect import DetectOperator, DetectSettings

    clock = Clock(DetectOperator(DetectSettings(max_series=10), 0, 1))
    for batch in Fleet(10).tick(START_MS, TICK_MS):
        clock.feed(batch)
    assert (clock.ticks, clock.checkpoints) == (1, 1)
    before_s = clock.wall_s
    clock.checkpoint()
    assert clock.wall_s > before_s


def test_a_series_that_is_not_heard_of_fails_the_latency_run(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks import latency
    from benchmarks.messages import Fleet

    monkeypatch.setattr(latency, "ARRIVAL_LIMIT_S", 0.0)
    fleet = Fleet(hosts=10, cpus=1, start_ms=1_790_000_000_000)
    left = {latency.series_text(fleet, one) for one in latency.leavers(fleet).tolist()}
    watch = latency.Watch()
    watch.expect(set())
    with pytest.raises(RuntimeError, match=f"{len(left)} of {len(left)} series"):
        watch.expect(left)


@pytest.mark.parametrize("rings", [False, True])
def test_numpys_verdicts_are_those_of_the_peers_arithmetic(rings: bool) -> None:
    from benchmarks.messages import Fleet
    from benchmarks.peers import job
    from benchmarks.verdicts import compare, expected_verdicts

    fleet = Fleet(hosts=10, cpus=5, start_ms=1_790_000_000_000)
    history = np.array([fleet.values(tick) for tick in range(48)])
    expected = expected_verdicts(history, fleet.start_ms, rings)
    width_ms = job.WINDOWS_S["1h"] * 1000 // (job.RING_BUCKETS if rings else 1)
    told: dict[str, list[float]] = {}
    for series in range(fleet.series):
        for tick, value in enumerate(history[:, series].tolist()):
            moments: list[float] = [0, 0.0, 0.0]
            oldest = fleet.at_ms(tick) // width_ms - (job.RING_BUCKETS - 1 if rings else 0)
            for earlier in range(tick):
                if fleet.at_ms(earlier) // width_ms >= oldest:
                    moments = job.add(moments, float(history[earlier, series]))
            if abs(z := job.z_of(moments, value)) > job.Z_LIMIT:
                told.setdefault(fleet.key(series), []).append(z)
    keys = {fleet.key(one): one for one in range(fleet.series)}
    assert compare(told, expected, keys, 48) > 10
    told.popitem()
    with pytest.raises(RuntimeError, match="0 verdicts"):
        compare(told, expected, keys, 60)
