"""What is shown of a series is what detect knows of it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from metrics_ai.explain.selecting import Selection, blocks_of, selected_by
from metrics_ai.explain.series_models import SeriesState
from metrics_ai.explain.series_state import DetectState
from metrics_ai.explain.state_text import MOST_ROWS, state_lines, state_table
from models.detect import DetectOperator
from models.rules import ThresholdRule
from models.settings import DetectSettings
from schemas.batch import HistogramPoint, SampleBatch
from schemas.errors import ConfigurationError
from schemas.series import Series
from streams.layout import MONTH_SHARE
from streams.months import _code_of

MakeBatch = Callable[..., SampleBatch]
CPU = Series("t", "node_cpu_ratio", {"host": "h1"}, {"node": "h1"}, "gauge", "1")
CALM = [0.09, 0.11] * 90


def state_after(batch: SampleBatch, settings: DetectSettings | None = None) -> tuple[SeriesState, DetectOperator]:
    settings = settings or DetectSettings()
    operator = DetectOperator(settings, 0, 1)
    operator.step_batch(batch)
    (state,) = DetectState(blocks_of(operator), settings, lambda _: True).states()
    return state, operator


def test_a_calm_series_shows_who_it_is_and_which_windows_speak(make_batch: MakeBatch) -> None:
    state, _ = state_after(make_batch(CPU, CALM))
    assert (state.metric, state.entity, state.family, state.interval_s) == ("node_cpu_ratio", "node:h1", "node_cpu", 10)
    assert (state.value, state.episode, state.normal_since_ms) == (0.11, None, None)
    assert [one.phase for one in state.windows] == ["ready", "ready", "warming up", "warming up", "warming up"]
    assert state.windows[0].expected is not None
    assert state.windows[0].expected.low <= 0.11 <= state.windows[0].expected.high
    assert state.windows[2].ready_ms == state.first_ms + 2_400_000
    assert state.newest_ms - state.first_ms == 10_000 * 179
    assert state.windows[1].buckets == 15


def test_scores_and_ranges_are_those_that_an_anomaly_tells(make_batch: MakeBatch) -> None:
    batch = make_batch(CPU, [*CALM, 0.9, 0.9])
    operator = DetectOperator(DetectSettings(), 0, 1)
    anomaly = operator.step_batch(batch)[-1]
    assert anomaly.at_ms == batch.timestamp_ms[-1]
    (state,) = DetectState(blocks_of(operator), DetectSettings(), lambda _: True).states()
    ready = [one for one in state.windows if one.phase == "ready"]
    assert [one.window for one in ready] == [one.window for one in anomaly.windows]
    assert [abs(one.score or 0.0) for one in ready] == [one.score for one in anomaly.windows]
    assert [one.expected for one in ready] == [one.expected for one in anomaly.windows]
    assert state.score == anomaly.score
    assert state.episode is not None
    assert (state.episode.id, state.episode.severity) == (anomaly.id, anomaly.severity)


def test_evidence_that_gathers_is_no_episode_yet(make_batch: MakeBatch) -> None:
    state, _ = state_after(make_batch(CPU, [*CALM, 0.9]))
    assert state.episode is not None
    assert (state.episode.is_open, state.episode.id, state.episode.direction) == (False, None, "up")
    assert any("evidence gathers: above" in line for line in state_lines(state))


def test_a_window_says_what_it_waits_for(make_batch: MakeBatch) -> None:
    young, _ = state_after(make_batch(CPU, [0.1] * 6, every_s=60))
    assert young.windows[0].why == "it has 5 of the 8 samples that it needs"
    rare, _ = state_after(make_batch(CPU, [0.1] * 60, every_s=60))
    assert [one.phase for one in rare.windows][:3] == ["ready"] * 3
    settings = DetectSettings(windows={"5m": {"enabled": False}})
    off, _ = state_after(make_batch(CPU, CALM), settings)
    assert (off.windows[0].phase, off.windows[0].why) == ("off", "switched off")
    clock, _ = state_after(make_batch(Series("t", "node_boot_time_seconds"), CALM))
    assert {one.phase for one in clock.windows} == {"off"}
    assert "not judged" in state_table([clock])[1]


def test_hours_of_the_week_are_told(make_batch: MakeBatch) -> None:
    young, _ = state_after(make_batch(CPU, CALM))
    assert (young.season.hours, young.season.error) == (0, None)
    two_days, _ = state_after(make_batch(CPU, [0.1, 0.12] * 1440, every_s=60))
    assert two_days.season.hours == 48 - 6 - 1
    assert two_days.season.forecasts == 23
    assert two_days.season.error == pytest.approx(0.0, abs=1e-6)
    assert "41 of 168 known; 23 came as usual but for" in "\n".join(state_lines(two_days))


def test_days_of_the_month_that_are_known_are_listed(make_batch: MakeBatch) -> None:
    _, operator = state_after(make_batch(CPU, CALM))
    row = operator.bank.slots[0]
    for cell, shift, share, times in ((0, -0.25, 0, 2), (1, 0.3, 0, 1), (30, 0.6, 1, 5)):
        row["month_shift"][cell] = _code_of(shift)
        row["month_hours"][cell] = (6, 24 + share * MONTH_SHARE)
        row["month_times"][cell] = times
    (state,) = DetectState(blocks_of(operator), DetectSettings(), lambda _: True).states()
    text = [" ".join(line.split()) for line in state_lines(state)]
    at = text.index("days of the month that differ:")
    assert text[at + 1 : at + 4] == [
        "the 1st 06 to 24 h 0.25 below the usual in 2 months running",
        "the last day 06 to 24 h 60% above the usual in 5 months running",
        "",
    ]


def test_rules_that_watch_a_series_show_their_state(make_batch: MakeBatch) -> None:
    rules = [
        ThresholdRule(name="hot", select="node_cpu_ratio", threshold=0.8),
        ThresholdRule(name="hot_for_long", select="node_cpu_ratio", threshold=0.8, for_s=600),
        ThresholdRule(name="cold", select="node_cpu_ratio", comparison="<", threshold=0.01, function="avg"),
        ThresholdRule(name="full", select="node_cpu_ratio", comparison="<", threshold=3600, function="eta", limit=1),
    ]
    settings = DetectSettings(rules=rules, shipped_rules=False)
    state, _ = state_after(make_batch(CPU, [*CALM, 0.9, 0.9]), settings)
    phases = {one.name: one.phase for one in state.rules}
    assert phases == {"hot": "firing", "hot_for_long": "pending", "cold": "quiet", "full": "quiet"}
    conditions = {one.name: one.condition for one in state.rules}
    assert conditions["hot_for_long"] == "value > 0.8 for 600 s"
    assert conditions["full"] == "seconds until 1 < 3600"
    text = "\n".join(state_lines(state))
    assert "firing since" in text
    assert "avg over 300 s < 0.01" in text


@pytest.mark.parametrize("detector", ["page_hinkley", "adwin"])
def test_the_drift_detector_tells_what_it_has_learned(make_batch: MakeBatch, detector: str) -> None:
    settings = DetectSettings(drift={"detector": detector, "reference": "5m"})
    state, operator = state_after(make_batch(CPU, CALM), settings)
    assert state.drift is not None
    assert state.drift.told is not None
    assert state.drift.told["minutes"] == operator.drift.updates > 10
    fresh, _ = state_after(make_batch(CPU, CALM))
    assert "has learned nothing yet" in "\n".join(state_lines(fresh))
    off, _ = state_after(make_batch(CPU, CALM), DetectSettings(drift={"enabled": False}))
    assert off.drift is None


def test_only_what_is_wanted_is_taken_out_of_many_blocks() -> None:
    fleet = [Series("t", "cpu", {"host": f"h{number}"}) for number in range(700)]
    ids = np.array([one.id for one in fleet], np.uint64)
    series = np.arange(700, dtype=np.int32)
    times = np.full(700, 1_790_035_200_000)
    operator = DetectOperator(DetectSettings(), 0, 1)
    operator.step_batch(SampleBatch("t", ids, [one.text for one in fleet], series, times, series * 1.0))
    wanted = selected_by('cpu{host=~"h3|h600"}')
    states = list(DetectState(blocks_of(operator), DetectSettings(), wanted).states())
    assert {(one.labels["host"], one.value) for one in states} == {("h3", 3.0), ("h600", 600.0)}


def test_blocks_of_nothing_hold_nothing() -> None:
    assert len(DetectState({}, DetectSettings(), lambda _: True)) == 0


def test_a_table_stops_and_says_how_many_more_there_are(make_batch: MakeBatch) -> None:
    state, _ = state_after(make_batch(CPU, CALM))
    lines = state_table([state] * (MOST_ROWS + 7))
    assert len(lines) == 1 + MOST_ROWS + 1
    assert lines[-1].startswith("and 7 more")
    assert "calm" in lines[1]


def test_what_is_no_selector_is_said() -> None:
    with pytest.raises(ConfigurationError, match="not a selector"):
        selected_by("cpu{")


def test_histograms_are_selected_by_the_series_made_from_them() -> None:
    latency = Series("t", "latency", {}, {"service": "web"}, "counter", "s")
    points = [HistogramPoint(count=10 * n, sum=1.0 * n, bounds=[0.1], counts=[10 * n, 0]) for n in (1, 2, 3)]
    batch = SampleBatch(
        tenant="t",
        series_ids=np.array([latency.id], np.uint64),
        series_text=[latency.text],
        series=np.zeros(3, np.int32),
        timestamp_ms=1_790_035_200_000 + 10_000 * np.arange(3),
        value=np.empty(0),
        points=points,
    )
    picked = Selection(selected_by("latency:rate"), 10).of(batch)
    assert picked is not None
    assert picked.value.tolist() == [1.0, 1.0]
    assert Selection(selected_by("other"), 10).of(batch) is None
