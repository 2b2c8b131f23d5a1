"""Detectors that a configuration chooses: their episodes, their state, and that they stay out of others' way."""

from __future__ import annotations

import random

import numpy as np
import pytest
from pydantic import ValidationError

from models.detect import DetectOperator, DetectSettings
from models.detectors.gaussian_scorer import GaussianScorer
from models.settings import UpdateSettings
from schemas.events import Anomaly
from schemas.series import Series
from tests.unit.models.streams import START_MS, Bench, Sample, batch_of, stream

PAY = Series("t", "latency_ms", {"route": "/pay"}, {"service": "shop"})
OTHER = Series("t", "latency_ms", {"route": "/list"}, {"service": "shop"})
CHOICE = {"detector": "gaussian_scorer", "select": 'latency_ms{route="/pay"}', "options": {"warmup_samples": 50}}
CALM = np.random.default_rng(7).normal(20.0, 1.0, 400).round(3).tolist()
# Enough for the scorer, and nothing that the five windows speak of before their warm-up.
QUIET = {
    "windows": {name: {"enabled": False} for name in ("5m", "15m", "1h", "24h", "7d")},
    "drift": {"enabled": False},
}


def bench(**settings: object) -> Bench:
    return Bench(**{**QUIET, "detectors": [CHOICE], **settings})


def told(found: list[Anomaly]) -> list[tuple[str, str, int]]:
    return [(one.detector, one.state, (one.at_ms - START_MS) // 1000) for one in found]


def test_a_chosen_detector_begins_and_ends_an_anomaly() -> None:
    found = bench().feed_values(PAY, [*CALM, 40.0, 41.0, 42.0, *CALM[:5]])
    assert told(found) == [("gaussian_scorer", "start", 401), ("gaussian_scorer", "end", 405)]
    start, end = found
    assert (start.kind, start.severity, start.started_ms) == ("deviation", "critical", START_MS + 400_000)
    assert start.id == end.id
    assert sum(share.value for share in start.contributions) + start.base == pytest.approx(start.score)
    assert "latency_ms (/pay) of service shop is 41: gaussian_scorer scores it" in start.explanation
    assert (end.end_reason, end.ended_ms) == ("recovered", START_MS + 405_000)


def test_series_that_it_was_not_chosen_for_are_left_alone() -> None:
    assert bench().feed_values(OTHER, [*CALM, 40.0, 41.0, 42.0]) == []


def test_it_says_so_again_and_gives_in_to_a_level_that_lasts() -> None:
    one = bench(updates={"every_s": 10}, confirm={"max_freeze_s": 60})
    found = one.feed_values(PAY, [*CALM, *[40.0 + at % 3 for at in range(600)]])
    assert [state for _, state, _ in told(found)][:3] == ["start", "update", "update"]
    assert found[-1].state == "end"
    assert found[-1].at_ms > START_MS + 460_000


@pytest.mark.parametrize("by_tick", [True, False])
def test_silence_ends_it_at_the_last_sample(by_tick: bool) -> None:
    one = bench()
    assert [state for _, state, _ in told(one.feed_values(PAY, [*CALM, 40.0, 41.0]))] == ["start"]
    last_ms = START_MS + 401_000
    if by_tick:
        one.operator.on_tick(last_ms)
        (end,) = one.operator.on_tick(last_ms + 181_000)
    else:
        (end,) = one.feed([Sample(PAY, last_ms + 500_000, 20.0)])
    assert (end.end_reason, end.ended_ms, end.at_ms) == ("silent", last_ms, last_ms + 180_000)


def test_cuts_and_restarts_change_nothing() -> None:
    rng = random.Random(3)
    values = [value + 40.0 * (at % 97 in (1, 2, 3)) * rng.random() for at, value in enumerate(CALM * 3)]
    samples = [one for pair in zip(stream(PAY, values), stream(OTHER, values), strict=True) for one in pair]
    whole = bench().feed(samples)
    assert len({one.id for one in whole}) > 3
    operator, found, blocks = bench().operator, [], {}
    at = 0
    while at < len(samples):
        size = rng.randrange(1, 300)
        found += operator.step_batch(batch_of(samples[at : at + size]))
        at += size
        blocks |= dict(operator.take_blocks())
        operator = DetectOperator(operator.settings, 0, 1)
        for key, value in blocks.items():
            if value is not None:
                operator.load_block(key, value)
        operator.finish_load()
    assert [one.to_bytes() for one in found] == [one.to_bytes() for one in whole]


def test_other_options_begin_anew_and_a_forgotten_series_leaves_no_record() -> None:
    one = bench()
    one.feed_values(PAY, CALM)
    blocks = dict(one.operator.take_blocks())
    changed = DetectSettings.model_validate({**QUIET, "detectors": [{**CHOICE, "options": {"limit": 3.0}}]})
    operator = DetectOperator(changed, 0, 1)
    for key, value in blocks.items():
        operator.load_block(key, value or b"")
    operator.finish_load()
    assert [key for key, _ in operator.take_blocks()] == ["chosen/0", "meta"]
    one.operator.on_tick(START_MS + 400_000)
    one.operator.on_tick(START_MS + 400_000 + 3 * 86_400_000)
    assert ("chosen/0", None) in one.operator.take_blocks()


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ([{"detector": "gausian", "select": "m"}], "no detector 'gausian'"),
        ([{"detector": "gaussian_scorer", "select": "m", "options": {"limt": 3}}], "limt"),
        ([{"detector": "gaussian_scorer", "select": "m{"}], "not a selector"),
        ([CHOICE, CHOICE], "of one name: gaussian_scorer"),
        ([{**CHOICE, "name": "oom_kill"}], "of one name: oom_kill"),
        *(([{**CHOICE, "name": name}], f"{name} is taken") for name in ("windows", "missing", "entities", "records")),
        ([{"detector": "adwin", "select": "m"}], "adwin is taken"),
    ],
)
def test_a_choice_that_cannot_hold_is_refused(choices: list[dict[str, object]], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DetectSettings.model_validate({"detectors": choices})


def test_the_windows_and_a_chosen_detector_speak_side_by_side() -> None:
    found = Bench(detectors=[CHOICE]).feed_values(PAY, [*CALM, *[80.0] * 12])
    assert {one.detector for one in found} == {"windows", "gaussian_scorer"}
    assert UpdateSettings().critical == 4.0


@pytest.mark.parametrize("spike", [1e9, -1e10, 1e12])
@pytest.mark.parametrize("seed", range(4))
def test_the_gaussian_scorer_is_itself_again_once_a_spike_has_left_its_window(seed: int, spike: float) -> None:
    detector = GaussianScorer()
    values = np.random.default_rng(seed).normal(0.1, 0.01, 1000)
    values[3] = spike
    for at, value in enumerate(values.tolist()):
        detector.learn_one(at, value)
    assert detector.score_one(1000, 0.11) <= 1.0 < detector.score_one(1000, 5.0)
    restored = GaussianScorer.restore(detector.snapshot(), detector.settings)
    assert restored.score_one(1000, 5.0) == detector.score_one(1000, 5.0)


def test_the_gaussian_scorer_survives_a_constant_after_a_spike() -> None:
    detector = GaussianScorer()
    for at in range(800):
        detector.learn_one(at, 1e9 if at == 3 else 0.1)
    assert detector.score_one(800, 0.1) == 0.0
    assert detector.score_one(800, 5.0) > 1.0


def test_a_detector_that_learns_its_alarms_tells_each_of_them_at_once() -> None:
    choice = {"detector": "records", "select": "latency_ms"}
    found = Bench(**{**QUIET, "detectors": [choice]}).feed_values(PAY, [*CALM, 40.0, *CALM[:9], 41.0, *CALM[:9]])
    assert told(found) == [("records", "start", 400), ("records", "end", 403)]
    patient = Bench(**{**QUIET, "detectors": [{**choice, "samples": 2}]})
    assert patient.feed_values(PAY, [*CALM, 40.0, *CALM[:9]]) == []
