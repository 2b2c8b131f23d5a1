"""What the shipped settings see, how soon, and what leaves them silent. All noise is seeded."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from models.detect import DetectOperator, DetectSettings
from schemas.events import Anomaly
from schemas.series import Series
from tests.unit.models.streams import START_MS, batch_of, stream

DAY_15_S = 5760
Noise = Callable[[np.random.Generator, int], np.ndarray]


def run(series: Series, values: np.ndarray, step_ms: int = 1000, **settings: object) -> list[Anomaly]:
    operator = DetectOperator(DetectSettings.model_validate(settings), 0, 1)
    return operator.step_batch(batch_of(stream(series, values.tolist(), step_ms=step_ms)))


def idle(seed: int, seconds: int, level: float = 0.1) -> np.ndarray:
    return np.clip(level + 0.03 * np.random.default_rng(seed).standard_normal(seconds), 0, 1)


@pytest.mark.parametrize("seed", range(12))
def test_a_cpu_burn_is_found_within_five_seconds_and_clears_within_eight(cpu: Series, seed: int) -> None:
    at = 600 + 7 * seed
    found = run(cpu, np.concatenate([idle(seed, at), np.full(30, 0.99), idle(seed + 50, 60)]))
    assert [one.state for one in found if one.state != "update"] == ["start", "end"]
    start, end = found[0], found[-1]
    burn_ms = START_MS + 1000 * at
    assert start.started_ms == burn_ms
    assert start.at_ms - burn_ms <= 5_000
    assert (start.kind, start.direction) == ("spike", "up")
    assert (end.ended_ms, end.end_reason) == (burn_ms + 30_000, "recovered")
    assert end.at_ms - burn_ms - 30_000 <= 8_000
    assert end.severity == "critical"
    assert max(len([w for w in one.windows if w.agrees]) for one in found) >= 2


@pytest.mark.parametrize("seed", range(12))
def test_with_a_short_warm_up_a_burn_is_found_after_forty_seconds_of_life(cpu: Series, seed: int) -> None:
    quick = {"5m": {"warmup_s": 20}, "15m": {"warmup_s": 40}}
    values = np.concatenate([idle(seed, 40 + seed), np.full(20, 0.98), idle(seed + 50, 30)])
    found = run(cpu, values, windows=quick)
    assert [one.state for one in found if one.state != "update"] == ["start", "end"]
    assert found[0].at_ms - START_MS - 1000 * (40 + seed) <= 5_000


def test_short_bursts_of_a_busy_machine_stay_silent_for_hours(cpu: Series) -> None:
    random = np.random.default_rng(9)
    values = idle(9, 4 * 3600, 0.06)
    at = 0
    while at < len(values):
        at += int(random.exponential(60)) + 5
        length = int(random.integers(1, 3))
        values[at : at + length] = random.uniform(0.4, 1.0)
        at += length
    assert run(cpu, values) == []


@pytest.mark.parametrize(
    ("what", "noise"),
    [
        ("normal", lambda random, count: 10 + random.standard_normal(count)),
        ("quiet", lambda random, count: 1000 + 0.01 * random.standard_normal(count)),
        ("counts", lambda random, count: random.poisson(0.5, count).astype(float)),
        ("uniform", lambda random, count: random.uniform(0, 1, count)),
        ("constant", lambda random, count: np.full(count, 3.0)),
        ("on and off", lambda random, count: (random.random(count) < 0.3) * 5.0),
    ],
)
def test_stationary_noise_gives_no_alarm_in_ten_days(what: str, noise: Noise) -> None:
    for seed in range(3):
        values = noise(np.random.default_rng(seed), 10 * DAY_15_S)
        assert run(Series("t", "queue"), values, step_ms=15_000) == [], what


def test_a_daily_cycle_gives_neither_alarm_nor_drift_in_two_weeks() -> None:
    minutes = np.arange(14 * 1440)
    values = 100 + 50 * np.sin(minutes / 1440 * 2 * np.pi)
    values += 5 * np.random.default_rng(2).standard_normal(len(minutes))
    assert run(Series("t", "requests"), values, step_ms=60_000) == []


def test_a_step_of_eight_sigma_is_found_within_a_minute() -> None:
    for seed in range(20):
        values = 10 + np.random.default_rng(seed).standard_normal(1_400)
        values[1_300:] += 8
        found = run(Series("t", "queue"), values, step_ms=15_000)
        assert found[0].started_ms == START_MS + 15_000 * 1_300
        assert found[0].at_ms - found[0].started_ms <= 60_000


def test_a_shift_of_three_sigma_is_found_by_a_slower_window_within_half_an_hour() -> None:
    values = 10 + np.random.default_rng(4).standard_normal(2_500)
    values[2_000:] += 3
    found = run(Series("t", "queue"), values, step_ms=15_000)
    assert found[0].kind == "level_shift"
    assert found[0].at_ms - START_MS - 15_000 * 2_000 <= 1_800_000


def test_a_level_that_stays_is_accepted_after_half_an_hour_and_then_normal() -> None:
    values = 10 + np.random.default_rng(4).standard_normal(2 * 3600)
    values[3600:] += 30
    found = run(Series("t", "queue"), values)
    end = found[-1]
    assert (end.state, end.kind, end.end_reason) == ("end", "level_shift", "level_shift")
    assert 1_800_000 < end.at_ms - end.started_ms <= 1_802_000
    assert len({one.id for one in found}) == 1


def test_a_slow_shift_too_small_to_alarm_is_told_as_a_drift() -> None:
    minutes = np.arange(4 * 1440)
    values = 100 + 2 * np.random.default_rng(3).standard_normal(len(minutes))
    values[3 * 1440 :] += 18
    found = run(Series("t", "connections"), values, step_ms=60_000)
    drifts = [one for one in found if one.kind == "drift"]
    assert [one.state for one in drifts[:2]] == ["start", "end"]
    first = drifts[0]
    assert (first.severity, first.priority, first.direction) == ("info", "P3", "up")
    said = r"connections is up (1[4-9]|2[0-4]) %: (99|100|101)(\.\d)? to 1[12]\d since \d\d:\d\d; seen at \d\d:"
    assert re.match(said, first.explanation)
    assert first.changed_ms is not None
    assert abs(first.changed_ms - START_MS - 3 * 1440 * 60_000) <= 120_000
    assert 0 < first.at_ms - START_MS - 3 * 1440 * 60_000 <= 6 * 3_600_000
    assert {one.kind for one in found} == {"drift"}


def test_a_family_that_is_watched_upwards_only_ignores_a_drop(cpu: Series) -> None:
    assert run(cpu, np.concatenate([np.full(900, 0.8), np.full(300, 0.05)])) == []


def test_a_verdict_adds_up_and_explains_itself(cpu: Series) -> None:
    found = run(cpu, np.concatenate([idle(1, 4000), np.full(40, 0.97), idle(2, 30)]))
    for one in found:
        assert one.base + sum(share.value for share in one.contributions) == pytest.approx(one.score, abs=1e-6)
        assert 0 <= one.confidence <= 1
    told = found[1]
    assert [window.window for window in told.windows] == ["5m", "15m", "1h"]
    assert told.explanation.startswith("CPU of node h1 is 0.97, expected 0")
    assert told.explanation.endswith("since 23:21:40")
    assert "; back to normal at 23:22:2" in found[-1].explanation
    assert told.expected is not None
    assert told.expected.low <= told.expected.center <= told.expected.high < told.observed


def test_confidence_grows_with_history_and_says_what_is_short(cpu: Series) -> None:
    young = run(cpu, np.concatenate([idle(1, 200), np.full(10, 0.97)]))[0]
    old = run(cpu, np.concatenate([idle(1, 3 * DAY_15_S), np.full(10, 0.97)]), step_ms=15_000)[0]
    assert young.confidence < old.confidence
    assert young.confidence_reasons[:1] == ["short history: 3 min"]
    assert "one window speaks" in young.confidence_reasons


@pytest.mark.parametrize(
    ("step_s", "days", "bad"), [(60, 3, 28), (300, 6, 6), (300, 6, 7), (900, 10, 2), (900, 10, 5), (3600, 30, 2)]
)
def test_what_has_recovered_is_not_taken_for_the_new_level_however_seldom_samples_come(
    step_s: int, days: int, bad: int
) -> None:
    random = np.random.default_rng(step_s)
    values = 100 + 2 * random.standard_normal(days * 86_400 // step_s)
    values[-40 : -40 + bad] = 200
    found = run(Series("t", "requests"), values, step_ms=1000 * step_s)
    ends = [one for one in found if one.state == "end" and one.detector == "windows"]
    assert [one.end_reason for one in ends] == ["recovered"]
    back_ms = START_MS + 1000 * step_s * (len(values) - 40 + bad)
    assert ends[0].ended_ms is not None
    assert 0 <= ends[0].ended_ms - back_ms <= 2000 * step_s


@pytest.mark.parametrize("step_s", [300, 900, 3600])
def test_a_level_that_stays_is_accepted_after_six_samples_at_the_earliest(step_s: int) -> None:
    random = np.random.default_rng(step_s)
    values = 100 + 2 * random.standard_normal(30 * 86_400 // step_s)
    values[-40:] += 100
    found = run(Series("t", "requests"), values, step_ms=1000 * step_s)
    (end,) = [one for one in found if one.state == "end" and one.detector == "windows"]
    assert end.end_reason == "level_shift"
    assert end.at_ms - end.started_ms >= 6 * step_s * 1000


def test_an_outage_after_a_spike_is_told_as_a_drop() -> None:
    random = np.random.default_rng(3)
    values = 100 + 2 * random.standard_normal(3600)
    values[3000:3020] = 300
    values[3020:3300] = 0
    found = [one for one in run(Series("t", "requests"), values) if one.kind != "drift"]
    spike, drop = [one for one in found if one.state == "start"]
    assert (spike.direction, spike.started_ms) == ("up", START_MS + 3_000_000)
    assert drop.direction == "down"
    assert drop.started_ms - (START_MS + 3_020_000) <= 10_000
    of_spike = [one for one in found if one.id == spike.id]
    assert all(one.observed >= 0.9 * 300 for one in of_spike if one.state != "end")
    assert of_spike[-1].end_reason == "recovered"
    assert of_spike[-1].ended_ms == START_MS + 3_020_000


@pytest.mark.parametrize("hours", [2, 6])
def test_an_outage_of_an_hourly_series_on_a_daily_cycle_is_told(hours: int) -> None:
    random = np.random.default_rng(hours)
    at = np.arange(30 * 24)
    values = 1000 + 300 * np.sin(2 * np.pi * at / 24) + 20 * random.standard_normal(len(at))
    values[20 * 24 + 10 : 20 * 24 + 10 + hours] = 0
    found = run(Series("t", "orders"), values, step_ms=3_600_000)
    start = next(one for one in found if one.state == "start" and one.detector == "windows")
    assert start.direction == "down"
    assert start.started_ms == START_MS + (20 * 24 + 10) * 3_600_000
