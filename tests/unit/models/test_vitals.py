"""A series that stands still, swings as it never did, or sends nothing; and how a series came to where it is."""

from __future__ import annotations

import numpy as np
import pytest

from models.detect import DetectOperator, DetectSettings
from schemas.events import Anomaly
from schemas.series import Series
from tests.unit.models.streams import START_MS, batch_of, stream

HOUR = 240
"""Samples, every 15 s."""
STEP_MS = 15_000
ROOM = Series("t", "room_temperature", {"room": "a"}, {"node": "a"}, "gauge", "C")


def noise(samples: int, sigma: float = 4.0, seed: int = 7) -> np.ndarray:
    return 20.0 + np.random.default_rng(seed).normal(0, sigma, samples)


def run(values: np.ndarray, kinds: str, series: Series = ROOM, **settings: object) -> list[Anomaly]:
    operator = DetectOperator(DetectSettings.model_validate(settings), 0, 1)
    found = operator.step_batch(batch_of(stream(series, values, step_ms=STEP_MS)))
    return [one for one in found if one.kind in kinds.split()]


def test_a_value_that_comes_again_and_again_is_a_flatline_until_it_changes() -> None:
    values = np.concatenate([noise(3 * HOUR), np.full(100, 20.125), noise(5, seed=8)])
    start, end = run(values, "flatline")
    assert (start.state, start.severity, start.priority, start.direction) == ("start", "info", "P3", "none")
    assert start.started_ms == START_MS + STEP_MS * 3 * HOUR
    assert start.at_ms - start.started_ms == pytest.approx(600_000, abs=60_000)
    assert start.score >= 1.0
    assert start.explanation.startswith("room_temperature of node a is 20.1 without any change for 10 minutes")
    assert (end.state, end.end_reason, end.ended_ms) == ("end", "recovered", START_MS + STEP_MS * (3 * HOUR + 100))
    assert end.id == start.id
    assert end.explanation.endswith("; moves again at 01:40:00")


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(np.full(8 * HOUR, 5.0), id="never moved"),
        pytest.param(np.repeat(noise(40), 100), id="moves every 25 minutes"),
        pytest.param(np.concatenate([noise(3 * HOUR), np.zeros(2 * HOUR)]), id="nothing happens"),
        pytest.param(np.concatenate([noise(HOUR), np.full(HOUR, 20.0)]), id="too young"),
    ],
)
def test_what_is_no_flatline(values: np.ndarray) -> None:
    assert run(values, "flatline") == []


def test_a_flatline_is_told_again_every_hour_and_ends_with_silence() -> None:
    values = np.concatenate([noise(3 * HOUR), np.full(3 * HOUR, 20.125)])
    operator = DetectOperator(DetectSettings(), 0, 1)
    found = operator.step_batch(batch_of(stream(ROOM, values, step_ms=STEP_MS)))
    found += operator.on_tick(START_MS + STEP_MS * len(values))
    found += operator.on_tick(START_MS + STEP_MS * len(values) + 400_000)
    states = [(one.state, one.end_reason) for one in found if one.kind == "flatline"]
    assert states == [("start", None), ("update", None), ("update", None), ("end", "silent")]


def test_what_stood_still_twice_does_so_on() -> None:
    still = np.full(80, 20.125)
    parts = [noise(3 * HOUR), still, noise(HOUR, seed=1), still, noise(HOUR, seed=2), still, noise(HOUR, seed=3)]
    assert [one.state for one in run(np.concatenate(parts), "flatline")] == ["start", "end"] * 2


@pytest.mark.parametrize(("factor", "direction"), [(3.0, "up"), (0.2, "down")])
def test_samples_that_differ_more_or_less_than_they_used_to(factor: float, direction: str) -> None:
    values = np.concatenate([noise(6 * HOUR), noise(HOUR, 4.0 * factor, 8), noise(3 * HOUR, 4.0, 9)])
    start, *_, end = run(values, "variance")
    assert (start.state, start.direction, start.priority) == ("start", direction, "P3")
    assert 0 < start.started_ms - (START_MS + STEP_MS * 6 * HOUR) <= 1_800_000
    assert start.score >= 1.0
    assert "room_temperature of node a swings" in start.explanation
    assert (end.state, end.end_reason) == ("end", "recovered")


def test_a_variance_that_stays_is_the_usual_one_after_six_hours() -> None:
    values = np.concatenate([noise(6 * HOUR), noise(12 * HOUR, 16.0, 8)])
    found = [one for one in run(values, "variance") if one.state != "update"]
    assert [(one.state, one.end_reason) for one in found] == [("start", None), ("end", "level_shift")]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(noise(48 * HOUR), id="noise"),
        pytest.param(noise(6 * HOUR) + np.repeat([0.0, 30.0], 3 * HOUR), id="a step"),
        pytest.param(noise(6 * HOUR) + np.linspace(0.0, 60.0, 6 * HOUR), id="a climb"),
        pytest.param(np.where(np.arange(6 * HOUR) % 100 == 0, 200.0, noise(6 * HOUR)), id="glitches"),
        pytest.param(noise(6 * HOUR, 0.01) * 1.0, id="less than matters"),
    ],
)
def test_what_is_no_change_of_variance(values: np.ndarray) -> None:
    assert run(values, "variance") == []


def test_a_series_that_sends_nothing_is_missed_until_it_is_back() -> None:
    operator = DetectOperator(DetectSettings(), 0, 1)
    last_ms = START_MS + STEP_MS * (3 * HOUR - 1)
    found = operator.step_batch(batch_of(stream(ROOM, noise(3 * HOUR), step_ms=STEP_MS)))
    for seconds in range(0, 5000, 10):
        found += operator.on_tick(last_ms + 1000 * seconds)
    back_ms = last_ms + 5_400_000
    found += operator.step_batch(batch_of(stream(ROOM, noise(50, seed=9), back_ms, STEP_MS)))
    start, update, end = (one for one in found if one.kind == "missing")
    assert (start.started_ms, start.at_ms, start.priority) == (last_ms, last_ms + 180_000, "P3")
    assert start.explanation == (
        "room_temperature of node a sends nothing for 3 minutes, usually every 15 seconds; last at 01:14:45"
    )
    assert update.state == "update"
    assert update.score > 10
    assert (end.end_reason, end.ended_ms) == ("recovered", back_ms)


def test_a_gap_that_no_tick_saw_is_told_as_if_one_had() -> None:
    values = noise(3 * HOUR)
    last_ms = START_MS + STEP_MS * (len(values) - 1)
    samples = stream(ROOM, values, step_ms=STEP_MS) + stream(ROOM, noise(9, seed=9), last_ms + 900_000, STEP_MS)
    ticked, plain = DetectOperator(DetectSettings(), 0, 1), DetectOperator(DetectSettings(), 0, 1)
    seen = ticked.step_batch(batch_of(samples[: len(values)]))
    seen += ticked.on_tick(last_ms) + ticked.on_tick(last_ms + 300_000)
    seen += ticked.step_batch(batch_of(samples[len(values) :]))
    found = plain.step_batch(batch_of(samples))
    wanted = [one.to_bytes() for one in seen if one.kind == "missing"]
    assert [one.to_bytes() for one in found if one.kind == "missing"] == wanted
    assert len(wanted) == 2


def test_a_gap_longer_than_the_memory_is_told_in_order_whoever_sees_it() -> None:
    values = noise(3 * HOUR)
    first = stream(ROOM, values, step_ms=STEP_MS)
    again = stream(ROOM, noise(9, seed=9), START_MS + 3 * 86_400_000, STEP_MS)
    ticked, plain = DetectOperator(DetectSettings(), 0, 1), DetectOperator(DetectSettings(), 0, 1)
    seen = ticked.step_batch(batch_of(first))
    for hours in (0, 1, 3, 47, 70):
        seen += [one for one in ticked.on_tick(first[-1].time_ms + 3_600_000 * hours) if one.state != "update"]
    seen += ticked.step_batch(batch_of(again))
    found = plain.step_batch(batch_of([*first, *again]))
    assert [(one.kind, one.state) for one in found] == [("missing", "start"), ("missing", "end")]
    assert [one.to_bytes() for one in found] == [one.to_bytes() for one in seen]


def test_silence_that_came_twice_is_no_news_and_a_forgotten_series_is_missed_no_more() -> None:
    samples, time_ms = [], START_MS
    for part in range(5):
        samples += stream(ROOM, noise(3 * HOUR, seed=part), time_ms, STEP_MS)
        time_ms = samples[-1].time_ms + 3_600_000
    operator = DetectOperator(DetectSettings(), 0, 1)
    found = [one for one in operator.step_batch(batch_of(samples)) if one.kind == "missing"]
    assert [one.state for one in found] == ["start", "end"] * 2
    operator.on_tick(samples[-1].time_ms)
    found = operator.on_tick(samples[-1].time_ms + 90_000_000)
    assert [(one.kind, one.state) for one in found if one.kind == "missing"] == [("missing", "start")]
    found = operator.on_tick(samples[-1].time_ms + 200_000_000)
    assert [(one.kind, one.end_reason) for one in found] == [("missing", "silent")]
    assert operator.series_count == 0


def test_maintenance_misses_nobody_and_ends_what_stands_still() -> None:
    # The first sample is of 22:15:00; the window is open from 01:28 on.
    window = {"name": "work", "start": "2023-11-15T01:28", "duration_s": 7200, "select": ROOM.metric}
    values = np.concatenate([noise(3 * HOUR), np.full(100, 20.125)])
    found = run(values, "flatline", maintenance=[window])
    assert [(one.state, one.end_reason) for one in found] == [("start", None), ("end", "maintenance")]
    operator = DetectOperator(DetectSettings.model_validate({"maintenance": [window]}), 0, 1)
    last_ms = START_MS + STEP_MS * (3 * HOUR + 43)
    operator.step_batch(batch_of(stream(ROOM, noise(3 * HOUR + 44), step_ms=STEP_MS)))
    operator.on_tick(last_ms)
    assert operator.on_tick(last_ms + 1_200_000) == []
    later = operator.on_tick(last_ms + 3 * 3_600_000)
    assert [(one.kind, one.state) for one in later] == [("missing", "start")]


@pytest.mark.parametrize("sign", ["flatline", "variance", "missing"])
def test_each_sign_can_be_switched_off(sign: str) -> None:
    values = np.concatenate([noise(6 * HOUR), np.full(HOUR, 20.125), noise(2 * HOUR, 20.0, 8)])
    samples = stream(ROOM, values, step_ms=STEP_MS)
    samples += stream(ROOM, noise(9), samples[-1].time_ms + 3_600_000, STEP_MS)
    kinds = {}
    for on in (True, False):
        operator = DetectOperator(DetectSettings.model_validate({"vitals": {sign: on}}), 0, 1)
        kinds[on] = {one.kind for one in operator.step_batch(batch_of(samples))}
    assert kinds[True] - kinds[False] == {sign}


def test_a_climb_over_an_hour_is_a_ramp_and_a_step_is_none() -> None:
    calm = noise(26 * HOUR, 1.0)
    climb = calm.copy()
    climb[24 * HOUR :] += np.linspace(0.0, 12.0, 2 * HOUR)
    step = calm.copy()
    step[24 * HOUR :] += 5.0
    off = {"windows": {"5m": {"enabled": False}, "15m": {"enabled": False}}}
    assert {one.kind for one in run(climb, "ramp level_shift spike drop", **off) if one.state == "start"} == {"ramp"}
    kinds = {one.kind for one in run(step, "ramp level_shift spike drop", **off) if one.state == "start"}
    assert kinds
    assert "ramp" not in kinds


@pytest.mark.parametrize("step_s", [5, 15, 60])
def test_another_level_with_the_same_noise_swings_as_it_used_to(step_s: int) -> None:
    random = np.random.default_rng(step_s)
    values = 120 + 4 * random.standard_normal(10 * 3600 // step_s)
    values[len(values) // 2 :] += 200
    latency = Series("t", "checkout_latency_ms", {"host": "web-1"}, {"node": "web-1"}, "gauge", "ms")
    operator = DetectOperator(DetectSettings(), 0, 1)
    found = operator.step_batch(batch_of(stream(latency, values.tolist(), step_ms=1000 * step_s)))
    assert {one.end_reason for one in found if one.state == "end" and one.detector == "windows"} == {"level_shift"}
    assert [one for one in found if one.kind == "variance"] == []
