"""Jira over real HTTP: one issue a key, found again, reopened, left alone, resolved."""

from __future__ import annotations

from typing import Any

import pytest

from integrations.delivery import Outcome
from integrations.delivery.jira_issue import key_label
from tests.integration.vendors.jira import JiraStandIn, text_of
from tests.integration.vendors.notifications import notification, story
from tests.integration.vendors.session import NOW_S, Session
from tests.integration.vendors.standin import Fault

REOPENING = {"reopen_transition": "Reopen", "reopen_duration": "1h", "wont_fix_resolution": "Won't Do"}


def configured(far: JiraStandIn, **more: Any) -> dict[str, Any]:
    usual = {
        "api_url": far.api_url,
        "api_type": "cloud" if far.version == 3 else "datacenter",
        "project": "OPS",
        "issue_type": "Task",
        "resolve_transition": "Done",
        "http_config": {"basic_auth": {"username": far.user, "password": far.password}},
    }
    return {**usual, **more}


def deliver(far: JiraStandIn, *steps: Any, now_s: float = NOW_S, **more: Any) -> list[Outcome]:
    """Deliver notifications one after the other, each with the memory of those before."""
    session = Session(now=lambda: now_s)

    async def run() -> list[Outcome]:
        adapter = session.adapter("jira", **configured(far, **more))
        memory: Any = {}
        outcomes = []
        for told in steps:
            outcomes.append(await adapter.deliver(told, memory))
            memory = outcomes[-1].reference or memory
        return outcomes

    return session.run(run)


@pytest.mark.parametrize("version", [2, 3])
def test_a_story_is_one_issue_that_is_commented_on_and_resolved(version: int) -> None:
    with JiraStandIn(version) as far:
        outcomes = deliver(far, *story(), labels=["sre"])
        assert [(one.outcome, one.reference) for one in outcomes] == [("delivered", {"issue": "OPS-1"})] * 3
        (issue,) = far.issues.values()
        assert issue.fields["summary"] == "[P0] Disk of node-0 is full in 2 d"
        assert issue.fields["priority"] == {"name": "Highest"}
        assert issue.fields["labels"] == [key_label(story()[0]), "INCIDENT{incident-1}", "sre"]
        assert issue.status == "Done"
        assert ["One more alert joined." in text_of(one) for one in issue.comments] == [True, False]
        assert ["All is over." in text_of(one) for one in issue.comments] == [False, True]


def test_what_a_label_says_starts_no_macro_and_mentions_nobody() -> None:
    with JiraStandIn(2) as far:
        deliver(far, notification(common_labels={"team": "{html}[~ana]!pic.png!"}))
        assert "team = \\{html}\\[~ana]\\!pic.png\\!" in far.issues["OPS-1"].fields["description"]


def test_an_issue_that_is_not_indexed_yet_is_not_made_twice() -> None:
    with JiraStandIn() as far:
        opening = story()[0]
        far.fail_next(Fault("silent"), method="POST", path="/issue")
        (lost,) = deliver(far, opening, timeout=0.4)
        assert (lost.outcome, lost.retry_after_s) == ("retry", 15.0)
        assert [one.outcome for one in deliver(far, opening)] == ["delivered"]
        assert len(far.labelled(key_label(opening))) == 1
        assert far.issues["OPS-1"].comments == []


def test_what_is_remembered_is_found_although_the_search_does_not_see_it() -> None:
    with JiraStandIn() as far:
        far.searches_behind = 99
        opening, update, _ = story()
        deliver(far, opening, update)
        assert len(far.issues) == 1
        assert len(far.issues["OPS-1"].comments) == 1


def test_an_issue_that_was_deleted_is_made_anew() -> None:
    with JiraStandIn() as far:
        opening, update, resolving = story()
        deliver(far, opening)
        far.issues.clear()
        (outcome,) = deliver(far, update)
        assert outcome.is_delivered
        assert len(far.issues) == 1
        far.issues.clear()
        (nothing,) = deliver(far, resolving)
        assert (nothing.outcome, nothing.text) == ("delivered", "there is no issue to resolve")


def test_a_key_that_fires_again_reopens_its_issue_in_time_and_makes_another_one_later() -> None:
    with JiraStandIn() as far:
        deliver(far, *story(), **REOPENING)
        again = notification(id="again", sequence=4)
        deliver(far, again, now_s=NOW_S + 1800, **REOPENING)
        assert [one.status for one in far.issues.values()] == ["To Do"]
        assert "Notification again" in text_of(far.issues["OPS-1"].comments[-1])
        deliver(far, story()[2], **REOPENING)
        deliver(far, notification(id="later", sequence=6), now_s=NOW_S + 7200, **REOPENING)
        assert [one.status for one in far.issues.values()] == ["Done", "To Do"]


def test_without_a_transition_to_reopen_a_key_that_fires_again_makes_another_issue() -> None:
    with JiraStandIn() as far:
        deliver(far, *story(), notification(id="again", sequence=4))
        assert [one.status for one in far.issues.values()] == ["Done", "To Do"]


def test_an_issue_that_people_will_not_fix_is_left_alone_for_a_while() -> None:
    with JiraStandIn() as far:
        opening, update, _ = story()
        deliver(far, opening, **REOPENING)
        far.close(far.issues["OPS-1"], "Won't Do")
        (outcome,) = deliver(far, update, now_s=NOW_S + 60, **REOPENING)
        assert (outcome.outcome, outcome.text) == ("delivered", "OPS-1 is Done, and left alone")
        assert [one.status for one in far.issues.values()] == ["Done"]
        deliver(far, update, now_s=NOW_S + 7200, **REOPENING)
        assert len(far.issues) == 2


def test_an_open_issue_without_a_transition_to_resolve_gets_a_comment() -> None:
    with JiraStandIn() as far:
        deliver(far, *story(), resolve_transition="")
        assert far.issues["OPS-1"].status == "To Do"
        assert "All is over." in text_of(far.issues["OPS-1"].comments[-1])


def test_a_transition_that_is_not_offered_is_said_with_those_that_are() -> None:
    with JiraStandIn() as far:
        outcomes = deliver(far, *story(), resolve_transition="Close")
        assert outcomes[2].outcome == "refused"
        assert outcomes[2].text == "OPS-1 is To Do and has no transition Close, but Start, Done"
        assert "All is over." in text_of(far.issues["OPS-1"].comments[-1])


def test_a_project_without_priorities_gets_its_issue_all_the_same() -> None:
    with JiraStandIn() as far:
        far.has_priority_field = False
        assert [one.outcome for one in deliver(far, story()[0])] == ["delivered"]
        assert "priority" not in far.issues["OPS-1"].fields


def test_what_jira_does_not_take_is_refused_with_its_words() -> None:
    with JiraStandIn() as far:
        (outcome,) = deliver(far, story()[0], issue_type="Story")
        assert (outcome.outcome, outcome.status) == ("refused", 400)
        assert "The issue type selected is invalid." in outcome.text


def test_wrong_credentials_are_tried_again_and_not_repeated() -> None:
    with JiraStandIn() as far:
        credentials = {"basic_auth": {"username": "bot", "password": "hidden-password"}}
        (outcome,) = deliver(far, story()[0], http_config=credentials)
        assert (outcome.outcome, outcome.status) == ("retry", 401)
        assert outcome.text.endswith("check the key, token or password of this receiver")
        assert "hidden" not in outcome.text


def test_a_comment_whose_answer_was_lost_is_not_written_twice() -> None:
    with JiraStandIn() as far:
        opening, update, _ = story()
        deliver(far, opening)
        far.fail_next(Fault("silent"), method="POST", path="/comment")
        first, second = deliver(far, update, update)
        assert (first.outcome, second.outcome) == ("retry", "delivered")
        assert len(far.issues["OPS-1"].comments) == 1


def test_a_resolve_that_breaks_off_after_the_move_still_writes_its_comment() -> None:
    with JiraStandIn() as far:
        opening, _, resolving = story()
        deliver(far, opening)
        far.fail_next(Fault("silent"), method="POST", path="/transitions")
        first, second = deliver(far, resolving, resolving)
        assert (first.outcome, second.outcome) == ("retry", "delivered")
        assert far.issues["OPS-1"].status == "Done"


def test_a_digest_is_an_issue_of_its_own() -> None:
    with JiraStandIn() as far:
        digest = notification(action="digest", dedup_key="digest/1", priority="P2")
        assert [one.outcome for one in deliver(far, digest, digest)] == ["delivered"] * 2
        assert len(far.issues) == 1
