"""What a report says of cases that are made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incidents.review import Case, Evidence, collected, report_of
from incidents.review.case import Told
from incidents.review.model import Report
from schemas.change_events import NearestChange
from tests.unit.incidents.conftest import make_slo_alert
from tests.unit.incidents.dispatch.conftest import T0_MS, make_alert, make_incident, make_member
from tests.unit.incidents.review.cases import (
    DEPLOY,
    case,
    entry,
    member,
    notification,
    past,
    result,
    status,
    verdict,
)

SLO = {"signal": "slo:checkout", "source": "slo", "labels": {"slo": "checkout"}}


def test_the_timeline_is_in_event_time_whatever_the_order_of_the_log() -> None:
    report = report_of(case(timeline=[entry("late", 60), entry("early", 0), entry("late", 60)]))
    assert [one.text for one in report.timeline] == ["early", "late"]
    assert [one.evidence for one in report.timeline] == [
        (Evidence(of="entry", id="early"),),
        (Evidence(of="entry", id="late"),),
    ]


def test_entries_of_one_moment_stay_in_the_order_of_the_log() -> None:
    report = report_of(case(timeline=[entry("b", 5), entry("a", 5)]))
    assert [one.text for one in report.timeline] == ["b", "a"]


def test_what_no_event_says_is_named() -> None:
    unknown = report_of(case(make_alert())).unknown
    assert "No alert is marked as a cause." in unknown
    assert "No change is known that came shortly before an alert." in unknown
    assert "Nobody acknowledged it." in unknown
    assert "It goes on: what is said here may change." in unknown
    assert not any("Whether a change made it" in text for text in unknown)


def test_alerts_that_an_incident_does_not_list_are_counted() -> None:
    made = case(make_alert())
    many = Case(made.incident.model_copy(update={"member_count": 40}), alerts=made.alerts)
    assert "39 of its 40 alerts are not listed." in report_of(many).unknown
    assert report_of(many).alert_count == 40


def test_an_alert_that_only_the_incident_knows_is_listed_by_its_member() -> None:
    (lane,) = report_of(case(members=[member(summary="Disk full", role="cause")])).alerts
    assert (lane.summary, lane.role, lane.entity) == ("Disk full", "cause", "node:h1")


def test_a_change_is_said_to_be_before_and_not_to_be_the_cause() -> None:
    report = report_of(case(make_alert(change=DEPLOY), make_alert("CpuHigh", change=DEPLOY)))
    (line,) = [one for one in report.causes if "deploy" in one.text]
    assert "took effect 4 minutes before" in line.text
    assert line.text.endswith("it may be innocent")
    assert [one.of for one in line.evidence] == ["change", "alert", "alert"]


def test_nothing_is_called_a_cause_where_nothing_says_so() -> None:
    (line,) = report_of(case(make_alert())).causes
    assert "was the first to begin" in line.text


def test_spenders_are_told_from_the_alert_where_no_turn_is_known() -> None:
    alert = make_alert("SloBurn", annotations={"spenders": "node:h1 30 % of the budget"}, **SLO)
    texts = [line.text for line in report_of(case(alert)).causes]
    assert "node:h1 30 % of the budget: the most of what was spent of SLO checkout" in texts


# -- budgets ------------------------------------------------------------------------------------------------------


def budget_of(ended_s: float | None, **parts: Any) -> Any:
    alert = make_alert("SloBurn", peak_observed=14.9, unit="x", **SLO)
    ended_ms = None if ended_s is None else T0_MS + round(ended_s * 1000)
    return report_of(case(alert, ended_ms=ended_ms, updated_ms=T0_MS + 900_000, **parts)).budgets[0]


def test_what_was_spent_is_what_went_between_the_statuses_about_the_incident() -> None:
    statuses = [status(-900, 0.9), status(-5, 0.8), status(300, 0.5), status(605, 0.4), status(800, 0.3)]
    spent = budget_of(600, statuses=statuses)
    assert (spent.spent, spent.left, spent.worst_burn) == (pytest.approx(0.4), 0.4, 14.9)
    assert Evidence(of="budget", id=f"acme/checkout@{T0_MS - 5000}") in spent.evidence


def test_while_an_incident_goes_on_the_newest_status_counts() -> None:
    assert budget_of(None, statuses=[status(-5, 0.8), status(800, 0.3)]).spent == pytest.approx(0.5)


@pytest.mark.parametrize("statuses", [[], [status(-5, 0.8)], [status(-5, None), status(9, 0.5)]])
def test_what_cannot_be_told_apart_is_not_known(statuses: list[Any]) -> None:
    spent = budget_of(600, statuses=statuses)
    assert (spent.spent, spent.left) == (None, None)
    assert spent.evidence


def test_a_budget_that_grew_was_not_spent() -> None:
    assert budget_of(600, statuses=[status(-5, 0.5), status(605, 0.6)]).spent == 0


# -- what was told ------------------------------------------------------------------------------------------------


def test_the_last_attempt_says_what_became_of_a_notification() -> None:
    tries = [result(2, "delivered", at_s=30), result(1, "retry"), result(2, "delivered", at_s=30)]
    (told,) = report_of(case(notifications=[notification()], results=tries)).told
    assert (told.outcome, told.attempts, told.done_ms) == ("delivered", 2, T0_MS + 30_000)


def test_what_nobody_attempted_yet_waits() -> None:
    (told,) = report_of(case(notifications=[notification(assignees=["ann"])])).told
    assert (told.outcome, told.attempts, told.to) == ("waiting", 0, ["ann"])


# -- what came again ----------------------------------------------------------------------------------------------


def again(*old: Any, **parts: Any) -> list[tuple[str, str, int]]:
    report = report_of(case(make_alert(), members=[member(**parts)], past=list(old)))
    return [(one.same, one.what, one.times) for one in report.recurring]


def test_the_same_signal_of_the_same_entity_came_again() -> None:
    assert again(past(1, 89, member()), past(2, 1, member())) == [("alert", "diskfull of node:h1", 3)]


def test_what_is_older_than_90_days_or_later_or_merged_does_not_count() -> None:
    assert again(past(1, 91, member())) == []
    assert again(past(2, -1, member())) == []
    assert again(past(3, 1, member(), state="merged")) == []


def test_the_same_signal_elsewhere_came_again_only_as_a_cause() -> None:
    elsewhere = member(node="h2", role="cause")
    assert again(past(1, 1, elsewhere)) == []
    assert again(past(1, 1, elsewhere), role="cause") == [("cause", "diskfull", 2)]


def guards(alert: Any, **parts: Any) -> list[str]:
    report = report_of(case(alert, past=[past(1, 1, make_member(alert))], **parts))
    return [guard.text.partition(":")[0].partition(" before")[0] for guard in report.recurring[0].guards]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ["A runbook", "An alert rule"]),
        ({"runbooks": ["disk"]}, ["An alert rule"]),
        ({"runbooks": ["disk"], "rule": "disk-full"}, []),
        ({"runbooks": ["disk"], "source": "posted"}, []),
        ({"annotations": {"runbooks": "disk"}, "source": "slo"}, []),
        ({"runbooks": ["disk"], "rule": "d", "kind": "trend"}, ["A limit or a quota"]),
        ({"runbooks": ["disk"], "rule": "d", "change": DEPLOY}, ["A check of diskfull of node"]),
    ],
)
def test_a_guard_is_named_where_a_fact_asks_for_it(fields: dict[str, Any], expected: list[str]) -> None:
    assert guards(make_alert(**fields)) == expected


def test_what_people_call_false_is_to_be_raised() -> None:
    alert = make_alert(runbooks=["disk"], rule="d")
    assert guards(alert, feedback=[verdict(alert.id, "false")]) == ["People said that it needed no action"]
    assert guards(alert, feedback=[verdict(alert.id, "actioned")]) == []


# -- how a case is found ------------------------------------------------------------------------------------------


def test_one_that_was_merged_is_found_with_all_that_was_told_of_both() -> None:
    merged = make_incident("i0", state="merged", merged_into="i1")
    survivor = make_incident(aliases=["i0"])
    told = Told(
        incidents=[make_incident("i0"), merged, survivor],
        timeline=[entry("a", 0, incident_id="i0"), entry("b", 1), entry("c", 2, incident_id="i2")],
        alerts=[make_alert(incident_id="i0"), make_alert("CpuHigh"), make_alert("Other", incident_id="i2")],
    )
    found = collected("acme", "i0", told)
    assert found is not None
    assert (found.incident.id, [one.id for one in found.timeline]) == ("i1", ["a", "b"])
    assert [one.labels["alertname"] for one in found.alerts] == ["DiskFull", "CpuHigh"]
    assert found.past == []


def test_the_newest_state_of_an_alert_says_whose_it_is() -> None:
    moved = make_alert(at_s=10, incident_id="i2")
    told = Told(incidents=[make_incident(members=[make_member(moved)])], alerts=[make_alert(), moved])
    found = collected("acme", "i1", told)
    assert found is not None
    assert found.alerts == []


def test_the_last_word_on_an_alert_counts_and_another_tenants_does_not() -> None:
    alert = make_alert()
    said = [verdict(alert.id, "actioned", 9), verdict(alert.id, "false", 5)]
    said.append(verdict(alert.id, "duplicate", 20).model_copy(update={"tenant": "another"}))
    found = collected("acme", "i1", Told(incidents=[make_incident()], alerts=[alert], feedback=said))
    assert found is not None
    assert [one.verdict for one in found.feedback] == ["actioned"]


# -- whatever happened --------------------------------------------------------------------------------------------

alerts = st.builds(
    make_alert,
    st.sampled_from(["DiskFull", "CpuHigh"]),
    st.sampled_from(["h1", "h2"]),
    since_s=st.integers(-3600, 0),
    role=st.sampled_from([None, "cause", "symptom"]),
    change=st.sampled_from([None, DEPLOY, NearestChange(id="c2", kind="config", what="x", at_ms=T0_MS - 9000)]),
    kind=st.sampled_from([None, "trend", "spike"]),
)
entries = st.builds(
    entry,
    st.sampled_from(list("abcdefgh")),
    st.integers(0, 900),
    st.sampled_from(["opened", "note", "acknowledged", "mitigated", "notified", "resolved", "reviewed"]),
    by=st.sampled_from(["", "ann"]),
)
turns = st.builds(
    lambda at_s, left: make_slo_alert(start_s=T0_MS / 1000, at_s=T0_MS / 1000 + at_s, tenant="acme", budget_left=left),
    st.integers(0, 900),
    st.floats(-1, 1),
)
cases = st.builds(
    lambda some, slo, told, parts: case(
        *{one.id: one for one in [*some, *slo]}.values(),
        timeline=told,
        past=[past(number, days, member(role="cause")) for number, days in enumerate(parts)],
        notifications=[notification()],
        feedback=[verdict(one.id, "false") for one in some[:1]],
        statuses=[status(-5, 0.5), status(9, 0.4)],
    ),
    st.lists(alerts, max_size=5),
    st.lists(st.builds(lambda: make_alert("SloBurn", **SLO)), max_size=1),
    st.lists(entries, max_size=8),
    st.lists(st.integers(0, 120), max_size=4),
)


def cited(report: Report) -> set[Evidence]:
    lines: list[Any] = [*report.causes, *report.helped, *report.affected, *report.verdicts, *report.timeline]
    lines += [*report.told, *report.alerts, *report.budgets, *report.recurring]
    lines += [guard for one in report.recurring for guard in one.guards]
    assert all(line.evidence for line in lines)
    return {one for line in lines for one in line.evidence}


@given(cases, st.lists(turns, max_size=4))
def test_every_line_of_every_report_cites_events_of_its_case_and_its_time_never_runs_back(
    made: Case, told: list[Any]
) -> None:
    made = Case(made.incident, made.timeline, made.alerts, made.notifications, turns=told, statuses=made.statuses)
    report = report_of(made)
    assert cited(report) <= made.evidence()
    for times in ([one.at_ms for one in report.timeline], [one.at_ms for one in report.told]):
        assert times == sorted(times)
    assert {one.id for one in made.timeline} == {one.evidence[0].id for one in report.timeline}


@given(cases)
def test_a_report_reads_back_as_it_was_written(made: Case) -> None:
    report = report_of(made)
    assert cited(report) <= made.evidence()
    assert Report.model_validate_json(report.model_dump_json(exclude_none=True)) == report
    assert report_of(made) == report
