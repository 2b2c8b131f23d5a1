"""What ``global`` says is filled in where a receiver has no other way to tell."""

from __future__ import annotations

import pytest

from incidents.routing.reading import read_routing
from tests.unit.incidents.routing.texts import routing

SLACK = """
global: {{slack_app_token_file: token, slack_app_url: 'https://slack.example.org/api/chat.postMessage'}}
route: {{receiver: chat}}
receivers: [{{name: chat, slack_configs: [{{channel: C1{}}}]}}]
"""


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ("", {"app_token_file", "app_url"}),
        (", app_token: t", {"app_token", "app_url"}),
        (", token: t, web_api_url: 'https://other.example.org'", {"token", "web_api_url"}),
        (", api_url: 'https://hooks.example.org/x'", {"api_url"}),
        (", api_url_file: x", {"api_url_file"}),
        (
            ", api_url: 'https://s/chat.postMessage', http_config: {authorization: {credentials: t}}",
            {"api_url", "http_config"},
        ),
    ],
)
def test_a_token_of_global_speaks_for_what_has_no_way_of_its_own_to_slack(own: str, expected: set[str]) -> None:
    (slack,) = routing(SLACK.format(own)).receivers["chat"].integrations
    assert set(slack.settings) - {"channel"} == expected


def test_an_address_of_global_for_slack_does_not_stand_beside_a_token() -> None:
    text = SLACK.format(", token: t").replace(
        "slack_app_token_file: token", "slack_api_url: 'https://hooks.example.org/x'"
    )
    (slack,) = routing(text).receivers["chat"].integrations
    assert "api_url" not in slack.settings


def test_a_key_of_global_speaks_for_jira_service_management() -> None:
    text = "global: {jsm_api_key_file: key}\nroute: {receiver: a}\nreceivers: [{name: a, jsm_configs: [{tags: x}]}]"
    (jsm,) = routing(text).receivers["a"].integrations
    assert jsm.settings == {"tags": "x", "api_key_file": "key"}
    (problem,) = read_routing(text.replace("global: {jsm_api_key_file: key}\n", ""), "f").problems
    assert "api_key or api_key_file is missing" in str(problem)
    assert "jsm_api_key" in problem.way_out
