"""The report of an incident's whole life, as three stages tell it."""

from __future__ import annotations

import pytest

from incidents.review import Case, Report, report_of
from metrics_ai.explain.cases import UnknownIdError
from metrics_ai.incident_cases import told_case
from schemas.incident_events import Incident
from tests.unit.incidents.review.life import Life, incident_life


@pytest.fixture(scope="module")
def life() -> Life:
    return incident_life()


@pytest.fixture(scope="module")
def case(life: Life) -> Case:
    return told_case(life.events(), life.of(Incident)[-1].id)


@pytest.fixture(scope="module")
def report(case: Case) -> Report:
    return report_of(case)


def test_the_case_holds_nothing_of_the_incident_before(case: Case) -> None:
    assert {one.incident_id for one in [*case.timeline, *case.notifications, *case.results]} == {case.incident.id}
    assert [one.state for one in case.alerts] == ["resolved", "resolved"]
    assert [one.title for one in case.past] == [case.incident.title]


def test_the_report_says_how_far_people_came_and_how_long_that_took(report: Report) -> None:
    took = report.times
    assert (report.state, report.priority, report.acknowledged_by) == ("reviewed", "P0", ["mara"])
    assert (took.to_detect_s, took.to_acknowledge_s, took.to_mitigate_s, took.to_resolve_s) == (0, 180, 720, 1260)


def test_what_went_of_the_budget_is_counted_from_the_turns_of_its_alert(report: Report) -> None:
    (checkout,) = report.budgets
    assert (checkout.slo, checkout.worst_burn) == ("checkout", 14.9)
    assert (checkout.spent, checkout.left) == (pytest.approx(0.125), pytest.approx(0.575))


def test_the_cause_is_told_by_role_spender_and_change_each_with_its_events(report: Report) -> None:
    kinds = [{one.of for one in line.evidence} for line in report.causes]
    assert kinds == [{"alert"}, {"objective"}, {"change", "alert"}, {"alert"}]
    assert "node:h1 is marked as a cause" in report.causes[0].text
    assert report.causes[1].text == "node:h1 spent 30 % of the budget of SLO checkout"
    assert report.causes[2].text.startswith("deploy checkout 2.14 of web-shop by ci took effect 4 minutes before")
    assert report.unknown == ["Whether a change made it, or only came before it."]


def test_what_people_did_names_them_and_no_stage(report: Report) -> None:
    assert [line.text.partition(":")[0] for line in report.helped] == [
        "mara (note)",
        "mara (mitigated)",
        "jo (reviewed)",
    ]


def test_who_was_told_stands_in_order_with_what_became_of_it(report: Report) -> None:
    told = [(one.receiver, one.action, one.outcome) for one in report.told]
    assert told[0] == ("shop-tickets", "open", "delivered")
    assert ("shop-pager", "open", "delivered") in told
    assert {action for _, action, _ in told[-2:]} == {"resolve"}
    assert [one.at_ms for one in report.told] == sorted(one.at_ms for one in report.told)


def test_what_was_there_three_weeks_ago_is_found_again(report: Report, case: Case) -> None:
    (before,) = case.past
    assert [(one.same, one.what, one.times) for one in report.recurring] == [
        ("alert", "node_cpu_ratio of node:h1", 2),
        ("alert", "slo:checkout of service:web-shop", 2),
    ]
    assert {old.id for one in report.recurring for old in one.before} == {before.id}


def test_every_line_cites_events_that_are_there(report: Report, case: Case) -> None:
    known = case.evidence()
    lines = [*report.causes, *report.helped, *report.affected, *report.verdicts, *report.timeline, *report.told]
    lines += [*report.alerts, *report.budgets, *report.recurring]
    lines += [guard for one in report.recurring for guard in one.guards]
    assert lines
    for line in lines:
        assert line.evidence
        assert set(line.evidence) <= known


def test_an_id_is_found_by_its_beginning_and_one_that_is_none_is_told(life: Life, case: Case) -> None:
    assert told_case(life.events(), case.incident.id[:5], "default").incident == case.incident
    with pytest.raises(UnknownIdError, match="no incident has an id that begins with 'zzz'"):
        told_case(life.events(), "zzz")
    with pytest.raises(UnknownIdError, match="2 incidents have an id that begins with ''"):
        told_case(life.events(), "")
    with pytest.raises(UnknownIdError):
        told_case(life.events(), case.incident.id, "another")
