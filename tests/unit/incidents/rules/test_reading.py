"""Rules are read from YAML, and whatever cannot hold is told with its line."""

from __future__ import annotations

import pytest

from incidents.rules.library import RuleFile, read_rule_library
from incidents.rules.reading import read_rules
from incidents.rules.spec import Bound

RULE = """\
rules:
  - name: slow
    on: anomaly
    match:
      select: '{service=~"web|api"}'
      signal: [latency]
      kinds: spike
      direction: up
      entity: service
    condition: {ratio_to_usual: "> 1.5", observed: {op: ">=", value: -2}}
    min_score: 1
    for: 1m30s
    then:
      priority: P1
      role: symptom
      labels: {team: "{labels.service}"}
      annotations: {impact: "{ratio} times"}
      runbook: service-latency
"""


def test_every_field_is_read() -> None:
    reading = read_rules(RULE, "a.yaml", "shop")
    assert reading.problems == []
    (placed,) = reading.placed
    rule = placed.rule
    assert (placed.place, rule.name, rule.tenant, rule.for_s, rule.min_score) == ("a.yaml:2", "slow", "shop", 90, 1)
    assert rule.condition.bounds() == {
        "ratio_to_usual": Bound(op=">", value=1.5),
        "observed": Bound(op=">=", value=-2),
    }
    assert (rule.match.signal, rule.match.kinds, rule.match.entity) == (("latency",), ("spike",), ("service",))
    assert (rule.then.priority, rule.then.role, rule.then.runbook) == ("P1", "symptom", "service-latency")


def test_a_files_own_tenant_counts_before_that_of_its_folder() -> None:
    assert read_rules("tenant: bank\n" + RULE, "a.yaml", "shop").placed[0].rule.tenant == "bank"


CHANGES = {
    "an unknown field is named with what was meant": (
        "min_score",
        "min_scor",
        "a.yaml:11: rules[0].min_scor: there is no such field. Did you mean min_score?",
    ),
    "a missing name": ("- name: slow\n    on", "- on", "a.yaml:2: rules[0]: name is missing. Add name"),
    "a name with a dash": ("name: slow", "name: slo-w", "'slo-w' is no name"),
    "another source": (
        "on: anomaly",
        "on: anomalies",
        "'anomalies' is none of anomaly, slo, posted. Did you mean anomaly?",
    ),
    "a selector that is none": ("web|api", "web|api(", "a.yaml:5: rules[0].match.select: not a regular expression"),
    "a pattern that may take for ever": (
        "web|api",
        "(a+)+",
        "a repetition of a repetition or a choice may take for ever",
    ),
    "another signal": ("[latency]", "[latncy]", "a.yaml:6: rules[0].match.signal[0]: 'latncy' is none of"),
    "an empty list": ("[latency]", "[]", "the list is empty"),
    "a kind of objectives": ("kinds: spike", "kinds: burn", "'burn' is none of spike"),
    "a comparison that is none": ("> 1.5", "1.5", "'1.5' is no comparison. Write it like \"> 1.5\""),
    "an operator that is none": ('op: ">="', 'op: "=="', "'==' is none of"),
    "a length of time that is none": ("1m30s", "soon", "'soon' is no length of time. Write it like 30s, 5m or 1h30m"),
    "too long a time": ("1m30s", "99999d", "less than or equal to 315360000"),
    "another priority": ("P1", "P7", "'P7' is none of P0, P1, P2, P3"),
    "another role": ("role: symptom", "role: culprit", "'culprit' is none of symptom, cause"),
    "a field in braces that is none": (
        "{ratio} times",
        "{ratios} times",
        "there is no field {ratios}. Known here: alertname",
    ),
    "a brace that stands alone": ("{ratio} times", "{ratio times", "a { stands alone; double it to write one"),
    "a label that is the alert's identity": (
        "{team:",
        "{alertname:",
        "alertname is the alert's identity, and no rule changes it",
    ),
    "a label that is no name": ("{team:", "{te-am:", "'te-am' is no label's name"),
    "a score that is none": ("min_score: 1", "min_score: high", "a number is wanted, not 'high'"),
    "a score below zero": ("min_score: 1", "min_score: -1", "greater than or equal to 0"),
    "a score of what is counted": ("on: anomaly", "on: slo", "'spike' is none of burn, budget, sla, no_data"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_cannot_hold_is_told_with_its_line(change: str) -> None:
    old, new, said = CHANGES[change]
    assert old in RULE
    reading = read_rules(RULE.replace(old, new), "a.yaml")
    assert reading.placed == []
    assert [said in str(one) for one in reading.problems] == [True], reading.problems


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a.yaml:1: there is no rule in it"),
        ("rules: []", "a.yaml:1: rules: the list is empty"),
        ("rules: [a", "a.yaml:1: not YAML"),
        ("rules: [{name: a, on: posted, then: {role: cause}, match: {kinds: [spike]}}]", "has no kind"),
        ("rules: [{name: a, on: posted, then: {role: cause}, condition: {observed: '> 1'}}]", "brings no numbers"),
        ("rules: [{name: a, on: slo, then: {role: cause}, min_score: 1}]", "only an anomaly has a score"),
        ("rules: [{name: a, on: slo, then: {}}]", "nothing follows"),
    ],
)
def test_what_holds_nothing_or_cannot_be_asked_is_told(text: str, said: str) -> None:
    (problem,) = read_rules(text, "a.yaml").problems
    assert said in str(problem)


def test_a_good_rule_beside_a_bad_one_is_read_and_both_lines_are_told() -> None:
    good, bad = "{name: good, on: slo, then: {role: cause}}", "{name: 1bad, on: slo, then: {role: cause}}"
    text = f"rules:\n  - {good}\n  - {bad}\n  - 5\n"
    reading = read_rules(text, "a.yaml")
    assert [one.rule.name for one in reading.placed] == ["good"]
    assert [one.line for one in reading.problems] == [3, 4]


def test_a_file_with_a_bad_rule_is_refused_whole_and_the_others_hold() -> None:
    bad = b"rules:\n  - {name: one, on: slo, then: {role: cause}}\n  - {name: two, on: slo}\n"
    found = read_rule_library([RuleFile("b.yaml", bad), RuleFile("a.yaml", RULE.encode()), RuleFile("c.yaml", None)])
    assert [one.rule.name for one in found.placed] == ["slow"]
    assert [one.where for one in found.problems] == ["b.yaml:3", "c.yaml:1"]


def test_a_name_that_stands_twice_is_refused_with_the_later_file_but_not_another_tenants() -> None:
    files = [
        RuleFile("a.yaml", RULE.encode()),
        RuleFile("b.yaml", RULE.encode()),
        RuleFile("c.yaml", RULE.encode(), "x"),
    ]
    found = read_rule_library(files)
    assert [one.file for one in found.placed] == ["c.yaml", "a.yaml"]
    assert [str(one) for one in found.problems] == [
        "b.yaml:2: a second rule slow; the first stands at a.yaml:2. Rename one of them"
    ]


def test_a_rule_of_a_shipped_ones_name_replaces_it_and_is_asked_first() -> None:
    shipped = read_rules(
        "rules: [{name: last, on: slo, then: {role: cause}}, {name: slow, on: slo, then: {role: cause}}]", "s"
    )
    found = read_rule_library([RuleFile("a.yaml", RULE.encode())], shipped.placed)
    assert [(one.rule.name, one.file) for one in found.placed] == [("slow", "a.yaml"), ("last", "s")]


def test_all_that_is_wrong_with_a_file_is_told_at_once() -> None:
    rule = "{name: %s, on: slo, then: {role: %s}}"
    text = "\n".join(["rules:", *(f"  - {rule % one}" for one in [("a", "cause"), ("b", "cause"), ("c", "bad")])])
    found = read_rule_library([RuleFile("a.yaml", text.encode())])
    assert found.placed == ()
    assert [(one.line, "never speaks" in str(one)) for one in found.problems] == [(4, False), (3, True)]


def test_a_shipped_rule_that_yours_covers_is_no_problem() -> None:
    shipped = read_rules("rules: [{name: last, on: anomaly, match: {signal: latency}, then: {role: cause}}]", "s")
    wide = b"rules: [{name: all, on: anomaly, then: {role: cause}}]"
    assert read_rule_library([RuleFile("a.yaml", wide)], shipped.placed).problems == ()
