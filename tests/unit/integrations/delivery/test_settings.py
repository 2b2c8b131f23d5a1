"""Settings of integrations in Alertmanager's shape: what is taken, what is named, what is refused and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from integrations.delivery import SecretUnreadableError
from integrations.delivery.building import adapters_of, settings_for
from integrations.delivery.calling import Clients, Surroundings
from integrations.delivery.settings import duration_s, secret
from schemas.errors import ConfigurationError

KEY = "0123456789abcdef0123456789abcdef"


class Entry:
    """An entry of a receiver."""

    def __init__(self, kind: str, index: int = 0, **settings: Any) -> None:
        self.kind, self.index, self.settings = kind, index, settings


GOOD: dict[str, Entry] = {
    "pagerduty": Entry("pagerduty", routing_key=KEY),
    "jira": Entry("jira", api_url="https://x.atlassian.net", project="OPS", issue_type="Task"),
    "opsgenie": Entry("opsgenie", api_key="k", responders=[{"type": "Team", "name": "sre"}]),
    "jsm": Entry("jsm", api_key="k"),
    "slack": Entry("slack", api_url="https://hooks.slack.com/services/T/B/x", channel="#sre"),
    "webhook": Entry("webhook", url="https://example.com/hook", max_alerts=5, timeout="3s"),
    "email": Entry("email", **{"to": "a@example.com", "from": "b@example.com", "smarthost": "mail:25"}),
    "log": Entry("log"),
}


def refusal(entry: Entry) -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings_for(entry, f"receiver page, {entry.kind}[0]")
    return str(caught.value)


@pytest.fixture
def surroundings() -> Surroundings:
    return Surroundings(Clients(httpx.AsyncClient()))


def test_every_kind_is_built_and_found_by_receiver_and_integration(surroundings: Surroundings) -> None:
    found = adapters_of({"page": GOOD.values(), "two": [Entry("log", 0), Entry("log", 1)]}, surroundings)
    assert set(found) == {*(("page", f"{kind}[0]") for kind in GOOD), ("two", "log[0]"), ("two", "log[1]")}
    assert [found["page", f"{kind}[0]"].kind for kind in GOOD] == list(GOOD)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Entry("pager"), "receiver page, pager[0]: pager cannot be delivered to. Use one of email, jira"),
        (Entry("pagerduty"), "receiver page, pagerduty[0]: routing_key or routing_key_file is missing"),
        (Entry("pagerduty", routing_key=KEY, routing_key_file="f"), "routing_key beside routing_key_file; leave one"),
        (Entry("pagerduty", routing_key="abc"), "routing_key has 3 characters; one of PagerDuty's has 32"),
        (Entry("pagerduty", routing_key=KEY, routingkey="x"), "routingkey is no key of it. Did you mean routing_key?"),
        (Entry("pagerduty", service_key=KEY), "service_key is of Events API v1"),
        (Entry("pagerduty", routing_key=KEY, url="events.pagerduty.com"), "url: no address of HTTP"),
        (Entry("webhook"), "url or url_file is missing"),
        (Entry("webhook", url="https://h", timeout="soon"), "timeout: no duration, as 10s or 1h30m"),
        (Entry("webhook", url="https://h", timeout="2m"), "timeout: Input should be less than or equal to 60"),
        (Entry("slack"), "api_url or token is missing"),
        (Entry("slack", token="t"), "channel is missing, which a token wants"),
        (Entry("jira", project="OPS", issue_type="Task"), "api_url: Field required"),
        (GOOD["jira"].__class__("jira", **{**GOOD["jira"].settings, "project": "{{ .x }}"}), "project is a template"),
        (Entry("opsgenie", api_key="k", responders=[{"type": "team"}]), "id or name or username is missing"),
        (Entry("email", **{**GOOD["email"].settings, "to": "nobody"}), "to: no address of mail"),
        (Entry("email", **{**GOOD["email"].settings, "smarthost": "mail"}), "smarthost: String should match"),
        (Entry("webhook", url="https://h", http_config={"bearer": "x"}), "http_config.bearer: Extra inputs"),
    ],
)  # fmt: skip
def test_what_cannot_hold_is_refused_with_receiver_and_key(entry: Entry, said: str) -> None:
    text = refusal(entry)
    assert text.startswith(f"receiver page, {entry.kind}[0]: ")
    assert said in text


def test_an_error_repeats_no_secret() -> None:
    text = refusal(Entry("webhook", url="ftp://user:hidden@example.com", secret="hidden"))
    assert "hidden" not in text
    assert "hidden" not in refusal(Entry("pagerduty", routing_key="hidden"))


def test_templates_and_what_else_means_nothing_here_is_named() -> None:
    entry = Entry(
        "pagerduty",
        routing_key=KEY,
        description='{{ template "x" . }}',
        severity="critical",
        details={"firing": "{{ .Alerts }}", "team": "sre"},
        send_resolved=True,
    )
    found = settings_for(entry, "here")
    assert found.unused_keys() == ("description", "details.firing", "severity")
    assert found.model_dump()["details"] == {"team": "sre"}
    teams = [{"type": "team", "name": "{{ .CommonLabels.team }}"}, {"type": "team", "name": "sre"}]
    genie = settings_for(Entry("opsgenie", api_key="k", responders=teams, priority="{{ .x }}"), "here")
    assert genie.unused_keys() == ("priority", "responders[0]")
    assert [one["name"] for one in genie.model_dump()["responders"]] == ["sre"]


def test_files_of_secrets_are_looked_for_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k1")
    found = settings_for(Entry("opsgenie", api_key_file="key"), "here", tmp_path).model_dump()
    assert secret(None, found["api_key_file"], "api_key") == "k1"
    nested = {"basic_auth": {"username": "u", "password_file": "/run/secrets/p"}, "tls_config": {"ca_file": "ca.pem"}}
    http = settings_for(Entry("webhook", url="https://h", http_config=nested), "here", tmp_path).model_dump()
    assert http["http_config"]["basic_auth"]["password_file"] == Path("/run/secrets/p")
    assert http["http_config"]["tls_config"]["ca_file"] == tmp_path / "ca.pem"


def test_a_token_of_slack_is_read_where_alertmanager_has_it() -> None:
    found = settings_for(
        Entry(
            "slack",
            api_url="https://slack.com/api/chat.postMessage",
            channel="C1",
            http_config={"authorization": {"credentials": "xoxb-1"}},
        ),
        "here",
    ).model_dump()
    assert found["token"].get_secret_value() == "xoxb-1"
    assert (found["web_api_url"], found["api_url"]) == ("https://slack.com/api", None)


def test_a_secret_is_read_anew_each_time_and_its_absence_is_said(tmp_path: Path) -> None:
    file = tmp_path / "key"
    with pytest.raises(SecretUnreadableError, match="cannot read api_key_file: No such file"):
        secret(None, file, "api_key")
    file.write_text("one\n")
    assert secret(None, file, "api_key") == "one"
    file.write_text("two")
    assert secret(SecretStr("ignored"), file, "api_key") == "two"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(SecretUnreadableError, match="not text"):
        secret(None, file, "api_key")
    file.write_text("")
    with pytest.raises(SecretUnreadableError, match="no line of plain signs"):
        secret(None, file, "api_key")


@pytest.mark.parametrize(("text", "expected"), [("0", 0.0), ("1d", 86_400.0), ("1w2d", 777_600.0), ("1h0m", 3600.0)])
def test_durations_are_those_of_prometheus(text: str, expected: float) -> None:
    assert duration_s(text) == expected


@pytest.mark.parametrize("text", ["", "1", "m", "1m1h", "1.5h", "-1s", "1 h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        duration_s(text)
