"""Counts are those of a brute-force count over all samples, whatever their order, repeats and partitions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slo.definition import RatioIndicator, Slo, Source, ThresholdIndicator
from slo.recorded import Series as Samples
from slo.recorded import counts_of
from tests.unit.slo.counting.feeding import START_MS, Partition, Sample, Told, home, node, told_by
from tests.unit.slo.feeding import make_slo

SLOS = (
    make_slo("bad-of-all", indicator=RatioIndicator(bad=Source(metric="errors"), total=Source(metric="requests"))),
    make_slo("good-of-all", indicator=RatioIndicator(good=Source(metric="fine"), total=Source(metric="requests"))),
    make_slo("below", indicator=ThresholdIndicator(source=Source(metric="used"), op="lt", value=0.5)),
    make_slo(
        "slices",
        method="Timeslices",
        slice_s=60,
        slice_target=0.9,
        indicator=ThresholdIndicator(source=Source(metric="used"), op="lte", value=0.5),
    ),
    make_slo(
        "amounts",
        indicator=RatioIndicator(bad=Source(metric="failed"), total=Source(metric="calls"), counter=False),
    ),
)
COUNTERS = ("errors", "requests", "fine")
GAUGES = ("used", "failed", "calls")
NODES = ("n1", "n2", "n3")


def streams(seed: int, length: int = 40) -> list[Sample]:
    """Samples of all series, by time: counters with resets, gauges, some values missing."""
    rng = np.random.default_rng(seed)
    found: list[Sample] = []
    for name in NODES:
        offset = int(rng.integers(0, 15_000))
        for metric in (*COUNTERS, *GAUGES):
            series = node(name, metric, "counter" if metric in COUNTERS else "gauge")
            value = float(rng.integers(0, 100))
            for step in range(length):
                at_ms = START_MS + offset + step * 15_000 + int(rng.integers(0, 2_000))
                if metric in COUNTERS:
                    value = float(rng.integers(0, 50)) if rng.random() < 0.03 else value + float(rng.integers(0, 50))
                else:
                    value = round(float(rng.random()), 3)
                found.append(Sample(series, at_ms, value if rng.random() > 0.02 else float("nan")))
    return sorted(found, key=lambda one: one.at_ms)


def reordered(samples: Sequence[Sample], seed: int, late_ms: int) -> list[Sample]:
    """The same as they may arrive: each late by up to so much, and some of them twice."""
    rng = np.random.default_rng(seed)
    arriving = [(one.at_ms + rng.random() * late_ms, one) for one in samples]
    arriving += [(one.at_ms + rng.random() * late_ms, one) for one in samples if rng.random() < 0.1]
    return [one for _, one in sorted(arriving, key=lambda item: item[0])]


def brute_force(slos: Sequence[Slo], samples: Sequence[Sample]) -> Told:
    found: Told = {}
    for slo in slos:
        recording: dict[str, list[Samples]] = {}
        by_series: dict[int, list[Sample]] = {}
        for one in samples:
            by_series.setdefault(one.series.id, []).append(one)
        for members in by_series.values():
            for role, metric in roles(slo).items():
                if members[0].series.metric == metric:
                    times = np.array([one.at_ms for one in members])
                    recording.setdefault(role, []).append(Samples(times, np.array([one.value for one in members])))
        counts = counts_of(slo, recording)  # type: ignore[arg-type]
        for at, row in enumerate(counts.slices):
            if not np.isnan(row[1]) and row.any():
                found[slo.key, counts.start_ms + at * slo.slice_s * 1000] = tuple(row.tolist())
    return found


def roles(slo: Slo) -> dict[str, str]:
    indicator = slo.indicator
    if isinstance(indicator, RatioIndicator):
        side, part = ("good", indicator.good) if indicator.good else ("bad", indicator.bad)
        assert part is not None
        return {side: part.metric, "total": indicator.total.metric}
    assert isinstance(indicator, ThresholdIndicator)
    return {"value": indicator.source.metric}


def run(samples: Sequence[Sample], cuts: Sequence[int], partitions: int = 1) -> Told:
    parts = [Partition(SLOS, number) for number in range(partitions)]
    edges = [0, *sorted({cut % len(samples) for cut in cuts}), len(samples)]
    for first, last in pairwise(edges):
        for number, part in enumerate(parts):
            mine = [one for one in samples[first:last] if home(one.series, partitions) == number]
            if mine:
                part.feed(mine)
    end_ms = max(one.at_ms for one in samples) + 120_000
    for part in parts:
        part.tick(end_ms)
    return told_by(record for part in parts for record in part.records)


def assert_same(told: Told, expected: Told) -> None:
    # Samples that should have come and did not are counted too; that is not a matter of the samples that came.
    seen = {key: (bad, total) for key, (bad, total, _) in told.items() if bad or total}
    wanted = {key: (bad, total) for key, (bad, total, _) in expected.items() if bad or total}
    assert seen.keys() == wanted.keys()
    for key, counts in wanted.items():
        assert seen[key] == pytest.approx(counts, abs=1e-9), key


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 5000), max_size=12), partitions=st.integers(1, 4))
def test_counts_in_order_are_those_of_a_brute_force_count(seed: int, cuts: list[int], partitions: int) -> None:
    samples = streams(seed)
    assert_same(run(samples, cuts, partitions), brute_force(SLOS, samples))


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    late_ms=st.sampled_from([3_000, 60_000, 500_000]),
    cuts=st.lists(st.integers(0, 5000), max_size=12),
    partitions=st.integers(1, 4),
)
def test_late_and_repeated_samples_count_where_they_belong(
    seed: int, late_ms: int, cuts: list[int], partitions: int
) -> None:
    samples = streams(seed)
    assert_same(run(reordered(samples, seed, late_ms), cuts, partitions), brute_force(SLOS, samples))
