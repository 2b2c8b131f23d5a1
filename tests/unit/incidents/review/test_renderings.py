"""A report as Markdown, as a page, and kept as events."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest

from incidents.review import Case, report_of
from incidents.review.markdown import markdown_of
from incidents.review.page import page_of
from metrics_ai.incident_cases import evidence_lines, read_events, told_case
from metrics_ai.incident_reports import WRITERS
from schemas.errors import ConfigurationError, MachineError
from schemas.incident_events import Incident
from tests.unit.incidents.dispatch.conftest import make_alert
from tests.unit.incidents.review.cases import case, entry
from tests.unit.incidents.review.life import incident_life

EVIL = "<script>alert(1)</script> | `x` [a](b)"


class Page(HTMLParser):
    """What a page is made of, and that each part ends where it should."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)
        assert not [name for name, _ in attrs if name in ("src", "href", "onclick")]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


@pytest.fixture(scope="module")
def lived() -> Case:
    life = incident_life()
    return told_case(life.events(), life.of(Incident)[-1].id)


def test_both_say_every_part_and_cite_every_event(lived: Case) -> None:
    report = report_of(lived)
    page, text = page_of(report), markdown_of(report)
    words = "".join(Page(page).words)
    for title in ("Budgets", "What is known of the cause", "What is not known", "Timeline", "Who was told"):
        assert title in words
        assert f"## {title}" in text
    for one in report.timeline:
        assert one.evidence[0].id in words
        assert one.evidence[0].id in text
    assert "12.5 % of the period, 57.5 % left" in words
    assert "12.5 % of the period, 57.5 % left" in text


def test_a_page_is_whole_and_asks_for_nothing_from_elsewhere(lived: Case) -> None:
    page = Page(page_of(report_of(lived)))
    assert page.open == []
    assert "svg" in page.seen
    assert "script" not in page.seen


def test_what_others_wrote_is_text_in_both() -> None:
    made = case(make_alert(annotations={"summary": EVIL}), title=EVIL, timeline=[entry("e", 0, text=EVIL, by=EVIL)])
    report = report_of(made)
    page = Page(page_of(report))
    assert "script" not in page.seen
    assert EVIL in page.words
    assert "<script>" not in markdown_of(report)
    assert all(line.count("|") - line.count("\\|") in (0, 4, 6, 7) for line in markdown_of(report).splitlines())


def test_an_incident_without_alerts_or_timeline_has_a_page_still() -> None:
    report = report_of(case())
    assert "svg" not in Page(page_of(report)).seen
    assert "## Timeline" not in markdown_of(report)


def test_a_storm_is_cut_short_for_people_and_whole_for_programs() -> None:
    entries = [entry(f"e{number}", number) for number in range(1000)]
    report = report_of(case(*(make_alert(node=f"h{number}") for number in range(500)), timeline=entries))
    page, text = page_of(report), markdown_of(report)
    for shown in (page, text):
        assert "600 more" in shown
        assert "100 more" in shown
        assert "e0" in shown
        assert "e999" in shown
        assert "entry e500" not in shown
    assert len(report.timeline) == 1000
    assert Page(page).open == []


def test_the_events_of_a_case_make_the_same_report_when_they_are_read_back(lived: Case, tmp_path: Path) -> None:
    kept = tmp_path / "case.jsonl"
    kept.write_text(evidence_lines(lived))
    again = told_case(read_events(kept), lived.incident.id)
    for write in WRITERS.values():
        assert write(report_of(again)) == write(report_of(lived))
    assert evidence_lines(again) == evidence_lines(lived)


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("nonsense", "not an event of a topic"),
        ("[]", "not an event of a topic"),
        ('{"topic": "metrics.samples", "value": {}}', "not an event of a topic"),
        ('{"topic": "incidents", "value": {}}', "case.jsonl:2: not a Incident"),
    ],
)
def test_a_line_that_is_no_event_is_told_with_its_place(tmp_path: Path, line: str, what: str) -> None:
    (tmp_path / "case.jsonl").write_text(f"\n{line}\n")
    with pytest.raises(ConfigurationError, match=what):
        read_events(tmp_path / "case.jsonl")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="cannot be read"):
        read_events(tmp_path / "none.jsonl")
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MachineError, match="cannot be read"):
        read_events(tmp_path / "bytes.jsonl")
