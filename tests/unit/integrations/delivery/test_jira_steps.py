"""What is done with an issue: the whole table, and how an issue stands."""

from __future__ import annotations

from itertools import product
from typing import get_args

import pytest

from integrations.delivery.jira_issue import STEPS, Issue, Standing, issue_of, newest, search_jql, standing
from integrations.delivery.jira_settings import JiraSettings

NOW_S = 1_000_000.0


def settings(**parts: object) -> JiraSettings:
    usual = {"api_url": "https://jira.example.com", "project": "OPS", "issue_type": "Task"}
    return JiraSettings.model_validate({**usual, **parts})


REOPENS = settings(reopen_transition="Reopen", reopen_duration="1h", wont_fix_resolution="Won't Do")


def test_the_table_says_what_is_done_with_every_issue() -> None:
    assert set(STEPS) == set(product(get_args(Standing), (True, False)))


def test_only_what_fires_makes_or_reopens_an_issue_and_only_what_is_over_resolves_one() -> None:
    assert {is_firing for (_, is_firing), step in STEPS.items() if step in {"create", "comment", "reopen"}} == {True}
    assert [key for key, step in STEPS.items() if step == "resolve"] == [("open", False)]


@pytest.mark.parametrize(
    ("issue", "configured", "expected"),
    [
        (None, REOPENS, "none"),
        (Issue("OPS-1", is_done=False), REOPENS, "open"),
        (Issue("OPS-1", is_done=True, resolved_s=NOW_S - 3600), REOPENS, "done_in_time"),
        (Issue("OPS-1", is_done=True, resolved_s=NOW_S - 3601), REOPENS, "done"),
        (Issue("OPS-1", is_done=True, resolved_s=None), REOPENS, "done_in_time"),
        (Issue("OPS-1", is_done=True, resolution="Won't Do", resolved_s=NOW_S - 10), REOPENS, "wont_fix"),
        (Issue("OPS-1", is_done=True, resolution="Won't Do", resolved_s=NOW_S - 4000), REOPENS, "done"),
        (Issue("OPS-1", is_done=True, resolved_s=NOW_S), settings(), "done"),
        (Issue("OPS-1", is_done=True, resolved_s=NOW_S), settings(reopen_duration="1h"), "done"),
    ],
)
def test_an_issue_stands_as_its_status_and_age_say(
    issue: Issue | None, configured: JiraSettings, expected: Standing
) -> None:
    assert standing(issue, configured, NOW_S) == expected


def test_an_open_issue_stands_for_its_key_and_else_the_one_resolved_last() -> None:
    old, late = Issue("OPS-1", is_done=True, resolved_s=5.0), Issue("OPS-2", is_done=True, resolved_s=9.0)
    assert newest([]) is None
    assert newest([late, old]) == late
    assert newest([late, Issue("OPS-3", is_done=False), old]) == Issue("OPS-3", is_done=False)


def test_an_issue_is_read_from_what_jira_answers_and_nonsense_is_none() -> None:
    found = issue_of(
        {
            "key": "OPS-7",
            "fields": {
                "status": {"name": "Done", "statusCategory": {"key": "done"}},
                "resolution": {"name": "Fixed"},
                "resolutiondate": "2026-03-01T00:00:00.000+0000",
            },
        }
    )
    assert found == Issue("OPS-7", is_done=True, status="Done", resolution="Fixed", resolved_s=1_772_323_200.0)
    assert issue_of({"key": "OPS-7", "fields": {"status": None, "resolution": None}}) == Issue("OPS-7", is_done=False)
    assert issue_of({"fields": {}}) is None
    assert issue_of({"key": "OPS-7"}) is None


def test_a_name_cannot_break_out_of_the_search() -> None:
    assert search_jql('O" OR "1', "l\\") == 'project = "O\\" OR \\"1" AND labels = "l\\\\" ORDER BY created DESC'


@pytest.mark.parametrize(
    ("url", "api_type", "base", "search"),
    [
        ("https://x.atlassian.net", "auto", "https://x.atlassian.net/rest/api/3", "https://x.atlassian.net/rest/api/3/search/jql"),
        ("https://x.atlassian.net/rest/api/2/", "auto", "https://x.atlassian.net/rest/api/2", "https://x.atlassian.net/rest/api/3/search/jql"),
        ("https://jira.corp/rest/api/2", "auto", "https://jira.corp/rest/api/2", "https://jira.corp/rest/api/2/search"),
        ("https://jira.corp/jira", "datacenter", "https://jira.corp/jira/rest/api/2", "https://jira.corp/jira/rest/api/2/search"),
        ("https://jira.proxy", "cloud", "https://jira.proxy/rest/api/3", "https://jira.proxy/rest/api/3/search/jql"),
    ],
)  # fmt: skip
def test_each_jira_is_called_where_it_listens(url: str, api_type: str, base: str, search: str) -> None:
    found = settings(api_url=url, api_type=api_type)
    assert (found.base_url, found.search_url) == (base, search)
