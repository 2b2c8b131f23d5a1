"""A file of routes is read whole or refused with every problem and its line."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from incidents.routing.config import RoutingConfig
from incidents.routing.reading import read_routing, routing_from
from incidents.routing.settings import FatigueSettings
from schemas.errors import ConfigurationError, SchemaError
from tests.unit.incidents.routing.texts import problems, routing

FULL = """
global:
  resolve_timeout: 10m
  smtp_smarthost: mail.example.org:587
  smtp_from: alerts@example.org
  smtp_auth_password: secret-of-smtp
  slack_api_url: https://hooks.example.org/secret-of-slack
  opsgenie_api_key: secret-of-opsgenie
  pagerduty_url: https://events.example.org/v2/enqueue
route:
  receiver: pager
  group_by: [incident_id]
  routes:
  - matchers: [priority=P1]
    receiver: day
    active_time_intervals: [business-hours]
    mute_time_intervals: [holidays]
receivers:
- name: pager
  pagerduty_configs:
  - routing_key: secret-of-pagerduty
    details: {team: db, count: 3, ratio: 0.5, wakes: true, phone: 0123}
  webhook_configs:
  - url: https://example.org/secret-of-webhook
    send_resolved: false
  log_configs: [{}]
  escalation: {after: [5m, 15m], receivers: [day, chat]}
  oncall: primary
- name: day
  email_configs: [{to: day@example.org}]
  opsgenie_configs: [{responders: [{name: db, type: team}]}]
  jsm_configs: [{api_url: 'https://api.example.org/', api_key: secret-of-jsm}]
  digest: 1h
- name: chat
  slack_configs:
  - channel: '#alerts'
  - token: xoxb-secret
    channel: C1
  jira_configs: [{api_url: 'https://jira.example.org/', project: OPS, issue_type: Task}]
time_intervals:
- name: business-hours
  time_intervals: [{weekdays: ['monday:friday'], times: [{start_time: '09:00', end_time: '17:00'}]}]
- name: nights
  time_intervals: [{times: [{start_time: '20:00', end_time: '24:00'}]}]
mute_time_intervals:
- name: holidays
  time_intervals: [{holidays: DE, location: Europe/Berlin}]
inhibit_rules:
- name: worse-first
  source_matchers: [severity=critical]
  target_match: {severity: warning}
  target_match_re: {alertname: 'Disk.*'}
  equal: [node, alertname]
teams:
- name: db
  matchers: ['service=~"mysql|redis"']
  business_hours: nights
  timezone: Asia/Tokyo
- name: shop
fatigue: {suppress_s: 600, flap_changes: 6, digest_priorities: [P3]}
schedules:
- {name: primary, ics: oncall/primary.ics, timezone: Europe/Berlin,
   fallback: day, overrides: [a.ics, b.ics], regions: eu}
"""


def test_a_whole_file_is_read() -> None:
    config = routing(FULL)
    assert config.resolve_timeout_ms == 600_000
    assert sorted(config.intervals) == ["business-hours", "holidays", "nights"]
    assert config.fatigue == FatigueSettings(suppress_s=600, flap_changes=6, digest_priorities=["P3"])
    (rule,) = config.inhibit_rules
    assert str(rule) == (
        'worse-first: {severity="critical"} over {alertname=~"^(?:Disk.*)$",severity="warning"}'
        " where node, alertname are equal"
    )
    (schedule,) = config.schedules
    assert (schedule.ics, schedule.timezone, schedule.fallback) == (("oncall/primary.ics",), "Europe/Berlin", "day")
    assert (schedule.overrides, schedule.regions) == (("a.ics", "b.ics"), ("eu",))
    assert [str(one.matchers[0]) for one in config.teams] == ['service=~"mysql|redis"', 'team="shop"']


def test_each_kind_tells_that_it_is_over_where_alertmanagers_does() -> None:
    config = routing(FULL)
    found = {one.name: one.send_resolved for receiver in config.receivers.values() for one in receiver.integrations}
    assert found == {
        "pagerduty[0]": True,
        "webhook[0]": False,
        "log[0]": True,
        "email[0]": False,
        "opsgenie[0]": True,
        "jsm[0]": True,
        "slack[0]": False,
        "slack[1]": False,
        "jira[0]": True,
    }


def test_what_global_says_is_filled_in_where_an_integration_says_nothing() -> None:
    config = routing(FULL)
    settings = {one.name: one.settings for receiver in config.receivers.values() for one in receiver.integrations}
    assert settings["email[0]"] == {
        "to": "day@example.org",
        "smarthost": "mail.example.org:587",
        "from": "alerts@example.org",
        "auth_password": "secret-of-smtp",
    }
    assert settings["slack[0]"]["api_url"] == "https://hooks.example.org/secret-of-slack"
    assert settings["slack[1]"] == {"token": "xoxb-secret", "channel": "C1"}
    assert settings["opsgenie[0]"]["api_key"] == "secret-of-opsgenie"
    assert settings["pagerduty[0]"]["url"] == "https://events.example.org/v2/enqueue"


def test_settings_keep_what_they_were_written_as() -> None:
    details = routing(FULL).receivers["pager"].integrations[0].settings["details"]
    assert details == {"team": "db", "count": 3, "ratio": 0.5, "wakes": True, "phone": "0123"}


def test_a_chain_of_escalation_has_a_receiver_for_each_wait() -> None:
    chain = routing(FULL).escalates_to("pager")
    assert [(after_ms, one.name) for after_ms, one in chain] == [(300_000, "day"), (900_000, "chat")]
    assert list(routing(FULL).escalates_to("day")) == []


def test_no_secret_is_public() -> None:
    config = routing(FULL)
    assert "secret" not in json.dumps(config.public())
    assert "secret" not in repr(config)


def test_what_is_public_reads_back_as_it_was() -> None:
    config = routing(FULL)
    assert RoutingConfig.from_public(json.loads(json.dumps(config.public()))) == config


@pytest.mark.parametrize("broken", [{}, {"route": []}, {"route": {}, "receivers": [{}]}])
def test_a_setting_that_is_no_routing_is_refused_as_bytes_from_outside(broken: dict[str, object]) -> None:
    with pytest.raises(SchemaError, match="not a routing setting"):
        RoutingConfig.from_public(broken)


BROKEN = """route:
  receiver: pagr
  group_by: [a, a]
  routes:
  - matchers: ['severity=~"("']
    group_wait: soon
    recever: pager
    active_time_intervals: [hours]
  - match: [x]
receivers:
- name: pager
  pagerduty_configs: [{}]
- name: pager
  email_configs: [{to: x@example.org}]
- webhook_configs: [{url: u, url_file: f}]
- name: other
  escalation: {after: [10m, 5m], receivers: [pager, nobody]}
  oncall: primary
  digest: 1
time_intervals:
- name: hour
  time_intervals: [{times: [{start_time: '9:00', end_time: '17:00'}], months: [13]}]
teams:
- {name: db, timezone: Mars}
fatigue: {flap_changes: 1, supress_s: 3}
schedules:
- {name: secondary}
inhibit_rule: []
"""
SAID = [
    "a.yaml:2: route.receiver: there is no receiver 'pagr'. Did you mean pager?",
    "a.yaml:3: route.group_by[1]: 'a' stands there twice. Keep one of them",
    (
        "a.yaml:5: route.routes[0].matchers[0]: missing ), unterminated subpattern at position 0. "
        "Write it in single quotes: 'severity=\"critical\"'"
    ),
    (
        "a.yaml:6: route.routes[0].group_wait: 'soon' is no duration. "
        "Write it like 5m, 1h30m or 500ms, the longest unit first"
    ),
    "a.yaml:7: route.routes[0].recever: there is no such field. Did you mean receiver?",
    "a.yaml:8: route.routes[0].active_time_intervals[0]: there is no time interval 'hours'. Did you mean hour?",
    "a.yaml:9: route.routes[1].match: a mapping is wanted, not a list. Write key: value",
    (
        "a.yaml:12: receivers[0].pagerduty_configs[0]: routing_key or routing_key_file or service_key or "
        "service_key_file is missing. Add routing_key"
    ),
    "a.yaml:13: receivers[1].name: the receiver 'pager' stands here and on line 11. Rename one of them",
    "a.yaml:15: receivers[2]: name is missing. Add name",
    "a.yaml:15: receivers[2].webhook_configs[0].url: it stands beside url_file. Keep one of them",
    (
        "a.yaml:17: receivers[3].escalation.after: the durations do not rise. "
        "Put the shortest first; all count from the first page"
    ),
    (
        "a.yaml:17: receivers[3].escalation.receivers[1]: there is no receiver 'nobody'. "
        "Define it, or use one of: pager, other"
    ),
    "a.yaml:18: receivers[3].oncall: there is no schedule 'primary'. Define it, or use one of: secondary",
    "a.yaml:19: receivers[3].digest: '1' is no duration. Write it like 5m, 1h30m or 500ms, the longest unit first",
    (
        "a.yaml:22: time_intervals[0].time_intervals[0].times[0].start_time: '9:00' is no time of day. "
        "Write it from '00:00' to '24:00'"
    ),
    (
        "a.yaml:22: time_intervals[0].time_intervals[0].months[0]: '13' is no month. "
        "Write its name, or its number from 1 to 12"
    ),
    "a.yaml:24: teams[0].timezone: no time zone is called Mars. Write one such as Europe/Berlin",
    (
        "a.yaml:25: fatigue.flap_changes: input should be greater than or equal to 2. "
        "It is: An alert that begins and ends so often in the window is flapping."
    ),
    "a.yaml:25: fatigue.supress_s: there is no such field. Did you mean suppress_s?",
    "a.yaml:27: schedules[0]: ics is missing. Add ics",
    "a.yaml:28: inhibit_rule: there is no such field. Did you mean inhibit_rules?",
]


def test_every_problem_is_told_at_once_with_its_line() -> None:
    assert sorted(problems(BROKEN)) == sorted(SAID)
    lines = [int(one.split(":")[1]) for one in problems(BROKEN)]
    assert lines == sorted(lines)


def test_where_a_file_has_to_hold_the_first_problem_is_told_and_how_many_there_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        routing_from(BROKEN, "a.yaml")
    assert str(caught.value) == (
        "a.yaml:2: route.receiver: there is no receiver 'pagr' (21 more: metrics-ai routes check a.yaml). "
        "Did you mean pager?"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a.yaml:1: there is no route in it. Write one, or remove the file"),
        ("a: [", "a.yaml:1: not YAML"),
        ("[]", "a.yaml:1: a mapping is wanted, not a list. Write key: value"),
        ("route: {receiver: a}\n---\nroute: {}", "a.yaml:3: a second document. Keep one document a file"),
        ("route: &r {receiver: a, routes: [*r]}", "the value of line 1 holds an alias of itself"),
        ('route: {receiver: a, routes: [{matchers: [{a="b"}]}]}', "YAML reads braces without quotes as a mapping"),
        ("route: {receiver: a, routes: x}", "route.routes: a list is wanted, not 'x'"),
    ],
)
def test_a_text_of_another_shape_is_told_in_a_line(text: str, said: str) -> None:
    assert any(said in one for one in problems(text))


def test_aliases_that_grow_without_end_are_refused() -> None:
    lines = ["x0: &x0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [f"x{at}: &x{at} [{', '.join([f'*x{at - 1}'] * 10)}]" for at in range(1, 9)]
    (said,) = problems("\n".join(lines))
    assert "values with all aliases, where 200000 are the most" in said


def test_merge_keys_bring_what_a_mapping_lacks() -> None:
    text = """
route: {receiver: a}
receivers:
- name: a
  webhook_configs:
  - &base {url: 'http://one/', max_alerts: 3, send_resolved: false}
  - {<<: *base, url: 'http://two/'}
  - {<<: [{max_alerts: 1}, *base], timeout: 5s}
"""
    found = routing(text).receivers["a"].integrations
    assert [one.send_resolved for one in found] == [False, False, False]
    assert [one.settings["url"] for one in found] == ["http://one/", "http://two/", "http://one/"]
    assert [one.settings["max_alerts"] for one in found] == [3, 3, 1]


def test_what_does_nothing_here_is_named_and_the_rest_is_read() -> None:
    text = """
route: {receiver: a}
templates: ['*.tmpl']
receivers:
- name: a
  pushover_configs: [{user_key: u, token: t}]
  webhook_configs: [{url: 'http://localhost/'}]
- name: b
  msteams_configs:
  - webhook_url: http://localhost/
"""
    config = routing(text)
    assert [one.name for one in config.receivers["a"].integrations] == ["webhook[0]"]
    assert [str(one) for one in config.unsupported] == [
        (
            "alerting.yaml:6: receivers[0].pushover_configs[0]: pushover is not spoken here, so nothing is told. "
            "Tell it by webhook_configs"
        ),
        (
            "alerting.yaml:10: receivers[1].msteams_configs[0]: msteams is not spoken here, so nothing is told. "
            "Tell it by webhook_configs"
        ),
        (
            "alerting.yaml:3: templates[0]: templates are not read. "
            "Texts are written here; a webhook's receiver may make its own"
        ),
    ]


def test_a_route_that_no_alert_reaches_is_named() -> None:
    text = """
route:
  receiver: a
  routes:
  - matchers: [x=1]
    continue: true
  - matchers: [x=1, y=2]
  - matchers: [y=2, x=1, z=3]
  - matchers: [y=2]
"""
    assert [str(one) for one in routing(text).unsupported] == [
        (
            "alerting.yaml:8: route.routes[2]: no alert comes here: the route of line 7 takes all that fit. "
            "Put this one before it, or give that one continue: true"
        )
    ]


def test_the_setting_that_brings_it_holds_from_a_time_on() -> None:
    setting = routing(FULL).setting(5000)
    assert (setting.subject, setting.valid_from_ms) == ("routing", 5000)
    assert RoutingConfig.from_public(setting.body) == routing(FULL)


TOKENS = st.sampled_from(
    [
        "route",
        "receiver",
        "receivers",
        "name",
        "a",
        ": ",
        "- ",
        "\n",
        "\n  ",
        "{",
        "}",
        "[",
        "]",
        "'",
        '"',
        "match",
        "&x ",
        "*x",
    ]
)


@settings(deadline=None)
@given(st.lists(TOKENS, max_size=40).map("".join))
def test_any_text_is_read_or_refused_with_a_line(text: str) -> None:
    reading = read_routing(text, "a.yaml")
    assert (reading.config is None) == bool(reading.problems)
    assert all(str(one).startswith("a.yaml:") for one in reading.problems)


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_with_a_line(content: bytes) -> None:
    assert all(str(one).startswith("a.yaml:") for one in read_routing(content, "a.yaml").problems)
