"""Whatever the cuts, kills, repeats and interleavings: the same anomalies, byte for byte, and the same state."""

from __future__ import annotations

import pickle
import random
from collections import Counter, defaultdict
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.detect import DetectOperator, DetectSettings
from schemas.events import Anomaly
from schemas.series import Series
from tests.unit.models.streams import QUICK, START_MS, Sample, batch_of

SETTINGS = DetectSettings.model_validate(
    {
        "windows": {**QUICK, "1h": {"warmup_s": 300, "min_samples": 4}},
        "confirm": {"max_freeze_s": 240},
        "stale_s": 60,
        "vitals": {"known_s": 300, "still_s": 120},
        "late_s": 30,
        "drift": {"options": {"min_instances": 4, "delta": 0.5, "threshold": 3}, "pickle_every": 3, "reference": "1h"},
        "forget_after_s": 350,
        "detectors": [{"detector": "records", "select": '{__name__=~"gauge.|counter"}', "options": {"warm": 30}}],
        "rules": [
            {"name": "hot", "select": "gauge1", "threshold": 30, "for_s": 10},
            {"name": "grows", "select": "counter", "function": "increase", "threshold": 40_000},
            {"name": "burns", "select": "gauge1", "function": "max", "threshold": 100, "safety": True},
            {
                "name": "full",
                "select": "disk",
                "function": "eta",
                "comparison": "<",
                "threshold": 3000,
                "limit": 70,
                "keep_firing_for_s": 400,
            },
        ],
        "maintenance": [
            {"name": "often", "start": "2023-11-14T22:25", "duration_s": 150, "select": '{host=~"b|c"}'}
            | {"rrule": "FREQ=DAILY;BYHOUR=22,23;BYMINUTE=0,25,40,50"},
            {"name": "once", "start": "2023-11-14T22:41:30", "duration_s": 300, "select": "gauge1"},
        ],
    }
)
SERIES = [
    Series("t", "gauge0", {"host": "a"}, {"node": "a"}),
    Series("t", "gauge1", {"host": "b"}, {"node": "b"}),
    Series("t", "counter", {"host": "b"}, {"node": "b"}, "counter", "1"),
    Series("t", "delta", {"host": "c"}, {"node": "c"}, "delta", "1"),
    Series("t", "disk", {"host": "d"}, {"node": "d"}, "gauge", "1"),
]


def _noise_after(noise: float, rng: random.Random) -> float:
    """Now and then another: much, or none at all."""
    return rng.choice([0.5, 0.5, 3.0, 0.0]) if rng.random() < 0.01 else noise


def _samples_of(series: Series, seed: int) -> list[Sample]:
    """Noise with steps, bursts, gaps, late samples, repeats and NaN."""
    rng = random.Random(f"{seed} {series.metric}")
    time_ms, total, level = START_MS + rng.randrange(60_000), 0.0, 10.0
    noise = 0.5
    samples: list[Sample] = []
    while len(samples) < 700:
        time_ms += rng.choice([1000, 1000, 1000, 2000, 15_000])
        if rng.random() < 0.004:
            time_ms += rng.choice([30_000, 200_000, 400_000])
        if rng.random() < 0.01:
            level = rng.choice([10.0, 10.0, 40.0, 200.0])
        noise = _noise_after(noise, rng)
        value = level + rng.gauss(0, noise)
        if series.metric == "disk":
            value = 10.0 + 0.06 * len(samples)
        if series.type == "counter":
            total = 0.0 if rng.random() < 0.003 else total + value * 100
            value = total
        samples.append(Sample(series, time_ms, float("nan") if rng.random() < 0.01 else value))
        if rng.random() < 0.03:
            samples.append(Sample(series, time_ms - rng.choice([500, 3500, 70_000, 300_000]), level))
        if rng.random() < 0.03:
            samples.append(rng.choice(samples[-20:]))
    return samples


def _merged(streams: list[list[Sample]], rng: random.Random) -> list[Sample]:
    """One order of all samples that keeps each series' own."""
    left = [list(reversed(one)) for one in streams]
    merged = []
    while any(left):
        one = rng.choice([candidate for candidate in left if candidate])
        merged += [one.pop() for _ in range(min(len(one), rng.randrange(1, 30)))]
    return merged


def _numbers(river: Any) -> Any:
    """A River object's numbers; equal objects may differ in their pickles (what is shared is written once)."""
    if river is None:
        return None
    own = {name: value for name, value in vars(river).items() if name != "_test_drift"}
    return {**own, "_x_mean": (river._x_mean.n, river._x_mean.get())}


def _state(operator: DetectOperator) -> dict[str, Any]:
    operator.mark_all()
    return {
        key: [_numbers(one) for one in pickle.loads(value)] if key.startswith("river") else value
        for key, value in operator.take_blocks()
    }


def _restored(blocks: dict[str, bytes]) -> DetectOperator:
    operator = DetectOperator(SETTINGS, 0, 1)
    for key, value in blocks.items():
        operator.load_block(key, value)
    operator.finish_load()
    return operator


def _run_with_kills(samples: list[Sample], rng: random.Random) -> tuple[dict[str, Anomaly], DetectOperator]:
    """Random cuts; checkpoints at random; kills that go back to the last checkpoint; repeated batches."""
    operator, blocks, saved = DetectOperator(SETTINGS, 0, 1), dict[str, bytes](), 0
    told: dict[str, Anomaly] = {}
    cuts = sorted({0, len(samples), *(rng.randrange(len(samples)) for _ in range(rng.randrange(2, 25)))})
    at = 0
    kills = rng.randrange(4)
    while at < len(cuts) - 1:
        part = samples[cuts[at] : cuts[at + 1]]
        for one in operator.step_batch(batch_of(part)):
            told[f"{one.id}/{one.state}/{one.at_ms}"] = one
        if rng.random() < 0.3:
            assert operator.step_batch(batch_of(part[-15:])) == []
        at += 1
        if rng.random() < 0.4:
            blocks |= dict(operator.take_blocks())
            saved = at
        if kills and rng.random() < 0.3:
            kills -= 1
            operator, at = _restored(blocks) if blocks else DetectOperator(SETTINGS, 0, 1), saved
    return told, operator


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_cuts_kills_and_repeats_change_neither_anomalies_nor_state(seed: int, rng: random.Random) -> None:
    samples = _merged([_samples_of(one, seed) for one in SERIES], random.Random(seed))
    reference = DetectOperator(SETTINGS, 0, 1)
    expected = reference.step_batch(batch_of(samples))
    assert expected
    told, operator = _run_with_kills(samples, rng)
    assert {f"{one.id}/{one.state}/{one.at_ms}": one.to_bytes() for one in expected} == {
        key: one.to_bytes() for key, one in told.items()
    }
    assert _state(operator) == _state(reference)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_interleaving_of_series_changes_no_anomaly(seed: int, other: int) -> None:
    streams = [_samples_of(one, seed) for one in SERIES]
    runs: list[dict[str, list[Any]]] = []
    for order in (seed, other + 1):
        found = defaultdict(list)
        operator = DetectOperator(SETTINGS, 0, 1)
        for part in np.array_split(np.arange(sum(map(len, streams))), 7):
            merged = _merged(streams, random.Random(order))
            for one in operator.step_batch(batch_of([merged[at] for at in part])):
                found[one.series_id].append(one.to_bytes())
        runs.append(dict(found))
    assert runs[0]
    assert runs[0] == runs[1]


def test_every_kind_of_event_is_in_the_streams_that_are_compared() -> None:
    found: set[tuple[str, str, str | None]] = set()
    told: set[tuple[str, str, str | None]] = set()
    counts: Counter[str] = Counter()
    for seed in range(6):
        operator = DetectOperator(SETTINGS, 0, 1)
        samples = _merged([_samples_of(one, seed) for one in SERIES], random.Random(seed))
        events = operator.step_batch(batch_of(samples))
        found |= {(one.state, one.kind, one.end_reason) for one in events}
        told |= {(one.detector, one.state, one.end_reason) for one in events}
        counts.update(operator.counts)
    for name in (
        "accepted_late",
        "duplicate",
        "late",
        "too_late",
        "not_finite",
        "counter_resets",
        "out_of_order",
        "in_maintenance",
    ):
        assert counts[name] > 0, name
    assert found >= {
        ("start", "spike", None),
        ("update", "spike", None),
        ("end", "spike", "recovered"),
        ("end", "spike", "silent"),
        ("end", "level_shift", "level_shift"),
        ("start", "limit", None),
        ("end", "limit", "recovered"),
        ("end", "spike", "maintenance"),
        ("end", "limit", "maintenance"),
        ("start", "flatline", None),
        ("end", "flatline", "recovered"),
        ("start", "missing", None),
        ("end", "missing", "recovered"),
        ("start", "trend", None),
        ("start", "drift", None),
    }
    assert told >= {
        ("records", "start", None),
        ("records", "end", "recovered"),
        ("records", "end", "silent"),
    }
