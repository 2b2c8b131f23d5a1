"""The planted-case benchmark's own arithmetic: intervals, generated series, faults, and how alarms are counted."""

from __future__ import annotations

import doctest
import importlib
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def root_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.mark.parametrize("module", ["intervals", "signals", "show"])
def test_the_examples_print_what_they_say(module: str) -> None:
    assert doctest.testmod(importlib.import_module(f"benchmarks.planted.{module}")).failed == 0


@pytest.mark.parametrize("events", [0, 1, 7, 60])
def test_a_rates_ends_leave_a_fortieth_of_poissons_chance_outside(events: int) -> None:
    from benchmarks.planted.intervals import poisson

    def up_to(count: int, mean: float) -> float:
        return sum(math.exp(-mean) * mean**one / math.factorial(one) for one in range(count + 1))

    found = poisson(events, 1.0)
    assert up_to(events, found.high) == pytest.approx(0.025)
    if events:
        assert 1 - up_to(events - 1, found.low) == pytest.approx(0.025)


def test_a_share_of_all_or_none_stays_within_0_and_1() -> None:
    from benchmarks.planted.intervals import wilson

    assert wilson(0, 50).low == 0.0
    assert wilson(50, 50).high == pytest.approx(1.0)
    assert wilson(0, 50).high == pytest.approx(1 - wilson(50, 50).low) == pytest.approx(0.071, abs=0.001)


def test_a_median_is_never_where_half_were_not_found() -> None:
    from benchmarks.planted.intervals import median

    assert median(np.array([1.0, np.nan, np.nan])).value == np.inf
    hundred = median(np.arange(1.0, 101.0))
    assert (hundred.value, hundred.low, hundred.high) == (50.0, 40.0, 61.0)


@pytest.mark.parametrize("noise", ["gaussian", "lognormal", "poisson", "ar1"])
def test_noise_has_mean_0_and_variance_1(noise: str) -> None:
    from benchmarks.planted.signals import NOISES, Signal

    signal = Signal("s", level=4.0, sigma=2.0, noise=noise, memory_s=60)
    values = NOISES[noise](signal, np.random.default_rng(1), 100_000, 15.0)
    assert values.mean() == pytest.approx(0.0, abs=0.03)
    assert values.var() == pytest.approx(1.0, abs=0.05)


def test_a_case_is_the_same_whatever_others_there_are() -> None:
    from benchmarks.planted.cases import prepared
    from benchmarks.planted.plans import PLANS

    many, onsets = prepared(PLANS[0], 1, 0, 3)
    alone, onset = prepared(PLANS[0], 1, 2, 3)
    assert onsets[2] == onset[0]
    assert np.array_equal(many.values[2], alone.values[0])
    assert np.array_equal(many.times_ms[2], alone.times_ms[0])


def test_another_seed_is_another_case_of_every_part() -> None:
    from benchmarks.planted.cases import prepared
    from benchmarks.planted.comparison import subject
    from benchmarks.planted.plans import GAUGE, PLANS

    one, other = (prepared(PLANS[0], seed, 0, 1)[0].values for seed in (1, 2))
    assert not np.array_equal(one, other)
    assert not np.array_equal(subject(GAUGE, 0, 1).values, subject(GAUGE, 0, 2).values)


def test_who_names_no_seed_works_on_the_one_for_development(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from benchmarks.parts import DEVELOPMENT_SEED, HELD_OUT_SEED
    from benchmarks.planted.__main__ import BENCHMARK

    results = tmp_path / "planted.json"
    given: list[tuple[int, int]] = []
    parts = {"cases": lambda seed, cases: iter([("one", {"key": given.append((seed, cases)) or 1})])}
    monkeypatch.setattr("benchmarks.machine.describe", dict)
    benchmark = replace(BENCHMARK, results=results, parts=parts)
    assert benchmark.run(["--cases", "10"]) == 0
    assert not results.exists()
    assert benchmark.run(["--seed", "held-out"]) == 0
    assert given == [(DEVELOPMENT_SEED, 10), (HELD_OUT_SEED, 300)]
    written = json.loads(results.read_text())
    assert written["planted_seed"] == written["planted_seed_held_out"] == HELD_OUT_SEED
    assert written["planted_seed_development"] == DEVELOPMENT_SEED


def test_work_is_done_on_all_cores_in_its_order() -> None:
    from benchmarks.parts import on_all_cores

    assert list(on_all_cores(math.factorial, range(5))) == [1, 1, 2, 6, 24]


def test_monday_mornings_rise_and_saturdays_do_not() -> None:
    from benchmarks.planted.signals import START_MS, Signal, path

    hours = 3_600_000 * np.array([10, 12, 5 * 24 + 10, 7 * 24 + 10, 24 + 10])
    assert path(Signal("s", weekly="monday"), START_MS + hours).tolist() == [160, 100, 100, 160, 100]
    assert path(Signal("s", weekly="office"), START_MS + hours).tolist() == [160, 160, 100, 160, 160]


@pytest.mark.parametrize(
    ("fault", "size", "expected"),
    [
        ("STEP", 5.0, [7, 4, 6]),
        ("RAMP", 3600.0, [2, 59, 121]),
        ("TREND", 86_400.0, [2, 59, 121]),
        ("WIDEN", 3.0, [6, -3, 3]),
        ("FREEZE", 0.0, [3, 3, 3]),
        ("STOP", 0.0, [np.nan, np.nan, np.nan]),
    ],
)
def test_a_fault_changes_what_follows_the_onset_and_nothing_before(
    fault: str, size: float, expected: Sequence[float]
) -> None:
    from benchmarks.planted import faults
    from benchmarks.planted.signals import Recording, Signal

    times = 60_000 * np.arange(5)[None]
    quiet = Recording(Signal("s"), 60.0, times, np.zeros((1, 5)), np.array([[2.0, 3.0, 2.0, -1.0, 1.0]]))
    found = getattr(faults, fault).plant(quiet, (times - 120_000) / 1000, size)
    assert found.values[0, :2].tolist() == [2, 3]
    assert np.array_equal(found.values[0, 2:], np.array(expected), equal_nan=True)


def test_a_fault_that_lasts_is_over_afterwards() -> None:
    from benchmarks.planted.faults import STEP, lasting
    from benchmarks.planted.signals import Recording, Signal

    times = 60_000 * np.arange(4)[None]
    quiet = Recording(Signal("s"), 60.0, times, np.zeros((1, 4)), np.zeros((1, 4)))
    assert lasting(STEP, 60.0).plant(quiet, times / 1000 - 60, 7.0).values.tolist() == [[0, 7, 0, 0]]


def test_only_the_first_start_after_the_onset_in_its_direction_finds_a_case() -> None:
    from benchmarks.planted.cases import judged, keys_of
    from benchmarks.planted.feed import Word
    from benchmarks.planted.plans import PLANS
    from benchmarks.planted.signals import DAY_MS, START_MS

    plan = next(one for one in PLANS if one.key == "shift_15s")
    onset = np.full(4, START_MS + DAY_MS)

    def word(case: int, minutes: float, sign: int = 1, state: str = "start") -> Word:
        return Word(case, state, int(onset[case] + minutes * 60_000), "spike", sign, "windows", "id")

    words = [
        *(word(0, -5), word(0, 3, -1), word(0, 4, state="end"), word(0, 10), word(0, 20)),
        *(word(1, 30), word(2, -600), word(2, 61), word(3, 0)),
    ]
    found = judged(words, onset, plan)
    assert found.delay_s.tolist()[:2] == [600.0, 1800.0]
    assert np.isnan(found.delay_s[2])
    assert found.delay_s[3] == 0.0
    assert (found.by_chance.tolist(), found.early, found.early_days) == ([1, 0, 0, 0], 2, 4.0)
    keys = keys_of(plan, found)
    assert (keys["found"], keys["found_ever"], keys["met"], keys["by_chance"]) == (0.5, 0.75, 0, 0.25)
    assert (keys["delay_s"], keys["false_per_series_day"]) == (600.0, 0.5)


def test_the_detect_stage_finds_a_step_that_nobody_could_miss_and_says_nothing_of_samples_that_are_not_there() -> None:
    from benchmarks.planted.faults import STEP
    from benchmarks.planted.feed import feed
    from benchmarks.planted.plans import GAUGE
    from benchmarks.planted.signals import START_MS, random_of, record

    quiet = record(GAUGE, 15.0, 0.125, [random_of("test", case) for case in range(3)])
    since_s = (quiet.times_ms - START_MS) / 1000 - 7200
    since_s[2] = -1.0
    steps = STEP.plant(quiet, since_s, 12 * GAUGE.sigma)
    steps.noise[1, -200:] = np.nan
    words = [one for one in feed(steps, 60.0) if one.state == "start"]
    assert [one.case for one in words if one.kind == "missing"] == [1]
    starts = [one for one in words if one.kind != "missing"]
    assert {one.case for one in starts} == {0, 1}
    assert all(0 <= one.at_ms - START_MS - 7_200_000 <= 120_000 and one.sign == 1 for one in starts)


def test_a_week_counts_the_series_that_were_flagged_in_it() -> None:
    from benchmarks.planted.feed import Word
    from benchmarks.planted.plans import OFFICE
    from benchmarks.planted.signals import START_MS
    from benchmarks.planted.weeks import keys_of

    def word(case: int, hours: float) -> Word:
        return Word(case, "start", int(START_MS + hours * 3_600_000), "spike", 1, "windows", "id")

    words = [word(0, 9), word(0, 9.5), word(1, 10), word(0, 7 * 24 + 9.1), word(1, 7 * 24 + 12), word(2, 20 * 24 + 3.5)]
    keys = keys_of(OFFICE, words, 4)
    assert [keys[f"case_office_week{week}_quiet"] for week in (1, 2, 3)] == [0.5, 0.75, 1.0]
    assert [keys.get(f"case_office_week{week}_met") for week in (1, 2, 3)] == [None, 0, 1]
    assert keys["case_office_sunday_found"] == 0.25


def test_noises_first_days_are_counted_apart() -> None:
    from benchmarks.planted.feed import Word
    from benchmarks.planted.plans import GAUGE
    from benchmarks.planted.quiet import Span, keys_of
    from benchmarks.planted.signals import DAY_MS, START_MS

    def word(case: int, days: float, kind: str = "spike", state: str = "start") -> Word:
        return Word(case, state, int(START_MS + days * DAY_MS), kind, 1, "windows", "id")

    words = [word(0, 0.5), word(0, 2), word(0, 2.1, state="end"), word(0, 3, "drift"), word(1, 0.1)]
    keys = keys_of(GAUGE, Span(60.0, 31.0, 2), words)
    assert (keys["series_days"], keys["per_30d"], keys["settling_per_series"]) == (60.0, 1.0, 1.0)
    assert (keys["kind_drift"], keys["kind_spike"], keys["drift_per_90d"], keys["series_with_any"]) == (1, 1, 1.5, 0.5)


def test_an_alarm_is_new_after_half_an_hour_without_one() -> None:
    from benchmarks.planted.comparison import alarms

    minutes = np.array([0, 1, 20, 50, 51, 82])
    times = 60_000 * np.arange(100)
    scores = np.zeros(100)
    scores[minutes] = 1.5
    assert (alarms(scores, times) // 60_000).tolist() == [0, 82]
    assert alarms(scores, times, 2.0).tolist() == []


def test_an_alarm_soon_after_a_fault_is_neither_found_nor_false() -> None:
    from benchmarks.planted.comparison import Episode, Subject, false_at, tally
    from benchmarks.planted.plans import GAUGE
    from benchmarks.planted.signals import DAY_MS, START_MS

    times = START_MS + 60_000 * np.arange(3 * 1440)
    begin = START_MS + 2 * DAY_MS
    faults = [Episode("spike", begin + hour * 3_600_000, begin + hour * 3_600_000 + 600_000) for hour in (0, 4, 8)]
    subject = Subject(GAUGE, times, np.zeros(len(times)), faults)
    scores = np.zeros(len(times))
    scores[100] = 9.0  # the first day
    scores[1440 + 60] = 2.0  # false
    scores[[2 * 1440 + 3, 2 * 1440 + 5]] = 3.0  # found, once
    scores[2 * 1440 + 240 + 20] = 3.0  # aftermath of the second
    scores[2 * 1440 + 480 + 9] = 0.5  # the third, below the limit
    found = tally([subject], [scores])
    assert (found.found, found.false) == (1, 1)
    assert dict(enumerate(delay for _, delay in found.delays))[0] == 180.0
    assert false_at([subject], [scores], 1) == 0
    assert false_at([subject], [scores], 2) == 1
    assert false_at([subject], [scores], 3) is None


def test_a_drift_without_a_length_scores_on_one_sample_and_an_open_anomaly_to_the_end() -> None:
    from benchmarks.planted.feed import Word
    from benchmarks.planted.peers.ours import open_scores

    times = 1000 * np.arange(8)
    words = [
        Word(0, "start", 1500, "drift", 1, "page_hinkley", "a"),
        Word(0, "end", 1500, "drift", 1, "page_hinkley", "a"),
        Word(0, "start", 3000, "spike", 1, "windows", "b"),
        Word(0, "end", 5000, "spike", 1, "windows", "b"),
        Word(0, "start", 7000, "spike", 1, "windows", "c"),
    ]
    assert open_scores(words, times).tolist() == [0, 0, 2, 2, 2, 0, 0, 2]


@pytest.mark.parametrize("number", range(8))
def test_no_peer_knows_what_is_still_to_come(number: int) -> None:
    from benchmarks.planted.peers import PEERS
    from benchmarks.planted.plans import GAUGE
    from benchmarks.planted.signals import random_of, record

    peer = PEERS[number]
    recording = record(GAUGE, 60.0, 1.05, [random_of("causal", 0)])
    times, values = recording.times_ms[0], recording.values[0].copy()
    values[1460:1470] += 12 * GAUGE.sigma
    scores = peer.score(GAUGE, times, values)
    assert len(scores) == len(values)
    assert np.array_equal(peer.score(GAUGE, times[:1480], values[:1480]), scores[:1480])
    assert scores[1460:1470].max() > 1.0 or "predictive" in peer.name


def test_every_row_that_the_roadmap_names_has_a_case_with_its_goal() -> None:
    from benchmarks.planted.plans import PLANS

    assert len({one.key for one in PLANS}) == len(PLANS)
    assert {one.row for one in PLANS if one.goal} >= {"3.2", "3.3", "3.4", "3.5", "8.7"}


def test_the_table_marks_a_missed_goal_and_shows_what_was_measured_alone() -> None:
    from benchmarks.planted.cases import Outcome, keys_of
    from benchmarks.planted.plans import PLANS
    from benchmarks.planted.show import tables

    found = Outcome(np.array([10.0, np.nan]), np.zeros(2), 0, 2.0)
    numbers = {f"case_{PLANS[0].key}_{name}": value for name, value in keys_of(PLANS[0], found).items()}
    shown = tables(numbers)
    assert "MISSED" in shown
    assert "50.0 %" in shown
    assert "precision" not in shown


def test_the_results_hold_every_plan_and_the_machine() -> None:
    from benchmarks.planted.__main__ import RESULTS
    from benchmarks.planted.plans import PLANS

    if not RESULTS.exists():
        pytest.skip("make bench-planted has not been run for this release")
    results = json.loads(RESULTS.read_text())
    assert set(results) >= {f"case_{plan.key}_found" for plan in PLANS} | {"cpu_model", "cores", "date"}
    assert set(results) >= {"peer_ours_recall", "quiet_gaussian_60s_per_30d", "case_monday_week2_quiet"}
    assert all(isinstance(value, str | int | float) for value in results.values())
