"""Counting within the detect operator: records in, counts and anomalies out, and back from its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest

from models.detect import DetectOperator, DetectSettings
from schemas.batch import HistogramPoint, SampleBatch, encode_batch
from schemas.events import Tick
from schemas.ids import decide_partition
from schemas.series import Series
from schemas.topics import DETECT_TICKS, SAMPLES, SETTINGS, SLO_EVENTS
from slo.announced import announce
from slo.counting.hosted import HostedCounter
from slo.counting.settings import CountingSettings
from slo.definition import BucketIndicator, DerivedIndicator, Slo, Source, ThresholdIndicator
from streams.operator import Output
from tests.unit.slo.counting.feeding import START_MS, Sample, node, told_by
from tests.unit.slo.feeding import make_slo

PARTITIONS = 8
USED = make_slo("used", indicator=ThresholdIndicator(source=Source(metric="used"), op="lt", value=0.9))
NODES = make_slo("nodes", indicator=DerivedIndicator(source="node_health"))
FAST = make_slo("fast", indicator=BucketIndicator(histogram=Source(metric="latency"), le=0.3))


def operator() -> DetectOperator:
    return DetectOperator(DetectSettings(), 3, PARTITIONS, HostedCounter(CountingSettings(), 3, PARTITIONS))


def defined(*slos: Slo) -> DetectOperator:
    one = operator()
    for slo in slos:
        assert one.step(SETTINGS.name, announce(slo.key, slo, 0).to_bytes()) == []
    return one


def batch_of(samples: Sequence[Sample]) -> bytes:
    ids = {one.series.id: at for at, one in reversed(list(enumerate(samples)))}
    order = list(ids)
    return encode_batch(
        SampleBatch(
            "default",
            np.array(order, np.uint64),
            [samples[ids[one]].series.text for one in order],
            np.array([order.index(one.series.id) for one in samples], np.int32),
            np.array([one.at_ms for one in samples], np.int64),
            np.array([one.value for one in samples]),
        )
    )


def tick(at_ms: int) -> bytes:
    return Tick(stage="detect", partition=3, at_ms=at_ms).to_bytes()


def slices(outputs: Sequence[Output]) -> list[dict[str, Any]]:
    return [msgspec.json.decode(one.value) for one in outputs if one.topic is SLO_EVENTS]


def restored(one: DetectOperator) -> DetectOperator:
    fresh = operator()
    for key, value in one.take_blocks():
        if value is not None:
            fresh.load_block(key, value)
    fresh.finish_load()
    return fresh


def test_counts_go_to_the_partition_of_their_tenant_with_ids_that_repeat() -> None:
    samples = [Sample(node("n1", "used"), START_MS + at * 1000, 0.95) for at in range(20)]
    outputs = [
        [one for one in defined(USED).step(SAMPLES.name, batch_of(samples)) if one.topic is SLO_EVENTS]
        for _ in range(2)
    ]
    assert outputs[0] == outputs[1]
    assert {one.partition for one in outputs[0]} == {decide_partition("default", PARTITIONS)}
    assert told_by(slices(outputs[0])) == {(USED.key, START_MS + at * 5000): (5, 5, 0) for at in range(3)}


def test_points_of_histograms_are_counted_by_their_buckets() -> None:
    latency = Series("default", "latency", {"service": "api"}, {"service": "api"}, "counter", "s")
    one = defined(FAST)
    for step in range(3):
        counts = [50 * step, 30 * step, 20 * step]
        point = HistogramPoint(100 * step, float(step), bounds=[0.1, 0.3], counts=counts)
        batch = SampleBatch(
            "default",
            np.array([latency.id], np.uint64),
            [latency.text],
            np.zeros(1, np.int32),
            np.array([START_MS + step * 10_000]),
            np.zeros(1),
            points=[point],
        )
        outputs = one.step(SAMPLES.name, encode_batch(batch))
    outputs += one.step(DETECT_TICKS.name, tick(START_MS + 20_000))
    outputs += one.step(DETECT_TICKS.name, tick(START_MS + 40_000))
    bad, total = (sum(column) for column in list(zip(*told_by(slices(outputs)).values(), strict=True))[:2])
    assert (bad, total) == (40, 200)


@pytest.mark.parametrize("break_at", range(1, 12))
def test_a_restored_operator_goes_on_as_if_nothing_had_been(break_at: int) -> None:
    whole, broken = defined(USED, NODES, FAST), defined(USED, NODES, FAST)
    told: tuple[list[Output], list[Output]] = ([], [])
    for step in range(12):
        samples = [
            Sample(node(name, metric), START_MS + step * 7000 + at * 1000, 0.5 + 0.05 * (at + step))
            for at in range(7)
            for name in ("n1", "n2")
            for metric in ("used", "up")
        ]
        if step == break_at:
            broken = restored(broken)
        for one, said in zip((whole, broken), told, strict=True):
            said.extend(one.step(SAMPLES.name, batch_of(samples)))
            said.extend(one.step(DETECT_TICKS.name, tick(START_MS + step * 7000 + 7000)))
    assert told[0] == told[1]
    assert len(slices(told[0])) > 10
    assert whole.counting.counts == broken.counting.counts


def test_without_definitions_nothing_is_counted_or_kept() -> None:
    one = operator()
    outputs = one.step(SAMPLES.name, batch_of([Sample(node("n1", "used"), START_MS, 0.5)]))
    assert slices(outputs) == []
    assert [key for key, _ in one.take_blocks() if key.startswith("slo")] == []
