"""Tests of rules: how they are read, how they fail, and that those of the shipped rules pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from incidents.rules import library
from incidents.rules.book import RuleBook
from incidents.rules.reading import read_rules
from incidents.rules.shadow import shadowed
from incidents.rules.trials import read_trials
from incidents.rules.trying import try_rules
from metrics_ai.rule_files import rules_and_trials, shipped_alert_rules
from metrics_ai.runbook_files import shipped_runbooks
from metrics_ai.slo_files import shipped_files
from models.shipped_rules import SHIPPED_RULES
from runbooks.library import Library
from tests.unit.incidents.rules.states import rule

FILES = sorted((Path(__file__).parent / "shipped").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_shipped_rules_pass_their_tests(path: Path) -> None:
    book, files, problems = rules_and_trials(path)
    assert problems == []
    results = [result for one in files for result in try_rules(book, one.trials)]
    assert results
    assert [(one.trial.name, one.differences) for one in results if not one.passed] == []


def test_every_shipped_rule_holds_can_speak_and_is_tried() -> None:
    for path in shipped_files(library):
        assert read_rules(path.read_bytes(), path.name).problems == []
    assert shadowed(shipped_alert_rules()) == []
    heard = set()
    for path in FILES:
        book, files, _ = rules_and_trials(path)
        episodes = [states for one in files for trial in one.trials for states in trial.episodes]
        heard |= {book.judge(state).rule for states in episodes for state in states}
    assert {one.rule.name for one in shipped_alert_rules()} <= heard


def test_every_shipped_rule_names_runbooks_and_threshold_rules_that_there_are() -> None:
    known = Library({one.runbook.id: one for one in shipped_runbooks()}).placed
    thresholds = {one.name for one in SHIPPED_RULES}
    for one in shipped_alert_rules():
        assert one.rule.then.runbook in {"", *known}
        assert set(one.rule.match.alertname) <= thresholds


def test_every_threshold_rule_that_ships_and_tells_of_a_host_or_a_cluster_has_a_role() -> None:
    named = {name for one in shipped_alert_rules() for name in one.rule.match.alertname}
    assert {one.name for one in SHIPPED_RULES if one.priority != "P3"} - named == set()


TEST = """\
rules: [shipped]
tests:
  - name: one
    tenant: shop
    events:
      - {metric: cpu, labels: {node: h1}, rule: oom_kill, at: 1m}
      - {metric: cpu, labels: {node: h1}, rule: oom_kill, at: 2m, state: end}
      - {on: slo, slo: checkout, alert: page-slow, burn_rate: 7, at: 0s}
      - {on: posted, labels: {alertname: Down, node: h1}, priority: P1, severity: critical, at: 0s}
    expect:
      - {alertname: oom_kill, priority: P0}
      - {alertname: SloBurn, priority: P1}
      - {alertname: Down, priority: P1}
"""


def test_states_of_one_series_are_one_episode_and_a_threshold_rule_brings_what_it_says() -> None:
    files, problems = read_trials(TEST.encode(), "t.yaml", SHIPPED_RULES)
    assert problems == []
    (trial,) = files[0].trials
    assert [[one.at_ms - trial.episodes[0][0].started_ms for one in states] for states in trial.episodes[:1]] == [
        [0, 60_000]
    ]
    oom, burn, down = (states[0] for states in trial.episodes)
    assert (oom.safety, oom.severity, trial.episodes[0][1].ended, oom.tenant) == (True, "critical", True, "shop")
    assert (burn.on, burn.priority, burn.numbers["burn_rate"]) == ("slo", "P1", 7.0)
    assert (down.alertname, down.severity, down.entity) == ("Down", "critical", "node:h1")
    assert [one.differences for one in try_rules(RuleBook([]), files[0].trials)] == [[]]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("priority: P0", "priority: P3", "oom_kill: priority is P0, not P3"),
        ("priority: P0", "role: symptom", "oom_kill: role is none, not symptom"),
        ("priority: P0", "labels: {team: a}", "oom_kill: label team is 'none', not 'a'"),
        ("priority: P0", "annotations: {impact: bad}", "oom_kill: annotation impact is 'none', not 'bad'"),
        ("priority: P0", "runbook: x", "oom_kill: runbook is none, not x"),
        ("alertname: Down", "alertname: Other", "Down: was not expected (P1, rule none)"),
    ],
)
def test_what_is_not_as_expected_is_told(old: str, new: str, said: str) -> None:
    at = TEST.rindex(old) if "alertname" in old else TEST.index(old)
    files, _ = read_trials((TEST[:at] + new + TEST[at + len(old) :]).encode(), "t.yaml", SHIPPED_RULES)
    (result,) = try_rules(RuleBook([]), files[0].trials)
    assert not result.passed
    assert said in result.differences


def test_an_alert_that_does_not_come_is_told_with_those_that_do() -> None:
    files, _ = read_trials(TEST.replace("{alertname: Down, p", "{alertname: Up, p").encode(), "t.yaml", SHIPPED_RULES)
    (result,) = try_rules(RuleBook([rule()]), files[0].trials)
    assert result.differences[0] == "Up: there is no such alert, only Down"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("metric: cpu, ", "", "t.yaml:6: tests[0].events[0]: metric is missing"),
        ("at: 1m", "at: soon", "t.yaml:6: tests[0].events[0].at: 'soon' is no length of time"),
        ("on: slo", "on: sloo", "is none of anomaly, slo, posted"),
        ("burn_rate", "burnrate", "there is no such field. Did you mean burn_rate?"),
        ("severity: critical", "severity: bad", "'bad' is none of info, warning, critical"),
        ("rules: [shipped]", "rules: []", "t.yaml:1: rules: the list is empty"),
        ("  - name: one\n    tenant: shop\n    events", "  - events", "name is missing"),
    ],
)
def test_a_test_that_cannot_be_read_is_told_with_its_line(old: str, new: str, said: str) -> None:
    files, problems = read_trials(TEST.replace(old, new, 1).encode(), "t.yaml", SHIPPED_RULES)
    assert files == []
    assert [said in str(one) for one in problems] == [True], problems


def test_a_number_that_an_event_cannot_have_is_told() -> None:
    text = TEST.replace("at: 1m}", "at: 1m, confidence: 7}")
    assert "confidence: Input should be less than or equal to 1" in str(read_trials(text.encode(), "t.yaml")[1][0])
