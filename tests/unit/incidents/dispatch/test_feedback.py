"""What people say of alerts makes their rule less urgent, and no more than one level."""

from __future__ import annotations

from schemas.slo_events import Feedback
from tests.unit.incidents.dispatch.conftest import T0_MS, Fed, make_alert


def say(fed: Fed, alert_id: str, verdict: str, number: int) -> None:
    labels = {"alertname": "DiskFull", "metric": "diskfull"}
    feedback = Feedback(
        tenant="acme", alert_id=alert_id, verdict=verdict, at_ms=T0_MS + number, labels=labels, by="ann"
    )
    fed.take(fed.operator.on_feedback(feedback))


def wrong_twenty_times(fed: Fed) -> None:
    for number in range(20):
        say(fed, f"old-{number}", "false", number)


def test_a_rule_that_was_wrong_twenty_times_in_a_row_is_told_one_level_less_urgently(fed: Fed) -> None:
    wrong_twenty_times(fed)
    fed.incident(priority="P1")
    fed.alert(priority="P1")
    assert fed.ticks(60) == ["ticket open i1 1"], "and not page"
    assert fed.status().priority == "P2"
    assert any(one.step == "priority" and one.verdict == "P2" for one in fed.status().decisions)


def test_the_safety_list_is_never_demoted(fed: Fed) -> None:
    wrong_twenty_times(fed)
    fed.incident(priority="P0")
    assert fed.alert(priority="P0", safety=True) != []
    assert fed.status().priority == "P0"


def test_another_members_rule_keeps_the_incident_urgent(fed: Fed) -> None:
    wrong_twenty_times(fed)
    fed.incident(priority="P1")
    fed.alert(priority="P1")
    fed.alert("SlowCheckout", priority="P1")
    fed.ticks(60)
    assert "page" in {one.receiver for one in fed.notifications()}


def test_one_that_needed_action_makes_it_as_urgent_as_before(fed: Fed) -> None:
    wrong_twenty_times(fed)
    say(fed, "old-20", "actioned", 20)
    fed.incident(priority="P1")
    fed.alert(priority="P1")
    assert fed.ticks(60) == ["page open i1 1"]


def test_what_was_said_of_an_alert_is_among_its_decisions_and_scores_it(fed: Fed) -> None:
    fed.incident()
    fed.alert()
    before = fed.status().score
    say(fed, make_alert().id, "false", 1)
    status = fed.status()
    assert [one.verdict for one in status.decisions if one.name == "feedback"] == ["false"]
    assert before is not None
    assert status.score is not None
    assert status.score <= before
    assert {part.of for part in status.score_parts} == {"impact", "urgency", "confidence", "accuracy"}
