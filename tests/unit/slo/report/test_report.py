"""Reports say what was kept, the same way each time, whatever others named their things."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.incident_events import Incident
from schemas.slo_events import BudgetShare
from slo.definition import RollingWindow, Slo
from slo.evaluate import evaluate_counts
from slo.recorded import Counts
from slo.report import Burned, Course, Report, SloHistory, history_of, report_of
from slo.report.markdown import markdown_of
from slo.report.page import page_of
from tests.unit.slo.definitions import RATIO

DAY_MS = 86_400_000
START_MS = 1_790_035_200_000
EVIL = "<script>alert(1)</script>|`*&\"'"


def objective(**other: object) -> Slo:
    fields = {"method": "Occurrences", "target": 0.99, "window": RollingWindow(duration_s=30 * 86_400), "slice_s": 60}
    return Slo.model_validate({"name": "checkout", "service": "shop", "indicator": RATIO} | fields | other)


def counts(days: float, bad: float = 0.2, seed: int = 1) -> Counts:
    """A hundred events a minute, an outage in the middle of each day."""
    rows = int(days * 1440)
    slices = np.zeros((rows, 3))
    slices[:, 1] = 100
    slices[:, 0] = np.random.default_rng(seed).random(rows) < bad
    slices[np.arange(rows) % 1440 // 30 == 24, 0] = 60
    return Counts(START_MS, slices)


def history(days: float = 3.5, **other: object) -> SloHistory:
    return history_of(objective(**other), counts(days))


def written(report: Report) -> tuple[str, str, str]:
    return page_of(report), markdown_of(report), json.dumps(report.body())


def test_the_same_history_makes_the_same_bytes() -> None:
    first, second = (written(report_of([history(), history(1, name="search")])) for _ in range(2))
    assert first == second


def test_a_report_over_a_recording_says_what_its_evaluation_says() -> None:
    (one,) = report_of([history()]).objectives
    found = evaluate_counts(objective(), counts(3.5))
    assert one.budget == found.status.budget("own")
    assert (one.met, one.budget.compliance) == (found.met, found.compliance)
    ends = {(turn.alert, turn.started_ms): turn.at_ms for turn in found.alerts if turn.state == "end"}
    starts = [(turn.alert, turn.at_ms) for turn in found.alerts if turn.state == "start"]
    assert starts
    assert {(row.alert, row.start_ms): row.end_ms for row in one.alerts} == {start: ends.get(start) for start in starts}


@settings(max_examples=5, deadline=None)
@given(hours=st.integers(2, 60), seed=st.integers(0, 1000))
def test_days_hold_what_was_counted_in_them(hours: int, seed: int) -> None:
    told = counts(hours / 24, seed=seed)
    (one,) = report_of([history_of(objective(), told)]).objectives
    assert sum(row.bad or 0 for row in one.days) == told.slices[:, 0].sum()
    for row in one.days:
        first = (row.start_ms - START_MS) // 60_000
        assert row.total == len(told.slices[first : first + 1440]) * 100
        assert row.is_whole == (len(told.slices) >= first + 1440)


def test_a_day_whose_end_was_not_told_is_what_the_next_status_says_of_it() -> None:
    found = history()
    kept = found.course.at_ms != START_MS + DAY_MS
    course = found.course
    day = Burned(*(one[kept] for one in course.day))
    burn = {window_s: Burned(*(one[kept] for one in burned)) for window_s, burned in course.burn.items()}
    course = Course(course.at_ms[kept], course.compliance[kept], course.left[kept], day, burn)
    first, second = (
        report_of([SloHistory(found.newest, one, (), (), None)]).objectives[0] for one in (found.course, course)
    )
    assert (first.days[0].is_whole, second.days[0].is_whole) == (True, False)
    assert second.days[0].bad == pytest.approx(first.days[0].bad, abs=5)
    assert first.days[1:] == second.days[1:]


def test_a_time_is_cut_out() -> None:
    (one,) = report_of([history()], START_MS + DAY_MS, START_MS + 2 * DAY_MS).objectives
    assert [row.start_ms for row in one.days] == [START_MS + DAY_MS]
    times = [at_ms for at_ms, _ in one.left]
    assert START_MS + DAY_MS <= min(times) <= max(times) <= START_MS + 2 * DAY_MS


def test_a_gap_is_no_line() -> None:
    told = counts(1)
    told.slices[600:900] = np.nan
    (one,) = report_of([history_of(objective(), told)]).objectives
    assert any(value is None for panel in one.burn for _, value in panel.points)
    assert page_of(Report((one,)))


def test_without_events_nothing_is_claimed() -> None:
    told = Counts(START_MS, np.full((60, 3), np.nan))
    told.slices[0] = 0
    report = report_of([history_of(objective(), told)])
    page, text, _ = written(report)
    assert report.objectives[0].verdict == "no data"
    assert "no data" in page
    assert "nothing was measured" in text


def test_the_least_budget_comes_first_and_an_overview_before_all() -> None:
    worse = history_of(objective(name="search"), counts(1, bad=0.9))
    report = report_of([history(0.2, name="login"), worse])
    assert [one.key for one in report.objectives] == ["default/search", "default/login"]
    page, text, _ = written(report)
    assert page.index('class="overview"') < page.index('<section id="o1">')
    assert text.startswith("# Service level objectives\n\n| objective |")


class _Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def evil() -> SloHistory:
    found = history(1, title=EVIL, service=EVIL)
    spenders = [BudgetShare(who=EVIL, bad=5.0, of_budget=0.1), BudgetShare(who="others", bad=1.0)]
    newest = found.newest.model_copy(update={"service": EVIL, "spenders": spenders})
    alerts = [one.model_copy(update={"alert": EVIL}) for one in found.alerts]
    return SloHistory(newest, found.course, alerts, (), found.slo)


def test_the_page_is_whole_loads_nothing_and_runs_nothing(evil: SloHistory) -> None:
    page = page_of(report_of([evil, history(1)]))
    parser = _Balanced()
    parser.feed(page)
    assert parser.open == []
    tags = {tag for tag, _ in parser.seen}
    assert not tags & {"script", "link", "img", "iframe", "object"}
    assert not [name for _, given in parser.seen for name in given if name.startswith("on") or name == "src"]
    assert not re.search(r"https?:|url\(|@import", page)
    for chart in re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL):
        ET.fromstring(chart)
        assert "nan" not in chart


def test_markdown_takes_no_markup_of_others(evil: SloHistory) -> None:
    text = markdown_of(report_of([evil]))
    assert "<script" not in text.replace("\\<", "")
    for line in text.splitlines():
        assert not line.startswith("|") or line.endswith("|")


def test_json_holds_plain_numbers() -> None:
    body = json.loads(json.dumps(report_of([history(1)]).body(), allow_nan=False))
    (one,) = body["objectives"]
    assert (one["key"], one["met"], len(one["days"])) == ("default/checkout", False, 1)


def test_an_incident_says_how_much_of_the_budget_went_while_it_lasted() -> None:
    noon = START_MS + DAY_MS // 2
    during = incident(noon - 60_000, noon + 31 * 60_000)
    before = incident(noon - 4 * 3_600_000, noon - 3 * 3_600_000)
    told = replace(history(1, target=0.9), incidents=[during, before])
    (one,) = report_of([told]).objectives
    quiet, loud = one.incidents
    assert loud.spent is not None
    assert quiet.spent is not None
    # 30 minutes with 60 of 100 bad, of 30 days in which a tenth may be.
    assert loud.spent == pytest.approx(30 * 0.6 / (43_200 * 0.1), rel=0.1)
    assert quiet.spent < loud.spent / 10
    assert "budget spent" in markdown_of(report_of([told]))


def incident(start_ms: int, end_ms: int) -> Incident:
    return Incident(
        id=f"i{start_ms}",
        tenant="default",
        state="resolved",
        title="Checkout burns",
        priority="P1",
        severity="critical",
        started_ms=start_ms,
        updated_ms=end_ms,
        ended_ms=end_ms,
        members=[],
        entities=[],
        signals=["slo:checkout"],
        confidence=1.0,
        revision=1,
    )
