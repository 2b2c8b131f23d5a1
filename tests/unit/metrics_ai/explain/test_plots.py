"""What a plot shows: its panels, lines, marks and words; not its pixels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.figure import Figure

from metrics_ai.explain.cases import AlertCase, AnomalyCase, Events, case_of, matches_of
from metrics_ai.explain.pictures import anomalies_of, panels_of, reach_of, state_panel, title_of, trace_panel
from metrics_ai.explain.plots import MAX_PANELS, Panel, Span, figure_of, save, thinned
from metrics_ai.explain.plotting import checked_path, load_plots, write_plot
from metrics_ai.explain.selecting import blocks_of
from metrics_ai.explain.series_models import SeriesState
from metrics_ai.explain.series_state import DetectState
from metrics_ai.explain.tracing import Band, Line, trace
from models.detect import DetectOperator
from models.settings import DetectSettings
from schemas.batch import SampleBatch
from schemas.errors import ConfigurationError, MachineError
from schemas.events import Range
from schemas.series import Series

MakeBatch = Callable[..., SampleBatch]
START_MS = 1_790_053_200_000
CPU = Series("t", "node_cpu_ratio", {"host": "h1"}, {"node": "h1"}, "gauge", "1")


def line(count: int = 100, every_ms: int = 60_000) -> Line:
    values = 120 + np.sin(np.arange(count))
    values[50:60] += 180
    return Line(START_MS - 50 * every_ms + every_ms * np.arange(count), values)


def words(figure: Figure) -> str:
    return "\n".join(text.get_text() for text in figure.findobj(lambda one: hasattr(one, "get_text")))


def panel(**changes: Any) -> Panel:
    band = Band.of([(START_MS - 3_000_000, Range(low=60, center=120, high=180)), (START_MS + 2_940_000, None)], "15m")
    span = Span(START_MS, START_MS + 600_000, START_MS + 60_000, 300.0)
    return Panel(
        **{"title": 'latency{host="$a$"}', "line": line(), "unit": "ms", "band": band, "spans": [span]} | changes
    )


def test_a_panel_has_axes_with_names_the_line_the_band_and_three_marks() -> None:
    figure = figure_of([panel(sentence="It is slow.")])
    (axes,) = figure.axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time (UTC)", "ms")
    assert axes.get_title(loc="left") == 'latency{host="$a$"}'
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {"observed", "expected (15m)"}
    assert [len(one.get_xdata()) for one in axes.lines if one.get_label() == "observed"] == [100]
    for word in ("start", "end", "peak 300 ms", "It is slow."):
        assert word in words(figure)


def test_each_member_has_its_panel_and_at_most_six_are_drawn() -> None:
    assert len(figure_of([panel()] * 3, "An incident").axes) == 3
    assert len(figure_of([panel()] * 9).axes) == MAX_PANELS


@pytest.mark.parametrize(
    "changes",
    [
        {"band": None, "spans": []},
        {"line": Line(np.array([START_MS]), np.array([5.0]))},
        {"line": Line(np.array([START_MS, START_MS + 1000]), np.array([7.0, 7.0])), "unit": ""},
        {"spans": [Span(START_MS, None)]},
        {"spans": [Span(START_MS, START_MS + 1), Span(START_MS + 600_000, None, START_MS + 600_000, -1e12)]},
        {"dots": True},
        {"title": "x" * 300, "sentence": "word " * 80},
        {"line": Line(START_MS + 1000 * np.arange(3), np.array([1e30, -1e30, 0.0]))},
    ],
)
def test_whatever_a_series_is_like_its_plot_can_be_written(tmp_path: Path, changes: Any) -> None:
    save(figure_of([panel(**changes)]), tmp_path / "plot.svg")
    assert ET.parse(tmp_path / "plot.svg").getroot().tag.endswith("svg")


def test_a_png_is_one(tmp_path: Path) -> None:
    save(figure_of([panel()]), tmp_path / "plot.PNG")
    assert (tmp_path / "plot.PNG").read_bytes().startswith(b"\x89PNG")


def test_an_svg_is_the_same_each_time_and_needs_nothing_else(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        save(figure_of([panel()]), tmp_path / name)
    text = (tmp_path / "one.svg").read_text()
    assert text == (tmp_path / "two.svg").read_text()
    assert "<image" not in text
    assert "font-family" not in text


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken.png").mkdir()
    with pytest.raises(MachineError, match=r"cannot write .*taken\.png"):
        save(figure_of([panel()]), tmp_path / "taken.png")


def test_a_letter_without_a_glyph_is_no_reason_to_fail(tmp_path: Path) -> None:
    write_plot([panel(title="延迟")], "", tmp_path / "cjk.png")
    assert (tmp_path / "cjk.png").stat().st_size > 0


def test_thinning_keeps_the_spikes() -> None:
    values = np.zeros(100_000)
    values[[500, 77_777]] = 9.0, -9.0
    few = thinned(Line(np.arange(100_000), values))
    assert len(few) < 5000
    assert (few.values.max(), few.values.min()) == (9.0, -9.0)
    assert (np.diff(few.times_ms) > 0).all()


@pytest.mark.parametrize(("path", "why"), [("plot.gif", "names no format"), ("/nowhere/plot.png", "no folder")])
def test_where_no_plot_can_go_is_said_before_anything_is_read(path: str, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        checked_path(Path(path))


def test_without_matplotlib_the_way_out_is_said() -> None:
    def fail(_: str) -> None:
        raise ImportError("No module named 'matplotlib'")

    with pytest.raises(MachineError, match="pip install matplotlib"):
        load_plots(fail)


def _first(events: Events) -> AnomalyCase:
    case = case_of(events, *matches_of(events, "8a6c05604d"))
    assert isinstance(case, AnomalyCase)
    return case


def test_an_incident_shows_its_members_around_their_episodes(events: Events) -> None:
    asked = []

    def lines(series: Series, from_ms: int, until_ms: int | None) -> Line:
        asked.append((series.id, from_ms, until_ms))
        return line()

    case = case_of(events, *matches_of(events, "fc8e6198ca"))
    (shown,) = panels_of(case, lines)
    lasted = 1_380_000
    assert asked == [(0x62D7ED8C838D49AB, START_MS - 2 * lasted, START_MS + 3 * lasted)]
    assert title_of(case) == "Latency of node web-1 anomalous"
    assert (shown.spans[0].start_ms, shown.spans[0].end_ms) == (START_MS, START_MS + lasted)
    assert shown.spans[0].peak == line().values.max()
    assert shown.band is not None
    assert shown.band.window == "15m"
    assert set(shown.band.high.round(1)) == {179.6}


def test_where_samples_are_gone_the_reports_are_drawn(events: Events) -> None:
    (shown,) = panels_of(_first(events), lambda *_: Line(np.zeros(0, np.int64), np.zeros(0)))
    assert shown.dots
    assert shown.line.values.tolist() == [pytest.approx(295.87, abs=0.01), pytest.approx(119.51, abs=0.01)]
    assert len(figure_of([shown]).axes) == 1


def test_what_goes_on_is_shown_until_now_and_a_moment_with_the_hours_before(events: Events) -> None:
    start, end = _first(events).states
    assert reach_of(start)[1] is None
    moment = end.model_copy(update={"ended_ms": end.started_ms})
    assert reach_of(moment) == (START_MS - 3 * 3_600_000, START_MS + 3 * 3_600_000)


def test_an_alert_without_its_anomaly_has_nothing_to_draw(events: Events) -> None:
    case = case_of(events, *matches_of(events, "4fc2dfbe79"))
    assert isinstance(case, AlertCase)
    assert anomalies_of(AlertCase(case.alert, None)) == []
    assert title_of(case) == ""


def _state(batch: SampleBatch) -> SeriesState:
    operator = DetectOperator(DetectSettings(), 0, 1)
    operator.step_batch(batch)
    (state,) = DetectState(blocks_of(operator), DetectSettings(), lambda _: True).states()
    return state


def test_a_recorded_series_shows_its_band_and_its_anomalies(make_batch: MakeBatch) -> None:
    batch = make_batch(CPU, [*([0.09, 0.11] * 90), *([0.9] * 12), *([0.1] * 60)])
    shown = trace_panel(_state(batch), trace([batch], DetectSettings()))
    assert shown.sentence == "252 samples; 1 anomaly"
    assert [(one.start_ms, one.peak) for one in shown.spans] == [(int(batch.timestamp_ms[180]), 0.9)]
    assert shown.band is not None


def test_a_live_series_shows_what_is_expected_now(make_batch: MakeBatch) -> None:
    batch = make_batch(CPU, [*([0.09, 0.11] * 90), *([0.9] * 3)])
    state = _state(batch)
    shown = state_panel(state, Line(batch.timestamp_ms, batch.value))
    assert shown.band is not None
    assert shown.band.high.tolist() == [state.windows[0].expected.high] * 2
    assert [one.end_ms for one in shown.spans] == [None]
    young = _state(make_batch(Series("t", "orders_total", {}, {}, "counter"), [0.0, 20.0]))
    rates = state_panel(young, Line(np.array([START_MS]), np.array([2.0]), is_rate=True))
    assert (rates.sentence, rates.unit) == (
        "No window speaks yet.",
        "per second",
    )
