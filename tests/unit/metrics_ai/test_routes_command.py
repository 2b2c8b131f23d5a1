"""``metrics-ai routes``: exit codes, lines for people, JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from incidents.routing.config import RoutingConfig
from incidents.routing.settings import RoutingSettings
from metrics_ai.cli import app
from metrics_ai.routing_files import RoutingFile
from schemas.errors import ConfigurationError

ROUTES = """route:
  receiver: log
  group_by: [incident_id]
  routes:
  - matchers: [team=db]
    receiver: db
    continue: true
    group_wait: 1m
    mute_time_intervals: [weekend]
  - matchers: [severity=critical]
    receiver: page
  - matchers: [severity=warning]
receivers:
- name: log
- name: db
  webhook_configs: [{url: 'http://localhost/secret'}]
  digest: 1h
- name: page
  pagerduty_configs: [{routing_key: secret0123456789abcdef0123456789}]
  escalation: {after: [15m], receivers: [db]}
time_intervals:
- name: weekend
  time_intervals: [{weekdays: [saturday, sunday], location: Europe/Berlin}]
teams:
- name: db
"""
SATURDAY = "2026-11-28T12:00Z"


def run(*arguments: str, **environment: str) -> Result:
    env = {"COLUMNS": "200", "METRICS_AI_CONFIG": None, **environment}
    return CliRunner().invoke(app, ["routes", *arguments], env=env)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "alerting.yaml"
    path.write_text(ROUTES)
    return str(path)


def test_a_test_says_where_an_alert_goes_when_and_why(file: str) -> None:
    result = run("test", "-l", "team=db", "-l", "severity=critical", "--at", SATURDAY, "--file", file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.replace(file, "F").splitlines() == [
        'alert     {severity="critical", team="db"}',
        "at        2026-11-28T12:00:00Z",
        "team      db",
        "",
        "receiver  db  (webhook[0]; digest every 1h)",
        "now       waits until 2026-11-29T23:00:00Z, when weekend no longer mutes it",
        'route     {}/{team="db"}  (F:5)',
        'group     {}/{team="db"}:{}',
        "waits     1m for others to join (P0 not at all), 5m between changes, 4h before it is repeated",
        "why       {} takes every alert  (F:1)",
        '          also {severity="critical"}  (F:10)',
        '          {team="db"} holds  (F:5)',
        '          not looked at: {severity="warning"}',
        "",
        "receiver  page  (pagerduty[0]; escalates to db after 15m)",
        "now       tells",
        'route     {}/{severity="critical"}  (F:10)',
        'group     {}/{severity="critical"}:{}',
        "waits     30s for others to join (P0 not at all), 5m between changes, 4h before it is repeated",
        "why       {} takes every alert  (F:1)",
        '          also {team="db"}  (F:5)',
        '          {severity="critical"} holds  (F:10)',
        '          not looked at: {severity="warning"}',
    ]


def test_a_test_that_no_route_fits_names_what_each_of_them_wants(file: str) -> None:
    lines = run("test", "-l", "severity=info", "--file", file).stdout.replace(file, "F").splitlines()
    assert "receiver  log  (tells nobody)" in lines
    assert '          not {severity="critical"}: severity="critical", but it is "info"  (F:10)' in lines


def test_a_test_as_json_has_what_the_lines_have(file: str) -> None:
    said = json.loads(run("test", "-l", "team=db", "--at", SATURDAY, "--file", file, "--json").stdout)
    (route,) = said.pop("routes")
    assert said == {"labels": {"team": "db"}, "at_ms": 1_795_867_200_000, "team": "db", "file": file}
    assert (route["receiver"], route["told_by"], route["muted_by"], route["opens_ms"]) == (
        "db",
        ["webhook[0]"],
        ["weekend"],
        1_795_993_200_000,
    )
    others = route["steps"][1]["others"]
    failed = [{"matcher": 'severity="critical"', "value": ""}]
    assert others[0] == {"matchers": '{severity="critical"}', "line": 10, "failed": failed}


@pytest.mark.parametrize(("expected", "status"), [("db,page", 0), ("page,db", 1), ("db", 1)])
def test_an_expectation_that_is_not_met_ends_with_1(file: str, expected: str, status: int) -> None:
    arguments = ["test", "-l", "team=db", "-l", "severity=critical", "--file", file, "--expect", expected]
    result = run(*arguments)
    assert result.exit_code == status
    assert result.stderr == ("" if status == 0 else f"metrics-ai: it goes to db,page, not to {expected}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-l", "team"], "--label 'team' is not NAME=VALUE"),
        (["--at", "noon"], "--at 'noon' is no time"),
        (["--file", "nowhere.yaml"], "nowhere.yaml: cannot be read (No such file or directory)"),
    ],
)
def test_what_cannot_be_asked_ends_with_2(arguments: list[str], said: str) -> None:
    result = run("test", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_tree_is_drawn_without_secrets(file: str) -> None:
    result = run("show", "--file", file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.replace(file, "F").splitlines() == [
        "F: {} -> log  (tells nobody)  group by incident_id  group_wait 30s  group_interval 5m  repeat_interval 4h",
        '├── {team="db"} -> db  (webhook[0]; digest every 1h)  continue  group_wait 1m  not in weekend',
        '├── {severity="critical"} -> page  (pagerduty[0]; escalates to db after 15m)',
        '└── {severity="warning"} -> log  (tells nobody)',
    ]
    public = run("show", "--file", file, "--json").stdout
    assert "secret" not in public
    assert RoutingConfig.from_public(json.loads(public)).root.receiver == "log"


def test_the_configured_file_is_asked_where_none_is_named(file: str, tmp_path: Path) -> None:
    settings = tmp_path / "metrics-ai.yaml"
    settings.write_text(f"routing: {{file: {file}}}\n")
    assert run("show", "--config", str(settings)).stdout.startswith(f"{file}: ")
    assert run("show", METRICS_AI__ROUTING__FILE=file).stdout.startswith(f"{file}: ")
    assert run("show").stdout.startswith("shipped/alerting.yaml: ")


def test_a_good_file_is_fine_and_what_does_nothing_is_named(file: str) -> None:
    path = Path(file)
    path.write_text(path.read_text().replace("- name: log\n", "- name: log\n  sns_configs: [{topic_arn: a}]\n"))
    result = run("check", file)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.replace(file, "F").splitlines() == [
        (
            "does nothing here: F:15: receivers[0].sns_configs[0]: sns is not spoken here, so nothing is told. "
            "Tell it by webhook_configs"
        ),
        "F: 4 routes, 3 receivers: fine",
    ]
    said = json.loads(run("check", file, "--json").stdout)
    assert (said["problems"], [one["where"] for one in said["unsupported"]]) == ([], [f"{file}:15"])


def test_every_problem_of_a_file_is_named_and_ends_with_1(file: str) -> None:
    path = Path(file)
    path.write_text(path.read_text().replace("receiver: page", "receiver: pages").replace("1m", "soon"))
    result = run("check", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert [line.split(": ")[0].removeprefix(file) for line in result.stderr.splitlines()] == [":8", ":11"]
    assert run("show", "--file", file).exit_code == 2
    assert "(1 more: metrics-ai routes check" in run("show", "--file", file).stderr


def test_settings_of_an_integration_that_cannot_hold_are_named_with_their_line(file: str) -> None:
    path = Path(file)
    text = path.read_text().replace("routing_key: secret", "routing_key: short").replace("http://localhost", "ftp://x")
    path.write_text(text.replace("digest: 1h", "slack_configs: [{api_url_file: slack, chanel: a}]\n  digest: 1h"))
    result = run("check", file)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.replace(file, "F").splitlines() == [
        "F:16: receiver db, webhook[0]: url: no address of HTTP. Correct the receiver",
        "F:17: receiver db, slack[0]: chanel is no key of it. Did you mean channel?",
        (
            "F:20: receiver page, pagerduty[0]: routing_key has 31 characters; one of PagerDuty's has 32. "
            "Correct the receiver"
        ),
    ]
    assert len(json.loads(run("check", file, "--json").stdout)["problems"]) == 3


def test_keys_of_an_integration_that_mean_nothing_here_are_named_and_no_problem(file: str) -> None:
    path = Path(file)
    slack = "slack_configs: [{api_url_file: not/there, title: '{{ .Title }}', text: x}]"
    path.write_text(path.read_text().replace("digest: 1h", f"{slack}\n  digest: 1h"))
    result = run("check", file)
    assert (result.exit_code, result.stderr) == (0, "")
    note, fine = result.stdout.replace(file, "F").splitlines()
    assert note.startswith("does nothing here: F:17: receiver db, slack[0]: text, title mean nothing here. ")
    assert fine.endswith(": fine")


def test_config_check_names_a_file_of_routes_that_is_missing(tmp_path: Path) -> None:
    settings = tmp_path / "metrics-ai.yaml"
    settings.write_text("routing:\n  file: nowhere.yaml\n")
    result = CliRunner().invoke(app, ["config", "check", str(settings)], env={"METRICS_AI_CONFIG": None})
    assert result.exit_code != 0
    assert "routing.file: nowhere.yaml is no file that can be read" in result.output


def test_a_file_that_changes_is_in_force_whole_or_not_at_all(file: str) -> None:
    path = Path(file)
    watched = RoutingFile(RoutingSettings(file=path))
    first = watched.config
    assert not watched.look()
    path.write_text(ROUTES.replace("receiver: log", "receiver: logs").replace("1m", "2m"))
    assert not watched.look()
    assert watched.config is first
    assert [str(one).split(": ")[0] for one in watched.problems] == [f"{file}:2"]
    path.unlink()
    assert not watched.look()
    assert "cannot be read" in str(watched.problems[0])
    path.write_text(ROUTES.replace("routing_key: secret", "routing_key: other0"))
    assert watched.look()
    assert watched.config.receivers["page"].integrations[0].settings["routing_key"].startswith("other0")
    assert (watched.problems, watched.look()) == ([], False)


def test_nobody_starts_with_a_file_that_does_not_hold(file: str) -> None:
    Path(file).write_text("route: {receiver: nobody}")
    with pytest.raises(ConfigurationError, match="receivers is missing"):
        RoutingFile(RoutingSettings(file=Path(file)))
