"""New series: judged early by what is usual for their family, marked as such, the same whatever the cuts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.detect import DetectOperator, DetectSettings
from models.prior_learning import PriorLearner
from models.priors import SHIPPED, SHIPPED_SHA256, Prior, PriorBook, Priors, as_setting, read_priors, shipped_priors
from schemas.errors import ConfigurationError, SchemaError
from schemas.events import Anomaly, Setting
from schemas.series import Series
from schemas.topics import SETTINGS
from streams.priors import PRIORS
from tests.unit.models.streams import START_MS, batch_of, stream

QUEUE = Series("t", "queue_depth", {"host": "a"}, {"node": "a"})
OTHER = Series("t", "queue_depth", {"host": "b"}, {"node": "b"})


def noisy(seed: int, count: int) -> np.ndarray:
    return 100 + 5 * np.random.default_rng(seed).standard_normal(count)


def stepped(seed: int, at: int, count: int) -> np.ndarray:
    values = noisy(seed, count)
    values[at:] += 80
    return values


def run(values: np.ndarray, step_ms: int = 1000, **changed: object) -> list[Anomaly]:
    operator = DetectOperator(DetectSettings.model_validate(changed), 0, 1)
    return operator.step_batch(batch_of(stream(QUEUE, values.tolist(), step_ms=step_ms)))


@pytest.mark.parametrize("step_ms", [1000, 15_000, 60_000])
def test_a_step_at_the_fortieth_sample_is_found_and_marked_as_a_cold_start(step_ms: int) -> None:
    for seed in range(5):
        found = run(stepped(seed, 40, 80), step_ms)
        assert found, (seed, step_ms)
        start = found[0]
        assert (start.state, start.direction, start.cold_start) == ("start", "up", True)
        assert start.at_ms - START_MS - 40 * step_ms <= max(2 * step_ms, 30_000)
        assert start.confidence_reasons[0].startswith("short history")


def test_without_priors_a_series_is_silent_for_its_warm_up() -> None:
    assert run(stepped(1, 40, 80), shipped_priors=False) == []


def test_a_window_that_is_off_stays_off() -> None:
    assert run(stepped(1, 40, 80), windows={"5m": {"enabled": False}}) == []


def test_a_series_that_is_older_than_a_day_is_no_cold_start() -> None:
    values = noisy(1, 1440 + 60)
    values[-5:] += 90
    (start, *_) = [one for one in run(values, 60_000) if one.state == "start"]
    assert start.cold_start is False


def test_plain_noise_is_quiet_from_the_first_sample_on() -> None:
    for seed in range(40):
        assert run(noisy(seed, 300)) == [], seed


def operator_with(entries: list[tuple[int, float]]) -> DetectOperator:
    """An operator that was told of priors: from when, and how wide."""
    operator = DetectOperator(DetectSettings(), 0, 1)
    for from_ms, relative in entries:
        setting = as_setting(Priors(version=f"v{from_ms}", families={"any": Prior(relative=relative)}), from_ms)
        operator.step(SETTINGS.name, setting.to_bytes())
    return operator


def test_priors_hold_for_series_that_are_born_after_they_do() -> None:
    wide = [(START_MS + 10_000, 3.0)]
    before = operator_with(wide).step_batch(batch_of(stream(QUEUE, stepped(1, 40, 80).tolist())))
    born_later = stream(OTHER, stepped(1, 40, 80).tolist(), start_ms=START_MS + 10_000)
    assert before
    assert operator_with(wide).step_batch(batch_of(born_later)) == []


def test_a_family_without_a_prior_waits_for_its_warm_up() -> None:
    operator = operator_with([(0, 0.0)])
    assert operator.step_batch(batch_of(stream(QUEUE, stepped(1, 40, 80).tolist()))) == []


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    cuts=st.lists(st.integers(1, 300), max_size=8),
    entries=st.lists(st.tuples(st.integers(0, 200_000), st.sampled_from([0.0, 0.05, 0.5])), max_size=3),
    late=st.integers(0, 150_000),
)
def test_priors_kills_and_cuts_change_nothing_but_what_the_settings_say(
    cuts: list[int], entries: list[tuple[int, float]], late: int
) -> None:
    told = [(START_MS + at_ms, relative) for at_ms, relative in entries]
    one, other = (
        stream(QUEUE, stepped(2, 60, 150).tolist()),
        stream(OTHER, stepped(3, 90, 150).tolist(), START_MS + late),
    )
    whole = operator_with(told)
    expected = whole.step_batch(batch_of(one)) + whole.step_batch(batch_of(other))
    operator = operator_with(told)
    mixed = sorted(one + other, key=lambda sample: sample.time_ms)
    bounds = [0, *sorted(min(cut, len(mixed)) for cut in cuts), len(mixed)]
    found: list[Anomaly] = []
    for first, last in pairwise(bounds):
        if first < last:
            found += operator.step_batch(batch_of(mixed[first:last]))
        successor = DetectOperator(DetectSettings(), 0, 1)
        operator.mark_all()
        for key, value in operator.take_blocks():
            if value is not None:
                successor.load_block(key, value)
        successor.finish_load()
        operator = successor
    by_series = sorted(found, key=lambda event: event.series_id != f"{QUEUE.id:016x}")
    assert by_series == expected


def test_the_book_keeps_what_ships_and_the_last_few_settings() -> None:
    book = PriorBook(Priors(version="shipped"))
    for at_ms in (5, 10, 15, 20):
        book.replace(Priors(version=f"v{at_ms}"), at_ms)
    assert [entry.priors.version for entry in book.entries] == ["shipped", "v10", "v15", "v20"]
    assert len(book.entries) == PRIORS
    book.replace(Priors(version="again"), 15)
    assert [(entry.from_ms, entry.priors.version) for entry in book.entries[1:]] == [(10, "v10"), (15, "again")]
    again = PriorBook(Priors(version="shipped"))
    again.load(book.state())
    assert again.entries == book.entries


@pytest.mark.parametrize(
    "body", [{"families": {}}, {"version": "x", "families": {"any": {"relative": -1}}}, {"version": "x", "more": 1}]
)
def test_a_setting_that_brings_no_priors_is_refused_and_changes_nothing(body: dict[str, object]) -> None:
    operator = DetectOperator(DetectSettings(), 0, 1)
    before = dict(operator.take_blocks())["meta"]
    with pytest.raises(SchemaError, match="priors"):
        operator.step(SETTINGS.name, Setting(subject="priors", valid_from_ms=5, body=body).to_bytes())
    assert dict(operator.take_blocks())["meta"] == before


def test_the_priors_that_ship_are_those_of_this_release() -> None:
    shipped = shipped_priors()
    assert shipped.source
    known = {family.name for family in DetectSettings().all_families()}
    assert set(shipped.families) <= known
    assert {"any", "node_cpu", "rate"} <= set(shipped.families)


def test_a_file_of_priors_that_was_changed_is_refused_with_a_way_out(tmp_path: Path) -> None:
    changed = tmp_path / "priors.json"
    changed.write_bytes(SHIPPED.read_bytes().replace(b"0.0", b"0.1", 1))
    with pytest.raises(ConfigurationError, match="SHA-256") as caught:
        read_priors(changed, SHIPPED_SHA256)
    assert "shipped_priors: false" in str(caught.value)
    with pytest.raises(ConfigurationError, match="Install again"):
        read_priors(tmp_path / "absent.json", SHIPPED_SHA256)


def teach(learner: PriorLearner, family: str, series: int, values: np.ndarray, odd: np.ndarray | None = None) -> None:
    """A sample a minute."""
    times = 60_000 * np.arange(len(values))
    learner.add(family, series, times, values, np.zeros(len(values), bool) if odd is None else odd)


def test_a_prior_is_that_of_the_quieter_quarter_in_what_series_have_in_common() -> None:
    learner = PriorLearner()
    random = np.random.default_rng(1)
    for series, level in enumerate([1.0, 100.0, 1e4, 1e6, 1e8]):
        teach(learner, "alike", series, level * (1 + 0.02 * (series + 1) * random.standard_normal(2000)))
        teach(learner, "same unit", series, level + 3.0 * random.standard_normal(2000))
    priors = learner.priors("x").families
    assert priors["alike"].spread == 0.0
    assert priors["alike"].relative == pytest.approx(0.04, rel=0.1)
    assert priors["same unit"].relative == 0.0
    assert priors["same unit"].spread == pytest.approx(3.0, rel=0.1)


def test_short_series_odd_hours_constants_and_few_series_teach_nothing() -> None:
    random = np.random.default_rng(2)
    learner = PriorLearner()
    for series in range(4):
        teach(learner, "short", series, random.standard_normal(23 * 60))
        teach(learner, "constant", series, np.full(3000, 7.0))
        teach(learner, "odd", series, random.standard_normal(3000), np.ones(3000, bool))
    for series in range(2):
        teach(learner, "two", series, random.standard_normal(3000))
    assert learner.priors("x").families == {}


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(1, 1999), max_size=6))
def test_what_is_learned_does_not_depend_on_the_pieces(cuts: list[int]) -> None:
    values = 50 + np.random.default_rng(5).standard_normal((3, 2000))
    whole, pieces = PriorLearner(), PriorLearner()
    times, odd = 60_000 * np.arange(2000), np.zeros(2000, bool)
    for series in range(3):
        whole.add("any", series, times, values[series], odd)
        for part in np.split(np.arange(2000), sorted(cuts)):
            pieces.add("any", series, times[part], values[series, part], odd[part])
    assert whole.priors("x") == pieces.priors("x")
